"""Options that several verbs have, and what makes values of their texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soundstage.cli import completing

if TYPE_CHECKING:
    from soundstage.catalogue.registry import Registry

Option = Callable[[Callable[..., Any]], Callable[..., Any]]


def folder(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """A click callback: the text, or each of several, as a path, or the URL as it stands."""
    from soundstage.results.files import location

    if isinstance(value, tuple):
        return tuple(location(one) for one in value)
    return None if value is None else location(value)


def words(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str] | None:
    """A comma-separated option as a list; None where it is not given."""
    return None if value is None else [word.strip() for word in value.split(",") if word.strip()]


def groups(context: click.Context, parameter: click.Parameter, value: str | None) -> list[str] | None:
    """What there is a table for each of: of words with commas between, nothing for `none`; None where not given."""
    found = words(context, parameter, value)
    return [] if found and [word.casefold() for word in found] == ["none"] else found


def pairs(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, Path]:
    """NAME=PATH options as a mapping."""
    found = {}
    for value in values:
        parts = re.fullmatch(r"([^=\[]+|[^\[]+\[.*?\](?::\w+)?)=(.+)", value, re.DOTALL)
        if not parts:
            raise click.BadParameter(f"'{value}' is not NAME=PATH")
        found[parts[1]] = Path(parts[2])
    return found


def default_folder(grid: str) -> Path:
    """Where the results of a grid, a name or a TOML file, go unless another folder is named."""
    return Path("results") / Path(grid.partition(".toml")[0]).name


results_folder = click.argument("results", callback=folder, shell_complete=completing.folders)


def each(what: str, of_all: str) -> Option:
    """`--by`. what: there is for each group; of_all: what there is where all is one group."""
    return click.option(
        "--by",
        callback=groups,
        shell_complete=completing.groups,
        metavar="WHAT,…",
        help=f"{what} for each source, spatializer, dataset, placement or seed; 'none' for {of_all}."
        "  [default: spatializer and placement, where there are several]",
    )


def protocol(told: str = "As for leaderboard.") -> Option:
    """`--protocol`."""
    from soundstage.leaderboard.protocols import DEFAULT  # which most verbs do not need

    return click.option(
        "--protocol",
        shell_complete=completing.protocols,
        default=DEFAULT,
        show_default=True,
        metavar="NAME",
        help=told,
    )


def device(told: str) -> Option:
    """`--device`, where models run."""
    return click.option("--device", shell_complete=completing.devices, default="auto", show_default=True, help=told)


def printed_as(forms: Sequence[str], told: str = "How to print it.") -> Option:
    """`--format`, of which the first is taken where none is named."""
    return click.option("--format", "form", type=click.Choice(forms), default=forms[0], show_default=True, help=told)


tables = each("A table", "one table")
only_metrics = click.option(
    "--metric",
    "metrics",
    shell_complete=completing.of_kind("metrics"),
    multiple=True,
    help="Only this metric or measure. Repeatable.",
)
rank_by = click.option(
    "--rank-by", default="", metavar="MEASURE", help="Rank by this measure.  [default: the first shown]"
)
published = click.option(
    "--published",
    shell_complete=completing.published,
    default="",
    metavar="NAME",
    help="Set a publication's rows beside these, out of ranks, with Δ: a name of `list published`, or a TOML.",
)
results_out = click.option(
    "--out", metavar="FOLDER", callback=folder, default=None, help="Results folder or URL.  [default: results/GRID]"
)
workers = click.option("--workers", default=1, show_default=True, help="Processes; 1 runs in this one.")
trust = click.option("--trust", is_flag=True, help="Run the scripts that the folder names, and load the files in it.")
which_grid = click.option(
    "--grid", default="", help="Which grid, by name or hash, where the folder holds several.  [default: newest]"
)
safe_csv = click.option(
    "--safe-csv", is_flag=True, help="In CSV, put ' before texts that a spreadsheet would take for a formula."
)


def toml_of(word: str) -> tuple[Path | None, str]:
    """The TOML file that a word names, and what it names in it: `study.toml`, or `study.toml:NAME`; else no file."""
    path, found, wanted = word.partition(".toml:")
    if found:
        return Path(f"{path}.toml"), wanted
    return (Path(word), "") if word.endswith(".toml") else (None, word)


def added(known: Registry, file: Path) -> dict[str, list[str]]:
    """The names that a TOML file declares, by its sections, once it has extended the registry."""
    from soundstage import toml

    table = toml.read(file)
    known.extend(table, str(file), file.absolute().parent)
    return {section: list(names) for section, names in table.items() if section not in ("defaults", "references")}


data_roots = click.option(
    "--data", multiple=True, callback=pairs, metavar="NAME=PATH", help="Where the files of an entry lie. Repeatable."
)
more_registry = click.option(
    "--registry", multiple=True, type=click.Path(path_type=Path), help="A TOML that extends the registry."
)
