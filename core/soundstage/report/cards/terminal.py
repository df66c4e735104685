"""Cards on a terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from soundstage.audiometry.card import Audiometry
from soundstage.report.cards import text
from soundstage.report.terminal import print_whole
from soundstage.report.text import printable


def print_cards(found: Audiometry, console: Console) -> None:
    """Print one line a measure, and then of each what it tells and what is wrong with it."""
    console.print(Text(f"Audiometry  {text.head(found)}", style="bold"))
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True)
    table.add_column("measure", no_wrap=True)
    for heading in text.HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for card in found.cards:
        table.add_row(text.title(card), *text.summary(card))
    print_whole(table, console)
    for card in found.cards:
        console.print(Text(text.title(card), style="bold cyan"))
        console.print(Text(f"  {text.claims_sentence(card)}", style="dim"), soft_wrap=True)
        if told := text.told_sentence(card):
            console.print(Text(f"  {told}"), soft_wrap=True)
        for one in card.findings:
            console.print(Text(f"  ✗ {printable(one.text)}", style="yellow"), soft_wrap=True)
        console.print()
    for sentence in found.failed:
        console.print(Text(f"came to nothing: {printable(sentence)}", style="red"), soft_wrap=True)
    console.print(Text(text.EXPLAINED, style="dim"))
