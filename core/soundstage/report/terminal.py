"""The leaderboard on a terminal, and what every table there has in common."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from soundstage.leaderboard.board import Column, Heads, Leaderboard, Section
from soundstage.report.text import (
    TRAINED,
    TRAINING,
    WIDTH,
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

STYLES = {
    "ceiling": "dim",
    "oracle": "dim",
    "separator": "",
    TRAINED: "red",
    "floor": "dim",
    "published": "cyan",
    "difference": "magenta",
    "scores used": "yellow",
}
HEARD = {"yes": "bold red", "not stated": "yellow"}

NARROWEST_NAME, WIDEST_NAME = 24, 60
"""Between which a column of names goes on in a further line rather than take the numbers' room."""


def name_width(width: int) -> int:
    """How wide a column of names may be where there are so many columns in all."""
    return max(NARROWEST_NAME, min(WIDEST_NAME, width // 2))


def wants_plain_text() -> bool:
    """Whether $NO_COLOR asks that nothing printed commands the terminal (https://no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))


def console(**options: Any) -> Console:
    """A console that guesses nothing from what is printed, and neither colours nor embolds where $NO_COLOR is set."""
    plain: dict[str, Any] = {"color_system": None} if wants_plain_text() else {}
    return Console(**{"highlight": False, "markup": False, "emoji": False, **plain, **options})


def wide_console() -> Console:
    """A console for tables: of what is no terminal, as a file, at least WIDTH."""
    page = console()
    return page if page.is_terminal else console(width=max(page.width, WIDTH))


def print_whole(table: Table, console: Console) -> None:
    """Print the table; what is wider than the console runs over its edge, and no value is cut."""
    wide = natural_width(table, console)
    if wide > console.width:
        table.width = wide
    console.print(table, crop=False)


def natural_width(table: Table, console: Console) -> int:
    """How wide the table is where it has all the room there is."""
    return console.measure(table, options=console.options.update(max_width=1_000_000, width=1_000_000)).maximum


def print_board(board: Leaderboard, console: Console, intervals: bool = False) -> None:
    """Print the leaderboard. What is wider than the console goes on in a further table; no value is ever cut.

    intervals: show those of every column, and not those of the column that ranks alone.
    """
    console.print(Text(f"Leaderboard  {printable(board.title)}", style="bold"))
    for section in board.sections:
        console.print()
        if section.group:
            console.print(Text(group_text(section), style="bold cyan"))
        shown = frozenset(board.columns if intervals else [board.ranked_by])
        for columns in _that_fit(board, section, console, shown):
            print_whole(_table(board, section, columns, console, shown), console)
    for heads in board.heads:
        console.print()
        console.print(Text(heads_title(heads), style="bold cyan"))
        print_whole(_spreads(board, heads, console), console)
    for line in fine_print(board):
        console.print(Text(line, style="dim"))


def _spreads(board: Leaderboard, heads: Heads, console: Console) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True)
    table.add_column("separator", overflow="fold", max_width=name_width(console.width))
    for column in board.columns:
        table.add_column(f"{printable(column.label)} ±\n{printable(column.unit)}", justify="right", no_wrap=True)
    for name, cells in spread_lines(board, heads):
        table.add_row(Text(name), *map(Text, cells))
    return table


def _that_fit(
    board: Leaderboard, section: Section, console: Console, intervals: Collection[Column]
) -> list[Sequence[Column]]:
    """The columns in runs that each fit the console's width, at least one a run."""
    runs: list[list[Column]] = [[]]
    for column in board.columns:
        wide = natural_width(_table(board, section, [*runs[-1], column], console, intervals), console)
        if runs[-1] and wide > console.width:
            runs.append([])
        runs[-1].append(column)
    return list(runs)


def _table(
    board: Leaderboard,
    section: Section,
    columns: Sequence[Column],
    console: Console,
    intervals: Collection[Column],
) -> Table:
    """The section's table with these columns. intervals: of which columns the intervals are shown."""
    used = scores_line(board, section)
    lines = [*own_lines(board, section), *published_lines(board, section), *([] if used.is_whole else [used])]
    is_sure = any(line.ranks for line in lines)
    widened = [column for column in columns if column in intervals and any(_interval(line, column) for line in lines)]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True)
    table.add_column("#", justify="right", no_wrap=True)
    for name in ("ranks", "group") if is_sure else ():
        table.add_column(Text(name, style="dim"), no_wrap=True)
    table.add_column("separator", overflow="fold", max_width=name_width(console.width))
    for column in columns:
        style = "bold" if column == board.ranked_by else ""
        header = Text(f"{printable(column.label)} {arrow(column)}\n{printable(column.unit)}", style, justify="right")
        header.append(f"\n{_short(printable(column.metric))}", style="dim")
        table.add_column(header, justify="right", no_wrap=True)
        if column in widened:
            table.add_column(Text("[95 %]", style="dim"), justify="right", no_wrap=True)
    has_training = tells_training(board)
    if has_training:
        table.add_column(TRAINING.replace(" on", "\non"), no_wrap=True)
    has_cost = any(line.cost for line in lines)
    for name in ("RTF", "MB") if has_cost else ():
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("cells", justify="right", no_wrap=True)
    last = ""
    for line in lines:
        block = "published" if line.kind == "difference" else line.kind
        if last and block != last:
            table.add_section()
        last = block
        cells = [text for column in columns for text in _cells(line, column, column in widened)]
        sure = [line.ranks, line.group] if is_sure else []
        coverage = Text(line.coverage, style="" if line.is_whole else "bold red")
        cost = line.cost or ("", "") if has_cost else ()
        training = [Text(line.training, style=HEARD.get(line.training, ""))] if has_training else []
        table.add_row(line.rank, *sure, _name(line, board), *cells, *training, *cost, coverage, style=STYLES[line.kind])
    return table


def _name(line: Line, board: Leaderboard) -> Text:
    if line.kind == "scores used":
        return Text(line.kind)
    said = {"separator": "", "difference": "", "published": f" ({printable(board.publication)})"}
    return Text(line.name).append(said.get(line.kind, f" ({line.kind})"), style="dim italic")


def _interval(line: Line, column: Column) -> str:
    return line.cells[column].interval


def _cells(line: Line, column: Column, with_interval: bool) -> list[Text]:
    cell = line.cells[column]
    value = Text(cell.text + ("*" if cell.best else " "), style="bold green" if cell.best else "")
    return [value, Text(cell.interval, style="dim")] if with_interval else [value]


def _short(metric: str) -> str:
    """The metric's name short enough for a column's header, its parameters below it."""
    return metric.replace("spauq_published", "published").replace("[", "\n[")
