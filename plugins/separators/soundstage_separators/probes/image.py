"""What moves or changes a stereo image and leaves everything else: pure functions of (2, samples), left channel first.

Where one side is meant it is the left; the twin for the right is the same between two `swapped`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from soundstage_separators.probes.signal import decibels

if TYPE_CHECKING:
    from soundstage.audio import Samples

BEYOND = 4096
"""Samples of silence behind the signal, so that what rings before its beginning does not come out at its end."""


def swapped(image: Samples) -> Samples:
    """Left and right exchanged."""
    return image[::-1].copy()


def left_leading(image: Samples, itd_us: float, rate: int) -> Samples:
    """The right channel later by so many µs, band-limited: exact to rounding where that is whole samples."""
    return np.stack([image[0], later(image[1], itd_us * 1e-6 * rate)])


def left_louder(image: Samples, ild_db: float) -> Samples:
    """The level difference, left over right, raised by so many dB: half of it in each channel."""
    return np.stack([image[0] * decibels(ild_db / 2), image[1] * decibels(-ild_db / 2)])


def left_inverted(image: Samples) -> Samples:
    """The left channel with its polarity inverted."""
    return np.stack([-image[0], image[1]])


def with_width(image: Samples, factor: float) -> Samples:
    """The difference of the channels times a factor, their sum left as it is: 0 is mono, 1 the image itself."""
    middle, side = (image[0] + image[1]) / 2, (image[0] - image[1]) / 2 * factor
    return np.stack([middle + side, middle - side])


def mono(image: Samples) -> Samples:
    """The average of the channels in both."""
    return with_width(image, 0.0)


def later(channel: Samples, samples: float) -> Samples:
    """The channel (samples,), later by a number of samples that need not be whole, at its length."""
    length = len(channel)
    if samples == int(samples):
        return np.concatenate([np.zeros(int(samples)), channel])[:length]
    size = scipy.fft.next_fast_len(length + int(np.ceil(samples)) + BEYOND, real=True)
    turn = np.exp(-2j * np.pi * np.arange(size // 2 + 1) * samples / size)
    return np.asarray(scipy.fft.irfft(scipy.fft.rfft(channel, size) * turn, size)[:length], np.float64)
