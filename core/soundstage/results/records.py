"""What is kept of a cell: statuses, provenance and rows; and of a grid, its plan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import pyarrow as pa

from soundstage.contracts import Score

STATUSES = ("ok", "failed", "timeout", "oom", "crashed", "skipped", "not-installed")
ROWS = pa.schema(
    [
        ("score", pa.string()),
        ("source", pa.string()),
        ("name", pa.string()),
        ("unit", pa.string()),
        ("value", pa.float64()),
        ("frame", pa.int32()),
        ("note", pa.string()),
        ("ranked", pa.bool_()),
    ]
)
METADATA = b"soundstage"
"""The key of our facts in a Parquet file's metadata."""


@dataclass(frozen=True, slots=True)
class Stage:
    """How separation or one metric went. run: id of the run in which, where the record's own is another."""

    status: str
    error: str = ""
    traceback: str = ""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)
    run: str = ""


@dataclass(frozen=True, slots=True)
class CellRecord:
    """One cell's statuses and provenance. scores: score address → Stage. run: id of the run that separated it."""

    address: str
    separation: Stage
    scores: Mapping[str, Stage] = field(default_factory=dict)
    scene: Mapping[str, Any] = field(default_factory=dict)
    run: str = ""

    @property
    def is_troubled(self) -> bool:
        """Whether any stage is not ok."""
        return self.separation.status != "ok" or any(stage.status != "ok" for stage in self.scores.values())


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A grid as it was planned. cells has columns cell, dataset, track, placement, spatializer, separator, seed, and
    `score:METRIC` for each metric; facts: name, revision, hash, created, axes, separators and measures."""

    cells: pa.Table
    facts: Mapping[str, Any]


def record_text(record: CellRecord) -> str:
    """The record as JSON."""
    return json.dumps(asdict(record), sort_keys=True)


def record_of(text: str | bytes) -> CellRecord:
    """The record that the JSON holds. Raises KeyError, TypeError or ValueError where it holds none."""
    facts = json.loads(text)
    stages = {score: Stage(**stage) for score, stage in facts["scores"].items()}
    return CellRecord(facts["address"], Stage(**facts["separation"]), stages, facts["scene"], facts["run"])


def joined(held: CellRecord | None, new: CellRecord) -> CellRecord:
    """The new record, with the scores of the held one that it lacks; what was ok stays, whatever went wrong since.

    Where separating again went wrong, what it was for has the status of that, and the record stays that of the run
    whose estimates were scored.
    """
    if held is None:
        return new
    scores = {score: of_run(stage, held, new.run) for score, stage in held.scores.items()}
    if held.separation.status == "ok" and new.separation.status != "ok":
        lost = replace(new.separation, details={}, run=new.run)
        scores = {score: of_run(stage, held, held.run) for score, stage in held.scores.items()}
        scores |= {score: lost for score in new.scores if not _is_ok(held, score)}
        return replace(held, scores=scores)
    scores |= {score: stage for score, stage in new.scores.items() if stage.status == "ok" or not _is_ok(held, score)}
    return replace(new, scores=scores)


def _is_ok(record: CellRecord, score: str) -> bool:
    return score in record.scores and record.scores[score].status == "ok"


def of_run(stage: Stage, held: CellRecord, run: str) -> Stage:
    """The stage, with its run said where the record will be of another."""
    return replace(stage, run=stage.run or (held.run if held.run != run else ""))


def joined_rows(held: pa.Table, rows: pa.Table, before: CellRecord, new: CellRecord) -> pa.Table:
    """The rows of a new record, and the held rows of the scores that it does not replace; before: the held record."""
    replaced = {score for score, stage in new.scores.items() if stage.status == "ok" or not _is_ok(before, score)}
    kept = held.filter(pa.compute.invert(pa.compute.is_in(held["score"], pa.array(sorted(replaced), pa.string()))))
    return pa.concat_tables([kept, rows])


def score_rows(rows: Iterable[tuple[str, str, Score]]) -> pa.Table:
    """A table of (score address, unit, Score)."""
    columns: dict[str, list[Any]] = {name: [] for name in ROWS.names}
    for address, unit, score in rows:
        for name, value in zip(
            ROWS.names,
            (address, score.source, score.name, unit, score.value, score.frame, score.note, score.ranked),
            strict=True,
        ):
            columns[name].append(value)
    return pa.table(columns, schema=ROWS)
