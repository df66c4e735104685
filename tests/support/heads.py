"""HRIR sets that answer as a rigid sphere does, so that their ears and directions agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import soundfile

from soundstage.audio import Samples
from soundstage_spatializers.hrirs.sphere import sphere_hrir


def responses(directions: Iterable[Any], rate: int = 44100) -> Samples:
    """(directions, 2, taps) for azimuths, or azimuths and elevations, in degrees."""
    pairs = [np.broadcast_to(np.append(np.atleast_1d(item), 0.0)[:2], (2,)) for item in directions]
    return np.stack([sphere_hrir(azimuth, elevation, rate) for azimuth, elevation in pairs])


def write_folder(
    folder: Path, directions: Iterable[Any], rate: int = 44100, named: Callable[[float], float] = float
) -> Path:
    """WAV files named as SADIE II names them; `named`: the azimuth that the name says."""
    folder.mkdir(parents=True, exist_ok=True)
    for azimuth, pair in zip(directions, responses(directions, rate), strict=True):
        soundfile.write(folder / f"azi_{named(azimuth):g}_ele_0.wav", pair.T, rate, subtype="DOUBLE")
    return folder


def write_sofa(
    file: Path,
    data: Samples,
    rate: int = 44100,
    attributes: Iterable[tuple[str, str, Any]] = (),
    convention: str = "SimpleFreeFieldHRIR",
    data_type: str = "FIR",
    **variables: Any,
) -> Path:
    """A SOFA file. variables: with `_` for `.`; attributes: (variable, name, value) each."""
    with h5py.File(file, "w") as sofa:
        sofa.attrs["SOFAConventions"], sofa.attrs["DataType"] = convention, data_type
        sofa["Data.IR"], sofa["Data.SamplingRate"] = data, [float(rate)]
        for name, value in variables.items():
            sofa[name.replace("_", ".")] = np.asarray(value)
        for variable, name, value in attributes:
            sofa[variable].attrs[name] = value
    return file


def sided(pair: Samples, azimuth: float, rate: int = 44100) -> Samples:
    """Noise (taps, 2) made into what a head could hear from an azimuth in degrees: one wave, later on the far side."""
    towards_left = np.sin(np.radians(azimuth))
    heard = np.empty_like(pair)
    for ear, side in enumerate((1.0, -1.0)):
        late = round(0.0004 * rate * (1.0 - side * towards_left))
        wave = np.append(np.zeros(late), pair[: len(pair) - late, 0])
        heard[:, ear] = (1.0 + 0.5 * side * towards_left) * wave + 0.05 * pair[:, ear]
    return heard
