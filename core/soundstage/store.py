"""Results on disk: one Parquet file a cell, committed whole; plans and provenance beside them.

    DIR/grids/<name>-<hash>.parquet   the cells of a grid, by label and address
    DIR/cells/ab/<address>.parquet    scores of one cell; statuses, timings and provenance in the file's metadata
    DIR/estimates/<address>/          kept estimates, lossless
    DIR/runs/<id>.json                what ran where: versions, hardware, times

The store knows addresses, labels and rows, and nothing of plugins.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from soundstage.audio import Samples, read_audio, write_audio
from soundstage.contracts import Score
from soundstage.errors import SoundstageError, suggestion

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


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A grid as it was planned. cells has columns cell, dataset, track, placement, spatializer, separator, seed, and
    `score:METRIC` for each metric; facts: name, revision, hash, created, axes, separators and measures."""

    cells: pa.Table
    facts: Mapping[str, Any]


class Store:
    """A results folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open_existing(self) -> Store:
        """Itself, where the folder holds results. Raises SoundstageError where it does not."""
        if not any((self.path / "grids").glob("*.parquet")):
            raise SoundstageError(
                f"{self.path} holds no results; make some with: soundstage run GRID --out {self.path}"
            )
        return self

    def prepare(self) -> Store:
        """Itself, its folder made. Raises SoundstageError where that cannot be."""
        try:
            for name in ("grids", "cells", "runs"):
                (self.path / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SoundstageError(
                f"{self.path}: cannot hold results ({error.strerror}); choose another --out"
            ) from None
        return self

    # cells

    def commit(self, record: CellRecord, rows: pa.Table) -> None:
        """Put a cell's record and rows there whole; scores of an earlier commit that this one lacks are kept."""
        held = self.record(record.address)
        if held is not None:
            kept = {score: stage for score, stage in held.scores.items() if score not in record.scores}
            earlier = self.rows(record.address)
            wanted = pa.array(list(kept), pa.string())
            rows = pa.concat_tables([earlier.filter(pa.compute.is_in(earlier["score"], wanted)), rows])
            record = CellRecord(record.address, record.separation, {**kept, **record.scores}, record.scene, record.run)
        text = json.dumps(asdict(record), sort_keys=True)
        table = rows.replace_schema_metadata({METADATA: text.encode()})
        _replace(self._cell(record.address), lambda path: pq.write_table(table, path, compression="zstd"))

    def record(self, address: str) -> CellRecord | None:
        """A cell's statuses and provenance; None where it is not there, or not whole."""
        try:
            metadata = pq.read_schema(self._cell(address)).metadata or {}
            facts = json.loads(metadata[METADATA])
        except (FileNotFoundError, pa.ArrowInvalid, OSError, KeyError, ValueError):
            return None
        stages = {score: Stage(**stage) for score, stage in facts["scores"].items()}
        return CellRecord(facts["address"], Stage(**facts["separation"]), stages, facts["scene"], facts["run"])

    def rows(self, address: str) -> pa.Table:
        """A cell's rows."""
        return pq.read_table(self._cell(address), schema=ROWS).replace_schema_metadata(None)

    def _cell(self, address: str) -> Path:
        return self.path / "cells" / address[:2] / f"{address}.parquet"

    # plans and runs

    def save_plan(self, plan_id: str, plan: StoredPlan) -> None:
        """Put a plan there; the newest is the one that readers get."""
        facts = {**plan.facts, "created": datetime.now(UTC).isoformat()}
        table = plan.cells.replace_schema_metadata({METADATA: json.dumps(facts).encode()})
        _replace(
            self.path / "grids" / f"{plan_id}.parquet", lambda path: pq.write_table(table, path, compression="zstd")
        )

    def plan(self, wanted: str = "") -> StoredPlan:
        """The plan of that name, `name-hash` or hash; the newest where none is asked for. Raises SoundstageError."""
        self.open_existing()
        plans = [self._read_plan(path) for path in sorted((self.path / "grids").glob("*.parquet"))]
        if wanted:
            names = {plan.facts["id"] for plan in plans} | {plan.facts["name"] for plan in plans}
            plans = [plan for plan in plans if wanted in (plan.facts["id"], plan.facts["name"], plan.facts["hash"][:8])]
            if not plans:
                raise SoundstageError(f"{self.path} holds no grid '{wanted}'{suggestion(wanted, names)}")
        return max(plans, key=lambda plan: str(plan.facts["created"]))

    def _read_plan(self, path: Path) -> StoredPlan:
        try:
            table = pq.read_table(path)
            facts = json.loads(table.schema.metadata[METADATA])
        except (pa.ArrowInvalid, OSError, KeyError, TypeError, ValueError) as error:
            raise SoundstageError(
                f"{path}: not a plan of Soundstage ({error}); delete it and run the grid again"
            ) from None
        return StoredPlan(table, facts)

    def save_run(self, run: str, facts: Mapping[str, Any]) -> None:
        """Put the provenance of a run there."""
        text = json.dumps(facts, indent=1, sort_keys=True)
        _replace(self.path / "runs" / f"{run}.json", lambda path: path.write_text(text, encoding="utf-8"))

    # kept estimates

    def save_estimates(
        self, address: str, images: Mapping[str, Samples], rate: int, details: Mapping[str, Any]
    ) -> None:
        """Keep a cell's estimates, losslessly, whole or not at all."""
        folder = self.path / "estimates" / address
        partial = folder.with_name(f".{address}-{uuid.uuid4().hex}")
        partial.mkdir(parents=True)
        files = {}
        for index, (source, image) in enumerate(images.items()):
            file = partial / f"{index}-{''.join(c if c.isalnum() else '_' for c in source)}.wav"
            write_audio(file, image, rate)
            files[source] = {"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        (partial / "estimates.json").write_text(
            json.dumps({"sources": files, "details": dict(details)}), encoding="utf-8"
        )
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)

    def estimates(self, address: str) -> tuple[dict[str, Samples], dict[str, Any]] | None:
        """Kept estimates and their details; None where there are none or a file is not what was kept."""
        folder = self.path / "estimates" / address
        try:
            facts = json.loads((folder / "estimates.json").read_text(encoding="utf-8"))
            images = {}
            for source, file in facts["sources"].items():
                path = folder / file["file"]
                if hashlib.sha256(path.read_bytes()).hexdigest() != file["sha256"]:
                    return None
                images[source] = read_audio(path)[0]
        except (OSError, ValueError, KeyError, SoundstageError):
            return None
        return images, facts["details"]


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


def _replace(path: Path, write: Any) -> None:
    """Write a file beside its place, then put it there in one step: readers see the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    try:
        write(partial)
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
