"""In this process, one cell after the other."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from soundstage.executors import OnStart
from soundstage.planning.jobs import Job
from soundstage.worker import Outcome, Settings, Worker


def run_inline(jobs: Sequence[Job], settings: Settings, on_start: OnStart) -> Generator[Outcome, None, None]:
    """Run all jobs here."""
    worker = Worker(settings)
    for job in jobs:
        on_start(job, 0)
        yield worker.run(job)
