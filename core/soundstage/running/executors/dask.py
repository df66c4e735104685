"""On Dask workers: a cluster of this machine, or the one whose scheduler is named, on as many machines as it has.

The scheduler hands out nothing by itself: each worker gets one cell at a time from us, so that it stays with one scene.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from soundstage.catalogue.registry import Choice
from soundstage.errors import NotInstalled, SoundstageError, StorageError
from soundstage.planning.jobs import Job
from soundstage.results.records import Status
from soundstage.running.executors.contract import Executor, OnStart
from soundstage.running.executors.interrupts import heard_later, unheard_by_children
from soundstage.running.executors.queue import SceneQueue, Task
from soundstage.running.provenance import machine, packages_of, versions
from soundstage.running.worker import Outcome, Settings, Worker

ATTEMPTS = 3
"""How often a cell is begun whose worker is lost."""

LOOK_S = 0.25
"""Seconds between looks at which workers there are."""

PATIENCE_S = 120.0
"""Seconds without any worker after which a run on this machine gives up, and one on a cluster says that it waits."""

GPU = "GPU"
"""The Dask resource of which a cell takes one where workers declare it."""

STAGES = "soundstage-stages"
"""The topic under which workers tell the scheduler what they begin, for those that do not come back from it."""

_workers: dict[Settings, tuple[Worker, Mapping[str, Any]]] = {}
_log = logging.getLogger("soundstage")


class Unlike(SoundstageError):
    """A worker whose numbers would be others than those that they are filed under."""


def dask_cluster(workers: int, scheduler: str = "") -> Executor:
    """An executor on the cluster at that address; without one, on a local cluster of that many processes.

    Raises NotInstalled where Dask is not, SoundstageError where the scheduler cannot be reached.
    """
    return partial(_run, workers, scheduler)


def _run(
    workers: int, scheduler: str, jobs: Sequence[Job], settings: Settings, on_start: OnStart
) -> Generator[Outcome, None, None]:
    """Run all jobs. A worker that is lost costs nothing but time, unless a cell loses it every time."""
    if isinstance(settings.out, Path):  # workers keep estimates there, wherever they run
        settings = replace(settings, out=settings.out.absolute())
    expected = versions(packages_of(_choices(jobs)))
    with heard_later() as check, ExitStack() as stack:
        client = _client(stack, workers, scheduler)
        queue = SceneQueue(jobs)
        running: dict[str, tuple[Any, Task, float]] = {}
        numbers: dict[str, int] = {}
        killed: dict[str, tuple[Status, str]] = {}
        alone_since = time.monotonic()
        while queue or running:
            live = _usable(_live(client), settings)
            if live:
                alone_since = time.monotonic()
            elif time.monotonic() - alone_since > PATIENCE_S:
                if not scheduler:
                    raise SoundstageError(
                        f"no Dask worker has been there for {PATIENCE_S:.0f} s; run the same command again"
                    )
                _log.warning("no Dask worker is at %s; waiting for one", scheduler)
                alone_since = time.monotonic()
            for address, facts in live.items():
                if address in running:
                    continue
                task = queue.take(address)
                if task is None:
                    break
                number = numbers.setdefault(address, len(numbers))
                on_start(task.job, number)
                resources = {GPU: 1} if facts.get("resources", {}).get(GPU) else None
                arguments = (task.left, settings, number, expected)
                future = client.submit(_run_there, *arguments, pure=False, workers=[address], resources=resources)
                running[address] = (future, task, time.monotonic())
            time.sleep(0.002 if _any_done(running) else LOOK_S / 10)
            check()
            for address, (future, task, since) in list(running.items()):
                if future.done():
                    outcome = _outcome(client, future, task, settings, killed.get(address))
                elif address not in live:
                    outcome = _lost(client, task, settings, killed.get(address))
                else:
                    if address not in killed and (why := _excess(live[address], time.monotonic() - since, settings)):
                        killed[address] = why
                        client.restart_workers([address], raise_for_error=False)
                    continue
                del running[address]
                killed.pop(address, None)
                if address not in live:
                    queue.forget(address)
                future.cancel()
                if outcome is None:
                    queue.put_back(task)
                else:
                    yield outcome


def _choices(jobs: Sequence[Job]) -> Iterator[Choice]:
    """The plugins whose numbers the jobs' are."""
    for job in jobs:
        yield from (job.cell.scene.dataset, job.cell.scene.spatializer, job.cell.separator)
        yield from (metric.choice for metric in job.metrics.values())


