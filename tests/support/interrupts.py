"""Ctrl-C for processes that tests start."""

from __future__ import annotations

import signal


def heed_interrupts() -> None:
    """To be called in the child: a shell's background jobs, and all that they start, ignore SIGINT unless told."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
