"""`soundstage check`: whether a dataset is there, whole and as it should be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundstage.cli import completing
from soundstage.cli.options import added, data_roots, more_registry, toml_of
from soundstage.cli.saying import say
from soundstage.contracts import Kind
from soundstage.errors import SoundstageError, text_of

if TYPE_CHECKING:
    from soundstage.catalogue.registry import Registry
    from soundstage.contracts import Finding


@click.command("check")
@click.argument("name", shell_complete=completing.of_kind("datasets"))
@data_roots
@click.option(
    "--decode", is_flag=True, help="Also decode all audio: damage, and mixtures that are not their stems' sum."
)
@more_registry
def command(name: str, data: dict[str, Path], decode: bool, registry: tuple[Path, ...]) -> None:
    """Check the dataset NAME, or a variant of it: what is there, what is missing, which file is odd.

    NAME may be a TOML file of your own, for its grids' datasets or else those that it declares; or FILE.toml:GRID.

    Reads headers alone unless --decode is given. Exits with 1 where something is wrong.
    """
    from soundstage.catalogue.registry import Registry

    known = Registry.load(registry)
    file, wanted = toml_of(name)
    variants = [(name, None)] if file is None else _datasets(known, file, wanted)
    known.set_roots(data)
    wrong = [_check(known, variant, base, decode) for variant, base in variants]
    if any(wrong):
        raise SystemExit(1)


def _datasets(known: Registry, file: Path, wanted: str) -> list[tuple[str, Path | None]]:
    """The datasets of a TOML file's grids, or of the one wanted; those that it declares, where it has no grid. With
    each the folder that its relative paths start from."""
    from soundstage.planning.grid import find_grid

    declared, needed = added(known, file), list[Kind](["datasets"])
    grids = [wanted] if wanted else declared.get("grids", [])
    read = [find_grid(f"{file}:{grid}", known, needed) for grid in grids]
    found = dict.fromkeys((text, grid.base) for grid in read for text in grid.axes["datasets"])
    found = found or dict.fromkeys((name, None) for name in declared.get("datasets", []))
    if not found:
        raise SoundstageError(f"{file} has neither a grid nor a dataset to check; add [grids.NAME] or [datasets.NAME]")
    return list(found)


def _check(known: Registry, name: str, base: Path | None, decode: bool) -> bool:
    """Print what is found of a dataset; whether anything is wrong."""
    from soundstage.pipeline.ctrl_c import is_the_users, noted
    from soundstage.pipeline.dataset_check import check_dataset
    from soundstage.planning.built import with_remedy

    choice = known.choose("datasets", name, base)
    if choice.plugin.unusable():
        raise SoundstageError(f"dataset '{name}' {choice.plugin.unusable()}")
    with noted():
        try:
            dataset = choice.build()
        except SoundstageError as error:
            raise SoundstageError(f"dataset '{name}': {with_remedy(choice, str(error))}") from None
        except BaseException as error:
            if is_the_users(error):
                raise
            whose = f"dataset '{name}' of {choice.plugin.distribution}"
            raise SoundstageError(f"{whose} cannot be built: {type(error).__name__}: {text_of(error)}") from None
    wrong = 0
    for finding in check_dataset(dataset, choice.label, decode=decode):
        wrong += finding.wrong
        click.echo(_line(finding))
    if wrong:
        say(f"{choice.label}: {wrong} {'thing is' if wrong == 1 else 'things are'} wrong")
    else:
        say(f"{choice.label}: nothing is wrong" + ("" if decode else " in files and headers"))
    return bool(wrong)


def _line(finding: Finding) -> str:
    """The finding on a line of its own, which begins with where it is."""
    from soundstage.report.text import printable

    where = [f"track '{finding.track}'"] if finding.track else []
    where += [str(finding.file)] if finding.file else []
    text = printable((f"{', '.join(where)}: " if where else "") + finding.text)
    return click.style("wrong ", fg="red") + text if finding.wrong else f"  {text}"
