"""The leaderboard as LaTeX tables for a paper: booktabs, one table a section.

Bold is the best separator of a column and underlined the second; separators that share a raised letter cannot be told
apart. Ceiling, oracles, floor and published rows stand apart from what is ranked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from soundstage.leaderboard.board import Column, Leaderboard, Row, Section, is_known
from soundstage.report.tex import LONG, label, sentence_tex, tex, tex_number
from soundstage.report.text import (
    TRAINING,
    Line,
    arrow,
    fine_print,
    group_text,
    own_lines,
    published_lines,
    scores_line,
    tells_training,
)

PACKAGES = ("[T1]{fontenc}", "{booktabs}", "{graphicx}")
"""What the tables need, as \\usepackage takes it."""


def format_latex(board: Leaderboard, intervals: bool = False) -> str:
    """LaTeX, one table a section. intervals: of every column, and not of the one that ranks alone."""
    shown = frozenset(board.columns if intervals else [board.ranked_by])
    needed = " ".join(f"\\usepackage{package}" for package in PACKAGES)
    lines = [f"% {tex(board.title)}", f"% In the preamble: {needed}", ""]
    for number, section in enumerate(board.sections, start=1):
        is_last = number == len(board.sections)
        lines += [*_table(board, section, shown, is_last), ""]
    return "\n".join(lines).rstrip()


def table_label(board: Leaderboard, section: Section) -> str:
    """What a paper refers to the section's table by."""
    return f"tab:{label(board.grid, *section.group.values())}"


def _table(board: Leaderboard, section: Section, intervals: Collection[Column], is_last: bool) -> Iterator[str]:
    lines = [*own_lines(board, section), *published_lines(board, section)]
    places = {at: _places(board, section, row) for at, row in enumerate(section.rows)}
    used = scores_line(board, section)
    lines += [] if used.is_whole else [used]
    widened = [column for column in board.columns if column in intervals and _has_interval(lines, column)]
    has_cost, has_gaps = any(line.cost for line in lines), any(not line.is_whole for line in lines)
    after = _After(tells_training(board), has_cost, has_gaps)
    yield r"\begin{table}[tbp]"
    yield r"\centering\small"
    yield rf"\caption{{{_caption(board, section)}}}"
    yield rf"\label{{{table_label(board, section)}}}"
    yield r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    name = r"p{0.4\linewidth}" if any(len(line.name) > LONG for line in lines) else "l"
    kinds = "".join("r@{\\,\\,}l" if column in widened else "r" for column in board.columns)
    yield rf"\begin{{tabular}}{{r{name}{kinds}{after.kinds}}}"
    yield r"\toprule"
    yield from _header(board, widened, after)
    yield r"\midrule"
    last = ""
    for at, line in enumerate(lines):
        block = "published" if line.kind == "difference" else line.kind
        if last and block != last:
            yield r"\midrule" if {"published", "scores used"} & {block} else r"\addlinespace"
        last = block
        yield _row([_rank(line), *_cells(board, line, places.get(at, {}), widened, after)])
    yield r"\bottomrule"
    yield r"\end{tabular}}"
    if is_last:
        notes = " ".join(sentence_tex(_as_marked(line)) for line in fine_print(board))
        yield rf"\par\smallskip\begin{{minipage}}{{\linewidth}}\footnotesize {notes}\end{{minipage}}"
    yield r"\end{table}"


def _as_marked(line: str) -> str:
    """A line of the fine print as a sentence, the marks as they are here."""
    text = line.replace("* best blind separator", "bold: best, underlined: second").replace("[ ]", "[\u00a0]")
    return text if text.endswith(".") else f"{text}."


def _caption(board: Leaderboard, section: Section) -> str:
    of = f", {group_text(section)}" if section.group else ""
    songs = section.scores[board.ranked_by].songs
    return tex(f"{board.title}{of}: {songs} song{'' if songs == 1 else 's'}.")


@dataclass(frozen=True, slots=True)
class _After:
    """Which columns stand after the measures."""

    training: bool
    cost: bool
    gaps: bool

    @property
    def kinds(self) -> str:
        """How each is set."""
        return "l" * self.training + "rr" * self.cost + "r" * self.gaps

    @property
    def heads(self) -> list[str]:
        """What stands above each."""
        return [TRAINING] * self.training + ["RTF", "MB"] * self.cost + ["cells"] * self.gaps

    def cells(self, line: Line) -> Iterator[str]:
        """What a line has in each."""
        if self.training:
            yield rf"\textbf{{{line.training}}}" if line.training == "yes" else tex(line.training)
        if self.cost:
            yield from (tex(text) for text in line.cost or ("", ""))
        if self.gaps:
            yield line.coverage


def _header(board: Leaderboard, widened: Sequence[Column], after: _After) -> Iterator[str]:
    """Three lines: what is measured and which way is better, in which unit, by which metric."""
    labels = [f"{tex(column.label)} {tex(arrow(column))}" for column in board.columns]
    units = [tex(column.unit) for column in board.columns]
    metrics = [rf"{{\scriptsize {tex(column.metric)}}}" for column in board.columns]
    empty = [""] * len(after.heads)
    for first, cells, rest in (("separator", labels, after.heads), ("", units, empty), ("", metrics, empty)):
        spread = [
            rf"\multicolumn{{{2 if column in widened else 1}}}{{{'c' if column in widened else 'r'}}}{{{cell}}}"
            for column, cell in zip(board.columns, cells, strict=True)
        ]
        yield _row(["", first, *spread, *rest])


def _rank(line: Line) -> str:
    """The rank, and those in 95 % of resamples."""
    return f"{line.rank} ({tex(line.ranks)})" if line.ranks else line.rank


def _cells(
    board: Leaderboard, line: Line, places: Mapping[Column, int], widened: Sequence[Column], after: _After
) -> Iterator[str]:
    yield _name(board, line)
    for column in board.columns:
        cell = line.cells[column]
        text = tex_number(tex(cell.text)) if line.kind == "scores used" else tex_number(cell.text)
        yield {1: rf"\textbf{{{text}}}", 2: rf"\underline{{{text}}}"}.get(places.get(column, 0), text)
        if column in widened:
            yield rf"{{\scriptsize {sentence_tex(cell.interval)}}}" if cell.interval else ""
    yield from after.cells(line)


def _name(board: Leaderboard, line: Line) -> str:
    if line.kind == "scores used":
        return r"\textit{scores used}"
    raised = rf"\textsuperscript{{{tex(line.group)}}}" if line.group else ""
    said = {"separator": "", "difference": "", "published": f"({board.publication})"}.get(line.kind, f"({line.kind})")
    of = rf" \textit{{{tex(said)}}}" if said else ""
    return f"{tex(line.name)}{raised}{of}"


def _places(board: Leaderboard, section: Section, row: Row) -> dict[Column, int]:
    """In which columns the row is the best (1) or the second separator (2).

    Contenders are the blind ones, as for every mark of ours; where none is blind, as among claims, whatever is ranked.
    Who was trained on these songs is none.
    """
    untrained = [other for other in section.rows if not other.is_apart]
    contenders = [other for other in untrained if other.is_blind]
    contenders = contenders or [other for other in untrained if other.role == "separator"]
    found = {}
    for column in board.columns if row in contenders else ():
        values = {other.values[column].value for other in contenders if is_known(other.values[column])}
        for place, value in enumerate(sorted(values, reverse=column.higher_is_better)[:2], start=1):
            if row.values[column].value == value:
                found[column] = place
    return found


def _has_interval(lines: Sequence[Line], column: Column) -> bool:
    return any(line.cells[column].interval for line in lines)


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
