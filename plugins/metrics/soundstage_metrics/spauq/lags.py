"""Where the channels of a reference and an estimate correlate best, frame by frame.

The search runs in single precision, at half the cost of double. What that leaves open is decided in double precision,
so that no lag ever depends on it: `TOLERANCE` bounds the error of every correlation that the search sees, and where
only one lag can be the best within that it is. Of a few the correlations themselves are summed up; more, and such as
are equal to rounding, are left to the transforms in double precision, whose first maximum is the lag by definition.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from soundstage.audio import Samples
from soundstage_metrics.spauq.frames import FLAT, Lags, deviations

TOLERANCE = 40 * float(np.finfo(np.float32).eps)
"""How far a correlation in single precision may be off, in parts of ‖s‖·‖ŝ‖: nine times the most that tones, noise,
pulses, offsets and music have shown at any length."""

EXACT = 1e-11
"""The same in double precision, by sums and by transforms, with more room to spare."""

FEW = 24
"""Candidates whose correlations are summed up one by one; from more on, transforms cost less."""

NORMS = (1e-8, 1e8)
"""Norms of a frame whose correlations single precision holds with all their digits."""


def lags(signals: Samples, channels: int, bounds: list[tuple[int, int]], window: int, max_lag: int) -> Lags:
    """The lags of all pairs of channels in every frame.

    signals: (2·channels, samples), the reference's channels over the estimate's. window: the longest frame. A lag is
    the argmax over |τ| ≤ max_lag of |Σₙ s[n+τ]·ŝ[n]| inside the frame, zero where either channel is silent there.
    """
    max_lag = min(max_lag, window - 1)
    size = _search_size(window + max_lag)
    buffer = np.zeros((2 * channels, size), dtype=np.float32)
    best = np.zeros((len(bounds), channels, channels), dtype=np.int64)
    silent = deviations(signals, bounds) < FLAT
    # One frame at a time: the spectra of several would not fit the processor's cache, and that is slower.
    for index, (start, stop) in enumerate(bounds):
        frame = signals[:, start:stop]
        if silent[index, :channels].all() or silent[index, channels:].all():
            continue
        with np.errstate(over="ignore"):  # what is too large for single precision is seen by its norm
            buffer[:, : stop - start] = frame
            norms = np.sqrt([float(channel @ channel) for channel in buffer[:, : stop - start]])
        buffer[:, stop - start :] = 0.0
        found = None
        if NORMS[0] < norms[~silent[index]].min() and norms.max() < NORMS[1]:
            found = _searched(buffer, frame, norms, silent[index], max_lag)
        best[index] = _transformed(frame, channels, window, max_lag) if found is None else found
    best[silent[:, :channels, None] | silent[:, None, channels:]] = 0
    return Lags(best, silent)


def _search_size(samples: int) -> int:
    """A length of at least that many samples that transforms well: many factors of two are worth more than a tight
    fit."""
    unit = 1024 if samples > 8 * 1024 else 1
    return int(fft.next_fast_len(-(-samples // unit), real=True)) * unit


def _near(padded: NDArray[np.floating], channels: int, max_lag: int) -> NDArray[np.floating]:
    """|correlation| of all pairs of zero-padded channels at lags −max_lag … max_lag, in the precision of the input."""
    size = padded.shape[1]
    spectra = fft.rfft(padded)
    cross = spectra[:channels, None] * spectra[None, channels:].conj()
    correlation = fft.irfft(cross, size, overwrite_x=True)
    near: NDArray[np.floating] = np.concatenate(
        [correlation[..., size - max_lag :], correlation[..., : max_lag + 1]], axis=-1
    )
    np.abs(near, out=near)
    return near


def _searched(
    buffer: NDArray[np.float32],
    frame: Samples,
    norms: NDArray[np.float64],
    silent: NDArray[np.bool_],
    max_lag: int,
) -> NDArray[np.int64] | None:
    """The lags of one frame from its zero-padded channels in single precision; None where they stay open."""
    channels = len(frame) // 2
    near = _near(buffer, channels, max_lag)
    best = near.argmax(axis=-1)
    for i, j in np.ndindex(best.shape):
        if silent[i] or silent[channels + j]:
            continue
        scale = norms[i] * norms[channels + j]
        may_be_best = near[i, j] >= np.float32(near[i, j, best[i, j]] - 2 * TOLERANCE * scale)
        count = np.count_nonzero(may_be_best)
        if count > FEW:
            return None
        if count > 1:
            candidates = np.flatnonzero(may_be_best)
            sums = [abs(_correlation(frame[i], frame[channels + j], at - max_lag)) for at in candidates.tolist()]
            second, first = np.argsort(sums)[-2:]
            if sums[first] - sums[second] <= EXACT * scale:
                return None
            best[i, j] = candidates[first]
    return np.asarray(best - max_lag, dtype=np.int64)


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64], lag: int) -> float:
    """Σₙ x[n+lag]·y[n] inside the frame."""
    samples = max(len(x) - abs(lag), 0)
    return float(x[max(lag, 0) :][:samples] @ y[max(-lag, 0) :][:samples])


def _transformed(frame: Samples, channels: int, window: int, max_lag: int) -> NDArray[np.int64]:
    """The lags of one frame by transforms in double precision."""
    padded = np.zeros((2 * channels, fft.next_fast_len(window + max_lag, real=True)))
    padded[:, : frame.shape[1]] = frame
    return np.asarray(_near(padded, channels, max_lag).argmax(axis=-1) - max_lag, dtype=np.int64)
