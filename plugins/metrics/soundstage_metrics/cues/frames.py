"""What all interaural cues are read from: energies, cross-spectra and correlations of the two ears, frame by frame.

A frame lasts 100 ms (five periods of 50 Hz), frames start every 50 ms, and what remains at the end is dropped. Bands
are one ERB wide (Glasberg & Moore 1990). Correlation is circular: the Hann window leaves nothing to wrap within 1 ms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft
from scipy.signal.windows import hann

from soundstage_metrics import validate
from soundstage_metrics.threads import one_blas_thread

FRAME_SECONDS = 0.1

LOWEST_HZ, HIGHEST_HZ = 50.0, 16_000.0
"""All cues but the ITD are read between these, or up to half the rate."""

PHASE_HZ = 1_500.0
"""Above this the ear no longer follows the fine structure; no time or phase difference is read there."""

IACC_LAG_SECONDS = 1e-3

ITD_LAG_SECONDS = 1.25e-3
"""The phase delay of a KU100 dummy head reaches 1.1 ms at 100 Hz, 80° to the side."""

_FRAMES_AT_ONCE = 16


@dataclass(frozen=True, slots=True, eq=False)
class CueFrames:
    """The two ears of one signal, frame by frame; ear 0 is the left.

    energies: (2, frames, bands). cross: (frames, phase bands), Σ L·R* over the bins of each of the first bands, those
    up to PHASE_HZ. iacc: (frames,), 0 where an ear is silent. itd_energy: (frames,), both ears in the ITD's band.
    correlation: (frames, lags), the normalised cross-correlation in the ITD's band at `lags_us`, freed of the window's
    own decay; 0 where an ear is silent.
    """

    energies: NDArray[np.float64]
    cross: NDArray[np.complex128]
    iacc: NDArray[np.float64]
    itd_energy: NDArray[np.float64]
    correlation: NDArray[np.float64]
    lags_us: NDArray[np.float64]

    @property
    def energy(self) -> NDArray[np.float64]:
        """Both ears, all bands: (frames,)."""
        return np.asarray(self.energies.sum(axis=(0, 2)))


def frame_length(rate: float) -> int:
    """Samples of a frame at `rate` Hz, an even number.

    >>> frame_length(44100)
    4410
    """
    return 2 * round(FRAME_SECONDS * rate / 2)


def bin_frequencies(rate: float) -> NDArray[np.float64]:
    """The frequencies in Hz of a frame's spectrum."""
    return np.asarray(fft.rfftfreq(frame_length(rate), 1 / rate))


def band_edges_hz(rate: float) -> tuple[NDArray[np.float64], int]:
    """The edges of the bands in Hz, one ERB apart as nearly as LOWEST_HZ, PHASE_HZ and the top let them, and how many
    bands lie below PHASE_HZ.

    Raises ValueError where the rate does not reach PHASE_HZ. Source: Glasberg & Moore 1990, eq. 4.

    >>> edges, below = band_edges_hz(44100)
    >>> len(edges) - 1, below, edges[[0, below, -1]].tolist()
    (38, 17, [50.0, 1500.0, 16000.0])
    """
    if rate < 2 * PHASE_HZ:
        raise ValueError(f"rate {rate} Hz: cues up to {PHASE_HZ:g} Hz need at least {2 * PHASE_HZ:g} Hz")
    low, middle, high = _erb_number(LOWEST_HZ), _erb_number(PHASE_HZ), _erb_number(min(HIGHEST_HZ, rate / 2))
    below, above = round(middle - low), round(high - middle)
    numbers = np.concatenate([np.linspace(low, middle, below + 1), np.linspace(middle, high, above + 1)[1:]])
    edges = (10 ** (numbers / 21.4) - 1) / 0.00437
    edges[0], edges[below] = LOWEST_HZ, PHASE_HZ
    edges[-1] = min(HIGHEST_HZ, rate / 2)
    return np.asarray(edges, dtype=np.float64), below


def band_starts(rate: float) -> NDArray[np.int64]:
    """The first bin of every band, and after the last band's last bin the one that follows."""
    edges, _ = band_edges_hz(rate)
    return np.searchsorted(bin_frequencies(rate), edges - 1e-6)


def itd_lags(high_hz: float) -> NDArray[np.float64]:
    """The lags in seconds that an ITD up to `high_hz` is searched at: 25 of them or more a period, 0 in the middle."""
    each_side = math.ceil(ITD_LAG_SECONDS * 25 * high_hz)
    return np.arange(-each_side, each_side + 1, dtype=np.float64) * (ITD_LAG_SECONDS / each_side)


def itd_bins(rate: float, low_hz: float, high_hz: float) -> slice:
    """The bins from `low_hz` to `high_hz`. Raises ValueError where there is none or half the rate is passed."""
    frequencies = bin_frequencies(rate)
    first = int(np.searchsorted(frequencies, low_hz - 1e-6))
    last = int(np.searchsorted(frequencies, high_hz + 1e-6))
    if not 0 < first < last or high_hz > rate / 2:
        raise ValueError(
            f"a band from {low_hz} to {high_hz} Hz at a rate of {rate} Hz: expected 0 < low < high ≤ rate / 2, and at"
            f" least {1 / FRAME_SECONDS:g} Hz of width"
        )
    return slice(first, last)


