"""Songs of a data set rendered and written in a pool of local processes. A worker that dies costs its own song."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool

from soundstage.rendering.folder import Format
from soundstage.rendering.songs import OnStart, Outcome, Song, Writer
from soundstage.running.executors.interrupts import heard_later, unheard_by_children

LOOK_S = 0.2
"""Seconds between looks at whether somebody wants to end it."""

_writer: Writer | None = None


def in_processes(
    groups: Sequence[Sequence[Song]], out: Path, form: Format, workers: int, on_start: OnStart
) -> Iterator[Outcome]:
    """Write all songs; a worker stays with one group while it lasts, and takes from another's when none is left.

    Each worker is a pool of one, as in `processes`.
    """
    waiting = deque(deque(group) for group in groups)
    context = multiprocessing.get_context("spawn")
    with heard_later() as check, ExitStack() as stack:
        pools = []
        for _ in range(min(workers, sum(map(len, groups)))):
            pool = ProcessPool(max_workers=1, context=context, initializer=_start, initargs=(out, form))
            stack.callback(_close, pool)
            pools.append(pool)
        own: list[deque[Song]] = [deque() for _ in pools]
        running: dict[Any, tuple[int, Song]] = {}
        idle = list(range(len(pools)))
        while True:
            for number in idle:
                if not own[number] and waiting:
                    own[number] = waiting.popleft()
                queue = own[number] or max(own, key=len)
                if queue:
                    song = queue.popleft()
                    on_start(song, number)
                    with unheard_by_children():
                        running[pools[number].schedule(_write_here, args=(song,))] = (number, song)
            if not running:
                return
            idle = []
            while not (done := wait(running, timeout=LOOK_S, return_when=FIRST_COMPLETED).done):
                check()
            check()
            for future in done:
                number, song = running.pop(future)
                idle.append(number)
                yield _outcome(future, song)


def _outcome(future: Any, song: Song) -> Outcome:
    where = f"track '{song.scene.track_name}'"
    try:
        outcome: Outcome = future.result()
        return outcome
    except ProcessExpired as error:
        code = error.exitcode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return Outcome(song, error=f"{where}: the worker process died ({how}) while it rendered this song")
    except Exception as error:
        return Outcome(song, error=f"{where}: worker: {type(error).__name__}: {error}")


def _close(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()


def _start(out: Path, form: Format) -> None:
    global _writer
    _writer = Writer(out, form)


def _write_here(song: Song) -> Outcome:
    assert _writer is not None
    return _writer.write(song)
