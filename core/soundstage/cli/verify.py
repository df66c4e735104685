"""`soundstage verify`: whether results are what was written, and come out again."""

from __future__ import annotations

from pathlib import Path

import click

from soundstage.cli.folders import folder
from soundstage.cli.run import pairs


@click.command("verify")
@click.argument("results", callback=folder)
@click.option("--recompute", type=click.IntRange(min=0), default=0, metavar="N", help="Compute N cells again.")
@click.option("--seed", default=0, show_default=True, help="What draws these cells.")
@click.option(
    "--grid", default="", help="Which grid, by name or hash, where the folder holds several.  [default: newest]"
)
@click.option(
    "--data", multiple=True, callback=pairs, metavar="NAME=PATH", help="Where a dataset lies now. Repeatable."
)
@click.option("--registry", multiple=True, type=click.Path(path_type=Path), help="A TOML that extends the registry.")
def command(
    results: Path | str, recompute: int, seed: int, grid: str, data: dict[str, Path], registry: tuple[Path, ...]
) -> None:
    """Check every file of the folder RESULTS against its recorded hash; with --recompute also run cells again.

    What is not as it was is said, and then the exit status is 1. Nothing is written.
    """
    from soundstage.verify import verify

    def progress(text: str) -> None:
        click.echo(text, err=True)

    found = verify(results, grid=grid, recompute=recompute, seed=seed, data=data, registry=registry, progress=progress)
    for sentence in found.wrong:
        click.echo(sentence)
    again = f"; {found.recomputed} computed again" if recompute else ""
    click.echo(
        f"{found.cells} cells, {found.plans} grids, {found.runs} runs, {found.estimates} kept estimates{again}: "
        + (f"{len(found.wrong)} not as recorded" if found.wrong else "all as recorded")
    )
    if found.wrong:
        raise SystemExit(1)
