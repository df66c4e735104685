"""Impulse responses of heads, alone and in rooms, from SOFA files (AES69)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from soundstage.errors import SoundstageError
from soundstage_spatializers.hrirs.geometry import (
    apparent_directions,
    emitter_directions,
    head_turns,
    right_ear_first,
)
from soundstage_spatializers.hrirs.set import HrirSet
from soundstage_spatializers.hrirs.sofa_file import read_sofa_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from soundstage_spatializers.hrirs.sofa_file import SofaFile

HEADS: Final = ("SimpleFreeFieldHRIR",)
ROOMS: Final = ("SingleRoomSRIR", "SingleRoomMIMOSRIR", "MultiSpeakerBRIR", "SingleRoomDRIR")
"""The conventions of a head alone, and of a head in a room; SingleRoomDRIR is what SingleRoomSRIR was called."""

AXES: Final = {"FIR": "mrn", "FIR-E": "mrne", "FIRE": "mren"}
"""Data type → the axes of Data.IR: measurements, receivers, samples (n), emitters."""

HEAD_S: Final = 0.05
"""No head alone rings for longer, in seconds."""

MIN_RATE: Final = 1000
"""In Hz; a rate below it is in another unit."""

HALF_KERNEL: Final = 32
"""Half the taps of the fractional-delay filter, and the latency in samples where it is used."""


def read_sofa(path: Path) -> HrirSet:
    """The HRIRs of a SimpleFreeFieldHRIR file as its listener hears them, with `Data.Delay` applied.

    Directions are apparent ones, ears are told by ReceiverPosition. Whole delays are exact. Fractional ones go through
    a Kaiser-windowed sinc, and then every response of the set is delayed by HALF_KERNEL samples, recorded as the set's
    latency. Raises SoundstageError, naming the file, where it is unreadable or holds something else.
    """
    file = read_sofa_file(path)
    if file.convention in ROOMS:
        raise SoundstageError(
            f"{path}: holds {file.convention}, which is a head in a room; render it with spatializer 'brir'"
        )
    if file.convention not in HEADS or file.data_type != "FIR":
        raise _foreign(file, f"{HEADS[0]} (FIR)")
    return _read(file)


def read_room_sofa(path: Path) -> HrirSet:
    """The BRIRs of a file of one of the conventions ROOMS, as `read_sofa` reads HRIRs.

    Rooms that were written as heads are known by responses that last longer than HEAD_S.
    Each emitter of each measurement is a direction of its own. Measurements are in the order of how far the head is
    turned, so that of equally near directions the one with the head straight is the first.
    """
    file = read_sofa_file(path)
    if file.convention in HEADS and file.data_type == "FIR" and _lasts_s(file) > HEAD_S:
        return _read(file)
    if file.convention in HEADS:
        raise SoundstageError(
            f"{path}: holds {file.convention}, which is a head without a room; render it with spatializer 'hrir'"
        )
    if file.convention not in ROOMS or file.data_type not in AXES:
        raise _foreign(file, f"{', '.join(ROOMS[:-1])} or {ROOMS[-1]} (FIR, FIR-E or FIRE)")
    return _read(file)


def _lasts_s(file: SofaFile) -> float:
    return int(file.field("Data.IR").values.shape[-1]) / _rate(file)


def _foreign(file: SofaFile, expected: str) -> SoundstageError:
    return SoundstageError(
        f"{file.path}: holds {file.convention or 'no SOFA convention'} with data type {file.data_type or 'none'}; use a"
        f" SOFA file of convention {expected}"
    )


def _read(file: SofaFile) -> HrirSet:
    axes = AXES[file.data_type]
    responses = file.field("Data.IR").values
    if responses.ndim != len(axes) or responses.shape[1] != 2 or 0 in responses.shape:
        expected = ", ".join({"m": "directions", "r": "2", "n": "taps", "e": "emitters"}[axis] for axis in axes)
        raise SoundstageError(f"{file.path}: Data.IR has shape {responses.shape} where ({expected}) was expected")
    count = len(responses)
    rate = _rate(file)
    emitters = responses.shape[axes.index("e")] if "e" in axes else 1
    directions = emitter_directions(file, count, emitters) if "e" in axes else apparent_directions(file, count)
    delays = _delays(file, count, emitters if "e" in axes else None)
    swapped = np.repeat(right_ear_first(file, count), emitters)
    if "e" in axes:
        responses = np.moveaxis(responses, axes.index("e"), 1).reshape(count * emitters, 2, -1)
    if np.any(swapped):
        responses, delays = (
            np.where(swapped.reshape(-1, *[1] * (values.ndim - 1)), values[:, ::-1], values)
            for values in (responses, delays)
        )
    if file.convention in ROOMS:
        order = np.repeat(head_turns(file, count), emitters).argsort(kind="stable")
        responses, delays, directions = responses[order], delays[order], directions[order]
    responses, latency = _delayed(file.path, responses, delays, float(rate))
    return HrirSet("SOFA", rate, directions, responses, latency)


def _rate(file: SofaFile) -> int:
    field = file.field("Data.SamplingRate")
    rates = np.unique(field.values)
    if field.units not in ("", "hertz", "hz"):
        raise SoundstageError(
            f"{file.path}: Data.SamplingRate:Units is '{field.units}' where hertz was expected; correct it"
        )
    if len(rates) != 1 or rates[0] < MIN_RATE or rates[0] != np.round(rates[0]):
        raise SoundstageError(
            f"{file.path}: Data.SamplingRate is {rates.tolist()} where one whole rate of at least {MIN_RATE} Hz was"
            " expected; correct it"
        )
    return int(rates[0])


def _delays(file: SofaFile, count: int, emitters: int | None) -> NDArray[np.float64]:
    """Delays in samples, (directions, 2), in the order of the receivers; zero where the file has none.

    emitters: how many each measurement has, None where the data do not tell them apart.
    """
    each = 1 if emitters is None else emitters
    if "Data.Delay" not in file:
        return np.zeros((count * each, 2))
    field = file.field("Data.Delay")
    shapes: list[tuple[int, ...]] = [(1, 2), (count, 2)]
    if emitters is not None:
        shapes = [(first, 2, last) for first in (1, count) for last in (1, emitters)]
    if field.values.shape not in shapes:
        expected = " or ".join(str(shape) for shape in dict.fromkeys(shapes))
        raise SoundstageError(f"{file.path}: Data.Delay has shape {field.values.shape} where {expected} was expected")
    if field.units not in ("", "sample", "samples"):
        raise SoundstageError(
            f"{file.path}: Data.Delay:Units is '{field.units}' where samples were expected; correct it"
        )
    values = field.values.reshape(*field.values.shape[:2], -1)
    return np.array(np.broadcast_to(values, (count, 2, each)).transpose(0, 2, 1).reshape(-1, 2))


def _delayed(
    path: Path, responses: NDArray[np.float64], delays: NDArray[np.float64], rate: float
) -> tuple[NDArray[np.float64], int]:
    """The responses, each later by its delay, and the samples by which all of them are later than that."""
    if np.any(delays < 0.0) or np.any(delays > rate):
        raise SoundstageError(
            f"{path}: Data.Delay goes from {delays.min():g} to {delays.max():g} samples where 0 to one second was"
            " expected; replace the file"
        )
    if not np.any(delays):
        return responses, 0
    whole = np.floor(delays).astype(int)
    fraction = delays - whole
    latency = HALF_KERNEL if np.any(fraction) else 0
    taps = responses.shape[2]
    later = np.zeros((*responses.shape[:2], taps + int(whole.max()) + 2 * latency))
    for direction, ear in np.ndindex(*whole.shape):
        response, start = responses[direction, ear], whole[direction, ear]
        if latency:
            response = np.convolve(response, _fractional_delay(fraction[direction, ear]))
        later[direction, ear, start : start + len(response)] = response
    return later, latency


def _fractional_delay(fraction: float) -> NDArray[np.float64]:
    """A filter that delays by HALF_KERNEL + fraction samples; all below 0.9 of the Nyquist frequency to 2e-4."""
    distance = np.arange(2 * HALF_KERNEL + 1) - HALF_KERNEL - fraction
    inside = np.sqrt(np.maximum(0.0, 1.0 - (distance / (HALF_KERNEL + 1)) ** 2))
    kernel = np.sinc(distance) * np.i0(8.0 * inside) / np.i0(8.0)
    return np.asarray(kernel, dtype=np.float64)
