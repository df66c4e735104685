"""`soundstage compare`: one separator against another."""

from __future__ import annotations

from pathlib import Path

import click

from soundstage.cli import completing
from soundstage.cli.options import only_metrics, printed_as, protocol, results_folder, safe_csv, tables, which_grid
from soundstage.cli.saying import say_document


@click.command("compare")
@results_folder
@click.argument("one", shell_complete=completing.of_kind("separators"))
@click.argument("other", shell_complete=completing.of_kind("separators"))
@tables
@only_metrics
@protocol()
@printed_as(("table", "csv", "json"))
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

    found = versus(load_results(results, grid), one, other, by=by, metrics=metrics, protocol=protocol)
    if form == "table":
        from soundstage.report.terminal import wide_console

        print_versus(found, wide_console())
    else:
        say_document(versus_csv(found, safe_csv) if form == "csv" else versus_json(found))
