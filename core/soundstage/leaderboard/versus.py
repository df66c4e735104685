"""One separator against another, song by song: by how much, how surely, and on which songs."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from soundstage.errors import SoundstageError
from soundstage.heard import Heard
from soundstage.leaderboard import statistics
from soundstage.leaderboard.board import FEWEST, Column, Paired
from soundstage.leaderboard.choice import (
    finite,
    groups_of,
    separator_meant,
    shown_columns,
    tables_asked_for,
    within_group,
)
from soundstage.leaderboard.protocols import CELL, DEFAULT, Aggregation, find_protocol
from soundstage.leaderboard.surety import Surety
from soundstage.leaderboard.training import trained_on_them
from soundstage.results.loading import Results

if TYPE_CHECKING:
    import pandas

WORTH_SHOWING = {"dB": 0.5, "µs": 20.0, "°": 2.0}
"""By unit, a difference that listeners or papers would care about; of other units it is the one found."""

LEVELS = ("placement", "spatializer", "seed", "source")
"""Within a song, what scores differ in, outermost first."""

MOST = 3
"""Songs named at either end."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """What one measure says of one source, or of all together. Differences are the first separator's score minus the
    second's, of the same scene and source."""

    column: Column
    source: str
    """Empty for all sources together."""

    scores: int
    """Scores that both have."""

    values: tuple[float, float]
    """Each one's own value over these scores, by the protocol."""

    difference: float
    """The differences' value by the protocol, which under medians is not the difference of the medians."""

    interval: tuple[float, float] | None
    """The difference's 95 % interval; None where there are too few songs."""

    test: Paired
    """Better means better in the measure's own direction. Its p-value is corrected (Holm) over the sources of the
    measure; that of all sources together stands by itself."""

    is_shown: bool
    """Whether there are songs enough and the test tells the two apart."""

    worth: float
    """The difference that `needed` is about, in the measure's unit."""

    needed: int | None
    """Songs that would show that difference at 80 % power; None where there are too few to say."""

    farthest: tuple[tuple[str, float], ...]
    """The songs with the largest mean differences, those in favour of the first separator first."""

    variance: Mapping[str, float]
    """Which share of the differences' variance lies between songs, and within a song between the levels below."""


@dataclass(frozen=True, slots=True)
class Versus:
    """Two separators compared. tables: for each group of the grid, its contrasts, measure by measure. trained_on_them:
    whether each was trained on these songs, as it is stated; empty for what is no separator."""

    title: str
    names: tuple[str, str]
    protocol: Aggregation
    tables: tuple[tuple[Mapping[str, str], tuple[Contrast, ...]], ...]
    trained_on_them: tuple[Heard | Literal[""], Heard | Literal[""]] = ("", "")


def versus(
    results: Results,
    one: str,
    other: str,
    *,
    by: Sequence[str] | None = None,
    metrics: Sequence[str] = (),
    protocol: str = DEFAULT,
    each_source: bool = True,
) -> Versus:
    """Compare two separators on the scores that both have. by, metrics, protocol: as for `make_leaderboard`.

    each_source: whether each source is compared by itself too.
    Raises SoundstageError for names that the results don't have, and for a separator against itself.
    """
    how = find_protocol(protocol)
    names = (separator_meant(results.facts, one), separator_meant(results.facts, other))
    if names[0] == names[1]:
        raise SoundstageError(f"'{names[0]}' cannot be compared with itself: name two separators")
    columns = shown_columns(results.facts, metrics)
    by = tables_asked_for(results.cells, by)
    rows = how.track_scores(finite(results.rows[results.rows["status"] == "ok"]))
    rows = rows[rows["separator"].isin(names)]
    tables = []
    for group in groups_of(rows, results.cells, by):
        chosen = within_group(rows, group)
        contrasts = tuple(
            contrast for column in columns for contrast in _contrasts(chosen, column, names, how, each_source)
        )
        tables.append(({key: str(value) for key, value in group.items()}, contrasts))
    facts = results.facts
    title = f"{facts['name']} · revision {facts['revision']} · {facts['hash'][:8]}"
    datasets = [str(label) for label in results.cells["dataset"].unique()]
    training = (trained_on_them(facts, names[0], datasets), trained_on_them(facts, names[1], datasets))
    return Versus(title, names, how, tuple(tables), training)


