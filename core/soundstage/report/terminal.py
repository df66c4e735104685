"""The leaderboard on a terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console, ConsoleOptions
from rich.table import Table
from rich.text import Text

from soundstage.leaderboard.board import Leaderboard, Section
from soundstage.report.text import arrow, coverage_text, fine_print, group_text, name_text, published_texts, value_text

STYLES = {"ceiling": "dim", "oracle": "dim", "separator": "", "floor": "dim"}


def render_table(board: Leaderboard, console: Console) -> None:
    """Print the leaderboard. What is wider than the console goes on in a further table; no value is ever cut."""
    console.print(Text(f"Leaderboard  {board.title}", style="bold"))
    for section in board.sections:
        console.print()
        if section.group:
            console.print(Text(group_text(section), style="bold cyan"))
        for columns in _that_fit(board, section, console):
            console.print(_table(board, section, columns))
    for line in fine_print(board):
        console.print(Text(line, style="dim"))


def _that_fit(board: Leaderboard, section: Section, console: Console) -> list[range]:
    """The columns in runs that each fit the console's width, at least one a run."""
    runs, first = [], 0
    for last in range(1, len(board.columns) + 1):
        wide = console.measure(_table(board, section, range(first, last)), options=_unbounded(console)).maximum
        if wide > console.width and last - 1 > first:
            runs.append(range(first, last - 1))
            first = last - 1
    return [*runs, range(first, len(board.columns))]


def _unbounded(console: Console) -> ConsoleOptions:
    return console.options.update(max_width=10_000, width=10_000)


def _table(board: Leaderboard, section: Section, shown: range) -> Table:
    """The section's table with the columns of these indices."""
    columns = [board.columns[index] for index in shown]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True)
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("separator", no_wrap=True)
    for column in columns:
        style = "bold" if column == board.ranked_by else ""
        header = Text(f"{column.label} {arrow(column)}\n{column.unit}", style=style, justify="right")
        header.append(f"\n{_short(column.metric)}", style="dim")
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("cells", justify="right", no_wrap=True)
    last = ""
    for row in section.rows:
        if last and row.role != last:
            table.add_section()
        last = row.role
        values = []
        for index, column in zip(shown, columns, strict=True):
            text = value_text(row.values[index], column) + ("*" if row.best[index] else " ")
            values.append(Text(text, style="bold green" if row.best[index] else ""))
        rank = str(row.rank) if row.rank else ""
        cells = Text(coverage_text(row), style="" if row.done == row.planned else "bold red")
        name = Text(name_text(row))
        if row.role != "separator":
            name.append(f" ({row.role})", style="dim italic")
        table.add_row(rank, name, *values, cells, style=STYLES[row.role])
    published = list(published_texts(board, section))
    if published:
        table.add_section()
    for line in published:
        name = Text(line.name)
        if line.role == "published":
            name.append(f" ({board.publication})", style="dim italic")
        texts = [Text(f"{line.values[index]} ") for index in shown]
        table.add_row("", name, *texts, "", style="cyan" if line.role == "published" else "magenta")
    if section.shared != section.possible:
        counts = [f"{section.shared[index]}/{section.possible[index]} " for index in shown]
        table.add_section()
        table.add_row("", "scores used", *counts, "", style="yellow")
    return table


def _short(metric: str) -> str:
    """The metric's name short enough for a column's header, its parameters below it."""
    return metric.replace("spauq_published", "published").replace("[", "\n[")
