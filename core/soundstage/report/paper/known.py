"""What results say, asked for by whoever reads a number in a text: values, differences, intervals, p-values, counts."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from soundstage.errors import SoundstageError
from soundstage.leaderboard.board import FEWEST, Column, Section, is_known
from soundstage.leaderboard.versus import Contrast
from soundstage.report.paper.content import Paper, board_for, pairs_of
from soundstage.report.paper.numbers import Pair
from soundstage.report.paper.reading import plain
from soundstage.report.tex import tex
from soundstage.results.loading import Results


@dataclass(frozen=True, slots=True)
class Mentioned:
    """What a piece of text speaks of, as the board has it. sections: all, where it names none."""

    separators: tuple[str, ...]
    columns: tuple[Column, ...]
    sections: tuple[Section, ...]
    has_source: bool = False


class Known:
    """A paper's results, looked up by names."""

    def __init__(self, results: Results, paper: Paper) -> None:
        self.results, self.paper, self.board = results, paper, paper.board
        names = dict.fromkeys(row.separator for section in self.board.sections for row in section.rows)
        self.separators = {name: _flexible(name) for name in names if len(name) > 1}
        self.columns = {column: _exact(column.label) for column in self.board.columns}
        self.sources = [str(one) for one in results.rows["source"].dropna().unique() if len(str(one)) > 1]
        self._pairs: dict[tuple[str, str], list[Pair]] = {}

    def mentioned(self, text: str) -> Mentioned:
        """What the text names."""
        return Mentioned(
            tuple(_longest(text, self.separators)),
            self.columns_in(text),
            self.sections_in(text),
            any(_exact(source).search(text) for source in self.sources),
        )

    def columns_in(self, text: str) -> tuple[Column, ...]:
        """The columns that the text names by label, and of those alike by metric where it names one."""
        found = [column for column, pattern in self.columns.items() if pattern.search(text)]
        metrics = [column for column in found if _exact(column.metric).search(text)]
        alike = {column.label for column in metrics}
        return tuple(column for column in found if column in metrics or column.label not in alike)

    def sections_in(self, text: str) -> tuple[Section, ...]:
        """The sections whose groups the text names; all where it names none."""
        sections = self.board.sections
        groups = [{key: value for key, value in section.group.items() if value} for section in sections]
        named = [
            section
            for section, group in zip(sections, groups, strict=True)
            if group and all(_exact(value).search(text) for value in group.values())
        ]
        return tuple(named) or sections

    def values(self, about: Mentioned) -> Iterator[float]:
        """Each one's own values and the ends of their intervals."""
        for section, separator, column in self._own(about):
            row = next(row for row in section.rows if row.separator == separator)
            value = row.values[column]
            if is_known(value):
                yield value.value
                yield from value.interval or ()

    def intervals(self, about: Mentioned) -> Iterator[tuple[float, float]]:
        """The intervals of values, and of differences either way round."""
        for section, separator, column in self._own(about):
            interval = next(row for row in section.rows if row.separator == separator).values[column].interval
            if interval is not None:
                yield interval
        for contrast in self._contrasts(about):
            if contrast.interval is not None:
                low, high = contrast.interval
                yield low, high
                yield -high, -low

    def differences(self, about: Mentioned) -> Iterator[float]:
        """Differences either way round: of the comparison, and of the two values as they are and as they are shown."""
        for contrast in self._contrasts(about):
            one, other = contrast.values
            shown = round(one, contrast.column.decimals) - round(other, contrast.column.decimals)
            for gap in (contrast.difference, one - other, shown, *(contrast.interval or ()), contrast.worth):
                yield gap
                yield -gap
        for section in about.sections:
            rows = [row for row in section.rows if row.separator in about.separators]
            for column in about.columns:
                values = [row.values[column].value for row in rows]
                for one, other in combinations(values, 2):
                    shown = round(one, column.decimals) - round(other, column.decimals) if one == one == other else 0.0
                    yield from (one - other, other - one, shown, -shown)

    def p_values(self, about: Mentioned) -> Iterator[float]:
        """Of the comparisons of any two, and of each with the best of its table."""
        for contrast in self._contrasts(about):
            if contrast.test.songs >= FEWEST:
                yield contrast.test.p_value
        for section in about.sections:
            for row in section.rows:
                if row.separator in about.separators and row.against_best is not None:
                    yield row.against_best.p_value

    def counts(self, about: Mentioned) -> Iterator[tuple[int, int]]:
        """On how many songs one is better, worse or neither, of how many."""
        for contrast in self._contrasts(about):
            test = contrast.test
            yield from ((count, test.songs) for count in (test.better, test.worse, test.ties))

    def _contrasts(self, about: Mentioned) -> Iterator[Contrast]:
        """Those of the columns, and of single sources where the text names one."""
        for pair in self.pairs(about):
            for contrast in pair.contrasts:
                if contrast.column in about.columns and (about.has_source or not contrast.source):
                    yield contrast

    def pairs(self, about: Mentioned) -> Iterator[Pair]:
        """The comparisons of any two that are named; of one alone, with each of the others."""
        others = about.separators if len(about.separators) > 1 else tuple(self.separators)
        for one, other in combinations(others, 2):
            if len(about.separators) > 1 or {one, other} & set(about.separators):
                for pair in self.compared(one, other):
                    if pair.section in about.sections:
                        yield pair

    def compared(self, one: str, other: str) -> list[Pair]:
        """Two separators compared, source by source too; nothing where they have no score in common."""
        if (one, other) not in self._pairs:
            try:
                found = pairs_of(self.results, self.board, self.paper.options, one, other, True)
            except SoundstageError:
                found = []
            self._pairs[one, other] = found
        return self._pairs[one, other]

    def _own(self, about: Mentioned) -> Iterator[tuple[Section, str, Column]]:
        sections = [*about.sections, *(self._by_source if about.has_source else ())]
        for section in sections:
            for separator in about.separators:
                for column in about.columns:
                    if any(row.separator == separator for row in section.rows):
                        yield section, separator, column

    @cached_property
    def _by_source(self) -> Sequence[Section]:
        """The tables of each source."""
        by = [*(self.board.sections[0].group if self.board.sections else ()), "source"]
        return board_for(self.results, self.paper.options, list(dict.fromkeys(by))).sections


