"""Who is told how a run goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from soundstage.planning.jobs import Job
from soundstage.planning.plan import Plan
from soundstage.running.worker import Outcome


class Listener(Protocol):
    """Told how a run goes."""

    def planned(self, plan: Plan, todo: Sequence[Job], left: int) -> None:
        """The plan is made; these jobs are to be run, and so many more cells lack something and were not asked for."""

    def preparing(self, what: str) -> None:
        """Something that may take minutes is done before the first cell."""

    def started(self, job: Job, worker: int) -> None:
        """A worker begins a cell."""

    def finished(self, outcome: Outcome) -> None:
        """A cell is committed."""

    def noticed(self, sentence: str) -> None:
        """Something that a person should know: who is waited for, or which file is damaged."""


class Silence:
    """Says nothing."""

    def planned(self, plan: Plan, todo: Sequence[Job], left: int) -> None:
        """Nothing."""

    def preparing(self, what: str) -> None:
        """Nothing."""

    def started(self, job: Job, worker: int) -> None:
        """Nothing."""

    def finished(self, outcome: Outcome) -> None:
        """Nothing."""

    def noticed(self, sentence: str) -> None:
        """Nothing."""
