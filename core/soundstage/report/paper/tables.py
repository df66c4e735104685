"""Tables typed by hand: lines and columns that name separators and measures, and numbers where they cross."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from soundstage.leaderboard.board import Column
from soundstage.report.paper.known import Known, Mentioned
from soundstage.report.paper.reading import BREAK, CELL, END, SPAN, TABLE
from soundstage.report.paper.tokens import Token, is_any, tokens_of


class Counts(Protocol):
    """Whoever counts what was looked at."""

    count: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell. column: its place in the line; start: where its text begins."""

    text: str
    start: int
    column: int


@dataclass(frozen=True, slots=True)
class TexTable:
    """A table. around: what stands before and after it, as a caption does."""

    start: int
    end: int
    around: str
    lines: tuple[tuple[Cell, ...], ...]


def tables_of(text: str) -> Iterator[TexTable]:
    """The tables of a plain text."""
    for match in re.finditer(f"{TABLE}([^{TABLE}{END}]*){END}", text):
        lines, at = [], match.start() + 1
        for line in match[1].split(BREAK):
            if CELL in line:
                lines.append(tuple(_cells(line, at)))
            at += len(line) + 1
        before = text[: match.start()].split(BREAK)[-4:]
        after = text[match.end() :].split(BREAK)[:3]
        yield TexTable(match.start(), match.end(), " ".join([*before, *after]), tuple(lines))


def _cells(line: str, start: int) -> Iterator[Cell]:
    column = 0
    for part in line.split(CELL):
        wide, text, at = 1, part, start
        if part.startswith(SPAN) and len(part) > 1:
            wide, text, at = max(1, ord(part[1]) - 0xE000), part[2:], start + 2
        for further in range(wide):
            yield Cell(text if not further or not tokens_of(text) else "", at, column + further)
        column += wide
        start += len(part) + 1


def wrong_cells(table: TexTable, known: Known, seen: set[int], counts: Counts) -> Iterator[tuple[Token, str]]:
    """Numbers that belong to a separator and a measure, and are not theirs. seen: those looked at already."""
    sections = known.sections_in(table.around)
    heads: dict[int, list[str]] = {}
    for line in table.lines:
        label = " ".join(cell.text for cell in line if not _is_numeric(cell.text))
        of_line = known.mentioned(label)
        is_head = not any(_is_numeric(cell.text) for cell in line)
        for cell in line:
            if is_head:
                heads.setdefault(cell.column, []).append(cell.text)
                continue
            of_column = known.mentioned(" ".join(heads.get(cell.column, [])))
            separators = of_line.separators or of_column.separators
            columns = of_column.columns or of_line.columns
            if not _is_numeric(cell.text) or not separators or not columns:
                continue
            about = Mentioned(separators, columns, sections, of_line.has_source or of_column.has_source)
            for token in tokens_of(cell.text):
                placed = Token(token.text, cell.start + token.start, cell.start + token.end)
                is_spread = cell.text[: token.start].rstrip().endswith("±")
                if placed.start in seen or token.text.startswith("‹") or is_spread:
                    continue
                seen.add(placed.start)
                counts.count += 1
                values = list(known.values(about))
                if not is_any(token.text, values):
                    yield placed, _right(values, separators, columns)


def _right(values: list[float], separators: tuple[str, ...], columns: tuple[Column, ...]) -> str:
    of = f"{', '.join(column.label for column in columns)} of {', '.join(separators)}"
    if not values:
        return f"the results have no {of}"
    shown = dict.fromkeys(f"{value:.{columns[0].decimals}f}" for value in values[:9])
    return f"{of} is {', '.join(shown)}"


def _is_numeric(text: str) -> bool:
    """Whether a cell begins with a number and holds next to nothing else."""
    bare = re.sub("‹[^›]*›", "", text)
    begins = re.match(r"[^\w]*\d", bare) is not None
    return begins and bool(tokens_of(bare)) and len(re.findall(r"[^\W\d_]", bare)) <= 4
