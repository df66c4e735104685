"""Reading head-related impulse responses from SOFA files (AES69) through h5py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from soundstage.errors import SoundstageError
from soundstage_spatializers.hrirs.set import HrirSet

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CONVENTION: Final = "SimpleFreeFieldHRIR"
HALF_KERNEL: Final = 32
"""Half the taps of the fractional-delay filter, and the latency in samples where it is used."""


def read_sofa(path: Path) -> HrirSet:
    """The HRIRs of a SimpleFreeFieldHRIR file, with `Data.Delay` applied; receiver 0 is the left ear.

    Whole delays are exact. Fractional ones go through a Kaiser-windowed sinc, and then every response of the set is
    delayed by HALF_KERNEL samples, recorded as the set's latency. Raises SoundstageError, naming the file, where it is
    unreadable or holds something else.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return _read(path, file)
    except OSError as error:
        raise SoundstageError(f"{path}: not a readable SOFA file ({error}); download it again") from None


def _read(path: Path, file: Any) -> HrirSet:
    convention, data_type = _text(file.attrs.get("SOFAConventions")), _text(file.attrs.get("DataType"))
    if convention != CONVENTION or data_type != "FIR":
        raise SoundstageError(
            f"{path}: holds {convention or 'no SOFA convention'} with data type {data_type or 'none'}; use a SOFA file"
            f" of convention {CONVENTION} (FIR)"
        )
    responses = _numbers(path, file, "Data.IR")
    if responses.ndim != 3 or responses.shape[1] != 2 or 0 in responses.shape:
        raise SoundstageError(f"{path}: Data.IR has shape {responses.shape} where (directions, 2, taps) was expected")
    rates = np.unique(_numbers(path, file, "Data.SamplingRate"))
    if len(rates) != 1 or rates[0] <= 0.0 or rates[0] != np.round(rates[0]):
        raise SoundstageError(f"{path}: Data.SamplingRate is {rates.tolist()} where one whole rate in Hz was expected")
    directions = _directions(path, file, len(responses))
    responses, latency = _delayed(path, responses, _delays(path, file, len(responses)), float(rates[0]))
    return HrirSet("SOFA", int(rates[0]), directions, responses, latency)


def _directions(path: Path, file: Any, count: int) -> NDArray[np.float64]:
    positions = _numbers(path, file, "SourcePosition")
    if positions.shape not in ((count, 3), (1, 3)):
        raise SoundstageError(f"{path}: SourcePosition has shape {positions.shape} where ({count}, 3) was expected")
    positions = np.broadcast_to(positions, (count, 3))
    kind = _text(file["SourcePosition"].attrs.get("Type")) or "spherical"
    if kind == "cartesian":
        x, y, z = positions.T
        if np.any(np.hypot(np.hypot(x, y), z) == 0.0):
            raise SoundstageError(
                f"{path}: a cartesian SourcePosition lies at the centre of the head; replace the file"
            )
        return np.stack([np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))], axis=1)
    if kind != "spherical":
        raise SoundstageError(f"{path}: SourcePosition is of type '{kind}' where spherical or cartesian was expected")
    if np.any(np.abs(positions[:, 1]) > 90.0):
        raise SoundstageError(f"{path}: SourcePosition has elevations beyond ±90 degrees; replace the file")
    return np.array(positions[:, :2])


def _delays(path: Path, file: Any, count: int) -> NDArray[np.float64]:
    """Delays in samples, (directions, 2); zero where the file has none."""
    if "Data.Delay" not in file:
        return np.zeros((count, 2))
    delays = _numbers(path, file, "Data.Delay")
    if delays.shape not in ((1, 2), (count, 2)):
        raise SoundstageError(f"{path}: Data.Delay has shape {delays.shape} where (1, 2) or ({count}, 2) was expected")
    return np.array(np.broadcast_to(delays, (count, 2)))


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


def _numbers(path: Path, file: Any, name: str) -> NDArray[np.float64]:
    if name not in file:
        raise SoundstageError(f"{path}: holds no {name}; use a complete SOFA file of convention {CONVENTION}")
    try:
        values = np.asarray(file[name][()], dtype=np.float64)
    except (TypeError, ValueError):
        raise SoundstageError(f"{path}: {name} does not hold numbers; replace the file") from None
    if not np.all(np.isfinite(values)):
        raise SoundstageError(f"{path}: {name} holds NaN or infinite values; replace the file")
    return values


def _text(value: Any) -> str:
    """An HDF5 string attribute, however it was written; empty where there is none."""
    if value is None:
        return ""
    item = np.asarray(value).ravel()
    first = item[0] if len(item) else ""
    return (first.decode() if isinstance(first, bytes) else str(first)).strip()
