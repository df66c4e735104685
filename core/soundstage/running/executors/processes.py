"""In a pool of local processes. A worker that dies or exceeds the time limit costs its own stage and is replaced."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool

from soundstage.errors import StorageError
from soundstage.isolation.server import die_with_parent
from soundstage.planning.jobs import Job
from soundstage.results.records import Status
from soundstage.running.executors.contract import Executor, OnStart
from soundstage.running.executors.interrupts import heard_later, unheard_by_children
from soundstage.running.executors.queue import SceneQueue, Task
from soundstage.running.worker import Outcome, Settings, Worker

LAST_WORDS = 300
"""Characters of what a dead worker printed that go into its cell's error."""

ATTEMPTS = 3
"""How often a cell is begun whose worker somebody kills; a fault of the cell's own is never tried again."""

LOOK_S = 0.2
"""Seconds between looks at what the workers hold, and whether they are there."""

KILLED = (-signal.SIGKILL, -signal.SIGTERM)

_worker: Worker | None = None
_notes: _Notes | None = None


def process_pool(workers: int) -> Executor:
    """An executor of that many processes."""
    return partial(_run, workers)


@dataclass(frozen=True, slots=True)
class _Notes:
    """Small files a slot: the process ids of its workers, the stage the last is at, what it printed, its outcome."""

    folder: Path
    number: int

    @property
    def process(self) -> Path:
        return self.folder / f"{self.number}.process"

    def processes(self) -> list[int]:
        """The workers that the slot's pool has had, the last one last: it replaces one that died before we know."""
        try:
            return [int(line) for line in self.process.read_text(encoding="utf-8").split()]
        except (OSError, ValueError):
            return []

    @property
    def stage(self) -> Path:
        return self.folder / f"{self.number}.stage"

    @property
    def outcome(self) -> Path:
        return self.folder / f"{self.number}.outcome"

    @property
    def prints(self) -> Path:
        return self.folder / f"{self.number}.prints"


def _run(workers: int, jobs: Sequence[Job], settings: Settings, on_start: OnStart) -> Generator[Outcome, None, None]:
    """Run all jobs, each worker staying with one scene while it has cells left, so that a scene is rendered once."""
    queue = SceneQueue(jobs)
    with heard_later() as check, ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soundstage-")))
        slots = [stack.enter_context(_Slot(_Notes(folder, n), settings)) for n in range(min(workers, len(jobs)))]
        running: dict[Any, tuple[_Slot, Task]] = {}
        idle = list(slots)
        over: set[int] = set()
        looked = time.monotonic()
        while idle or running:
            for slot in idle:
                task = queue.take(slot.notes.number)
                if task is not None:
                    on_start(task.job, slot.notes.number)
                    running[slot.schedule(task.left)] = (slot, task)
            idle = []
            if not running:
                break
            while True:
                done = _done(running)
                check()
                if settings.memory_limit and time.monotonic() - looked > LOOK_S:
                    over |= _kill_the_greedy([slot.notes for slot, _ in running.values()], settings)
                    looked = time.monotonic()
                if done:
                    break
            for future in done:
                slot, task = running.pop(future)
                idle.append(slot)
                outcome = _outcome(future, task, settings, slot, slot.notes.number in over)
                over.discard(slot.notes.number)
                if outcome is None:
                    queue.put_back(task)
                else:
                    yield outcome


class _Slot:
    """A place for one worker at a time. Each is a pool of one, and the next worker is in a pool of its own.

    A worker that is killed may leave what it shared with its pool locked or half written.
    """

    def __init__(self, notes: _Notes, settings: Settings) -> None:
        self.notes = notes
        self._settings = settings
        self._pool: ProcessPool | None = None

    def __enter__(self) -> _Slot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def schedule(self, job: Job) -> Any:
        """The future of the job, in the worker that is here or in a new one."""
        if self._pool is not None and not self._pool.active:
            self.close()  # it died while it had nothing to do
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            initial = (self._settings, self.notes)
            self._pool = ProcessPool(max_workers=1, context=context, initializer=_start, initargs=initial)
        try:
            with unheard_by_children():
                return self._pool.schedule(_run_here, args=(job,), timeout=self._settings.timeout_s)
        except RuntimeError:  # it died since we looked
            self.close()
            return self.schedule(job)

    @property
    def broken(self) -> bool:
        """Whether what is scheduled here will never be done."""
        return self._pool is None or not self._pool.active

    def close(self) -> None:
        """End the worker, and whatever it started."""
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()
            self._pool = None
            _kill_families(self.notes)
            self.notes.process.unlink(missing_ok=True)


