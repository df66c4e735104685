"""Figures of several panels: box plots a source and model, and a measure over azimuth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from soundstage.leaderboard.board import Column, Section
from soundstage.report.figures.scores import AtAngle, Scores
from soundstage.report.figures.style import WIDTH_IN, Look, entry_text, legend_above, measure_text, new_figure, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANEL_IN = 2.1
ABOVE_IN = 0.6
"""Room for the legend."""

ACROSS = 3
"""Panels of azimuths beside each other."""

LONGEST_TITLE = 26
"""Letters above one of them."""


def box_plots(scores: Scores, section: Section, look: Mapping[str, Look]) -> Figure | None:
    """The scores of each source and entry but the ceiling, a panel a measure, as the binaural paper shows them."""
    tables = {column: scores.shared(section, column) for column in scores.board.columns}
    tables = {column: table for column, table in tables.items() if len(table)}
    rows = [row for row in section.rows if row.role != "ceiling"]
    names = [row.separator for row in rows]
    if not tables or not names:
        return None
    wide = 2 if len(tables) > 1 else 1
    figure = new_figure(ABOVE_IN + PANEL_IN * math.ceil(len(tables) / wide))
    panels = figure.subplots(math.ceil(len(tables) / wide), wide, squeeze=False).ravel()
    for axes, (column, table) in zip(panels, tables.items(), strict=False):
        sources = list(dict.fromkeys(table.index.get_level_values("source")))
        for at, source in enumerate(sources):
            own = table[table.index.get_level_values("source") == source]
            for nth, name in enumerate(name for name in names if name in own):
                _box(
                    axes, at + (nth - (len(names) - 1) / 2) * 0.8 / len(names), 0.7 / len(names), own[name], look[name]
                )
        axes.set_xticks(range(len(sources)), [shown(source) for source in sources])
        axes.set_xlim(-0.5, len(sources) - 0.5)
        axes.grid(visible=False, axis="x")
        axes.set_ylabel(measure_text(column))
        if [one.label for one in tables].count(column.label) > 1:
            axes.set_title(shown(column.metric))
    for axes in panels[len(tables) :]:
        axes.set_visible(False)
    legend_above(figure, [_patch(look[name]) for name in names], [entry_text(row) for row in rows])
    return figure


def _box(axes: Any, at: float, width: float, values: Any, look: Look) -> None:
    line = {"color": look.colour, "linewidth": 0.9}
    axes.boxplot(
        [np.asarray(values, np.float64)],
        positions=[at],
        widths=width,
        manage_ticks=False,
        patch_artist=True,
        boxprops={"facecolor": f"{look.colour}55", "edgecolor": look.colour, "linewidth": 0.9, "hatch": look.hatch},
        whiskerprops=line,
        capprops=line,
        medianprops={"color": "black", "linewidth": 1.2},
        flierprops={"marker": ".", "markersize": 2.5, "markerfacecolor": look.colour, "markeredgecolor": "none"},
    )


def _patch(look: Look) -> Any:
    from matplotlib.patches import Patch

    return Patch(facecolor=f"{look.colour}55", edgecolor=look.colour, hatch=look.hatch)


def azimuth_plot(scores: Scores, section: Section, column: Column, look: Mapping[str, Look]) -> Figure | None:
    """A measure over azimuth, a panel a separator, with bands of 95 %: the front is up, and left is left.

    Floors stand in every panel. Nothing where sources were not placed.
    """
    course = list(scores.over_azimuth(section, column))
    separators = {row.separator: row for row in section.rows if row.role == "separator"}
    names = list(separators)
    floors = [row.separator for row in section.rows if row.role == "floor"]
    if len(course) < 2 or not names:
        return None
    is_front = all(abs(angle) <= 90.0 for angle, _ in course)
    wide = min(ACROSS, len(names))
    deep = math.ceil(len(names) / wide)
    figure = new_figure(0.4 + (1.65 if is_front else 2.6) * deep, WIDTH_IN * max(wide, 2) / ACROSS)
    panels = figure.subplots(deep, wide, squeeze=False, sharey=True, subplot_kw={"projection": "polar"}).ravel()
    for axes, name in zip(panels, names, strict=False):
        for floor in floors:
            _course(axes, floor, course, look[floor], is_closed=not is_front, is_main=False)
        _course(axes, name, course, look[name], is_closed=not is_front)
        axes.set_title(entry_text(separators[name], LONGEST_TITLE), pad=2)
    for axes in panels:
        _compass(axes, is_front)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    beside = f"; grey: {', '.join(map(shown, floors))}" if floors else ""
    figure.suptitle(f"{measure_text(column)}{beside}", fontsize=8.0)
    return figure


def _compass(axes: Any, is_front: bool) -> None:
    """0° in front, +90° on the left, as azimuths are counted."""
    from matplotlib.ticker import MaxNLocator

    axes.set_theta_zero_location("N")
    axes.set_theta_direction(1)
    ticks = np.arange(-90.0, 91.0, 45.0) if is_front else np.arange(-135.0, 181.0, 45.0)
    if is_front:
        axes.set_thetamin(-90.0)
        axes.set_thetamax(90.0)
    axes.set_xticks(np.radians(ticks), [f"{tick:+.0f}°".replace("-", "−") if tick else "0°" for tick in ticks])
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.tick_params(labelsize=5.5, pad=0)
    axes.grid(linewidth=0.4)


def _course(
    axes: Any, name: str, course: Sequence[AtAngle], look: Look, *, is_closed: bool, is_main: bool = True
) -> None:
    """The line of an entry, and the band of its intervals."""
    known = [(math.radians(angle), *at[name]) for angle, at in course if name in at]
    if is_closed and _is_around([angle for angle, _, _ in known]):
        known.append((known[0][0] + 2.0 * math.pi, *known[0][1:]))
    angles = [angle for angle, _, _ in known]
    style = {"linewidth": 1.1, "marker": look.mark, "markersize": 2.2} if is_main else {"linewidth": 0.7}
    axes.plot(angles, [value for _, value, _ in known], color=look.colour, **style)
    if is_main and known:
        low, high = zip(*(interval or (math.nan, math.nan) for _, _, interval in known), strict=True)
        axes.fill_between(angles, low, high, color=look.colour, alpha=0.25, linewidth=0)


def _is_around(angles: Sequence[float]) -> bool:
    """Whether the angles leave no gap of a right angle or more."""
    ordered = np.sort(angles)
    return len(ordered) > 3 and bool(np.max(np.diff([*ordered, ordered[0] + 2.0 * math.pi])) < math.pi / 2.0)
