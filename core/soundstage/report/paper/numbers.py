"""Every number of a board as a LaTeX macro: names of letters alone that a person can read, none of them twice."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from soundstage.leaderboard.board import RESAMPLES, Column, Leaderboard, Row, Section, is_known
from soundstage.leaderboard.versus import Contrast, Versus
from soundstage.report.tex import sentence_tex, tex, tex_number, tex_value
from soundstage.report.text import p_text

PREFIX = "ss"
LONGEST = 40
"""Letters of one name within a macro's."""

DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


@dataclass(frozen=True, slots=True)
class Number:
    """One macro. value: exact; NaN where it is no number. text: what it prints, as LaTeX. about: what it is."""

    name: str
    text: str
    value: float
    about: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two separators compared in one section."""

    section: Section
    found: Versus
    contrasts: tuple[Contrast, ...]


def camel(text: str) -> str:
    """The text as letters alone, each of its words with a capital: `htdemucs_ft[shifts=2]` → HtdemucsFtShiftsTwo."""
    plain = "".join(_latin(letter) for letter in unicodedata.normalize("NFKD", text))
    words = re.findall(r"[A-Za-z]+|\d", plain)
    named = "".join(DIGITS[int(word)] if word.isdigit() else word[0].upper() + word[1:] for word in words)
    return named[:LONGEST] or "X"


def _latin(letter: str) -> str:
    """The letter, a Greek one by its name; a blank for what has no letters."""
    if letter.isascii():
        return letter
    if unicodedata.combining(letter):
        return ""
    name = unicodedata.name(letter, "")
    return f"{name.rpartition(' ')[2].capitalize()}" if name.startswith("GREEK ") else " "


class _Names:
    """Names that are given once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def new(self, *words: str) -> str:
        """The name of these words; a letter more where it is taken."""
        wanted = PREFIX + "".join(words)
        name, number = wanted, 1
        while name.casefold() in self._taken:
            number += 1
            name = wanted + _letters(number)
        self._taken.add(name.casefold())
        return name


def _letters(number: int) -> str:
    """2 → B, 3 → C, …, 27 → AA."""
    text = ""
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def numbers_of(board: Leaderboard, pairs: Sequence[Pair]) -> list[Number]:
    """Every number of the board and of the pairs, in the order in which a reader looks for them."""
    names = _Names()
    measures = measure_names(board.columns)
    found = [
        Number(names.new("Grid"), tex(board.grid), math.nan, "the grid"),
        Number(names.new("Revision"), str(board.revision), board.revision, "the grid's revision"),
        Number(names.new("Hash"), board.hash[:8], math.nan, "the grid's hash"),
        Number(names.new("Resamples"), f"{RESAMPLES:,}", RESAMPLES, "bootstrap resamples"),
    ]
    for section in board.sections:
        words = _words(board, section)
        of = "".join(f", {value}" for value in section.group.values())
        for column in board.columns:
            scores = section.scores[column]
            here, about = (*words, measures[column]), f"{column.label} ({column.metric}){of}"
            found.append(_count(names.new(*here, "Songs"), scores.songs, f"songs of {about}"))
            found.append(_count(names.new(*here, "Scores"), scores.shared, f"scores used of {about}"))
        for row in section.rows:
            found += _of_row(names, (*words, camel(row.separator)), row, board, measures, of)
    for pair in pairs:
        found += _of_pair(names, _words(board, pair.section), pair, measures)
    return found


def measure_names(columns: Sequence[Column]) -> dict[Column, str]:
    """What each column is called within a macro's name: by its label, and its metric where labels are alike."""
    labels = [column.label for column in columns]
    return {
        column: camel(column.label) if labels.count(column.label) == 1 else camel(column.metric) + camel(column.label)
        for column in columns
    }


def _words(board: Leaderboard, section: Section) -> tuple[str, ...]:
    return tuple(camel(value) for value in section.group.values()) if len(board.sections) > 1 else ()


def _count(name: str, value: int, about: str) -> Number:
    return Number(name, str(value), value, about)


def _of_row(
    names: _Names, words: Sequence[str], row: Row, board: Leaderboard, measures: Mapping[Column, str], of: str
) -> Iterator[Number]:
    for column in board.columns:
        value = row.values[column]
        if not is_known(value):
            continue
        here, about = (*words, measures[column]), f"{column.label} ({column.metric}) of {row.separator}{of}"
        yield _measured(names.new(*here), value.value, column, about)
        if value.interval is not None:
            for end, which in zip(value.interval, ("Low", "High"), strict=True):
                yield _measured(names.new(*here, which), end, column, f"{which.lower()} end of {about}")
    if row.rank is not None:
        yield _count(names.new(*words, "Rank"), row.rank, f"rank of {row.separator}{of}")
    if row.standing is not None:
        for rank, which in zip(row.standing.ranks, ("RankLow", "RankHigh"), strict=True):
            yield _count(names.new(*words, which), rank, f"ranks of {row.separator} in 95 % of resamples{of}")
        share = row.standing.best
        about = f"share of resamples in which {row.separator} is best, %{of}"
        yield Number(names.new(*words, "BestShare"), tex_value(100.0 * share, 0), 100.0 * share, about)
    if row.cost is not None and row.cost.real_time_factor is not None:
        factor = row.cost.real_time_factor
        yield Number(names.new(*words, "Rtf"), f"{factor:.2g}", factor, f"real-time factor of {row.separator}{of}")


def _measured(name: str, value: float, column: Column, about: str) -> Number:
    return Number(name, tex_value(value, column.decimals), value, f"{about}, {column.unit}".removesuffix(", "))


def _of_pair(names: _Names, words: Sequence[str], pair: Pair, measures: Mapping[Column, str]) -> Iterator[Number]:
    one, other = pair.found.names
    of = "".join(f", {value}" for value in pair.section.group.values())
    for contrast in pair.contrasts:
        column, test = contrast.column, contrast.test
        here = (*words, camel(one), "Against", camel(other), measures[column])
        about = f"{column.label} ({column.metric}), {one} against {other}{of}"
        yield _measured(names.new(*here, "Difference"), contrast.difference, column, f"difference in {about}")
        if contrast.interval is None:
            continue
        for end, which in zip(contrast.interval, ("Low", "High"), strict=True):
            yield _measured(names.new(*here, which), end, column, f"{which.lower()} end of difference in {about}")
        yield _count(names.new(*here, "Better"), test.better, f"songs on which the first is better: {about}")
        yield _count(names.new(*here, "Songs"), test.songs, f"songs compared: {about}")
        yield Number(names.new(*here, "P"), sentence_tex(p_text(test.p_value)), test.p_value, f"p-value: {about}")
        yield Number(names.new(*here, "Effect"), tex_number(f"{test.effect:.2f}"), test.effect, f"effect: {about}")
