"""Scores of single tracks and sources as text: table, CSV, JSON."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
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


NAMED = 8
"""Stems that a note names."""


def scores_table(results: Results, width: int = 0) -> str:
    """A line a track and source, then medians over tracks and over everything; ( ) marks what medians leave out.

    Where stems were scored at their best gain too, that is a line of its own below, marked with the gain, and has
    medians of its own.

    width: columns that there are; a long name goes on in a further line. Without one every name is in one line.
    """
    columns = shown_columns(results.facts)
    rows = results.rows[(results.rows["status"] == "ok") & results.rows["frame"].isna()]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True)
    levels = list(rows["at"].unique()) if "at" in rows else [""]
    for name in ("track", "source", *(["at"] if len(levels) > 1 else [])):
        table.add_column(name, overflow="fold", no_wrap=not width, max_width=name_width(width) if width else None)
    for column in columns:
        header = f"{printable(column.label)} {arrow(column)}\n{printable(column.unit)}\n{printable(column.metric)}"
        table.add_column(Text(header, justify="right"), justify="right", no_wrap=True)
    last: tuple[object, object] = ("", "")
    for (track, source), both in rows.groupby(["track", "source"], sort=False, observed=True):
        for level, scores in _by_level(both, levels):
            first = "" if track == last[0] else track, "" if (track, source) == last else source
            _add(table, *first, _level(level, scores), (_cell(scores, column) for column in columns))
            last = track, source
    table.add_section()
    sources = list(rows["source"].unique())
    for source in sources if rows["track"].nunique() > 1 else ():
        for level, scores in _by_level(rows[rows["source"] == source], levels):
            _add(table, "median", source, [level] * bool(level), (_median(scores, column) for column in columns))
    for level, scores in _by_level(rows, levels) if len(sources) > 1 else ():
        _add(table, "median", "all", [level] * bool(level), (_median(scores, column) for column in columns))
    out = io.StringIO()
    page = console(file=out, width=width or 160, color_system=None)
    print_whole(table, page)
    lines = [*out.getvalue().splitlines(), *map(printable, _notes(results.rows, rows))]
    return "\n".join(line.rstrip() for line in lines)


def _add(table: Table, track: object, source: object, level: Iterable[str], values: Iterable[str]) -> None:
    table.add_row(*(Text(printable(text)) for text in (track, source, *level, *values)))


def _by_level(rows: pandas.DataFrame, levels: Sequence[str]) -> Iterator[tuple[str, pandas.DataFrame]]:
    """Level and its rows; one without a name where all are at one."""
    if len(levels) < 2:
        yield "", rows
        return
    yield from ((level, rows[rows["at"] == level]) for level in levels if (rows["at"] == level).any())


def _level(level: str, scores: pandas.DataFrame) -> list[str]:
    """The level as the table has it, with the gain where there was one."""
    if not level:
        return []
    return [level if level == "as-is" else f"{level} × {float(scores['gain'].iloc[0]):.3f}"]


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
    """Why scores are missing or left out, each reason once, what was done to the stems, then what went wrong."""
    out = whole[whole["value"].isna() | ~whole["ranked"]]
    lines = []
    for key, rows in out.groupby(["metric", "note"], sort=False, observed=True):
        metric, note = map(str, key)
        names = ", ".join(rows["name"].unique())
        lines.append(f"{names} ({metric}): {len(rows)} left out of the medians: {note}")
    bad = every[~every["status"].isin(["ok", "skipped"])]
    troubles = zip(bad["track"], bad["metric"], bad["note"], strict=True)
    lines += _written(every)
    return lines + [f"{track}: {metric or 'not scored'}: {note}" for track, metric, note in troubles]


def _written(rows: pandas.DataFrame) -> list[str]:
    """What whoever wrote the stems did to them, each phrase once, with the stems that it is said of."""
    if "written" not in rows:
        return []
    stems = rows[["track", "source", "written"]].drop_duplicates()
    stems = stems.assign(phrase=stems["written"].str.split("; ")).explode("phrase")
    lines = []
    for phrase, of_phrase in stems[stems["phrase"] != ""].groupby("phrase", sort=False):
        named = [f"{track} {source}" for track, source in zip(of_phrase["track"], of_phrase["source"], strict=True)]
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        lines.append(f"as the files were written: {phrase}: {', '.join(named[:NAMED])}{more}")
    return lines
