"""What tables of every form share: how a value, a name, a line and the fine print read."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from soundstage.leaderboard.board import FEWEST, RESAMPLES, Column, Cost, Heads, Leaderboard, Row, Section

UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")
"""Kinds of characters that move the cursor, command a terminal or have no bytes: controls, lone surrogates, breaks."""

DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What makes a terminal write backwards."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a line has in a measure's column. interval: empty where there is none."""

    text: str
    best: bool = False
    interval: str = ""


NOTHING = Cell("–")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table. kind: a role, `published`, `difference` or `scores used`. cells: one for each of the board's
    columns. rank, ranks (in 95 % of resamples), group, coverage: empty where there is none. cost: real-time factor and
    peak memory, where asked for. is_whole: False where cells or scores are lacking. training: whether what it is of was
    trained on the songs of its table, as it is stated."""

    kind: str
    name: str
    cells: Mapping[Column, Cell]
    rank: str = ""
    ranks: str = ""
    group: str = ""
    cost: tuple[str, str] | None = None
    coverage: str = ""
    is_whole: bool = True
    training: str = ""


WIDTH = 160
"""Of tables, in letters, where no terminal says otherwise."""

TRAINED = "trained on these songs"
"""The kind of lines of separators that are set apart, since they have heard what they are scored on."""

TRAINING = "trained on it"
"""Heads the column that says it of each."""


def tells_training(board: Leaderboard) -> bool:
    """Whether tables have that column: all but those of which every separator was trained on other songs."""
    said = {row.trained_on_them for section in board.sections for row in section.rows}
    said |= {row.trained_on_them for section in board.sections for row in section.published}
    return bool(said & {"yes", "not stated"})


def printable(text: object) -> str:
    """The text so that any terminal can show it on one line: what would command the terminal is spelt out."""
    return "".join(_spelt(letter) for letter in str(text))


def _spelt(letter: str) -> str:
    if letter in DIRECTIONS or unicodedata.category(letter) in UNPRINTABLE:
        return letter.encode("unicode_escape").decode("ascii")
    return letter


def encodable(text: str) -> str:
    """The text as UTF-8 can hold it: a lone surrogate is spelt out, as JSON spells it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell begins that spreadsheets compute, in the wide letters of some languages too, or that leads them to one."""


def uncomputed(text: str) -> str:
    """The text of a CSV cell with an apostrophe before it where a spreadsheet would take it for a formula.

    Plain numbers stay as they are, and so does whatever begins otherwise; blanks before it do not hide a formula.
    """
    if not text.lstrip(" \n\v\f\u00a0\ufeff").startswith(FORMULA) or _is_number(text):
        return text
    return f"'{text}"


def _is_number(text: str) -> bool:
    """Whether it is a decimal number as we write them, or an infinity."""
    return re.fullmatch(r"[+-]?(\d+(\.\d*)?([eE][+-]?\d+)?|inf)", text, re.ASCII) is not None


def number_text(value: float, decimals: int) -> str:
    """A number with so many decimals, zero without a sign; – where there is none."""
    if math.isnan(value):
        return NOTHING.text
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0.0 else text


def value_text(value: float, column: Column) -> str:
    """A value with the decimals that its measure has; – where there is none."""
    return number_text(value, column.decimals)


def interval_text(interval: tuple[float, float] | None, column: Column) -> str:
    """An interval with the decimals that its measure has; empty where there is none."""
    return "" if interval is None else f"[{', '.join(value_text(end, column) for end in interval)}]"


def cost_texts(cost: Cost) -> tuple[str, str]:
    """The real-time factor with two digits, and the peak of memory in MB, a GPU's after a +; – where not measured."""
    factor = "–" if cost.real_time_factor is None else f"{cost.real_time_factor:.2g}"
    memory = "–" if cost.peak_mb is None else f"{cost.peak_mb:.0f}"
    return factor, memory if cost.gpu_peak_mb is None else f"{memory} + {cost.gpu_peak_mb:.0f}"


def span_text(ends: tuple[int, int]) -> str:
    """Ranks from one to another: `2`, `1–3`."""
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]}–{ends[1]}"


