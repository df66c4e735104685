"""`soundstage report`: results as pages to see, hear and argue from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, cast

import click

from soundstage.cli import completing
from soundstage.cli.options import (
    data_roots,
    device,
    more_registry,
    published,
    rank_by,
    results_folder,
    trust,
    which_grid,
)
from soundstage.cli.saying import say


@click.command("report")
@results_folder
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="Where the report goes.")
@rank_by
@published
@which_grid
@click.option(
    "--clips",
    type=click.Choice(["flac", "opus", "none"]),
    default="flac",
    show_default=True,
    help="How sound is coded: lossless, at half the size, or no sound.",
)
@click.option(
    "--song",
    "songs",
    multiple=True,
    metavar="TRACK",
    help="Listen to this song. Repeatable.  [default: the best, median and worst of each separator]",
)
@click.option(
    "--separator",
    "separators",
    shell_complete=completing.of_kind("separators"),
    multiple=True,
    help="Listen to this separator. Repeatable.  [default: all]",
)
@click.option(
    "--seconds", type=click.FloatRange(1.0, 600.0), default=10.0, show_default=True, help="How long a clip is."
)
@device("Where models run whose estimates were not kept.")
@data_roots
@more_registry
@trust
def command(results: Path | str, out: Path, clips: str, **options: Any) -> None:
    """Make a report of the folder RESULTS: one folder of HTML that opens from disk, with no server and no network.

    A leaderboard that sorts and filters; where each separator fails: by source, over azimuth, near other sources,
    against cost; and songs to listen to, mixture, references and estimates side by side. What was not kept with
    --keep estimates is rendered and separated again. Open its index.html, or put the folder on any static host.
    """
    from soundstage.api import write_report

    form = None if clips == "none" else cast("Literal['flac', 'opus']", clips)
    page = write_report(results, out, clips=form, progress=lambda text: say(text, err=True), **options)
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    say(f"wrote {page}, {size / 1e6:.1f} MB with what it needs; open it in a browser")
