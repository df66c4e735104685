"""`soundstage audiometry`: what metrics are worth."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from soundstage.cli import completing
from soundstage.cli.options import data_roots, default_folder, more_registry, printed_as, results_out, workers
from soundstage.cli.saying import say, say_document


@click.command("audiometry")
@click.argument("metrics", shell_complete=completing.of_kind("metrics"), nargs=-1, metavar="[METRIC]…")
@results_out
@click.option(
    "--grid",
    shell_complete=completing.grids,
    default="audiometry",
    show_default=True,
    help="A grid of probes: a name, or a TOML file.",
)
@click.option(
    "--dataset",
    "datasets",
    shell_complete=completing.of_kind("datasets"),
    multiple=True,
    help="On this data set instead of the grid's. Repeatable.",
)
@click.option(
    "--spatializer",
    "spatializers",
    shell_complete=completing.of_kind("spatializers"),
    multiple=True,
    help="With this one, as ku100. Repeatable.",
)
@data_roots
@more_registry
@workers
@printed_as(("table", "markdown", "json"))
@click.option("--page", type=click.Path(path_type=Path), help="Also write a page with figures into this folder.")
@click.option("--quiet", is_flag=True, help="Say nothing of how the run goes.")
def command(
    metrics: tuple[str, ...],
    out: Path | str | None,
    grid: str,
    datasets: tuple[str, ...],
    spatializers: tuple[str, ...],
    data: dict[str, Path],
    registry: tuple[Path, ...],
    workers: int,
    form: str,
    page: Path | None,
    quiet: bool,
) -> None:
    """Measure METRICs themselves, the grid's by default: how do they respond to probes, known degradations in known
    steps?

    A card a measure: what it tells from none, whether it moves with what it claims to follow and stays still for what
    it claims to ignore, and what is wrong with it. What was scored before is not scored again.
    """
    from soundstage.api import metric_cards
    from soundstage.cli.progress import Progress
    from soundstage.running.listener import Silence

    place = out or default_folder(grid)
    measure = partial(
        metric_cards,
        metrics,
        place,
        grid=grid,
        datasets=datasets,
        spatializers=spatializers,
        data=data,
        registry=registry,
        workers=workers,
    )
    if quiet:
        found = measure(listener=Silence())
    else:
        with Progress(traceback=False) as progress:
            found = measure(listener=progress)
    if form == "table":
        from soundstage.report.cards.terminal import print_cards
        from soundstage.report.terminal import console

        print_cards(found, console())
    else:
        from soundstage.report.cards import plain

        say_document(plain.format_json(found) if form == "json" else plain.format_markdown(found))
    if page is not None:
        from soundstage.report.cards.page import write_page

        say(f"wrote {write_page(found, page)}; open it in a browser", err=True)
