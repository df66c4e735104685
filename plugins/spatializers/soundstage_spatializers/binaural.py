"""Binaural scenes: each stem as a point source, heard by a head; and what the spatializers of heads share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from soundstage.errors import SoundstageError
from soundstage.scene import Scene
from soundstage_spatializers.convolution import convolved
from soundstage_spatializers.moving import moved, step_samples, steps_of
from soundstage_spatializers.stems import checked_length, mono, needed_placement

if TYPE_CHECKING:
    from soundstage.scene import Placement, Track
    from soundstage_spatializers.hrirs.heads import Head

Level = Literal["consistent", "published"]

OPTIONS: Final[Mapping[str, Sequence[str]]] = {
    "level": ("consistent", "published"),
    "azimuths": ("counter-clockwise", "clockwise"),
    "ears": ("declared", "swapped"),
    "contradiction": ("refused", "accepted"),
    "interpolation": ("nearest", "linear"),
}


def check_parameters(spatializer: str, words: Mapping[str, str], angles: Mapping[str, float]) -> None:
    """Raise SoundstageError for a word that is not among its OPTIONS, or an angle beyond 0 to 180 degrees."""
    for name, value in words.items():
        options = OPTIONS[name]
        if value not in options:
            raise SoundstageError(
                f"spatializer '{spatializer}': {name} '{value}' is unknown; take '{options[0]}' or '{options[1]}'"
            )
    for name, angle in angles.items():
        if not 0.0 <= angle <= 180.0:
            raise SoundstageError(f"spatializer '{spatializer}': {name} must be from 0 to 180 degrees, not {angle:g}")


def binaural_scene(head: Head, track: Track, placement: Placement | None, level: Level) -> Scene:
    """Each stem averaged to mono and convolved with its pair, or with those of its way, stem samples + taps − 1 long.

    Raises SoundstageError naming the track and stem, or the file of the head, that is not as it should be.
    """
    checked_length(track)
    placement = needed_placement(track, placement)
    heard = head.heard(track, placement)
    references = {}
    moves = {}
    for name, stem in track.stems.items():
        if name in placement.motions:
            steps = steps_of(placement.motions[name], stem.shape[1], track.rate)
            pairs, moves[name] = head.along(track, name, steps, placement.elevation(name))
            references[name] = moved(mono(stem), pairs, step_samples(track.rate))
        else:
            references[name] = convolved(mono(stem), heard.pairs[name])
    total = np.zeros_like(next(iter(references.values())))
    for reference in references.values():
        total += reference
    peak = float(np.max(np.abs(total)))
    normalised = level == "published" and peak > 0.0
    return Scene(
        track.rate,
        total / peak if normalised else total,
        references,
        placement,
        gain=1.0 / peak if normalised else 1.0,
        latency=heard.latency,
        details={**heard.facts, **({"moves": moves} if moves else {}), "level": level, "peak_of_sum": peak},
        hrirs=head.table(track.rate),
    )