def _done(running: Mapping[Any, tuple[_Slot, Task]]) -> set[Any]:
    """The futures that are done, or never will be, as soon as there are some; none after a while without."""
    done = set(wait(running, timeout=LOOK_S, return_when=FIRST_COMPLETED).done)
    return done or {future for future, (slot, _) in running.items() if slot.broken}


def _kill_the_greedy(notes: Sequence[_Notes], settings: Settings) -> set[int]:
    """Kill the workers that hold more memory than they may, what they started included; their numbers."""
    import psutil

    found = set()
    for note in notes:
        try:
            process = psutil.Process(note.processes()[-1])
            family = [process, *process.children(recursive=True)]
            held = sum(member.memory_info().rss for member in family)
        except (IndexError, psutil.Error):
            continue  # not started yet, or just ended
        if settings.memory_limit and held > settings.memory_limit:
            found.add(note.number)
            _kill_families(note)
    return found


def _kill_families(note: _Notes) -> None:
    """Kill the workers of a slot, where they are there still, and whatever they started: each is a process group."""
    for group in note.processes():
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(group, signal.SIGKILL)
            else:
                os.kill(group, signal.SIGTERM)


def _outcome(future: Any, task: Task, settings: Settings, slot: _Slot, greedy: bool) -> Outcome | None:
    """What became of the task; None where it goes back into its queue.

    That is where a metric took the worker with it and others are left to run, and where somebody killed the worker.
    """
    job, notes = task.job, slot.notes
    status: Status
    try:
        if not future.done():
            raise BrokenProcessPool
        future.result()
        return task.completed(pickle.loads(notes.outcome.read_bytes()))
    except StorageError:
        raise
    except TimeoutError:
        status, what = "timeout", f"exceeded the limit of {settings.timeout_s:g} s for a cell; the worker was killed"
    except (ProcessExpired, BrokenProcessPool) as error:
        code = error.exitcode if isinstance(error, ProcessExpired) else None
        if greedy:
            assert settings.memory_limit
            limit = f"{settings.memory_limit / 1e9:.3g} GB"
            status, what = "oom", f"out of memory: the worker held more than its limit of {limit}; raise --memory-limit"
        elif (code is None or code in KILLED) and task.kills + 1 < ATTEMPTS:
            task.kills += 1
            slot.close()
            return None
        else:
            status, what = "crashed", _death(code, notes)
    except Exception as error:
        status, what = "failed", f"worker: {type(error).__name__}: {error}"
    slot.close()
    at = notes.stage.read_text(encoding="utf-8") if notes.stage.exists() else ""
    if at in job.metrics and at not in task.lost:
        return task.lose(at, status, what)
    return task.failed(status, what, settings.run)


def _death(code: int | None, notes: _Notes) -> str:
    how = "again and again" if code is None else f"signal {-code}" if code < 0 else f"exit code {code}"
    if code == -signal.SIGKILL:
        how += ", as when the system runs out of memory"
    said = notes.prints.read_text(encoding="utf-8", errors="replace").strip() if notes.prints.exists() else ""
    words = f"; it last said: {said[-LAST_WORDS:]}" if said else ""
    return f"the worker process died ({how}) while it ran this cell{words}"


def _start(settings: Settings, notes: _Notes) -> None:
    """Make this process a worker; what plugins print in it is kept for an error and shown to nobody."""
    global _worker, _notes
    _notes = notes
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    die_with_parent()
    with notes.process.open("a", encoding="utf-8") as stream:
        stream.write(f"{os.getpid()}\n")
    notes.stage.unlink(missing_ok=True)
    prints = os.open(notes.prints, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(prints, 1)
    os.dup2(prints, 2)
    os.close(prints)
    devices = settings.device.split(",")
    device = devices[notes.number % len(devices)]
    _worker = Worker.of(replace(settings, device=device), _at, own_process=True)


def _at(stage: str) -> None:
    assert _notes is not None
    try:
        _notes.stage.write_text(stage, encoding="utf-8")
    except OSError as error:
        raise _unwritable(_notes, error) from None


def _unwritable(notes: _Notes, error: OSError) -> StorageError:
    return StorageError(f"{notes.folder}: the temporary folder cannot be written: {error.strerror}")


def _run_here(job: Job) -> None:
    """Leaves the outcome in a file: of a worker that dies while it says it, the pool would wait for the other half."""
    assert _worker is not None
    assert _notes is not None
    os.ftruncate(1, 0)
    _at("")
    outcome = pickle.dumps(_worker.run(job))
    try:
        _notes.outcome.write_bytes(outcome)
    except OSError as error:
        raise _unwritable(_notes, error) from None
