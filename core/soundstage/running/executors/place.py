"""One worker's place in a pool: its process, the line to it, what it printed.

The line is read without waiting, so that half an answer of a worker that was killed keeps nobody.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from soundstage.errors import SoundstageError, StorageError
from soundstage.running.executors import serving
from soundstage.running.executors.interrupts import interrupts_blocked_in_children
from soundstage.running.executors.serving import HEADER, Make
from soundstage.running.executors.starting import Process, start_method

LAST_WORDS = 300
"""Characters of what a dead worker printed that are told."""

WAIT_S = 0.2
"""Seconds between looks at whether one that takes no message is there."""

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Done:
    """A worker's answer."""

    number: int
    reply: Any


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker ended before it answered. why: its own exception, our limits, somebody's kill, or its own death.

    what: a sentence. stage: the last that it began. fresh: whether what it was at was the first thing it did.
    """

    number: int
    why: Literal["raised", "timeout", "memory", "killed", "died"]
    what: str
    stage: str
    fresh: bool


class Place:
    """A place for one process at a time, and the line to it.

    since: when it was given what it is at; None where that is nothing. answered: how many things this process has done.
    starts: how many processes in a row were killed before they were ready.
    """

    def __init__(self, number: int, make: Make, folder: Path) -> None:
        self.number = number
        self.process: Process | None = None
        self.ready = False
        self.since: float | None = None
        self.stage = ""
        self.answered = self.starts = 0
        self.ended_for: Literal["", "timeout", "memory"] = ""
        self._make = make
        self._prints = folder / str(number)
        self._shown = 0
        self._line: Connection | None = None
        self._open = False
        self._received = bytearray()
        self._orphans: list[int] = []

    @property
    def is_busy(self) -> bool:
        """Whether it is at something."""
        return self.since is not None

    @property
    def sentinel(self) -> int:
        """What can be read once the process has ended."""
        assert self.process is not None
        return self.process.sentinel

    @property
    def handles(self) -> list[Any]:
        """What to wait for; none where the process is gone."""
        if self.process is None:
            return []
        return [self.sentinel, self._line] if self._open else [self.sentinel]

    def start(self) -> None:
        """Start a process. Raises SoundstageError where the system lets us have none."""
        ours, theirs = start_method().Pipe()
        try:
            process = Process(
                self._prints, serving.serve, (theirs, self._make, self.number), f"soundstage worker {self.number}"
            )
            with interrupts_blocked_in_children():
                process.start()
        except OSError as error:
            ours.close()
            raise SoundstageError(f"a worker process cannot be started ({error.strerror}); use fewer workers") from None
        finally:
            theirs.close()
        os.set_blocking(ours.fileno(), False)
        self.process, self._line, self._open = process, ours, True
        self.ready, self.since, self.stage, self.answered, self.ended_for = False, None, "", 0, ""
        self._received.clear()

    def send(self, content: bytes) -> None:
        """Send a message; where the worker has died since, its death will be found."""
        assert self._line is not None
        assert self.process is not None
        descriptor = self._line.fileno()
        left = memoryview(len(content).to_bytes(8, "little") + content)
        while left:
            try:
                left = left[os.write(descriptor, left) :]
            except BlockingIOError:
                select.select([], [descriptor], [], WAIT_S)
                if not self.process.is_alive():
                    return
            except OSError:
                return

    def answers(self) -> list[Done | Lost]:
        """Read what has come, as far as it is whole. Raises StorageError where that is what it says."""
        while self._open:
            assert self._line is not None
            try:
                part = os.read(self._line.fileno(), CHUNK)
            except BlockingIOError:
                break
            except OSError:
                part = b""
            self._open = bool(part)
            self._received += part
        found: list[Done | Lost] = []
        while len(self._received) >= HEADER.size:
            what, size = HEADER.unpack_from(self._received)
            if len(self._received) < HEADER.size + size:
                break
            content = bytes(memoryview(self._received)[HEADER.size : HEADER.size + size])
            del self._received[: HEADER.size + size]
            found += self._heard(what, content)
        return found

    def _heard(self, what: bytes, content: bytes) -> list[Done | Lost]:
        if what == serving.READY:
            self.ready = True
            self.starts = 0
            return []
        text = "" if what == serving.DONE else content.decode(errors="replace")
        if what == serving.STAGE:
            self.stage = text
            return []
        if what == serving.UNSTORED:
            raise StorageError(text)
        if what == serving.DONE:
            try:
                done = Done(self.number, pickle.loads(content))
            except Exception as error:
                text = f"what it made cannot be read: {type(error).__name__}: {error}"
            else:
                self.since = None
                self.answered += 1
                return [done]
        lost = Lost(self.number, "raised", f"worker: {text}", self.stage, self.answered == 0)
        self.end()  # nobody knows what state it is in
        return [lost]

    def is_dead(self, certain: bool) -> bool:
        """Whether the process has ended. certain: its sentinel says so."""
        return self.process is not None and (certain or not self.process.is_alive())

    def held(self) -> int:
        """The bytes that the process and what it started hold."""
        import psutil

        assert self.process is not None
        try:
            own = psutil.Process(self.process.pid)
            return sum(one.memory_info().rss for one in (own, *own.children(recursive=True)))
        except psutil.Error:
            return 0  # just ended

    def part(self) -> None:
        """Let the process, which has nothing to do, end by itself; what it started is to end with it."""
        assert self.process is not None
        assert self.process.pid is not None
        self._orphans = descendants(self.process.pid)
        self._hang_up()

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
        self._open = False

    def kill(self) -> None:
        """Kill the process and whatever it started: its group, and those children that have left that."""
        assert self.process is not None
        pid = self.process.pid
        assert pid is not None
        others = {*descendants(pid), *self._orphans}
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
        for other in others:
            with contextlib.suppress(OSError):
                os.kill(other, signal.SIGKILL)

    def end(self) -> int | None:
        """Kill what is there of the process and let go of it; its exit code."""
        self.kill()
        self._hang_up()
        assert self.process is not None
        self.process.join(10)
        code = self.process.exitcode
        with contextlib.suppress(ValueError):  # it is beyond being killed
            self.process.close()
        self.process, self.since, self.ready = None, None, False
        self._received.clear()
        return code

    def last_words(self) -> str:
        """The end of what the process printed."""
        try:
            with self._prints.open("rb") as stream:
                stream.seek(max(0, os.fstat(stream.fileno()).st_size - 4 * LAST_WORDS))
                return stream.read().decode(errors="replace").strip()[-LAST_WORDS:]
        except OSError:
            return ""

    def forget_prints(self) -> None:
        """Begin what it prints anew."""
        self._shown = 0
        with contextlib.suppress(OSError):
            os.truncate(self._prints, 0)

    def show_prints(self) -> None:
        """Pass on what it has printed since, in whole lines where it is at work."""
        try:
            with self._prints.open("rb") as stream:
                stream.seek(self._shown)
                printed = stream.read()
        except OSError:
            return
        if self.is_busy:
            printed = printed[: printed.rfind(b"\n") + 1]
        self._shown += len(printed)
        for line in printed.decode(errors="replace").splitlines():
            print(f"worker {self.number}: {line}", file=sys.stderr, flush=True)


def descendants(pid: int) -> list[int]:
    """The ids of what a process has started and that is there."""
    import psutil

    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []
