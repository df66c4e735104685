"""On Dask workers: a cluster of this machine, or the one whose scheduler is named, on as many machines as it has.

The scheduler hands out nothing by itself: each worker gets one cell at a time from us, so that it stays with one scene.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from soundstage.catalogue.registry import Choice
from soundstage.errors import NotInstalled, SoundstageError, StorageError
from soundstage.planning.jobs import Job
from soundstage.results.records import Status
from soundstage.running.executors.contract import Executor, OnStart
from soundstage.running.executors.interrupts import (
    OURS,
    SAFE_PATH,
    deferred_interrupts,
    interrupts_blocked_in_children,
    own_modules_in_children,
)
from soundstage.running.executors.place import descendants
from soundstage.running.executors.queue import SceneQueue, Task
from soundstage.running.executors.serving import adopt_orphans
from soundstage.running.executors.starting import GUARD
from soundstage.running.executors.streams import StandardStreams
from soundstage.running.provenance import machine, packages_of, versions
from soundstage.running.worker import Outcome, Settings, Worker

ATTEMPTS = 3
"""How often a cell is begun whose worker is lost."""

LOOK_S = 0.25
"""Seconds between looks at which workers there are."""

ANSWER_S = 10.0
"""Seconds that a scheduler has to answer."""

FRESH_S = 30.0
"""Seconds for which a cell that wants a worker of its own waits for one."""

LOST_S = 7 * 24 * 3600.0
"""Seconds after which a local cluster gives up a place whose worker is not there at that very moment: never, here, or
the second crash of two that are so far apart would end it.
"""

PATIENCE_S = 120.0
"""Seconds without any worker after which a run on this machine gives up, and one on a cluster says that it waits."""

GPU = "GPU"
"""The Dask resource of which a cell takes one where workers declare it."""

STAGES = "soundstage-stages"
"""The topic under which workers tell the scheduler what they begin, for those that do not come back from it."""

CERTIFICATES = tuple(f"DASK_DISTRIBUTED__COMM__TLS__{part}" for part in ("CA_FILE", "CLIENT__CERT", "CLIENT__KEY"))
"""The variables that tell Dask's client of its certificates."""

_workers: dict[Settings, tuple[Worker, Mapping[str, Any]]] = {}
_streams: list[StandardStreams] = []
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
    with deferred_interrupts() as check, ExitStack() as stack:
        client, cluster = _client(stack, workers, scheduler)
        crew = _Crew(client, cluster, scheduler, settings)
        queue = SceneQueue(jobs)
        running: dict[str, _Running] = {}
        once_more: list[tuple[Task, float]] = []
        something_done = threading.Event()
        while queue or running or once_more:
            for address, facts in crew.look().items():
                if address in running or not crew.is_ready(address, something_done.set):
                    continue
                task = _next(queue, once_more, address, fresh=address not in crew.served)
                if task is None:
                    continue
                number = crew.number(address)
                on_start(task.job, number)
                resources = {GPU: 1} if facts.get("resources", {}).get(GPU) else None
                arguments = (task.left, settings, number, expected)
                future = client.submit(_run_there, *arguments, pure=False, workers=[address], resources=resources)
                future.add_done_callback(lambda _: something_done.set())
                running[address] = _Running(future, task, time.monotonic(), address not in crew.served)
            something_done.wait(LOOK_S)
            something_done.clear()
            check()
            live = crew.look()
            for address, at in list(running.items()):
                if not at.future.done() and address in live:
                    if at.ended_for is None:
                        at.ended_for = _excess(live[address], time.monotonic() - at.since, settings)
                        if at.ended_for:
                            crew.restart(address)
                    continue
                outcome = None
                came_back = at.future.status == "finished"
                once = not came_back and at.ended_for is not None and at.ended_for[0] == "oom" and not at.fresh
                if once:  # what was held may be of those before
                    once_more.append((at.task, time.monotonic()))
                elif at.future.done():
                    outcome = _outcome(client, at, settings)
                else:
                    outcome = _lost(client, at, settings)
                del running[address]
                at.future.cancel()
                if came_back:
                    crew.served.add(address)
                else:
                    crew.forget(address)
                    queue.forget(address)
                if outcome is not None:
                    yield outcome
                elif not once:
                    queue.put_back(at.task)


