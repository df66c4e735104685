"""`soundstage list`: what there is, and whether it can be used here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundstage.contracts import KINDS, Kind

if TYPE_CHECKING:
    from soundstage.catalogue.registry import Registry


USABLE = "usable"
"""Said of separators, which may lack much; of other plugins only what is missing is said."""

SECTIONS = (*KINDS, "grids", "published")


@click.command("list")
@click.argument("kind", required=False, type=click.Choice(SECTIONS))
@click.option("--registry", multiple=True, type=click.Path(path_type=Path), help="A TOML that extends the registry.")
def command(kind: str | None, registry: tuple[Path, ...]) -> None:
    """List what is registered: what each is, and whether it can be used here."""
    from soundstage.catalogue.registry import Registry

    known = Registry.load(registry)
    for section in [kind] if kind else SECTIONS:
        if section == "published":
            rows = _published()
        else:
            rows = _grids(known) if section == "grids" else _entries(known, section)  # type: ignore[arg-type]
        click.secho(section, bold=True)
        width = max((len(name) for name, _, _ in rows), default=0)
        for name, summary, trouble in rows:
            colour = "green" if trouble == USABLE else "yellow"
            click.echo(f"  {name:<{width}}  {summary}" + (click.style(f"  [{trouble}]", fg=colour) if trouble else ""))
        if not kind:
            click.echo()
    for problem in known.catalogue.all_problems():
        click.secho(f"problem: {problem}", fg="red", err=True)


def _grids(known: Registry) -> list[tuple[str, str, str]]:
    return [(name, str(table.get("summary", "")), "") for name, (table, _) in sorted(known.grids.items())]


def _published() -> list[tuple[str, str, str]]:
    from soundstage.leaderboard.published.tables import publications

    return [(one.name, one.title, "") for one in publications().values()]


def _entries(known: Registry, kind: Kind) -> list[tuple[str, str, str]]:
    from soundstage.errors import SoundstageError

    rows = []
    for name in known.names(kind):
        entry = known.entry(kind, name)
        try:
            lacking, later = known.unusable(entry), known.notice(entry)
        except SoundstageError as error:
            lacking, later = str(error), ""
        usable = USABLE if kind == "separators" and not lacking else ""
        rows.append((name, entry.summary, "; ".join(filter(None, (lacking or usable, later)))))
    return rows
