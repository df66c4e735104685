"""Figures of one panel: one measure against another, quality against cost, and critical differences of mean ranks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from soundstage.leaderboard.board import Column, Leaderboard, Row, Section, is_known
from soundstage.report.figures.scores import Scores
from soundstage.report.figures.style import Look, entry_text, legend_above, measure_text, new_figure, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SQUARE_IN = 4.5


def two_measures(board: Leaderboard) -> tuple[Column, Column] | None:
    """What is drawn against what: how much comes back (SDR) and how well it stays in place (SSR), where both are shown;
    else the first two alike in unit and direction, else the first two."""
    columns = board.columns
    labels = {column.label: column for column in reversed(columns)}
    if "SDR" in labels and "SSR" in labels:
        return labels["SDR"], labels["SSR"]
    for across in columns:
        for up in columns:
            alike = up.unit == across.unit and up.higher_is_better == across.higher_is_better
            if alike and up.label != across.label:
                return across, up
    return (columns[0], columns[1]) if len(columns) > 1 else None


def against(scores: Scores, section: Section, look: Mapping[str, Look]) -> Figure | None:
    """One measure against another: small marks are scores, large ones values with their intervals."""
    pair = two_measures(scores.board)
    if pair is None:
        return None
    tables = [scores.shared(section, column) for column in pair]
    rows = [row for row in section.rows if row.role != "ceiling" and all(is_known(row.values[one]) for one in pair)]
    if not rows:
        return None
    figure = new_figure(SQUARE_IN, SQUARE_IN)
    axes = figure.subplots()
    both = tables[0].index.intersection(tables[1].index)
    for row in rows:
        own = look[row.separator]
        if row.separator in tables[0] and row.separator in tables[1] and row.role == "separator":
            across, up = (table.loc[both, row.separator] for table in tables)
            axes.plot(across, up, own.mark, color=own.colour, alpha=0.25, markersize=2.0, markeredgewidth=0)
        _value(axes, row, pair, own)
    axes.set_xlabel(measure_text(pair[0]))
    axes.set_ylabel(measure_text(pair[1]))
    _legend(figure, rows, look)
    return figure


def cost(board: Leaderboard, section: Section, look: Mapping[str, Look]) -> Figure | None:
    """The measure that ranks against what separating takes; nothing where that was not measured."""
    rows = [
        row
        for row in section.rows
        if row.role == "separator" and row.cost and row.cost.real_time_factor and is_known(row.values[board.ranked_by])
    ]
    if not rows:
        return None
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure = new_figure(0.75 * SQUARE_IN, SQUARE_IN)
    axes = figure.subplots()
    for row in rows:
        own, value = look[row.separator], row.values[board.ranked_by]
        factor = row.cost.real_time_factor if row.cost and row.cost.real_time_factor else 0.0
        ends = _reach(value.value, value.interval)
        axes.errorbar([factor], [value.value], yerr=ends, fmt=own.mark, color=own.colour, capsize=2.0, markersize=6.0)
    axes.set_xscale("log")
    axes.margins(x=0.2)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("real-time factor (seconds a second of audio) ↓")
    axes.set_ylabel(measure_text(board.ranked_by))
    _legend(figure, rows, look)
    return figure


def critical_differences(scores: Scores, section: Section, look: Mapping[str, Look]) -> Figure | None:
    """Mean ranks over songs; a line joins those that cannot be told apart, with a dot at each. Nothing below two."""
    groups = {row.separator: row.group for row in section.rows if row.group}
    ranks = {name: rank for name, rank in scores.mean_ranks(section).items() if name in groups}
    if len(ranks) < 2:
        return None
    ordered = sorted(ranks, key=lambda name: (ranks[name], name))
    lines = list(_joined(ordered, groups))
    depth = 0.35 * len(lines)
    half = (len(ordered) + 1) // 2
    figure = new_figure(0.9 + 0.22 * (half + len(lines)), SQUARE_IN * 1.3)
    axes = figure.subplots()
    for at, name in enumerate(ordered):
        is_left = at < half
        level = -depth - 0.6 * (at + 1 if is_left else len(ordered) - at)
        end = 0.9 if is_left else len(ordered) + 0.1
        axes.plot([ranks[name], ranks[name], end], [0.0, level, level], color=look[name].colour, linewidth=1.0)
        text = f"{shown(name)} ({ranks[name]:.2f})"
        axes.text(end, level, f"{text} " if is_left else f" {text}", ha="right" if is_left else "left", va="center")
    for at, members in enumerate(lines):
        level = -0.3 - 0.35 * at
        places = [ranks[name] for name in members]
        axes.plot([min(places), max(places)], [level, level], color="black", linewidth=2.5, solid_capstyle="round")
        axes.plot(places, [level] * len(places), "o", color="black", markersize=4.5)
    axes.set_xlim(1.0, float(len(ordered)))
    axes.set_ylim(-depth - 0.6 * half - 0.3, 0.0)
    axes.set_xticks(range(1, len(ordered) + 1))
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel(f"mean rank over songs by {measure_text(scores.board.ranked_by)[:-2]}, 1 is best")
    axes.set_yticks([])
    axes.grid(visible=False)
    for side in ("left", "bottom", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["top"].set_visible(True)
    for artist in axes.get_lines():
        artist.set_clip_on(False)
    return figure


def _joined(ordered: Sequence[str], groups: Mapping[str, str]) -> Iterator[list[str]]:
    """The groups of two or more, by their letters."""
    import re

    letters = dict.fromkeys(letter for name in ordered for letter in re.findall(r"\(\w+\)|\w", groups[name]))
    for letter in letters:
        members = [name for name in ordered if letter in re.findall(r"\(\w+\)|\w", groups[name])]
        if len(members) > 1:
            yield members


def _value(axes: Any, row: Row, pair: tuple[Column, Column], look: Look) -> None:
    across, up = (row.values[column] for column in pair)
    axes.errorbar(
        [across.value],
        [up.value],
        xerr=_reach(across.value, across.interval),
        yerr=_reach(up.value, up.interval),
        fmt=look.mark,
        color=look.colour,
        markersize=6.0,
        markeredgecolor="white",
        capsize=2.0,
        zorder=3,
    )


def _reach(value: float, interval: tuple[float, float] | None) -> list[list[float]] | None:
    """How far an interval reaches below and above its value."""
    return None if interval is None else [[max(0.0, value - interval[0])], [max(0.0, interval[1] - value)]]


def _legend(figure: Figure, rows: Sequence[Row], look: Mapping[str, Look]) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], color=look[row.separator].colour, marker=look[row.separator].mark, linestyle="") for row in rows
    ]
    legend_above(figure, marks, [entry_text(row) for row in rows])
