"""What changes a signal and no direction: pure functions of (2, samples) that do to both channels alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from soundstage_separators.stft import Stft

if TYPE_CHECKING:
    from soundstage.audio import Samples

GAP_EVERY_S = 0.5
LOWPASS_ORDER = 4
WINDOW, HOP = 2048, 1024


def decibels(level: float) -> float:
    """The factor of an amplitude that is so many dB."""
    return float(10.0 ** (level / 20.0))


def gained(image: Samples, gain_db: float) -> Samples:
    """The image louder by so many dB."""
    return image * decibels(gain_db)


def delayed(image: Samples, samples: int) -> Samples:
    """Both channels later by so many samples, at their length."""
    return np.concatenate([np.zeros((2, samples)), image], axis=1)[:, : image.shape[1]]


def inverted(image: Samples) -> Samples:
    """Both channels with their polarity inverted."""
    return -image


def low_passed(image: Samples, cutoff_hz: float, rate: int) -> Samples:
    """Without what lies above: a Butterworth filter of fourth order's magnitude, −3 dB at the cut-off, and no delay."""
    length = image.shape[1]
    size = scipy.fft.next_fast_len(length + rate // 10, real=True)
    frequencies = np.arange(size // 2 + 1) * (rate / size)
    response = 1.0 / np.sqrt(1.0 + (frequencies / cutoff_hz) ** (2 * LOWPASS_ORDER))
    return np.asarray(scipy.fft.irfft(scipy.fft.rfft(image, size) * response, size)[:, :length], np.float64)


def quantised(image: Samples, bits: float) -> Samples:
    """Rounded to the nearest multiple of 2^(1 − bits), a step of a file of that depth; nothing is clipped."""
    step = 2.0 ** (1.0 - bits)
    return np.asarray(np.rint(image / step) * step + 0.0, np.float64)


def with_gaps(image: Samples, gap_ms: float, rate: int) -> Samples:
    """Silent for so many milliseconds in the middle of every half second."""
    every, gap = round(GAP_EVERY_S * rate), round(gap_ms * 1e-3 * rate)
    place = (np.arange(image.shape[1]) + gap // 2 + every // 2) % every
    return np.where(place < gap, 0.0, image)


def with_holes(image: Samples, share: float, seed: int) -> Samples:
    """Without a share (0 to 1) of its time-frequency bins, picked at random: what masks leave as musical noise."""
    stft, length = Stft(WINDOW, HOP), image.shape[1]
    canvas = stft.canvas((2,), length)
    chance = np.random.PCG64(seed)
    for frames in stft.blocks(length):
        shape = (frames.stop - frames.start, stft.bins)
        is_kept = uniform(chance, math.prod(shape)).reshape(shape) >= share
        stft.paint(canvas, stft.analyse(image, frames) * is_kept, frames)
    return stft.crop(canvas, length).copy()


def uniform(chance: np.random.PCG64, count: int) -> Samples:
    """Numbers uniform in [0, 1), from raw output whose stream NumPy guarantees."""
    return np.asarray((chance.random_raw(count) >> np.uint64(11)) * 2.0**-53, np.float64)
