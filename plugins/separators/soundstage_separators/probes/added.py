"""What is added to an image, at an exact level below or above it: other sources, noise, a room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from soundstage_separators.probes.signal import decibels, uniform

if TYPE_CHECKING:
    from soundstage.audio import Samples

ROOM_S = 0.4
"""In which the tail falls by 60 dB."""

BEHIND_S = 0.01
"""By which the tail comes after the sound."""


def at_level(added: Samples, image: Samples, level_db: float) -> Samples:
    """The added signal (2, samples), its energy so many dB above the image's; silence where either is silent."""
    own, theirs = float(np.sum(image**2)), float(np.sum(added**2))
    return added * (decibels(level_db) * np.sqrt(own / theirs)) if theirs > 0.0 else np.zeros_like(image)


def noise(samples: int, seed: int) -> Samples:
    """White noise (2, samples), uniform in ±1, the channels independent of each other."""
    return 2.0 * uniform(np.random.PCG64(seed), 2 * samples).reshape(2, samples) - 1.0


def room(image: Samples, rate: int, seed: int) -> Samples:
    """The diffuse tail (2, samples) that the average of the channels leaves in a room: exponential noise, decorrelated
    between the ears, without the direct sound.
    """
    from scipy.signal import oaconvolve

    taps, behind = round(ROOM_S * rate), round(BEHIND_S * rate)
    response = noise(taps, seed) * 10.0 ** (-3.0 * np.arange(taps) / taps)
    tail = np.asarray(oaconvolve(image.mean(axis=0)[np.newaxis], response, axes=-1), np.float64)
    return np.concatenate([np.zeros((2, behind)), tail], axis=1)[:, : image.shape[1]]
