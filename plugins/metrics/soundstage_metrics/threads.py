"""Work shared among threads, as many as `scipy.fft.set_workers` says, without a number depending on it."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar

from scipy.fft import get_workers
from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """function(item) for each item, in order, by as many threads as `scipy.fft.set_workers` says (one by default).

    Where they are several, BLAS has no threads of its own meanwhile: see `one_blas_thread`.

    >>> list(in_threads(lambda item: 2 * item, [1, 2, 3]))
    [2, 4, 6]
    """
    workers = get_workers()
    if workers == 1 or len(items) < 2:
        yield from map(function, items)
        return
    with one_blas_thread(), ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS with one thread, within `with` or a function that this decorates; then again with as many as before.

    The products of a frame are small. BLAS would share each among threads of its own, which wait for the next one
    without sleeping, on the processors that our threads and other processes need. The limit is the process's, so of
    several that overlap the last to leave lifts it.
    """
    with _LIMIT.lock:
        if not _LIMIT.within:
            if _LIMIT.imported != len(sys.modules):  # and may have brought a library
                _LIMIT.libraries, _LIMIT.imported = ThreadpoolController(), len(sys.modules)
            _LIMIT.limiter = _LIMIT.libraries.limit(limits=1, user_api="blas")
        _LIMIT.within += 1
    try:
        yield
    finally:
        with _LIMIT.lock:
            _LIMIT.within -= 1
            if not _LIMIT.within:
                _LIMIT.limiter.restore_original_limits()


@dataclass(slots=True)
class _Limit:
    """within: how many are; limiter: what the first of them has set. libraries: those loaded when so many modules were
    imported."""

    lock: Lock = field(default_factory=Lock)
    within: int = 0
    limiter: Any = None
    libraries: Any = None
    imported: int = 0


_LIMIT = _Limit()
