"""Binaural scenes in the open: each stem heard through a pair of head-related impulse responses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from soundstage.errors import SoundstageError
from soundstage_spatializers.binaural import Level, binaural_scene, check_parameters
from soundstage_spatializers.hrirs.consistency import Azimuths, Ears
from soundstage_spatializers.hrirs.heads import Head, MeasuredHead, Sphere
from soundstage_spatializers.hrirs.wav_folder import hrir_files

if TYPE_CHECKING:
    from soundstage.scene import Placement, Scene, Track


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
    interpolation: `linear` blends a direction from its measured neighbours, on the sphere, their arrivals made equal,
    in place of taking the nearest; the sphere needs none.
    """

    revision = 2
    left_out_at_default = (
        *("azimuths", "ears", "contradiction", "notice_beyond_deg", "refuse_beyond_deg"),
        "interpolation",
    )
    refusals = ("contradiction", "notice_beyond_deg", "refuse_beyond_deg")

    def __init__(
        self,
        hrtf: Path | None = None,
        level: Level = "consistent",
        azimuths: Azimuths = "counter-clockwise",
        ears: Ears = "declared",
        contradiction: Literal["refused", "accepted"] = "refused",
        notice_beyond_deg: float = 5.0,
        refuse_beyond_deg: float = 30.0,
        interpolation: Literal["nearest", "linear"] = "nearest",
    ) -> None:
        check_parameters(
            "hrir",
            {
                "level": level,
                "azimuths": azimuths,
                "ears": ears,
                "contradiction": contradiction,
                "interpolation": interpolation,
            },
            {"notice_beyond_deg": notice_beyond_deg, "refuse_beyond_deg": refuse_beyond_deg},
        )
        told = (azimuths, ears, contradiction, interpolation)
        if hrtf is None and told != ("counter-clockwise", "declared", "refused", "nearest"):
            raise SoundstageError(
                "spatializer 'hrir': azimuths, ears, contradiction and interpolation are about a measured set; name one"
                " with hrtf"
            )
        self.hrtf = None if hrtf is None else Path(hrtf).expanduser()
        self.level: Level = level
        self._head: Head = Sphere()
        if self.hrtf is not None:
            accepts = contradiction == "accepted"
            self._head = MeasuredHead(
                *(self.hrtf, azimuths, ears, accepts, notice_beyond_deg, refuse_beyond_deg),
                interpolates=interpolation == "linear",
            )

    def files(self) -> Sequence[Path]:
        """The files of the HRIR set; none for the sphere."""
        return [] if self.hrtf is None else hrir_files(self.hrtf)

    def render(self, track: Track, placement: Placement | None) -> Scene:
        """The scene, stem samples + taps − 1 long.

        Its latency is what reading, resampling or computing the HRIRs added; what delay a measured set carries stays in
        and is not part of it. Raises SoundstageError naming the track and stem, or the HRIR file, that is not as it
        should be.
        """
        return binaural_scene(self._head, track, placement, self.level)
