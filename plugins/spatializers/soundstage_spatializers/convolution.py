"""Convolution that keeps silence silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from soundstage.audio import Samples


def convolved(source: Samples, pair: Samples) -> Samples:
    """The full convolution of (samples,) with (2, taps): (2, samples + taps − 1)."""
    from scipy.signal import oaconvolve

    image = np.asarray(oaconvolve(source[np.newaxis], pair, mode="full", axes=-1), dtype=np.float64)
    # FFTs leave rounding noise where the result is zero, and metrics treat silence apart: make those samples zero.
    taps = pair.shape[1]
    heard = np.cumsum(np.concatenate([source != 0.0, np.zeros(taps - 1, dtype=bool)]))
    heard[taps:] -= heard[:-taps].copy()
    image[:, heard == 0] = 0.0
    return image
