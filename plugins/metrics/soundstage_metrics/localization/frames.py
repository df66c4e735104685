"""What a place is heard by: level and phase between the ears, band by band, in frames of 250 ms.

Listeners follow an image that moves no faster than that (Grantham & Wightman, Detectability of varying interaural
temporal differences, JASA 63(2), 1978). Frames start every 200 ms, and what remains at the end is dropped. Each sums
four Hann windows of 100 ms, so that coherence between the ears has something to be measured over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.signal.windows import hann

from soundstage.audio import Samples
from soundstage_metrics import validate
from soundstage_metrics.cues.frames import (
    IACC_LAG_SECONDS,
    band_edges_hz,
    band_starts,
    band_sums,
    bin_frequencies,
    frame_length,
)

WINDOWS = 4
"""Windows of 100 ms in a frame, each half a window after the one before."""

WIDTH_OCTAVES_HZ = (500.0, 1000.0, 2000.0)
"""The octave bands whose mean IACC tells apparent width (Hidaka, Beranek & Okano 1995)."""

_FRAMES_AT_ONCE = 32


@dataclass(frozen=True, slots=True, eq=False)
class EarFrames:
    """The two ears of one signal, frame by frame.

    power: (frames, bins), both ears' energy up to the last band; energies: (frames, bands), its sums. left: (frames,
    bands), the left ear's. cross: (frames, phase bands), Σ L·R* of the bands below 1.5 kHz. iacc: (frames,), the mean
    of three octave bands, 0 where an ear is silent.
    """

    power: NDArray[np.float64]
    energies: NDArray[np.float64]
    left: NDArray[np.float64]
    cross: NDArray[np.complex128]
    iacc: NDArray[np.float64]


def frame_bounds(samples: int, rate: float) -> list[tuple[int, int]]:
    """The first sample of each frame and the one after its last; empty where the signal is shorter than one frame.

    >>> frame_bounds(22050, 44100)
    [(0, 11025), (8820, 19845)]
    """
    hop = frame_length(rate) // 2
    length = hop * (WINDOWS + 1)
    return [(start, start + length) for start in range(0, samples - length + 1, hop * WINDOWS)]


def ear_frames(signal: Samples, rate: float) -> EarFrames:
    """The frames of a signal (2, samples) at `rate` Hz that is at least one frame long."""
    starts, below, length = band_starts(rate), band_edges_hz(rate)[1], frame_length(rate)
    hop, count, bins = length // 2, len(frame_bounds(signal.shape[1], rate)), int(starts[-1])
    views = np.lib.stride_tricks.sliding_window_view(signal, length, axis=1)[:, ::hop][:, : count * WINDOWS]
    window, octaves, reach = hann(length, sym=False), _octaves(rate), int(IACC_LAG_SECONDS * rate)
    power, iacc = np.empty((count, bins)), np.empty(count)
    left, cross = np.empty((count, len(starts) - 1)), np.empty((count, below), np.complex128)
    energies = np.empty_like(left)
    for first in range(0, count, _FRAMES_AT_ONCE):
        some = slice(first, min(first + _FRAMES_AT_ONCE, count))
        spectra = fft.rfft(views[:, some.start * WINDOWS : some.stop * WINDOWS] * window, axis=2)[..., :bins]
        spectra = spectra.reshape(2, -1, WINDOWS, bins)
        ears = (spectra.real**2 + spectra.imag**2).sum(axis=2)
        product = (spectra[0] * spectra[1].conj()).sum(axis=1)
        power[some] = ears.sum(axis=0)
        energies[some], left[some] = band_sums(power[some], starts), band_sums(ears[0], starts)
        cross[some] = band_sums(product, starts[: below + 1])
        iacc[some] = np.mean([_iacc(product, ears, octave, length, reach) for octave in octaves], axis=0)
    return EarFrames(power, energies, left, cross, iacc)


def _octaves(rate: float) -> list[slice]:
    frequencies = bin_frequencies(rate)
    edges = [(centre / 2**0.5, centre * 2**0.5) for centre in WIDTH_OCTAVES_HZ if centre * 2**0.5 <= rate / 2]
    return [slice(*np.searchsorted(frequencies, edge).tolist()) for edge in edges]


def _iacc(
    product: NDArray[np.complex128], ears: NDArray[np.float64], octave: slice, length: int, reach: int
) -> NDArray[np.float64]:
    """The largest magnitude of the normalised cross-correlation within ±1 ms in one band (ISO 3382-1, A.3)."""
    inside = np.zeros((len(product), length // 2 + 1), np.complex128)
    inside[:, octave] = product[:, octave]
    correlation = np.abs(fft.irfft(inside, length, axis=1)) * (length / 2)
    largest = np.maximum(correlation[:, : reach + 1].max(axis=1), correlation[:, -reach:].max(axis=1))
    left, right = ears[:, :, octave].sum(axis=2)
    is_heard = np.minimum(left, right) > validate.SILENCE
    norms = np.sqrt(np.where(is_heard, left * right, 1.0))
    return np.where(is_heard, np.minimum(largest / norms, 1.0), 0.0)
