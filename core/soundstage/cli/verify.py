"""`soundstage verify`: whether results are what was written, and come out again."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundstage.cli.options import data_roots, device, more_registry, results_folder, trust, which_grid
from soundstage.cli.saying import say
from soundstage.errors import SoundstageError

if TYPE_CHECKING:
    from soundstage.running.verify import Verdict


@click.command("verify")
@results_folder
@click.option(
    "--recompute",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    metavar="N",
    help="Compute N random cells again; 0 checks files alone.",
)
@click.option("--seed", type=int, default=None, help="What draws these cells.  [default: others every time]")
@device("Where models run, as it was for the results.")
@which_grid
@data_roots
@more_registry
@trust
def command(
    results: Path | str,
    recompute: int,
    seed: int | None,
    device: str,
    grid: str,
    data: dict[str, Path],
    registry: tuple[Path, ...],
    trust: bool,
) -> None:
    """Check every file of the folder RESULTS against its recorded hash, and compute random cells again.

    What is not as it was is said, and then the exit status is 1; so it is where cells should have been computed again
    and none could. Nothing is written.
    """
    import secrets

    from soundstage.results.store import Store
    from soundstage.running.verify import verify

    Store(results).open_existing()
    drawn = secrets.randbelow(1_000_000) if seed is None else seed

    def progress(text: str) -> None:
        say(text, err=True)

    checked = partial(verify, results, grid=grid, seed=drawn, device=device, data=data, registry=registry, trust=trust)
    try:
        found = checked(recompute=recompute, progress=progress)
    except SoundstageError as error:
        if not recompute:
            raise
        found = checked(recompute=0)
        _say(found, "")
        raise SoundstageError(f"{error}; nothing was computed again. --recompute 0 checks the files alone") from None
    if found.refused:
        say(f"nothing was computed again: {found.refused}", err=True)
    _say(found, f"; {found.recomputed} computed again (--seed {drawn})" if recompute else "")
    if found.wrong or found.refused:
        raise SystemExit(1)


def _say(found: Verdict, again: str) -> None:
    """Print what is wrong, and what was looked at."""
    from soundstage.report.text import counted

    for sentence in found.wrong:
        say(sentence)
    say(
        f"{counted(found.cells, 'cell')}, {counted(found.plans, 'grid')}, {counted(found.runs, 'run')},"
        f" {counted(found.estimates, 'kept estimate')}{again}: "
        + (f"{len(found.wrong)} not as recorded" if found.wrong else "all as recorded")
    )
