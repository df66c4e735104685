"""On Dask workers: a cluster of this machine, or the one whose scheduler is named, on as many machines as it has.

The scheduler hands out nothing by itself: each worker gets one cell at a time from us, so that it stays with one scene.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

from soundstage.errors import NotInstalled, SoundstageError
from soundstage.executors import Executor, OnStart
from soundstage.executors.queue import SceneQueue, Task
from soundstage.worker import Job, Outcome, Settings, Worker

ATTEMPTS = 3
"""How often a cell is begun whose worker is lost."""

LOOK_S = 0.25
"""Seconds between looks at which workers there are."""

PATIENCE_S = 120.0
"""Seconds without any worker after which a run gives up."""

GPU = "GPU"
"""The Dask resource of which a cell takes one where workers declare it."""

_workers: dict[Settings, Worker] = {}


def dask_cluster(workers: int, scheduler: str = "") -> Executor:
    """An executor on the cluster at that address; without one, on a local cluster of that many processes.

    Raises NotInstalled where Dask is not, SoundstageError where the scheduler cannot be reached.
    """
    return partial(_run, workers, scheduler)


def _run(workers: int, scheduler: str, jobs: Sequence[Job], settings: Settings, on_start: OnStart) -> Iterator[Outcome]:
    """Run all jobs. A worker that is lost costs nothing but time, unless a cell loses it every time."""
    with ExitStack() as stack:
        client = _client(stack, workers, scheduler, settings)
        queue = SceneQueue(jobs)
        running: dict[str, tuple[Any, Task, float]] = {}
        numbers: dict[str, int] = {}
        timed_out: set[str] = set()
        alone_since = time.monotonic()
        while queue or running:
            live = client.scheduler_info(n_workers=-1)["workers"]
            if live:
                alone_since = time.monotonic()
            elif time.monotonic() - alone_since > PATIENCE_S:
                raise SoundstageError(
                    f"no Dask worker has been there for {PATIENCE_S:.0f} s; start some, and run the same command again"
                )
            for address, facts in live.items():
                if address in running:
                    continue
                task = queue.take(address)
                if task is None:
                    break
                number = numbers.setdefault(address, len(numbers))
                on_start(task.job, number)
                resources = {GPU: 1} if facts.get("resources", {}).get(GPU) else None
                future = client.submit(
                    _run_there, task.left, settings, number, pure=False, workers=[address], resources=resources
                )
                running[address] = (future, task, time.monotonic())
            time.sleep(0.002 if _any_done(running) else LOOK_S / 10)
            for address, (future, task, since) in list(running.items()):
                if future.done():
                    outcome = _outcome(future, task, settings, address in timed_out)
                elif address not in live:
                    outcome = _lost(task, settings, address in timed_out)
                else:
                    if (
                        settings.timeout_s
                        and time.monotonic() - since > settings.timeout_s
                        and address not in timed_out
                    ):
                        timed_out.add(address)
                        client.restart_workers([address], raise_for_error=False)
                    continue
                del running[address]
                timed_out.discard(address)
                if address not in live:
                    queue.forget(address)
                future.cancel()
                if outcome is None:
                    queue.put_back(task)
                else:
                    yield outcome


def _any_done(running: dict[str, tuple[Any, Task, float]]) -> bool:
    return any(future.done() for future, _, _ in running.values())


def _client(stack: ExitStack, workers: int, scheduler: str, settings: Settings) -> Any:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise NotInstalled("--executor dask needs Dask: pip install 'soundstage[dask]'") from None
    if scheduler:
        try:
            return stack.enter_context(Client(scheduler, timeout=20, set_as_default=False))
        except (OSError, TimeoutError, ValueError) as error:
            raise SoundstageError(
                f"no Dask scheduler answers at {scheduler} ({type(error).__name__}); start one or leave --scheduler out"
            ) from None
    cluster = stack.enter_context(
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            memory_limit=settings.memory_limit or 0,
            silence_logs=50,
        )
    )
    return stack.enter_context(Client(cluster, set_as_default=False))


def _run_there(job: Job, settings: Settings, number: int) -> Outcome:
    """Runs in a Dask worker's process, which keeps its models and its scene between cells."""
    if settings not in _workers:
        devices = settings.device.split(",")
        own = replace(settings, device=devices[number % len(devices)])
        _workers.clear()
        _workers[settings] = Worker(own, own_process=True)
    return _workers[settings].run(job)


def _outcome(future: Any, task: Task, settings: Settings, timed_out: bool) -> Outcome | None:
    """What became of a task that ended; None where it is to be begun again."""
    if future.status == "finished":
        return task.completed(future.result())
    if future.status == "cancelled" or type(future.exception()).__name__ in ("KilledWorker", "CommClosedError"):
        return _lost(task, settings, timed_out)
    error = future.exception()
    return task.failed("failed", f"worker: {type(error).__name__}: {error}", settings.run)


def _lost(task: Task, settings: Settings, timed_out: bool) -> Outcome | None:
    """What becomes of a task whose worker is gone; None where it is to be begun again."""
    if timed_out:
        what = f"exceeded the limit of {settings.timeout_s:g} s for a cell; the worker was restarted"
        return task.failed("timeout", what, settings.run)
    task.kills += 1
    if task.kills < ATTEMPTS:
        return None
    return task.failed("crashed", f"{ATTEMPTS} workers were lost while they ran this cell", settings.run)
