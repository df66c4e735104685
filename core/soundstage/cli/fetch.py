"""`soundstage fetch`: weights and environments, before a run needs them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundstage.cli import completing
from soundstage.cli.options import more_registry
from soundstage.cli.saying import say, say_lines
from soundstage.errors import SoundstageError

if TYPE_CHECKING:
    from soundstage.catalogue.entries import Entry
    from soundstage.catalogue.registry import Registry


@click.command("fetch")
@click.argument("names", shell_complete=completing.fetchable, nargs=-1, required=True, metavar="NAME…")
@more_registry
def command(names: tuple[str, ...], registry: tuple[Path, ...]) -> None:
    """Get what separators and metrics need: download and verify their weights, make the environments of scripts.

    A download that was interrupted goes on where it stopped; what is there already is left alone.
    """
    from soundstage.catalogue.registry import Registry

    known = Registry.load(registry)
    metrics = set(known.names("metrics")) - set(known.names("separators"))
    entries = [known.entry("metrics" if name in metrics else "separators", name) for name in dict.fromkeys(names)]
    troubles = []
    for entry in entries:
        try:
            _fetch(known, entry)
        except SoundstageError as error:
            troubles.append(f"{entry.name}: {error}")
            say_lines(f"{entry.name}: {error}", fg="red", err=True)
    if troubles:
        raise SystemExit(1)


def _fetch(known: Registry, entry: Entry) -> None:
    from soundstage.cache import weights_folder
    from soundstage.catalogue.download import fetch, unstated

    done = False
    if entry.weights:
        folder = weights_folder(entry.name)
        with _Bars() as bars:
            new = fetch(entry.weights, folder, bars.report)
        what = f"{len(new)} fetched" if new else "there already"
        say(f"{entry.name}: weights in {folder} ({what})")
        for name, digest in unstated(entry.weights, folder).items():
            say(
                f"{entry.name}: {name} has SHA-256 {digest}, and its publisher states none to compare it with; with"
                " that sha256 in an entry of yours, no other file is taken for it"
            )
        done = True
    script = known.plugin(entry).script
    if script is not None:
        from soundstage.isolation import environment
        from soundstage.isolation.script import read_script

        about = read_script(script)
        there = environment.interpreter(about)
        if there is None:
            say(f"{entry.name}: making its environment …")
        say(f"{entry.name}: environment {there or environment.make(about)}" + (" (there already)" if there else ""))
        done = True
    if not done:
        trouble = known.plugin(entry).unusable()
        say(f"{entry.name}: nothing to fetch" + (f", but it {trouble}" if trouble else ""))


class _Bars:
    """A progress bar a file, where somebody watches."""

    def __init__(self) -> None:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        from soundstage.report.terminal import console

        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console(stderr=True),
        )
        self._progress.disable = not self._progress.console.is_terminal
        self._tasks: dict[str, object] = {}

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def report(self, name: str, have: int, total: int | None) -> None:
        """Show how far a file is."""
        from soundstage.report.text import printable

        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(printable(name), total=total)
        self._progress.update(self._tasks[name], completed=have, total=total)  # type: ignore[arg-type]
