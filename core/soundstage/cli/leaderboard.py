"""`soundstage leaderboard`: what was measured."""

from __future__ import annotations

from pathlib import Path

import click

from soundstage.cli import completing
from soundstage.cli.options import (
    only_metrics,
    printed_as,
    protocol,
    published,
    rank_by,
    results_folder,
    safe_csv,
    tables,
    which_grid,
)
from soundstage.cli.saying import say_document
from soundstage.leaderboard.protocols import PROTOCOLS


@click.command("leaderboard")
@results_folder
@tables
@only_metrics
@rank_by
@printed_as(("table", "markdown", "csv", "json", "latex"))
@safe_csv
@protocol("How scores become values: " + "; ".join(f"{name} ({how.summary})" for name, how in PROTOCOLS.items()) + ".")
@published
@click.option(
    "--over",
    shell_complete=completing.of_kind("separators"),
    default="",
    metavar="SEPARATOR",
    help="Show improvements over this separator's scores, as over mixture.",
)
@click.option(
    "--intervals", is_flag=True, help="Show each value's 95 % interval, not those of the ranking measure alone."
)
@click.option("--cost", is_flag=True, help="Set real-time factor and peak memory of separating beside.")
@which_grid
def command(
    results: Path | str,
    by: list[str] | None,
    metrics: tuple[str, ...],
    rank_by: str,
    form: str,
    safe_csv: bool,
    protocol: str,
    published: str,
    over: str,
    intervals: bool,
    cost: bool,
    grid: str,
) -> None:
    """Print the leaderboard of the folder RESULTS: one value a measure over tracks and sources, one row a separator.

    Every table ranks on the scores that all its entries have; floors, oracles and the ceiling stand apart.
    """
    from soundstage.leaderboard.build import make_leaderboard
    from soundstage.leaderboard.published.comparison import set_beside
    from soundstage.leaderboard.published.tables import find_publication
    from soundstage.results.loading import load_results

    publication = find_publication(published) if published else None
    loaded = load_results(results, grid)
    board = make_leaderboard(loaded, by=by, metrics=metrics, rank_by=rank_by, protocol=protocol, over=over, cost=cost)
    if publication is not None:
        board = set_beside(board, publication, loaded)
    if form == "table":
        from soundstage.report.terminal import print_board, wide_console

        print_board(board, wide_console(), intervals)
        return
    from soundstage.report import latex, plain

    if form == "latex":
        say_document(latex.format_latex(board, intervals))
    elif form == "csv":
        say_document(plain.format_csv(board, safe_csv))
    else:
        say_document(plain.format_markdown(board, intervals) if form == "markdown" else plain.format_json(board))
