"""A robust interaural time difference: sub-sample, without whitening, from the frames whose two ears agree.

Energy decides which frequencies count, so noise between the partials does not, and interaural coherence decides which
frames do. Source of the selection by coherence: Faller & Merimaa, Source localization in complex listening situations:
Selection of binaural cues based on interaural coherence, JASA 116(5), 2004.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundstage_metrics import validate
from soundstage_metrics.cues.frames import PHASE_HZ, CueFrames, cue_frames

AUDIBLE_DB = -40.0
"""A frame is audible where its energy is above this, against the mean frame's, in the ITD's band."""

IN_BAND_DB = -30.0
"""And where this much of the frame's whole energy lies in the band: below, it is the window's leakage of bass."""

MIN_COHERENCE = 0.7

_DETOUR_PER_US = 1e-4
"""How much higher a peak must be for each µs that it lies farther from where most frames agree."""


@dataclass(frozen=True, slots=True)
class RobustItd:
    """itd_us: the ITD in µs, negative where the left leads; NaN where no frame is valid.

    valid_share: of the audible frames, those that are coherent, 0 to 1; NaN where no frame is audible.
    """

    itd_us: float
    valid_share: float


@dataclass(frozen=True, slots=True, eq=False)
class FrameItds:
    """The ITD of every frame in µs, whether it is valid, and what it weighs (energy times coherence); all (frames,)."""

    itd_us: NDArray[np.float64]
    valid: NDArray[np.bool_]
    weight: NDArray[np.float64]


def itd_robust_us(
    signal: ArrayLike,
    rate: float,
    low_hz: float = 100.0,
    high_hz: float = PHASE_HZ,
    min_coherence: float = MIN_COHERENCE,
) -> RobustItd:
    """The interaural time difference of a track in µs and the share of frames it rests on.

    signal: (2, samples) at `rate` Hz; see `validate`. Between low_hz and high_hz the two ears are cross-correlated in
    Hann frames of 100 ms every 50 ms; a frame's ITD is its highest peak within ±1.25 ms, interpolated by a parabola. Of
    peaks of nearly equal height (a tone repeats every period) the one nearer to the peak of all frames together
    counts. A frame is valid where that peak, normalised, is at least min_coherence. The track's ITD is the median of
    the valid frames, weighted by energy and coherence. Gain and a common polarity change nothing; where one ear is
    inverted there is no peak at the ITD, and none at all or a neighbouring one is found. Raises ValueError where the
    arrays or the band are unusable or the signal is shorter than one frame.

    >>> noise = 0.1 * np.random.default_rng(0).standard_normal(44110)
    >>> found = itd_robust_us(np.stack([noise[10:], noise[:-10]]), 44100)
    >>> round(found.itd_us), found.valid_share
    (-227, 1.0)
    """
    return track_itd(frames := cue_frames(signal, rate, low_hz, high_hz), audible(frames), min_coherence)


def itd_error_us(reference: ArrayLike, estimate: ArrayLike, rate: float) -> float:
    """How far the robust ITD moves, |ITD(estimate) − ITD(reference)| in µs, over the frames audible in the reference.

    reference, estimate: (2, samples) at `rate` Hz, equal shapes; see `validate`. NaN where one has no valid frame.
    Raises ValueError where `itd_robust_us` does or the shapes differ.

    >>> noise = 0.1 * np.random.default_rng(0).standard_normal((2, 44100))
    >>> itd_error_us(noise[[0, 0]], noise[[0, 0]], 44100)
    0.0
    """
    s, e = (cue_frames(x, rate) for x in validate.pair(reference, estimate))
    return abs(track_itd(e, audible(s)).itd_us - track_itd(s, audible(s)).itd_us)


def audible(frames: CueFrames) -> NDArray[np.bool_]:
    """The frames that have something to be heard in the ITD's band: (frames,)."""
    least = np.maximum(10 ** (AUDIBLE_DB / 10) * frames.itd_energy.mean(), 10 ** (IN_BAND_DB / 10) * frames.energy)
    return np.asarray(frames.itd_energy > least)


def track_itd(frames: CueFrames, among: NDArray[np.bool_], min_coherence: float = MIN_COHERENCE) -> RobustItd:
    """The track's ITD over those frames that are `among` the ones asked for: (frames,)."""
    return summary(frame_itds(frames, among, min_coherence), among)


def summary(itds: FrameItds, among: NDArray[np.bool_]) -> RobustItd:
    """What the frames' ITDs amount to."""
    if not among.any():
        return RobustItd(float("nan"), float("nan"))
    if not itds.valid.any():
        return RobustItd(float("nan"), 0.0)
    itd = _weighted_median(itds.itd_us[itds.valid], itds.weight[itds.valid])
    return RobustItd(itd, float(np.count_nonzero(itds.valid) / np.count_nonzero(among)))


def frame_itds(frames: CueFrames, among: NDArray[np.bool_], min_coherence: float = MIN_COHERENCE) -> FrameItds:
    """The ITD of every frame, valid only `among` the frames asked for: (frames,)."""
    correlation, lags = frames.correlation, frames.lags_us
    peaks = np.zeros(correlation.shape, dtype=bool)
    peaks[:, 1:-1] = (correlation[:, 1:-1] > correlation[:, :-2]) & (correlation[:, 1:-1] >= correlation[:, 2:])
    peaks &= correlation >= min_coherence
    coherent = among & peaks.any(axis=1)
    weighted = frames.itd_energy * np.maximum(correlation.max(axis=1), 0.0)
    agreed = lags[np.argmax(weighted[coherent] @ correlation[coherent])]
    heights = np.where(peaks, correlation - _DETOUR_PER_US * np.abs(lags - agreed), -np.inf)
    index = np.clip(heights.argmax(axis=1), 1, len(lags) - 2)
    offset, height = parabola(correlation, index)
    itd = lags[index] + offset * (lags[1] - lags[0])
    return FrameItds(itd, coherent, frames.itd_energy * height)


def parabola(values: NDArray[np.float64], index: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the parabola through each row's three values about `index` peaks, in steps, and the middle value."""
    before, middle, after = (np.take_along_axis(values, (index + step)[:, None], 1)[:, 0] for step in (-1, 0, 1))
    curvature = before - 2 * middle + after
    offset = np.divide(before - after, 2 * curvature, out=np.zeros_like(middle), where=curvature < 0)
    return np.clip(offset, -1.0, 1.0), middle


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values, kind="stable")
    summed = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(summed, summed[-1] / 2)])
