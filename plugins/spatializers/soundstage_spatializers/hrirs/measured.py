"""A measured set as a spatializer uses it: read once, checked against its own data, asked for directions."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from soundstage.errors import SoundstageError
from soundstage_spatializers.hrirs.consistency import judged, not_two_ears, taken_as
from soundstage_spatializers.hrirs.direct import direct_sound
from soundstage_spatializers.hrirs.set import angle_deg
from soundstage_spatializers.hrirs.wav_folder import read_brirs, read_hrirs

if TYPE_CHECKING:
    from pathlib import Path

    from soundstage_spatializers.hrirs.consistency import Azimuths, Ears
    from soundstage_spatializers.hrirs.set import HrirSet, Nearest


@dataclass(frozen=True, slots=True)
class Measured:
    """A set that has been checked, what of it tells directions, and the lateral directions at which it was checked."""

    hrirs: HrirSet
    direct: HrirSet
    lateral: int


def read_measured(
    path: Path, azimuths: Azimuths, ears: Ears, *, accepts_contradiction: bool, room: bool = False
) -> Measured:
    """The set at the path, its azimuths and ears taken as told; room: whether it is one of a head in a room.

    Raises SoundstageError, naming the file, where it cannot be read, and where it contradicts itself and that is not
    accepted; the sentence says what contradicts what, and the parameters that say otherwise.
    """
    hrirs = taken_as((read_brirs if room else read_hrirs)(path), azimuths, ears)
    direct = direct_sound(hrirs) if room else hrirs
    verdict = judged(direct)
    if room and not verdict.fault:
        verdict = replace(verdict, fault=not_two_ears(direct))
    if verdict.fault and not accepts_contradiction:
        remedies = ["contradiction=accepted to take it as it is"]
        if verdict.mirrored:
            turn = "leave out azimuths=clockwise" if azimuths == "clockwise" else "azimuths=clockwise"
            swap = "leave out ears=swapped" if ears == "swapped" else "ears=swapped"
            remedies = [
                f"{turn} if its azimuths run {'counter-' if azimuths == 'clockwise' else ''}clockwise",
                f"{swap} if its {'left' if ears == 'swapped' else 'right'} ear comes first",
                *remedies,
            ]
        remedy = f"{', '.join(remedies[:-1])}, or {remedies[-1]}" if verdict.mirrored else remedies[0]
        start = "say" if verdict.mirrored else "replace the set, or say"
        what = (
            "the direct sound of the BRIR set contradicts its directions" if room else "the HRIR set contradicts itself"
        )
        raise SoundstageError(f"{path}: {what}: {verdict.fault}; {start} {remedy}")
    return Measured(hrirs, direct, verdict.lateral)


def notices(
    wanted: Mapping[str, tuple[float, float]], found: Mapping[str, Nearest], beyond_deg: float
) -> Iterable[str]:
    """What a listener should know: sources heard far from their places, and sources placed apart and heard as one."""
    for name, near in found.items():
        if near.error_deg > beyond_deg:
            azimuth, elevation = wanted[name]
            yield (
                f"'{name}' is placed at {_named(azimuth, elevation)} and heard from {_named(*near.direction)}, the"
                f" nearest direction that the HRIR set has, {near.error_deg:.1f}° away"
            )
    for (one, here), (other, there) in itertools.combinations(found.items(), 2):
        apart = angle_deg(np.array(wanted[one]), np.array(wanted[other]))
        if here.direction == there.direction and apart > 0.0:
            yield (
                f"'{one}' and '{other}' are placed {apart:.1f}° apart and heard from one direction of the HRIR set,"
                f" {_named(*here.direction)}"
            )


def check_distance(where: str, path: Path, wanted: tuple[float, float], near: Nearest, beyond_deg: float) -> None:
    """Raise SoundstageError, which begins with `where`, for a source that the set has nothing near to."""
    if near.error_deg > beyond_deg:
        raise SoundstageError(
            f"{where}: placed at {_named(*wanted)}, and the nearest direction in {path} is"
            f" {_named(*near.direction)}, {near.error_deg:.1f}° away; place it elsewhere, take a set that has the"
            f" direction, or say refuse_beyond_deg={min(180.0, np.ceil(near.error_deg)):g} to hear it from there"
        )


def _named(azimuth: float, elevation: float) -> str:
    return f"azimuth {azimuth:g}°" + (f", elevation {elevation:g}°" if elevation else "")
