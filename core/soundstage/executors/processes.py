"""In a pool of local processes. A worker that dies or exceeds the time limit costs its own stage and is replaced."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool

from soundstage.errors import StorageError
from soundstage.executors import Executor, OnStart
from soundstage.executors.queue import SceneQueue, Task
from soundstage.store import Stage
from soundstage.worker import Job, Outcome, Settings, Worker

LAST_WORDS = 300
"""Characters of what a dead worker printed that go into its cell's error."""

ATTEMPTS = 3
"""How often a cell is begun whose worker somebody kills; a fault of the cell's own is never tried again."""

LOOK_S = 0.2
"""Seconds between looks at how much memory workers hold, where there is a limit."""

KILLED = (-signal.SIGKILL, -signal.SIGTERM)

_worker: Worker | None = None
_notes: _Notes | None = None


def process_pool(workers: int) -> Executor:
    """An executor of that many processes."""
    return partial(_run, workers)


@dataclass(frozen=True, slots=True)
class _Notes:
    """Small files a worker process: its process id, the stage it is at, and the last that was printed in it."""

    folder: Path
    number: int

    @property
    def process(self) -> Path:
        return self.folder / f"{self.number}.process"

    @property
    def stage(self) -> Path:
        return self.folder / f"{self.number}.stage"

    @property
    def prints(self) -> Path:
        return self.folder / f"{self.number}.prints"


def _run(workers: int, jobs: Sequence[Job], settings: Settings, on_start: OnStart) -> Iterator[Outcome]:
    """Run all jobs, each worker staying with one scene while it has cells left, so that a scene is rendered once.

    Each worker is a pool of one: that is what lets the library replace a dead one and us choose who gets what.
    """
    queue = SceneQueue(jobs)
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soundstage-")))
        notes = [_Notes(folder, number) for number in range(min(workers, len(jobs)))]
        pools = []
        for note in notes:
            pool = ProcessPool(max_workers=1, context=context, initializer=_start, initargs=(settings, note))
            stack.callback(_close, pool)
            pools.append(pool)
        running: dict[Any, tuple[int, Task]] = {}
        idle = list(range(len(pools)))
        over: set[int] = set()
        while idle or running:
            for number in list(idle):
                task = queue.take(number)
                idle.remove(number)
                if task is None:
                    continue
                on_start(task.job, number)
                future: Any = pools[number].schedule(_run_here, args=(task.left,), timeout=settings.timeout_s)
                running[future] = (number, task)
            if not running:
                break
            look = LOOK_S if settings.memory_limit else None
            while not (done := wait(running, timeout=look, return_when=FIRST_COMPLETED).done):
                over |= _kill_the_greedy([notes[number] for number, _ in running.values()], settings)
            for future in done:
                number, task = running.pop(future)
                idle.append(number)
                outcome = _outcome(future, task, settings, notes[number], number in over)
                over.discard(number)
                if outcome is None:
                    queue.put_back(task)
                else:
                    yield outcome


def _kill_the_greedy(notes: Sequence[_Notes], settings: Settings) -> set[int]:
    """Kill the workers that hold more memory than they may, what they started included; their numbers."""
    import psutil

    found = set()
    for note in notes:
        try:
            process = psutil.Process(int(note.process.read_text(encoding="utf-8")))
            family = [process, *process.children(recursive=True)]
            held = sum(member.memory_info().rss for member in family)
        except (OSError, ValueError, psutil.Error):
            continue  # not started yet, or just ended
        if settings.memory_limit and held > settings.memory_limit:
            found.add(note.number)
            process.kill()
    return found


def _outcome(future: Any, task: Task, settings: Settings, notes: _Notes, greedy: bool) -> Outcome | None:
    """What became of the task; None where it goes back into its queue.

    That is where a metric took the worker with it and others are left to run, and where somebody killed the worker.
    """
    job = task.job
    try:
        outcome: Outcome = future.result()
    except StorageError:
        raise
    except TimeoutError:
        status, what = "timeout", f"exceeded the limit of {settings.timeout_s:g} s for a cell; the worker was killed"
    except ProcessExpired as error:
        if greedy:
            assert settings.memory_limit
            limit = f"{settings.memory_limit / 1e9:.3g} GB"
            status, what = "oom", f"out of memory: the worker held more than its limit of {limit}; raise --memory-limit"
        elif error.exitcode in KILLED and task.kills + 1 < ATTEMPTS:
            task.kills += 1
            return None
        else:
            status, what = "crashed", _death(error, notes)
    except Exception as error:
        status, what = "failed", f"worker: {type(error).__name__}: {error}"
    else:
        return task.completed(outcome)
    at = notes.stage.read_text(encoding="utf-8") if notes.stage.exists() else ""
    if at in job.metrics and at not in task.lost:
        task.lost[at] = Stage(status, f"metric '{at}', track '{job.cell.scene.label}': {what}")
        return None
    return task.failed(status, what, settings.run)


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
    notes.process.write_text(str(os.getpid()), encoding="utf-8")
    notes.stage.unlink(missing_ok=True)
    prints = os.open(notes.prints, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(prints, 1)
    os.dup2(prints, 2)
    os.close(prints)
    devices = settings.device.split(",")
    device = devices[notes.number % len(devices)]
    _worker = Worker(replace(settings, device=device), _at, own_process=True)


def _at(stage: str) -> None:
    assert _notes is not None
    _notes.stage.write_text(stage, encoding="utf-8")


def _run_here(job: Job) -> Outcome:
    assert _worker is not None
    os.ftruncate(1, 0)
    _at("")
    return _worker.run(job)
