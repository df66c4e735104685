"""What a run tells while it goes on, so that `soundstage status` can say it elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soundstage.planning.jobs import Job
    from soundstage.planning.plan import Plan
    from soundstage.running.worker import Outcome


@dataclass(slots=True)
class Pulse:
    """Counts what a run does. Told by the runner; read by the lease's heartbeat, from its own thread."""

    plan: Plan
    total: int
    run: str
    done: int = 0
    failed: int = 0
    audio_s: float = 0.0
    began: float = field(default_factory=time.time)
    working: dict[int, tuple[str, float]] = field(default_factory=dict)

    def started(self, job: Job, worker: int) -> None:
        """A worker begins a cell."""
        self.working = {**self.working, worker: (job.cell.title, time.time())}

    def finished(self, outcome: Outcome) -> None:
        """A cell is committed."""
        self.done += 1
        cell = outcome.job.cell.title
        self.working = {worker: about for worker, about in self.working.items() if about[0] != cell}
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
            "working": {str(worker): list(about) for worker, about in self.working.items()},
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """What a running run has told. All in cells, seconds, and audio-seconds a second."""

    done: int
    failed: int
    left: int
    elapsed_s: float
    speed: float
    working: Sequence[tuple[str, str, float]]

    @property
    def left_s(self) -> float | None:
        """Seconds it still takes if it goes on like this; None while nothing is done."""
        return self.elapsed_s / self.done * self.left if self.done else None


def progress(facts: Mapping[str, Any], now: float) -> Progress | None:
    """The progress in a holder's facts; None where it does something else than run a grid. now: of the facts."""
    if "total" not in facts:
        return None
    elapsed = max(now - facts["began"], 1e-3)
    working = [(worker, title, max(now - since, 0.0)) for worker, (title, since) in sorted(facts["working"].items())]
    left = facts["total"] - facts["done"]
    return Progress(facts["done"], facts["failed"], left, elapsed, facts["audio_s"] / elapsed, working)
