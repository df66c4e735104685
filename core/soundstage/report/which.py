"""Which separators suit, as something to read: a table with sentences, Markdown, JSON, HTML."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from soundstage.leaderboard.board import FEWEST
from soundstage.leaderboard.which import Picks, Selection, Took
from soundstage.report import notebook
from soundstage.report.plain import marked, plain
from soundstage.report.terminal import name_width, print_whole
from soundstage.report.text import (
    TRAINING,
    arrow,
    counted,
    encodable,
    interval_text,
    printable,
    span_text,
    value_text,
)

TIED = {True: "tied with the first", False: "", None: ""}


def print_selection(found: Selection, console: Console) -> None:
    """Print the tables, who is left out, and what the numbers do not promise."""
    console.print(Text(heading(found), style="bold"))
    for table in found.tables:
        console.print()
        if table.group:
            console.print(Text(_group(table), style="bold cyan"))
        if table.picks:
            shown = Table(box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True)
            for name in _head(found):
                if name == "separator":
                    shown.add_column(name, overflow="fold", max_width=name_width(console.width))
                else:
                    shown.add_column(Text(name), justify="right", no_wrap=True)
            for row in _rows(found, table):
                shown.add_row(*map(Text, row))
            print_whole(shown, console)
        for line in sentences(found, table):
            console.print(Text(line), soft_wrap=True)
    for line in left_out(found):
        console.print(Text(line, style="dim"), soft_wrap=True)
    for line in found.notes:
        console.print(Text(printable(line), style="dim"), soft_wrap=True)


def heading(found: Selection) -> str:
    """The question."""
    return printable(f"Which {found.asked.text}?  {found.title}")


def _group(table: Picks) -> str:
    return printable(" · ".join(f"{key}: {value or '(none)'}" for key, value in table.group.items()))


def _head(found: Selection) -> list[str]:
    column = found.column
    assert column is not None  # where there is a table
    measure = printable(f"{column.label} {arrow(column)} ({column.unit}, {column.metric})")
    return [
        "#",
        "separator",
        "ranks",
        measure,
        "[95 %]",
        "",
        "RTF",
        "MB",
        "device",
        "licence",
        "needs",
        TRAINING,
        "cells",
    ]


def _rows(found: Selection, table: Picks) -> Iterator[list[str]]:
    column = found.column
    assert column is not None
    for pick in table.picks:
        yield [
            str(pick.rank),
            printable(pick.separator),
            span_text(pick.ranks) if pick.ranks else "",
            value_text(pick.value.value, column),
            interval_text(pick.value.interval, column),
            TIED[pick.tied],
            _each(map(_factor, pick.took)),
            _each("–" if one.peak_mb is None else f"{one.peak_mb:.0f}" for one in pick.took),
            _each(printable(one.device) for one in pick.took),
            printable(pick.licence) or "not stated",
            printable(", ".join(pick.needs)) or "the mixture",
            printable(pick.trained_on_them),
            f"{pick.coverage.done}/{pick.coverage.planned}",
        ]


def _each(texts: Iterable[str]) -> str:
    """One a device."""
    return " · ".join(texts) or "–"


def _factor(took: Took) -> str:
    if took.real_time_factor is None or took.slowest is None:
        return "–"
    return f"{took.real_time_factor:.2g} ({took.slowest:.2g})"


def sentences(found: Selection, table: Picks) -> Iterator[str]:
    """What a table says: which is the first, which cannot be told from it, who is left out of it, and how many more."""
    column = found.column
    if column is None or not table.picks:
        yield "None has what is asked for."
    else:
        yield _said(table, printable(column.label))
    if table.more:
        tied = f", {table.tied_more} of which cannot be told from the first" if table.tied_more else ""
        yield f"{counted(table.more, 'more separator')} below {'it' if len(table.picks) == 1 else 'these'}{tied}."
    for one in table.left_out:
        yield f"left out: {printable(one.separator)} {printable(one.why)}"


def _said(table: Picks, measure: str) -> str:
    first = f"{printable(table.picks[0].separator)} is first by {measure}"
    on = counted(table.songs, "song")
    if table.songs < FEWEST:
        return f"{first}, but {on} are too few to say how surely: that takes {FEWEST}."
    tied = [printable(pick.separator) for pick in table.picks if pick.tied]
    if tied:
        return f"{first}; {', '.join(tied)} cannot be told from it on {on}: any of these will do."
    has_others = len(table.picks) + table.more > 1
    return first + (f", and told apart from all others on {on}." if has_others and not table.tied_more else ".")


def left_out(found: Selection) -> Iterator[str]:
    """Who is in no table, and why; the same reason once."""
    reasons: dict[str, list[str]] = {}
    for one in found.left_out:
        reasons.setdefault(one.why, []).append(one.separator)
    if found.is_empty and not found.tables:
        yield "None has what is asked for."
    for why, names in reasons.items():
        yield printable(f"left out: {', '.join(names)}: {why}")


def selection_markdown(found: Selection) -> str:
    """GitHub Markdown, a table each, and what is said of it as a list."""
    lines = [f"**{marked(heading(found))}**", ""]
    for table in found.tables:
        lines += [f"### {marked(_group(table))}", ""] if table.group else []
        if table.picks:
            head = _head(found)
            lines.append("| " + " | ".join(map(marked, head)) + " |")
            lines.append("|" + "|".join(["---"] * 2 + ["--:"] * (len(head) - 2)) + "|")
            lines += ["| " + " | ".join(map(marked, row)) + " |" for row in _rows(found, table)]
            lines.append("")
        lines += [f"- {marked(line)}" for line in sentences(found, table)]
        lines.append("")
    lines += [f"- {marked(line)}" for line in (*left_out(found), *map(printable, found.notes))]
    return "\n".join(lines)


def selection_json(found: Selection) -> str:
    """The whole answer; null where there is no value."""
    return encodable(json.dumps(plain(found), indent=1, ensure_ascii=False, allow_nan=False))


def selection_html(found: Selection) -> str:
    """The tables for a notebook."""
    parts = [notebook.heading(heading(found))]
    for table in found.tables:
        parts += [notebook.heading(_group(table))] if table.group else []
        parts += [notebook.table(_head(found), list(_rows(found, table)), left=2)] if table.picks else []
        parts += [f"<div>{notebook.escaped(line)}</div>" for line in sentences(found, table)]
    return "\n".join([*parts, notebook.small((*left_out(found), *found.notes))])
