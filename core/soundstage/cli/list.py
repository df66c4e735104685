"""`soundstage list`: what there is, and whether it can be used here."""

from __future__ import annotations

from pathlib import Path

import click

from soundstage.contracts import KINDS


@click.command("list")
@click.argument("kind", required=False, type=click.Choice([*KINDS, "grids"]))
@click.option("--registry", multiple=True, type=click.Path(path_type=Path), help="A TOML that extends the registry.")
def command(kind: str | None, registry: tuple[Path, ...]) -> None:
    """List what is registered: what each is, and whether it can be used here."""
    from soundstage.registry import Registry

    known = Registry.load(registry)
    for section in [kind] if kind else [*KINDS, "grids"]:
        rows = _grids(known) if section == "grids" else _entries(known, section)
        click.secho(section, bold=True)
        width = max((len(name) for name, _, _ in rows), default=0)
        for name, summary, trouble in rows:
            click.echo(
                f"  {name:<{width}}  {summary}" + (click.style(f"  [{trouble}]", fg="yellow") if trouble else "")
            )
        if not kind:
            click.echo()
    for problem in known.catalogue.all_problems():
        click.secho(f"problem: {problem}", fg="red", err=True)


def _grids(known: object) -> list[tuple[str, str, str]]:
    grids = known.grids  # type: ignore[attr-defined]
    return [(name, str(table.get("summary", "")), "") for name, (table, _) in sorted(grids.items())]


def _entries(known: object, kind: str) -> list[tuple[str, str, str]]:
    from soundstage.errors import SoundstageError

    rows = []
    for name in known.names(kind):  # type: ignore[attr-defined]
        entry = known.entry(kind, name)  # type: ignore[attr-defined]
        try:
            plugin = known.catalogue.get(kind, entry.plugin)  # type: ignore[attr-defined]
        except SoundstageError as error:
            rows.append((name, entry.summary, str(error)))
            continue
        rows.append((name, entry.summary or plugin.summary, plugin.unusable() or _lacking(kind, name, plugin, entry)))
    return rows


def _lacking(kind: str, name: str, plugin: object, entry: object) -> str:
    """What a grid must still give it."""
    lacking = [parameter for parameter in plugin.required if parameter not in entry.params]  # type: ignore[attr-defined]
    if kind == "datasets" and "root" in lacking:
        return f"needs --data {name}=PATH"
    return f"needs {name}[{', '.join(f'{parameter}=…' for parameter in lacking)}]" if lacking else ""
