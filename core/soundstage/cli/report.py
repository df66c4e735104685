"""`soundstage report`: results as pages to see, hear and argue from."""

from __future__ import annotations

from pathlib import Path

import click

from soundstage.cli.options import folder


@click.command("report")
@click.argument("results", callback=folder)
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="Where the report goes.")
@click.option("--rank-by", default="", metavar="MEASURE", help="Rank by this measure.  [default: the first]")
@click.option(
    "--published",
    default="",
    metavar="NAME",
    help="Set a publication's rows beside these, out of ranks, with Δ: a name of `list published`, or a TOML.",
)
@click.option(
    "--grid", default="", help="Which grid, by name or hash, where the folder holds several.  [default: newest]"
)
def command(results: Path | str, out: Path, rank_by: str, published: str, grid: str) -> None:
    """Make a report of the folder RESULTS: one folder of HTML that opens from disk, with no server and no network.

    A leaderboard that sorts and filters, and where each separator fails: by source, over azimuth, near other sources,
    against cost. Put the folder on any static host, or open its index.html.
    """
    from soundstage.report.html.page import MARK
    from soundstage.report.html.write import write_report

    again = (out / MARK).exists()
    page = write_report(results, out, rank_by=rank_by, published=published, grid=grid)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    click.echo(f"{'replaced' if again else 'wrote'} the report, {size / 1e6:.1f} MB; open {page}")
