"""Rows of a grid with their labels: the store's cells joined with a stored plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from soundstage.contracts import SKIPPED
from soundstage.results.encoding import COSTS
from soundstage.results.records import LABELS, STATUSES, PlanFacts, StoredPlan
from soundstage.results.store import Store

if TYPE_CHECKING:
    import pandas

Codes = NDArray[np.int64]
State = Literal["ok", "failed", "left"]
COLUMNS = (*LABELS, "metric", "source", "name", "unit", "value", "frame", "note", "ranked", "status", "error", "cell")
SCORE = ("track", "metric", "source", "name", "unit", "value", "frame", "note", "ranked", "status", "error")
"""The columns that say something where one rendering and one separator are all there is."""

OPTIONAL = ("at", "gain", "written")
"""Further columns that such rows may have: what is scored, as-is or at its best gain; see results.circumstances."""


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """A grid's results as tables."""

    facts: PlanFacts
    """What the stored plan says of grid, separators and metrics."""

    cells: pandas.DataFrame
    """One row a planned cell: labels, how its separation went, and what it took."""

    rows: pandas.DataFrame
    """One row a score, as `soundstage.load` gives them, but that texts which repeat are categories."""

    damage: tuple[str, ...] = ()
    """A sentence for each file that is not what was written."""

    @property
    def scores(self) -> pandas.DataFrame:
        """The rows without the labels of rendering and separator."""
        return self.rows[[*SCORE, *(name for name in OPTIONAL if name in self.rows)]]


def load_results(path: Path | str, grid: str = "") -> Results:
    """The results of the grid, the newest one where none is named. Raises SoundstageError where there are none."""
    import pandas as pd

    store = Store(path)
    plan = store.plan(grid)
    planned = pc.unique(plan.cells["cell"].combine_chunks()).to_numpy(zero_copy_only=False)
    states, rows = store.contents(planned.tolist())
    order = pc.index_in(plan.cells["cell"], states["address"])
    cells = _cells(plan.cells, states.take(order))
    scored = _scored(plan, rows)
    troubles = _troubles(plan, store, states)
    for name in scored.columns[scored.dtypes == "category"]:
        troubles[name] = pd.Categorical(troubles[name], categories=scored[name].cat.categories)
    frame = pd.concat([scored, troubles], ignore_index=True) if len(troubles) else scored
    return Results(plan.facts, cells, frame, store.damage)


def load_states(store: Store, plan: StoredPlan) -> list[State]:
    """Of each of a plan's cells whether it is `ok`, `failed` in any stage, or `left` to be run."""
    records = store.records(plan.cells["cell"].to_pylist())
    columns = [plan.cells[f"score:{metric}"].to_pylist() for metric in plan.facts["metrics"]]
    found: list[State] = []
    for address, *scores in zip(plan.cells["cell"].to_pylist(), *columns, strict=True):
        record = records.get(address)
        if record is None or not all(score in record.scores for score in scores):
            found.append("left")
        else:
            stages = [record.separation, *(record.scores[score] for score in scores)]
            found.append("ok" if all(stage.is_ok for stage in stages) else "failed")
    return found


def _cells(planned: pa.Table, states: pa.Table) -> pandas.DataFrame:
    """One row a planned cell: its labels, the separation's status and error. states: one row each, null where none."""
    import pandas as pd

    columns: dict[str, Any] = {name: _label(planned[name]) for name in LABELS}
    columns["separation"] = pc.fill_null(states["separation"], "not run").to_pandas()
    columns["error"] = pc.fill_null(states["error"], "").to_pandas()
    columns["notices"] = pc.fill_null(states["notices"], "").to_pandas()
    columns["assigned"] = pc.fill_null(states["assigned"], False).to_pandas()
    for name in COSTS:
        columns[name] = states[name].to_pandas()
    return pd.DataFrame(columns)


