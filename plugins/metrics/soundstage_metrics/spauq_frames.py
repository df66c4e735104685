"""Frames of a two-signal comparison, and the lags between their channels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from soundstage.audio import Samples

FLAT = 1e-8
"""A channel whose standard deviation is below this counts as silent."""


def frame_bounds(samples: int, window: int, hop: int) -> list[tuple[int, int]]:
    """Start and stop of every frame in samples: ⌈(N − W) / H⌉ + 1 frames, the last of which may be short.

    >>> frame_bounds(10, 4, 3)
    [(0, 4), (3, 7), (6, 10)]
    >>> frame_bounds(11, 4, 3)[-1]
    (9, 11)
    """
    count = math.ceil((samples - window) / hop) + 1
    return [(index * hop, min(index * hop + window, samples)) for index in range(count)]


def deviation(channel: NDArray[np.float64]) -> float:
    """The standard deviation of one channel, or a lower bound on it where that shows already that it is not flat.

    A part of m out of n samples about its own mean deviates no more in total than all do: σ ≥ σ_part·√(m/n). That takes
    a glance at one sample in 64 instead of two passes over all.
    """
    part = channel[::64]
    bound = float(part.std()) * math.sqrt(len(part) / len(channel))
    return bound if bound > 2 * FLAT else float(channel.std())


def lags(
    signals: Samples, channels: int, bounds: list[tuple[int, int]], window: int, max_lag: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where the channels of reference and estimate correlate best, frame by frame.

    signals: (2·channels, samples), the reference's channels over the estimate's. window: the longest frame. Returns
    lag (frames, reference channels, estimate channels) in samples, the argmax over |τ| ≤ max_lag of
    |Σₙ s[n+τ]·ŝ[n]| inside the frame, zero where either channel is silent there; and which channels are silent,
    (frames, 2·channels).
    """
    max_lag = min(max_lag, window - 1)
    size = fft.next_fast_len(window + max_lag, real=True)
    buffer = np.zeros((2 * channels, size))
    best = np.zeros((len(bounds), channels, channels), dtype=np.int64)
    silent = np.zeros((len(bounds), 2 * channels), dtype=np.bool_)
    # One frame at a time: the spectra of several would not fit the processor's cache, and that is slower.
    for index, (start, stop) in enumerate(bounds):
        frame = signals[:, start:stop]
        silent[index] = [deviation(channel) < FLAT for channel in frame]
        buffer[:, : stop - start] = frame
        buffer[:, stop - start :] = 0.0
        spectra = fft.rfft(buffer)
        cross = spectra[:channels, None] * spectra[None, channels:].conj()
        correlation = fft.irfft(cross, size, overwrite_x=True)
        near = np.concatenate([correlation[..., size - max_lag :], correlation[..., : max_lag + 1]], axis=-1)
        best[index] = np.abs(near, out=near).argmax(axis=-1) - max_lag
    best[silent[:, :channels, None] | silent[:, None, channels:]] = 0
    return best, silent
