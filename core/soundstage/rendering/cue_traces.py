"""ITD and ILD over time, to be looked at while one listens: coarse, broadband, and no metric.

What separators are scored by is in the metrics; this shows at which moment an image moves.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.signal.windows import hann

from soundstage.audio import Samples

STEP_S = 0.1
LOW_HZ, HIGH_HZ = 100.0, 1_500.0
"""Where the ear follows the fine structure, so that a time difference can be read."""

LAG_S = 1.25e-3
"""The phase delay of a dummy head reaches 1.1 ms at low frequencies."""

AUDIBLE_DB = -40.0
"""A step has cues where its energy is above this, against the mean step's."""

COHERENCE = 0.7
"""And an ITD where the ears, shifted against each other, correlate so much."""

FINER = 8
"""Times as many lags are looked at as there are samples, before a parabola is put through the highest."""


class Trace(TypedDict):
    """Cues of one signal, a value a step; None where there is none."""

    step_s: float
    itd_us: list[float | None]  # negative where the left ear is first
    ild_db: list[float | None]  # positive where the left ear is louder


def trace(signal: Samples, rate: int) -> Trace:
    """The cues of a signal (2, samples) at `rate` Hz in steps of STEP_S; what remains at the end is left out.

    ILD: the ratio of the ears' energies, within ±60 dB. ITD: the highest peak of their normalised cross-correlation
    between LOW_HZ and HIGH_HZ, within ±LAG_S.
    """
    length = round(STEP_S * rate)
    count = signal.shape[1] // length
    steps = signal[:, : count * length].reshape(2, count, length)
    energy = np.sum(steps**2, axis=2)
    both = energy.sum(axis=0)
    heard = both > max(10 ** (AUDIBLE_DB / 10) * (both.mean() if count else 0.0), np.finfo(float).tiny)
    with np.errstate(divide="ignore", invalid="ignore"):
        ild = np.clip(10.0 * np.log10(energy[0] / energy[1]), -60.0, 60.0)
    itd = _itd_us(steps[:, heard], rate)
    found = np.full(count, np.nan)
    found[heard] = itd
    return {
        "step_s": STEP_S,
        "itd_us": _told(found, 0),
        "ild_db": _told(np.where(heard, ild, np.nan), 1),
    }


def _itd_us(steps: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """(2, steps, samples) → (steps,), NaN where the ears do not agree."""
    length = steps.shape[2]
    lags = int(np.ceil(LAG_S * rate * FINER))
    size = fft.next_fast_len(2 * length, real=True)
    spectra = fft.rfft(steps * hann(length, sym=False), size, axis=2)
    hertz = np.arange(spectra.shape[2]) * rate / size
    spectra[:, :, (hertz < LOW_HZ) | (hertz > HIGH_HZ)] = 0.0
    # Of x(n) at the left and x(n − d) at the right the peak is at −d: the left leads, and the ITD is negative.
    cross = spectra[0] * spectra[1].conj()
    correlation = fft.irfft(cross, size * FINER, axis=1) * FINER
    middle = np.concatenate([correlation[:, -lags:], correlation[:, : lags + 1]], axis=1)
    power = fft.irfft(np.abs(spectra) ** 2, size, axis=2)[:, :, 0]
    norm = np.sqrt(power[0] * power[1])
    middle = np.divide(middle, norm[:, None], out=np.zeros_like(middle), where=norm[:, None] > 0.0)
    rows = np.arange(len(middle))
    top = np.clip(middle.argmax(axis=1), 1, 2 * lags - 1)
    before, at, after = (middle[rows, top + step] for step in (-1, 0, 1))
    curved = before - 2 * at + after
    offset = np.divide(before - after, 2 * curved, out=np.zeros_like(at), where=curved < 0)
    found = (top - lags + np.clip(offset, -1.0, 1.0)) / FINER / rate * 1e6
    return np.where(at >= COHERENCE, found, np.nan)


def _told(values: NDArray[np.float64], decimals: int) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), decimals) for value in values]
