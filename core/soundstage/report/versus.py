"""Two separators compared, as something to read: a table with sentences, CSV, JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from soundstage.leaderboard.board import FEWEST
from soundstage.leaderboard.versus import Contrast, Versus
from soundstage.report.plain import plain
from soundstage.report.terminal import print_whole
from soundstage.report.text import (
    TRAINED,
    arrow,
    counted,
    difference_text,
    encodable,
    interval_text,
    p_text,
    printable,
    uncomputed,
    value_text,
)

HEADINGS = ("difference", "[95 %]", "better on", "p", "effect")
"""Of a table's columns, after the measure, the source and the two separators."""


def print_versus(found: Versus, console: Console) -> None:
    """Print the tables, each with its sentences below."""
    one, other = map(printable, found.names)
    console.print(Text(f"{one} against {other}  {printable(found.title)}", style="bold"))
    for line in training_sentences(found):
        console.print(Text(line, style="bold red" if TRAINED in line else "yellow"), soft_wrap=True)
    for group, contrasts in found.tables:
        console.print()
        if group:
            console.print(Text(printable(" · ".join(f"{key}: {value}" for key, value in group.items())), "bold cyan"))
        if not contrasts:
            console.print("No score that both have.")
            continue
        print_whole(_table(found, contrasts), console)
        for line in all_sentences(found, contrasts):
            console.print(Text(line, style="dim" if line.startswith(" ") else ""), soft_wrap=True)
    for line in notes(found):
        console.print(Text(line, style="dim"))


def training_sentences(found: Versus) -> Iterator[str]:
    """Of each of the two, that it was trained on these songs, or that this is not stated."""
    for name, answer in zip(map(printable, found.names), found.trained_on_them, strict=True):
        if answer == "yes":
            yield f"{name} was {TRAINED}: it has heard what it is scored on."
        if answer == "not stated":
            yield f"Whether {name} was trained on these songs is not stated."


def _table(found: Versus, contrasts: tuple[Contrast, ...]) -> Table:
    one, other = map(printable, found.names)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True)
    table.add_column("measure", no_wrap=True)
    table.add_column("source", no_wrap=True)
    for header in (one, other):
        table.add_column(Text(header), justify="right", overflow="fold", max_width=24)
    for header in HEADINGS:
        table.add_column(Text(header), justify="right", no_wrap=True)
    last = None
    for contrast in contrasts:
        is_first = contrast.column != last
        if last is not None and is_first:
            table.add_section()
        last = contrast.column
        measure, *others = cells(contrast)
        shown = [Text(text) for text in (measure if is_first else "", *others)]
        table.add_row(*shown, style="bold" if contrast.is_shown else "")
    return table


def cells(contrast: Contrast) -> list[str]:
    """What a line of a table has: the measure, the source, each one's value, and what stands below HEADINGS."""
    column, test = contrast.column, contrast.test
    enough = test.songs >= FEWEST
    return [
        printable(f"{column.label} {arrow(column)} {column.unit}"),
        printable(contrast.source) or "all",
        *(value_text(value, column) for value in contrast.values),
        difference_text(contrast.difference, column.decimals),
        interval_text(contrast.interval, column),
        f"{test.better}/{test.songs}" + (f" ({test.ties} ties)" if test.ties else ""),
        p_text(test.p_value).removeprefix("p = ").removeprefix("p ") if enough else "–",
        f"{test.effect:+.2f}" if enough else "–",
    ]


def all_sentences(found: Versus, contrasts: Sequence[Contrast]) -> Iterator[str]:
    """What a table says of each measure over all sources; what is said more of it begins with blanks."""
    for contrast in contrasts:
        if not contrast.source:
            yield sentence(found, contrast)
            yield from (f"  {line}" for line in _more(contrast))


