"""What each worker of a pool does next: whole cells, or a cell's steps where some workers separate and others score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from soundstage.planning.jobs import Job
from soundstage.running.executors.queue import SceneQueue, Task
from soundstage.running.executors.shared import Sheet
from soundstage.running.executors.steps import Render, Score, Separate, SharedEstimates, SharedScene
from soundstage.running.worker import Outcome

AHEAD = 3
"""Cells on their way for each worker that separates, besides one for each that scores: one that it is at, one whose
scene is ready for it, and one that is rendered or waits to be scored. Each holds its scene and its estimates in memory,
so there are never more.
"""


@dataclass(slots=True, eq=False)
class Step:
    """A cell on its way, and its next step. spent_s: the seconds that the steps before took."""

    task: Task
    next: Literal["whole", "render", "separate", "score"] = "whole"
    spent_s: float = 0.0
    scorer: int = 0
    estimates: Sheet | None = None
    made: SharedEstimates | None = None
    rendered: SharedScene | None = None

    @property
    def at(self) -> str:
        """The address of its scene."""
        return self.task.job.cell.scene.address


Message = Job | Render | Separate | Score


class Flow(Protocol):
    """Hands out steps and takes their answers."""

    @property
    def waits(self) -> bool:
        """Whether there is anything that nobody is at."""

    def take(self, number: int) -> Step | None:
        """The next step for a worker; None where there is none for it now."""

    def message(self, step: Step) -> Message:
        """What to tell whoever does it."""

    def answered(self, step: Step, reply: object) -> Outcome | None:
        """It is done: the cell's outcome, or None where more is to be done."""

    def again(self, step: Step) -> None:
        """It was not done, and is to be begun again."""

    def end(self, step: Step) -> None:
        """Nothing more is to be done for its cell."""


class Whole:
    """Every worker does whole cells."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._queue = SceneQueue(jobs)

    @property
    def waits(self) -> bool:
        """See Flow."""
        return bool(self._queue)

    def take(self, number: int) -> Step | None:
        """See Flow."""
        task = self._queue.take(number)
        return None if task is None else Step(task)

    def message(self, step: Step) -> Message:
        """See Flow."""
        return step.task.left

    def answered(self, step: Step, reply: object) -> Outcome | None:
        """See Flow."""
        assert isinstance(reply, Outcome)
        return step.task.completed(reply)

    def again(self, step: Step) -> None:
        """See Flow."""
        self._queue.put_back(step.task)

    def end(self, step: Step) -> None:
        """See Flow."""


@dataclass(slots=True, eq=False)
class _Scene:
    """A scene that cells on their way share. by: the step at which it is being rendered."""

    sheet: Sheet
    shared: SharedScene | None = None
    by: Step | None = None


class Stepwise:
    """The first workers separate; the others render scenes for them, ahead, and score what they made.

    A scorer stays with one scene while it can, so that metrics are prepared once, and the workers go from one scorer's
    scene to the next one's.
    """

    def __init__(self, jobs: Sequence[Job], workers: int, scorers: int) -> None:
        self._queue = SceneQueue(jobs)
        self._workers = workers
        self._most = scorers + AHEAD * workers
        self._waiting: list[Step] = []
        self._under_way: list[Step] = []
        self._scenes: dict[str, _Scene] = {}
        self._scored: dict[int, str] = dict.fromkeys(range(workers, workers + scorers), "")

    @property
    def waits(self) -> bool:
        """See Flow."""
        return bool(self._waiting) or (bool(self._queue) and len(self._under_way) < self._most)

    def take(self, number: int) -> Step | None:
        """See Flow."""
        self._refill()
        ready = self._of("separate") if number < self._workers else self._for_scorer(number)
        if not ready:
            return None
        step = ready[0]
        self._waiting.remove(step)
        if step.next == "render":
            self._scenes[step.at].by = step
        elif step.next == "score":
            step.scorer, self._scored[number] = number, step.at
        return step

    def _refill(self) -> None:
        """Have as many cells on their way as may be, each for the scorer that has fewest."""
        while self._queue and len(self._under_way) < self._most:
            scorer = min(self._scored, key=lambda number: sum(step.scorer == number for step in self._under_way))
            task = self._queue.take(scorer)
            assert task is not None
            step = Step(task, "separate", scorer=scorer)
            if not task.job.cell.problem:
                if step.at not in self._scenes:
                    self._scenes[step.at] = _Scene(Sheet())
                step.next = "separate" if self._scenes[step.at].shared else "render"
            self._under_way.append(step)
            self._waiting.append(step)

    def _of(self, kind: str) -> list[Step]:
        return [step for step in self._waiting if step.next == kind]

    def _for_scorer(self, number: int) -> list[Step]:
        """What a scorer may do next, best first: scenes come first, for those that separate must not wait."""
        scenes = [step for step in self._of("render") if self._scenes[step.at].by is None]
        ready = self._of("score")
        own = [step for step in self._under_way if step.scorer == number]
        mine = [step for step in ready if step in own]
        others: list[Step] = []
        if not any(step.at == self._scored[number] for step in own):  # it has prepared nothing that is still needed
            others = [step for step in ready if not own or self._scored[step.scorer] != step.at]
        return scenes or mine or others

    def message(self, step: Step) -> Message:
        """See Flow."""
        left, scene = step.task.left, self._scenes.get(step.at)
        if step.next == "render":
            assert scene is not None
            return Render(left, scene.sheet.path)
        if step.next == "separate":
            step.estimates = step.estimates or Sheet()
            shared = scene.shared if scene and not left.cell.problem else None
            return Separate(left, shared, step.rendered.stage if step.rendered else None, step.estimates.path)
        assert scene is not None
        assert scene.shared is not None
        assert step.made is not None
        return Score(left, scene.shared, step.made)

    def answered(self, step: Step, reply: object) -> Outcome | None:
        """See Flow."""
        if isinstance(reply, Outcome):
            self.end(step)
            return step.task.completed(reply)
        if isinstance(reply, SharedScene):
            scene = self._scenes[step.at]
            scene.shared, scene.by, step.rendered = reply, None, reply
            step.next = "separate"
            for other in self._of("render"):
                if other.at == step.at:
                    other.next = "separate"
        elif isinstance(reply, SharedEstimates):
            step.made, step.next = reply, "score"
        self._waiting.append(step)
        return None

    def again(self, step: Step) -> None:
        """See Flow."""
        self._not_rendering(step)
        self._waiting.insert(0, step)

    def end(self, step: Step) -> None:
        """See Flow."""
        self._not_rendering(step)
        self._under_way.remove(step)
        if step.estimates:
            step.estimates.close()
        if step.at in self._scenes and not any(one.at == step.at for one in self._under_way):
            self._scenes.pop(step.at).sheet.close()

    def _not_rendering(self, step: Step) -> None:
        scene = self._scenes.get(step.at)
        if scene is not None and scene.by is step:
            scene.by = None

    def close(self) -> None:
        """Let go of all audio."""
        for step in [*self._under_way]:
            self.end(step)
