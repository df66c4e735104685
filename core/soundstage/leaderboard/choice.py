"""What is asked for of results, by the names that they have: which tables, measures and separators."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from soundstage.errors import SoundstageError, meant, suggestion
from soundstage.leaderboard.board import Column
from soundstage.results.records import MeasureFacts, PlanFacts

if TYPE_CHECKING:
    import pandas

GROUPS = ("source", "spatializer", "dataset", "placement", "seed")


def finite(rows: pandas.DataFrame) -> pandas.DataFrame:
    """The rows with no value where it is infinite: older folders hold what was imported so."""
    infinite = rows["value"].abs() == math.inf
    if not infinite.any():
        return rows
    return rows.assign(value=rows["value"].mask(infinite), note=rows["note"].mask(infinite, "the value is infinite"))


def shown_columns(facts: PlanFacts, wanted: Sequence[str] = ()) -> tuple[Column, ...]:
    """The wanted measures of a plan's facts; every headline measure where none is wanted. Raises SoundstageError.

    Case matters only where names differ in nothing else.
    """
    every = {
        (metric, name): Column(
            metric,
            name,
            measure["label"] or name,
            measure["unit"],
            measure["higher_is_better"],
            _decimals(measure),
        )
        for metric, measures in facts["metrics"].items()
        for name, measure in measures.items()
    }
    headline = [key for key in every if facts["metrics"][key[0]][key[1]]["headline"]]
    if not wanted:
        columns = [every[key] for key in headline]
    else:
        columns = []
        metrics, names = [metric for metric, _ in every], [name for _, name in every]
        for word in wanted:
            known = {*metrics, *names}
            word_meant = meant(word, metrics) or meant(word, names)
            found = [every[key] for key in headline if key[0] == word_meant]
            found = found or [every[key] for key in every if word_meant in key]
            if not found:
                raise SoundstageError(f"the results have no metric or measure '{word}'{suggestion(word, known)}")
            columns += [column for column in found if column not in columns]
    if not columns:
        raise SoundstageError("the grid's metrics measure nothing that could be shown")
    return tuple(columns)


def _decimals(measure: MeasureFacts) -> int:
    """How many decimals of a stored measure are shown; plans that do not say it showed whole µs and two of the rest."""
    return int(measure.get("decimals", 0 if measure["unit"] == "µs" else 2))


def tables_asked_for(cells: pandas.DataFrame, by: Sequence[str] | None) -> list[str]:
    """What there is a table for each of: the words meant, or by default what the cells differ in. Raises
    SoundstageError.
    """
    return _told_apart(cells) if by is None else [_grouping(word) for word in by]


def _grouping(word: str) -> str:
    found = meant(word, GROUPS)
    if not found:
        raise SoundstageError(f"cannot group by '{word}'{suggestion(word, GROUPS)}")
    return found


def separator_meant(facts: PlanFacts, wanted: str) -> str:
    """The separator of that name. Raises SoundstageError with the nearest one."""
    found = meant(wanted, facts["separators"])
    if not found:
        raise SoundstageError(f"the results have no separator '{wanted}'{suggestion(wanted, facts['separators'])}")
    return found


def ranking_column(columns: Sequence[Column], wanted: str) -> Column:
    """The shown measure of that name, the first where none is named. Raises SoundstageError."""
    if not wanted:
        return columns[0]
    meant_by: dict[str, Column] = {}
    for column in columns:
        for name in (column.name, column.label, column.metric, f"{column.metric}.{column.name}"):
            meant_by.setdefault(name, column)
    alike = {column for name, column in meant_by.items() if name.casefold() == wanted.casefold()}
    if wanted not in meant_by and len(alike) != 1:
        known = dict.fromkeys(column.name for column in columns)
        raise SoundstageError(f"cannot rank by '{wanted}'{suggestion(wanted, known)}")
    return meant_by.get(wanted) or alike.pop()


def _told_apart(cells: pandas.DataFrame) -> list[str]:
    """What there is a table for each of by default; scenes that are not placed are no placement of their own."""
    placements = {str(label) for label in cells["placement"].unique()} - {""}
    several = {"spatializer": cells["spatializer"].nunique() > 1, "placement": len(placements) > 1}
    return [kind for kind, are_several in several.items() if are_several]


def groups_of(rows: pandas.DataFrame, cells: pandas.DataFrame, by: Sequence[str]) -> list[dict[str, Any]]:
    """The groups in the order in which the plan has them."""
    if not by:
        return [{}]
    table = rows if "source" in by else cells
    return [dict(zip(by, key, strict=True)) for key in table[list(by)].drop_duplicates().itertuples(index=False)]


def within_group(rows: pandas.DataFrame, group: Mapping[str, Any]) -> pandas.DataFrame:
    """The rows of a table's group; what the rows have no column of is passed over."""
    for name, value in group.items():
        if name in rows.columns:
            column = rows[name]
            rows = rows[column.astype(str) == str(value)] if name == "seed" else rows[column == value]
    return rows
