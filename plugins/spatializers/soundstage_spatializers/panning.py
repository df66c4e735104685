"""Constant-power stereo panning of mono stems."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from soundstage.errors import SoundstageError
from soundstage.scene import Scene
from soundstage_spatializers.stems import checked_length, mono, needed_placement

if TYPE_CHECKING:
    from soundstage.scene import Placement, Track


def panning_gains(angle_deg: float) -> tuple[float, float]:
    """The left and right gain of panning angle α in degrees: sin(45° + α) and sin(45° − α), squares summing to 1.

    +45 is hard left and −45 hard right, with an exact zero on the other side. The same as √2/2·(cos α ± sin α) of
    SpaIn-Net (Petermann and Kim, ICASSP 2022), eq. 4. Raises ValueError beyond ±45.
    """
    if not -45.0 <= angle_deg <= 45.0:
        raise ValueError(f"a panning angle of {angle_deg}° is beyond ±45°")
    return math.sin(math.radians(45.0 + angle_deg)), math.sin(math.radians(45.0 - angle_deg))


class Panning:
    """Each stem averaged to mono and panned at constant power to its placement's panning angle α."""

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
        details = {"rule": "constant power, SpaIn-Net eq. 4", "panning_angles_deg": angles}
        raised = sorted(name for name in track.stems if placement.elevation(name) != 0.0)
        if raised:
            details["elevations_not_rendered"] = raised
            names = ", ".join(f"'{name}'" for name in raised)
            details["notices"] = [
                f"panning renders no elevation, and {names} {'has' if len(raised) == 1 else 'have'} one"
            ]
        return Scene(track.rate, mixture, references, placement, details=details)
