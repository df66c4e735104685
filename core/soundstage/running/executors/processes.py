"""In a pool of local processes. A worker that dies or exceeds a limit costs its own stage and is replaced."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial

from soundstage.planning.jobs import Job
from soundstage.results.records import Status
from soundstage.running.executors.contract import Executor, OnStart
from soundstage.running.executors.interrupts import deferred_interrupts
from soundstage.running.executors.place import Done, Lost
from soundstage.running.executors.queue import SceneQueue, Task
from soundstage.running.executors.serving import Work
from soundstage.running.executors.workers import Pool
from soundstage.running.worker import Outcome, Settings, Worker

ATTEMPTS = 3
"""How often a cell is begun whose worker somebody kills; a fault of the cell's own is never tried again."""

STATUSES: dict[str, Status] = {
    "raised": "failed",
    "timeout": "timeout",
    "memory": "oom",
    "killed": "crashed",
    "died": "crashed",
}


def process_pool(workers: int) -> Executor:
    """An executor of that many processes."""
    return partial(_run, workers)


def _run(workers: int, jobs: Sequence[Job], settings: Settings, on_start: OnStart) -> Generator[Outcome, None, None]:
    """Run all jobs, each worker staying with one scene while it has cells left, so that a scene is rendered once."""
    queue = SceneQueue(jobs)
    size, limits = min(workers, len(jobs)), (settings.timeout_s, settings.memory_limit)
    with deferred_interrupts() as check, Pool(size, partial(_make, settings), *limits, settings.show_output) as pool:
        running: dict[int, Task] = {}
        once_more: dict[int, Task] = {}
        while queue or running or once_more:
            for number in pool.idle() if queue or once_more else ():
                task = once_more.pop(number, None) or queue.take(number)
                if task is None:
                    continue
                on_start(task.job, number)
                running[number] = task
                pool.give(number, task.left)
            ends = pool.ends()
            check()
            for end in ends:
                task = running.pop(end.number)
                if isinstance(end, Lost) and end.why == "memory" and not end.fresh:
                    once_more[end.number] = task  # in the worker that comes now: what was held may be of those before
                    continue
                outcome = task.completed(end.reply) if isinstance(end, Done) else _lost(task, end, settings.run)
                if outcome is not None:
                    yield outcome
                else:
                    queue.put_back(task)


def _lost(task: Task, end: Lost, run: str) -> Outcome | None:
    """What becomes of a task whose worker was lost; None where it goes back into its queue.

    That is where a metric took the worker with it and others are left to run, and where somebody killed the worker.
    """
    from_outside = end.why == "killed"
    if from_outside:
        task.times_killed += 1
        if task.times_killed < ATTEMPTS:
            return None
    if end.stage in task.job.metrics and end.stage not in task.lost_metrics:
        return task.lose(end.stage, STATUSES[end.why], end.what, from_outside)
    return task.failed(STATUSES[end.why], end.what, run, from_outside)


def _make(settings: Settings, number: int, on_stage: Callable[[str], None]) -> Work:
    """What works in a worker. Several devices are dealt in turn."""
    devices = settings.device.split(",")
    own = replace(settings, device=devices[number % len(devices)])
    return Worker.of(own, on_stage, own_process=True).run
