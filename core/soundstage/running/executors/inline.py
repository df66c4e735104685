"""In this process, one cell after the other."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing

from soundstage.pipeline import ctrl_c
from soundstage.planning.jobs import Job
from soundstage.running.allocator import give_back_freed_memory
from soundstage.running.executors.contract import OnStart
from soundstage.running.executors.streams import StandardStreams
from soundstage.running.worker import Outcome, Settings, Worker


def run_inline(jobs: Sequence[Job], settings: Settings, on_start: OnStart) -> Generator[Outcome, None, None]:
    """Run all jobs here. Standard output and error are after each cell what they were before it."""
    worker = Worker.of(settings)
    try:
        for job in jobs:
            on_start(job, 0)
            with ctrl_c.noted(), closing(StandardStreams()) as streams:
                outcome = worker.run(job)
                streams.restore()
                if ctrl_c.was_heard():  # a plugin caught it, and who knows what it made then
                    raise KeyboardInterrupt
            yield outcome
    finally:
        give_back_freed_memory()  # the process goes on, and may be anybody's
