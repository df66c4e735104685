"""What is known of a run besides its numbers: the machine, the versions, when. None of it is part of an address."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import uuid
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from soundstage.planning.plan import Plan
from soundstage.results.records import RunFacts
from soundstage.running.isolated import Isolated
from soundstage.running.workbench import BLAS_THREADS

if TYPE_CHECKING:
    from soundstage.catalogue.registry import Choice

NUMERICS = ("soundstage", "numpy", "scipy", "soxr", "soundfile")
"""Distributions that every number may depend on."""


def machine() -> RunFacts:
    """Python, system, processor, memory and GPUs, as a paper would name them."""
    import psutil

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processor": _processor(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "gpus": _gpus(),
        "host": platform.node(),
        "cpus": os.cpu_count(),
    }


def run_id() -> str:
    """A new run's id: when it began, and chance."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"


def provenance(
    plan: Plan,
    workers: int,
    started: datetime,
    ended: datetime | None,
    isolated: Isolated = (),
    scorers: int = 0,
) -> RunFacts:
    """What a paper needs to say how the numbers were made. None of it is part of an address."""
    choices = [cell.separator for cell in plan.cells] + [metric.choice for metric in plan.metrics.values()]
    choices += [cell.scene.dataset for cell in plan.cells] + [cell.scene.spatializer for cell in plan.cells]
    facts: RunFacts = {
        "grid": {"name": plan.grid.name, "revision": plan.grid.revision, "hash": plan.hash},
        "seeds": list(plan.grid.seeds),
        "versions": versions({*packages_of(choices), "pandas", "pyarrow"}),
        **machine(),
        "workers": workers,
        "blas_threads": BLAS_THREADS,
        "started": started.isoformat(),
        "ended": ended.isoformat() if ended else None,
    }
    if scorers:
        facts["scorers"] = scorers
    if isolated:
        facts["isolated"] = {label: ["mixture", *needs] for label, needs in isolated}
    return facts


def packages_of(choices: Iterable[Choice]) -> set[str]:
    """The distributions that the numbers of these plugins may depend on."""
    found = {*NUMERICS}
    for choice in choices:
        found |= {choice.plugin.distribution, *choice.plugin.wraps}
    return found


def versions(names: Collection[str]) -> dict[str, str]:
    """Distribution → the version that is installed here, of those that are."""
    found: dict[str, str] = {}
    for name in sorted(names):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _processor() -> str | None:
    """What the processor calls itself, where the system says."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def _gpus() -> list[str]:
    """The NVIDIA GPUs and their driver, where its tool is there to ask."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    command = [tool, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in said.splitlines() if line.strip()]
