"""What the kit measures of signals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from soundstage.audio import Samples

LONGEST_ITD_S = 1.2e-3


def level_db(samples: Samples) -> float:
    """The level of (channels, samples) in dB of full scale, over all samples; −inf for silence."""
    power = float(np.mean(np.square(samples))) if samples.size else 0.0
    return 10.0 * math.log10(power) if power > 0.0 else -math.inf


def difference_db(one: Sequence[Samples], other: Sequence[Samples]) -> float:
    """How far two sets of signals of equal shapes are apart, in dB of the first; −inf where they are equal."""
    apart = sum(float(np.sum(np.square(a - b))) for a, b in zip(one, other, strict=True))
    whole = sum(float(np.sum(np.square(a))) for a in one)
    if apart == 0.0:
        return -math.inf
    return 10.0 * math.log10(apart / whole) if whole > 0.0 else math.inf


def ild_db(image: Samples) -> float:
    """How much louder the left of (2, samples) is, in dB; ±inf where a channel is silent, NaN where both are."""
    left, right = (level_db(channel) for channel in image)
    return math.nan if left == right == -math.inf else left - right


def itd_us(image: Samples, rate: int) -> float:
    """By how much the left of (2, samples) leads, in µs: where the plain cross-correlation is greatest within 1.2 ms.

    NaN where a channel is silent.
    """
    samples = image.shape[1]
    if not (np.any(image[0]) and np.any(image[1])):
        return math.nan
    reach = min(round(LONGEST_ITD_S * rate), samples - 1)
    spectra = np.fft.rfft(image, 1 << (2 * samples - 1).bit_length())
    found = np.fft.irfft(spectra[1] * np.conj(spectra[0]))
    window = np.concatenate([found[-reach:], found[: reach + 1]]) if reach else found[:1]
    return float((int(np.argmax(window)) - reach) / rate * 1e6)
