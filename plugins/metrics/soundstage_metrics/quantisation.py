"""The noise that a file's own bit depth puts into its samples."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

DEPTHS = (16, 24)
USUAL_DEPTH = 16
"""What stems come in where nothing says otherwise."""

_AT_ONCE = 1 << 16


def bit_depth(signal: ArrayLike) -> int:
    """The bit depth of the file that samples in ±1 come from: the least of 16 and 24 whose steps all of them lie on.

    Where they lie on neither, as rendered ones do, it is 16.

    >>> bit_depth(np.array([0.5, 3 / 2**15])), bit_depth(np.array([0.5, 3 / 2**23])), bit_depth(np.array([0.1]))
    (16, 24, 16)
    """
    samples = np.asarray(signal).reshape(-1)
    for depth in DEPTHS:
        parts = (samples[first : first + _AT_ONCE] * 2.0 ** (depth - 1) for first in range(0, len(samples), _AT_ONCE))
        if all(np.array_equal(part, np.rint(part)) for part in parts):
            return depth
    return USUAL_DEPTH


def quantisation_noise(signal: ArrayLike) -> float:
    """The RMS of the noise that rounding to the signal's own steps makes, a step over √12.

    The steps are those of `bit_depth`, or 1 for an array of integers. Source: Bennett 1948, Spectra of quantized
    signals.

    >>> round(quantisation_noise(np.array([0.1])) * 2**15 * 12**0.5, 9)
    1.0
    """
    is_integer = np.asarray(signal).dtype.kind in "iu"
    return (1.0 if is_integer else 2.0 ** (1 - bit_depth(signal))) / math.sqrt(12)
