"""Ctrl-C while several processes work: heard at moments at which nothing is half done, and by the run alone.

An interrupt raises KeyboardInterrupt wherever the main thread is. Inside a lock or a queue that other threads
share that may leave them waiting for ever.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from types import FrameType

from soundstage.pipeline.ctrl_c import give_back, taken_over

SAFE_PATH = "PYTHONSAFEPATH"
"""Where it is set to anything, Python looks for modules in its own places first, not in the current folder."""

OURS = "soundstage"
"""To what it is set here, so that who inherits it knows."""


@contextlib.contextmanager
def deferred_interrupts() -> Iterator[Callable[[], None]]:
    """Within, what would raise KeyboardInterrupt is only noted. Gives a function that raises it where it was."""
    came = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True

    def check() -> None:
        if came:
            raise KeyboardInterrupt

    numbers = taken_over(note)
    try:
        yield check
    finally:
        give_back(numbers)
    check()


@contextlib.contextmanager
def interrupts_blocked_in_children() -> Iterator[None]:
    """What is started within hears no Ctrl-C, which a terminal sends to everybody: the run itself ends its workers."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    with own_modules_in_children():
        resource_tracker.ensure_running()  # starting it lets signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def own_modules_in_children() -> Iterator[None]:
    """What is started within finds Python's modules, though the current folder holds files of the same names."""
    if SAFE_PATH in os.environ:
        yield
        return
    os.environ[SAFE_PATH] = OURS
    try:
        yield
    finally:
        os.environ.pop(SAFE_PATH, None)
