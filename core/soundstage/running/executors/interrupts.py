"""Ctrl-C while several processes work: heard at moments at which nothing is half done, and by the run alone.

An interrupt raises KeyboardInterrupt wherever the main thread is. Inside a lock or a queue that other threads
share that may leave them waiting for ever.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from types import FrameType


@contextlib.contextmanager
def heard_later() -> Iterator[Callable[[], None]]:
    """Within, what would raise KeyboardInterrupt is only noted. Gives a function that raises it where it was."""
    came = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True

    def check() -> None:
        if came:
            raise KeyboardInterrupt

    numbers: list[signal.Signals] = []
    if threading.current_thread() is threading.main_thread():  # no other hears of signals
        numbers = [
            number
            for number in (signal.SIGINT, signal.SIGTERM)
            if signal.getsignal(number) is signal.default_int_handler
        ]
    for number in numbers:
        signal.signal(number, note)
    try:
        yield check
    finally:
        for number in numbers:
            signal.signal(number, signal.default_int_handler)
    check()


@contextlib.contextmanager
def unheard_by_children() -> Iterator[None]:
    """What is started within hears no Ctrl-C, which a terminal sends to everybody: the run itself ends its workers."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # starting it lets signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
