"""What pools of processes are tested with."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from soundstage.running.executors import serving


def make(number, on_stage):
    """Answers what it is told to."""

    def work(message):
        how, *rest = message
        on_stage(how)
        match how:
            case "echo":
                return rest[0]
            case "much":
                return b"x" * rest[0]
            case "number":
                return number, os.getpid()
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "die half said":
                write = serving._write

                def half(descriptor, content):
                    write(descriptor, content[: len(content) // 2])
                    if rest[0] and os.fork() == 0:
                        time.sleep(20)
                        os._exit(0)
                    os.kill(os.getpid(), signal.SIGKILL)

                serving._write = half
                return b"x" * 1_000_000
            case "exit beside a child":
                if os.fork() == 0:
                    time.sleep(20)
                    os._exit(0)
                os._exit(rest[0])
            case "sleep":
                time.sleep(rest[0])
            case "unreadable":
                return Unreadable()
            case "unwritable":
                return lambda: None
        return None

    return work


class Unreadable:
    """Can be pickled, and not be unpickled."""

    def __reduce__(self):
        return (int, ("no number",))


def make_broken(number, on_stage):
    """No worker comes up."""
    raise ImportError("libtune.so: cannot open shared object file")


def make_killed(number, on_stage):
    """Every worker is killed while it starts."""
    os.kill(os.getpid(), signal.SIGKILL)


class MakeKilledOnce:
    """The first worker is killed while it starts."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __call__(self, number, on_stage):
        if not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return make(number, on_stage)
