"""What is left to run, handed out so that a worker stays with one scene and a scene is rendered once."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from soundstage.planning.jobs import Job
from soundstage.results.records import CellRecord, Details, Stage, Status, score_rows
from soundstage.running.worker import Outcome


@dataclass(slots=True)
class Task:
    """A job; what is known already of those of its metrics that a worker did not survive; how often it was killed.

    lost_metrics: label → the stage of a metric that took a worker with it. times_killed: how often in a row somebody
    else killed the worker that was at it. one_by_one: outcomes of its stages, separation first, where nobody knows at
    which of them workers are lost; None while they are run together.
    """

    job: Job
    lost_metrics: dict[str, Stage] = field(default_factory=dict)
    times_killed: int = 0
    one_by_one: list[Outcome] | None = None

    @property
    def left(self) -> Job:
        """What to run next: the job without the metrics that are lost; or a single stage of it."""
        metrics = {key: one for key, one in self.job.metrics.items() if key not in self._known()}
        if self.one_by_one is not None:
            metrics = {key: metrics[key] for key in list(metrics)[: 1 if self.one_by_one else 0]}
        return replace(self.job, metrics=metrics)

    def _known(self) -> set[str]:
        return {*self.lost_metrics, *(label for outcome in self.one_by_one or () for label in outcome.job.metrics)}

    def completed(self, outcome: Outcome) -> Outcome | None:
        """The outcome of what was left, with what was lost; None where more is to be run."""
        if self.one_by_one is not None:
            self.one_by_one.append(outcome)
            self.times_killed = 0
            return self._together()
        return self._with_lost(outcome)

    def lose(self, label: str, status: Status, what: str, from_outside: bool = False) -> Outcome | None:
        """A worker did not survive this metric: the outcome, or None where more is to be run."""
        error = f"metric '{label}', track '{self.job.cell.scene.track_name}': {what}"
        details: Details = {"killed_from_outside": True} if from_outside else {}
        self.lost_metrics[label] = Stage(status, error, details=details)
        self.times_killed = 0
        return self._together() if self.one_by_one else None

    def _together(self) -> Outcome | None:
        assert self.one_by_one
        if set(self.job.metrics) - self._known() and self.one_by_one[0].record.separation.is_ok:
            return None
        record, rows = self.one_by_one[0].record, [outcome.rows for outcome in self.one_by_one]
        scores = {address: stage for outcome in self.one_by_one for address, stage in outcome.record.scores.items()}
        scores |= {
            self.job.cell.scores[label]: Stage("skipped", "there are no estimates to score")
            for label in set(self.job.metrics) - self._known()
        }
        return self._with_lost(Outcome(self.job, replace(record, scores=scores), pa.concat_tables(rows)))

    def _with_lost(self, outcome: Outcome) -> Outcome:
        if not self.lost_metrics:
            return outcome
        stages = {self.job.cell.scores[label]: stage for label, stage in self.lost_metrics.items()}
        record = replace(outcome.record, scores={**outcome.record.scores, **stages})
        return Outcome(self.job, record, outcome.rows)

    def failed(self, status: Status, what: str, run: str, from_outside: bool = False) -> Outcome:
        """The outcome of a separation that no worker came back from."""
        cell = self.job.cell
        error = f"separator '{cell.separator.label}', track '{cell.scene.track_name}': {what}"
        details: Details = {"made_by": cell.made_by}
        if from_outside:
            details["killed_from_outside"] = True
        stage = Stage(status, error, details=details)
        skipped = {
            cell.scores[label]: Stage("skipped", "there are no estimates to score") for label in self.job.metrics
        }
        return Outcome(self.job, CellRecord(cell.address, stage, skipped, run=run), score_rows([]))


class SceneQueue:
    """Tasks by scene. A worker gets the next of its own scene, else of one nobody is at, else of the longest queue."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._tasks: dict[str, deque[Task]] = {}
        self._at: dict[Hashable, str] = {}
        for job in jobs:
            self._tasks.setdefault(job.cell.scene.address, deque()).append(Task(job))

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def take(self, worker: Hashable) -> Task | None:
        """The next task for a worker; None where nothing is left."""
        own = self._at.pop(worker, "")
        if not self._tasks:
            return None
        scene = own if own in self._tasks else next((one for one in self._tasks if one not in self._at.values()), None)
        if scene is None:
            scene = max(self._tasks, key=lambda address: len(self._tasks[address]))
        self._at[worker] = scene
        task = self._tasks[scene].popleft()
        if not self._tasks[scene]:
            del self._tasks[scene]
        return task

    def put_back(self, task: Task) -> None:
        """The task is to be run again, before its scene's others."""
        self._tasks.setdefault(task.job.cell.scene.address, deque()).appendleft(task)

    def forget(self, worker: Hashable) -> None:
        """The worker is gone."""
        self._at.pop(worker, None)
