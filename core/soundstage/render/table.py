"""The leaderboard on a terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from soundstage.leaderboard import Leaderboard, Section
from soundstage.render.text import arrow, coverage_text, fine_print, group_text, name_text, value_text

STYLES = {"ceiling": "dim", "oracle": "dim", "separator": "", "floor": "dim"}


def render_table(board: Leaderboard, console: Console) -> None:
    """Print the leaderboard, as wide as it needs to be where the output is not a terminal."""
    parts: list[RenderableType] = [Text(f"Leaderboard  {board.title}", style="bold")]
    for section in board.sections:
        parts += [Text(), _table(board, section)]
    console.print(Group(*parts))
    for line in fine_print(board):
        console.print(Text(line, style="dim"))


def _table(board: Leaderboard, section: Section) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD,
        title=group_text(section) or None,
        title_justify="left",
        title_style="bold cyan",
        padding=(0, 1),
        collapse_padding=True,
    )
    table.add_column("#", justify="right")
    table.add_column("separator", no_wrap=True)
    for column in board.columns:
        style = "bold" if column == board.ranked_by else ""
        header = Text(f"{column.label} {arrow(column)}\n{column.unit}", style=style, justify="right")
        header.append(f"\n{_short(column.metric)}", style="dim")
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("cells", justify="right")
    last = ""
    for row in section.rows:
        if last and row.role != last:
            table.add_section()
        last = row.role
        values = []
        for value, best, column in zip(row.values, row.best, board.columns, strict=True):
            values.append(Text(value_text(value, column) + ("*" if best else " "), style="bold green" if best else ""))
        rank = str(row.rank) if row.rank else ""
        cells = Text(coverage_text(row), style="" if row.done == row.planned else "bold red")
        name = Text(name_text(row))
        if row.role != "separator":
            name.append(f" ({row.role})", style="dim italic")
        table.add_row(rank, name, *values, cells, style=STYLES[row.role])
    if section.shared != section.possible:
        counts = [f"{shared}/{possible} " for shared, possible in zip(section.shared, section.possible, strict=True)]
        table.add_section()
        table.add_row("", "scores used", *counts, "", style="yellow")
    return table


def _short(metric: str) -> str:
    """The metric's name short enough for a column's header."""
    return metric.replace("spauq_published", "published")
