"""How sure one column of one table is: its shared scores, resampled once for intervals, ranks and tests alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, cached_property, lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from soundstage.leaderboard import statistics
from soundstage.leaderboard.board import FEWEST, Column, Paired, Row
from soundstage.leaderboard.protocols import Aggregation
from soundstage.leaderboard.statistics import Counts, Floats

if TYPE_CHECKING:
    import pandas
    from threadpoolctl import ThreadpoolController

_draws = lru_cache(maxsize=4)(statistics.draws)
"""The same resamples for every column and table of as many songs, so that what is compared is drawn alike."""


def _unbounded() -> np.errstate:
    """Within it, values that a folder may hold and whose sums no number can hold are infinite and no warning."""
    return np.errstate(over="ignore", invalid="ignore")


@cache
def _blas() -> ThreadpoolController:
    """Numpy's, looked for once: to look takes longer than a column's resamples."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


class Surety:
    """What a column's shared scores say about its values.

    scores: a row each of CELL (its index), a column each entry, no holes. how: how they become values.
    """

    def __init__(self, scores: pandas.DataFrame, how: Aggregation) -> None:
        self.entries = [str(name) for name in scores.columns]
        self._how = how
        self._values: Floats = scores.to_numpy(np.float64)
        names = zip(scores.index.get_level_values("dataset"), scores.index.get_level_values("track"), strict=True)
        known: dict[tuple[str, str], int] = {}
        self._songs = np.array([known.setdefault(name, len(known)) for name in names], np.int64)
        self._sources = scores.index.get_level_values("source")
        self.songs = len(known)

    @property
    def is_enough(self) -> bool:
        """Whether there are songs enough to say anything."""
        return self.songs >= FEWEST

    def interval(self, entry: str, value: float) -> tuple[float, float] | None:
        """The 95 % interval of an entry's value; None where there are too few songs."""
        if not self.is_enough or entry not in self.entries or math.isnan(value):
            return None
        with _unbounded():
            ends = statistics.interval(self._resamples[:, self.entries.index(entry)], value, self.songs)
        return ends if all(map(math.isfinite, ends)) else None

    def paired(self, one: str, other: str, higher_is_better: bool) -> Paired:
        """One entry against another, song by song; its p-value is not corrected."""
        first, second = (self._values[:, self.entries.index(name)] for name in (one, other))
        with _unbounded():
            differences = statistics.song_differences(first, second, self._songs)
            return statistics.paired(differences if higher_is_better else -differences)

    def told(self, rows: Sequence[Row], column: Column) -> tuple[Row, ...]:
        """The rows of a table that is ranked by this column, with how sure their ranks are."""
        ranked = [row.separator for row in rows if row.rank is not None]
        if not self.is_enough or not ranked:
            return tuple(rows)
        places = [self.entries.index(name) for name in ranked]
        standings = statistics.standings(self._resamples[:, places], column.higher_is_better)
        standing = dict(zip(ranked, standings, strict=True))
        tests = {pair: self.paired(*pair, column.higher_is_better) for pair in combinations(ranked, 2)}
        corrected = statistics.holm([test.p_value for test in tests.values()])
        p_values = dict(zip(tests, corrected, strict=True))
        groups = statistics.groups(ranked, p_values)
        best = ranked[0]
        against = {
            other: statistics.turned(replace(test, p_value=p_values[best, other]))
            for (one, other), test in tests.items()
            if one == best
        }
        return tuple(
            replace(
                row,
                standing=standing.get(row.separator),
                group=groups.get(row.separator, ""),
                against_best=against.get(row.separator),
            )
            for row in rows
        )

    @cached_property
    def _resamples(self) -> Floats:
        counts: Counts = _draws(self.songs)
        # One thread: of many small products threads would wait for each other.
        with _unbounded(), _blas().limit(limits=1, user_api="blas"):
            return statistics.resampled(self._values, self._songs, list(self._sources), self._how, counts)