def _plain(text: str) -> str:
    return plain(tex(text)).text


def _exact(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(_plain(word))}(?![\w-])")


def _flexible(word: str) -> re.Pattern[str]:
    """A name in any case, its parts apart or together: `HT-Demucs ft` is htdemucs_ft. Short ones only as they are."""
    text = _plain(word)
    letters = [letter for letter in text if letter.isalnum()]
    if len(letters) < 3 or len(letters) > 80:
        return _exact(word)
    return re.compile(rf"(?<!\w){'[-_ /.]?'.join(map(_one, text.strip()))}(?!\w)", re.IGNORECASE)


def _one(letter: str) -> str:
    return "[-_ ]?" if letter in "-_ " else re.escape(letter)


def _longest(text: str, patterns: dict[str, re.Pattern[str]]) -> Iterator[str]:
    """The names in the text, of overlapping ones the longest; those with parameters by their bare names too."""
    spans: list[tuple[int, int, str]] = []
    for name, pattern in patterns.items():
        spans += [(*match.span(), name) for match in pattern.finditer(text)]
    bare: dict[str, list[str]] = {}
    for name in patterns:
        if "[" in name:
            bare.setdefault(name.partition("[")[0].strip(), []).append(name)
    for word, names in bare.items():
        if word not in patterns and len(word) > 2:
            spans += [(*match.span(), name) for match in _flexible(word).finditer(text) for name in names]
    kept = [
        (start, end, name)
        for start, end, name in spans
        if not any(other[0] <= start and end <= other[1] and other[1] - other[0] > end - start for other in spans)
    ]
    yield from dict.fromkeys(name for _, _, name in sorted(kept))


def finite(values: Collection[float]) -> list[float]:
    """Those that are numbers."""
    return [value for value in values if not math.isnan(value)]
