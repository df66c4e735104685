"""Songs of a data set rendered and written in a pool of local processes. A worker that dies costs its own song."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from soundstage.rendering.folder import Format
from soundstage.rendering.songs import OnStart, Song, SongOutcome, Writer
from soundstage.running.executors.interrupts import deferred_interrupts
from soundstage.running.executors.place import Done
from soundstage.running.executors.serving import Work
from soundstage.running.executors.workers import Pool

ATTEMPTS = 3
"""How often a song is begun whose worker somebody kills."""


def in_processes(
    groups: Sequence[Sequence[Song]], out: Path, form: Format, workers: int, on_start: OnStart
) -> Iterator[SongOutcome]:
    """Write all songs; a worker stays with one group while it lasts, and takes from another's when none is left."""
    waiting = deque(deque(group) for group in groups)
    size = min(workers, sum(map(len, groups)))
    own: list[deque[Song]] = [deque() for _ in range(size)]
    running: dict[int, Song] = {}
    killed: dict[Path, int] = {}
    with deferred_interrupts() as check, Pool(size, partial(_make, out, form), doing="rendered this song") as pool:
        while running or waiting or any(own):
            for number in pool.idle() if waiting or any(own) else ():
                if not own[number] and waiting:
                    own[number] = waiting.popleft()
                queue = own[number] or max(own, key=len)
                if queue:
                    running[number] = queue.popleft()
                    on_start(running[number], number)
                    pool.give(number, running[number])
            ends = pool.ends()
            check()
            for end in ends:
                song = running.pop(end.number)
                if isinstance(end, Done):
                    yield end.reply
                    continue
                killed[song.folder] = killed.get(song.folder, 0) + 1
                if end.why == "killed" and killed[song.folder] < ATTEMPTS:
                    own[end.number].appendleft(song)
                    continue
                yield SongOutcome(song, error=f"track '{song.scene.track_name}': {end.what}")


def _make(out: Path, form: Format, _number: int, _on_stage: Callable[[str], None]) -> Work:
    return Writer(out, form).write
