"""How a measure responds to a probe, as numbers: pure functions of arrays.

`lost` is how much worse a score is than the perfect estimate's in the same scene, in the measure's unit: (scores,
steps), the mildest step first, NaN where there is no value.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TOLD = 0.95
"""Of the scores: in so many a step must be told from none."""

TIE = 1e-9
"""Relative: what lies nearer is rounding."""


def median(values: Floats) -> float:
    """The median of what has a value; NaN where nothing has."""
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else math.nan


def medians(lost: Floats) -> Floats:
    """The median of each step: (steps,)."""
    return np.array([median(lost[:, step]) for step in range(lost.shape[1])])


def monotony(lost: Floats) -> float:
    """How monotonically scores get worse with the step, from −1 to 1: the mean over scores of Spearman's ρ.

    The perfect estimate is step 0. A score that does not move at all counts 0; NaN where fewer than three steps have
    values.
    """
    from scipy import stats

    found = []
    for row in lost:
        course = np.concatenate([[0.0], row])
        known = course[~np.isnan(course)]
        if len(known) < 4:
            continue
        rounded = _without_rounding(known)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a course that is constant
            rho = float(stats.spearmanr(np.arange(len(known)), rounded).statistic)
        found.append(0.0 if math.isnan(rho) else rho)
    return float(np.mean(found)) if found else math.nan


def smoothness(lost: Floats) -> float:
    """How evenly the steps share the way from the mildest to the greatest, 1 for evenly, 0 where one holds it all.

    Of the medians over scores; NaN where fewer than three steps have values, or where nothing moves between them.
    """
    course = medians(lost)
    ways = np.abs(np.diff(course[~np.isnan(course)]))
    total = float(np.sum(ways))
    if len(ways) < 2 or total <= TIE:
        return math.nan
    even = 1.0 / len(ways)
    return (1.0 - float(np.max(ways)) / total) / (1.0 - even)


def told(lost: Floats, nothing: Floats) -> list[float]:
    """In which share of the scores each step is told from none: is worse than what an inaudible change makes of it.

    nothing: (scores,), what is lost by that. A score without a value tells nothing.
    """
    threshold = np.fmax(nothing, 0.0)[:, None]
    with np.errstate(invalid="ignore"):
        worse = lost > threshold + TIE * np.maximum(1.0, np.abs(threshold))
    return [float(np.mean(worse[:, step])) if len(worse) else 0.0 for step in range(lost.shape[1])]


def smallest_told(shares: Sequence[float]) -> int | None:
    """The first step from which on every step is told in TOLD of the scores; None where the greatest is not."""
    found = None
    for step in range(len(shares) - 1, -1, -1):
        if shares[step] < TOLD:
            break
        found = step
    return found


def share_without(values: Floats) -> float:
    """Which share has no value."""
    return float(np.mean(np.isnan(values))) if values.size else math.nan


def _without_rounding(values: Floats) -> Floats:
    """The values, those that lie within rounding of an earlier one being that one."""
    scale = max(1.0, float(np.max(np.abs(values))))
    return np.asarray(np.rint(values / (TIE * scale)), np.float64)
