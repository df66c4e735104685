"""What is left to run of a plan, and which part of that `--only` and `--limit` ask for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from soundstage.audio_files import nfc
from soundstage.errors import BadOption, SoundstageError, suggestion
from soundstage.planning.plan import CellSpec, MetricSpec, Plan, Problem
from soundstage.results.records import CellRecord, Stage
from soundstage.variants import split_variants, unquoted

AXES = ("datasets", "tracks", "placements", "spatializers", "separators", "metrics", "seeds")

QUOTES = ' (a name that holds a comma or "=" stands in quotes: tracks="One, Two")'

Only = Mapping[str, Sequence[str]]
"""Axis → what to run of it: labels as the grid writes them, or names of entries, which stand for all their variants."""


@dataclass(frozen=True, slots=True)
class Job:
    """A cell and the metrics it still lacks, by label."""

    cell: CellSpec
    metrics: Mapping[str, MetricSpec]


def jobs_left(plan: Plan, held: Mapping[str, CellRecord], again: Collection[str] = ()) -> list[Job]:
    """The cells that lack something, with the metrics they lack. again: statuses that count as lacking."""
    jobs = []
    for cell in plan.cells:
        record = held.get(cell.address)
        if record is None or _is_stale(record.separation, cell.problem, again):
            lacking = list(plan.metrics)
        else:
            found = {label: record.scores.get(cell.scores[label]) for label in plan.metrics}
            lacking = [
                label
                for label, stage in found.items()
                if stage is None
                or _is_stale(stage, plan.metrics[label].problem, again)
                or (stage.status == "skipped" and record.separation.is_ok)  # it has estimates by now
            ]
        if lacking:
            jobs.append(Job(cell, {label: plan.metrics[label] for label in lacking}))
    return jobs


def _is_stale(stage: Stage, problem: Problem | None, again: Collection[str]) -> bool:
    """Whether to run a stage again: its status was asked for, its package has been installed since, or it was lost
    to somebody who killed its worker.
    """
    if stage.status == "crashed" and stage.was_killed_from_outside:
        return True
    return stage.status in again or (stage.status == "not-installed" and problem is None)


def parse_only(text: str) -> Only:
    """What `separators=htdemucs,irm[alpha=2],tracks="One, Two"` asks for; quotes hold names with commas or `=`.

    Raises SoundstageError.
    """
    found: dict[str, list[str]] = {}
    axis = ""
    for part in split_variants(text):
        before, equals, after = part.partition("=")
        if equals and "[" not in before and before.strip()[:1] not in ("'", '"'):
            axis, part = before.strip(), after.strip()
            if axis not in AXES:
                raise BadOption("only", f"{{}} cannot be of '{axis}'{suggestion(axis, AXES)}{QUOTES}")
        if not axis or not part:
            raise BadOption("only", f"{{}} takes AXIS=NAME,…, for instance separators=irm, and not '{text}'")
        found.setdefault(axis, []).append(unquoted(part))
    return found


def chosen(jobs: Sequence[Job], only: Only, limit: int | None) -> list[Job]:
    """The jobs that are asked for, with the metrics that are; at most `limit` of them."""
    found = list(jobs)
    for axis, names in only.items():
        found = _of_axis(found, axis, {nfc(name) for name in names})
    return found if limit is None else found[:limit]


def check_only(plan: Plan, only: Only) -> None:
    """Raises SoundstageError for a name that the grid does not have."""
    for axis, names in only.items():
        if axis == "metrics":
            known = {name for label, metric in plan.metrics.items() for name in (nfc(label), nfc(metric.choice.entry))}
        else:
            known = {name for cell in plan.cells for name in _names(cell, axis)}
        for name in names:
            if nfc(name) not in known:
                quotes = QUOTES if any(one.startswith(f"{name},") for one in known) else ""
                raise SoundstageError(
                    f"grid '{plan.grid.name}' has no '{name}' among its {axis}{suggestion(name, known)}{quotes}"
                )


def _of_axis(jobs: Sequence[Job], axis: str, names: set[str]) -> list[Job]:
    if axis == "metrics":
        kept = (
            Job(
                job.cell,
                {
                    label: metric
                    for label, metric in job.metrics.items()
                    if names & {nfc(label), nfc(metric.choice.entry)}
                },
            )
            for job in jobs
        )
        return [job for job in kept if job.metrics]
    return [job for job in jobs if names & _names(job.cell, axis)]


def _names(cell: CellSpec, axis: str) -> set[str]:
    scene = cell.scene
    if axis == "tracks":
        return {nfc(scene.track)}
    if axis == "seeds":
        return {str(scene.seed)}
    choice = {
        "datasets": scene.dataset,
        "placements": scene.placement,
        "spatializers": scene.spatializer,
        "separators": cell.separator,
    }[axis]
    return {nfc(choice.label), nfc(choice.entry)} if choice else set()
