"""What hears the sources of a binaural scene: a rigid sphere, a measured head, a head in a room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from soundstage.errors import SoundstageError
from soundstage.scene import HrirTable, signed_azimuth
from soundstage_spatializers.hrirs.direct import onsets
from soundstage_spatializers.hrirs.interpolation import Blend, Blender
from soundstage_spatializers.hrirs.measured import Measured, check_distance, notices, read_measured
from soundstage_spatializers.hrirs.sphere import RADIUS_M, SPEED_OF_SOUND_M_S, sphere_hrir, sphere_latency

if TYPE_CHECKING:
    from pathlib import Path

    from soundstage.audio import Samples
    from soundstage.scene import Placement, Track
    from soundstage_spatializers.hrirs.consistency import Azimuths, Ears
    from soundstage_spatializers.hrirs.set import HrirSet, Nearest

HORIZONTAL_DEG: Final = 0.5
"""Measured directions this near to the horizontal plane go with the scene."""

SPHERE_STEP_DEG: Final = 5


@dataclass(frozen=True, slots=True)
class Heard:
    """The pair of every stem, (2, taps), facts about them, and the latency in samples."""

    pairs: Mapping[str, Samples]
    facts: Mapping[str, Any]
    latency: int


class Head(Protocol):
    """What hears sources."""

    def heard(self, track: Track, placement: Placement) -> Heard:
        """The pairs of a track's stems at its rate, of those that move where they start.

        Raises SoundstageError naming track and stem, or the file.
        """

    def along(
        self, track: Track, name: str, azimuths: Sequence[float], elevation: float
    ) -> tuple[list[Samples], dict[str, Any]]:
        """The pair of a stem at every step of its way, the same array where it is the same, and facts about them.

        Raises as `heard` does.
        """

    def table(self, rate: int) -> HrirTable | None:
        """The horizontal plane at `rate` Hz, made once; None where there is nothing."""


class Sphere:
    """The rigid sphere, exact in every direction."""

    def heard(self, track: Track, placement: Placement) -> Heard:
        """The pairs of the stems' own directions."""
        pairs, used = {}, {}
        for name in track.stems:
            azimuth, elevation = placement.azimuths[name], placement.elevation(name)
            pairs[name] = sphere_hrir(azimuth, elevation, track.rate)
            used[name] = {"azimuth": azimuth, "elevation": elevation, "error_deg": 0.0}
        facts = {
            "hrtf": "rigid sphere",
            "radius_m": RADIUS_M,
            "speed_of_sound_m_s": SPEED_OF_SOUND_M_S,
            "hrtf_rate": track.rate,
            "hrtf_resampled": None,
            "taps": next(iter(pairs.values())).shape[1],
            "directions": used,
            "max_error_deg": 0.0,
        }
        return Heard(pairs, facts, sphere_latency(track.rate))

    def along(
        self, track: Track, name: str, azimuths: Sequence[float], elevation: float
    ) -> tuple[list[Samples], dict[str, Any]]:
        """The pairs of the directions themselves."""
        made = {azimuth: sphere_hrir(azimuth, elevation, track.rate) for azimuth in dict.fromkeys(azimuths)}
        return [made[azimuth] for azimuth in azimuths], {"directions": len(made), "max_error_deg": 0.0}

    def table(self, rate: int) -> HrirTable:
        """Every 5 degrees of the horizontal plane."""
        return _sphere_table(rate)