@one_blas_thread()
def cue_frames(signal: ArrayLike, rate: float, low_hz: float = 100.0, high_hz: float = PHASE_HZ) -> CueFrames:
    """The frames of a signal (2, samples) at `rate` Hz; low_hz to high_hz is the ITD's band.

    Raises ValueError where the signal is unusable (see `validate`), shorter than one frame, or the rate too low.

    >>> cue_frames(np.ones((2, 8820)), 44100).energies.shape
    (2, 3, 38)
    """
    x = validate.signal(signal, channels=2)
    starts, below = band_starts(rate), band_edges_hz(rate)[1]
    bins, lags = itd_bins(rate, low_hz, high_hz), itd_lags(high_hz)
    length = frame_length(rate)
    if x.shape[1] < length:
        raise ValueError(
            f"{x.shape[1]} samples are shorter than one frame of {length}; give at least {FRAME_SECONDS} s"
        )
    window = hann(length, sym=False)
    cosines, sines = _turns(rate, bins, lags) / _window_correlation(window, lags * rate)
    analysed = slice(starts[0], starts[-1])
    iacc_turns = _turns(rate, analysed, np.arange(int(IACC_LAG_SECONDS * rate) + 1) / rate)
    views = np.lib.stride_tricks.sliding_window_view(x, length, axis=1)[:, :: length // 2]
    count = views.shape[1]
    energies, cross = np.empty((2, count, len(starts) - 1)), np.empty((count, below), np.complex128)
    iacc, itd_energy, correlation = np.empty(count), np.empty(count), np.empty((count, len(lags)))
    # What every step fills: memory that is new to the process costs more than what is computed in it.
    framed = np.empty((2, min(count, _FRAMES_AT_ONCE), length))
    squares = np.empty((2, *framed.shape[:2], length // 2 + 1))
    for first in range(0, count, _FRAMES_AT_ONCE):
        some = slice(first, min(first + _FRAMES_AT_ONCE, count))
        step = slice(some.stop - first)
        spectra = fft.rfft(np.multiply(views[:, some], window, out=framed[:, step]))
        powers, others = squares[:, :, step]
        np.square(spectra.real, out=powers)
        powers += np.square(spectra.imag, out=others)
        product, right = spectra
        product *= np.conj(right, out=right)
        real, imaginary = others
        real[:], imaginary[:] = product.real, product.imag
        energies[:, some] = band_sums(powers, starts)
        cross[some] = band_sums(product, starts[: below + 1])
        iacc[some] = _iacc(real[:, analysed], imaginary[:, analysed], energies[:, some].sum(axis=2), iacc_turns)
        of_left, of_right = powers[:, :, bins].sum(axis=2)
        itd_energy[some] = of_left + of_right
        correlated = real[:, bins] @ cosines - imaginary[:, bins] @ sines
        correlation[some] = _normalised(correlated, of_left, of_right)
    return CueFrames(energies, cross, iacc, itd_energy, correlation, lags * 1e6)


def band_sums(values: NDArray[np.generic], starts: NDArray[np.int64]) -> NDArray[np.generic]:
    """Values (…, bins) summed over the bins of each band: (…, bands)."""
    return np.asarray(np.add.reduceat(values[..., : starts[-1]], starts[:-1], axis=-1))


def _turns(rate: float, bins: slice, lags: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosine and sine of what each of the bins turns by at lags in seconds: (2, bins, lags)."""
    turns = 2 * np.pi * np.outer(bin_frequencies(rate)[bins], lags)
    return np.stack([np.cos(turns), np.sin(turns)])


def _iacc(
    real: NDArray[np.float64], imaginary: NDArray[np.float64], energies: NDArray[np.float64], turns: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The largest magnitude of the normalised cross-correlation of frames, over the analysed bands.

    real, imaginary: (frames, bins) of Σ L·R*. energies: (2, frames) of the ears. turns: see `_turns`, at lags from 0.
    """
    cosines, sines = turns
    # At lags τ and −τ the correlation is x − y and x + y.
    largest = (np.abs(real @ cosines) + np.abs(imaginary @ sines)).max(axis=1)
    return np.minimum(_normalised(largest[:, None], *energies)[:, 0], 1.0)


def _normalised(
    values: NDArray[np.float64], left: NDArray[np.float64], right: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Rows of values over the root of both ears' energies, 0 where one of them is silent."""
    is_heard = np.minimum(left, right) > validate.SILENCE
    norms = np.sqrt(np.where(is_heard, left * right, 1.0))
    return np.where(is_heard[:, None], values / norms[:, None], 0.0)


def _window_correlation(window: NDArray[np.float64], lags: NDArray[np.float64]) -> NDArray[np.float64]:
    """The window's own normalised autocorrelation at lags in samples: what pulls a framed correlation towards 0."""
    reach = math.ceil(np.abs(lags).max()) + 1
    whole = [window[lag:] @ window[: len(window) - lag] for lag in range(reach + 1)]
    return np.interp(np.abs(lags), np.arange(reach + 1), whole) / whole[0]


def _erb_number(hz: float) -> float:
    return 21.4 * math.log10(1 + 0.00437 * hz)
