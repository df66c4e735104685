"""What the report's pages show, as plain values: boards by protocol, every score, and its course over azimuth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from soundstage.leaderboard import statistics
from soundstage.leaderboard.board import FEWEST, Column, Leaderboard, PublishedRow, Row, Section
from soundstage.leaderboard.build import make_leaderboard
from soundstage.leaderboard.choice import finite, tables_asked_for
from soundstage.leaderboard.protocols import CELL, PROTOCOLS, Aggregation
from soundstage.leaderboard.published.comparison import set_beside
from soundstage.leaderboard.published.tables import Publication
from soundstage.leaderboard.training import trained_on_them
from soundstage.report.text import difference_text, fine_print, printable
from soundstage.results.loading import Results

if TYPE_CHECKING:
    import pandas

BIN_DEG = 10.0
"""How wide a bin of azimuths is."""

NEARNESS_DEG = (0.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 180.0)
"""Edges of the bins of the angle to the nearest other source."""

RESAMPLES = 2000
"""Resamples behind an interval of a bin, of which there are thousands."""

DIGITS = 6


def payload(
    results: Results, circumstances: pandas.DataFrame, *, rank_by: str = "", publication: Publication | None = None
) -> dict[str, Any]:
    """Everything that the pages show but sound.

    circumstances: the results' rows with the columns of soundstage.results.circumstances. rank_by: as for
    make_leaderboard. publication: set beside. Names are made printable; nothing else is done to them: the pages show
    texts as texts.
    """
    boards = list(_boards(results, rank_by, publication))
    first = boards[0]
    scores = _Scores(results, circumstances, first.columns)
    return {
        "title": printable(first.title),
        "grid": printable(first.grid),
        "summary": printable(results.facts.get("summary", "")),
        "publication": printable(first.publication),
        "few": FEWEST,
        "columns": [_column(column) for column in first.columns],
        "ranked_by": first.columns.index(first.ranked_by),
        "protocols": {name: how.summary for name, how in PROTOCOLS.items()},
        "boards": [_board(board) for board in boards],
        **scores.everything(),
    }


def _boards(results: Results, rank_by: str, publication: Publication | None) -> Iterator[Leaderboard]:
    """For each protocol, all sources together and one by one; the tables of the default protocol first."""
    told_apart = tables_asked_for(results.cells, None)
    if results.cells["dataset"].nunique() > 1:
        told_apart = ["dataset", *told_apart]
    sources = results.rows.loc[results.rows["source"].notna(), "source"].nunique()
    for protocol in PROTOCOLS:
        for by in (told_apart, [*told_apart, "source"]) if sources > 1 else (told_apart,):
            board = make_leaderboard(results, by=by, rank_by=rank_by, protocol=protocol, cost=True)
            yield set_beside(board, publication, results) if publication else board


def _column(column: Column) -> dict[str, Any]:
    return {
        "metric": printable(column.metric),
        "name": printable(column.name),
        "label": printable(column.label),
        "unit": printable(column.unit),
        "up": column.higher_is_better,
        "decimals": column.decimals,
    }


def _board(board: Leaderboard) -> dict[str, Any]:
    return {
        "protocol": board.protocol.name,
        "sections": [_section(board, section) for section in board.sections],
        "notes": list(fine_print(board)),
    }


def _section(board: Leaderboard, section: Section) -> dict[str, Any]:
    shared = [section.scores[column] for column in board.columns]
    return {
        "group": {key: printable(value) for key, value in section.group.items()},
        "rows": [_row(board, row) for row in section.rows],
        "scores": [[one.shared, one.possible, one.songs] for one in shared],
        "published": [_published(board, row) for row in section.published],
    }


def _row(board: Leaderboard, row: Row) -> dict[str, Any]:
    values = []
    for column in board.columns:
        value = row.values[column]
        ends = [whole(end) for end in value.interval] if value.interval else None
        values.append([whole(value.value), value.best, ends])
    found: dict[str, Any] = {
        "separator": printable(row.separator),
        "role": row.role,
        "rank": row.rank,
        "values": values,
        "group": row.group,
        "assigned": row.is_assigned,
        "trained": row.trained_on_them,
        "cells": [row.coverage.done, row.coverage.planned],
    }
    if row.standing:
        found |= {"ranks": list(row.standing.ranks), "best": round(row.standing.best, 4)}
    if row.against_best:
        test = row.against_best
        found["against"] = [test.better, test.worse, test.songs, rounded(test.p_value)]
    if row.cost:
        found["cost"] = [row.cost.real_time_factor, row.cost.peak_mb, row.cost.gpu_peak_mb]
    return found


def _published(board: Leaderboard, row: PublishedRow) -> dict[str, Any]:
    return {
        "model": printable(row.model),
        "condition": printable(row.condition),
        "where": printable(row.where),
        "trained": row.trained_on_them,
        "values": [printable(row.values[column].printed) if column in row.values else "" for column in board.columns],
        "differences": [
            {
                "separator": printable(one.separator),
                "values": [
                    difference_text(one.values[column].value, one.values[column].decimals)
                    if column in one.values
                    else ""
                    for column in board.columns
                ],
            }
            for one in row.differences
        ],
    }


def whole(value: float) -> float | None:
    """The value as JSON has it; what is printed is rounded once, in the page as in a terminal."""
    return value if math.isfinite(value) else None


def rounded(value: float) -> float | None:
    """The value with DIGITS digits, as JSON has it: of thousands of scores that are drawn and not printed."""
    return None if math.isnan(value) or math.isinf(value) else float(f"{value:.{DIGITS}g}")


class _Scores:
    """Every whole-track score that may be ranked on, in one order of scene × source for all separators and measures."""

    def __init__(self, results: Results, circumstances: pandas.DataFrame, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._separators = {name: about["role"] for name, about in results.facts["separators"].items()}
        datasets = [str(label) for label in results.cells["dataset"].unique()]
        self._training = {name: trained_on_them(results.facts, name, datasets) for name in self._separators}
        rows = finite(circumstances)
        rows = rows[(rows["status"] == "ok") & rows["frame"].isna() & rows["ranked"] & rows["value"].notna()]
        rows = rows.astype(dict.fromkeys(rows.columns[rows.dtypes == "category"], object))
        self._rows = rows
        self._cells = rows.drop_duplicates(CELL).reset_index(drop=True)
        self._tables = {column: self._table(column) for column in columns}

    def _table(self, column: Column) -> pandas.DataFrame:
        """The scores of a measure: a row each of the cells, a column each separator; NaN where there is none."""
        import pandas as pd

        rows = self._rows
        own = rows[(rows["metric"] == column.metric) & (rows["name"] == column.name)]
        table = own.pivot(index=CELL, columns="separator", values="value")
        which = pd.MultiIndex.from_frame(self._cells[CELL])
        return table.reindex(index=which, columns=list(self._separators))

    def everything(self) -> dict[str, Any]:
        cells = self._cells
        scenes = cells[CELL[:-1]].drop_duplicates().reset_index(drop=True)
        keys = {tuple(row): at for at, row in enumerate(scenes.itertuples(index=False))}
        sources = [str(source) for source in cells["source"].unique()]
        return {
            "separators": [
                {"name": printable(name), "role": role, "trained": self._training[name]}
                for name, role in self._separators.items()
            ],
            "sources": [printable(source) for source in sources],
            "scenes": [[printable(one) for one in row] for row in scenes.itertuples(index=False)],
            "cells": {
                "scene": [keys[tuple(row)] for row in cells[CELL[:-1]].itertuples(index=False)],
                "source": [sources.index(str(source)) for source in cells["source"]],
                "azimuth": _rounded_all(cells["azimuth"]),
                "nearest": _rounded_all(cells["nearest_deg"]),
            },
            "values": [
                [_rounded_all(self._tables[column][name]) for column in self._columns] for name in self._separators
            ],
            "atlas": [self._course(column, "azimuth", _azimuth_bins) for column in self._columns],
            "nearness": [self._course(column, "nearest_deg", _nearness_bins) for column in self._columns],
        }

    def _course(self, column: Column, along: str, bins: Any) -> dict[str, list[dict[str, Any]]]:
        """By spatializer, for each bin the median of each separator over the scores that all of them have there."""
        found: dict[str, list[dict[str, Any]]] = {}
        how = Aggregation("course", "median over tracks × sources")
        where = self._cells[along].to_numpy(np.float64)
        for spatializer in self._cells["spatializer"].unique():
            table = self._tables[column]
            has = table.columns[table.notna().any()]
            keep = (self._cells["spatializer"] == spatializer).to_numpy() & ~np.isnan(where)
            keep &= table[has].notna().all(axis=1).to_numpy()
            points = []
            for centre, low, high in bins():
                which = keep & (where >= low) & (where < high)
                if which.any():
                    points.append(self._point(table.loc[which, has], centre, low, high, how))
            if points:
                found[printable(spatializer)] = points
        return found

    def _point(
        self, table: pandas.DataFrame, centre: float, low: float, high: float, how: Aggregation
    ) -> dict[str, Any]:
        songs = [(dataset, track) for dataset, track, *_ in table.index]
        known: dict[Any, int] = {}
        codes = np.array([known.setdefault(song, len(known)) for song in songs], np.int64)
        values = table.to_numpy(np.float64)
        middles = np.median(values, axis=0)
        ends: list[Any] = [None] * len(middles)
        if len(known) >= FEWEST:
            counts = statistics.draws(len(known), RESAMPLES)
            resamples = statistics.resampled(values, codes, [], how, counts)
            intervals = (
                statistics.interval(resamples[:, at], float(middle), len(known)) for at, middle in enumerate(middles)
            )
            ends = [[rounded(end) for end in interval] for interval in intervals]
        places = {name: at for at, name in enumerate(self._separators)}
        return {
            "at": centre,
            "from": low,
            "to": high,
            "songs": len(known),
            "scores": len(values),
            "values": [
                [places[str(name)], rounded(float(middle)), end]
                for name, middle, end in zip(table.columns, middles, ends, strict=True)
            ],
        }


def _azimuth_bins() -> Iterator[tuple[float, float, float]]:
    """Centre and ends of each bin of (−180, 180]: the last bin is around 180 and ends there."""
    for centre in np.arange(-170.0, 181.0, BIN_DEG):
        low = centre - BIN_DEG / 2.0
        yield float(centre), float(low), float(low + BIN_DEG)
    yield -180.0, -180.0, -175.0


def _nearness_bins() -> Iterator[tuple[float, float, float]]:
    for low, high in pairwise(NEARNESS_DEG):
        yield (low + high) / 2.0, low, high + (1e-9 if high == 180.0 else 0.0)


def _rounded_all(values: Any) -> list[float | None]:
    return [rounded(float(value)) for value in values]
