"""What is kept of a cell: statuses, provenance and rows; and of a grid, its plan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
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
    """How separation or one metric went."""

    status: str
    error: str = ""
    traceback: str = ""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)


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
    """The new record, with the scores of the held one that it lacks."""
    return CellRecord(new.address, new.separation, {**(held.scores if held else {}), **new.scores}, new.scene, new.run)


def joined_rows(held: pa.Table, rows: pa.Table, record: CellRecord) -> pa.Table:
    """The rows of a new record, after the held rows of scores that it lacks."""
    replaced = pa.array(list(record.scores), pa.string())
    kept = held.filter(pa.compute.invert(pa.compute.is_in(held["score"], replaced)))
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
