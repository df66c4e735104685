"""Between measured directions: neighbours on the sphere, their arrivals made equal, their waves blended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from soundstage.errors import SoundstageError
from soundstage_spatializers.hrirs.set import Nearest, unit_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soundstage.audio import Samples
    from soundstage_spatializers.hrirs.set import HrirSet

LEVEL_DEG: Final = 0.5
"""A set whose elevations are all this near to 0 is a ring, and has two neighbours on it for every azimuth."""

WIDEST_DEG: Final = 60.0
"""Neighbours that are farther apart than this are not blended: the nearest one is taken."""

ROOM_MS: Final = 1.0
OVERSAMPLING: Final = 8
SEARCHED_HZ: Final = 8000.0
"""Arrivals are sought below; above, the pinna's notches move with direction, and the wave with them."""


@dataclass(frozen=True, slots=True)
class Blend:
    """Measured directions, and the weight of each; the weights sum to 1."""

    indices: tuple[int, ...]
    weights: tuple[float, ...]


class Blender:
    """A set with what interpolation needs of it, worked out once.

    Of each direction only its neighbours count: the corners of the triangle of the sphere's (Delaunay) triangulation
    that it lies in, with barycentric weights, or on a ring the two beside it. Weights are exact at measured directions
    and continuous in between. Each ear's responses are first shifted to one arrival, the weighted mean of their own, so
    that what is blended are waves that coincide, and the difference of arrival between the ears is interpolated too.
    """

    def __init__(self, hrirs: HrirSet) -> None:
        self._hrirs = hrirs
        places: NDArray[np.float64] = np.asarray(np.round(unit_vectors(hrirs.directions), 9))
        self._chosen: NDArray[np.intp] = np.sort(np.unique(places, axis=0, return_index=True)[1])
        self._ways = unit_vectors(hrirs.directions[self._chosen])
        self._is_ring = bool(np.all(np.abs(hrirs.directions[:, 1]) <= LEVEL_DEG))
        if self._is_ring:
            azimuths = hrirs.directions[self._chosen, 0] % 360.0
            order = np.argsort(azimuths, kind="stable")
            self._chosen, self._azimuths = self._chosen[order], azimuths[order]
        else:
            self._triangles, self._inverses = _triangulated(self._ways)
        self.room = round(ROOM_MS * hrirs.rate / 1000.0)
        self._arrivals: NDArray[np.float64] | None = None

    def blend(self, azimuth: float, elevation: float) -> Blend:
        """The neighbours of a direction in degrees that have a weight; the nearest alone where they are far away."""
        corners, weights = self._on_ring(azimuth) if self._is_ring else self._on_sphere(azimuth, elevation)
        ways = unit_vectors(self._hrirs.directions[corners])
        widest = np.degrees(np.arccos(np.clip(np.min(ways @ ways.T), -1.0, 1.0)))
        if widest > WIDEST_DEG or corners[0] == corners[1]:
            return Blend((self._hrirs.nearest(azimuth, elevation).index,), (1.0,))
        kept = weights > 1e-9
        weights = weights[kept] / weights[kept].sum()
        return Blend(tuple(corners[kept].tolist()), tuple(weights.tolist()))

    def heard_from(self, blend: Blend, azimuth: float, elevation: float) -> Nearest:
        """The direction that a blend stands for: itself, on a ring at the ring's height, or the one it takes alone."""
        nearest = self._hrirs.nearest(azimuth, elevation)
        if len(blend.indices) == 1:
            return nearest
        return Nearest(nearest.index, azimuth, *((0.0, abs(elevation)) if self._is_ring else (elevation, 0.0)))

    def pair(self, blend: Blend) -> Samples:
        """The pair of a blend at the set's rate, (2, taps + 2 · room), `room` samples later than the set's own."""
        responses = np.pad(self._hrirs.responses[list(blend.indices)], ((0, 0), (0, 0), (self.room, self.room)))
        if len(blend.indices) == 1:
            return np.asarray(responses[0])
        if self._arrivals is None:
            self._arrivals = arrivals(self._hrirs)
        own = self._arrivals[list(blend.indices)]
        weights = np.array(blend.weights)
        later = weights @ own - own
        taps = responses.shape[2]
        frequencies = np.fft.rfftfreq(taps)
        spectra = np.fft.rfft(responses) * np.exp(-2j * np.pi * frequencies * later[..., np.newaxis])
        return np.asarray(np.fft.irfft(np.einsum("d,def->ef", weights, spectra), taps))

    def _on_ring(self, azimuth: float) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        after = int(np.searchsorted(self._azimuths, azimuth % 360.0, side="right")) % len(self._azimuths)
        before = after - 1
        gap = (self._azimuths[after] - self._azimuths[before]) % 360.0 or 360.0
        along = (azimuth - self._azimuths[before]) % 360.0 / gap
        return self._chosen[[before, after]], np.array([1.0 - along, along])

    def _on_sphere(self, azimuth: float, elevation: float) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        way = unit_vectors(np.array([[azimuth, elevation]]))[0]
        weights = self._inverses @ way
        best = int(np.argmax(np.min(weights, axis=1)))
        found = np.maximum(weights[best], 0.0)
        return self._chosen[self._triangles[best]], found / found.sum()


def _triangulated(ways: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The triangles of the convex hull, (triangles, 3), and for each what makes weights of a direction, (…, 3, 3)."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        triangles = ConvexHull(ways).simplices
    except (QhullError, ValueError):
        raise SoundstageError(
            "the directions of the set lie in one plane that is not the horizontal one; take interpolation=nearest"
        ) from None
    corners = ways[triangles].transpose(0, 2, 1)
    solid = np.abs(np.linalg.det(corners)) > 1e-9  # of planes through the head's centre nothing can be told
    return triangles[solid].astype(np.intp), np.linalg.inv(corners[solid])


def arrivals(hrirs: HrirSet) -> NDArray[np.float64]:
    """When each response arrives, in samples to a fraction, (directions, 2).

    Where it correlates best with its own minimum-phase version (On the minimum-phase nature of head-related transfer
    functions, 125th Convention of the AES, 2008), which is the same wave at time 0.
    """
    taps = hrirs.responses.shape[2]
    length = 1 << (4 * taps - 1).bit_length()
    spectra = np.fft.rfft(hrirs.responses, length)
    magnitudes = np.abs(spectra)
    floor = 1e-6 * np.maximum(np.max(magnitudes, axis=2, keepdims=True), np.finfo(float).tiny)
    cepstra = np.fft.irfft(np.log(np.maximum(magnitudes, floor)))
    folded = np.zeros(length)
    folded[0] = folded[length // 2] = 1.0
    folded[1 : length // 2] = 2.0
    minimum = np.exp(np.fft.rfft(cepstra * folded))
    band = np.exp(-((np.fft.rfftfreq(length, 1.0 / hrirs.rate) / SEARCHED_HZ) ** 4))
    products = spectra * np.conj(minimum) * band
    found = np.empty(hrirs.responses.shape[:2])
    for direction, product in enumerate(products):
        correlation = np.fft.irfft(product, OVERSAMPLING * length)[:, : OVERSAMPLING * taps]
        peaks = np.argmax(correlation, axis=1)
        found[direction] = [peak + _vertex(one, int(peak)) for one, peak in zip(correlation, peaks, strict=True)]
    return found / OVERSAMPLING


def _vertex(values: NDArray[np.float64], peak: int) -> float:
    """How far from its highest value a curve's vertex lies, in samples."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    before, here, after = values[peak - 1 : peak + 2]
    bend = before - 2.0 * here + after
    return float(0.5 * (before - after) / bend) if bend else 0.0
