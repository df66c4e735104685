"""A set of measured HRIRs: which direction is nearest, and its pair of impulse responses at a track's rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from soundstage.audio import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soundstage.audio import Samples


@dataclass(frozen=True, slots=True)
class Nearest:
    """The measured direction nearest to one asked for, in degrees, and the great-circle angle between the two."""

    index: int
    azimuth: float
    elevation: float
    error_deg: float


@dataclass(frozen=True, slots=True, eq=False)
class HrirSet:
    """Impulse responses of many directions.

    kind: what they were read from. rate: in Hz. directions: (directions, 2), azimuth and elevation in degrees,
    counter-clockwise. responses: (directions, 2, taps), left ear first. latency: samples by which reading delayed all.
    """

    kind: str
    rate: int
    directions: NDArray[np.float64]
    responses: NDArray[np.float64]
    latency: int = 0

    def nearest(self, azimuth: float, elevation: float) -> Nearest:
        """The measured direction at the least great-circle distance; of equally near ones the first in the set."""
        wanted = unit_vectors(np.array([[azimuth, elevation]]))
        chords = np.linalg.norm(unit_vectors(self.directions) - wanted, axis=1)
        errors = np.round(np.degrees(2.0 * np.arcsin(np.minimum(chords / 2.0, 1.0))), 6)
        index = int(np.argmin(errors))
        found_azimuth, found_elevation = (float(angle) for angle in self.directions[index])
        return Nearest(index, found_azimuth, found_elevation, float(errors[index]))

    def pair(self, index: int, rate: int) -> Samples:
        """The pair of one direction at `rate` Hz, (2, taps); resampled pairs keep their frequency response.

        Resampling is linear-phase (soxr VHQ), so a response should begin with some zeros, as measured ones do.
        """
        pair = np.ascontiguousarray(self.responses[index])
        return pair if rate == self.rate else resample(pair, self.rate, rate) * (self.rate / rate)

    def latency_at(self, rate: int) -> int:
        """The latency in samples at `rate` Hz, to the nearest one."""
        return round(self.latency * rate / self.rate)


def unit_vectors(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Azimuths and elevations in degrees, (n, 2), as vectors (x front, y left, z up), (n, 3)."""
    azimuth, elevation = np.radians(directions).T
    return np.stack(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], axis=1
    )
