"""The energies that an error is made of, frame by frame, by least squares on the sources of the scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundstage.audio import Samples
from soundstage_metrics import validate
from soundstage_metrics.energies.bases import FrameBases, frame_bases, frames_of, reach
from soundstage_metrics.energies.products import Floats, ShiftedProducts
from soundstage_metrics.threads import one_blas_thread


@dataclass(frozen=True, slots=True, eq=False)
class ErrorEnergies:
    """Of one source's estimate; all (frames,), energies Σx² under the frames' windows, whose sum is the track's.

    error = image + Σ interference + artefacts, exactly. reference: the source's own energy. A part is its inner product
    with all that the sources explain, so where parts cancel, one may be negative. is_shared: whether sources had
    directions in common, and share what lies in them evenly.
    """

    error: NDArray[np.float64]
    image: NDArray[np.float64]
    interference: Mapping[str, NDArray[np.float64]]
    artefacts: NDArray[np.float64]
    reference: NDArray[np.float64]
    is_shared: NDArray[np.bool_]


def error_energies(references: Mapping[str, ArrayLike], source: str, estimate: ArrayLike, rate: float) -> ErrorEnergies:
    """What the error of a source's estimate is made of: its own image, each other source, and artefacts.

    references: source → (2, samples) at `rate` Hz, all of the scene's; estimate: of that one, of the same shape; see
    `validate`. In frames of 2 s the error, estimate − reference, is written as a sum of each source's image through
    filters of ±0.5 ms between all channels, and a rest: least squares over all sources together. What the image of the
    source itself explains is `image`: a wrong gain, place or colour. What others explain is interference from each;
    the rest, artefacts. What independent noise would put into the first by chance is taken from them and given to the
    last. Raises ValueError where shapes differ or arrays are unusable.

    >>> voice, drums = 0.1 * np.random.default_rng(0).standard_normal((2, 2, 8000))
    >>> found = error_energies({"voice": voice, "drums": drums}, "voice", voice + 0.1 * drums, 8000)
    >>> round(float(10 * np.log10(found.interference["drums"].sum() / np.sum(drums**2))), 2)
    -20.0
    """
    images = {name: validate.pair(estimate, one)[1] for name, one in references.items()}
    bases = frame_bases(list(images.values()), rate)
    return decomposed(images, bases, {source: validate.signal(estimate)}, rate)[source]


@one_blas_thread()
def decomposed(
    images: Mapping[str, Samples], bases: Sequence[FrameBases], estimates: Mapping[str, Samples], rate: float
) -> dict[str, ErrorEnergies]:
    """See `error_energies`, of every source's estimate at once; bases: the scene's, kept from separator to separator.

    At once because half of the work of a frame is the sources' spectra, which all errors are correlated with.
    """
    names, frames = list(images), frames_of(next(iter(images.values())).shape[-1], rate)
    rows = [channel for image in images.values() for channel in image]
    pairs = [pair for source, one in estimates.items() for pair in zip(one, images[source], strict=True)]
    channels = len(rows) // len(names)
    products = ShiftedProducts(len(rows), len(pairs), max(frame.samples for frame in frames), reach(rate))
    errors, levels = np.zeros((2, len(estimates), len(frames)))
    parts = np.zeros((len(estimates), len(names), len(frames)))
    for index, (frame, found) in enumerate(zip(frames, bases, strict=True)):
        of_images, of_errors = np.empty(len(rows)), np.empty(len(pairs))
        for row, signal in enumerate(rows):
            of_images[row] = frame.of(signal, products.line(frame.samples))
            products.take_left(row)
        for row, (estimate, reference) in enumerate(pairs):
            of_errors[row] = frame.of_difference(estimate, reference, products.line(frame.samples))
            products.take_right(row)
        levels[:, index] = of_images.reshape(-1, channels).sum(axis=1)[[names.index(source) for source in estimates]]
        errors[:, index] = of_errors.reshape(-1, channels).sum(axis=1)
        wrong = np.flatnonzero(errors[:, index] > validate.SILENCE)
        if found.owners and len(wrong):
            owners = np.array(found.owners)
            inner = products.found().reshape(len(names), channels, len(estimates), channels, -1)
            inner = inner[owners][:, :, wrong].transpose(0, 1, 4, 2, 3)
            parts[wrong[:, np.newaxis], owners, index] = _parts(inner, found, errors[wrong, index])
    is_shared = np.array([found.is_shared for found in bases])
    return {
        source: ErrorEnergies(
            error=error,
            image=own[names.index(source)],
            interference={name: part for name, part in zip(names, own, strict=True) if name != source},
            artefacts=error - own.sum(axis=0),
            reference=level,
            is_shared=is_shared,
        )
        for source, error, level, own in zip(estimates, errors, levels, parts, strict=True)
    }


def _parts(inner: Floats, bases: FrameBases, energies: Floats) -> Floats:
    """The energy that each owner explains of one frame of each error, (errors, owners).

    inner: the errors' inner products with the owners' shifted channels, (owners, channels, shifts, errors, channels);
    energies: the errors' own.
    """
    owners, errors = len(bases.owners), len(energies)
    inner = inner.reshape(owners, bases.filters[0].shape[0], -1)
    found = np.concatenate([one.T @ part for one, part in zip(bases.filters, inner, strict=True)])
    kept, solved = bases.joint.explained(found)
    shares = np.sum((kept * solved).reshape(len(found), errors, -1), axis=2)
    ranks = np.array(bases.ranks)
    parts = np.add.reduceat(shares, np.cumsum([0, *ranks[:-1]])).T
    # Of an independent noise every dimension takes its share, with no source in it.
    dimensions = bases.joint.dimensions
    by_chance = min(bases.noise_share * dimensions, 0.5)
    noise = np.maximum(energies - parts.sum(axis=1), 0.0) / (1 - by_chance)
    return np.asarray(parts - noise[:, np.newaxis] * bases.noise_share * ranks * (dimensions / ranks.sum()))
