"""The metric `energies`: what the error of an estimate is made of, in dB of the source's own energy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from soundstage.audio import Samples
from soundstage.contracts import Measure, Score, Scorer
from soundstage_metrics import claims as claims_of
from soundstage_metrics import validate
from soundstage_metrics.bit_depth import faint_frames, unranked_where_faint
from soundstage_metrics.energies.bases import frame_bases, frames_of, reach
from soundstage_metrics.energies.decomposition import ErrorEnergies, decomposed
from soundstage_metrics.spauq.gate import sounding

if TYPE_CHECKING:
    from soundstage.scene import Scene

LIMIT_DB = 80.0
"""Where every value ends, up and down."""

SHARED_SHARE = 0.1
"""Where frames with so much of the error have sources that cannot be told apart, nothing is ranked."""

NOISE_SHARE = 0.1
"""Nor is a value of which so much lies in frames in which a source is no louder than the last bit of its file."""

FROM = "interference_from_"
_PARTS = ("image_error", "interference", "artefacts")

Faint = tuple[NDArray[np.bool_], int]
"""In which frames a source is no louder than its last bit, and the bits of that: see `faint_frames`."""


class Energies:
    """Image error, interference and artefacts of each source, and interference from each named source.

    In dB of the source's own energy over the whole track, within ±80: the lower, the less of it. They add up to the
    error, as energies. `sources` names those whose interference has a row of its own; the total counts all. See
    `error_energies` for what is what. Where sources have directions in common in frames that hold a tenth of the error,
    shares of these are a convention, and the rows say so and are not ranked. Nor are values of which a tenth lies in
    frames where the source that they are of is no louder than the last bit of its file: what an error has in common
    with that is chance. Frames of 2 s have values of their own where the source sounds in them (within 60 dB of its
    loudest). A source that is silent, or a scene shorter than ten filters, is NaN and says why.
    """

    revision = 3

    def __init__(self, *, sources: tuple[str, ...] = ("vocals", "drums", "bass", "other")) -> None:
        """See the class."""
        self._sources = sources
        claims = {
            "image_error": (claims_of.SHORT_FILTERS, ("sources", "residual")),
            "interference": (("sources",), claims_of.NO_SOURCE),
            "artefacts": (("artefacts", "room"), ("image", "level", "polarity", "sources")),
        }
        self.measures = {
            name: Measure("dB", higher_is_better=False, follows=follows, ignores=ignores)
            for name, (follows, ignores) in claims.items()
        } | {
            FROM + source: Measure(
                "dB", higher_is_better=False, headline=False, follows=("sources",), ignores=claims_of.NO_SOURCE
            )
            for source in sources
        }

    def prepare(self, scene: Scene) -> Scorer:
        """A scorer that holds the bases of the scene's sources."""
        images = {source: validate.signal(image) for source, image in scene.references.items()}
        short = scene.mixture.shape[-1] < 10 * (2 * reach(scene.rate) + 1)
        bases = [] if short else frame_bases(list(images.values()), scene.rate)
        inside = [(frame.first, frame.last) for frame in frames_of(scene.mixture.shape[-1], scene.rate)]
        faint = {source: faint_frames(image, inside) for source, image in images.items()}
        sounds = {source: sounding(image, inside) for source, image in images.items()}

        def scores(estimates: Mapping[str, Samples]) -> Iterator[Score]:
            reasons = {source: _unscored(images[source], short) for source in estimates}
            scored = {source: estimate for source, estimate in estimates.items() if not reasons[source]}
            found = decomposed(images, bases, scored, scene.rate) if scored else {}
            for source, reason in reasons.items():
                if reason:
                    yield from (Score(source, name, math.nan, note=reason) for name in self.measures)
                else:
                    yield from self._rows(source, images, found[source], faint, sounds[source])

        return unranked_where_faint(scene, scores)

    def _rows(
        self,
        source: str,
        images: Mapping[str, Samples],
        found: ErrorEnergies,
        faint: Mapping[str, Faint],
        sounds: NDArray[np.bool_],
    ) -> Iterator[Score]:
        level, doubt = float(found.reference.sum()), _doubt(found)
        every = sum(found.interference.values(), np.zeros(len(found.error)))
        parts = dict(zip(_PARTS, (found.image, every, found.artefacts), strict=True))
        made_of = {"image_error": {source: found.image}, "interference": found.interference, "artefacts": {}}
        for name, part in parts.items():
            note = "" if name == "artefacts" else doubt or _chance(made_of[name], faint, level)
            yield Score(source, name, level_db(float(part.sum()), level), note=note, ranked=not note)
        for other in self._sources:
            if reason := _missing(source, other, images):
                yield Score(source, FROM + other, math.nan, note=reason)
            else:
                part = found.interference[other]
                note = doubt or _chance({other: part}, faint, level)
                yield Score(source, FROM + other, level_db(float(part.sum()), level), note=note, ranked=not note)
        for name, part in parts.items():
            for frame, is_heard in enumerate(sounds.tolist()):
                value = level_db(float(part[frame]), float(found.reference[frame])) if is_heard else math.nan
                yield Score(source, name, value, frame, "" if is_heard else "the reference is silent here")


def level_db(energy: float, level: float) -> float:
    """An energy in dB of a level, within ±80; nothing, or less than nothing, is −80.

    >>> level_db(0.01, 1.0), level_db(0.0, 1.0), level_db(-1.0, 1.0), level_db(1.0, 1e-12)
    (-20.0, -80.0, -80.0, 80.0)
    """
    limit = 10 ** (LIMIT_DB / 10)
    return 10 * math.log10(min(max(energy / level, 1 / limit), limit))


def _unscored(image: Samples, short: bool) -> str:
    """Why a source has no values; empty where it has."""
    if validate.is_silent(image):
        return "the reference is silent"
    return "the scene is shorter than ten filters of 1 ms" if short else ""


def _missing(source: str, other: str, images: Mapping[str, Samples]) -> str:
    """Why there is no interference from there; empty where there may be."""
    if other == source:
        return "it is the source itself"
    if other not in images:
        return f"the scene has no {other}"
    return f"{other} is silent" if validate.is_silent(images[other]) else ""


def _doubt(found: ErrorEnergies) -> str:
    """Why sources are not told apart; empty where they are."""
    total = float(found.error.sum())
    if total <= validate.SILENCE or found.error[found.is_shared].sum() < SHARED_SHARE * total:
        return ""
    return (
        f"in {np.count_nonzero(found.is_shared)} of {len(found.is_shared)} frames sources sound alike through short"
        " filters, and share what they have in common"
    )


def _chance(parts: Mapping[str, NDArray[np.float64]], faint: Mapping[str, Faint], level: float) -> str:
    """Why a value that adds up these parts, source → (frames,), is one of chance; empty where it is not."""
    total = max(abs(sum(float(part.sum()) for part in parts.values())), level * 10 ** (-LIMIT_DB / 10))
    by_chance = {source: float(np.abs(part[faint[source][0]]).sum()) for source, part in parts.items()}
    if sum(by_chance.values()) <= NOISE_SHARE * total:
        return ""
    most = max(by_chance, key=lambda source: by_chance[source])
    frames, bits = faint[most]
    return (
        f"set by {bits}-bit noise: in {np.count_nonzero(frames)} of {len(frames)} frames {most} is no louder than that"
    )