@dataclass(slots=True)
class MeasuredHead:
    """A measured set, read when it is first needed, once; one that is refused is refused again without reading it.

    room: whether it is one of a head in a room. interpolates: whether directions are blended from their neighbours. The
    other fields are as the parameters of the spatializers.
    """

    path: Path
    azimuths: Azimuths
    ears: Ears
    accepts_contradiction: bool
    notice_beyond_deg: float
    refuse_beyond_deg: float
    room: bool = False
    interpolates: bool = False
    _blender: Blender | None = None
    _set: Measured | SoundstageError | None = None
    _tables: dict[int, HrirTable | None] = field(default_factory=dict)

    def heard(self, track: Track, placement: Placement) -> Heard:
        """The pairs of the directions from which the stems' own are heard."""
        measured = self._measured()
        hrirs = measured.hrirs
        wanted = {name: (placement.azimuths[name], placement.elevation(name)) for name in track.stems}
        blends = {name: self._blend(*direction) for name, direction in wanted.items()}
        found = {name: self._heard_from(blends[name], *direction) for name, direction in wanted.items()}
        for name, near in found.items():
            where = f"track '{track.id}', stem '{name}'"
            check_distance(where, self.path, wanted[name], near, self.refuse_beyond_deg)
        pairs = {name: self._pair(blend, track.rate) for name, blend in blends.items()}
        said = list(notices(wanted, found, self.notice_beyond_deg))
        if not measured.lateral:
            said.append("the HRIR set has no lateral direction, so its ears could not be checked against its data")
        facts = {
            "hrtf": hrirs.kind,
            "hrtf_rate": hrirs.rate,
            "hrtf_resampled": None
            if hrirs.rate == track.rate
            else {"from": hrirs.rate, "to": track.rate, "by": "soxr VHQ"},
            "hrtf_checked_at": measured.lateral,
            "taps": next(iter(pairs.values())).shape[1],
            "directions": {
                name: {"azimuth": near.azimuth, "elevation": near.elevation, "error_deg": near.error_deg}
                for name, near in found.items()
            },
            "max_error_deg": max(near.error_deg for near in found.values()),
            **({"blended": _blended(hrirs, blends)} if self.interpolates else {}),
            **(_room_facts(hrirs, found) if self.room else {}),
            **({"notices": said} if said else {}),
        }
        return Heard(pairs, facts, hrirs.latency_at(track.rate, self._blender.room if self._blender else 0))

    def along(
        self, track: Track, name: str, azimuths: Sequence[float], elevation: float
    ) -> tuple[list[Samples], dict[str, Any]]:
        """The pairs of the directions from which the steps are heard."""
        where = f"track '{track.id}', stem '{name}'"
        pairs: dict[Blend, Samples] = {}
        of_steps: dict[float, Samples] = {}
        errors = []
        for azimuth in dict.fromkeys(azimuths):
            blend = self._blend(azimuth, elevation)
            near = self._heard_from(blend, azimuth, elevation)
            check_distance(where, self.path, (azimuth, elevation), near, self.refuse_beyond_deg)
            errors.append(near.error_deg)
            if blend not in pairs:
                pairs[blend] = self._pair(blend, track.rate)
            of_steps[azimuth] = pairs[blend]
        return [of_steps[azimuth] for azimuth in azimuths], {"directions": len(pairs), "max_error_deg": max(errors)}

    def _blend(self, azimuth: float, elevation: float) -> Blend:
        hrirs = self._measured().hrirs
        if not self.interpolates:
            return Blend((hrirs.nearest(azimuth, elevation).index,), (1.0,))
        if self._blender is None:
            try:
                self._blender = Blender(hrirs)
            except SoundstageError as error:
                raise SoundstageError(f"{self.path}: {error}") from None
        return self._blender.blend(azimuth, elevation)

    def _heard_from(self, blend: Blend, azimuth: float, elevation: float) -> Nearest:
        if self._blender is None:
            return self._measured().hrirs.nearest(azimuth, elevation)
        return self._blender.heard_from(blend, azimuth, elevation)

    def _pair(self, blend: Blend, rate: int) -> Samples:
        hrirs = self._measured().hrirs
        if self._blender is None:
            return hrirs.pair(blend.indices[0], rate)
        return hrirs.at_rate(self._blender.pair(blend), rate)

    def table(self, rate: int) -> HrirTable | None:
        """The set's horizontal plane; of a head in a room its direct sound."""
        if rate not in self._tables:
            measured = self._measured()
            self._tables[rate] = _measured_table(measured.direct, rate)
        return self._tables[rate]

    def _measured(self) -> Measured:
        if self._set is None:
            try:
                self._set = read_measured(
                    self.path,
                    self.azimuths,
                    self.ears,
                    accepts_contradiction=self.accepts_contradiction,
                    room=self.room,
                )
            except SoundstageError as error:
                self._set = error
        if isinstance(self._set, SoundstageError):
            raise SoundstageError(str(self._set))
        return self._set


def _blended(hrirs: HrirSet, blends: Mapping[str, Blend]) -> dict[str, Any]:
    """Source → the measured directions that it is heard through, and the weight of each."""
    return {
        name: [
            {**dict(zip(("azimuth", "elevation"), hrirs.directions[index].tolist(), strict=True)), "weight": weight}
            for index, weight in zip(blend.indices, blend.weights, strict=True)
        ]
        for name, blend in blends.items()
    }


def _room_facts(hrirs: HrirSet, found: Mapping[str, Nearest]) -> dict[str, Any]:
    """When the direct sound of each source begins, in milliseconds from the start of its response."""
    begins = onsets(hrirs) * (1000.0 / hrirs.rate)
    return {
        "room": True,
        "direct_sound_ms": {name: round(float(begins[near.index]), 3) for name, near in found.items()},
    }


@lru_cache(maxsize=4)
def _sphere_table(rate: int) -> HrirTable:
    azimuths = np.arange(-180.0 + SPHERE_STEP_DEG, 180.0 + SPHERE_STEP_DEG, SPHERE_STEP_DEG)
    front = {azimuth: sphere_hrir(azimuth, 0.0, rate) for azimuth in azimuths if abs(azimuth) <= 90.0}
    # A sphere with ears at ±90° answers alike in front and behind.
    folded = np.where(np.abs(azimuths) <= 90.0, azimuths, np.copysign(180.0, azimuths) - azimuths)
    return _read_only(azimuths, np.zeros_like(azimuths), np.stack([front[azimuth] for azimuth in folded]))


def _measured_table(hrirs: HrirSet, rate: int) -> HrirTable | None:
    level = np.flatnonzero(np.abs(hrirs.directions[:, 1]) <= HORIZONTAL_DEG)
    if not len(level):
        return None
    azimuths = np.array([signed_azimuth(azimuth) for azimuth in hrirs.directions[level, 0]])
    order = np.argsort(azimuths, kind="stable")
    responses = np.stack([hrirs.pair(index, rate) for index in level[order].tolist()])
    return _read_only(azimuths[order], hrirs.directions[level[order], 1], responses)


def _read_only(*arrays: Samples) -> HrirTable:
    for array in arrays:
        array.flags.writeable = False
    return HrirTable(*arrays)
