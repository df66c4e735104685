"""`soundstage run`: fill a grid."""

from __future__ import annotations

import re
from pathlib import Path

import click

from soundstage.errors import SoundstageError


def pairs(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, Path]:
    """NAME=PATH options as a mapping."""
    found = {}
    for value in values:
        name, equals, path = value.partition("=")
        if not equals or not name or not path:
            raise click.BadParameter(f"'{value}' is not NAME=PATH")
        found[name] = Path(path)
    return found


def size(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Bytes, out of a number with a unit."""
    if value is None:
        return None
    found = re.fullmatch(r"\s*([0-9.]+)\s*([kMGT]?)B?\s*", value)
    if not found:
        raise click.BadParameter(f"'{value}' is not a size; write it as in 800MB or 6GB")
    return int(float(found[1]) * 1000 ** " kMGT".index(found[2] or " "))


@click.command("run")
@click.argument("grid")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Results folder.  [default: results/GRID]")
@click.option("--data", multiple=True, callback=pairs, metavar="NAME=PATH", help="Where a dataset lies. Repeatable.")
@click.option("--workers", default=1, show_default=True, help="Processes; 1 runs in this one.")
@click.option("--executor", type=click.Choice(["inline", "processes", "dask"]), help="What runs the cells.")
@click.option("--scheduler", default="", metavar="ADDRESS", help="Of a Dask cluster; without it Dask's is local.")
@click.option("--keep", multiple=True, type=click.Choice(["estimates"]), help="Also keep what the separators made.")
@click.option("--retry", default="", metavar="STATUS,…", help="Run cells and metrics of these statuses again.")
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Where models run: auto, cpu, cuda, cuda:N or mps; several, with commas between, in turn.",
)
@click.option("--timeout", type=float, metavar="SECONDS", help="Kill what works on one cell for longer.")
@click.option("--memory-limit", callback=size, metavar="SIZE", help="Kill a worker that holds more, as in 6GB.")
@click.option("--registry", multiple=True, type=click.Path(path_type=Path), help="A TOML that extends the registry.")
@click.option("--quiet", is_flag=True, help="Only errors.")
def command(
    grid: str,
    out: Path | None,
    data: dict[str, Path],
    workers: int,
    executor: str | None,
    scheduler: str,
    keep: tuple[str, ...],
    retry: str,
    device: str,
    timeout: float | None,
    memory_limit: int | None,
    registry: tuple[Path, ...],
    quiet: bool,
) -> None:
    """Fill GRID with results: a name in the registry, or a TOML file that declares one.

    What is in the results folder already is not computed again; each cell is kept the moment it is done.
    """
    from soundstage.api import run
    from soundstage.cli.progress import Progress
    from soundstage.runner import Silence

    out = out or Path("results") / Path(grid.partition(".toml")[0]).name
    statuses = [status.strip() for status in retry.split(",") if status.strip()]
    options = {"data": data, "registry": registry, "workers": workers, "keep": keep, "retry": statuses}
    options |= {"device": device, "timeout_s": timeout, "memory_limit": memory_limit}
    options |= {"executor": executor or "", "scheduler": scheduler}
    try:
        if quiet:
            summary = run(grid, out, **options, listener=Silence())  # type: ignore[arg-type]
        else:
            with Progress(workers) as progress:
                summary = run(grid, out, **options, listener=progress)  # type: ignore[arg-type]
                progress.summarise(summary)
    except KeyboardInterrupt:
        click.echo(
            f"\nInterrupted. Every finished cell is kept in {out}; the same command goes on from there.", err=True
        )
        raise SystemExit(130) from None
    if not summary.usable:
        first = next(iter((*summary.now, *summary.earlier)), "nothing was run")
        raise SoundstageError(f"no cell of grid '{summary.grid}' gave a score; first of the reasons: {first}")
