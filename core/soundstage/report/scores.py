"""Scores of single tracks and sources as text: table, CSV, JSON."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from soundstage.leaderboard.board import Column
from soundstage.leaderboard.choice import shown_columns
from soundstage.report.terminal import console, name_width, print_whole
from soundstage.report.text import arrow, encodable, printable, uncomputed, value_text
from soundstage.results.loading import Results

if TYPE_CHECKING:
    import pandas


def scores_table(results: Results, width: int = 0) -> str:
    """A line a track and source, then medians over tracks and over everything; ( ) marks what medians leave out.

    width: columns that there are; a long name goes on in a further line. Without one every name is in one line.
    """
    columns = shown_columns(results.facts)
    rows = results.rows[(results.rows["status"] == "ok") & results.rows["frame"].isna()]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True)
    for name in ("track", "source"):
        table.add_column(name, overflow="fold", no_wrap=not width, max_width=name_width(width) if width else None)
    for column in columns:
        header = f"{printable(column.label)} {arrow(column)}\n{printable(column.unit)}\n{printable(column.metric)}"
        table.add_column(Text(header, justify="right"), justify="right", no_wrap=True)
    last: object = ""
    for (track, source), scores in rows.groupby(["track", "source"], sort=False, observed=True):
        _add(table, "" if track == last else track, source, (_cell(scores, column) for column in columns))
        last = track
    table.add_section()
    sources = list(rows["source"].unique())
    if rows["track"].nunique() > 1:
        for source in sources:
            of_source = rows[rows["source"] == source]
            _add(table, "median", source, (_median(of_source, column) for column in columns))
    if len(sources) > 1:
        _add(table, "median", "all", (_median(rows, column) for column in columns))
    out = io.StringIO()
    page = console(file=out, width=width or 160, color_system=None)
    print_whole(table, page)
    lines = [*out.getvalue().splitlines(), *map(printable, _notes(results.rows, rows))]
    return "\n".join(line.rstrip() for line in lines)


def _add(table: Table, track: object, source: object, values: Iterable[str]) -> None:
    table.add_row(*(Text(printable(text)) for text in (track, source, *values)))


def scores_csv(results: Results, safe: bool = False) -> str:
    """One line a score at full precision, frames included; see soundstage.score.

    safe: whether texts that spreadsheets would compute get an apostrophe.
    """
    scores = results.scores
    if safe:
        scores = scores.astype(object).map(lambda value: uncomputed(value) if isinstance(value, str) else value)
    return encodable(str(scores.to_csv(index=False, lineterminator="\n")).rstrip("\n"))


def scores_json(results: Results) -> str:
    """A list of scores, frames included; null where there is no value."""
    frame = results.scores.astype(object)
    records = frame.where(frame.notna(), None).to_dict("records")
    return encodable(json.dumps(records, indent=1, ensure_ascii=False))


def _of(scores: pandas.DataFrame, column: Column) -> pandas.DataFrame:
    return scores[(scores["metric"] == column.metric) & (scores["name"] == column.name)]


def _cell(scores: pandas.DataFrame, column: Column) -> str:
    found = _of(scores, column)
    if not len(found):
        return "–"
    text = value_text(float(found["value"].iloc[0]), column)
    return text if found["ranked"].iloc[0] or text == "–" else f"({text})"


def _median(scores: pandas.DataFrame, column: Column) -> str:
    found = _of(scores, column)
    value = found.loc[found["ranked"], "value"].median()
    return value_text(math.nan if math.isnan(value) else float(value), column)


def _notes(every: pandas.DataFrame, whole: pandas.DataFrame) -> list[str]:
    """Why scores are missing or left out, each reason once, then what went wrong."""
    out = whole[whole["value"].isna() | ~whole["ranked"]]
    lines = []
    for key, rows in out.groupby(["metric", "note"], sort=False, observed=True):
        metric, note = map(str, key)
        names = ", ".join(rows["name"].unique())
        lines.append(f"{names} ({metric}): {len(rows)} left out of the medians: {note}")
    bad = every[~every["status"].isin(["ok", "skipped"])]
    troubles = zip(bad["track"], bad["metric"], bad["note"], strict=True)
    return lines + [f"{track}: {metric or 'not scored'}: {note}" for track, metric, note in troubles]
