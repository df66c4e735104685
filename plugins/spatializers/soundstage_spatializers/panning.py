"""Constant-power stereo panning of mono stems."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from soundstage.errors import SoundstageError
from soundstage.scene import Scene
from soundstage_spatializers.stems import checked_length, mono, needed_placement

if TYPE_CHECKING:
    from soundstage.audio import Samples
    from soundstage.scene import Motion, Placement, Track


def panning_gains(angle_deg: float) -> tuple[float, float]:
    """The left and right gain of panning angle α in degrees: sin(45° + α) and sin(45° − α), squares summing to 1.

    +45 is hard left and −45 hard right, with an exact zero on the other side. The same as √2/2·(cos α ± sin α) of
    SpaIn-Net (Petermann and Kim, ICASSP 2022), eq. 4. Raises ValueError beyond ±45.
    """
    if not -45.0 <= angle_deg <= 45.0:
        raise ValueError(f"a panning angle of {angle_deg}° is beyond ±45°")
    return math.sin(math.radians(45.0 + angle_deg)), math.sin(math.radians(45.0 - angle_deg))


class Panning:
    """Each stem averaged to mono and panned at constant power to its placement's panning angle α.

    That of a stem that moves goes along with it, sample by sample.
    """

    revision = 1

    def render(self, track: Track, placement: Placement | None) -> Scene:
        """The scene; its mixture is the exact sum of the references. Elevations are not rendered.

        Raises SoundstageError naming the track and the source whose |α| exceeds 45°.
        """
        length = checked_length(track)
        placement = needed_placement(track, placement)
        references = {}
        angles = {}
        mixture = np.zeros((2, length))
        for name, stem in track.stems.items():
            way = placement.motions.get(name)
            if way is not None:
                references[name] = _along(way, track, name, placement)
                angles[name] = placement.panning_angle_at(way.azimuths[0])
                mixture += references[name]
                continue
            angle = placement.panning_angle(name)
            if not abs(angle) <= 45.0:
                raise SoundstageError(
                    f"track '{track.id}', source '{name}': panning angle {angle:g}° (azimuth"
                    f" {placement.azimuths[name]:g}°, panning '{placement.panning}') is beyond ±45°; place it further"
                    " in front"
                )
            references[name] = np.array(panning_gains(angle))[:, np.newaxis] * mono(stem)
            angles[name] = angle
            mixture += references[name]
        details: dict[str, Any] = {"rule": "constant power, SpaIn-Net eq. 4", "panning_angles_deg": angles}
        if moving := [name for name in track.stems if name in placement.motions]:
            details["moves"] = moving
        raised = sorted(name for name in track.stems if placement.elevation(name) != 0.0)
        if raised:
            details["elevations_not_rendered"] = raised
            names = ", ".join(f"'{name}'" for name in raised)
            details["notices"] = [
                f"panning renders no elevation, and {names} {'has' if len(raised) == 1 else 'have'} one"
            ]
        return Scene(track.rate, mixture, references, placement, details=details)


def _along(way: Motion, track: Track, name: str, placement: Placement) -> Samples:
    """The image of a stem that moves, (2, samples)."""
    farthest = [placement.panning_angle_at(azimuth) for azimuth in way.azimuths]
    limit = 45.0 if placement.panning == "same" else 90.0
    if any(abs(angle) > 45.0 for angle in farthest) or any(abs(azimuth) > limit for azimuth in way.azimuths):
        raise SoundstageError(
            f"track '{track.id}', source '{name}': its way goes beyond a panning angle of ±45° (azimuths"
            f" {min(way.azimuths):g}° to {max(way.azimuths):g}°, panning '{placement.panning}'); let it stay further in"
            " front"
        )
    source = mono(track.stems[name])
    azimuths = way.azimuth(np.arange(len(source)) / track.rate)
    angles = np.radians(azimuths / 2.0 if placement.panning == "half" else azimuths)
    return np.stack([np.sin(np.pi / 4 + angles), np.sin(np.pi / 4 - angles)]) * source
