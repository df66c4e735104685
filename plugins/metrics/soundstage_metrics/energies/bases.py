"""What each source of a scene could add to an error: its image through short filters, as orthonormal bases.

A filter reaches 0.5 ms to either side and from each ear to each: enough for another gain, another place or another
colour, and short against the impulse responses of heads, so that images of different sources stay apart. Where a
source's channels hold fewer signals than filters could make of them, as of panned mono, the directions that are missing
are cut off (rank-revealing truncation) and not made up by a ridge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import lapack

from soundstage.audio import Samples
from soundstage_metrics import validate
from soundstage_metrics.energies.products import Floats, ShiftedProducts
from soundstage_metrics.threads import one_blas_thread

FRAME_SECONDS = 2.0
REACH_SECONDS = 5e-4

LEAST_POWER = 1e-7
"""Directions of one source with less of its strongest direction's power are cut off: below what 16 bits leave of it."""

LEAST_ANGLE = 1e-2
"""Directions that differ by less between sources (1 − ρ of their correlation ρ) are shared evenly among them."""


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """A joint Gram matrix of which nothing is cut off; lower: its Cholesky factor, (Σ rank, Σ rank)."""

    lower: Floats

    @property
    def dimensions(self) -> int:
        """How many the bases span together."""
        return len(self.lower)

    def explained(self, inner: Floats) -> tuple[Floats, Floats]:
        """Of inner products (Σ rank, signals) with the bases: what is kept of them, and the solution for them."""
        return inner, lapack.dpotrs(self.lower, inner, lower=1)[0]


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A joint Gram matrix in those of its eigenvectors that are kept; within: the projection on them."""

    inverse: Floats
    within: Floats
    dimensions: int

    def explained(self, inner: Floats) -> tuple[Floats, Floats]:
        """See `Whole.explained`."""
        return self.within @ inner, self.inverse @ inner


@dataclass(frozen=True, slots=True, eq=False)
class FrameBases:
    """The bases of one frame.

    owners: the sources that sound in it, by their index. filters: one a source, (2 channels × taps, rank): what makes
    its orthonormal basis of its shifted channels. joint: what solves for their joint Gram matrix. noise_share: the
    share of an independent noise that one dimension takes by chance.
    """

    owners: tuple[int, ...]
    filters: tuple[Floats, ...]
    joint: Whole | Cut
    noise_share: float

    @property
    def is_shared(self) -> bool:
        """Whether sources had to share directions."""
        return isinstance(self.joint, Cut)

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


@lru_cache(maxsize=4)
def window(length: int) -> Floats:
    """The sine window, not to be written to.

    >>> half = window(4)[:2] ** 2 + window(4)[2:] ** 2
    >>> half.round(12).tolist()
    [1.0, 1.0]
    """
    made = np.asarray(np.sin(np.pi * (np.arange(length) + 0.5) / length))
    made.flags.writeable = False
    return made


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame's part of the signals, from `first` to `last`, and the sine window there."""

    first: int
    last: int
    window: Floats

    def of(self, signal: Floats, out: Floats) -> float:
        """Write a channel's frame under the window to `out`; its energy."""
        np.multiply(signal[self.first : self.last], self.window, out=out)
        return float(out @ out)

    def of_difference(self, signal: Floats, other: Floats, out: Floats) -> float:
        """The same of what a channel has besides another."""
        np.subtract(signal[self.first : self.last], other[self.first : self.last], out=out)
        out *= self.window
        return float(out @ out)

    @property
    def samples(self) -> int:
        """How many samples of the signals are in it."""
        return self.last - self.first


def frames_of(samples: int, rate: float) -> list[Frame]:
    """See `frame_bounds`; under a sine window the squares of a signal sum to themselves over frames."""
    frames = []
    for start, stop in frame_bounds(samples, rate):
        first, last = max(start, 0), min(stop, samples)
        frames.append(Frame(first, last, window(stop - start)[first - start : last - start]))
    return frames