def _live(client: Any) -> Mapping[str, Mapping[str, Any]]:
    """The workers that are there. Raises SoundstageError where their scheduler is gone."""
    try:
        workers: Mapping[str, Mapping[str, Any]] = client.scheduler_info(n_workers=-1)["workers"]
    except (KeyError, OSError):
        raise SoundstageError(
            "Dask's scheduler is gone; every finished cell is kept: start a scheduler and run the same command again"
        ) from None
    return workers


def _usable(live: Mapping[str, Mapping[str, Any]], settings: Settings) -> Mapping[str, Mapping[str, Any]]:
    """The workers to use: where a GPU is asked for and some of them declare one, those alone."""
    with_gpu = {address: facts for address, facts in live.items() if facts.get("resources", {}).get(GPU)}
    return with_gpu if with_gpu and settings.device.startswith("cuda") else live


def _excess(facts: Mapping[str, Any], seconds: float, settings: Settings) -> tuple[Status, str] | None:
    """The status and the sentence of a cell that takes more time or memory than it may; None where it does not."""
    if settings.timeout_s and seconds > settings.timeout_s:
        return "timeout", f"exceeded the limit of {settings.timeout_s:g} s for a cell; the worker was restarted"
    if settings.memory_limit and facts.get("metrics", {}).get("memory", 0) > settings.memory_limit:
        limit = f"{settings.memory_limit / 1e9:.3g} GB"
        return "oom", f"out of memory: the worker held more than its limit of {limit}; raise --memory-limit"
    return None


def _any_done(running: dict[str, tuple[Any, Task, float]]) -> bool:
    return any(future.done() for future, _, _ in running.values())


def _client(stack: ExitStack, workers: int, scheduler: str) -> Any:
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
    with unheard_by_children():
        cluster = stack.enter_context(
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                memory_limit=0,  # ours, which knows what to say
                silence_logs=50,
            )
        )
        return stack.enter_context(Client(cluster, set_as_default=False))


def _run_there(job: Job, settings: Settings, number: int, expected: Mapping[str, str]) -> Outcome:
    """Runs in a Dask worker's process, which keeps its models and its scene between cells."""
    from distributed import get_worker

    if settings not in _workers:
        here = {name: value for name, value in machine().items() if name in ("host", "processor", "gpus") and value}
        found = versions(expected)
        other = {name: found.get(name, "none") for name in expected if found.get(name) != expected[name]}
        if other:
            told = ", ".join(f"{name} {own}, and the run has {expected[name]}" for name, own in other.items())
            raise Unlike(f"the Dask worker on {here['host']} has {told}; install the same versions everywhere")
        devices = settings.device.split(",")
        own = replace(settings, device=devices[number % len(devices)])
        _workers.clear()
        _workers[settings] = Worker.of(own, own_process=True), here
    worker, ran_on = _workers[settings]
    worker.on_stage = lambda stage: get_worker().log_event(STAGES, {"cell": job.cell.address, "stage": stage})
    outcome = worker.run(job)
    separation = replace(outcome.record.separation, details={**outcome.record.separation.details, "ran_on": ran_on})
    return replace(outcome, record=replace(outcome.record, separation=separation))


def _outcome(
    client: Any, future: Any, task: Task, settings: Settings, killed: tuple[Status, str] | None
) -> Outcome | None:
    """What became of a task that ended; None where it is to be begun again, or more of it run."""
    if future.status == "finished":
        return task.completed(future.result())
    if future.status == "cancelled" or type(future.exception()).__name__ in ("KilledWorker", "CommClosedError"):
        return _lost(client, task, settings, killed)
    error = future.exception()
    if isinstance(error, (StorageError, Unlike)):
        raise error
    return task.failed("failed", f"worker: {type(error).__name__}: {error}", settings.run)


def _lost(client: Any, task: Task, settings: Settings, killed: tuple[Status, str] | None) -> Outcome | None:
    """What becomes of a task whose worker is gone; None where it is to be begun again, or more of it run.

    What we killed ran for long enough for its stage to be known. Who loses every worker may do so before anybody hears
    of what it began: then its stages are run one by one.
    """
    if killed:
        stage = _stage(client, task)
        if stage in task.job.metrics and stage not in task.lost:
            return task.lose(stage, *killed)
        return task.failed(*killed, settings.run)
    task.kills += 1
    if task.kills < ATTEMPTS:
        return None
    what = f"{ATTEMPTS} workers were lost while they ran it"
    if task.found is None and task.left.metrics:
        task.found, task.kills = [], 0
        return None
    if task.found:
        return task.lose(next(iter(task.left.metrics)), "crashed", what)
    return task.failed("crashed", what, settings.run)


def _stage(client: Any, task: Task) -> str:
    """The last that was begun of the task's cell."""
    told = [facts for _, facts in client.get_events(STAGES) if facts["cell"] == task.job.cell.address]
    return str(told[-1]["stage"]) if told else ""