def sentence(found: Versus, contrast: Contrast) -> str:
    """What a contrast says, as a paper would: who beats whom, by how much, how surely; or that none is shown."""
    one, other = map(printable, found.names)
    column, test = contrast.column, contrast.test
    label, source = printable(column.label), f" of {printable(contrast.source)}" if contrast.source else ""
    songs = counted(test.songs, "song")
    if test.songs < FEWEST:
        return f"{label}{source}: n = {songs} is too few to say which is better."
    if not contrast.is_shown:
        would = ""
        if contrast.needed is not None and contrast.needed > test.songs:
            size = f"{contrast.worth:.3g} {printable(column.unit)}".rstrip()
            would = f"; {counted(contrast.needed, 'song')} would show {size} at 80 % power"
        return f"{label}{source}: no difference shown at n = {test.songs} ({p_text(test.p_value)}){would}."
    wins = test.effect > 0.0
    first, second, on = (one, other, test.better) if wins else (other, one, test.worse)
    sign = (1.0 if column.higher_is_better else -1.0) * (1.0 if wins else -1.0)
    by = value_text(sign * contrast.difference, column)
    within = ""
    if contrast.interval is not None:
        ends = sorted(sign * end for end in contrast.interval)
        within = f" {interval_text((ends[0], ends[1]), column)}"
    size = f"{by} {printable(column.unit)}".rstrip() + within
    if sign * contrast.difference > 0.0:
        return f"{label}{source}: {first} beats {second} by {size}, on {on} of {songs}, {p_text(test.p_value)}."
    return (
        f"{label}{source}: {first} is better than {second} on {on} of {songs}, {p_text(test.p_value)}, but the"
        f" {found.protocol.tracks} difference over all scores is {size}."
    )


def _more(contrast: Contrast) -> Iterator[str]:
    """On which songs the difference is largest, and where its variance comes from."""
    if contrast.farthest:
        named = (
            f"{printable(name)} {difference_text(gap, contrast.column.decimals)}" for name, gap in contrast.farthest
        )
        yield f"largest on: {', '.join(named)}"
    if len(contrast.variance) > 1:
        shares = (f"{name} {share:.0%}" for name, share in contrast.variance.items())
        yield f"variance of the difference between: {', '.join(shares)}"


def notes(found: Versus) -> Iterator[str]:
    """How the numbers were made."""
    one, other = map(printable, found.names)
    yield (
        f"Protocol {found.protocol.name}: each value is the {found.protocol.text}, over the scores that both have."
        f" difference: the same of {one} − {other} on each scene and source. [95 %]: bootstrap over songs. better on:"
        f" songs on which {one} is better. p: Wilcoxon signed-rank test over songs (means over each song's scores),"
        " corrected (Holm) over the sources of a measure. effect: matched-pairs rank-biserial correlation, +1 where"
        f" {one} is better on every song. Bold: told apart."
    )


def versus_csv(found: Versus, safe: bool = False) -> str:
    """One line a group, measure and source, at full precision; an empty source is all of them.

    safe: put an apostrophe before texts that a spreadsheet would take for a formula.
    """
    lines = records(found)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(lines[0]) if lines else [], lineterminator="\n")
    writer.writeheader()
    for line in lines:
        known = {name: "" if value != value else value for name, value in line.items()}
        writer.writerow({name: _safe(value) for name, value in known.items()} if safe else known)
    return encodable(out.getvalue().rstrip("\n"))


def _safe(value: Any) -> Any:
    return uncomputed(value) if isinstance(value, str) else value


def records(found: Versus) -> list[dict[str, Any]]:
    """One a group, measure and source; NaN where there is no value."""
    return [{**group, **_record(found, one)} for group, contrasts in found.tables for one in contrasts]


def _record(found: Versus, contrast: Contrast) -> dict[str, Any]:
    column, test = contrast.column, contrast.test
    low, high = contrast.interval or (math.nan, math.nan)
    return {
        "metric": column.metric,
        "measure": column.name,
        "unit": column.unit,
        "higher_is_better": column.higher_is_better,
        "source": contrast.source,
        "one": found.names[0],
        "other": found.names[1],
        "trained_on_them_one": found.trained_on_them[0],
        "trained_on_them_other": found.trained_on_them[1],
        "value_one": contrast.values[0],
        "value_other": contrast.values[1],
        "difference": contrast.difference,
        "low": low,
        "high": high,
        "scores": contrast.scores,
        "songs": test.songs,
        "better": test.better,
        "worse": test.worse,
        "p_value": test.p_value,
        "effect": test.effect,
        "told_apart": contrast.is_shown,
        "songs_needed": math.nan if contrast.needed is None else contrast.needed,
        "worth_showing": contrast.worth,
    }


def versus_json(found: Versus) -> str:
    """The whole comparison; null where there is no value."""
    tables = [
        {"group": dict(group), "contrasts": [plain(one) for one in contrasts]} for group, contrasts in found.tables
    ]
    about = {"title": found.title, "one": found.names[0], "other": found.names[1], "protocol": plain(found.protocol)}
    about["trained_on_them"] = list(found.trained_on_them)
    return encodable(json.dumps({**about, "tables": tables}, indent=1, ensure_ascii=False, allow_nan=False))
