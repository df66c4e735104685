"""Correlations of frames that lie side by side, and the energies of filtered signals that follow from them.

A signal is transformed once: its frames' correlations at the filters' lags add up to those of the whole track, from
which the filters are found, and an energy in a frame is a quadratic form of the filters in the frame's correlations.
Where much of that cancels, as the artefacts of a nearly perfect estimate do, the form has lost its digits: every energy
is told whether it is exact, and the others are to be had from the filtered signals themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundstage_metrics.threads import in_threads

Floats = NDArray[np.float64]
Signals = Sequence[Floats]

BLOCK = 2048
FRAMES_AT_ONCE = 8
"""Frames that one thread takes at a time."""

ROUNDING = 1e-15
"""About how far a correlation, or a sum of products with it, is off: a part of the root of both signals' energies. On
real songs energies were off by up to four times what follows from it."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameLags:
    """r[a, b, τ] = Σₙ left[a][n] · right[b][n + τ] for 0 ≤ τ < taps.

    inside: (frames, taps, left, right), of each frame as if nothing were outside it. whole: (left, right, taps), of the
    whole signals.
    """

    inside: Floats
    whole: Floats


def are_side_by_side(frames: Sequence[tuple[int, int]], taps: int, longest: int) -> bool:
    """Whether frames of `taps` to `longest` samples follow each other from the first sample on, without gap or overlap.

    >>> are_side_by_side([(0, 8), (8, 16)], 4, 10), are_side_by_side([(0, 8), (4, 12)], 4, 10)
    (True, False)
    """
    width = frames[0][1] - frames[0][0] if frames else 0
    return taps <= width <= longest and all(
        frame == (index * width, (index + 1) * width) for index, frame in enumerate(frames)
    )


def frame_lags(left: Signals, right: Signals, frames: Sequence[tuple[int, int]], taps: int) -> FrameLags:
    """The correlations of signals (samples,) of equal length in frames that are side by side, and over all of them.

    Each block correlates `BLOCK − taps + 1` samples of the left with what they reach in the right; the blocks of a
    frame are summed as spectra and transformed back together. `scipy.fft.set_workers` says how many threads share the
    frames; the numbers do not depend on it.

    >>> found = frame_lags([np.array([1.0, 2.0, 3.0, 4.0])], [np.ones(4)], [(0, 2), (2, 4)], 2)
    >>> found.inside[:, :, 0, 0].round(9).tolist(), found.whole.round(9).tolist()
    ([[3.0, 1.0], [7.0, 3.0]], [[[10.0, 6.0]]])
    """
    width, samples = frames[0][1], len(left[0]) if left else 0
    starts = range(0, samples, width)
    inside = np.empty((len(starts), taps, len(left), len(right)))  # of what is too short for a frame as well
    of_thread = threading.local()

    def correlated(first: int) -> Floats:
        """Fill in some frames, the last of which may be cut; what they reach in those that follow."""
        if not hasattr(of_thread, "work"):
            of_thread.work = _Work(len(left), len(right), width, taps)
        work: _Work = of_thread.work
        some = slice(first, first + FRAMES_AT_ONCE)
        for start, out in zip(starts[some], inside[some], strict=True):
            work.within(left, right, start, out)
        return work.beyond(left, right, [start + width for start in starts[some]])

    whole = np.zeros((taps, len(left), len(right)))
    firsts = range(0, len(starts), FRAMES_AT_ONCE)
    for first, beyond in zip(firsts, in_threads(correlated, firsts), strict=True):
        whole += inside[first : first + FRAMES_AT_ONCE].sum(axis=0)
        whole += beyond
    return FrameLags(inside[: len(frames)], np.ascontiguousarray(whole.transpose(1, 2, 0)))


