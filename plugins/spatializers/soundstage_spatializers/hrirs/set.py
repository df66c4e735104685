"""A set of measured HRIRs: which direction is nearest, and its pair of impulse responses at a track's rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from soundstage.audio import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soundstage.audio import Samples

SKIRT: Final = 160
"""Samples, at the lower rate, that resampling spreads a pulse to on either side; beyond lie 200 dB less."""

LONGEST_SEARCH: Final = 4096


@dataclass(frozen=True, slots=True)
class Nearest:
    """The direction from which one asked for is heard, in degrees, and the great-circle angle between the two.

    index: of the measured direction, which is the nearest one.
    """

    index: int
    azimuth: float
    elevation: float
    error_deg: float

    @property
    def direction(self) -> tuple[float, float]:
        """Azimuth and elevation."""
        return self.azimuth, self.elevation


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
        errors = _angles_deg(self.directions, np.array([azimuth, elevation]))
        index = int(np.argmin(errors))
        found_azimuth, found_elevation = (float(angle) for angle in self.directions[index])
        return Nearest(index, found_azimuth, found_elevation, float(errors[index]))

    def pair(self, index: int, rate: int) -> Samples:
        """The pair of one direction at `rate` Hz, (2, taps), as `at_rate` makes it."""
        return self.at_rate(np.ascontiguousarray(self.responses[index]), rate)

    def at_rate(self, pair: Samples, rate: int) -> Samples:
        """A pair at the set's rate brought to `rate` Hz, (2, taps); resampled pairs keep their frequency response.

        Resampling is linear-phase (soxr VHQ) and rings before and after a pulse; zeros on both sides make room for it,
        the same for all directions, and `latency_at` counts those in front.
        """
        if rate == self.rate:
            return pair
        room = resampling_room(self.rate, rate)
        return resample(np.pad(pair, ((0, 0), (room, room))), self.rate, rate) * (self.rate / rate)

    def latency_at(self, rate: int, more: int = 0) -> int:
        """The latency in samples at `rate` Hz, to the nearest one, with what resampling to that rate adds.

        more: samples, at the set's rate, by which pairs were delayed besides.
        """
        room = 0 if rate == self.rate else resampling_room(self.rate, rate)
        return round((self.latency + more + room) * rate / self.rate)


def resampling_room(rate: int, target: int) -> int:
    """The zeros, at `rate` Hz, that go before what is resampled to `target` Hz: enough for the filter's skirt.

    They last a whole number of samples at both rates, or, where the rates have too little in common, nearly so.
    """
    least = math.ceil(SKIRT * max(1.0, rate / target))
    rests = [zeros * target % rate for zeros in range(least, least + LONGEST_SEARCH)]
    return least + min(range(LONGEST_SEARCH), key=lambda index: min(rests[index], rate - rests[index]))


def angle_deg(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The great-circle angle between two directions of azimuth and elevation, all in degrees, to a millionth."""
    return float(_angles_deg(one[np.newaxis], other)[0])


def _angles_deg(directions: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    chords = np.linalg.norm(unit_vectors(directions) - unit_vectors(wanted[np.newaxis]), axis=1)
    return np.asarray(np.round(np.degrees(2.0 * np.arcsin(np.minimum(chords / 2.0, 1.0))), 6))


def unit_vectors(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Azimuths and elevations in degrees, (n, 2), as vectors (x front, y left, z up), (n, 3)."""
    azimuth, elevation = np.radians(directions).T
    return np.stack(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], axis=1
    )
