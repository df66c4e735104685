"""The leaderboard: averages over shared cells, floors and oracles set apart, coverage shown. Reads the store alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from soundstage.errors import SoundstageError, meant, suggestion
from soundstage.leaderboard.board import ROLES, Column, Coverage, Leaderboard, Row, Section, Shared, Value, is_known
from soundstage.leaderboard.narrowing import narrowing
from soundstage.leaderboard.protocols import CELL, DEFAULT, Aggregation, find_protocol
from soundstage.leaderboard.surety import Surety
from soundstage.results.loading import Results
from soundstage.results.records import PlanFacts

if TYPE_CHECKING:
    import pandas


FEW = 3
"""Notices of a spatializer that are each shown."""

GROUPS = ("source", "spatializer", "dataset", "placement", "seed")


def make_leaderboard(
    results: Results,
    *,
    by: Sequence[str] | None = None,
    metrics: Sequence[str] = (),
    rank_by: str = "",
    protocol: str = DEFAULT,
    over: str = "",
) -> Leaderboard:
    """The leaderboard of a grid's results.

    by: what to make a table for each of, out of GROUPS; by default each spatializer and each placement, where there are
    several. metrics: metrics or single measures to show; by default every headline measure. rank_by: a shown measure;
    by default the first. protocol: how scores become values, out of PROTOCOLS. Every value is over the scores (track ×
    source) that all entries of that table have in that column, so no entry is averaged over holes. over: a separator
    whose own score of the same scene and source is taken off every score, so that values are improvements over it.
    Raises SoundstageError for names that the results don't have.
    """
    how = find_protocol(protocol)
    by = _told_apart(results.cells) if by is None else [_grouping(word) for word in by]
    columns = shown_columns(results.facts, metrics)
    ranked_by = _ranking(columns, rank_by)
    whole = how.track_scores(_finite(results.rows[results.rows["status"] == "ok"]))
    if over:
        over = _separator(results.facts, over)
        whole = _improvements(whole, over)
        renamed = {column: replace(column, label=f"{column.label}i") for column in columns}
        columns, ranked_by = tuple(renamed.values()), renamed[ranked_by]
    sections = []
    for group in _groups(whole, results.cells, by):
        chosen, cells = _within(whole, group), _within(results.cells, group)
        sections.append(_section(group, chosen, cells, results.facts, columns, ranked_by, how))
    facts = results.facts
    notes = [*_notes(results, whole, columns), *narrowing(sections, whole, results.cells, columns)]
    return Leaderboard(
        facts["name"],
        facts["revision"],
        facts["hash"],
        how,
        columns,
        ranked_by,
        tuple(sections),
        tuple(notes),
        over=over,
    )


def _finite(rows: pandas.DataFrame) -> pandas.DataFrame:
    """The rows with no value where it is infinite: older folders hold what was imported so."""
    infinite = rows["value"].abs() == math.inf
    if not infinite.any():
        return rows
    return rows.assign(value=rows["value"].mask(infinite), note=rows["note"].mask(infinite, "the value is infinite"))


def _improvements(whole: pandas.DataFrame, over: str) -> pandas.DataFrame:
    """The scores minus those of the separator `over` on the same scene and source, that one's being 0.

    Where it has no value, or one that must not be ranked on, there is none.
    """
    import pandas as pd

    keys = [*CELL, "metric", "name"]
    base = whole[whole["separator"] == over].set_index(keys)
    which = pd.MultiIndex.from_frame(whole[keys])
    value = whole["value"].astype(float) - base["value"].astype(float).reindex(which).to_numpy()
    lost = value.isna() & whole["value"].notna()
    ranked = whole["ranked"] & base["ranked"].reindex(which).fillna(False).to_numpy(dtype=bool)
    note = whole["note"].mask(lost | (whole["ranked"] & ~ranked), f"no value of {over} to compare with")
    return whole.assign(value=value, ranked=ranked, note=note)


def shown_columns(facts: Mapping[str, Any], wanted: Sequence[str] = ()) -> tuple[Column, ...]:
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


def _decimals(measure: Mapping[str, Any]) -> int:
    """How many decimals of a stored measure are shown; plans that do not say it showed whole µs and two of the rest."""
    return int(measure.get("decimals", 0 if measure["unit"] == "µs" else 2))


def _grouping(word: str) -> str:
    found = meant(word, GROUPS)
    if not found:
        raise SoundstageError(f"cannot group by '{word}'{suggestion(word, GROUPS)}")
    return found


def _separator(facts: Mapping[str, Any], wanted: str) -> str:
    found = meant(wanted, facts["separators"])
    if not found:
        raise SoundstageError(f"the results have no separator '{wanted}'{suggestion(wanted, facts['separators'])}")
    return found


def _ranking(columns: Sequence[Column], wanted: str) -> Column:
    if not wanted:
        return columns[0]
    names = [(column.name, column.label, column.metric, f"{column.metric}.{column.name}") for column in columns]
    found = meant(wanted, [name for of_column in names for name in of_column])
    for column, of_column in zip(columns, names, strict=True):
        if found in of_column:
            return column
    raise SoundstageError(f"cannot rank by '{wanted}'{suggestion(wanted, [column.name for column in columns])}")


def _told_apart(cells: pandas.DataFrame) -> list[str]:
    """What there is a table for each of by default; scenes that are not placed are no placement of their own."""
    placements = {str(label) for label in cells["placement"].unique()} - {""}
    several = {"spatializer": cells["spatializer"].nunique() > 1, "placement": len(placements) > 1}
    return [kind for kind, are_several in several.items() if are_several]


def _groups(rows: pandas.DataFrame, cells: pandas.DataFrame, by: Sequence[str]) -> list[dict[str, Any]]:
    """The groups in the order in which the plan has them."""
    if not by:
        return [{}]
    table = rows if "source" in by else cells
    return [dict(zip(by, key, strict=True)) for key in table[list(by)].drop_duplicates().itertuples(index=False)]


def _within(rows: pandas.DataFrame, group: Mapping[str, Any]) -> pandas.DataFrame:
    for name, value in group.items():
        if name in rows.columns:
            rows = rows[rows[name] == value]
    return rows


def _section(
    group: Mapping[str, Any],
    rows: pandas.DataFrame,
    cells: pandas.DataFrame,
    facts: PlanFacts,
    columns: Sequence[Column],
    ranked_by: Column,
    how: Aggregation,
) -> Section:
    separators = facts["separators"]
    blind = [name for name, about in separators.items() if about["blind"]]
    values: dict[str, dict[Column, Value]] = {name: {} for name in separators}
    scores = {}
    surety: Surety | None = None
    for column in columns:
        of_column = rows[(rows["metric"] == column.metric) & (rows["name"] == column.name)]
        usable = of_column[of_column["ranked"] & of_column["value"].notna()]
        table = usable.pivot(index=CELL, columns="separator", values="value")
        common = table.dropna(axis="index", how="any")
        average = how.over_tracks(common)
        best = _best(average, blind, column)
        sure = Surety(common, how)
        for name in separators:
            value = float(average.get(name, math.nan))
            values[name][column] = Value(value, name in best, sure.interval(name, value))
        scores[column] = Shared(len(common), len(of_column[CELL].drop_duplicates()), sure.songs)
        if column == ranked_by:
            surety = sure
    made = []
    for name, about in separators.items():
        own = cells[cells["separator"] == name]
        made.append(
            Row(
                separator=name,
                role=about["role"],
                rank=None,
                values=values[name],
                coverage=Coverage(int((own["separation"] == "ok").sum()), len(own)),
                is_blind=about["blind"],
                is_assigned=bool(own["assigned"].any()),
            )
        )
    texts = {key: str(value) for key, value in group.items()}
    ranked = _ranked(made, ranked_by)
    return Section(texts, ranked if surety is None else surety.told(ranked, ranked_by), scores)


def _best(average: Mapping[str, float], blind: Sequence[str], column: Column) -> set[str]:
    """The blind methods that no other blind method beats."""
    values = {name: average[name] for name in blind if name in average}
    if not values:
        return set()
    top = max(values.values()) if column.higher_is_better else min(values.values())
    return {name for name, value in values.items() if value == top}


def _ranked(rows: Sequence[Row], column: Column) -> tuple[Row, ...]:
    """The rows by role, best first; separators, and they alone, get ranks. Equal values share a rank."""

    def key(row: Row) -> tuple[int, float]:
        value = row.values[column]
        if not is_known(value):
            return ROLES.index(row.role), math.inf
        return ROLES.index(row.role), -value.value if column.higher_is_better else value.value

    ordered = sorted(rows, key=key)
    known = [row for row in ordered if row.role == "separator" and is_known(row.values[column])]
    competing = [row.values[column].value for row in known]
    ranks = {row.separator: competing.index(row.values[column].value) + 1 for row in known}
    return tuple(replace(row, rank=ranks.get(row.separator)) for row in ordered)


def _notes(results: Results, whole: pandas.DataFrame, columns: Sequence[Column]) -> list[str]:
    """What went wrong, what was left out and why, in sentences."""
    notes = [*results.damage, *_left_out(whole, columns)]
    separators = results.facts["separators"]
    claimed = [name for name, about in separators.items() if about.get("claimed")]
    by_name = [name for name in claimed if separators[name]["role"] != "separator" and not separators[name].get("said")]
    if by_name:
        notes.insert(0, f"{', '.join(by_name)}: out of the ranks, as oracles and floors of such names are")
    if claimed:
        notes.insert(0, f"claimed, not measured here: the scores of {', '.join(claimed)} were imported from files")
    notes += _noticed(results)
    bad = results.rows[~results.rows["status"].isin(["ok", "skipped"])]
    for (separator, metric, status), rows in bad.groupby(["separator", "metric", "status"], sort=False, observed=True):
        what = f"{metric} of {separator}" if metric else separator
        notes.append(f"{what}: {status} in {len(rows)} cell{'s' * (len(rows) > 1)}; first: {rows['note'].iloc[0]}")
    waiting = int((results.cells["separation"] == "not run").sum())
    if waiting:
        notes.append(f"{waiting} of {len(results.cells)} cells have not been run; run the grid again to fill them")
    return notes


def _noticed(results: Results) -> list[str]:
    """What spatializers told of their scenes: each sentence where there are few, else how many and the first."""
    told = results.cells.loc[results.cells["notices"] != "", ["spatializer", "track", "notices"]].drop_duplicates()
    notes = []
    for spatializer, rows in told.groupby("spatializer", sort=False, observed=True):
        sentences = list(dict.fromkeys(line for text in rows["notices"] for line in str(text).split("\n")))
        if len(sentences) > FEW:
            notes.append(f"{spatializer}: {len(sentences)} notices on {len(rows)} scenes; first: {sentences[0]}")
        else:
            notes += [f"{spatializer}: {sentence}" for sentence in sentences]
    return notes


def _left_out(whole: pandas.DataFrame, columns: Sequence[Column]) -> list[str]:
    """How many scores have no value or must not be ranked on, and the commonest reason; measures alike in one line."""
    found: dict[tuple[str, str], list[str]] = {}
    for column in columns:
        rows = whole[(whole["metric"] == column.metric) & (whole["name"] == column.name)]
        for left_out, why in (
            (rows[rows["value"].isna()], "have no value"),
            (rows[rows["value"].notna() & ~rows["ranked"]], "are left out"),
        ):
            if len(left_out):
                text = f"{len(left_out)} of {len(rows)} scores {why}, mostly: {left_out['note'].mode().iloc[0]}"
                found.setdefault((column.metric, text), []).append(column.label)
    return [f"{', '.join(labels)} ({metric}): {text}" for (metric, text), labels in found.items()]
