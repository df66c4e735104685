"""What an executor is."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol

from soundstage.planning.jobs import Job
from soundstage.running.worker import Outcome, Settings

OnStart = Callable[[Job, int], None]


class Executor(Protocol):
    """Runs jobs; yields each outcome as it is done. on_start is told the job and the number of its worker."""

    def __call__(self, jobs: Sequence[Job], settings: Settings, on_start: OnStart) -> Generator[Outcome, None, None]:
        """Run all jobs."""
