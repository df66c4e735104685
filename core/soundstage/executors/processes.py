"""In a pool of local processes. A worker that dies costs its own cell and is replaced."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import ExitStack
from functools import partial
from typing import Any

from pebble import ProcessExpired, ProcessPool

from soundstage.errors import StorageError
from soundstage.executors import Executor, OnStart
from soundstage.store import CellRecord, Stage, score_rows
from soundstage.worker import Job, Outcome, Settings, Worker

_worker: Worker | None = None


def process_pool(workers: int) -> Executor:
    """An executor of that many processes."""
    return partial(_run, workers)


def _run(workers: int, jobs: Sequence[Job], settings: Settings, on_start: OnStart) -> Iterator[Outcome]:
    """Run all jobs, each worker staying with one scene while it has cells left, so that a scene is rendered once.

    Each worker is a pool of one: that is what lets the library replace a dead one and us choose who gets what.
    """
    queues = _by_scene(jobs)
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        pools = []
        for _ in range(min(workers, len(jobs))):
            pool = ProcessPool(max_workers=1, context=context, initializer=_start, initargs=(settings,))
            stack.callback(_close, pool)
            pools.append(pool)
        scene_of: dict[int, str] = {}
        running: dict[Any, tuple[int, Job]] = {}
        idle = list(range(len(pools)))
        while idle or running:
            for number in list(idle):
                job = _next(queues, scene_of.get(number, ""), set(scene_of.values()))
                idle.remove(number)
                if job is None:
                    scene_of.pop(number, None)
                    continue
                scene_of[number] = job.cell.scene.address
                on_start(job, number)
                running[pools[number].schedule(_run_here, args=(job,))] = (number, job)
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number, job = running.pop(future)
                idle.append(number)
                yield _outcome(future, job, settings)


def _by_scene(jobs: Sequence[Job]) -> dict[str, deque[Job]]:
    queues: dict[str, deque[Job]] = {}
    for job in jobs:
        queues.setdefault(job.cell.scene.address, deque()).append(job)
    return queues


def _next(queues: dict[str, deque[Job]], own: str, taken: set[str]) -> Job | None:
    """The next job for a worker: of its own scene, else of a scene nobody is at, else of the longest queue left."""
    if not queues:
        return None
    scene = own if own in queues else next((scene for scene in queues if scene not in taken), None)
    if scene is None:
        scene = max(queues, key=lambda address: len(queues[address]))
    job = queues[scene].popleft()
    if not queues[scene]:
        del queues[scene]
    return job


def _outcome(future: Any, job: Job, settings: Settings) -> Outcome:
    try:
        outcome: Outcome = future.result()
        return outcome
    except StorageError:
        raise
    except ProcessExpired as error:
        stage = Stage(
            "crashed", f"separator '{job.cell.separator.label}', track '{job.cell.scene.track}': {_death(error)}"
        )
    except Exception as error:
        stage = Stage("failed", f"worker: {type(error).__name__}: {error}")
    skipped = {job.cell.scores[label]: Stage("skipped", "there are no estimates to score") for label in job.metrics}
    return Outcome(job, CellRecord(job.cell.address, stage, skipped, run=settings.run), score_rows([]))


def _death(error: ProcessExpired) -> str:
    code = error.exitcode
    how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    return f"the worker process died ({how}) while it ran this cell"


def _close(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()


def _start(settings: Settings) -> None:
    global _worker
    _worker = Worker(settings)


def _run_here(job: Job) -> Outcome:
    assert _worker is not None
    return _worker.run(job)