@one_blas_thread()
def frame_bases(images: Sequence[Samples], rate: float) -> list[FrameBases]:
    """The bases of every frame of a scene; images: each source's (2, samples)."""
    frames = frames_of(images[0].shape[-1], rate)
    rows = [channel for image in images for channel in image]
    products = ShiftedProducts(len(rows), len(rows), max(frame.samples for frame in frames), 2 * reach(rate))
    return [_bases(rows, len(images), frame, products) for frame in frames]


def _bases(rows: Sequence[Floats], sources: int, frame: Frame, products: ShiftedProducts) -> FrameBases:
    """rows: the sources' channels, as many of each."""
    levels = np.empty(len(rows))
    for row, signal in enumerate(rows):
        levels[row] = frame.of(signal, products.line(frame.samples))
        products.take_left(row)
        products.take_right(row)
    channels = len(rows) // sources
    energies = levels.reshape(sources, channels).sum(axis=1)
    owners = tuple(np.flatnonzero(energies > validate.SILENCE).tolist())
    noise_share = float(np.sum(frame.window**4) / np.sum(frame.window**2) ** 2)
    if not owners:
        return FrameBases((), (), Whole(np.empty((0, 0))), noise_share)
    sounding = np.flatnonzero(np.repeat(energies > validate.SILENCE, channels))
    scales = np.repeat(1.0 / np.sqrt(energies[list(owners)]), channels)
    between = products.found()[np.ix_(sounding, sounding)] * (scales[:, np.newaxis] * scales)[..., np.newaxis]
    gram = _gram(between, len(owners))
    unit = []
    for index in range(len(owners)):
        power, turn = np.linalg.eigh(gram[index, index])
        kept = power > LEAST_POWER * power[-1]
        unit.append(turn[:, kept] / np.sqrt(power[kept]))
    joint = np.empty((sum(one.shape[1] for one in unit),) * 2)
    edges = np.cumsum([0, *(one.shape[1] for one in unit)])
    for i, one in enumerate(unit):
        for j, other in enumerate(unit[: i + 1]):
            found = one.T @ gram[i, j] @ other
            joint[edges[i] : edges[i + 1], edges[j] : edges[j + 1]] = found
            joint[edges[j] : edges[j + 1], edges[i] : edges[i + 1]] = found.T
    # The filters are for the frame as it is, not for the frame at unit energy that was decomposed.
    filters = tuple(one / np.sqrt(energies[owner]) for owner, one in zip(owners, unit, strict=True))
    return FrameBases(owners, filters, _solver(joint), noise_share)


def _gram(between: Floats, sources: int) -> Floats:
    """The Gram matrices of shifted channels, (sources, sources, channels × taps, channels × taps).

    between: the channels' inner products, all sources' in order, see `ShiftedProducts`.
    """
    rows, taps = len(between), (between.shape[2] + 1) // 2
    # Shifts p and q meet at p − q, with q rising: a window of the reversed products.
    windows = np.lib.stride_tricks.sliding_window_view(between[:, :, ::-1], taps, axis=2)[:, :, ::-1]
    split = windows.reshape(sources, rows // sources, sources, rows // sources, taps, taps)
    return split.transpose(0, 2, 1, 4, 3, 5).reshape(sources, sources, rows // sources * taps, -1)


def _solver(joint: Floats) -> Whole | Cut:
    """What solves for a joint Gram matrix, with what is less than LEAST_ANGLE cut off; see `FrameBases`.

    A matrix less LEAST_ANGLE has a Cholesky factor where all its eigenvalues are above that. Then none is cut off, and
    they need not be found, which takes several times as long.
    """
    lessened = joint.copy()
    lessened.reshape(-1)[:: len(joint) + 1] -= LEAST_ANGLE
    # As LAPACK has them, columns are rows; of a symmetric matrix they are alike.
    _, is_below = lapack.dpotrf(lessened.T, lower=1, clean=0, overwrite_a=1)
    if not is_below:
        return Whole(lapack.dpotrf(joint.T, lower=1, clean=0)[0])
    power, turn = np.linalg.eigh(joint)
    kept = power > LEAST_ANGLE
    turn = turn[:, kept]
    return Cut(turn / power[kept] @ turn.T, turn @ turn.T, int(np.count_nonzero(kept)))
