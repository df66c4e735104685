"""Reading sets of impulse responses: a folder of WAV files with directions in their names, or a SOFA file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from soundstage.audio import read_audio
from soundstage.errors import SoundstageError
from soundstage_spatializers.hrirs.set import HrirSet
from soundstage_spatializers.hrirs.sofa import read_room_sofa, read_sofa

if TYPE_CHECKING:
    from pathlib import Path

_NUMBER: Final = r"(-?\d+(?:[.,]\d+)?)"
_SADIE_NAME: Final = re.compile(rf"azi_{_NUMBER}_ele_{_NUMBER}\.wav", re.IGNORECASE)
_ASH_NAME: Final = re.compile(rf"BRIR_.+_E{_NUMBER}_A{_NUMBER}\.wav", re.IGNORECASE)
"""As the ASH listening sets name BRIRs: elevation before azimuth, and azimuths clockwise, −90 being left."""


def hrir_files(path: Path) -> list[Path]:
    """The files of an HRIR set: the folder's WAV files with a direction in their name, or the SOFA file itself.

    Raises SoundstageError, naming the path, where there is nothing of either kind, and where a file is not a regular
    one: a pipe, a device or a link to one would never end.
    """
    if path.is_dir():
        found = _wav_files(path)
        for file in found:
            if not file.is_file():
                raise SoundstageError(f"{file}: no regular file (nor a link to one); remove or replace it")
        if found:
            return found
        inside = [folder.name for folder in sorted(path.iterdir()) if folder.is_dir() and _wav_files(folder)]
        remedy = (
            f"name one of its sub-folders: {', '.join(inside)}"
            if inside
            else "name a folder of files like azi_30,0_ele_0,0.wav, or a SOFA file"
        )
        raise SoundstageError(f"{path}: no HRIRs in this folder; {remedy}")
    if not path.exists():
        raise SoundstageError(f"{path}: no such HRIR folder or SOFA file; check the path")
    if not path.is_file():
        raise SoundstageError(f"{path}: neither a folder nor a regular file; name a folder of WAV HRIRs or a SOFA file")
    if path.suffix.lower() != ".sofa":
        raise SoundstageError(f"{path}: neither a folder nor a .sofa file; name a folder of WAV HRIRs or a SOFA file")
    return [path]


def read_hrirs(path: Path) -> HrirSet:
    """The HRIR set of a folder or SOFA file. Raises SoundstageError naming the file that is not as it should be."""
    files = hrir_files(path)
    return _read_folder(files) if path.is_dir() else read_sofa(path)


def read_brirs(path: Path) -> HrirSet:
    """The BRIR set of a folder or SOFA file. Raises as `read_hrirs` does."""
    files = hrir_files(path)
    return _read_folder(files) if path.is_dir() else read_room_sofa(path)


def _wav_files(folder: Path) -> list[Path]:
    """In order of elevation and azimuth, so that ties between directions do not depend on the file system."""
    matches = [file for file in folder.iterdir() if _SADIE_NAME.fullmatch(file.name) or _ASH_NAME.fullmatch(file.name)]
    return sorted(matches, key=lambda file: (_direction(file)[::-1], file.name))


def _direction(file: Path) -> tuple[float, float]:
    """Azimuth, counter-clockwise, and elevation that the name says, in degrees."""
    match = _SADIE_NAME.fullmatch(file.name)
    if match is not None:
        azimuth, elevation = (float(text.replace(",", ".")) for text in match.groups())
        return azimuth, elevation
    match = _ASH_NAME.fullmatch(file.name)
    assert match is not None
    elevation, azimuth = (float(text.replace(",", ".")) for text in match.groups())
    return 0.0 - azimuth, elevation


def _read_folder(files: list[Path]) -> HrirSet:
    first, rate = read_audio(files[0])
    responses = np.empty((len(files), 2, first.shape[1]))
    for index, file in enumerate(files):
        azimuth, elevation = _direction(file)
        if not (abs(elevation) <= 90.0 and abs(azimuth) <= 360.0):
            raise SoundstageError(
                f"{file}: the direction in the name is out of range (azimuth ±360, elevation ±90); rename or remove it"
            )
        response, its_rate = read_audio(file)
        if response.shape[0] != 2:
            raise SoundstageError(
                f"{file}: {response.shape[0]} channels where an HRIR has two, left ear first; replace it"
            )
        if its_rate != rate or response.shape[1] != first.shape[1]:
            raise SoundstageError(
                f"{file}: {response.shape[1]} samples at {its_rate} Hz where {files[0].name} has {first.shape[1]} at"
                f" {rate} Hz; use files of one set"
            )
        responses[index] = response
    return HrirSet("WAV folder", rate, np.array([_direction(file) for file in files]), responses)
