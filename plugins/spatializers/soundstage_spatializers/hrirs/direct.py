"""The direct sound of room responses: what comes before the room, and tells where a source is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soundstage_spatializers.hrirs.set import HrirSet

ONSET_DB: Final = -20.0
"""Relative to a pair's peak: where the direct sound begins, as ISO 3382-1 finds the start of a room response."""

BEFORE_MS: Final = 1.0
KEPT_MS: Final = 3.0
FADED_MS: Final = 4.0
"""From the onset. The far ear is up to 0.8 ms later; the first reflection, off the floor, comes 3 ms or more later."""


def onsets(hrirs: HrirSet) -> NDArray[np.intp]:
    """The sample at which each pair begins, the earlier ear's, (directions,); 0 where it is silent."""
    levels = np.max(np.abs(hrirs.responses), axis=1)
    threshold = 10.0 ** (ONSET_DB / 20.0) * np.max(levels, axis=1, keepdims=True)
    return np.asarray(np.argmax(levels >= threshold, axis=1))


def direct_sound(hrirs: HrirSet) -> HrirSet:
    """The set without its room: each pair from BEFORE_MS before its onset, and gone FADED_MS after it.

    Both ears of a pair are cut alike, so that their differences stay; what all pairs lose in front differs.
    """
    before, kept, faded = (round(duration * hrirs.rate / 1000.0) for duration in (BEFORE_MS, KEPT_MS, FADED_MS))
    fade = 0.5 + 0.5 * np.cos(np.pi * (np.arange(faded - kept) + 0.5) / (faded - kept))
    window = np.concatenate([np.ones(before + kept), fade])
    padded = np.pad(hrirs.responses, ((0, 0), (0, 0), (before, faded)))
    places = onsets(hrirs)[:, np.newaxis] + np.arange(len(window))
    cut = np.take_along_axis(padded, np.broadcast_to(places[:, np.newaxis], (*padded.shape[:2], len(window))), axis=2)
    return replace(hrirs, responses=cut * window, latency=0)
