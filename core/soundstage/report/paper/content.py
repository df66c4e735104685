"""What a paper is made of, all of it from one grid's results and the options it is made with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

from soundstage.errors import SoundstageError
from soundstage.leaderboard.board import FEWEST, Leaderboard, Section
from soundstage.leaderboard.build import make_leaderboard
from soundstage.leaderboard.protocols import DEFAULT
from soundstage.leaderboard.published.comparison import set_beside
from soundstage.leaderboard.published.tables import find_publication
from soundstage.leaderboard.versus import Contrast, Versus, versus
from soundstage.report.latex import format_latex
from soundstage.report.paper.bibliography import Cited
from soundstage.report.paper.methods import methods
from soundstage.report.paper.numbers import Number, Pair, camel, measure_names, numbers_of
from soundstage.report.text import printable
from soundstage.report.versus import sentence
from soundstage.results.loading import Results
from soundstage.results.records import RunFacts

MARK = "% soundstage paper: "
"""Begins the comment that says with which options a paper was made."""


@dataclass(frozen=True, slots=True)
class Options:
    """As for the leaderboard, each under its name there."""

    by: tuple[str, ...] | None = None
    metrics: tuple[str, ...] = ()
    rank_by: str = ""
    protocol: str = DEFAULT
    published: str = ""
    intervals: bool = False
    cost: bool = False

    def written(self, board: Leaderboard) -> str:
        """The comment that says them, and what the paper is of."""
        facts = {"grid": board.grid, "hash": board.hash, **asdict(self)}
        return MARK + json.dumps(facts, ensure_ascii=True)


def read_options(line: str) -> tuple[str, str, Options]:
    """The grid, its hash and the options that a comment says. Raises SoundstageError where it says none."""
    try:
        facts: dict[str, Any] = json.loads(line.removeprefix(MARK))
        grid, of = str(facts.pop("grid")), str(facts.pop("hash"))
        by = facts.pop("by")
        given = {**facts, "by": None if by is None else tuple(by), "metrics": tuple(facts["metrics"])}
        return grid, of, Options(**given)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SoundstageError(
            f"'{line[:60]}…' is not what soundstage paper writes; write numbers.tex again with soundstage paper"
        ) from None


@dataclass(frozen=True, slots=True)
class Paper:
    """All of it. methods: sentences, as LaTeX."""

    options: Options
    board: Leaderboard
    pairs: tuple[Pair, ...]
    numbers: tuple[Number, ...]
    methods: tuple[str, ...]

    @property
    def tables(self) -> str:
        """The tables as LaTeX."""
        return format_latex(self.board, self.options.intervals)

    def sentences(self, section: Section) -> list[str]:
        """What the comparisons of a section say, as plain text, where there are songs enough.

        A metric is named where labels are alike.
        """
        names = measure_names(self.board.columns)
        found = []
        for pair in (pair for pair in self.pairs if pair.section == section):
            for contrast in pair.contrasts:
                column = contrast.column
                if contrast.test.songs >= FEWEST:
                    alike = names[column] != camel(column.label)
                    named = replace(column, label=f"{column.label} ({column.metric})") if alike else column
                    found.append(said(pair.found, replace(contrast, column=named)))
        return found


def make_paper(
    results: Results, runs: Sequence[RunFacts], options: Options, cited: Mapping[tuple[str, str], Cited]
) -> Paper:
    """The paper. runs: those that made the results. cited: (kind, label) → what to cite for it."""
    board = board_for(results, options)
    ranked = dict.fromkeys(
        row.separator for section in board.sections for row in section.rows if row.role == "separator"
    )
    pairs = [
        pair for one, other in combinations(ranked, 2) for pair in pairs_of(results, board, options, one, other, False)
    ]
    return Paper(
        options, board, tuple(pairs), tuple(numbers_of(board, pairs)), tuple(methods(results, board, runs, cited))
    )


def board_for(results: Results, options: Options, by: Sequence[str] | None = None) -> Leaderboard:
    """The board of these options; by: other tables than those."""
    board = make_leaderboard(
        results,
        by=options.by if by is None else by,
        metrics=options.metrics,
        rank_by=options.rank_by,
        protocol=options.protocol,
        cost=options.cost,
    )
    return set_beside(board, find_publication(options.published), results) if options.published else board


def pairs_of(
    results: Results, board: Leaderboard, options: Options, one: str, other: str, each_source: bool
) -> list[Pair]:
    """Two separators compared in every section of the board in which both have scores."""
    found = versus(
        results,
        one,
        other,
        by=options.by,
        metrics=options.metrics,
        protocol=options.protocol,
        each_source=each_source,
    )
    tables = {tuple(group.items()): contrasts for group, contrasts in found.tables}
    compared = [(section, tables.get(tuple(section.group.items()), ())) for section in board.sections]
    return [Pair(section, found, contrasts) for section, contrasts in compared if contrasts]


def said(found: Versus, contrast: Contrast) -> str:
    """What a contrast says, with the names of both where its sentence has none."""
    text = sentence(found, contrast)
    one, other = map(printable, found.names)
    return text if contrast.is_shown else f"{one} against {other}, {text}"
