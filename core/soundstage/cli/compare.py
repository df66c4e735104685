"""`soundstage compare`: one separator against another."""

from __future__ import annotations

from pathlib import Path

import click

from soundstage.cli import completing
from soundstage.cli.options import results_folder, safe_csv, tables, which_grid
from soundstage.cli.saying import say_document
from soundstage.leaderboard.protocols import DEFAULT

FORMATS = ("table", "csv", "json")


@click.command("compare")
@results_folder
@click.argument("one", shell_complete=completing.of_kind("separators"))
@click.argument("other", shell_complete=completing.of_kind("separators"))
@tables
@click.option(
    "--metric",
    "metrics",
    shell_complete=completing.of_kind("metrics"),
    multiple=True,
    help="Show only this metric or measure. Repeatable.",
)
@click.option(
    "--protocol",
    shell_complete=completing.protocols,
    default=DEFAULT,
    show_default=True,
    metavar="NAME",
    help="As for leaderboard.",
)
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print it."
)
@safe_csv
@which_grid
def command(
    results: Path | str,
    one: str,
    other: str,
    by: list[str] | None,
    metrics: tuple[str, ...],
    protocol: str,
    form: str,
    safe_csv: bool,
    grid: str,
) -> None:
    """Compare the separators ONE and OTHER of the folder RESULTS, song by song.

    Says by how much they differ in each measure and source, how surely, on which songs most, how many songs would show
    more, and where the variance comes from.
    """
    from soundstage.leaderboard.versus import versus
    from soundstage.report.versus import print_versus, versus_csv, versus_json
    from soundstage.results.loading import load_results

    groups = [] if by and [word.casefold() for word in by] == ["none"] else by
    found = versus(load_results(results, grid), one, other, by=groups, metrics=metrics, protocol=protocol)
    if form == "table":
        from soundstage.report.terminal import console

        page = console()
        print_versus(found, page if page.is_terminal else console(width=max(page.width, 160)))
    else:
        say_document(versus_csv(found, safe_csv) if form == "csv" else versus_json(found))
