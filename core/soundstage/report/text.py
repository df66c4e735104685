"""What the renderings share: how a value, a header and the fine print read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from soundstage.leaderboard.board import Column, Leaderboard, Row, Section


@dataclass(frozen=True, slots=True)
class PublishedText:
    """A published line, or a difference from it, as a table reads it. values: one text a column."""

    name: str
    role: str
    values: tuple[str, ...]


def value_text(value: float, column: Column) -> str:
    """A value with the decimals its unit deserves; – where there is none."""
    if math.isnan(value):
        return "–"
    text = f"{value:.0f}" if column.unit == "µs" else f"{value:.2f}"
    return text.replace("-0.00", "0.00") if text == "-0.00" else text


def arrow(column: Column) -> str:
    """Which way is better."""
    return "↑" if column.higher_is_better else "↓"


def name_text(row: Row) -> str:
    """The separator's name, marked where its outputs were assigned to sources by the references."""
    return f"{row.separator} †" if row.is_assigned else row.separator


def group_text(section: Section) -> str:
    """What the section is of."""
    return " · ".join(f"{key}: {value or '(none)'}" for key, value in section.group.items())


def coverage_text(row: Row) -> str:
    """Cells that it separated, of all its cells."""
    return f"{row.done}/{row.planned}"


def published_texts(board: Leaderboard, section: Section) -> Iterator[PublishedText]:
    """The section's published lines, each with the differences from it; they have no rank and no mark."""
    several = len({row.rendering for row in section.published}) > 1
    for row in section.published:
        values = (value_text(value, column) for value, column in zip(row.values, board.columns, strict=True))
        of = f", {row.rendering}" if several else ""
        yield PublishedText(f"{row.model}{of}", "published", tuple(values))
        for one in row.differences:
            values = (difference_text(value, column) for value, column in zip(one.values, board.columns, strict=True))
            yield PublishedText(f"Δ {one.separator} − {row.model}", "difference", tuple(values))


def difference_text(value: float, column: Column) -> str:
    """A difference with its sign, and the decimals of the values it is between."""
    text = value_text(value, column)
    if text == "–" or float(text) == 0.0:
        return text.lstrip("-")
    return text if value < 0.0 else f"+{text}"


def fine_print(board: Leaderboard) -> Iterable[str]:
    """How the numbers were made, then what must not be overlooked."""
    ranked = board.ranked_by
    yield (
        f"Protocol {board.protocol.name}: each value is the {board.protocol.text}, over the scores that every entry of"
        f" its table has; separators are ranked by {ranked.label} ({ranked.metric}). ↑ higher is better, ↓ lower is"
        " better, * best blind separator."
    )
    if board.over:
        yield f"Every score is an improvement: that of {board.over} on the same scene and source is taken off it."
    if any(row.is_assigned for section in board.sections for row in section.rows):
        yield "† returns unnamed sources: core assigned them to the references by the best SI-SDR permutation."
    yield from board.notes


def duration(seconds: float) -> str:
    """A stretch of time as a person says it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, hours = seconds / 60, seconds / 3600
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{hours:.1f} h" if hours < 36 else f"{hours / 24:.1f} days"


def counted(number: int, what: str) -> str:
    """`1 cell`, `2 cells`."""
    return f"{number} {what}{'' if number == 1 else 's'}"
