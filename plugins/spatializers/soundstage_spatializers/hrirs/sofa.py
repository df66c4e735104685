"""Head-related impulse responses from SOFA files (AES69)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from soundstage.errors import SoundstageError
from soundstage_spatializers.hrirs.geometry import apparent_directions, right_ear_first
from soundstage_spatializers.hrirs.set import HrirSet
from soundstage_spatializers.hrirs.sofa_file import read_sofa_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from soundstage_spatializers.hrirs.sofa_file import SofaFile

CONVENTION: Final = "SimpleFreeFieldHRIR"
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
    if file.convention != CONVENTION or file.data_type != "FIR":
        raise SoundstageError(
            f"{path}: holds {file.convention or 'no SOFA convention'} with data type {file.data_type or 'none'}; use a"
            f" SOFA file of convention {CONVENTION} (FIR)"
        )
    responses = file.field("Data.IR").values
    if responses.ndim != 3 or responses.shape[1] != 2 or 0 in responses.shape:
        raise SoundstageError(f"{path}: Data.IR has shape {responses.shape} where (directions, 2, taps) was expected")
    count = len(responses)
    rate = _rate(file)
    directions = apparent_directions(file, count)
    delays = _delays(file, count)
    swapped = right_ear_first(file, count)
    if np.any(swapped):
        responses, delays = (
            np.where(swapped.reshape(-1, *[1] * (values.ndim - 1)), values[:, ::-1], values)
            for values in (responses, delays)
        )
    responses, latency = _delayed(path, responses, delays, float(rate))
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


def _delays(file: SofaFile, count: int) -> NDArray[np.float64]:
    """Delays in samples, (directions, 2), in the order of the receivers; zero where the file has none."""
    if "Data.Delay" not in file:
        return np.zeros((count, 2))
    field = file.field("Data.Delay")
    if field.values.shape not in ((1, 2), (count, 2)):
        raise SoundstageError(
            f"{file.path}: Data.Delay has shape {field.values.shape} where (1, 2) or ({count}, 2) was expected"
        )
    if field.units not in ("", "sample", "samples"):
        raise SoundstageError(
            f"{file.path}: Data.Delay:Units is '{field.units}' where samples were expected; correct it"
        )
    return np.array(np.broadcast_to(field.values, (count, 2)))


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
