"""A leaderboard as values: what is averaged, ranked and set beside; how it was made is elsewhere.

What stands in a measure's column is found by the column itself, in a row, in a section and in a published row alike, so
that nobody counts places. To add something to every value is one field of `Value`; to add a column is one `Column`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from soundstage.heard import Heard
from soundstage.leaderboard.protocols import Aggregation

ROLES = ("ceiling", "oracle", "separator", "floor")

FEWEST = 5
"""Songs below which neither interval nor test is given: with five, the smallest p-value is 0.06."""

RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Paired:
    """One entry against another, song by song."""

    songs: int
    better: int
    """Songs on which the first is better."""

    worse: int
    p_value: float
    """Wilcoxon signed-rank test, two-sided; 1 where all songs are ties."""

    effect: float
    """Matched-pairs rank-biserial correlation, −1 to 1: positive where the first is better."""

    @property
    def ties(self) -> int:
        """Songs on which both are the same."""
        return self.songs - self.better - self.worse


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a separator stands among others, and how sure that is."""

    ranks: tuple[int, int]
    """The ranks that it has in 95 % of the resamples, best first."""

    best: float
    """The share of the resamples in which it is the best; such as share the first place share it here too."""


@dataclass(frozen=True, slots=True)
class Column:
    """One measure of one metric. decimals: how many a table shows of its values."""

    metric: str
    name: str
    label: str
    unit: str
    higher_is_better: bool
    decimals: int = 2


@dataclass(frozen=True, slots=True)
class Value:
    """What a row has in a column. value: NaN where there is none. best: whether no blind method is better.

    interval: the 95 % interval, lower end first; None where there are too few songs for one.
    """

    value: float
    best: bool = False
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """Cells that a separator has separated, and all its cells."""

    done: int
    planned: int

    @property
    def is_whole(self) -> bool:
        """Whether it has separated all."""
        return self.done == self.planned


@dataclass(frozen=True, slots=True)
class Shared:
    """Scores that all entries of a table have in a column, which are those its values are over, and how many there
    would be without holes, NaN or flags. songs: of how many songs the shared ones are."""

    shared: int
    possible: int
    songs: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.shared == self.possible


@dataclass(frozen=True, slots=True)
class Cost:
    """What separating took. real_time_factor: seconds a second of audio, median over cells; peak_mb, gpu_peak_mb: the
    most memory of any cell. None where none was measured."""

    real_time_factor: float | None
    peak_mb: float | None
    gpu_peak_mb: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One separator. values: one for each of the board's columns. rank: 1 is best; None outside the ranking.

    standing: how sure the rank is; group: letters, of which two separators share one where the column that ranks them
    cannot tell them apart; against_best: song by song against the first of the table, its p-value corrected for all
    pairs of the table. None and empty outside the ranking and where there are too few songs. cost: None unless asked
    for, since it is the machine's and another one the next time. trained_on_them: whether it was trained on the songs
    of the table, as it is stated; empty for what is no separator. Who was is outside the ranking.
    """

    separator: str
    role: str
    rank: int | None
    values: Mapping[Column, Value]
    coverage: Coverage
    is_blind: bool
    is_assigned: bool
    standing: Standing | None = None
    group: str = ""
    against_best: Paired | None = None
    cost: Cost | None = None
    trained_on_them: Heard | Literal[""] = ""

    @property
    def is_apart(self) -> bool:
        """Whether it was trained on the songs that it is scored on."""
        return self.trained_on_them == "yes"


@dataclass(frozen=True, slots=True)
class PublishedValue:
    """A number that somebody printed, and how it is written there."""

    value: float
    printed: str


@dataclass(frozen=True, slots=True)
class Gap:
    """One's own value minus the published one. decimals: as many as both sides have."""

    value: float
    decimals: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One's own row minus the published one, in the columns in which both have a value."""

    separator: str
    values: Mapping[Column, Gap]


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A published line, in the columns in which it has a value. differences: the own rows of that model.
    trained_on_them: as of a row.
    """

    model: str
    condition: str
    source: str
    where: str
    values: Mapping[Column, PublishedValue]
    differences: tuple[Difference, ...]
    trained_on_them: Heard | Literal[""] = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One table. group: what it is of, empty for all. scores: for each of the board's columns, what its values are
    over. published: what others printed, beside the rows and never among them."""

    group: Mapping[str, str]
    rows: tuple[Row, ...]
    scores: Mapping[Column, Shared]
    published: tuple[PublishedRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Spread:
    """How far a separator's scores of one scene are apart by the head that hears it.

    value: the standard deviation over heads within a song, mean over songs. interval: its 95 % interval; None where
    there are too few songs. by_head: the value that a table of that head alone has, over the scores that all share.
    """

    value: float
    interval: tuple[float, float] | None
    by_head: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Heads:
    """Spatializers that differ in the files they render with alone, and what that does to scores.

    spreads: separator → column → spread, over the scores that every separator has with every head. songs: of how many
    songs these are.
    """

    heads: tuple[str, ...]
    spreads: Mapping[str, Mapping[Column, Spread]]
    songs: Mapping[Column, int]


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """What is printed. protocol: how scores became values. ranked_by: the column the rows are ranked by. notes: what
    a reader must not overlook. publication: the name of what is set beside it, empty where nothing is. over: the
    separator whose scores are taken off all others', empty where none is. heads: how much of the scores depends on the
    head, for every family of heads that the grid has."""

    grid: str
    revision: int
    hash: str
    protocol: Aggregation
    columns: tuple[Column, ...]
    ranked_by: Column
    sections: tuple[Section, ...]
    notes: tuple[str, ...]
    publication: str = ""
    over: str = ""
    heads: tuple[Heads, ...] = ()

    @property
    def title(self) -> str:
        """The grid's name, revision and short hash: what a paper cites."""
        return f"{self.grid} · revision {self.revision} · {self.hash[:8]}"


def is_known(value: Value) -> bool:
    """Whether there is a value."""
    return not math.isnan(value.value)
