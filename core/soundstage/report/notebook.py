"""Boards, comparisons and cards as HTML tables: what a notebook shows. Every text is escaped; there are no scripts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from soundstage.audiometry.card import Audiometry
from soundstage.leaderboard.board import Leaderboard, Section
from soundstage.leaderboard.versus import Versus
from soundstage.report.cards import text as cards
from soundstage.report.text import (
    TRAINING,
    Line,
    arrow,
    fine_print,
    group_text,
    heads_title,
    own_lines,
    printable,
    published_lines,
    scores_line,
    spread_lines,
    tells_training,
)
from soundstage.report.versus import HEADINGS, all_sentences, cells, notes, training_sentences


@dataclass(frozen=True, slots=True)
class Strong:
    """A cell that stands out."""

    text: str


Entry = str | Strong


def table(head: Sequence[str], rows: Iterable[Sequence[Entry]], left: int = 1) -> str:
    """An HTML table. left: how many columns are of words and stand to the left; the others are of numbers."""
    sides = ["left" if at < left else "right" for at in range(len(head))]
    made = [f'<th style="text-align:{side}">{escaped(name)}</th>' for name, side in zip(head, sides, strict=True)]
    lines = [f"<tr>{''.join(made)}</tr>"]
    for row in rows:
        cells = [f'<td style="text-align:{side}">{_entry(one)}</td>' for one, side in zip(row, sides, strict=True)]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "<table><thead>{}</thead><tbody>{}</tbody></table>".format(lines[0], "\n".join(lines[1:]))


def heading(text: str) -> str:
    """A line above tables."""
    return f"<p><b>{escaped(text)}</b></p>"


def small(lines: Iterable[str]) -> str:
    """The fine print, a line each."""
    return "".join(f"<div><small>{escaped(line)}</small></div>" for line in lines)


def escaped(text: str) -> str:
    """The text as HTML shows it, letter by letter."""
    return escape(printable(text))


def _entry(entry: Entry) -> str:
    return f"<b>{escaped(entry.text)}</b>" if isinstance(entry, Strong) else escaped(entry)


def board_html(board: Leaderboard) -> str:
    """The leaderboard: a table a section, and the fine print below."""
    parts = [heading(f"Leaderboard  {board.title}")]
    for section in board.sections:
        parts += [heading(group_text(section))] if section.group else []
        parts.append(_section(board, section))
    for heads in board.heads:
        head = ["separator", *(f"{column.label} ± ({column.unit})" for column in board.columns)]
        parts += [heading(heads_title(heads)), table(head, [[name, *of] for name, of in spread_lines(board, heads)])]
    return "\n".join([*parts, small(line.replace("* best blind", "bold: best blind") for line in fine_print(board))])


def _section(board: Leaderboard, section: Section) -> str:
    used = scores_line(board, section)
    lines = [*own_lines(board, section), *published_lines(board, section), *([] if used.is_whole else [used])]
    is_sure = any(line.ranks for line in lines)
    has_cost, has_training = any(line.cost for line in lines), tells_training(board)
    head = ["#", *(["ranks", "group"] if is_sure else []), "separator", "role"]
    left = len(head)
    head += [f"{column.label} {arrow(column)} ({column.unit}, {column.metric})" for column in board.columns]
    head += [TRAINING] if has_training else []
    head += ["RTF", "MB"] if has_cost else []
    head.append("cells")

    def row(line: Line) -> Iterator[Entry]:
        yield line.rank
        yield from (line.ranks, line.group) if is_sure else ()
        yield line.name
        yield f"published ({board.publication})" if line.kind == "published" else line.kind
        for column in board.columns:
            cell = line.cells[column]
            shown = f"{cell.text} {cell.interval}".rstrip() if column == board.ranked_by else cell.text
            yield Strong(shown) if cell.best else shown
        if has_training:
            yield Strong(line.training) if line.training == "yes" else line.training
        yield from line.cost or ("", "") if has_cost else ()
        yield line.coverage if line.is_whole else Strong(line.coverage)

    return table(head, [list(row(line)) for line in lines], left)


def versus_html(found: Versus) -> str:
    """The comparison: a table a group, what it says in sentences, and the fine print below."""
    one, other = found.names
    parts = [heading(f"{one} against {other}  {found.title}"), small(training_sentences(found))]
    for group, contrasts in found.tables:
        parts += [heading(" · ".join(f"{key}: {value}" for key, value in group.items()))] if group else []
        if not contrasts:
            parts.append(small(["No score that both have."]))
            continue
        head = ["measure", "source", one, other, *HEADINGS]
        rows: list[list[Entry]] = []
        for contrast in contrasts:
            own = cells(contrast)
            rows.append([Strong(text) for text in own] if contrast.is_shown else list(own))
        parts += [
            table(head, rows, left=2),
            *(f"<div>{escaped(line)}</div>" for line in all_sentences(found, contrasts)),
        ]
    return "\n".join([*parts, small(notes(found))])


def cards_html(found: Audiometry) -> str:
    """The cards: a line a measure, and what is wrong with each below."""
    rows = [[cards.title(card), *cards.summary(card)] for card in found.cards]
    parts = [heading(f"Audiometry  {cards.head(found)}"), table(["measure", *cards.HEADINGS], rows)]
    for card in found.cards:
        parts.append(heading(cards.title(card)))
        said = [cards.claims_sentence(card), cards.told_sentence(card), *(f"✗ {one.text}" for one in card.findings)]
        parts.append(small(line for line in said if line))
    parts.append(small(f"came to nothing: {sentence}" for sentence in found.failed))
    return "\n".join([*parts, small([cards.EXPLAINED])])
