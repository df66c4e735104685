"""What a run would do, and how long that takes by what has been measured in its results folder."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from soundstage.planning.jobs import check_only, chosen, jobs_left
from soundstage.planning.plan import Plan
from soundstage.results.store import Store
from soundstage.running.options import RunOptions


@dataclass(frozen=True, slots=True)
class Part:
    """One separator or metric in a run that was not done."""

    name: str
    """Its label."""

    count: int
    """In how many cells it would run."""

    median_s: float | None
    """Its median wall time in seconds; None where it has never run in that folder."""

    separates: bool
    """Whether it is a separator, and not a metric."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would do; all counts are cells."""

    title: str
    """The grid, its revision and hash."""

    planned: int
    """Of the whole grid."""

    cached: int
    """Done before."""

    to_run: int
    """What the run would do."""

    left: int
    """What lacks something and was not asked for."""

    parts: tuple[Part, ...]
    """The separators and metrics of what would run."""

    impossible: tuple[tuple[str, int], ...] = ()
    """Why some of the cells and metrics to run cannot be, each reason once, and of how many it is true."""

    def seconds(self, workers: int = 1, scorers: int = 0) -> float:
        """What so many workers take; with scorers, they and the workers at the same time."""
        separating, scoring = (
            sum(part.count * (part.median_s or 0.0) for part in self.parts if part.separates is which)
            for which in (True, False)
        )
        return max(separating / workers, scoring / scorers) if scorers else (separating + scoring) / workers


def forecast(plan: Plan, out: str | Path, options: RunOptions | None = None) -> Forecast:
    """What running the plan with these options would do. Writes nothing. Raises SoundstageError as it would."""
    options = options or RunOptions()
    check_only(plan, options.only)
    store = Store(out)
    held = store.briefs([cell.address for cell in plan.cells])
    todo = jobs_left(plan, held, options.retry)
    jobs = chosen(todo, options.only, options.limit)
    separations = Counter(job.cell.separator.label for job in jobs if job.cell.problem is None)
    metrics = Counter(
        label
        for job in jobs
        for label, metric in job.metrics.items()
        if metric.problem is None and job.cell.problem is None
    )
    impossible = Counter(job.cell.problem.error for job in jobs if job.cell.problem)
    impossible.update(
        metric.problem.error
        for job in jobs
        for metric in job.metrics.values()
        if metric.problem and not job.cell.problem
    )
    times = _times(store)
    parts = [
        Part(f"{kind} {label}", count, times.get((kind, label)), kind == "separator")
        for kind, counts in (("separator", separations), ("metric", metrics))
        for label, count in counts.items()
    ]
    title = f"{plan.grid.name} · revision {plan.grid.revision} · {plan.hash[:8]}"
    cached, left = len(plan.cells) - len(todo), len(todo) - len(jobs)
    return Forecast(title, len(plan.cells), cached, len(jobs), left, tuple(parts), tuple(impossible.items()))


def _times(store: Store) -> dict[tuple[str, str], float]:
    """The median wall time in seconds of each separator and each metric, over all grids in the folder."""
    records = store.records()
    found: dict[tuple[str, str], list[float]] = {}
    for plan in store.plans():
        metrics = list(plan.facts["metrics"])
        for cell in plan.cells.to_pylist():
            record = records.get(cell["cell"])
            if record is None:
                continue
            if record.separation.is_ok and not record.separation.details.get("kept"):
                found.setdefault(("separator", cell["separator"]), []).append(record.separation.wall_s)
            for metric in metrics:
                stage = record.scores.get(cell[f"score:{metric}"])
                if stage is not None and stage.is_ok:
                    found.setdefault(("metric", metric), []).append(stage.wall_s)
    return {key: statistics.median(values) for key, values in found.items()}