def p_text(value: float) -> str:
    """A p-value as papers print it: `p = 0.03`, `p < 0.001`."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}" if value < 0.1 else f"p = {value:.2f}"


def difference_text(value: float, decimals: int) -> str:
    """A difference with its sign."""
    text = number_text(value, decimals)
    return f"+{text}" if value > 0.0 and float(text) != 0.0 else text


def arrow(column: Column) -> str:
    """Which way is better."""
    return "↑" if column.higher_is_better else "↓"


def name_text(row: Row) -> str:
    """The separator's name, marked where its outputs were assigned to sources by the references."""
    return printable(f"{row.separator} †" if row.is_assigned else row.separator)


def group_text(section: Section) -> str:
    """What the section is of."""
    return printable(" · ".join(f"{key}: {value or '(none)'}" for key, value in section.group.items()))


def own_lines(board: Leaderboard, section: Section) -> Iterator[Line]:
    """The section's rows, best first."""
    for row in section.rows:
        found = {column: row.values[column] for column in board.columns}
        yield Line(
            TRAINED if row.is_apart else row.role,
            name_text(row),
            {
                column: Cell(value_text(value.value, column), value.best, interval_text(value.interval, column))
                for column, value in found.items()
            },
            rank=str(row.rank or ""),
            ranks=span_text(row.standing.ranks) if row.standing else "",
            group=row.group,
            cost=None if row.cost is None else cost_texts(row.cost),
            coverage=f"{row.coverage.done}/{row.coverage.planned}",
            is_whole=row.coverage.is_whole,
            training=row.trained_on_them,
        )


def scores_line(board: Leaderboard, section: Section) -> Line:
    """How many scores each column of the section is over, of how many."""
    counts = {column: section.scores[column] for column in board.columns}
    cells = {column: Cell(f"{count.shared}/{count.possible}") for column, count in counts.items()}
    return Line("scores used", "", cells, is_whole=all(count.is_whole for count in counts.values()))


def published_lines(board: Leaderboard, section: Section) -> Iterator[Line]:
    """The section's published lines as they were printed, each with the differences from it; no ranks and no marks."""
    several = len({row.condition for row in section.published}) > 1
    for row in section.published:
        found = {column: Cell(printable(value.printed)) for column, value in row.values.items()}
        of = f", {row.condition}" if several else ""
        name = printable(f"{row.model}{of}")
        yield Line("published", name, _filled(board, found), training=row.trained_on_them)
        for one in row.differences:
            gaps = {column: Cell(difference_text(gap.value, gap.decimals)) for column, gap in one.values.items()}
            yield Line("difference", printable(f"Δ {one.separator} − {row.model}"), _filled(board, gaps))


def _filled(board: Leaderboard, cells: Mapping[Column, Cell]) -> dict[Column, Cell]:
    return {column: cells.get(column, NOTHING) for column in board.columns}


def fine_print(board: Leaderboard) -> Iterable[str]:
    """How the numbers were made, then what must not be overlooked."""
    return map(printable, _sentences(board))


def _sentences(board: Leaderboard) -> Iterator[str]:
    ranked = board.ranked_by
    yield (
        f"Protocol {board.protocol.name}: each value is the {board.protocol.text}, over the scores that every entry of"
        f" its table has; separators are ranked by {ranked.label} ({ranked.metric}). ↑ higher is better, ↓ lower is"
        " better, * best blind separator."
    )
    yield from _training(board)
    yield from _surety(board)
    if any(row.cost for section in board.sections for row in section.rows):
        yield (
            "RTF: seconds that separating took a second of audio, median over cells; MB: the most memory that a worker"
            " held meanwhile, + on a GPU. Both are this machine's, and measured once."
        )
    if board.over:
        yield f"Every score is an improvement: that of {board.over} on the same scene and source is taken off it."
    if any(row.is_assigned for section in board.sections for row in section.rows):
        yield "† returns unnamed sources: core assigned them to the references by the best SI-SDR permutation."
    yield from _heads(board)
    yield from board.notes


def heads_title(heads: Heads) -> str:
    """What heads a table of spreads."""
    return printable(f"by head: {', '.join(heads.heads)}")


