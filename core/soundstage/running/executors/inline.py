"""In this process, one cell after the other."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from soundstage.planning.jobs import Job
from soundstage.running.executors.contract import OnStart
from soundstage.running.worker import Outcome, Settings, Worker


def run_inline(jobs: Sequence[Job], settings: Settings, on_start: OnStart) -> Generator[Outcome, None, None]:
    """Run all jobs here."""
    worker = Worker.of(settings)
    for job in jobs:
        on_start(job, 0)
        yield worker.run(job)