class _Work:
    """What one thread fills again for every frame: it would cost more to have it anew."""

    def __init__(self, left: int, right: int, width: int, taps: int) -> None:
        self._width, self._reach, self._hop = width, taps - 1, BLOCK - taps + 1
        blocks, bins = -(-width // self._hop), BLOCK // 2 + 1
        self._line = np.zeros(blocks * self._hop + self._reach)
        self._apart = self._line[: blocks * self._hop].reshape(blocks, self._hop)
        self._overlapping = np.lib.stride_tricks.sliding_window_view(self._line, BLOCK)[:: self._hop]
        self._rows = np.zeros((blocks, BLOCK))
        self._left = np.empty((bins, left, blocks), complex)
        self._right = np.empty((bins, right, blocks), complex)
        self._ends, self._starts = np.zeros((left, BLOCK)), np.zeros((right, BLOCK))
        self._sums = np.empty((bins, left, right), complex)
        self._lags = np.empty((BLOCK, left, right))
        self._product, self._products = np.empty((2, left, right, bins), complex)

    def within(self, left: Signals, right: Signals, start: int, out: Floats) -> None:
        """The correlations (taps, left, right) of the frame that begins there, into `out`."""
        for index, signal in enumerate(left):
            self._fill(signal, start)
            # Blocks are reversed in time, so that a product of spectra is a correlation.
            self._rows[:, : self._hop] = self._apart[:, ::-1]
            np.fft.rfft(self._rows, axis=1, out=self._left[:, index].T)
        for index, signal in enumerate(right):
            self._fill(signal, start)
            np.fft.rfft(self._overlapping, axis=1, out=self._right[:, index].T)
        np.matmul(self._left, self._right.transpose(0, 2, 1), out=self._sums)
        np.fft.irfft(self._sums, BLOCK, axis=0, out=self._lags)
        out[:] = self._lags[self._hop - 1 :]

    def beyond(self, left: Signals, right: Signals, stops: Sequence[int]) -> Floats:
        """The correlations (taps, left, right) between frames that stop there and those that follow each, summed."""
        self._products[:] = 0.0
        for stop in stops:
            for row, signal in zip(self._ends, left, strict=True):
                end = signal[stop - self._reach : stop]
                row[self._hop - self._reach : self._hop - len(end)] = 0.0
                row[self._hop - len(end) : self._hop] = end[::-1]
            for row, signal in zip(self._starts, right, strict=True):
                following = signal[stop : stop + self._reach]
                row[self._reach : self._reach + len(following)] = following
                row[self._reach + len(following) :] = 0.0
            ends, starts = np.fft.rfft(self._ends), np.fft.rfft(self._starts)
            self._products += np.multiply(ends[:, np.newaxis], starts, out=self._product)
        return np.fft.irfft(self._products, BLOCK)[:, :, self._hop - 1 :].transpose(2, 0, 1)

    def _fill(self, signal: Floats, start: int) -> None:
        """Put the frame that begins there in line, as if nothing were outside it."""
        frame = signal[start : start + self._width]
        self._line[: len(frame)], self._line[len(frame) :] = frame, 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Forms:
    """Energies by frame, (frames, kinds, estimates), and how far rounding may have moved each."""

    energies: Floats
    off_by: Floats

    def are_exact(self, tolerance: float) -> NDArray[np.bool_]:
        """Whether all energies of a frame and an estimate are off by no more than that part: (frames, estimates)."""
        return np.asarray((self.off_by <= tolerance * self.energies).all(axis=1))


def energy_forms(filters: Floats, between: Floats) -> Forms:
    """The energies of filtered signals, frame by frame, their tails counted.

    filters: (kinds, estimates, channels, signals, taps); the channels' energies are summed. between: the correlations
    of the signals with each other, see `FrameLags.inside`.

    >>> noise = np.random.default_rng(0).standard_normal((2, 600))
    >>> found = frame_lags(list(noise), list(noise), [(0, 600)], 2)
    >>> taps = np.array([[1.0, -0.5], [0.0, 0.25]])
    >>> made = np.convolve(noise[0], taps[0]) + np.convolve(noise[1], taps[1])
    >>> bool(np.isclose(energy_forms(taps[None, None, None], found.inside).energies[0, 0, 0], made @ made, rtol=1e-12))
    True
    """
    kinds, estimates, _, signals, taps = filters.shape
    size = 2 * taps
    weights = np.full(taps, 2.0)  # what lags below 0 hold is what the pair has the other way round
    weights[0] = 1.0
    pairs = np.empty((taps, signals, signals, kinds, estimates))
    for kind, estimate in np.ndindex(kinds, estimates):
        spectra = np.fft.rfft(filters[kind, estimate], size)
        products = np.einsum("caf,cbf->abf", spectra, spectra.conj())
        pairs[..., kind, estimate] = np.fft.irfft(products, size)[..., :taps].transpose(2, 0, 1)
    weighted = (pairs * weights[:, None, None, None, None]).reshape(-1, kinds * estimates)
    energies = between.reshape(len(between), -1) @ weighted
    norms = np.sqrt(np.einsum("t,tabke->abke", weights, pairs**2))
    levels = _levels(between)
    off_by = ROUNDING * np.einsum("fa,abke,fb->fke", levels, norms, levels, optimize=True)
    return Forms(energies.reshape(-1, kinds, estimates), off_by)


def rest_forms(filters: Floats, found: FrameLags, signals: Floats, explained: Forms, total: Floats) -> Forms:
    """The energies of what estimates have besides their filtered signals, (frames, 1, estimates).

    filters: (estimates, channels, signals, taps). found: the correlations of signals with estimates. signals: those of
    the signals with each other. explained: the energies of the filtered signals, (frames, 1, estimates); total: those
    of the estimates, (frames, estimates).
    """
    estimates, channels = filters.shape[:2]
    turned = filters.transpose(3, 2, 0, 1).reshape(*filters.shape[:1:-1], -1)
    inner = np.stack([np.sum(frame * turned, axis=(0, 1)) for frame in found.inside])
    norms = np.sqrt(np.sum(filters**2, axis=-1))
    shared = inner.reshape(-1, estimates, channels).sum(axis=2)
    # Cauchy: no channel of an estimate holds more than all of them.
    moved = np.einsum("fa,eca->fe", _levels(signals), norms) * np.sqrt(total)
    energies = total - 2 * shared + explained.energies[:, 0]
    size = total + 2 * np.abs(shared) + explained.energies[:, 0]
    off_by = explained.off_by[:, 0] + ROUNDING * (2 * moved + size)
    return Forms(energies[:, None], off_by[:, None])


def _levels(between: Floats) -> Floats:
    """The root of each signal's energy, (frames, signals)."""
    return np.asarray(np.sqrt(np.maximum(np.einsum("faa->fa", between[:, 0]), 0.0)))
