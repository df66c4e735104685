"""`soundstage run`: fill a grid."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundstage.cli import completing
from soundstage.cli.options import data_roots, default_folder, device, more_registry, results_out, workers
from soundstage.cli.saying import say, say_lines
from soundstage.errors import SoundstageError

if TYPE_CHECKING:
    from soundstage.running.forecast import Forecast


def size(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Bytes, out of a number with a unit."""
    if value is None:
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kMGT]?)B\s*", value, re.IGNORECASE)
    if not found:
        raise click.BadParameter(f"'{value}' is not a size with its unit; write it as in 800MB or 6GB")
    return int(float(found[1]) * 1000 ** " kmgt".index(found[2].lower() or " "))


@click.command("run")
@click.argument("grid", shell_complete=completing.grids)
@results_out
@data_roots
@workers
@click.option(
    "--scorers", default=0, metavar="N", help="So many more processes render and score; the workers only separate."
)
@click.option("--executor", type=click.Choice(["inline", "processes", "dask"]), help="What runs the cells.")
@click.option("--scheduler", default="", metavar="ADDRESS", help="Of a Dask cluster; without it Dask's is local.")
@click.option("--keep", multiple=True, type=click.Choice(["estimates"]), help="Also keep what the separators made.")
@click.option(
    "--retry",
    shell_complete=completing.troubles,
    default="",
    metavar="STATUS,…",
    help="Run cells and metrics of these statuses again.",
)
@device("Where models run: auto, cpu, cuda, cuda:N or mps; several, with commas between, in turn.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Kill what works on one cell for longer.")
@click.option("--memory-limit", callback=size, metavar="SIZE", help="Kill a worker that holds more, as in 6GB.")
@more_registry
@click.option(
    "--only", "asked", default="", metavar="AXIS=NAME,…", help="Only this part: separators=irm,spatializers=hrir."
)
@click.option("--limit", type=click.IntRange(min=0), default=None, metavar="N", help="At most N cells.")
@click.option("--dry-run", is_flag=True, help="Say what would be run and how long it takes; write nothing.")
@click.option("--wait", is_flag=True, help="Wait for another run on the same folder to end.")
@click.option("--show-output", is_flag=True, help="Let through what plugins print; with one worker a debugger works.")
@click.option("--isolate", is_flag=True, help="Each separator in a process of its own, without the references.")
@click.option("--trust", is_flag=True, help="Run the scripts that a lock file names, too.")
@click.option("--strict", is_flag=True, help="Exit with 1 where anything of what is planned is not ok.")
@click.option("--traceback", is_flag=True, help="Print where in the code each trouble came up.")
@click.option("--quiet", is_flag=True, help="Only errors.")
def command(
    grid: str,
    out: Path | str | None,
    data: dict[str, Path],
    workers: int,
    scorers: int,
    executor: str | None,
    scheduler: str,
    keep: tuple[str, ...],
    retry: str,
    device: str,
    timeout: float | None,
    memory_limit: int | None,
    registry: tuple[Path, ...],
    asked: str,
    limit: int | None,
    dry_run: bool,
    wait: bool,
    show_output: bool,
    isolate: bool,
    trust: bool,
    strict: bool,
    traceback: bool,
    quiet: bool,
) -> None:
    """Fill GRID with results: a name in the registry, or a TOML file that declares one.

    What is in the results folder already is not computed again; each cell is kept the moment it is done. A lock file
    of `soundstage provenance` is such a TOML file.
    """
    from soundstage.cli.progress import Progress
    from soundstage.planning.consent import check_lock_file
    from soundstage.planning.jobs import parse_only
    from soundstage.planning.request import plan_of
    from soundstage.running.listener import Silence
    from soundstage.running.options import RunOptions
    from soundstage.running.runner import run_plan

    out = out or default_folder(grid)
    options = RunOptions(
        workers=workers,
        scorers=scorers,
        keep=keep,
        retry=[status.strip() for status in retry.split(",") if status.strip()],
        device=device,
        timeout_s=timeout,
        memory_limit=memory_limit,
        executor=executor or "",
        scheduler=scheduler,
        only=parse_only(asked),
        limit=limit,
        wait=wait,
        show_output=show_output,
        isolate=isolate,
    )
    plan = plan_of(grid, data=data, registry=registry)
    if not (trust or dry_run):
        check_lock_file(plan, registry)
    if dry_run:
        from soundstage.running.forecast import forecast

        _show(forecast(plan, out, options), workers, scorers)
        return
    progress = Progress(traceback, live=not show_output)
    try:
        if quiet:
            summary = run_plan(plan, out, options, Silence())
        else:
            with progress:
                summary = run_plan(plan, out, options, progress)
                progress.summarise(summary)
    except KeyboardInterrupt:
        finished = "" if quiet else f" after {progress.done} of {progress.total} cells"
        say_lines(
            f"\nInterrupted{finished}. Every finished cell is kept in {out}; the same command goes on from there.",
            err=True,
        )
        raise SystemExit(130) from None
    if not summary.usable and (summary.ran or not summary.left):
        first = next(iter((*summary.now, *summary.earlier)), "nothing was run")
        raise SoundstageError(f"no cell of grid '{summary.grid}' gave a score; first of the reasons: {first}")
    if strict and summary.troubled:
        raise SoundstageError(f"{summary.troubled} of {summary.planned} cells are not ok, and --strict was asked for")


def _show(found: Forecast, workers: int, scorers: int) -> None:
    """Print what would be run."""
    from soundstage.report.text import counted, duration

    say(
        f"{found.title}: {found.planned} cells, {found.cached} done before, {found.to_run} to run"
        + (f", {found.left} left for later" if found.left else "")
    )
    for reason, cells in found.impossible:
        say(f"  cannot be run, {counted(cells, 'cell')}: {reason}")
    for part in found.parts:
        each = "never timed here" if part.median_s is None else f"{part.median_s:.3g} s each"
        say(f"  {part.name}: {part.count} × {each}")
    untimed = [part.name for part in found.parts if part.median_s is None]
    if not found.to_run:
        return
    if len(untimed) == len(found.parts):
        say("how long it takes is not known: none of this was ever run in this folder")
    else:
        say(
            f"about {duration(found.seconds(workers, scorers))} with {counted(workers, 'worker')}"
            + (f" and {counted(scorers, 'scorer')}" if scorers else "")
            + (f", without {', '.join(untimed)}, of which nothing is known" if untimed else "")
        )
