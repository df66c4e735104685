"""`soundstage render`: write a grid's scenes as a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundstage.cli import completing
from soundstage.cli.options import data_roots, more_registry, workers
from soundstage.cli.saying import say, say_lines
from soundstage.errors import SoundstageError

if TYPE_CHECKING:
    from soundstage.rendering.dataset import Rendered


@click.command("render")
@click.argument("grid", shell_complete=completing.grids)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the data set.")
@data_roots
@workers
@click.option(
    "--format",
    "form",
    type=click.Choice(["float32", "float64", "int16"]),
    default="float32",
    show_default=True,
    help="Samples of the WAV files; int16 clips what lies beyond ±1, counts it and says so.",
)
@more_registry
@click.option("--quiet", is_flag=True, help="Only errors, and how much was clipped.")
def command(
    grid: str,
    out: Path,
    data: dict[str, Path],
    workers: int,
    form: str,
    registry: tuple[Path, ...],
    quiet: bool,
) -> None:
    """Write the scenes of GRID to a folder in MUSDB18-HQ's layout, with a metadata.json a song.

    Separators and metrics of the grid are ignored. A song appears whole or not at all, and one that is there already
    is kept: the same command goes on where it was stopped.
    """
    from soundstage.api import render
    from soundstage.cli.render_progress import RenderProgress
    from soundstage.rendering.dataset import Silence

    options = {"data": data, "registry": registry, "workers": workers, "format": form}
    try:
        if quiet:
            rendered = render(grid, out, **options, listener=Silence())  # type: ignore[arg-type]
        else:
            with RenderProgress() as progress:
                rendered = render(grid, out, **options, listener=progress)  # type: ignore[arg-type]
                progress.summarise(rendered)
    except KeyboardInterrupt:
        say_lines(f"\nInterrupted. Every song in {out} is whole; the same command goes on from there.", err=True)
        raise SystemExit(130) from None
    if rendered.clipped:
        say(clipping(rendered), err=True)
    if rendered.failed:
        folder, reason = next(iter(rendered.failed.items()))
        raise SoundstageError(
            f"{len(rendered.failed)} of {rendered.planned} songs could not be rendered; the same command tries them"
            f" again; first of the reasons: {folder}: {reason}"
        )


def clipping(rendered: Rendered) -> str:
    """How much of the data set was clipped, in one sentence."""
    counts = [count for files in rendered.clipped.values() for count in files.values()]
    return (
        f"clipped: {sum(counts)} samples beyond ±1 in {len(counts)} files of {len(rendered.clipped)} songs; each song's"
        " metadata.json counts them by file"
    )
