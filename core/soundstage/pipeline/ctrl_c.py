"""Whose KeyboardInterrupt it is: the user's, who pressed Ctrl-C, or a plugin's own, which is a fault like any other.

Python raises the same for both. So whoever runs plugins has the signal noted here before it is raised.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""What ends a run: Ctrl-C, and what batch systems and containers send."""

_heard = threading.Event()
_deaf = threading.Event()


def is_the_users(error: BaseException) -> bool:
    """Whether what was raised is the user's wish to end, and no fault of the plugin at work.

    Signals are heard by the main thread alone. Where nobody notes them there, it may be the user.
    """
    if not isinstance(error, KeyboardInterrupt):
        return False
    if _heard.is_set():
        return True
    if _deaf.is_set() or threading.current_thread() is not threading.main_thread():
        return False
    handler = signal.getsignal(signal.SIGINT)
    return callable(handler) and handler is not _raise_noted  # where it is ignored, as under nohup, nobody pressed it


def was_heard() -> bool:
    """Whether the user wants to end, even where a plugin has swallowed what was raised."""
    return _heard.is_set()


def hear_nothing() -> None:
    """This process is a worker: its run hears of Ctrl-C and ends it, so that whatever is raised here is a plugin's."""
    _deaf.set()


@contextmanager
def noted() -> Iterator[None]:
    """Within, what would raise KeyboardInterrupt is noted before it is raised, at once; the outermost of several does
    it for all."""
    numbers = taken_over(_raise_noted)
    if not numbers:
        yield
        return
    _heard.clear()
    try:
        yield
    finally:
        give_back(numbers)
        _heard.clear()


def taken_over(handler: signal._HANDLER) -> list[signal.Signals]:
    """Have the signals that would raise KeyboardInterrupt here handled so; which those are."""
    if threading.current_thread() is not threading.main_thread():  # no other hears of signals
        return []
    numbers = [number for number in SIGNALS if signal.getsignal(number) is signal.default_int_handler]
    for number in numbers:
        signal.signal(number, handler)
    return numbers


def give_back(numbers: list[signal.Signals]) -> None:
    """Have these signals raise KeyboardInterrupt again."""
    for number in numbers:
        signal.signal(number, signal.default_int_handler)


def _raise_noted(_number: int, _frame: FrameType | None) -> None:
    _heard.set()
    raise KeyboardInterrupt
