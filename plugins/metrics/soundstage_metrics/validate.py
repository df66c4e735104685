"""What every metric asks of its arrays before it computes anything.

Signals are (channels, samples). Any real dtype, memory layout or read-only array is taken and computed on as float64;
the values are taken as they are, so integers are not brought to ±1. Nothing is trimmed, padded or repaired here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundstage.audio import Samples

if TYPE_CHECKING:
    from soundstage.scene import Scene

CHANNEL_NAMES = ("left", "right")

SILENCE = 1e-150
"""What has this much energy or less is silent.

Metrics divide energies, and below this their squares, sums and quotients run out of digits: samples of 1e-162 are not
zero, and their squares are. It is far below anything that was ever recorded: one least step of 32 bits has 2e-19.
"""

_AT_ONCE = 1 << 14
"""Samples that are subtracted at a time, so that they stay where the processor has them at hand."""

_SOON = 1 << 14
"""Samples in which most signals are heard already."""


def signal(value: ArrayLike, what: str = "signal", channels: int | None = None) -> Samples:
    """The value as a C-contiguous float64 array (channels, samples), copied only where it has to be.

    what: begins the error's sentence. channels: how many there must be; None is any number. Raises ValueError where
    the shape is wrong or empty, the numbers are not real, or one is NaN or infinite.

    >>> signal([[1, 2], [3, 4]]).dtype
    dtype('float64')
    """
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{what}: an array of real numbers was expected, got {array.dtype}")
    if array.ndim != 2 or 0 in array.shape or channels not in (None, array.shape[0]):
        expected = "channels" if channels is None else channels
        raise ValueError(f"{what}: shape {array.shape} where ({expected}, samples) was expected")
    array = np.ascontiguousarray(array, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        energy = energies(array.reshape(-1))
    # A finite energy says that every sample is finite, at half of what looking at each costs.
    if not np.isfinite(energy) and not np.isfinite(array).all():
        raise ValueError(f"{what}: {np.count_nonzero(~np.isfinite(array))} samples are NaN or infinite; replace them")
    return array


def pair(reference: ArrayLike, estimate: ArrayLike, *, equal_lengths: bool = True) -> tuple[Samples, Samples]:
    """The reference and the estimate, each as `signal` gives it, with as many channels as each other.

    equal_lengths: whether their lengths must be equal too. Raises ValueError where they differ.

    >>> pair([[1.0, 2.0]], [[1.0]])
    Traceback (most recent call last):
    ValueError: the reference has shape (1, 2) and the estimate (1, 1); cut or pad one to match the other
    """
    s, e = signal(reference, "reference"), signal(estimate, "estimate")
    if s.shape[0] != e.shape[0] or (equal_lengths and s.shape != e.shape):
        raise ValueError(
            f"the reference has shape {s.shape} and the estimate {e.shape}; cut or pad one to match the other"
        )
    return s, e


def energies(array: Samples) -> NDArray[np.float64]:
    """Σx² along the last axis.

    >>> energies(np.array([[3.0, 4.0], [0.0, 1e-170]])).tolist()
    [25.0, 0.0]
    """
    rows = array.reshape(-1, array.shape[-1])
    return np.array([row @ row for row in rows], np.float64).reshape(array.shape[:-1])


def frame_energies(array: Samples, bounds: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Σx² of all channels in each frame, (frames,); bounds: from and to which sample.

    >>> frame_energies(np.array([[3.0, 4.0, 1.0]]), [(0, 2), (1, 3)]).tolist()
    [25.0, 17.0]
    """
    return np.array([sum(channel[start:stop] @ channel[start:stop] for channel in array) for start, stop in bounds])


def squared_distance(a: Samples, b: Samples) -> float:
    """Σ(a − b)², of two arrays (channels, samples) of one shape, without a third as large.

    >>> squared_distance(np.array([[3.0, 4.0]]), np.array([[0.0, 2.0]]))
    13.0
    """
    total, room = 0.0, np.empty(min(_AT_ONCE, a.shape[1]))
    for x, y in zip(a, b, strict=True):
        for first in range(0, len(x), _AT_ONCE):
            part = x[first : first + _AT_ONCE]
            difference = np.subtract(part, y[first : first + _AT_ONCE], out=room[: len(part)])
            total += float(difference @ difference)
    return total


def exceeds(array: Samples, energy: float) -> bool:
    """Whether Σx² of all of the array is above that, told from no more of its samples than it takes.

    >>> exceeds(np.array([[3.0, 4.0]]), 24.0), exceeds(np.array([[3.0, 4.0]]), 25.0)
    (True, False)
    """
    total = 0.0
    for row in array.reshape(-1, array.shape[-1]):
        start, size = 0, _SOON
        while start < len(row):
            part = row[start : start + size]
            total += float(part @ part)
            if not total <= energy:  # so that NaN is no silence
                return True
            start, size = start + size, 2 * size
    return False


def is_silent(array: Samples) -> bool:
    """Whether the energy of all of it is no more than SILENCE: the one definition of silence that every metric has.

    >>> is_silent(np.full((2, 4), 1e-170))
    True
    """
    return not exceeds(array, SILENCE)


def silent_channels(array: Samples) -> list[int]:
    """The channels whose energy is no more than SILENCE.

    >>> silent_channels(np.array([[0.0, 0.1], [0.0, 1e-170]]))
    [1]
    """
    return [index for index, channel in enumerate(array) if is_silent(channel)]


def channel_list(channels: list[int]) -> str:
    """The channels in words.

    >>> channel_list([1])
    'right channel'
    """
    names = [CHANNEL_NAMES[channel] if channel < len(CHANNEL_NAMES) else str(channel) for channel in channels]
    return f"{' and '.join(names)} channel{'s' if len(names) > 1 else ''}"


def why_nowhere(scene: Scene, source: str) -> str:
    """Why a source has no one place in the whole of a scene; empty where it rests, or nothing is placed."""
    if scene.placement is None or source not in scene.placement.motions:
        return ""
    return "the source moves, so it has no one place over the track; localization compares frame by frame"
