"""A source that moves: heard through one pair after another, one fading into the next."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from soundstage_spatializers.convolution import convolved

if TYPE_CHECKING:
    from soundstage.audio import Samples
    from soundstage.scene import Motion

STEP_S: Final = 0.01
"""From one direction to the next, and how long one fades into it."""

DECIMALS: Final = 1
"""Directions are taken to a tenth of a degree, far below what anybody hears, so that a way back meets them again."""


def steps_of(motion: Motion, samples: int, rate: int) -> list[float]:
    """The azimuth in degrees at every step of a way, rounded, from the first sample until the last is past."""
    step = step_samples(rate)
    count = -(-(samples - 1) // step) + 1
    azimuths = motion.azimuth(np.arange(count) * (step / rate))
    return [round(azimuth, DECIMALS) for azimuth in azimuths.tolist()]


def step_samples(rate: int) -> int:
    """The samples from one step to the next."""
    return max(1, round(STEP_S * rate))


def moved(source: Samples, pairs: Sequence[Samples], step: int) -> Samples:
    """(samples,) heard through a pair (2, taps) at every step of so many samples: (2, samples + taps − 1).

    Around each step the source is weighted by a raised cosine, which sums to 1 with those of its neighbours, so that
    what is heard goes over from pair to pair without a break; steps in a row that have the very same pair are one, and
    a source that rests is what `convolved` makes of it.
    """
    samples, taps = len(source), pairs[0].shape[1]
    image = np.zeros((2, samples + taps - 1))
    fade = 0.5 - 0.5 * np.cos(np.pi * np.arange(step) / step)
    runs = itertools.groupby(range(len(pairs)), key=lambda at: id(pairs[at]))
    for run in (list(members) for _, members in runs):
        first, last = run[0], run[-1]
        start, stop = max(0, (first - 1) * step), min(samples, (last + 1) * step)
        piece = source[start:stop].copy()
        if first > 0:
            piece[:step] *= fade[: len(piece)]
        if last < len(pairs) - 1:
            piece[last * step - start :] *= 1.0 - fade[: stop - last * step]
        if np.any(piece):
            image[:, start : stop + taps - 1] += convolved(piece, pairs[first])
    return image
