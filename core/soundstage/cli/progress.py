"""How a run looks: a bar with speed and time left, what each worker is at, and a line for each trouble."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from soundstage.planning.jobs import Job
from soundstage.planning.plan import Plan
from soundstage.report.terminal import console
from soundstage.report.text import duration, printable
from soundstage.running.runner import Summary
from soundstage.running.worker import Outcome

SHOWN = 5
"""Troubles of earlier runs that are said again."""

EVERY_S = 10.0
"""Seconds between plain lines where the output is not a terminal."""


def letters(text: object) -> str:
    """The text as rich's markup for exactly its letters, on one line."""
    return escape(printable(text))


class Display:
    """Shows work going on to a person, or logs it in plain lines where nobody watches. unit: what is counted. live:
    whether there may be a view that changes, which would be in the way of what others print.
    """

    unit = "cells"

    def __init__(self, live: bool = True) -> None:
        self.console = console(stderr=True, markup=True, soft_wrap=True)
        self._bar = Bar(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
        )
        self._task = self._bar.add_task("", total=None)
        self._workers = Bar(
            TextColumn("  worker {task.fields[number]}"),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
        )
        self._rows: dict[int, TaskID] = {}
        self._is_live = live and self.console.is_terminal
        self._live = Live(Group(self._bar, self._workers), console=self.console, transient=True)
        self._said: set[str] = set()
        self.done = self.total = self.failed = 0
        self.audio_s = 0.0
        self._began = self._spoke = time.monotonic()

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._is_live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the view away."""
        self._live.stop()

    def end(self) -> float:
        """Take the view away; the seconds since the beginning."""
        self._live.stop()
        return time.monotonic() - self._began

    def begin(self, total: int) -> None:
        """So many are to be done."""
        self.total = total
        self._began = self._spoke = time.monotonic()
        self._bar.update(self._task, total=total)

    def show(self, title: str, worker: int) -> None:
        """Show what a worker is at, and for how long."""
        if worker not in self._rows:
            self._rows[worker] = self._workers.add_task("", total=None, number=worker)
        self._workers.reset(self._rows[worker], description=printable(title))

    def count(self, failed: bool = False, audio_s: float = 0.0) -> None:
        """One more is done."""
        self.done += 1
        self.failed += failed
        self.audio_s += audio_s
        self._bar.update(self._task, advance=1, description=self._tally(styled=True))
        if not self._is_live and time.monotonic() - self._spoke > EVERY_S:
            self._spoke = time.monotonic()
            left = (self._spoke - self._began) / self.done * (self.total - self.done)
            tally = self._tally(styled=False)
            self.console.print(
                f"{self.done}/{self.total} {self.unit}, {tally + ', ' if tally else ''}about {duration(left)} left"
            )

    def _tally(self, styled: bool) -> str:
        """How many failed, and how fast it goes."""
        failed = f"{self.failed} with trouble"
        speed = self.audio_s / max(time.monotonic() - self._began, 1e-3)
        told = [f"[red]{failed}[/]" if styled else failed] if self.failed else []
        return ", ".join([*told, *([f"{speed:.3g} s of audio a second"] if self.audio_s else [])])


class Progress(Display):
    """A listener that shows a run. traceback: also where in the code each trouble came up."""

    def __init__(self, traceback: bool = False, live: bool = True) -> None:
        super().__init__(live)
        self._traceback = traceback

    def planned(self, plan: Plan, todo: Sequence[Job], left: int) -> None:
        """Say what is to be done."""
        grid = plan.grid
        cached = len(plan.cells) - len(todo) - left
        later = f", {left} left for later" if left else ""
        self.begin(len(todo))
        self.console.print(
            f"[bold]{letters(grid.name)}[/] · revision {grid.revision} · {plan.hash[:8]}:"
            f" {len(plan.cells)} cells, {cached} done before, {len(todo)} to run{later}"
        )

    def preparing(self, what: str) -> None:
        """Say what is being prepared."""
        self.console.print(f"{letters(what)} …")

    def started(self, job: Job, worker: int) -> None:
        """Show the cell being worked on."""
        self.show(job.cell.title, worker)

    def finished(self, outcome: Outcome) -> None:
        """Count the cell, and say what went wrong with it, unless another cell had the same trouble."""
        for name, stage in outcome.troubles:
            if stage.error in self._said:
                continue
            self._said.add(stage.error)
            what = "" if name == "separation" else f"{name} of "
            self.console.print(
                f"[red]{stage.status}[/]  {letters(what + outcome.job.cell.title)}: {letters(stage.error)}"
            )
            if self._traceback and stage.traceback:
                self.console.print("\n".join(map(letters, stage.traceback.split("\n"))))
        self.count(bool(outcome.troubles), outcome.record.audio_s)

    def noticed(self, sentence: str) -> None:
        """Say it."""
        self.console.print(f"[yellow]notice[/]  {letters(sentence)}")

    def summarise(self, summary: Summary) -> None:
        """Say what the run came to and what to do next."""
        spent = self.end()
        bad = f", [red]{summary.troubled} of {summary.planned} with trouble[/]" if summary.troubled else ""
        for reason in summary.earlier[:SHOWN]:
            self.console.print(f"[red]earlier[/]  {letters(reason)}")
        if summary.earlier:
            more = len(summary.earlier) - SHOWN
            some = f"and {more} more; " if more > 0 else ""
            self.console.print(f"{some}run these again with --retry {','.join(summary.again)}")
        self.console.print(
            f"{summary.ran} cells run in {spent:.1f} s{bad}; results in {letters(str(summary.out))}\n"
            + (f"see why with: soundstage status {letters(str(summary.out))} --errors\n" if summary.troubled else "")
            + f"see them with: soundstage leaderboard {letters(str(summary.out))}"
        )
        if summary.killed:
            self.console.print(
                f"somebody else killed the workers of {letters(_some(summary.killed))};"
                " the same command tries them again"
            )
        if summary.crashed:
            self.console.print(
                f"[red]crashed[/]  {letters(_some(summary.crashed))}; run them again with the same command and"
                " --retry crashed"
            )


def _some(titles: Sequence[str]) -> str:
    """The first of the titles, and how many there are besides."""
    more = len(titles) - SHOWN
    return ", ".join(titles[:SHOWN]) + (f" and {more} more" if more > 0 else "")
