"""`soundstage figures`: figures for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundstage.cli import completing
from soundstage.cli.options import results_folder, which_grid, words
from soundstage.cli.saying import say
from soundstage.leaderboard.protocols import DEFAULT

if TYPE_CHECKING:
    from soundstage.report.figures.style import Format

FORMATS = ("pdf", "svg", "png")


@click.command("figures")
@results_folder
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Write the figures into this folder.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="pdf", show_default=True, help="What to write them as."
)
@click.option(
    "--by",
    shell_complete=completing.groups,
    callback=words,
    metavar="WHAT,…",
    help="Figures for each source, spatializer, dataset, placement or seed; 'none' for one of each."
    "  [default: spatializer and placement, where there are several]",
)
@click.option(
    "--metric",
    "metrics",
    shell_complete=completing.of_kind("metrics"),
    multiple=True,
    help="Only this metric or measure. Repeatable.",
)
@click.option("--rank-by", default="", metavar="MEASURE", help="Rank by this measure.  [default: the first shown]")
@click.option(
    "--protocol",
    shell_complete=completing.protocols,
    default=DEFAULT,
    show_default=True,
    metavar="NAME",
    help="As for leaderboard.",
)
@which_grid
def command(
    results: Path | str,
    out: Path,
    form: Format,
    by: list[str] | None,
    metrics: tuple[str, ...],
    rank_by: str,
    protocol: str,
    grid: str,
) -> None:
    """Draw the results in the folder RESULTS for a paper: box plots a source and model, measures over azimuth, SSR
    against SDR, quality against cost, and critical differences of mean ranks."""
    from soundstage.report.figures.write import write_figures

    groups = [] if by and [word.casefold() for word in by] == ["none"] else by
    for file in write_figures(
        results, out, form, by=groups, metrics=metrics, rank_by=rank_by, protocol=protocol, grid=grid
    ):
        say(f"{file} written")
