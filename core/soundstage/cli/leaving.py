"""How the command line says its last words and goes: whatever it prints to, and whoever will not end."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time

GRACE_S = 10.0
"""Seconds that whoever else is in this process has to end once the work is done."""

SAID_S = 2.0
"""Seconds after which it is said what is waited for."""


def print_anything() -> None:
    """Have what a stream's encoding lacks, as a Δ in Latin-1, printed as an escape rather than raise."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def unprintable() -> str:
    """What keeps standard output or error from being written, as the system says it; nothing where they can be.

    What is left to print of them is given up, so that Python does not stumble over it when it ends.
    """
    found = ""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            found = found or getattr(error, "strerror", None) or str(error)
            with contextlib.suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, stream.fileno())
                os.close(nowhere)
                stream.flush()
    return found


def leave_in_time(status: int) -> None:
    """Have the process end with this status before long, though a thread or an atexit function of a plugin hangs."""
    threading.Thread(target=_leave, args=(status,), daemon=True, name="leaving").start()


def _leave(status: int) -> None:
    began = time.monotonic()
    time.sleep(SAID_S)
    left = GRACE_S - (time.monotonic() - began)
    _say(f"soundstage: done, and waiting for {_others()} to end; leaving without in {left:.0f} s")
    time.sleep(max(0.0, left))
    unprintable()
    os._exit(status)


def _others() -> str:
    """Who keeps the process from ending, as far as that is known."""
    threads = [
        f"thread '{thread.name}'"
        for thread in threading.enumerate()
        if not thread.daemon and thread is not threading.main_thread()
    ]
    return " and ".join(threads) or "what a plugin or a library does at exit"


def _say(sentence: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"{sentence}\n".encode("ascii", "backslashreplace"))