@dataclass(slots=True)
class _Running:
    """A task that a worker is at. fresh: whether it is the first that worker does. ended_for: why we ended it."""

    future: Any
    task: Task
    since: float
    fresh: bool
    ended_for: tuple[Status, str] | None = None


class _Crew:
    """The workers that are there, asked for now and then. served: those that have done something."""

    def __init__(self, client: Any, cluster: Any, scheduler: str, settings: Settings) -> None:
        self.served: set[str] = set()
        self._client, self._cluster, self._scheduler, self._settings = client, cluster, scheduler, settings
        self._numbers: dict[str, int] = {}
        self._starting: dict[str, Any] = {}
        self._live: Mapping[str, Mapping[str, Any]] = {}
        self._asked: float | None = None
        self._alone_since = time.monotonic()

    def look(self) -> Mapping[str, Mapping[str, Any]]:
        """Address → what the scheduler knew of each not long ago. Raises SoundstageError where there are none."""
        now = time.monotonic()
        if self._asked is not None and now - self._asked < LOOK_S:
            return self._live
        self._asked, self._live = now, _usable(_live(self._client), self._settings)
        if self._live:
            self._alone_since = now
        elif now - self._alone_since > PATIENCE_S:
            if not self._scheduler:
                raise SoundstageError(
                    f"no Dask worker has been there for {PATIENCE_S:.0f} s; run the same command again"
                )
            _log.warning("no Dask worker is at %s; waiting for one", self._scheduler)
            self._alone_since = now
        return self._live

    def is_ready(self, address: str, on_ready: Callable[[], None]) -> bool:
        """Whether a worker has come up, which takes none of a cell's time, and costs it nothing where it fails."""
        future = self._starting.get(address)
        if future is None or future.status in ("cancelled", "error", "lost"):
            future = self._starting[address] = self._client.submit(_come_up, pure=False, workers=[address])
            future.add_done_callback(lambda _: on_ready())
        return bool(future.status == "finished")

    def number(self, address: str) -> int:
        """The worker's number."""
        return self._numbers.setdefault(address, len(self._numbers))

    def forget(self, address: str) -> None:
        """The worker is gone, or is a new one by now."""
        self.served.discard(address)
        self._starting.pop(address, None)
        self._asked = None

    def restart(self, address: str) -> None:
        """End a worker and have another in its place; on this machine, what it started ends with it."""
        started = [pid for nanny in _nannies(self._cluster, address) for pid in descendants(nanny.pid)]
        self._client.restart_workers([address], raise_for_error=False)
        _kill(started)


def _nannies(cluster: Any, address: str = "") -> list[Any]:
    """Who looks after the workers of this machine, or after one of them; nobody on a cluster of the user's."""
    found = () if cluster is None else cluster.workers.values()
    return [nanny for nanny in found if nanny.pid and address in ("", nanny.worker_address)]


def _end_what_they_started(cluster: Any) -> None:
    _kill([pid for nanny in _nannies(cluster) for pid in descendants(nanny.pid)])


def _kill(pids: Sequence[int]) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _next(queue: SceneQueue, once_more: list[tuple[Task, float]], address: str, fresh: bool) -> Task | None:
    """What a worker is to do next: what wants a fresh one, where it is that or none came; else the queue's next."""
    if once_more and (fresh or time.monotonic() - once_more[0][1] > FRESH_S):
        return once_more.pop(0)[0]
    return queue.take(address)


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