def _contrasts(
    rows: pandas.DataFrame, column: Column, names: tuple[str, str], how: Aggregation, each_source: bool
) -> Iterator[Contrast]:
    """One of all sources, and one of each where there are several."""
    of_column = rows[(rows["metric"] == column.metric) & (rows["name"] == column.name)]
    usable = of_column[of_column["ranked"] & of_column["value"].notna()]
    table = usable.pivot(index=CELL, columns="separator", values="value").reindex(columns=list(names)).dropna()
    if not len(table):
        return
    yield _contrast(table, column, "", how)
    sources = list(dict.fromkeys(table.index.get_level_values("source")))
    if each_source and len(sources) > 1:
        of_each = [
            _contrast(table[table.index.get_level_values("source") == source], column, str(source), how)
            for source in sources
        ]
        corrected = statistics.holm([contrast.test.p_value for contrast in of_each])
        for contrast, p_value in zip(of_each, corrected, strict=True):
            is_shown = contrast.test.songs >= FEWEST and p_value < statistics.APART
            yield replace(contrast, test=replace(contrast.test, p_value=p_value), is_shown=is_shown)


def _contrast(table: pandas.DataFrame, column: Column, source: str, how: Aggregation) -> Contrast:
    one, other = table.columns
    differences = (table[one] - table[other]).astype(float)
    together = differences.to_frame("difference")
    sure = Surety(together, how)
    averages = how.over_tracks(table)
    value = how.over_tracks(together)["difference"]
    of_song = _of_songs(table)
    gaps = np.asarray(of_song, np.float64)
    test = statistics.paired(gaps if column.higher_is_better else -gaps)
    worth = WORTH_SHOWING.get(column.unit, abs(value))
    enough = sure.songs >= FEWEST
    return Contrast(
        column=column,
        source=source,
        scores=len(table),
        values=(float(averages[one]), float(averages[other])),
        difference=value,
        interval=sure.interval("difference", value),
        test=test,
        is_shown=enough and test.p_value < statistics.APART,
        worth=worth,
        needed=_needed(gaps, worth) if enough else None,
        farthest=_farthest(of_song, column),
        variance=_variance(differences),
    )


def _of_songs(table: pandas.DataFrame) -> pandas.Series[float]:
    """The mean difference on each song, by its name."""
    import pandas as pd

    pairs = [(str(key[0]), str(key[1])) for key in table.index]
    known: dict[tuple[str, str], int] = {}
    codes = np.array([known.setdefault(pair, len(known)) for pair in pairs], np.int64)
    one, other = (np.asarray(table[name], np.float64) for name in table.columns)
    several = len({dataset for dataset, _ in known}) > 1
    labels = [f"{dataset}: {track}" if several else track for dataset, track in known]
    return pd.Series(statistics.song_differences(one, other, codes), labels)


def _needed(differences: Any, worth: float) -> int | None:
    spread = float(np.std(differences, ddof=1))
    return statistics.songs_to_show(worth, spread) if worth > 0.0 and math.isfinite(spread) else None


def _farthest(of_song: pandas.Series[float], column: Column) -> tuple[tuple[str, float], ...]:
    """The songs that differ most at both ends, those in favour of the first first; ties are none of them."""
    ordered = of_song[of_song != 0.0].sort_values(ascending=not column.higher_is_better, kind="stable")
    sign = 1.0 if column.higher_is_better else -1.0
    ahead = ordered[sign * ordered > 0.0].head(MOST)
    behind = ordered[sign * ordered < 0.0].tail(MOST)
    return tuple((str(name), float(value)) for part in (ahead, behind) for name, value in part.items())


def _variance(differences: pandas.Series[float]) -> dict[str, float]:
    """The share of each level that has several members, songs first; what is left is the innermost's."""
    index = differences.index
    songs: list[Hashable] = [*zip(index.get_level_values("dataset"), index.get_level_values("track"), strict=True)]
    levels = [name for name in LEVELS if index.get_level_values(name).nunique() > 1]
    within: list[list[Hashable]] = [list(index.get_level_values(name)) for name in levels[:-1]]
    if not levels:
        return {"song": 1.0}
    shares = statistics.variance_shares(np.asarray(differences, np.float64), [songs, *within])
    return dict(zip(["song", *levels], shares, strict=True))
