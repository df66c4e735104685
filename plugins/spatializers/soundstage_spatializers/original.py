"""The dataset's own stereo: no rendering at all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from soundstage.errors import SoundstageError
from soundstage.scene import Scene
from soundstage_spatializers.stems import checked_length, stereo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from soundstage.audio import Samples
    from soundstage.scene import Placement, Track

BLOCK = 1 << 14
"""Samples looked at at once, so that they stay where the processor has them at hand."""


class Original:
    """The stems as they were mixed, and the dataset's own mixture where there is one, else their sum."""

    revision = 2
    uses_placement = False

    def render(self, track: Track, placement: Placement | None) -> Scene:
        """The scene. A mono stem or mixture goes to both channels at unit gain; the placement is not looked at.

        How far the dataset's mixture is from the sum of the stems stands in `details`, in dB relative to the mixture.
        """
        length = checked_length(track)
        references = {name: stereo(stem) for name, stem in track.stems.items()}
        if track.mixture is None:
            total = np.zeros((2, length))
            for reference in references.values():
                total += reference
            return Scene(track.rate, total, references, details={"mixture": "sum of the stems"})
        if track.mixture.ndim != 2 or track.mixture.shape[0] not in (1, 2) or track.mixture.shape[1] != length:
            raise SoundstageError(
                f"track '{track.id}', mixture: shape {track.mixture.shape} where (1 or 2, {length}) was expected;"
                " cut or pad it to the stems, or leave it out"
            )
        mixture = stereo(track.mixture)
        return Scene(track.rate, mixture, references, details=_deviation(mixture, references))


def _deviation(mixture: Samples, references: Mapping[str, Samples]) -> dict[str, Any]:
    """Facts about mixture − sum; the level is None where there is none (equal, or a silent mixture)."""
    difference = energy = 0.0
    for start in range(0, mixture.shape[1], BLOCK):
        part = mixture[:, start : start + BLOCK]
        total = np.zeros(part.shape)
        for reference in references.values():
            total += reference[:, start : start + BLOCK]
        total -= part
        difference += float(np.sum(total * total))
        energy += float(np.sum(part * part))
    level = 10.0 * math.log10(difference / energy) if difference > 0.0 and energy > 0.0 else None
    return {
        "mixture": "the dataset's own",
        "mixture_equals_sum": difference == 0.0,
        "mixture_minus_sum_db": None if level is None else round(level, 2),
    }