def _scored(plan: StoredPlan, rows: pa.Table) -> pandas.DataFrame:
    """The rows of planned scores, in the order of the plan's cells, with their labels."""
    import pandas as pd

    metrics = list(plan.facts["metrics"])
    cell, metric, row = _matched(plan, metrics, rows["score"])
    if np.any(np.diff(cell) < 0):
        order = np.argsort(cell, kind="stable")
        cell, metric, row = cell[order], metric[order], row[order]
    rows = rows.drop_columns("score").unify_dictionaries().combine_chunks()
    if len(row) != rows.num_rows or np.any(row != np.arange(len(row))):
        rows = rows.take(pa.array(row))
    columns: dict[str, Any] = {name: _label(plan.cells[name]).take(cell) for name in LABELS}
    columns["metric"] = pd.Categorical.from_codes(metric, pd.Index([*metrics, ""]))
    for name in ("source", "name", "unit"):
        columns[name] = rows[name].to_pandas().array
    columns["value"] = rows["value"].to_numpy()
    columns["frame"] = pd.Series(pd.arrays.IntegerArray(*_nullable(rows["frame"])))
    columns["note"] = pc.cast(rows["note"], pa.string()).to_pandas()
    columns["ranked"] = pc.fill_null(rows["ranked"], False).to_numpy()
    skipped = pc.fill_null(pc.starts_with(pc.cast(rows["note"], pa.string()), pattern=SKIPPED), False).to_numpy()
    statuses = np.where(skipped, STATUSES.index("skipped"), STATUSES.index("ok")).astype(np.int8)
    columns["status"] = pd.Categorical.from_codes(statuses, pd.Index(STATUSES))
    columns["error"] = pd.Series("", index=range(len(cell)), dtype=columns["note"].dtype)
    columns["cell"] = _label(plan.cells["cell"]).take(cell)
    return pd.DataFrame({name: columns[name] for name in COLUMNS})


def _matched(plan: StoredPlan, metrics: Sequence[str], scores: pa.ChunkedArray) -> tuple[Codes, Codes, Codes]:
    """Which row is of which planned cell and metric: three arrays of numbers, alike in length.

    Two labels may name one score, and then its rows stand for both.
    """
    count = plan.cells.num_rows
    chunks = [chunk for label in metrics for chunk in plan.cells[f"score:{label}"].cast(pa.string()).chunks]
    planned = pa.chunked_array(chunks, pa.string())
    unique = planned.combine_chunks().dictionary_encode()
    at = np.flatnonzero(unique.is_valid().to_numpy(zero_copy_only=False))
    own = unique.indices.drop_null().to_numpy()
    chunks = scores.chunks or [pa.array([], pa.string()).dictionary_encode()]
    known = pa.concat_arrays([chunk.dictionary for chunk in chunks])
    found = pc.fill_null(pc.index_in(known, unique.dictionary), -1).to_numpy()
    codes, start = [], 0
    for chunk in chunks:
        codes.append(found[start : start + len(chunk.dictionary)][chunk.indices.to_numpy()])
        start += len(chunk.dictionary)
    of_row = np.concatenate(codes)
    row = np.flatnonzero(of_row >= 0)
    by_score = at[np.argsort(own, kind="stable")]
    times = np.bincount(own, minlength=len(unique.dictionary))
    if times.max(initial=1) == 1:
        place = by_score[of_row[row]]
        return place % count, place // count, row
    first = np.cumsum(times) - times
    again = times[of_row[row]]
    nth = np.arange(again.sum()) - np.repeat(np.cumsum(again) - again, again)
    place = by_score[np.repeat(first[of_row[row]], again) + nth]
    return place % count, place // count, np.repeat(row, again)


def _troubles(plan: StoredPlan, store: Store, states: pa.Table) -> pandas.DataFrame:
    """A row for each stage that is not ok."""
    import pandas as pd

    records = store.records(states.filter(states["troubled"])["address"].to_pylist())
    metrics = list(plan.facts["metrics"])
    troubled = plan.cells.filter(pc.is_in(plan.cells["cell"], pa.array(list(records), pa.string())))
    found = []
    for cell in troubled.to_pylist():
        record = records[cell["cell"]]
        stages = [("", record.separation)]
        stages += [
            (metric, record.scores[cell[f"score:{metric}"]])
            for metric in metrics
            if cell[f"score:{metric}"] in record.scores
        ]
        for metric, stage in stages:
            if not stage.is_ok:
                labels = {name: cell[name] for name in (*LABELS, "cell")}
                about = {"note": stage.error, "status": stage.status, "error": stage.traceback or stage.error}
                found.append({**labels, **about, "metric": metric, "value": float("nan"), "ranked": False})
    frame = pd.DataFrame(found).reindex(columns=list(COLUMNS))
    frame["frame"] = frame["frame"].astype("Int32")
    return frame.astype({"ranked": bool, "value": float})


def _label(column: pa.ChunkedArray) -> Any:
    """A column of few texts or numbers as categories, in the order in which they come."""
    import pandas as pd

    encoded = column.combine_chunks().dictionary_encode()
    return pd.Categorical.from_codes(encoded.indices.to_numpy(), encoded.dictionary.to_pandas())


def _nullable(column: pa.ChunkedArray) -> tuple[Any, Any]:
    return pc.fill_null(column, 0).to_numpy().astype(np.int32), pc.is_null(column).to_numpy()
