"""In a pool of local processes. A worker that dies or exceeds a limit costs its own stage and is replaced."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial

from soundstage.planning.jobs import Job
from soundstage.results.records import Status
from soundstage.running.executors.contract import Executor, OnStart
from soundstage.running.executors.flow import Flow, Step, Stepwise, Whole
from soundstage.running.executors.interrupts import deferred_interrupts
from soundstage.running.executors.place import Done, Lost
from soundstage.running.executors.queue import Task
from soundstage.running.executors.serving import Work
from soundstage.running.executors.steps import Hands
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


def process_pool(workers: int, scorers: int = 0) -> Executor:
    """An executor of that many processes, each at cells of its own; or, with scorers, which separate while so many
    others render and score."""
    return partial(_run, workers, scorers)


def _run(
    workers: int, scorers: int, jobs: Sequence[Job], settings: Settings, on_start: OnStart
) -> Generator[Outcome, None, None]:
    """Run all jobs, each worker staying with one scene while it has cells left, so that a scene is rendered once."""
    workers, scorers = min(workers, len(jobs)), min(scorers, len(jobs))
    limits = settings.timeout_s, settings.memory_limit
    make = partial(_make, settings, workers)
    with ExitStack() as stack:
        check = stack.enter_context(deferred_interrupts())
        flow: Flow = stack.enter_context(closing(Stepwise(jobs, workers, scorers))) if scorers else Whole(jobs)
        pool = stack.enter_context(Pool(workers + scorers, make, *limits, settings.show_output))
        running: dict[int, tuple[Step, float]] = {}
        once_more: dict[int, Step] = {}
        done: list[Outcome] = []
        while flow.waits or running or once_more:
            try:
                for number in pool.idle() if flow.waits or once_more else ():
                    step = once_more.pop(number, None) or flow.take(number)
                    if step is None:
                        continue
                    on_start(step.task.job, number)
                    running[number] = step, time.monotonic()
                    pool.give(number, flow.message(step), step.spent_s)
            finally:  # nobody waits for what was done to be committed, and it is, whatever comes
                yield from done
                done = []
            ends = pool.ends()
            check()
            for end in ends:
                step, since = running.pop(end.number)
                if isinstance(end, Lost) and end.why == "memory" and not end.fresh:
                    once_more[end.number] = step  # in the worker that comes now: what was held may be of those before
                    continue
                if isinstance(end, Done):
                    step.spent_s += time.monotonic() - since
                    outcome = flow.answered(step, end.reply)
                else:
                    outcome = _lost(step.task, end, settings.run)
                    (flow.end if outcome else flow.again)(step)
                done += [outcome] if outcome else []
        yield from done


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


def _make(settings: Settings, workers: int, number: int, on_stage: Callable[[str], None]) -> Work:
    """What works in a worker. Several devices are dealt in turn to those that separate."""
    devices = settings.device.split(",")
    own = replace(settings, device=devices[number % len(devices)] if number < workers else "cpu")
    return Hands(*(Worker.of(own, on_stage, own_process=True) for _ in range(2))).do
