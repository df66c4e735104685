"""Frames of a two-signal comparison, and what is remembered of them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soundstage.audio import Samples

FLAT = 1e-8
"""A channel whose standard deviation is below this counts as silent."""


class Lags(NamedTuple):
    """lag: (frames, reference channels, estimate channels) in samples. silent: (frames, 2·channels)."""

    lag: NDArray[np.int64]
    silent: NDArray[np.bool_]


_WEIGHTS = np.random.default_rng(0).uniform(0.5, 1.5, 4096)
_recent: deque[tuple[Hashable, Lags]] = deque(maxlen=16)


def frame_bounds(samples: int, window: int, hop: int) -> list[tuple[int, int]]:
    """Start and stop of every frame in samples: ⌈(N − W) / H⌉ + 1 frames, the last of which may be short.

    >>> frame_bounds(10, 4, 3)
    [(0, 4), (3, 7), (6, 10)]
    >>> frame_bounds(11, 4, 3)[-1]
    (9, 11)
    """
    count = math.ceil((samples - window) / hop) + 1
    return [(index * hop, min(index * hop + window, samples)) for index in range(count)]


def deviations(signals: Samples, bounds: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """The standard deviation of every frame of every channel, or a lower bound on it that shows that it is not flat.

    signals: (channels, samples). bounds: start and stop of the frames; empty ones deviate by 0. Returns (frames,
    channels). Two samples that are p apart deviate by p²/2 about their mean, and all deviate no less in total:
    σ ≥ p/√(2n). That takes a glance at one sample in 64 instead of two passes over all.
    """
    cuts = np.array(bounds)
    glance = np.pad(signals[:, ::64], ((0, 0), (0, 1)))
    where = np.minimum(-(-cuts // 64), glance.shape[1] - 1).ravel()
    extremes = [extreme.reduceat(glance, where, axis=1)[:, ::2] for extreme in (np.maximum, np.minimum)]
    lengths = cuts[:, 1] - cuts[:, 0]
    found: NDArray[np.float64] = ((extremes[0] - extremes[1]) / np.sqrt(2 * np.maximum(lengths, 1))).T
    found[lengths <= 0] = 0.0
    for frame, channel in np.argwhere((found <= 2 * FLAT) & (lengths > 0)[:, None]).tolist():
        found[frame, channel] = signals[channel, slice(*cuts[frame])].std()
    return found


def fingerprint(signal: Samples) -> bytes:
    """What changes with any sample of the signal (channels, samples) by more than rounding: sums of its blocks under
    random weights.

    >>> fingerprint(np.array([[1.0, 2.0]])) == fingerprint(np.array([[2.0, 1.0]]))
    False
    """
    found = []
    for channel in signal:
        whole = len(channel) // len(_WEIGHTS) * len(_WEIGHTS)
        found.append(channel[:whole].reshape(-1, len(_WEIGHTS)) @ _WEIGHTS)
        found.append(np.atleast_1d(channel[whole:] @ _WEIGHTS[: len(channel) - whole]))
    return np.concatenate(found).tobytes()


def remembered(key: Hashable) -> Lags | None:
    """The lags that `remember` has under this key: both definitions of SPAUQ start from them."""
    return next((found for known, found in list(_recent) if known == key), None)


def remember(key: Hashable, found: Lags) -> None:
    """Keep a copy of these lags, and forget the oldest where there are many."""
    _recent.append((key, Lags(found.lag.copy(), found.silent.copy())))
