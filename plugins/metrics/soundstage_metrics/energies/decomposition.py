"""The energies that an error is made of, frame by frame, by least squares on the sources of the scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundstage.audio import Samples
from soundstage_metrics import validate
from soundstage_metrics.energies.bases import FrameBases, frame_bases, frame_bounds, reach, windowed
from soundstage_metrics.energies.products import shifted_products


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
    bases = list(frame_bases(list(images.values()), rate))
    return decomposed(images, bases, {source: validate.signal(estimate)}, rate)[source]


def decomposed(
    images: Mapping[str, Samples], bases: Sequence[FrameBases], estimates: Mapping[str, Samples], rate: float
) -> dict[str, ErrorEnergies]:
    """See `error_energies`, of every source's estimate at once; bases: the scene's, kept from separator to separator.

    At once because half of the work of a frame is the sources' spectra, which all errors are correlated with.
    """
    names, bounds = list(images), frame_bounds(next(iter(images.values())).shape[-1], rate)
    errors, levels = np.zeros((2, len(estimates), len(bounds)))
    parts = np.zeros((len(estimates), len(names), len(bounds)))
    for index, ((start, stop), found) in enumerate(zip(bounds, bases, strict=True)):
        references = {name: windowed(image, start, stop) for name, image in images.items()}
        frames = [windowed(one, start, stop) - references[source] for source, one in estimates.items()]
        errors[:, index] = [validate.energies(frame).sum() for frame in frames]
        levels[:, index] = [validate.energies(references[source]).sum() for source in estimates]
        wrong = np.flatnonzero(errors[:, index] > validate.SILENCE).tolist()
        if found.owners and wrong:
            rows = [channel for owner in found.owners for channel in references[names[owner]]]
            inner = _inner([frames[one] for one in wrong], rows, reach(rate))
            for one, of_error in zip(wrong, inner, strict=True):
                parts[one, list(found.owners), index] = _parts(of_error, found, errors[one, index])
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


def _inner(
    frames: Sequence[Samples], rows: Sequence[NDArray[np.float64]], reach_samples: int
) -> list[NDArray[np.float64]]:
    """Of each error (channels, samples) its inner products with each row shifted by −reach … reach against it:
    (rows, shifts, channels).
    """
    inner = shifted_products(rows, [channel for frame in frames for channel in frame], reach_samples)
    return [one.transpose(0, 2, 1) for one in np.split(inner, len(frames), axis=1)]


def _parts(inner: NDArray[np.float64], bases: FrameBases, energy: float) -> NDArray[np.float64]:
    """The energy that each owner explains of one frame of an error."""
    channels = inner.shape[2]
    inner = inner.reshape(len(bases.owners), -1, channels)
    found = np.concatenate([one.T @ part for one, part in zip(bases.filters, inner, strict=True)])
    explained = found if bases.within is None else bases.within @ found
    shares = np.sum(explained * (bases.inverse @ found), axis=1)
    ranks = np.array(bases.ranks)
    parts = np.add.reduceat(shares, np.cumsum([0, *ranks[:-1]]))
    # Of an independent noise every dimension takes its share, with no source in it.
    by_chance = min(bases.noise_share * bases.dimensions, 0.5)
    noise = max(energy - float(parts.sum()), 0.0) / (1 - by_chance)
    return np.asarray(parts - noise * bases.noise_share * ranks * (bases.dimensions / ranks.sum()))
