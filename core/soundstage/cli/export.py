"""`soundstage export`: results as another program's files."""

from __future__ import annotations

from pathlib import Path

import click

from soundstage.cli import completing
from soundstage.cli.options import results_folder, which_grid
from soundstage.cli.saying import say
from soundstage.errors import SoundstageError


@click.command("export")
@results_folder
@click.option(
    "--format",
    type=click.Choice(["museval"]),
    default="museval",
    show_default=True,
    expose_value=False,
    help="Whose files.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write them to.")
@click.option(
    "--separator",
    shell_complete=completing.of_kind("separators"),
    default="",
    metavar="NAME",
    help="Only this separator.",
)
@click.option(
    "--metric",
    shell_complete=completing.of_kind("metrics"),
    default="",
    metavar="NAME",
    help="Which metric, where several have the format's measures.",
)
@which_grid
def command(results: Path | str, out: Path, separator: str, metric: str, grid: str) -> None:
    """Write the results in the folder RESULTS as museval's JSON, one file a track: OUT/SEPARATOR/test/TRACK.json.

    Where several renderings were scored, each gets a folder of its own above the separators.
    """
    from soundstage.results.exchange.museval import museval_files, write_museval
    from soundstage.results.loading import load_results

    loaded = load_results(results, grid)
    files = list(museval_files(loaded, separator=separator, metric=metric))
    if not files:
        raise SoundstageError(f"{results} holds no frame scores to export; run the grid, or look at its leaderboard")
    write_museval(files, out)
    cells = loaded.cells if not separator else loaded.cells[loaded.cells["separator"] == separator]
    lacking = f"; {len(cells) - len(files)} cells have no frame scores" if len(files) < len(cells) else ""
    say(f"{len(files)} files in {out}{lacking}", err=True)
