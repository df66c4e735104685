"""A pool of local processes, for whatever is to be done in them: each does one thing at a time and may die of it.

Whether a worker lives is asked of its process, never of the line to it, which what it started may hold open.
"""

from __future__ import annotations

import pickle
import signal
import tempfile
import time
from multiprocessing.connection import wait
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from soundstage.running.executors.place import Done, Lost, Place
from soundstage.running.executors.serving import Make
from soundstage.running.executors.starting import not_started, refuse_where_no_worker_starts

LOOK_S = 0.2
"""Seconds between looks at what the workers hold, and whether they are there."""

END_S = 1.0
"""Seconds that workers with nothing left to do have to end by themselves."""

STARTS = 10
"""How often in a row a worker may be killed by others while it starts."""

KILLED = (None, -signal.SIGKILL, -signal.SIGTERM)
"""Exit codes of what somebody ended."""


class Pool:
    """So many workers, each started when there is something to do, and again when it has died.

    make: called once in each worker, with its number and what is to be told of stages; what it returns answers
    messages. timeout_s, memory_limit: the seconds a message may take and the bytes its worker may hold, what it started
    included. show: whether what workers print goes to standard error, line by line with the worker's number; else it
    is kept for the last words of one that dies. doing: what one that dies was at, in a sentence.
    """

    def __init__(
        self,
        size: int,
        make: Make,
        timeout_s: float | None = None,
        memory_limit: int | None = None,
        show: bool = False,
        doing: str = "ran this cell",
    ) -> None:
        refuse_where_no_worker_starts()
        self._timeout_s, self._memory_limit = timeout_s, memory_limit
        self._show, self._doing = show, doing
        self._folder = tempfile.TemporaryDirectory(prefix="soundstage-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        self._workers = [Place(number, make, folder) for number in range(size)]
        self._looked = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all workers and whatever they started; those with nothing to do may say goodbye."""
        living = [worker for worker in self._workers if worker.process is not None]
        patient = kind is None and not self.busy
        for worker in living:
            if patient and worker.ready:
                worker.part()
            else:
                worker.kill()
        until = time.monotonic() + END_S
        for worker in living:
            assert worker.process is not None
            worker.process.join(max(0.0, until - time.monotonic()))
            worker.end()
            if self._show:
                worker.show_prints()
        self._folder.cleanup()

    @property
    def busy(self) -> bool:
        """Whether any worker is at something."""
        return any(worker.is_busy for worker in self._workers)

    def idle(self) -> list[int]:
        """The numbers of the workers that have nothing to do; those that are not there are started.

        Raises SoundstageError where a worker cannot be.
        """
        for worker in self._workers:
            if worker.process is None:
                worker.start()
        return [worker.number for worker in self._workers if worker.ready and not worker.is_busy]

    def give(self, number: int, message: Any, spent_s: float = 0.0) -> None:
        """Have an idle worker answer a message. spent_s: of the seconds that it may take, those that others took."""
        worker = self._workers[number]
        if self._show:
            worker.show_prints()
        worker.forget_prints()
        worker.since, worker.stage = time.monotonic() - spent_s, ""
        worker.send(pickle.dumps(message))

    def ends(self) -> list[Done | Lost]:
        """What has ended since: after a while at the latest, and as soon as there is something or a worker is ready.

        Raises StorageError where a worker cannot keep what it made, SoundstageError where one does not come up.
        """
        living = [worker for worker in self._workers if worker.process is not None]
        handles = [handle for worker in living for handle in worker.handles]
        fired = set(wait(handles, LOOK_S)) if handles else set()
        look = time.monotonic() - self._looked > LOOK_S
        if look:
            self._looked = time.monotonic()
        found: list[Done | Lost] = []
        for worker in living:
            if fired.intersection(worker.handles):
                found += worker.answers()
            if look and self._show:
                worker.show_prints()
            if worker.process is None:
                continue
            if look or worker.sentinel in fired:
                self._end_where_too_much(worker)
                if worker.is_dead(worker.sentinel in fired):
                    found += worker.answers()
                    found += self._lost(worker)
        return found

    def _end_where_too_much(self, worker: Place) -> None:
        if worker.since is None or worker.ended_for:
            return
        if self._timeout_s and time.monotonic() - worker.since > self._timeout_s:
            worker.ended_for = "timeout"
        elif self._memory_limit and worker.held() > self._memory_limit:
            worker.ended_for = "memory"
        if worker.ended_for:
            worker.kill()

    def _lost(self, worker: Place) -> list[Done | Lost]:
        """What the death of a worker costs; it is buried."""
        was_ready, was_busy = worker.ready, worker.is_busy
        code, said = worker.end(), worker.last_words()
        how = "nobody knows how" if code is None else f"signal {-code}" if code < 0 else f"exit code {code}"
        if not was_ready:
            worker.starts += 1
            if code not in KILLED or worker.starts >= STARTS:
                raise not_started(how, said)
            return []
        if not was_busy:
            return []
        fresh, stage = worker.answered == 0, worker.stage
        if worker.ended_for == "timeout":
            limit = f"exceeded the limit of {self._timeout_s:g} s for a cell; the worker was killed"
            return [Lost(worker.number, "timeout", limit, stage, fresh)]
        if worker.ended_for == "memory":
            held = f"the worker held more than its limit of {(self._memory_limit or 0) / 1e9:.3g} GB"
            return [Lost(worker.number, "memory", f"out of memory: {held}; raise --memory-limit", stage, fresh)]
        if code == -signal.SIGKILL:
            how += ", as when the system runs out of memory"
        words = f"; it last said: {said}" if said else ""
        what = f"the worker process died ({how}) while it {self._doing}{words}"
        return [Lost(worker.number, "killed" if code in KILLED else "died", what, stage, fresh)]
