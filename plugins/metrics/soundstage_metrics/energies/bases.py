"""What each source of a scene could add to an error: its image through short filters, as orthonormal bases.

A filter reaches 0.5 ms to either side and from each ear to each: enough for another gain, another place or another
colour, and short against the impulse responses of heads, so that images of different sources stay apart. Where a
source's channels hold fewer signals than filters could make of them, as of panned mono, the directions that are missing
are cut off (rank-revealing truncation) and not made up by a ridge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from soundstage.audio import Samples
from soundstage_metrics import validate
from soundstage_metrics.energies.products import shifted_products

FRAME_SECONDS = 2.0
REACH_SECONDS = 5e-4

LEAST_POWER = 1e-7
"""Directions of one source with less of its strongest direction's power are cut off: below what 16 bits leave of it."""

LEAST_ANGLE = 1e-2
"""Directions that differ by less between sources (1 − ρ of their correlation ρ) are shared evenly among them."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameBases:
    """The bases of one frame.

    owners: the sources that sound in it, by their index. filters: one a source, (2 channels × taps, rank): what makes
    its orthonormal basis of its shifted channels. inverse: (Σ rank, Σ rank), of the bases' joint Gram matrix, in its
    eigenvectors that are kept; dimensions: how many; within: the projection on them, None where all are kept.
    noise_share: the share of an independent noise that one dimension takes by chance.
    """

    owners: tuple[int, ...]
    filters: tuple[NDArray[np.float64], ...]
    inverse: NDArray[np.float64]
    within: NDArray[np.float64] | None
    dimensions: int
    noise_share: float

    @property
    def is_shared(self) -> bool:
        """Whether sources had to share directions."""
        return self.within is not None

    @property
    def ranks(self) -> list[int]:
        """How many dimensions each of the owners has."""
        return [one.shape[1] for one in self.filters]


def reach(rate: float) -> int:
    """Samples that a filter reaches to either side."""
    return max(1, round(REACH_SECONDS * rate))


def frame_bounds(samples: int, rate: float) -> list[tuple[int, int]]:
    """Frames of 2 s every second, the first half before the beginning and the last half beyond the end.

    >>> frame_bounds(44100, 44100)
    [(-44100, 44100), (0, 88200)]
    """
    hop = round(FRAME_SECONDS * rate / 2)
    return [(start, start + 2 * hop) for start in range(-hop, samples, hop)]


def windowed(signals: Samples, start: int, stop: int) -> Samples:
    """A frame (…, samples) of signals, zero outside them, under a sine window: its squares sum to 1 over frames."""
    first, last = max(start, 0), min(stop, signals.shape[-1])
    return np.asarray(signals[..., first:last] * window(stop - start)[first - start : last - start])


@lru_cache(maxsize=4)
def window(length: int) -> NDArray[np.float64]:
    """The sine window, not to be written to.

    >>> half = window(4)[:2] ** 2 + window(4)[2:] ** 2
    >>> half.round(12).tolist()
    [1.0, 1.0]
    """
    made = np.asarray(np.sin(np.pi * (np.arange(length) + 0.5) / length))
    made.flags.writeable = False
    return made


def frame_bases(images: Sequence[Samples], rate: float) -> Iterator[FrameBases]:
    """The bases of every frame of a scene; images: each source's (2, samples)."""
    every = np.stack(images)
    for start, stop in frame_bounds(every.shape[-1], rate):
        yield _bases(windowed(every, start, stop), window_of(every.shape[-1], start, stop), reach(rate))


def window_of(samples: int, start: int, stop: int) -> NDArray[np.float64]:
    """The part of the window that lies within the signal."""
    return window(stop - start)[max(start, 0) - start : min(stop, samples) - start]


def _bases(frame: Samples, inside: NDArray[np.float64], reach_samples: int) -> FrameBases:
    energies = validate.energies(frame).sum(axis=1)
    owners = tuple(np.flatnonzero(energies > validate.SILENCE).tolist())
    taps, channels = 2 * reach_samples + 1, frame.shape[1]
    scaled = [frame[owner] / np.sqrt(energies[owner]) for owner in owners]
    rows = [channel for image in scaled for channel in image]
    noise_share = float(np.sum(inside**4) / np.sum(inside**2) ** 2)
    if not rows:
        return FrameBases((), (), np.empty((0, 0)), None, 0, noise_share)
    between = shifted_products(rows, rows, taps - 1)
    lags = np.arange(taps)[:, None] - np.arange(taps) + taps - 1
    size = channels * taps
    gram = between[:, :, lags].transpose(0, 2, 1, 3).reshape(len(owners) * size, -1)
    filters = []
    for index, owner in enumerate(owners):
        own = slice(index * size, (index + 1) * size)
        power, turn = np.linalg.eigh(gram[own, own])
        kept = power > LEAST_POWER * power[-1]
        # The filters are for the frame as it is, not for the frame at unit energy that was decomposed.
        filters.append(turn[:, kept] / np.sqrt(power[kept]) / np.sqrt(energies[owner]))
    joint = np.empty((sum(one.shape[1] for one in filters),) * 2)
    edges = np.cumsum([0, *(one.shape[1] for one in filters)])
    for i, one in enumerate(filters):
        for j, other in enumerate(filters[: i + 1]):
            block = gram[i * size : (i + 1) * size, j * size : (j + 1) * size]
            scale = np.sqrt(energies[owners[i]] * energies[owners[j]])
            found = one.T @ block @ other * scale
            joint[edges[i] : edges[i + 1], edges[j] : edges[j + 1]] = found
            joint[edges[j] : edges[j + 1], edges[i] : edges[i + 1]] = found.T
    return FrameBases(owners, tuple(filters), *_inverted(joint), noise_share)


def _inverted(joint: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64] | None, int]:
    """The inverse of a joint Gram matrix, the projection on what is kept of it, and its dimensions: see `FrameBases`.

    A matrix less LEAST_ANGLE has a Cholesky factor where all its eigenvalues are above that. Then none is cut off, and
    they need not be found, which takes several times as long.
    """
    size = len(joint)
    _, is_below = lapack.dpotrf(joint - LEAST_ANGLE * np.eye(size), lower=1, clean=0)
    if not is_below:
        factor, _ = lapack.dpotrf(joint, lower=1, clean=0)
        lower = np.tril(lapack.dpotri(factor, lower=1)[0])
        return lower + np.tril(lower, -1).T, None, size
    power, turn = np.linalg.eigh(joint)
    kept = power > LEAST_ANGLE
    turn = turn[:, kept]
    return turn / power[kept] @ turn.T, turn @ turn.T, int(np.count_nonzero(kept))
