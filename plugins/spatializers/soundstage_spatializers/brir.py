"""Binaural scenes in a room: each stem heard through a pair of binaural room impulse responses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from soundstage.errors import SoundstageError
from soundstage_spatializers.binaural import Level, binaural_scene, check_parameters
from soundstage_spatializers.hrirs.consistency import Azimuths, Ears
from soundstage_spatializers.hrirs.heads import MeasuredHead
from soundstage_spatializers.hrirs.wav_folder import hrir_files

if TYPE_CHECKING:
    from soundstage.scene import Placement, Scene, Track


class Brir:
    """Each stem averaged to mono and convolved with the BRIR pair of its direction: an image is what the room makes
    of a source, reverberation and all.

    brirs: a SOFA file of convention SingleRoomSRIR, SingleRoomMIMOSRIR, MultiSpeakerBRIR or SingleRoomDRIR, or a folder
    of WAV files with directions in their names; the nearest measured direction is taken and its angular error recorded.
    Of directions that are measured more than once the one with the head turned least is taken.

    The direct sound of a set, which is what comes before the room, is checked against its directions: the nearer ear
    hears it earlier and louder, and the earlier the further a source is aside. level, azimuths, ears, contradiction,
    notice_beyond_deg, refuse_beyond_deg: as of `hrir`. interpolation: `nearest` alone; another is refused, with a
    sentence that says why.
    """

    revision = 1
    left_out_at_default = ("interpolation",)
    refusals = ("contradiction", "notice_beyond_deg", "refuse_beyond_deg")

    def __init__(
        self,
        brirs: Path,
        level: Level = "consistent",
        azimuths: Azimuths = "counter-clockwise",
        ears: Ears = "declared",
        contradiction: Literal["refused", "accepted"] = "refused",
        notice_beyond_deg: float = 5.0,
        refuse_beyond_deg: float = 30.0,
        interpolation: Literal["nearest", "linear"] = "nearest",
    ) -> None:
        check_parameters(
            "brir",
            {"level": level, "azimuths": azimuths, "ears": ears, "contradiction": contradiction},
            {"notice_beyond_deg": notice_beyond_deg, "refuse_beyond_deg": refuse_beyond_deg},
        )
        if interpolation != "nearest":
            raise SoundstageError(
                f"spatializer 'brir': interpolation '{interpolation}' is refused: between two directions every"
                " reflection moves in another way, so that a blend of responses has each twice, at half its level, and"
                " tails 3 dB too quiet; take 'nearest', a set with more directions, or 'hrir' for a head without a"
                " room"
            )
        self.brirs = Path(brirs).expanduser()
        self.level: Level = level
        accepts = contradiction == "accepted"
        self._head = MeasuredHead(self.brirs, azimuths, ears, accepts, notice_beyond_deg, refuse_beyond_deg, room=True)

    def files(self) -> Sequence[Path]:
        """The files of the BRIR set."""
        return hrir_files(self.brirs)

    def render(self, track: Track, placement: Placement | None) -> Scene:
        """The scene, stem samples + taps − 1 long: the reverberation of the last note is in it.

        The mixture is the sum of the images, and the scene's table of directions holds the direct sound alone. The
        latency is what reading and resampling added; the way from the loudspeaker to the ears stays in and is not part
        of it. Raises as `Hrir.render` does.
        """
        return binaural_scene(self._head, track, placement, self.level)
