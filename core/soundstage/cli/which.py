"""`soundstage which`: which separators suit."""

from __future__ import annotations

from pathlib import Path

import click

from soundstage.cli import completing
from soundstage.cli.options import more_registry, printed_as, protocol, results_folder, tables, which_grid
from soundstage.cli.saying import say_document


@click.command("which")
@results_folder
@click.option("--source", default="", metavar="NAME", help="Of which the scores count, as vocals.  [default: all]")
@click.option("--device", type=click.Choice(["cpu", "cuda", "mps"]), help="Where separating was measured.")
@click.option("--below-real-time", is_flag=True, help="Separating takes less time than the audio lasts.")
@click.option(
    "--max-cost",
    type=click.FloatRange(min=0.0, min_open=True),
    metavar="X",
    help="At most X seconds of separating a second of audio.",
)
@click.option(
    "--licence",
    "licences",
    multiple=True,
    metavar="NAME",
    help="Code and weights under this licence, as MIT; any of several. Repeatable.",
)
@click.option(
    "--metric",
    shell_complete=completing.of_kind("metrics"),
    default="",
    help="Rank by this measure, or this metric's first.  [default: the leaderboard's]",
)
@protocol()
@click.option("--top", type=click.IntRange(min=1), metavar="N", help="The best N of each table.  [default: all]")
@tables
@printed_as(("table", "markdown", "json"))
@which_grid
@more_registry
def command(
    results: Path | str,
    source: str,
    device: str | None,
    below_real_time: bool,
    max_cost: float | None,
    licences: tuple[str, ...],
    metric: str,
    protocol: str,
    top: int | None,
    by: list[str] | None,
    form: str,
    grid: str,
    registry: tuple[Path, ...],
) -> None:
    """Say which separators of the folder RESULTS suit: best first, which cannot be told from the first, and why others
    are left out.

    They are compared on the scores that they share. What separating took is that of the machines that the results are
    of. Exits with 1 where none has what is asked for.
    """
    from soundstage.opened import ResultsFolder

    found = ResultsFolder(results, grid).which(
        source=source,
        device=device or "",
        below_real_time=below_real_time,
        max_cost=max_cost,
        licences=licences,
        metric=metric,
        protocol=protocol,
        top=top,
        by=by,
        registry=registry,
    )
    if form == "table":
        from soundstage.report.terminal import wide_console
        from soundstage.report.which import print_selection

        print_selection(found, wide_console())
    else:
        say_document(found.text("json" if form == "json" else "markdown"))
    if found.is_empty:
        raise SystemExit(1)
