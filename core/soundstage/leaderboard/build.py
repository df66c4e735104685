"""The leaderboard: averages over shared cells, floors and oracles set apart, coverage shown. Reads the store alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from soundstage.leaderboard.board import (
    ROLES,
    Column,
    Cost,
    Coverage,
    Leaderboard,
    Row,
    Section,
    Shared,
    Value,
    is_known,
)
from soundstage.leaderboard.choice import (
    finite,
    groups_of,
    ranking_column,
    separator_meant,
    shown_columns,
    tables_asked_for,
    within_group,
)
from soundstage.leaderboard.heads import heads_of
from soundstage.leaderboard.narrowing import narrowing
from soundstage.leaderboard.protocols import CELL, DEFAULT, Aggregation, find_protocol
from soundstage.leaderboard.surety import Surety
from soundstage.leaderboard.training import trained_on_them
from soundstage.results.loading import Results
from soundstage.results.records import PlanFacts

if TYPE_CHECKING:
    import pandas


FEW, KINDS = 3, 8
"""Notices that are each shown: of a spatializer; of one separator alone."""


def make_leaderboard(
    results: Results,
    *,
    by: Sequence[str] | None = None,
    metrics: Sequence[str] = (),
    rank_by: str = "",
    protocol: str = DEFAULT,
    over: str = "",
    cost: bool = False,
) -> Leaderboard:
    """The leaderboard of a grid's results.

    by: what to make a table for each of, out of GROUPS; by default each spatializer and each placement, where there are
    several. metrics: metrics or single measures to show; by default every headline measure. rank_by: a shown measure;
    by default the first. protocol: how scores become values, out of PROTOCOLS. Every value is over the scores (track ×
    source) that all entries of that table have in that column, so no entry is averaged over holes. over: a separator
    whose own score of the same scene and source is taken off every score, so that values are improvements over it.
    cost: set beside what separating took. Raises SoundstageError for names that the results don't have.
    """
    how = find_protocol(protocol)
    by = tables_asked_for(results.cells, by)
    columns = shown_columns(results.facts, metrics)
    ranked_by = ranking_column(columns, rank_by)
    whole = how.track_scores(finite(results.rows[results.rows["status"] == "ok"]))
    if over:
        over = separator_meant(results.facts, over)
        whole = _improvements(whole, over)
        renamed = {column: replace(column, label=f"{column.label}i") for column in columns}
        columns, ranked_by = tuple(renamed.values()), renamed[ranked_by]
    sections = []
    for group in groups_of(whole, results.cells, by):
        chosen, cells = within_group(whole, group), within_group(results.cells, group)
        section = _section(group, chosen, cells, results.facts, columns, ranked_by, how)
        sections.append(_with_cost(section, cells) if cost else section)
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
        heads=heads_of(whole, facts, columns, how),
    )


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
    datasets = [str(label) for label in cells["dataset"].unique()]
    training = {name: trained_on_them(facts, name, datasets) for name in separators}
    contenders = [name for name, about in separators.items() if about["blind"] and training[name] != "yes"]
    values: dict[str, dict[Column, Value]] = {name: {} for name in separators}
    scores = {}
    surety: Surety | None = None
    for column in columns:
        of_column = rows[(rows["metric"] == column.metric) & (rows["name"] == column.name)]
        usable = of_column[of_column["ranked"] & of_column["value"].notna()]
        table = usable.pivot(index=CELL, columns="separator", values="value")
        common = table.dropna(axis="index", how="any")
        average = how.over_tracks(common)
        best = _best(average, contenders, column)
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
                trained_on_them=training[name],
            )
        )
    texts = {key: str(value) for key, value in group.items()}
    ranked = _ranked(made, ranked_by)
    return Section(texts, ranked if surety is None else surety.told(ranked, ranked_by), scores)


def _with_cost(section: Section, cells: pandas.DataFrame) -> Section:
    """The section, with what separating took in each row."""
    rows = []
    for row in section.rows:
        own = cells[cells["separator"] == row.separator]
        factor, peak, gpu = own["real_time_factor"].median(), own["peak_mb"].max(), own["gpu_peak_mb"].max()
        known = [None if math.isnan(value) else float(value) for value in (factor, peak, gpu)]
        rows.append(replace(row, cost=Cost(*known)))
    return replace(section, rows=tuple(rows))


def _best(average: Mapping[str, float], contenders: Sequence[str], column: Column) -> set[str]:
    """The contenders that no other one beats: blind methods that were not trained on these songs."""
    values = {name: average[name] for name in contenders if name in average}
    if not values:
        return set()
    top = max(values.values()) if column.higher_is_better else min(values.values())
    return {name for name, value in values.items() if value == top}


def _ranked(rows: Sequence[Row], column: Column) -> tuple[Row, ...]:
    """The rows by role, best first. Separators get ranks, and of them those that were not trained on these songs, who
    stand apart from the others. Equal values share a rank.
    """

    def key(row: Row) -> tuple[int, bool, float]:
        value = row.values[column]
        if not is_known(value):
            return ROLES.index(row.role), row.is_apart, math.inf
        return ROLES.index(row.role), row.is_apart, -value.value if column.higher_is_better else value.value

    ordered = sorted(rows, key=key)
    known = [row for row in ordered if row.role == "separator" and not row.is_apart and is_known(row.values[column])]
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
    """What spatializers told of their scenes, and separators of their estimates: each sentence where there are few,
    else how many and the first. What the cells of one separator alone tell is its own."""
    cells = results.cells
    told = cells.loc[cells["notices"] != "", ["spatializer", "separator", "track", "notices"]].drop_duplicates()
    told = told.assign(notices=told["notices"].str.split("\n")).explode("notices")
    said: dict[str, dict[str, set[str]]] = {}
    for (spatializer, sentence), rows in told.groupby(["spatializer", "notices"], sort=False, observed=True):
        there = cells.loc[cells["spatializer"] == spatializer, "separator"].nunique()
        alone = rows["separator"].nunique() == 1 and there > 1
        whose = str(rows["separator"].iloc[0] if alone else spatializer)
        said.setdefault(whose, {}).setdefault(str(sentence), set()).update(rows["track"].astype(str))
    notes = []
    separators = set(cells["separator"].astype(str))
    for whose, sentences in said.items():
        first = next(iter(sentences))
        tracks = len(set().union(*sentences.values()))
        if len(sentences) > (KINDS if whose in separators else FEW):
            notes.append(f"{whose}: {len(sentences)} notices on {tracks} tracks; first: {first}")
            continue
        every = cells.loc[cells["separator"].astype(str) == whose, "track"].nunique()
        counts = {
            one: f" (on {len(on)} of {every} tracks)" if 1 < len(on) < every else "" for one, on in sentences.items()
        }
        notes += [f"{whose}: {sentence}{counts[sentence]}" for sentence in sentences]
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