def _client(stack: ExitStack, workers: int, scheduler: str) -> tuple[Any, Any]:
    """A client, and the cluster that was started for it; none where there is a scheduler already."""
    try:
        import dask
        from distributed import Client, LocalCluster
        from distributed.comm.registry import backends
    except ImportError:
        raise NotInstalled("--executor dask needs Dask: pip install 'soundstage[dask]'") from None
    if scheduler:
        protocol, separator, _ = scheduler.partition("://")
        if separator and protocol not in backends:
            raise SoundstageError(
                f"no Dask scheduler can be at {scheduler}: '{protocol}' is not one of {', '.join(sorted(backends))};"
                " give its address as in tcp://10.0.0.1:8786, or leave --scheduler out"
            )
        if protocol == "tls":
            _check_certificates(scheduler)
        try:
            return stack.enter_context(Client(scheduler, timeout=ANSWER_S, set_as_default=False)), None
        except (OSError, TimeoutError, ValueError, TypeError) as error:
            raise SoundstageError(
                f"no Dask scheduler answers at {scheduler} ({type(error).__name__}); start one or leave --scheduler out"
            ) from None
    stack.enter_context(own_modules_in_children())
    stack.enter_context(dask.config.set({"distributed.deploy.lost-worker-timeout": LOST_S}))
    with interrupts_blocked_in_children():
        try:
            cluster = stack.enter_context(
                LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",  # whatever port is free: two runs may go at once
                    memory_limit=0,  # ours, which knows what to say
                    silence_logs=50,
                )
            )
        except (OSError, RuntimeError, TimeoutError) as error:
            raise SoundstageError(
                f"no Dask worker could start on this machine ({type(error).__name__}: {error}); {GUARD}, or use"
                " workers=1 without Dask"
            ) from None
        stack.callback(_end_what_they_started, cluster)
        return stack.enter_context(Client(cluster, set_as_default=False)), cluster


def _check_certificates(scheduler: str) -> None:
    """Raise SoundstageError where this process has not been told of the certificates that a TLS scheduler asks for."""
    from distributed.security import Security

    why = "they are not set"
    try:
        if Security().get_connection_args("client").get("ssl_context") is not None:
            return
    except OSError as error:  # what OpenSSL says of a file that is no certificate is one too
        why = f"one of them cannot be used: {error.strerror or error}"
    raise SoundstageError(
        f"{scheduler} speaks TLS and asks for certificates, and {why}; set {', '.join(CERTIFICATES)} to their files, as"
        " docs/security.md shows"
    )


def _come_up() -> None:
    """Make a Dask worker's process ready for cells; that this module can be called there has loaded what they need."""
    if not _streams:
        adopt_orphans()
        _streams.append(StandardStreams())
        if os.environ.get(SAFE_PATH) == OURS:
            del os.environ[SAFE_PATH]  # it was for this process, and not for what plugins start


def _run_there(job: Job, settings: Settings, number: int, expected: Mapping[str, str]) -> Outcome:
    """Runs in a Dask worker's process, which keeps its models and its scene between cells."""
    from distributed import get_worker

    _come_up()
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
    _streams[0].restore()
    separation = replace(outcome.record.separation, details={**outcome.record.separation.details, "ran_on": ran_on})
    return replace(outcome, record=replace(outcome.record, separation=separation))


def _outcome(client: Any, at: _Running, settings: Settings) -> Outcome | None:
    """What became of a task that ended; None where it is to be begun again, or more of it run."""
    if at.future.status == "finished":
        return at.task.completed(at.future.result())
    if at.future.status == "cancelled" or type(at.future.exception()).__name__ in ("KilledWorker", "CommClosedError"):
        return _lost(client, at, settings)
    error = at.future.exception()
    if isinstance(error, (StorageError, Unlike)):
        raise error
    return at.task.failed("failed", f"worker: {type(error).__name__}: {error}", settings.run)


def _lost(client: Any, at: _Running, settings: Settings) -> Outcome | None:
    """What becomes of a task whose worker is gone; None where it is to be begun again, or more of it run.

    What we killed ran for long enough for its stage to be known. Who loses every worker may do so before anybody hears
    of what it began: then its stages are run one by one. Dask does not tell how a worker ended, so that this is
    evidence enough.
    """
    task = at.task
    if at.ended_for:
        stage = _stage(client, task)
        if stage in task.job.metrics and stage not in task.lost_metrics:
            return task.lose(stage, *at.ended_for)
        return task.failed(*at.ended_for, settings.run)
    task.times_killed += 1
    if task.times_killed < ATTEMPTS:
        return None
    what = f"{ATTEMPTS} workers were lost while they ran it"
    if task.one_by_one is None and task.left.metrics:
        task.one_by_one, task.times_killed = [], 0
        return None
    if task.one_by_one:
        return task.lose(next(iter(task.left.metrics)), "crashed", what)
    return task.failed("crashed", what, settings.run)


def _stage(client: Any, task: Task) -> str:
    """The last that was begun of the task's cell."""
    told = [facts for _, facts in client.get_events(STAGES) if facts["cell"] == task.job.cell.address]
    return str(told[-1]["stage"]) if told else ""
