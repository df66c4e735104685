"""The energies that an error is made of, frame by frame, by least squares on the sources of the scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundstage.audio import Samples
from soundstage_metrics import validate
from soundstage_metrics.bsseval.correlation import correlations
from soundstage_metrics.energies.bases import FrameBases, frame_bases, frame_bounds, reach, windowed


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
    return decomposed(images, bases, source, validate.signal(estimate), rate)


def decomposed(
    images: Mapping[str, Samples], bases: Sequence[FrameBases], source: str, estimate: Samples, rate: float
) -> ErrorEnergies:
    """See `error_energies`; bases: the scene's, kept from estimate to estimate."""
    names = list(images)
    bounds = frame_bounds(estimate.shape[-1], rate)
    difference = estimate - images[source]
    errors, levels = np.zeros(len(bounds)), np.zeros(len(bounds))
    parts = np.zeros((len(names), len(bounds)))
    for index, ((start, stop), found) in enumerate(zip(bounds, bases, strict=True)):
        frame = windowed(difference, start, stop)
        errors[index] = validate.energies(frame).sum()
        levels[index] = validate.energies(windowed(images[source], start, stop)).sum()
        if found.owners and errors[index] > validate.SILENCE:
            rows = [channel for owner in found.owners for channel in windowed(images[names[owner]], start, stop)]
            parts[list(found.owners), index] = _parts(frame, rows, found, reach(rate), errors[index])
    return ErrorEnergies(
        error=errors,
        image=parts[names.index(source)],
        interference={name: part for name, part in zip(names, parts, strict=True) if name != source},
        artefacts=errors - parts.sum(axis=0),
        reference=levels,
        is_shared=np.array([found.is_shared for found in bases]),
    )


def _parts(
    frame: Samples, rows: Sequence[NDArray[np.float64]], bases: FrameBases, reach_samples: int, energy: float
) -> NDArray[np.float64]:
    """The energy that each owner explains of one frame of an error."""
    taps = 2 * reach_samples + 1
    # Each row shifted by −reach … reach against the error: (rows, error channels, shifts).
    inner = correlations(rows, list(frame), taps)[:, :, taps - 1 - reach_samples : taps + reach_samples]
    inner = inner.reshape(len(bases.owners), -1, len(frame), taps).transpose(0, 1, 3, 2)
    found = np.concatenate(
        [one.T @ part.reshape(-1, len(frame)) for one, part in zip(bases.filters, inner, strict=True)]
    )
    turned = bases.turn.T @ found
    explained, coefficients = bases.turn @ turned, bases.turn @ (turned / bases.power[:, None])
    shares = np.sum(explained * coefficients, axis=1)
    ranks = np.array(bases.ranks)
    parts = np.add.reduceat(shares, np.cumsum([0, *ranks[:-1]]))
    # Of an independent noise every dimension takes its share, with no source in it.
    by_chance = min(bases.noise_share * len(bases.power), 0.5)
    noise = max(energy - float(parts.sum()), 0.0) / (1 - by_chance)
    return np.asarray(parts - noise * bases.noise_share * ranks * (len(bases.power) / ranks.sum()))