def spread_lines(board: Leaderboard, heads: Heads) -> list[tuple[str, list[str]]]:
    """Each separator in the order of the tables, with its spread in each of the board's columns."""
    order = dict.fromkeys(row.separator for section in board.sections for row in section.rows)
    return [(printable(name), [_spread_text(heads, name, column) for column in board.columns]) for name in order]


def _spread_text(heads: Heads, separator: str, column: Column) -> str:
    spread = heads.spreads.get(separator, {}).get(column)
    if spread is None:
        return NOTHING.text
    return f"{value_text(spread.value, column)} {interval_text(spread.interval, column)}".rstrip()


def _heads(board: Leaderboard) -> Iterator[str]:
    """How much of what ranks depends on the head."""
    column = board.ranked_by
    for heads in board.heads:
        known = {name: found[column] for name, found in heads.spreads.items() if column in found}
        roles = {row.separator: row.role for section in board.sections for row in section.rows}
        shown = {name: spread for name, spread in known.items() if roles.get(name) == "separator"} or known
        if not shown:
            continue
        most = max(shown, key=lambda name: (not math.isnan(shown[name].value), shown[name].value))
        spread = shown[most]
        low, high = min(spread.by_head.values()), max(spread.by_head.values())
        songs = heads.songs[column]
        others = ", more than that of any other" if len(shown) > 1 else ""
        yield (
            f"By head ({', '.join(heads.heads)}): within a song {column.label} of {most} differs by"
            f" {_spread_text(heads, most, column)} {column.unit} (standard deviation over heads, mean over"
            f" {songs} song{'s' * (songs > 1)}){others}; over songs it is {value_text(low, column)} to"
            f" {value_text(high, column)} {column.unit}."
        )


def _training(board: Leaderboard) -> Iterator[str]:
    """Who was trained on the songs of the tables, and of whom that is not stated."""
    said: dict[str, dict[str, list[str]]] = {}
    for section in board.sections:
        of = group_text(section)
        for row in section.rows:
            if row.trained_on_them:
                said.setdefault(row.trained_on_them, {}).setdefault(row.separator, []).append(of)

    def names(answer: str) -> str:
        """Each with the tables that it is so in, where it is not so in all."""
        found = said[answer].items()
        return ", ".join(
            name if len(where) == len(board.sections) else f"{name} ({'; '.join(where)})" for name, where in found
        )

    if "yes" in said:
        yield f"{TRAINING}, yes: {names('yes')}. Set apart, without ranks and marks, for they have heard these songs."
    if "not stated" in said:
        of = names("not stated") if len(said) > 1 else "of no separator is it said"
        yield (
            f"{TRAINING}, not stated: {of}. They may have heard these songs; `trained_on` of their entries would say"
            " it."
        )
    if "no" in said and len(said) == 1 and not tells_training(board):
        yield "No separator was trained on these songs, as far as it is stated."


def _surety(board: Leaderboard) -> Iterator[str]:
    """How sure the tables are, or that there are too few songs to say."""
    songs = sorted({section.scores[board.ranked_by].songs for section in board.sections})
    if not songs:
        return
    if songs[0] < FEWEST:
        where = "" if songs[-1] < FEWEST else ", in a table without intervals,"
        yield (
            f"n = {counted(songs[0], 'song')}{where} is too few to say how sure values and ranks are: intervals and"
            f" tests need {FEWEST}."
        )
    if songs[-1] < FEWEST:
        return
    yield (
        f"[ ] the 95 % interval: {RESAMPLES:,} bootstrap resamples of songs, each with all its sources, placements and"
        " seeds. ranks: those in 95 % of them."
    )
    if any(row.group for section in board.sections for row in section.rows):
        yield (
            f"group: separators that share a letter cannot be told apart by {board.ranked_by.label} (Wilcoxon"
            " signed-rank test over songs, Holm's correction over all pairs of the table, p ≥ 0.05)."
        )
    for section in board.sections:
        groups = [row.group for row in section.rows if row.group]
        if len(groups) > 1 and len(set(groups)) == 1:
            of = f"{group_text(section)}: " if section.group else ""
            on = counted(section.scores[board.ranked_by].songs, "song")
            yield f"{of}no two separators can be told apart on these {on}."


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
