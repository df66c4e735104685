"""The bit depth of files, read from their samples: how much of a number is the files' own noise."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

ASSUMED_BITS = 16
"""Of samples on no grid of at most 24 bits: rendered, resampled or decoded ones, whose sources mostly were 16 bits."""

FEWEST_BITS, MOST_BITS = 8, 24


def bit_depth(signals: Iterable[NDArray[np.float64]]) -> int:
    """The fewest bits, 8 to 24, that hold every sample of these signals within ±1 exactly; ASSUMED_BITS where none do.

    Its least significant bit is 2 ** (1 − bits).

    >>> bit_depth([np.array([0.5, -3 / 32768])]), bit_depth([np.array([2.0**-19])]), bit_depth([np.array([1 / 3])])
    (16, 20, 16)
    """
    used = 0
    for signal in signals:
        steps = signal * 2.0 ** (MOST_BITS - 1)
        if not (np.abs(steps) < 2.0**62).all() or not np.array_equal(steps, np.rint(steps)):
            return ASSUMED_BITS
        used |= int(np.bitwise_or.reduce(steps.astype(np.int64), axis=None))
    unused = (used & -used).bit_length() - 1 if used else MOST_BITS
    return max(FEWEST_BITS, MOST_BITS - unused)


def quantised(samples: NDArray[np.float64], bits: int = ASSUMED_BITS) -> NDArray[np.float64]:
    """Rounded to the nearest step of so many bits, halves to the even one, and clipped to what they hold.

    Files that soundfile wrote from floats are rounded down instead.

    >>> quantised(np.array([0.4 / 32768, 0.6 / 32768, 2.0])) * 32768
    array([0.0000e+00, 1.0000e+00, 3.2767e+04])
    """
    steps = 2.0 ** (bits - 1)
    return np.asarray(np.clip(np.round(samples * steps), -steps, steps - 1) / steps)
