"""Why the references of a track leave filters undetermined, or leave them to the files' own noise: in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.signal.windows import blackmanharris

SEGMENT, SEGMENTS = 8192, 64
"""Samples of a segment of which a spectrum is taken, and how many of them, spread over the track."""

OVER_NOISE = 4.0
"""What has less than this many times the noise's power has nothing in it."""

EMPTY_SHARE = 0.05
"""How much of the spectrum must be empty at its top to be worth a word."""

ONE_SIGNAL = 0.99
"""The coherence, squared, that half of the sounding frequencies must have for two channels to be one signal."""


def causes(references: Sequence[NDArray[np.float64]], names: Sequence[str], rate: float, bits: int) -> str:
    """What of the references leaves filters open.

    references: of all sources, as many channels each. names: of the sources. bits: the depth of the noise.
    """
    channels = len(references) // len(names)
    one_signal, ends = [], {}
    for at, name in enumerate(names):
        signals = [signal for signal in references[at * channels : (at + 1) * channels] if signal.any()]
        spectra = [_spectra(signal) for signal in signals]
        noise = _noise(len(signals[0]), bits)
        ends[name] = min(_end_hz(one, noise, rate, len(signals[0])) for one in spectra)
        if len(signals) == 2 and not np.array_equal(signals[0], signals[1]):
            one_signal += [name] if _are_coherent(spectra[0], spectra[1], noise) else []
    found = []
    if one_signal:
        verb = "is" if len(one_signal) == 1 else "are"
        found.append(f"{_listed(one_signal)} {verb} one signal in both channels, panned or filtered")
    lowest = min(ends, key=ends.__getitem__)
    if ends[lowest] < (1 - EMPTY_SHARE) * rate / 2:
        found.append(f"{lowest} has nothing above {ends[lowest] / 1e3:.1f} kHz")
    return "; ".join(found) or "filters make one reference out of the others"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _spectra(signal: NDArray[np.float64]) -> NDArray[np.complex128]:
    """(segments, bins)."""
    length = min(SEGMENT, len(signal))
    starts = np.unique(np.linspace(0, len(signal) - length, SEGMENTS).astype(int)).tolist()
    cut = np.stack([signal[start : start + length] for start in starts])
    return np.asarray(fft.rfft(cut * blackmanharris(length), axis=1))


def _noise(samples: int, bits: int) -> float:
    """The power that rounding to so many bits leaves in every bin."""
    return float(np.sum(blackmanharris(min(SEGMENT, samples)) ** 2)) * 4.0 ** (1 - bits) / 12


def _power(spectra: NDArray[np.complex128]) -> NDArray[np.float64]:
    return np.asarray(np.mean(np.abs(spectra) ** 2, axis=0))


def _end_hz(spectra: NDArray[np.complex128], noise: float, rate: float, samples: int) -> float:
    """Above which frequency there is no more than noise."""
    full = np.flatnonzero(_power(spectra) > OVER_NOISE * noise)
    return float((full[-1] + 1 if len(full) else 0) * rate / min(SEGMENT, samples))


def _are_coherent(left: NDArray[np.complex128], right: NDArray[np.complex128], noise: float) -> bool:
    """Whether one of them, filtered, makes the other where both sound."""
    cross, powers = np.mean(left * right.conj(), axis=0), _power(left) * _power(right)
    sounds = np.minimum(_power(left), _power(right)) > OVER_NOISE / (1 - ONE_SIGNAL) * noise
    return bool(sounds.any()) and float(np.median(np.abs(cross[sounds]) ** 2 / powers[sounds])) > ONE_SIGNAL
