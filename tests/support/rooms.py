"""Planted BRIR sets: the rigid sphere in a shoebox room, by image sources and a diffuse tail, and files of them."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from soundstage.audio import Samples
from soundstage_spatializers.hrirs.sphere import SPEED_OF_SOUND_M_S, sphere_hrir

ROOM_M = np.array([6.0, 5.0, 3.0])
HEAD_M = np.array([2.6, 2.3, 1.2])
REFLECTED = 0.7
REVERBERATION_S = 0.4

OPTIONAL = {
    *(
        f"{what}{way}{key}"
        for what in ("Receiver", "Emitter")
        for way in ("View", "Up")
        for key in ("", "_Type", "_Units")
    ),
    *("ReceiverDescriptions", "EmitterDescriptions", "MeasurementDate"),
}
"""Variables that sofar makes for one ear, one loudspeaker and one measurement, and that need not be there."""


def room_pair(azimuth: float, elevation: float = 0.0, rate: int = 44100, seconds: float = 0.25) -> Samples:
    """(2, taps): a source 1.5 m from the head, its first reflections, and noise that decays by 60 dB in 0.4 s."""
    taps = round(seconds * rate)
    angles = np.radians([azimuth, elevation])
    way = np.array([np.cos(angles[1]) * np.cos(angles[0]), np.cos(angles[1]) * np.sin(angles[0]), np.sin(angles[1])])
    source = HEAD_M + 1.5 * way
    pair = np.zeros((2, taps + 4096))
    for signs in [(0, 0, 0), *itertools.chain.from_iterable(((s, 0, 0), (0, s, 0), (0, 0, s)) for s in (-1, 1))]:
        image = np.where(np.array(signs) == 0, source, np.where(np.array(signs) < 0, -source, 2 * ROOM_M - source))
        offset = image - HEAD_M
        distance = float(np.linalg.norm(offset))
        towards = np.degrees([np.arctan2(offset[1], offset[0]), np.arcsin(offset[2] / distance)])
        heard = sphere_hrir(float(towards[0]), float(towards[1]), rate)
        start = round(distance / SPEED_OF_SOUND_M_S * rate)
        pair[:, start : start + heard.shape[1]] += heard * (REFLECTED if any(signs) else 1.0) * 1.5 / distance
    rng = np.random.default_rng(round(1000 * (azimuth % 360)) + round(elevation))
    times = np.arange(taps) / rate
    tail = 0.02 * rng.normal(size=(2, taps)) * 10 ** (-3.0 * times / REVERBERATION_S) * (times > 0.02)
    return np.asarray(pair[:, :taps] + tail)


def room_pairs(azimuths: Iterable[float], **how: Any) -> Samples:
    """(directions, 2, taps)."""
    return np.stack([room_pair(azimuth, **how) for azimuth in azimuths])


def write_room_folder(folder: Path, pairs: Mapping[float, Samples], pattern: str = "azi_{0:g}_ele_0.wav") -> Path:
    """WAV files at 44.1 kHz; pattern: their names, of the azimuth counter-clockwise {0} and clockwise {1}."""
    folder.mkdir(parents=True, exist_ok=True)
    for azimuth, pair in pairs.items():
        soundfile.write(folder / pattern.format(azimuth, -azimuth), pair.T, 44100, subtype="DOUBLE")
    return folder


def write_room_sofa(file: Path, convention: str, **variables: Any) -> Path:
    """A file written by sofar, which also checks it, but for a convention that has another name now."""
    import sofar

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sofa = sofar.Sofa(convention)
        sofa.GLOBAL_RoomType = "reverberant"
        for name in vars(sofa).keys() & OPTIONAL:
            sofa.delete(name)
        for name, value in variables.items():
            setattr(sofa, name, value)
        if convention == "MultiSpeakerBRIR":  # which sofar makes and no longer writes in the open
            sofa.verify(issue_handling="ignore")
            sofar.io._write_sofa(str(file), sofa, verify=False)
        else:
            sofar.write_sofa(str(file), sofa)
    return file


def around(azimuths: Sequence[float], distance: float = 1.5) -> Samples:
    """Azimuths on the horizontal plane as cartesian positions, (directions, 3)."""
    angles = np.radians(np.asarray(azimuths))
    return np.stack([distance * np.cos(angles), distance * np.sin(angles), np.zeros(len(angles))], axis=1)
