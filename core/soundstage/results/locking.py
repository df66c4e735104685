"""One writer at a time: a lock on a results folder, and beside it who holds it, since when, and what it is doing.

A local folder is locked by the system, which lets go when the process dies, however it dies. `running.json` says who
holds it and is written anew every few seconds. Where the system's lock cannot be seen, in an object store or from
another host, that file alone is the lock: it holds while it is younger than STALE_S, and its process not known dead.
An object store offers no stronger promise, so two writers that begin within the same second may both be let in. At the
next heartbeat the one that began later learns of it and stops.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from soundstage.errors import SoundstageError, StorageError
from soundstage.results.files import Files, is_a_link

RUNNING = "running.json"
LOCK = ".lock"
BEAT_S = 2.0
"""Seconds between two heartbeats."""

STALE_S = 60.0
"""Seconds after which a writer that nobody hears of, and that cannot be looked for, counts as dead."""

POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Holder:
    """Who writes to a results folder, as its `running.json` says."""

    host: str
    """The machine's name."""

    pid: int
    """The process there."""

    since: str
    """When it began, in ISO 8601."""

    beat: float
    """When it was last heard of, in seconds since the epoch."""

    token: str
    """Chance that tells this writer from every other, even of the same process."""

    facts: Mapping[str, Any]
    """What it tells of its work; a run tells its progress, see `soundstage.running.heartbeat`."""

    @property
    def is_ahead(self) -> bool:
        """Whether it was heard of at a time that has not come yet, so that its own clock or ours is wrong."""
        return self.beat > time.time() + 2 * BEAT_S

    @property
    def silent_s(self) -> float:
        """Seconds since it was last heard of."""
        return max(time.time() - self.beat, 0.0)

    @property
    def is_alive(self) -> bool:
        """Whether it still writes, as far as can be known from here."""
        return self.silent_s < STALE_S and (self.host != platform.node() or _is_running(self.pid))

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since[:19]}"


class Lease:
    """The lock, held. tell: asked every few seconds for what the holder is doing, as JSON can hold it."""

    def __init__(self, files: Files) -> None:
        self.tell: Callable[[], Mapping[str, Any]] = dict
        self.token = uuid.uuid4().hex
        self._files = files
        self._since = datetime.now(UTC).isoformat(timespec="microseconds")
        self._other: Holder | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beats, name="soundstage-heartbeat", daemon=True)

    def beat(self) -> None:
        """Say now that the holder lives and what it does. Raises StorageError."""
        facts = {"host": platform.node(), "pid": os.getpid(), "since": self._since, "token": self.token}
        text = json.dumps({**facts, "beat": time.time(), "facts": dict(self.tell())})
        self._files.write(RUNNING, text.encode())

    def begin(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def end(self) -> None:
        """Stop beating, and take the sign away."""
        self._ended.set()
        self._thread.join()
        if self._other is None:
            with contextlib.suppress(StorageError):  # where the folder cannot be written any more, that was said
                self._files.remove(RUNNING)

    def check(self) -> None:
        """Raise SoundstageError where another writer was let in too, and was first."""
        if self._other is not None:
            raise SoundstageError(
                f"{self._files.place} is being written by {self._other} too, which was first; everything committed is"
                " kept. Run the same command again when that one has ended"
            )

    def _beats(self) -> None:
        while not self._ended.wait(BEAT_S):
            with contextlib.suppress(StorageError, RuntimeError):
                if not self._files.is_exclusive and self._has_an_elder():
                    return
                self.beat()

    def _has_an_elder(self) -> bool:
        other = holder(self._files)
        if other is None or other.token == self.token or not other.is_alive:
            return False
        if (other.since, other.token) < (self._since, self.token):
            self._other = other
        return self._other is not None


def holder(files: Files) -> Holder | None:
    """Who says that it writes there; None where nobody does."""
    try:
        facts = json.loads(files.read(RUNNING))
        told = facts["facts"]
        if not math.isfinite(float(facts["beat"])) or not isinstance(told, dict):
            return None
        return Holder(facts["host"], int(facts["pid"]), facts["since"], float(facts["beat"]), facts["token"], told)
    except (OSError, KeyError, TypeError, ValueError, RecursionError):
        return None


@contextlib.contextmanager
def locked(files: Files, wait: bool = False, notice: Callable[[str], None] = lambda text: None) -> Iterator[Lease]:
    """Hold the lock of a results folder.

    wait: for the one that holds it; otherwise SoundstageError says who does, since when, and what can be done. notice:
    told once whom it waits for.
    """
    place = files.place
    take = _system_lock(place) if isinstance(place, Path) else contextlib.nullcontext
    said = False
    while True:
        with contextlib.ExitStack() as stack:
            other = _taken(stack, take, files)
            if other is None:
                lease = Lease(files)
                if isinstance(place, Path):
                    with contextlib.suppress(StorageError):
                        lease.beat()
                else:
                    lease.beat()
                    found = holder(files)
                    if found is not None and found.token != lease.token:
                        continue
                lease.begin()
                try:
                    yield lease
                finally:
                    lease.end()
                return
        sentence = f"{place} is being written by {other}"
        if not wait:
            raise SoundstageError(f"{sentence}; wait for it with --wait, or give another --out")
        if not said:
            notice(f"{sentence}; waiting for it")
            said = True
        time.sleep(POLL_S if isinstance(place, Path) else BEAT_S)


def _taken(
    stack: contextlib.ExitStack, take: Callable[[], contextlib.AbstractContextManager[Any]], files: Files
) -> Holder | str | None:
    """Take the system's lock; who has it, where that is another one."""
    from filelock import Timeout

    try:
        stack.enter_context(take())
    except Timeout:
        return holder(files) or "another process"
    found = holder(files)
    if found is None or not found.is_alive:
        return None
    here = isinstance(files.place, Path) and found.host == platform.node()
    if found.is_ahead and not here:
        time.sleep(3 * BEAT_S)  # whoever lives is heard of again, whatever its clock says
        again = holder(files)
        return None if again is None or again.beat == found.beat else again
    return None if here else found  # on this host the system's lock is ours, whoever has that process's number now


def _system_lock(folder: Path) -> Callable[[], contextlib.AbstractContextManager[Any]]:
    def take() -> contextlib.AbstractContextManager[Any]:
        from filelock import FileLock

        if (folder / LOCK).is_symlink():
            raise is_a_link(folder / LOCK)
        try:
            lock: contextlib.AbstractContextManager[Any] = FileLock(folder / LOCK).acquire(timeout=0)
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise SoundstageError(f"{folder}: cannot be locked ({error.strerror}); choose another --out") from None
        return lock

    return take


def _is_running(pid: int) -> bool:
    if os.name == "nt":
        return True  # no signal there only asks
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
