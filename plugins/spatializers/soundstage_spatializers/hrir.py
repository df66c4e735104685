"""Binaural scenes: each stem as a point source, heard through a pair of head-related impulse responses."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from soundstage.errors import SoundstageError
from soundstage.scene import HrirTable, Scene, signed_azimuth
from soundstage_spatializers.hrirs.consistency import Azimuths, Ears
from soundstage_spatializers.hrirs.measured import Measured, check_distance, notices, read_measured
from soundstage_spatializers.hrirs.sphere import RADIUS_M, SPEED_OF_SOUND_M_S, sphere_hrir, sphere_latency
from soundstage_spatializers.hrirs.wav_folder import hrir_files
from soundstage_spatializers.stems import checked_length, mono, needed_placement

if TYPE_CHECKING:
    from soundstage.audio import Samples
    from soundstage.scene import Placement, Track
    from soundstage_spatializers.hrirs.set import HrirSet

HORIZONTAL_DEG: Final = 0.5
"""Measured directions this near to the horizontal plane go with the scene."""

SPHERE_STEP_DEG: Final = 5


class Hrir:
    """Each stem averaged to mono and convolved with the HRIR pair of its direction.

    hrtf: a folder of WAV files named as SADIE II names them, or a SOFA file; the nearest measured direction is taken
    and its angular error recorded. None is a rigid sphere, exact in every direction.
    level: `consistent` makes the mixture the exact sum of the references. `published` divides that sum by its peak and
    leaves the references as they are, as Binaural-MUSDB was made (Namballa, Roginska and Fuentes, ISMIR 2025; its
    16-bit WAV files are not imitated); the scene's gain says by how much.

    A measured set is checked against its own data: the ear that is nearer to a source hears it earlier and louder.
    azimuths, ears: how a set is to be taken that runs the other way round, or has the right ear first where left is
    declared. contradiction: `accepted` takes a set as it is whatever its data say.
    notice_beyond_deg: a source that is heard from further away than this is told of in the scene's notices.
    refuse_beyond_deg: one that would be heard from further away than this is refused.
    """

    revision = 2
    left_out_at_default = ("azimuths", "ears", "contradiction", "notice_beyond_deg", "refuse_beyond_deg")

    def __init__(
        self,
        hrtf: Path | None = None,
        level: Literal["consistent", "published"] = "consistent",
        azimuths: Azimuths = "counter-clockwise",
        ears: Ears = "declared",
        contradiction: Literal["refused", "accepted"] = "refused",
        notice_beyond_deg: float = 5.0,
        refuse_beyond_deg: float = 30.0,
    ) -> None:
        for name, value, options in (
            ("level", level, ("consistent", "published")),
            ("azimuths", azimuths, ("counter-clockwise", "clockwise")),
            ("ears", ears, ("declared", "swapped")),
            ("contradiction", contradiction, ("refused", "accepted")),
        ):
            if value not in options:
                raise SoundstageError(
                    f"spatializer 'hrir': {name} '{value}' is unknown; take '{options[0]}' or '{options[1]}'"
                )
        for name, angle in (("notice_beyond_deg", notice_beyond_deg), ("refuse_beyond_deg", refuse_beyond_deg)):
            if not 0.0 <= angle <= 180.0:
                raise SoundstageError(f"spatializer 'hrir': {name} must be from 0 to 180 degrees, not {angle:g}")
        if hrtf is None and (azimuths, ears, contradiction) != ("counter-clockwise", "declared", "refused"):
            raise SoundstageError(
                "spatializer 'hrir': azimuths, ears and contradiction are about a measured set; name one with hrtf"
            )
        self.hrtf = None if hrtf is None else Path(hrtf).expanduser()
        self.level = level
        self.azimuths: Azimuths = azimuths
        self.ears: Ears = ears
        self.contradiction = contradiction
        self.notice_beyond_deg = notice_beyond_deg
        self.refuse_beyond_deg = refuse_beyond_deg
        self._set: Measured | SoundstageError | None = None
        self._tables: dict[int, HrirTable | None] = {}

    def files(self) -> Sequence[Path]:
        """The files of the HRIR set; none for the sphere."""
        return [] if self.hrtf is None else hrir_files(self.hrtf)

    def render(self, track: Track, placement: Placement | None) -> Scene:
        """The scene, stem samples + taps − 1 long.

        Its latency is what reading, resampling or computing the HRIRs added; what delay a measured set carries stays in
        and is not part of it. Raises SoundstageError naming the track and stem, or the HRIR file, that is not as it
        should be.
        """
        checked_length(track)
        placement = needed_placement(track, placement)
        pairs, facts, latency = self._pairs(track, placement)
        references = {name: _convolved(mono(stem), pairs[name]) for name, stem in track.stems.items()}
        total = np.zeros_like(next(iter(references.values())))
        for reference in references.values():
            total += reference
        peak = float(np.max(np.abs(total)))
        normalised = self.level == "published" and peak > 0.0
        return Scene(
            track.rate,
            total / peak if normalised else total,
            references,
            placement,
            gain=1.0 / peak if normalised else 1.0,
            latency=latency,
            details={**facts, "level": self.level, "peak_of_sum": peak},
            hrirs=self._table(track.rate),
        )

    def _table(self, rate: int) -> HrirTable | None:
        """The horizontal plane of the set at `rate` Hz, made once; None where the set has nothing there."""
        if self.hrtf is None:
            return _sphere_table(rate)
        if rate not in self._tables:
            self._tables[rate] = _measured_table(self._measured(self.hrtf).hrirs, rate)
        return self._tables[rate]

    def _measured(self, path: Path) -> Measured:
        """The measured set, read once; one that is refused is refused again without reading it."""
        if self._set is None:
            try:
                accepts = self.contradiction == "accepted"
                self._set = read_measured(path, self.azimuths, self.ears, accepts_contradiction=accepts)
            except SoundstageError as error:
                self._set = error
        if isinstance(self._set, SoundstageError):
            raise SoundstageError(str(self._set))
        return self._set

    def _pairs(self, track: Track, placement: Placement) -> tuple[dict[str, Samples], dict[str, Any], int]:
        """The pair of every stem, (2, taps), facts about them, and the latency in samples."""
        if self.hrtf is None:
            return self._sphere_pairs(track, placement)
        measured = self._measured(self.hrtf)
        hrirs = measured.hrirs
        wanted = {name: (placement.azimuths[name], placement.elevation(name)) for name in track.stems}
        found = {name: hrirs.nearest(*direction) for name, direction in wanted.items()}
        for name, near in found.items():
            where = f"track '{track.id}', stem '{name}'"
            check_distance(where, self.hrtf, wanted[name], near, self.refuse_beyond_deg)
        pairs = {name: hrirs.pair(near.index, track.rate) for name, near in found.items()}
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
            **({"notices": said} if said else {}),
        }
        return pairs, facts, hrirs.latency_at(track.rate)

    def _sphere_pairs(self, track: Track, placement: Placement) -> tuple[dict[str, Samples], dict[str, Any], int]:
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
        return pairs, facts, sphere_latency(track.rate)


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


def _convolved(source: Samples, pair: Samples) -> Samples:
    """The full convolution of (samples,) with (2, taps): (2, samples + taps − 1)."""
    from scipy.signal import oaconvolve

    image = np.asarray(oaconvolve(source[np.newaxis], pair, mode="full", axes=-1), dtype=np.float64)
    # FFTs leave rounding noise where the result is zero, and metrics treat silence apart: make those samples zero.
    taps = pair.shape[1]
    heard = np.cumsum(np.concatenate([source != 0.0, np.zeros(taps - 1, dtype=bool)]))
    heard[taps:] -= heard[:-taps].copy()
    image[:, heard == 0] = 0.0
    return image
