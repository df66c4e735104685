"""What a run tells while it goes on, so that `soundstage status` can say it elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soundstage.planning.jobs import Job
    from soundstage.planning.plan import CellSpec, Plan
    from soundstage.running.worker import Outcome


@dataclass(slots=True)
class Pulse:
    """Counts what a run does.

    The runner tells it; the thread that keeps the lock alive reads it, so every change replaces a value whole.
    """

    plan: Plan
    total: int
    """Cells to run."""

    run: str
    """The run's id."""

    done: int = 0
    """Cells committed."""

    failed: int = 0
    """Those of them in which something went wrong."""

    audio_s: float = 0.0
    """Seconds of audio in them."""

    began: float = field(default_factory=time.time)
    """Seconds since the epoch."""

    working: dict[int, tuple[CellSpec, float]] = field(default_factory=dict)
    """Worker → the cell it is at, and since when, in seconds since the epoch."""

    def started(self, job: Job, worker: int) -> None:
        """A worker begins a cell."""
        self.working = {**self.working, worker: (job.cell, time.time())}

    def finished(self, outcome: Outcome) -> None:
        """A cell is committed."""
        self.done += 1
        cell = outcome.job.cell.address  # titles are shared by cells of other seeds and placements
        self.working = {worker: about for worker, about in self.working.items() if about[0].address != cell}
        self.failed += bool(outcome.troubles)
        self.audio_s += outcome.record.audio_s

    def facts(self) -> dict[str, Any]:
        """As JSON can hold it. Times are seconds since the epoch."""
        return {
            "run": self.run,
            "grid": self.plan.id,
            "planned": len(self.plan.cells),
            "total": self.total,
            "done": self.done,
            "failed": self.failed,
            "audio_s": self.audio_s,
            "began": self.began,
            "working": {str(worker): [cell.title, since] for worker, (cell, since) in self.working.items()},
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is that goes on elsewhere."""

    done: int
    """Cells committed."""

    failed: int
    """Those of them in which something went wrong."""

    left: int
    """Cells still to be run."""

    elapsed_s: float
    """Since it began."""

    speed: float
    """Seconds of audio a second."""

    working: Sequence[tuple[str, str, float]]
    """Each worker's name, the cell it is at, and for how many seconds."""

    @property
    def left_s(self) -> float | None:
        """Seconds it still takes if it goes on like this; None while nothing is done."""
        return self.elapsed_s / self.done * self.left if self.done else None


def progress(facts: Mapping[str, Any], now: float) -> Progress | None:
    """The progress in a holder's facts; None where it does something else than run a grid. now: of the facts."""
    if "total" not in facts:
        return None
    elapsed = max(now - facts["began"], 1e-3)
    ordered = sorted(facts["working"].items(), key=lambda about: (len(about[0]), about[0]))  # 10 comes after 9
    working = [(worker, title, max(now - since, 0.0)) for worker, (title, since) in ordered]
    left = facts["total"] - facts["done"]
    return Progress(facts["done"], facts["failed"], left, elapsed, facts["audio_s"] / elapsed, working)
