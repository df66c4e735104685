"""A leaderboard as values: what is averaged, ranked and set beside; how it was made is elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from soundstage.leaderboard.protocols import Protocol

ROLES = ("ceiling", "oracle", "separator", "floor")


@dataclass(frozen=True, slots=True)
class Difference:
    """One's own row minus the published one. values: as many as columns, NaN where either has none."""

    separator: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A published line. values: as many as columns, NaN where it has none. differences: the own rows of that model."""

    model: str
    rendering: str
    source: str
    where: str
    values: tuple[float, ...]
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One measure of one metric."""

    metric: str
    name: str
    label: str
    unit: str
    higher_is_better: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One separator. values: as many as columns, NaN where there is none. rank: 1 is best; None outside the ranking.

    done, planned: cells that it separated, and all its cells. best: per column, whether no blind method is better.
    """

    separator: str
    role: str
    rank: int | None
    values: tuple[float, ...]
    best: tuple[bool, ...]
    done: int
    planned: int
    is_blind: bool
    is_assigned: bool


@dataclass(frozen=True, slots=True)
class Section:
    """One table. group: what it is of, empty for all. shared: per column, how many scores all its entries have, which
    are those its values are over. possible: per column, how many there would be without holes, NaN or flags. published:
    what others printed, beside the rows and never among them."""

    group: Mapping[str, str]
    rows: tuple[Row, ...]
    shared: tuple[int, ...]
    possible: tuple[int, ...]
    published: tuple[PublishedRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """What is rendered. protocol: how scores became values. ranked_by: the column the rows are ranked by. notes: what
    a reader must not overlook. publication: the name of what is set beside it, empty where nothing is."""

    grid: str
    revision: int
    hash: str
    protocol: Protocol
    columns: tuple[Column, ...]
    ranked_by: Column
    sections: tuple[Section, ...]
    notes: tuple[str, ...]
    publication: str = ""
    over: str = ""

    @property
    def title(self) -> str:
        """The grid's name, revision and short hash: what a paper cites."""
        return f"{self.grid} · revision {self.revision} · {self.hash[:8]}"
