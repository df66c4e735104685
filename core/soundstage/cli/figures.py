"""`soundstage figures`: figures for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundstage.cli.options import each, only_metrics, printed_as, protocol, rank_by, results_folder, which_grid
from soundstage.cli.saying import say

if TYPE_CHECKING:
    from soundstage.report.figures.style import Format


@click.command("figures")
@results_folder
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Write the figures into this folder.")
@printed_as(("pdf", "svg", "png"), "What to write them as.")
@each("Figures", "one of each")
@only_metrics
@rank_by
@protocol()
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

    for file in write_figures(
        results, out, form, by=by, metrics=metrics, rank_by=rank_by, protocol=protocol, grid=grid
    ):
        say(f"{file} written")
