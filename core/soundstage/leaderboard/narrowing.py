"""Which entries narrow a table: it is over the scores that all have, so who lacks a source takes it from everybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from soundstage.leaderboard.board import Column, Section
from soundstage.leaderboard.choice import within_group

if TYPE_CHECKING:
    import pandas


KEYS = ["dataset", "track", "placement", "spatializer", "seed", "source", "separator"]
"""What of a score matters here, whichever measure it is of."""


def narrowing(
    sections: Sequence[Section], whole: pandas.DataFrame, cells: pandas.DataFrame, columns: Sequence[Column]
) -> Iterator[str]:
    """A sentence for each entry that has no score of some source, or no cell of some track, that others have.

    sections: the tables, each with its group. whole: the scores as they are averaged; cells: one row a planned cell.
    What failed, was not run or has no value is said elsewhere. An entry without any score takes nothing from others.
    """
    counts = whole["ranked"] & whole["value"].notna()
    is_shown = counts & False
    for column in columns:
        is_shown |= (whole["metric"] == column.metric) & (whole["name"] == column.name)
    usable = whole.loc[counts & is_shown, KEYS].drop_duplicates()
    said = [
        sentence
        for section in sections
        for sentence in (*_by_source(section, usable), *_by_track(section, usable, cells))
    ]
    yield from dict.fromkeys(said)


def _by_source(section: Section, usable: pandas.DataFrame) -> Iterator[str]:
    if "source" in section.group:
        return
    rows = within_group(usable, section.group)
    every = [str(source) for source in rows["source"].unique()]
    for entry in (row.separator for row in section.rows):
        own = {str(source) for source in rows.loc[rows["separator"] == entry, "source"].unique()}
        lacking = [source for source in every if source not in own]
        if own and lacking:
            yield (
                f"{entry} has no scores of {', '.join(lacking)}, so no value of a table that it is in is over"
                f" {'it' if len(lacking) == 1 else 'them'}; --by source compares the others there"
            )


def _by_track(section: Section, usable: pandas.DataFrame, cells: pandas.DataFrame) -> Iterator[str]:
    scored = {str(entry) for entry in within_group(usable, section.group)["separator"].unique()}
    planned = within_group(cells, section.group)
    tracks = planned[["dataset", "track"]].drop_duplicates()
    for entry in (row.separator for row in section.rows):
        own = planned.loc[planned["separator"] == entry, ["dataset", "track"]].drop_duplicates()
        if entry in scored and len(own) < len(tracks):
            yield (
                f"{entry} is of {len(own)} of {len(tracks)} tracks, so every value of a table that it is in is over"
                " no others"
            )
