"""What every metric asks of its arrays before it computes anything.

Signals are (channels, samples). Any real dtype, memory layout or read-only array is taken and computed on as float64;
the values are taken as they are, so integers are not brought to ±1. Nothing is trimmed, padded or repaired here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from soundstage.audio import Samples

CHANNEL_NAMES = ("left", "right")


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
    if not np.isfinite(array).all():
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


def silent_channels(array: Samples) -> list[int]:
    """The channels that are zero throughout.

    >>> silent_channels(np.array([[0.0, 0.1], [0.0, 0.0]]))
    [1]
    """
    return np.flatnonzero(~array.any(axis=1)).tolist()


def channel_list(channels: list[int]) -> str:
    """The channels in words.

    >>> channel_list([1])
    'right channel'
    """
    names = [CHANNEL_NAMES[channel] if channel < len(CHANNEL_NAMES) else str(channel) for channel in channels]
    return f"{' and '.join(names)} channel{'s' if len(names) > 1 else ''}"
