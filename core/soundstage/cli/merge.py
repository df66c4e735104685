"""`soundstage merge`: the results of many machines in one folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from soundstage.cli import completing
from soundstage.cli.options import folder
from soundstage.cli.saying import say


@click.command("merge")
@click.argument("out", callback=folder, shell_complete=completing.folders)
@click.argument(
    "sources",
    metavar="IN...",
    nargs=-1,
    required=True,
    callback=folder,
    shell_complete=completing.folders,
)
@click.option(
    "--prefer",
    type=click.Choice(["first", "last"]),
    default=None,
    help="Of two values of one score take the first folder's or the last's, OUT being the first.  [default: refuse]",
)
@click.option("--wait", is_flag=True, help="Wait for a run that writes to OUT to end.")
@click.option("--join", is_flag=True, help="Make one grid of those of one name that differ in separators alone.")
def command(out: Path | str, sources: tuple[Path | str, ...], prefer: Any, wait: bool, join: bool) -> None:
    """Take the results of the folders IN into the folder OUT, by address: grids, cells, runs and kept estimates.

    A cell that several have with equal values is one. Where values differ, it is said who made them and with what, and
    nothing is merged unless --prefer says what counts.
    """
    from soundstage.report.text import counted
    from soundstage.results.merge import merge

    found = merge(out, sources, prefer or "", wait, lambda sentence: say(sentence, err=True), join)
    for sentence in found.conflicts:
        say(f"{sentence}; took the {prefer}", err=True)
    say(
        f"{counted(found.cells, 'cell')} in {out}, {found.new} of them new; {counted(found.plans, 'grid')},"
        f" {counted(found.runs, 'run')} and {counted(found.estimates, 'kept estimate')} taken over",
        err=True,
    )
