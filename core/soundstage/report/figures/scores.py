"""The scores behind a board's values, as figures draw them: those that all entries of a table share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from soundstage.leaderboard.board import Column, Leaderboard, Section
from soundstage.leaderboard.choice import finite, within_group
from soundstage.leaderboard.protocols import CELL
from soundstage.leaderboard.surety import Surety

if TYPE_CHECKING:
    import pandas

MOST_ANGLES = 24
"""Different azimuths that are each drawn; more are gathered in bins."""

BIN_DEG = 15.0

AtAngle = tuple[float, dict[str, tuple[float, tuple[float, float] | None]]]
"""An azimuth in degrees, and of each entry its value there with the interval, None where there are too few songs."""


class Scores:
    """A board's scores. rows: the results' rows with the columns of soundstage.results.circumstances."""

    def __init__(self, board: Leaderboard, rows: pandas.DataFrame) -> None:
        self.board = board
        self._whole = board.protocol.track_scores(finite(rows[rows["status"] == "ok"]))

    def shared(self, section: Section, column: Column) -> pandas.DataFrame:
        """A row each of CELL (the index), a column each entry: what the section's values are over."""
        rows = within_group(self._whole, section.group)
        rows = rows[(rows["metric"] == column.metric) & (rows["name"] == column.name)]
        usable = rows[rows["ranked"] & rows["value"].notna()]
        return usable.pivot(index=CELL, columns="separator", values="value").dropna(axis="index", how="any")

    def over_azimuth(self, section: Section, column: Column) -> Iterator[AtAngle]:
        """For each azimuth, of each entry its value there and that one's 95 % interval; nothing where none is known."""
        table = self.shared(section, column)
        places = self._azimuths(table)
        known = places[~np.isnan(places)]
        if not len(known):
            return
        bins = places
        if len(np.unique(known)) > MOST_ANGLES:
            bins = (np.round(places / BIN_DEG) * BIN_DEG + 180.0) % 360.0 - 180.0
        for angle in np.unique(bins[~np.isnan(bins)]):
            own = table[bins == angle]
            sure, values = Surety(own, self.board.protocol), self.board.protocol.over_tracks(own)
            yield float(angle), {name: (value, sure.interval(name, value)) for name, value in values.items()}

    def mean_ranks(self, section: Section) -> Mapping[str, float]:
        """Of each ranked separator, the mean over songs of its rank by the column that ranks; ties share ranks."""
        column = self.board.ranked_by
        ranked = [row.separator for row in section.rows if row.rank is not None]
        table = self.shared(section, column)
        songs = table[ranked].groupby(level=["dataset", "track"], observed=True).mean()
        ranks = songs.rank(axis="columns", ascending=not column.higher_is_better)
        return {str(name): float(value) for name, value in ranks.mean().items()}

    def _azimuths(self, table: pandas.DataFrame) -> np.ndarray:
        """Where the source of each row of a table sat, in degrees; NaN where it was not placed."""
        places = self._whole.drop_duplicates(CELL).set_index(CELL)["azimuth"]
        return places.reindex(table.index).to_numpy(np.float64)
