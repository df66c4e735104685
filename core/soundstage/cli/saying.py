"""What verbs print: names and sentences letter by letter, so that none of them commands the terminal."""

from __future__ import annotations

import sys
from typing import Any

import click


def say(text: object = "", *, err: bool = False, **style: Any) -> None:
    """Print a line: whatever in it would end the line or command a terminal is spelt out.

    err: to standard error. style: what `click.style` takes; nothing is styled where nobody watches or no colour is
    wanted.
    """
    from soundstage.report.text import printable

    click.secho(printable(text), err=err, **style)


def say_document(text: str) -> None:
    """Print a text for other programs as it is; a terminal is shown it as `say_lines` does."""
    if sys.stdout.isatty():
        say_lines(text)
    else:
        click.echo(text)


def say_lines(text: object, *, err: bool = False, **style: Any) -> None:
    """Print a text whose line breaks are meant, as those of a traceback are, each line as `say` does."""
    for line in str(text).split("\n"):
        say(line, err=err, **style)
