"""`soundstage list`: what there is, and whether it can be used here."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundstage.cli import completing
from soundstage.cli.options import added, more_registry, toml_of
from soundstage.cli.saying import say
from soundstage.contracts import KINDS, Kind

if TYPE_CHECKING:
    from soundstage.catalogue.entries import GridTable
    from soundstage.catalogue.registry import Registry


USABLE = "usable"
"""Said of separators, which may lack much; of other plugins only what is missing is said."""

ROOM = 30
"""Columns that a terminal must leave for what is said, or lines are not broken."""

SECTIONS = (*KINDS, "grids", "published")


@click.command("list")
@click.argument("words", shell_complete=completing.sections, nargs=-1, metavar="[KIND | FILE.toml]…")
@more_registry
def command(words: tuple[str, ...], registry: tuple[Path, ...]) -> None:
    """List what is registered: what each is, and whether it can be used here.

    KIND: datasets, placements, spatializers, separators, metrics, grids or published, or what verbs of plugins have,
    such as training; all without one. FILE.toml: a grid or registry of your own, of which only what it declares is
    listed.
    """
    from soundstage.catalogue.registry import Registry
    from soundstage.cli.plugged import refusals
    from soundstage.errors import suggestion
    from soundstage.report.text import printable

    known = Registry.load(registry)
    kinds: list[str] = []
    declared: dict[str, list[str]] = {}
    sections = (*SECTIONS, *known.sections)
    for word in words:
        if word in sections:
            kinds.append(word)
        elif (file := toml_of(word)[0]) is not None:
            for section, names in added(known, file).items():
                declared.setdefault(section, []).extend(names)
        else:
            raise click.BadParameter(f"'{word}' is neither a kind nor a TOML file{suggestion(word, sections)}")
    for section in kinds or sections:
        if section == "published":
            rows = [] if declared else _published()
        elif section in KINDS:
            rows = _entries(known, section)
        else:
            rows = _tables(known.grids if section == "grids" else known.sections[section])
        if declared:
            rows = [row for row in rows if row[0] in declared.get(section, ())]
            if not rows:
                continue
        say(section, bold=True)
        for line in _lines(
            [(printable(name), printable(summary), printable(trouble)) for name, summary, trouble in rows]
        ):
            click.echo(line)
        if len(kinds) != 1:
            say()
    for problem in (*known.catalogue.all_problems(), *refusals(known.catalogue)):
        say(f"problem: {problem}", fg="red", err=True)


def _lines(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    """A line for each, whole; in a terminal several, broken between words."""
    width = max((len(name) for name, _, _ in rows), default=0)
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for name, summary, trouble in rows:
        mark = click.style(f"[{trouble}]", fg="green" if trouble == USABLE else "yellow") if trouble else ""
        if columns - width < ROOM:
            yield f"  {name:<{width}}  {summary}" + (f"  {mark}" if mark else "")
            continue
        text = summary + (f"  [{trouble}]" if trouble else "")
        broken = textwrap.wrap(text, columns - width - 4, break_on_hyphens=False, break_long_words=False)
        for index, line in enumerate(broken or [""]):
            line = line.replace(f"[{trouble}]", mark) if trouble else line
            yield f"  {name if index == 0 else '':<{width}}  {line}"


def _tables(found: Mapping[str, GridTable]) -> list[tuple[str, str, str]]:
    return [(name, str(one.table.get("summary", "")), "") for name, one in sorted(found.items())]


def _published() -> list[tuple[str, str, str]]:
    from soundstage.leaderboard.published.tables import publications

    return [(one.name, one.title, "") for one in publications().values()]


def _entries(known: Registry, kind: Kind) -> list[tuple[str, str, str]]:
    from soundstage.errors import SoundstageError

    rows = []
    for name in known.names(kind):
        entry = known.entry(kind, name)
        try:
            lacking, later = known.unusable(entry), known.notice(entry)
        except SoundstageError as error:
            lacking, later = str(error).partition("\n")[0], ""
        usable = USABLE if kind == "separators" and not lacking else ""
        rows.append((name, entry.summary, "; ".join(filter(None, (lacking or usable, later)))))
    return rows
