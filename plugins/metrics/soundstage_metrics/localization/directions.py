"""What the ears get from every direction that an image may be heard from: a scene's HRIRs, or its panning law."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from soundstage_metrics.cues.angle import at_bins
from soundstage_metrics.cues.frames import PHASE_HZ, band_starts, bin_frequencies, frame_length

if TYPE_CHECKING:
    from soundstage.scene import HrirTable

STEP_DEG = 1.0
"""Directions lie this far apart; between those of the set, level and phase between the ears are interpolated."""

WIDEST_GAP_DEG = 45.0
"""Between directions of the set farther apart than this none is made up."""

_LEAST = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """What a white source at each azimuth gives the ears, bin by bin.

    azimuths: (directions,) in degrees, those in front first. left: (directions, bins), the left ear's share of both
    ears' energy. cross: (directions, phase bins), L·R* over both ears' energy. lateral: (directions,), −90 to 90: the
    azimuth, and behind the listener its mirror image in front. front: how many are in front. loudspeakers: whether
    azimuths are panning angles.
    """

    azimuths: NDArray[np.float64]
    left: NDArray[np.float64]
    cross: NDArray[np.complex128]
    front: int
    loudspeakers: bool = False

    @property
    def lateral(self) -> NDArray[np.float64]:
        """See above."""
        return lateral_deg(self.azimuths)


def lateral_deg(azimuth: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Azimuths in degrees within ±180, those behind the listener mirrored to the front.

    ITD and ILD tell this angle; which half-plane a sound is in, they hardly tell.

    >>> lateral_deg(np.array([30.0, 150.0, -100.0])).tolist()
    [30.0, 30.0, -80.0]
    """
    azimuths = np.asarray(azimuth, dtype=np.float64)
    return np.where(np.abs(azimuths) <= 90.0, azimuths, np.copysign(180.0, azimuths) - azimuths)


@lru_cache(maxsize=4)
def hrir_directions(hrirs: HrirTable, rate: float) -> Directions:
    """The directions of an HRIR set at `rate` Hz. Raises ValueError where it has fewer than two in front.

    Scenes of one spatializer share their table, and it is worked on once.
    """
    if np.count_nonzero(np.abs(hrirs.azimuths) <= 90.0) < 2:
        raise ValueError("the HRIR set has fewer than two directions on the frontal horizontal plane")
    azimuths, kept = np.unique(hrirs.azimuths, return_index=True)
    bins = int(band_starts(rate)[-1])
    spectra = at_bins(hrirs.responses[kept], frame_length(rate))[..., :bins]
    powers = spectra.real**2 + spectra.imag**2
    floor = np.maximum(powers.max(axis=(1, 2), keepdims=True) * 1e-12, np.finfo(float).tiny)
    powers = np.maximum(powers, floor)
    level = np.log(powers[:, 0] / powers[:, 1])
    below = int(np.searchsorted(bin_frequencies(rate), PHASE_HZ - 1e-6))
    turns = np.exp(1j * np.angle(spectra[:, 0, :below] * spectra[:, 1, :below].conj()))
    at, before, after, share = _between(azimuths)
    levels = level[before] + share[:, None] * (level[after] - level[before])
    moved = np.angle(turns[after] * turns[before].conj())
    turned = turns[before] * np.exp(1j * share[:, None] * moved)
    left = 1 / (1 + np.exp(-levels))
    return Directions(at, left, turned * np.sqrt(left * (1 - left))[:, :below], int(np.count_nonzero(np.abs(at) <= 90)))


def panning_directions(rate: float) -> Directions:
    """Panning angles α from −45° to 45°: one signal in both channels, at gains sin(45° + α) and sin(45° − α)."""
    angles = np.arange(-45.0, 45.0 + STEP_DEG / 2, STEP_DEG / 2)
    left = np.clip(np.sin(np.radians(45.0 + angles)) ** 2, _LEAST, 1 - _LEAST)
    below, bins = int(np.searchsorted(bin_frequencies(rate), PHASE_HZ - 1e-6)), int(band_starts(rate)[-1])
    every = np.repeat(left[:, None], bins, axis=1)
    cross = np.sqrt(every * (1 - every))[:, :below].astype(np.complex128)
    return Directions(angles, every, cross, len(angles), loudspeakers=True)


def _between(
    azimuths: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The azimuths to be searched, the measured ones before and after each, and how far it is along from the first."""
    found = []
    for index, azimuth in enumerate(azimuths.tolist()):
        following = (index + 1) % len(azimuths)
        gap = float(azimuths[following] - azimuth) % 360.0
        steps = max(1, round(gap / STEP_DEG)) if 0 < gap <= WIDEST_GAP_DEG else 1
        for step in range(steps):
            between = (azimuth + gap * step / steps + 180.0) % 360.0 - 180.0
            found.append((between, index, following, step / steps))
    # In front first, and from one side to the other: where both halves answer alike the one in front is found.
    found.sort(key=lambda one: (abs(one[0]) > 90.0, one[0]))
    at, before, after, share = (np.array(column) for column in zip(*found, strict=True))
    return at, before, after, share
