"""`soundstage check`: whether a dataset is there, whole and as it should be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundstage.cli.run import pairs
from soundstage.errors import SoundstageError

if TYPE_CHECKING:
    from soundstage.contracts import Finding


@click.command("check")
@click.argument("name")
@click.option("--data", multiple=True, callback=pairs, metavar="NAME=PATH", help="Where a dataset lies. Repeatable.")
@click.option(
    "--decode", is_flag=True, help="Also decode all audio: damage, and mixtures that are not their stems' sum."
)
@click.option("--registry", multiple=True, type=click.Path(path_type=Path), help="A TOML that extends the registry.")
def command(name: str, data: dict[str, Path], decode: bool, registry: tuple[Path, ...]) -> None:
    """Check the dataset NAME, or a variant of it: what is there, what is missing, which file is odd.

    Reads headers alone unless --decode is given. Exits with 1 where something is wrong.
    """
    from soundstage.catalogue.registry import Registry
    from soundstage.pipeline.dataset_check import check_dataset

    known = Registry.load(registry)
    known.set_roots(data)
    choice = known.choose("datasets", name)
    if choice.plugin.unusable():
        raise SoundstageError(f"dataset '{name}' {choice.plugin.unusable()}")
    wrong = 0
    for finding in check_dataset(choice.build(), choice.label, decode=decode):
        wrong += finding.wrong
        click.echo(_line(finding))
    if wrong:
        click.echo(f"{choice.label}: {wrong} {'thing is' if wrong == 1 else 'things are'} wrong")
        raise SystemExit(1)
    click.echo(f"{choice.label}: nothing is wrong" + ("" if decode else " in files and headers"))


def _line(finding: Finding) -> str:
    """The finding on a line of its own: what is wrong begins with where it is."""
    if not finding.wrong:
        return f"  {finding.text}"
    where = [f"track '{finding.track}'"] if finding.track else []
    where += [str(finding.file)] if finding.file else []
    return click.style("wrong ", fg="red") + (f"{', '.join(where)}: " if where else "") + finding.text
