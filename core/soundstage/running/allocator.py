"""Memory that is freed is kept for the next array, where the C library is glibc.

It gives back what is freed at the top of the heap, and takes it anew, page by page, for the next array of a song: an
eighth of the processor's time of a small model. What is kept is bounded, and given back before anything is measured and
at the end of a run in this process.
"""

from __future__ import annotations

import contextlib
import ctypes

KEPT = 256 << 20
"""Bytes that a process may keep free at the top of its heap."""

LARGE = 32 << 20
"""Bytes from which an array gets memory of its own, which is given back at once; glibc allows no more."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""What mallopt(3) calls these."""


def keep_freed_memory() -> None:
    """Have this process keep what it frees."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, LARGE)
        library.mallopt(M_TRIM_THRESHOLD, KEPT)


def give_back_freed_memory() -> None:
    """Give back what this process keeps, so that what it holds is what it needs."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
