"""In a pool of local processes. A worker that dies or exceeds the time limit costs its own stage and is replaced."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool

from soundstage.executors import Executor, OnStart
from soundstage.store import CellRecord, Stage, score_rows
from soundstage.worker import Job, Outcome, Settings, Worker

LAST_WORDS = 300
"""Characters of what a dead worker printed that go into its cell's error."""

_worker: Worker | None = None
_notes: _Notes | None = None


def process_pool(workers: int) -> Executor:
    """An executor of that many processes."""
    return partial(_run, workers)


@dataclass(frozen=True, slots=True)
class _Notes:
    """Two small files a worker process: the stage it is at, and the last that was printed in it."""

    folder: Path
    number: int

    @property
    def stage(self) -> Path:
        return self.folder / f"{self.number}.stage"

    @property
    def prints(self) -> Path:
        return self.folder / f"{self.number}.prints"


@dataclass(slots=True)
class _Task:
    """A job, and what is known already of those of its stages that a worker did not survive."""

    job: Job
    lost: dict[str, Stage] = field(default_factory=dict)

    @property
    def left(self) -> Job:
        """The job without the metrics that are lost."""
        return replace(self.job, metrics={key: one for key, one in self.job.metrics.items() if key not in self.lost})


def _run(workers: int, jobs: Sequence[Job], settings: Settings, on_start: OnStart) -> Iterator[Outcome]:
    """Run all jobs, each worker staying with one scene while it has cells left, so that a scene is rendered once.

    Each worker is a pool of one: that is what lets the library replace a dead one and us choose who gets what.
    """
    queues = _by_scene(jobs)
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soundstage-")))
        notes = [_Notes(folder, number) for number in range(min(workers, len(jobs)))]
        pools = []
        for note in notes:
            pool = ProcessPool(max_workers=1, context=context, initializer=_start, initargs=(settings, note))
            stack.callback(_close, pool)
            pools.append(pool)
        scene_of: dict[int, str] = {}
        running: dict[Any, tuple[int, _Task]] = {}
        idle = list(range(len(pools)))
        while idle or running:
            for number in list(idle):
                task = _next(queues, scene_of.get(number, ""), set(scene_of.values()))
                idle.remove(number)
                if task is None:
                    scene_of.pop(number, None)
                    continue
                scene_of[number] = task.job.cell.scene.address
                on_start(task.job, number)
                future: Any = pools[number].schedule(_run_here, args=(task.left,), timeout=settings.timeout_s)
                running[future] = (number, task)
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number, task = running.pop(future)
                idle.append(number)
                outcome = _outcome(future, task, settings, notes[number])
                if outcome is None:
                    queues.setdefault(task.job.cell.scene.address, deque()).appendleft(task)
                else:
                    yield outcome


def _by_scene(jobs: Sequence[Job]) -> dict[str, deque[_Task]]:
    queues: dict[str, deque[_Task]] = {}
    for job in jobs:
        queues.setdefault(job.cell.scene.address, deque()).append(_Task(job))
    return queues


def _next(queues: dict[str, deque[_Task]], own: str, taken: set[str]) -> _Task | None:
    """The next task for a worker: of its own scene, else of a scene nobody is at, else of the longest queue left."""
    if not queues:
        return None
    scene = own if own in queues else next((scene for scene in queues if scene not in taken), None)
    if scene is None:
        scene = max(queues, key=lambda address: len(queues[address]))
    task = queues[scene].popleft()
    if not queues[scene]:
        del queues[scene]
    return task


def _outcome(future: Any, task: _Task, settings: Settings, notes: _Notes) -> Outcome | None:
    """What became of the task; None where a metric took the worker with it and others are left to run."""
    job = task.job
    try:
        outcome: Outcome = future.result()
    except TimeoutError:
        status, what = "timeout", f"exceeded the limit of {settings.timeout_s:g} s for a cell; the worker was killed"
    except ProcessExpired as error:
        status, what = "crashed", _death(error, notes)
    except Exception as error:
        status, what = "failed", f"worker: {type(error).__name__}: {error}"
    else:
        if not task.lost:
            return outcome
        stages = {job.cell.scores[label]: stage for label, stage in task.lost.items()}
        record = replace(outcome.record, scores={**outcome.record.scores, **stages})
        return Outcome(job, record, outcome.rows)
    at = notes.stage.read_text(encoding="utf-8") if notes.stage.exists() else ""
    if at in job.metrics and at not in task.lost:
        task.lost[at] = Stage(status, f"metric '{at}', track '{job.cell.scene.track}': {what}")
        return None
    separator, track = job.cell.separator.label, job.cell.scene.track
    stage = Stage(status, f"separator '{separator}', track '{track}': {what}", details={"made_by": job.cell.made_by})
    skipped = {job.cell.scores[label]: Stage("skipped", "there are no estimates to score") for label in job.metrics}
    return Outcome(job, CellRecord(job.cell.address, stage, skipped, run=settings.run), score_rows([]))


def _death(error: ProcessExpired, notes: _Notes) -> str:
    code = error.exitcode
    how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    if code == -9:
        how += ", as when the system runs out of memory"
    said = notes.prints.read_text(encoding="utf-8", errors="replace").strip() if notes.prints.exists() else ""
    words = f"; it last said: {said[-LAST_WORDS:]}" if said else ""
    return f"the worker process died ({how}) while it ran this cell{words}"


def _close(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()


def _start(settings: Settings, notes: _Notes) -> None:
    """Make this process a worker; what plugins print in it is kept for an error and shown to nobody."""
    global _worker, _notes
    _notes = notes
    prints = os.open(notes.prints, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(prints, 1)
    os.dup2(prints, 2)
    os.close(prints)
    _worker = Worker(settings, _at, own_process=True)


def _at(stage: str) -> None:
    assert _notes is not None
    _notes.stage.write_text(stage, encoding="utf-8")


def _run_here(job: Job) -> Outcome:
    assert _worker is not None
    os.ftruncate(1, 0)
    return _worker.run(job)
