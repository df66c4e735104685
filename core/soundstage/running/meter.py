"""What separating a cell costs: seconds, and the most memory that its processes and its GPU held meanwhile."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from soundstage.running.allocator import give_back_freed_memory

_PEAK = "VmHWM:"
_RESET = "5"
"""What makes Linux forget the highest memory of a process so far (proc(5), clear_refs)."""


@dataclass(slots=True)
class Cost:
    """What it cost. peak_mb: of this process and those it started, everything that they hold counted; None where the
    system does not tell. gpu_peak_mb: what torch held on a GPU; None where there is none."""

    seconds: float = 0.0
    peak_mb: float | None = None
    gpu_peak_mb: float | None = None


@contextlib.contextmanager
def metered() -> Iterator[Cost]:
    """Measures what is done within."""
    cost = Cost()
    give_back_freed_memory()
    own = psutil.Process()
    processes = [own, *_children(own)]
    for process in processes:
        with contextlib.suppress(OSError):
            Path(f"/proc/{process.pid}/clear_refs").write_text(_RESET, encoding="ascii")
    cuda = _cuda()
    if cuda is not None:
        cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - start
        peaks = [_peak_mb(process.pid) for process in (own, *_children(own))]
        known = [peak for peak in peaks if peak is not None]
        cost.peak_mb = round(sum(known), 1) if known else None
        if cuda is not None:
            cost.gpu_peak_mb = round(cuda.max_memory_allocated() / 1e6, 1)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _peak_mb(pid: int) -> float | None:
    """The most memory that a process held since it was last reset; None where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(_PEAK):
            return int(line.split()[1]) * 1024 / 1e6
    return None


def _cuda() -> Any:
    """torch.cuda where a plugin has put something on a GPU."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    return cuda if cuda is not None and cuda.is_available() and cuda.is_initialized() else None
