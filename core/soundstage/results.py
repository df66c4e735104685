"""Rows of a grid with their labels: the store's cells joined with a stored plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from soundstage.contracts import SKIPPED
from soundstage.store import CellRecord, Store

if TYPE_CHECKING:
    import pandas

LABELS = ("dataset", "track", "placement", "spatializer", "seed", "separator")
COLUMNS = (*LABELS, "metric", "source", "name", "unit", "value", "frame", "note", "ranked", "status", "error", "cell")
SCORE = ("track", "metric", "source", "name", "unit", "value", "frame", "note", "ranked", "status", "error")
"""The columns that say something where one rendering and one separator are all there is."""


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """A grid's results. facts: as StoredPlan has them. cells: one row a planned cell. rows: see soundstage.load."""

    facts: Mapping[str, Any]
    cells: pandas.DataFrame
    rows: pandas.DataFrame

    @property
    def scores(self) -> pandas.DataFrame:
        """The rows without the labels of rendering and separator."""
        return self.rows[list(SCORE)]


def load_results(path: Path, grid: str = "") -> Results:
    """The results of the grid, the newest one where none is named. Raises SoundstageError where there are none."""
    import pandas as pd

    store = Store(path)
    plan = store.plan(grid)
    metrics = list(plan.facts["metrics"])
    cells = plan.cells.to_pylist()
    records = {cell["cell"]: store.record(cell["cell"]) for cell in cells}
    tables, labels, troubles = [], [], []
    for cell in cells:
        record = records[cell["cell"]]
        if record is None:
            continue
        wanted = {cell[f"score:{metric}"]: metric for metric in metrics}
        rows = store.rows(cell["cell"])
        rows = rows.filter(pa.compute.is_in(rows["score"], pa.array(list(wanted), pa.string())))
        if rows.num_rows:
            tables.append(rows)
            labels += [(cell, wanted[score]) for score in rows["score"].to_pylist()]
        troubles += _troubles(cell, record, wanted)
    scored = pa.concat_tables(tables).to_pandas() if tables else pd.DataFrame(columns=["value", "frame"])
    for name in (*LABELS, "cell"):
        scored[name] = [cell[name] for cell, _ in labels]
    scored["metric"] = [metric for _, metric in labels]
    scored["status"], scored["error"] = "ok", ""
    if tables:
        scored.loc[scored["note"].str.startswith(SKIPPED), "status"] = "skipped"
    frame = pd.concat([scored, pd.DataFrame(troubles)], ignore_index=True) if troubles else scored
    frame = frame.reindex(columns=list(COLUMNS))
    frame["frame"] = frame["frame"].astype("Int32")
    frame["ranked"] = frame["ranked"].fillna(False).astype(bool)
    return Results(plan.facts, _cells(cells, records), frame)


def _troubles(cell: Mapping[str, Any], record: CellRecord, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row for each stage that is not ok."""
    stages = [("", record.separation)] + [
        (wanted[score], stage) for score, stage in record.scores.items() if score in wanted
    ]
    return [
        {
            **{name: cell[name] for name in (*LABELS, "cell")},
            "metric": metric,
            "value": float("nan"),
            "note": stage.error,
            "ranked": False,
            "status": stage.status,
            "error": stage.traceback or stage.error,
        }
        for metric, stage in stages
        if stage.status != "ok"
    ]


def _cells(cells: Sequence[Mapping[str, Any]], records: Mapping[str, CellRecord | None]) -> pandas.DataFrame:
    """One row a planned cell: its labels, the separation's status and error."""
    import pandas as pd

    rows = []
    for cell in cells:
        record = records[cell["cell"]]
        rows.append(
            {
                **{name: cell[name] for name in LABELS},
                "separation": record.separation.status if record else "not run",
                "error": record.separation.error if record else "",
                "assigned": bool(record and "assigned" in record.separation.details),
            }
        )
    return pd.DataFrame(rows)
