"""Cards as figures: all measures against all probes at a glance, and the response curves of one measure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from soundstage.audiometry.card import Audiometry, Card, Curve
from soundstage.report.cards import text
from soundstage.report.figures.style import OKABE_ITO, WIDTH_IN, new_figure, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW_IN = 0.22
ACROSS = 6
LONGEST_MEASURE = 36
"""Letters of a measure with its metric; a unit says nothing of a share."""
LONGEST_TITLE = 48
"""Letters of a measure with its metric and unit, along the height of its curves."""

CLAIM_MARKS = {"follows": "●", "ignores": "○", "": ""}


def audiogram(found: Audiometry) -> Figure:
    """How much of its span each measure loses to the greatest step of each probe; dots say what it claims."""
    cards = [card for card in found.cards if card.curves]
    kinds = list(dict.fromkeys(curve.kind for card in cards for curve in card.curves))
    grid = np.full((len(cards), len(kinds)), math.nan)
    figure = new_figure(1.35 + ROW_IN * len(cards), WIDTH_IN * 1.15)
    axes: Any = figure.subplots()
    for row, card in enumerate(cards):
        for column, kind in enumerate(kinds):
            curve = card.curve(kind)
            if curve is None:
                continue
            known = [lost for lost in curve.lost if not math.isnan(lost)]
            if known:  # what nothing moves has no span, and no probe takes any of it
                grid[row, column] = min(1.0, max(0.0, known[-1] / card.span)) if card.span > 0.0 else 0.0
            is_dark = grid[row, column] > 0.55
            mark = CLAIM_MARKS[card.claims(curve.kind, curve.family)]
            axes.text(column, row, mark, ha="center", va="center", fontsize=6, color="white" if is_dark else "#333333")
    picture = axes.imshow(np.ma.masked_invalid(grid), cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    axes.set_facecolor("#D8D8D8")
    axes.set_xticks(range(len(kinds)), [shown(kind) for kind in kinds], rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(cards)), [shown(f"{card.metric} {card.label}", LONGEST_MEASURE) for card in cards])
    axes.grid(visible=False)
    axes.tick_params(length=0)
    bar = figure.colorbar(picture, ax=axes, shrink=0.8, pad=0.01)
    bar.set_label("share of its span lost at the greatest step")
    axes.set_title("● claims to follow · ○ claims to ignore · grey: no value", loc="left")
    return figure


def response_figure(card: Card) -> Figure | None:
    """The response of a measure to each probe that has steps: the median over scores, their range, and each source."""
    curves = [curve for curve in card.curves if len(curve.steps) > 1 and not all(map(math.isnan, curve.value))]
    if not curves:
        return None
    deep = math.ceil(len(curves) / ACROSS)
    figure = new_figure(0.45 + 1.15 * deep, WIDTH_IN * 1.15)
    panels = figure.subplots(deep, ACROSS, squeeze=False, sharey=True).ravel()
    for axes, curve in zip(panels, curves, strict=False):
        _panel(axes, card, curve)
    for axes in panels[len(curves) :]:
        axes.set_visible(False)
    lines = panels[0].get_lines()
    names = [shown(line.get_label()) for line in lines]
    figure.supylabel(shown(text.title(card), LONGEST_TITLE), fontsize=7)
    figure.legend(lines, names, loc="outside upper center", ncols=min(7, max(1, len(names))))
    return figure


def _panel(axes: Any, card: Card, curve: Curve) -> None:
    places = range(len(curve.steps))
    axes.fill_between(places, _drawn(curve.low), _drawn(curve.high), color="#BBBBBB", alpha=0.45, linewidth=0)
    axes.axhline(card.ceiling, color="#888888", linewidth=0.7, linestyle=":", label="perfect")
    for at, source in enumerate(card.sources):
        own = card.curve(curve.kind, source)
        if own is not None and len(card.sources) > 1:
            colour = OKABE_ITO[at % len(OKABE_ITO)]
            axes.plot(places, _drawn(own.value), color=colour, linewidth=0.7, label=source)
    axes.plot(places, _drawn(curve.value), color="black", marker="o", markersize=2.2, label="median")
    claim = CLAIM_MARKS[card.claims(curve.kind, curve.family)]
    unit = f" ({curve.unit})" if curve.unit else ""
    axes.set_title(shown(f"{claim} {curve.kind}{unit}".strip()), fontsize=7)
    axes.set_xticks(places, [_short(step) for step in curve.steps], fontsize=5.5)
    axes.tick_params(labelsize=5.5, pad=1)


def _short(step: float) -> str:
    return (f"{step / 1000:g}k" if abs(step) >= 1000 else f"{step:g}").replace("-", "−")


def _drawn(values: Sequence[float]) -> Any:
    return np.array(values, np.float64)
