"""The filters of BSS Eval and the energies of what they explain: its arithmetic, none of its conventions.

Signals are lists of (samples,) arrays, source after source and channel after channel, so that nothing is copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from soundstage_metrics import validate
from soundstage_metrics.bsseval.correlation import correlations
from soundstage_metrics.bsseval.framewise import (
    Forms,
    FrameLags,
    are_side_by_side,
    energy_forms,
    frame_lags,
    rest_forms,
)
from soundstage_metrics.bsseval.gram import EPS, Factor, factored
from soundstage_metrics.threads import in_threads

TAPS = 512

LEAST_EXACT, MOST_INEXACT = 1e-10, 2e-8
"""Energies that are off by no more than the first part of themselves, 4e-10 dB, are exact, whatever the condition."""

SENSITIVITY = 1e-3
"""What another order of summing moves the energies by: this part of EPS / rcond, as measured on real songs (4e-8 dB at
2e-11; of nearly perfect estimates thirty times that). What is off by less is as exact as the filters are, if that is
not more than MOST_INEXACT."""

FRAMES_AT_ONCE = 4
BINS_AT_ONCE = 1024
LONG_BLOCK = 65536
"""Frames are transformed in one piece up to this many samples, and in blocks beyond."""

Floats = NDArray[np.float64]
Spectra = NDArray[np.complex128]
Signals = Sequence[Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Projector:
    """The references of a scene and all that depends on them alone.

    references: of all sources, `channels` each. basis: indices of those that are neither silent nor copies. stands_for:
    of each reference, which of the basis it equals; None where it is silent. lags: the correlations of the basis, see
    `correlations`. frames: those whose own correlations are known, `by_frame`; none where filters are not for
    frames side by side. every: of the Gram matrix of the basis delayed by 0 … taps − 1; own: of each source's part of
    the basis by itself.
    """

    references: Signals
    channels: int
    basis: tuple[int, ...]
    stands_for: tuple[int | None, ...]
    lags: Floats
    frames: Sequence[tuple[int, int]]
    by_frame: Floats
    every: Factor
    own: tuple[Factor, ...]
    taps: int

    @property
    def is_singular(self) -> bool:
        """Whether the references leave the filters undetermined."""
        return self.every.lower is None or any(factor.lower is None for factor in self.own)

    @property
    def tolerance(self) -> float:
        """Which part of an energy it may be off by and is still as exact as the filters are."""
        rcond = min(factor.rcond for factor in (self.every, *self.own))
        return float(np.clip(SENSITIVITY * EPS / rcond, LEAST_EXACT, MOST_INEXACT))

    def inside(self, source: int) -> list[int]:
        """Which of the basis are channels of this source."""
        return [at for at, index in enumerate(self.basis) if index // self.channels == source]


@dataclass(frozen=True, slots=True, eq=False)
class Filters:
    """What makes each estimate out of the references, and out of its own source alone.

    fit: (estimate signals, basis), gains without delay. every: (basis·taps, estimate signals), the least-squares
    filters of what those gains leave. own: for each estimated source the same of its own channels: (channels·taps,
    estimate channels). A reference, a mixture or a change of level is all fit: no filter is left to get wrong.
    """

    sources: tuple[int, ...]
    fit: Floats
    every: Floats
    own: tuple[Floats, ...]

    def of_all(self, projector: Projector) -> Floats:
        """(estimate signals, reference signals, taps). Channels that add nothing to the others have zeros."""
        taps, basis = projector.taps, list(projector.basis)
        out = np.zeros((len(self.fit), len(projector.references), taps))
        out[:, basis] = self.every.reshape(len(basis), taps, len(self.fit)).transpose(2, 0, 1)
        out[:, basis, 0] += self.fit
        return out

    def of_own(self, projector: Projector) -> Floats:
        """(estimates, estimate channels, reference channels, taps)."""
        taps, channels = projector.taps, projector.channels
        out = np.zeros((len(self.sources), channels, channels, taps))
        for row, source in enumerate(self.sources):
            inside = projector.inside(source)
            at = [projector.basis[index] - source * channels for index in inside]
            out[row][:, at] = self.own[row].reshape(len(inside), taps, channels).transpose(2, 0, 1)
            out[row][:, at, 0] += self.fit[row * channels : (row + 1) * channels, inside]
        return out

    def kinds(self, projector: Projector) -> Floats:
        """(4, estimates, estimate channels, basis, taps): what makes own − s, own, all − own and all of the basis.

        See `frame_energies`.
        """
        taps, channels, basis = projector.taps, projector.channels, len(projector.basis)
        every = self.every.reshape(basis, taps, len(self.sources), channels).transpose(2, 3, 0, 1).copy()
        every[..., 0] += self.fit.reshape(len(self.sources), channels, basis)
        own, target = np.zeros_like(every), np.zeros_like(every)
        for row, source in enumerate(self.sources):
            inside = projector.inside(source)
            own[row][:, inside] = self.own[row].reshape(len(inside), taps, channels).transpose(2, 0, 1)
            own[row][:, inside, 0] += self.fit[row * channels : (row + 1) * channels, inside]
            for channel, at in enumerate(projector.stands_for[source * channels : (source + 1) * channels]):
                if at is not None:
                    target[row, channel, at, 0] = 1.0
        return np.stack([own - target, own, every - own, every])

    def with_noise(self, projector: Projector, noise: float) -> Filters:
        """The same with `noise` on the diagonals of the Gram matrices: see `Factor.solve_with_noise`."""
        own = [
            projector.own[source].solve_with_noise(solved, noise)
            for source, solved in zip(self.sources, self.own, strict=True)
        ]
        return Filters(self.sources, self.fit, projector.every.solve_with_noise(self.every, noise), tuple(own))


def prepare(references: Signals, channels: int, frames: Sequence[tuple[int, int]] = (), taps: int = TAPS) -> Projector:
    """All that depends on the references alone, at the cost of one factorisation.

    frames: those whose energies will be asked for. Where they lie side by side, their correlations are kept.
    """
    stands_for = _distinct(references)
    basis = tuple(index for index, at in enumerate(stands_for) if at is not None and index == stands_for.index(at))
    signals = [references[index] for index in basis]
    known = frames if are_side_by_side(frames, taps, LONG_BLOCK) else ()
    inside = np.empty((0, taps, len(basis), len(basis)))
    if known:
        found = frame_lags(signals, signals, known, taps)
        inside, lags = found.inside, np.empty((len(basis), len(basis), 2 * taps - 1))
        lags[:, :, taps - 1 :], lags[:, :, taps - 1 :: -1] = found.whole, found.whole.transpose(1, 0, 2)
    else:
        lags = correlations(signals, signals, taps)
    own = []
    for source in range(len(references) // channels):
        mine = [at for at, index in enumerate(basis) if index // channels == source]
        own.append(factored(lags[np.ix_(mine, mine)], taps))
    return Projector(
        references, channels, basis, stands_for, lags, known, inside, factored(lags, taps), tuple(own), taps
    )


def _distinct(signals: Signals) -> tuple[int | None, ...]:
    """Of each signal, which of the distinct ones it is, counted as they first come; None where it is silent.

    A stem whose channels are equal is common in real mixes, and would make the Gram matrix singular for no reason.
    """
    seen: list[Floats] = []
    found: list[int | None] = []
    for signal in signals:
        at = None
        if not validate.is_silent(signal):
            at = next((index for index, other in enumerate(seen) if _are_equal(signal, other)), len(seen))
            if at == len(seen):
                seen.append(signal)
        found.append(at)
    return tuple(found)


def _are_equal(one: Floats, other: Floats) -> bool:
    """Most signals that differ do so in few samples of many."""
    return np.array_equal(one[:: len(one) // 1000 + 1], other[:: len(one) // 1000 + 1]) and np.array_equal(one, other)


def filters(projector: Projector, estimates: Signals, sources: Sequence[int], lags: Floats | None = None) -> Filters:
    """The least-squares filters that make each estimate out of the references.

    estimates: of these sources, like the references. lags: (basis, estimates, taps), how they correlate, where that is
    known. Only where the projector is not singular.
    """
    taps, basis, channels = projector.taps, projector.basis, projector.channels
    count, causal = len(estimates), slice(taps - 1, None)
    if lags is None:
        lags = correlations([projector.references[index] for index in basis], estimates, taps)[:, :, causal]
    fit = _gains(projector.lags[:, :, taps - 1], lags[:, :, 0])
    right = np.ascontiguousarray(lags.transpose(0, 2, 1))
    rest = right - projector.lags[:, :, causal].transpose(0, 2, 1) @ fit.T
    every = projector.every.solve(rest.reshape(len(basis) * taps, count))
    own = []
    for row, source in enumerate(sources):
        inside, mine = projector.inside(source), slice(row * channels, (row + 1) * channels)
        known = projector.lags[np.ix_(inside, inside)][:, :, causal].transpose(0, 2, 1) @ fit[mine, inside].T
        rest = right[inside, :, mine] - known
        own.append(projector.own[source].solve(rest.reshape(len(inside) * taps, channels)))
    return Filters(tuple(sources), fit, every, tuple(own))


def _gains(gram: Floats, right: Floats) -> Floats:
    """The least-squares gains (estimates, basis) without delay, from inner products of the basis with both."""
    scale = 1 / np.sqrt(gram.diagonal())
    gains = np.linalg.pinv(gram * scale * scale[:, None], rcond=1e-12, hermitian=True) @ (right * scale[:, None])
    return np.asarray((gains * scale[:, None]).T)


def part_energies(
    projector: Projector,
    estimates: Signals,
    found: Filters,
    frames: Sequence[tuple[int, int]],
    lags: FrameLags | None,
    total: Floats,
) -> Floats:
    """The energies of `frame_energies` by these filters, (5, estimates, frames).

    lags: the correlations of the basis with the estimates; None where the projector knows none of its own. frames:
    among the projector's, where it does. total: the energies of the estimates, (estimates, frames).
    """
    if lags is None or not frames:
        return _filtered_energies(projector, estimates, found, frames)
    at = [start // (stop - start) for start, stop in frames]
    every = len(at) == len(projector.frames)
    between = projector.by_frame if every else projector.by_frame[at]
    kinds = found.kinds(projector)
    forms = energy_forms(kinds, between)
    explained = Forms(forms.energies[:, 3:], forms.off_by[:, 3:])
    lags = lags if every else FrameLags(lags.inside[at], lags.whole)
    rest = rest_forms(kinds[3], lags, between, explained, total.T)
    energies = np.concatenate([forms.energies, rest.energies], axis=1).transpose(1, 2, 0)
    is_exact = (forms.are_exact(projector.tolerance) & rest.are_exact(projector.tolerance)).all(axis=1)
    if not is_exact.all():
        asked = np.flatnonzero(~is_exact).tolist()
        energies[:, :, asked] = _filtered_energies(projector, estimates, found, [frames[index] for index in asked])
    return energies


def _filtered_energies(
    projector: Projector, estimates: Signals, found: Filters, frames: Sequence[tuple[int, int]]
) -> Floats:
    every, own = found.of_all(projector), found.of_own(projector)
    return frame_energies(projector.references, estimates, found.sources, every, own, frames)


def frame_energies(
    references: Signals,
    estimates: Signals,
    sources: Sequence[int],
    every: Floats,
    own: Floats,
    frames: Sequence[tuple[int, int]],
) -> Floats:
    """Energies of the parts of each estimate, frame by frame: shape (5, estimates, frames).

    In order ‖own − s‖², ‖own‖², ‖all − own‖², ‖all‖², ‖ŝ − all‖², where `own` and `all` are the projections on the own
    source and on all sources. frames: (start, stop), all of one length. Each is filtered from a zero state, and its
    tail of taps − 1 samples is counted.
    """
    if not frames:
        return np.empty((5, len(own), 0))
    window, taps = frames[0][1] - frames[0][0], every.shape[-1]
    if window > LONG_BLOCK:
        pieces = [_long_frame_energies(references, estimates, sources, every, own, frame) for frame in frames]
        return np.stack(pieces, axis=-1)
    size = scipy.fft.next_fast_len(window + taps - 1, real=True)
    bins = size // 2 + 1
    every_f = np.ascontiguousarray(scipy.fft.rfft(every, size).transpose(2, 0, 1))
    own_f = np.ascontiguousarray(scipy.fft.rfft(own, size).transpose(3, 0, 1, 2))
    weights = np.full(bins, 2.0 / size)
    weights[0] = 1.0 / size
    weights[-1] = (1.0 if size % 2 == 0 else 2.0) / size

    def energies(first: int) -> Floats:
        block = frames[first : first + FRAMES_AT_ONCE]
        s, e = (_frame_spectra(signals, block, size) for signals in (references, estimates))
        total = np.zeros((5, len(estimates) * len(block)))
        for low in range(0, bins, BINS_AT_ONCE):
            part = slice(low, low + BINS_AT_ONCE)
            _add_energies(total, s[..., part], e[..., part], sources, every_f[part], own_f[part], weights[part])
        return np.asarray(total.reshape(5, len(own), -1, len(block)).sum(axis=2))

    return np.concatenate(list(in_threads(energies, range(0, len(frames), FRAMES_AT_ONCE))), axis=2)


def _frame_spectra(signals: Signals, frames: Sequence[tuple[int, int]], size: int) -> Spectra:
    """(signals, frames, bins)."""
    cut = np.stack([np.stack([signal[start:stop] for start, stop in frames]) for signal in signals])
    return np.asarray(scipy.fft.rfft(cut, size))


def _add_energies(
    total: Floats, s: Spectra, e: Spectra, sources: Sequence[int], every_f: Spectra, own_f: Spectra, weights: Floats
) -> None:
    """Add what these bins hold to (5, signals·frames), by Parseval."""
    frames, bins = s.shape[1:]
    channels = own_f.shape[-1]
    s, e = np.ascontiguousarray(s.transpose(2, 0, 1)), e.transpose(2, 0, 1)
    target = s.reshape(bins, -1, channels, frames)[:, list(sources)]
    on_own = (own_f @ target).reshape(e.shape)
    on_all = every_f @ s
    target = target.reshape(e.shape)
    energies = (_weighted(weights, part) for part in (on_own - target, on_own, on_all - on_own, on_all, e - on_all))
    for index, energy in enumerate(energies):
        total[index] += energy


def _weighted(weights: Floats, part: Spectra) -> Floats:
    """Σ weight·|part|² over the bins, (signals·frames,)."""
    values = part.reshape(len(part), -1).view(np.float64)
    energy: Floats = np.einsum("b,bi,bi->i", weights, values, values)
    return np.asarray(energy.reshape(-1, 2).sum(axis=1))


def _long_frame_energies(
    references: Signals,
    estimates: Signals,
    sources: Sequence[int],
    every: Floats,
    own: Floats,
    frame: tuple[int, int],
) -> Floats:
    """The same (5, estimates) for one long frame, in the time domain by overlap-save."""
    count, channels, _, taps = own.shape
    start, stop = frame
    hop = LONG_BLOCK - (taps - 1)
    every_f, own_f = scipy.fft.rfft(every, LONG_BLOCK), scipy.fft.rfft(own, LONG_BLOCK)
    total = np.zeros((5, count))
    for begin in range(start, stop + taps - 1, hop):
        end = min(begin + hop, stop + taps - 1)
        s = np.stack([_inside(signal, begin - (taps - 1), begin + hop, frame) for signal in references])
        e = np.stack([_inside(signal, begin, end, frame) for signal in estimates])
        spectra = scipy.fft.rfft(s, LONG_BLOCK)
        on_all = scipy.fft.irfft(np.einsum("erf,rf->ef", every_f, spectra), LONG_BLOCK)
        mine = np.einsum("jecf,jcf->jef", own_f, spectra.reshape(-1, channels, spectra.shape[-1])[list(sources)])
        on_own = scipy.fft.irfft(mine.reshape(count * channels, -1), LONG_BLOCK)
        kept = slice(taps - 1, taps - 1 + end - begin)
        on_all, on_own = on_all[:, kept], on_own[:, kept]
        target = s[:, kept].reshape(-1, channels, end - begin)[list(sources)].reshape(e.shape)
        for index, part in enumerate((on_own - target, on_own, on_all - on_own, on_all, e - on_all)):
            total[index] += np.einsum("jcn,jcn->j", *[part.reshape(count, channels, -1)] * 2)
    return total


def _inside(signal: Floats, begin: int, end: int, frame: tuple[int, int]) -> Floats:
    """signal[begin:end] with zeros where it is outside the frame."""
    out = np.zeros(end - begin)
    low, high = max(begin, frame[0]), min(end, frame[1])
    if low < high:
        out[low - begin : high - begin] = signal[low:high]
    return out
