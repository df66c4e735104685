"""Samples and a rate: reading, writing, checking and resampling audio arrays of shape (channels, samples)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from soundstage.errors import SoundstageError

Samples = NDArray[np.float64]
"""float64, (channels, samples) unless said otherwise."""

SUFFIXES = (".wav", ".flac")
"""The audio files that datasets and precomputed estimates are read from."""


def read_audio(path: Path | BinaryIO) -> tuple[Samples, int]:
    """The samples of an audio file, by path or opened, float64 of shape (channels, samples) in ±1, and its rate in Hz.

    Raises SoundstageError, naming the file, where it is missing, unreadable, empty or not finite.
    """
    import soundfile

    if isinstance(path, Path) and not path.is_file():
        raise SoundstageError(f"{path}: no such audio file")
    try:
        samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
        raise SoundstageError(f"{path}: not a readable audio file ({error}); replace it or convert it to WAV") from None
    if not len(samples):
        raise SoundstageError(f"{path}: the audio file holds no samples; replace it")
    check_finite(samples, str(path))
    return np.ascontiguousarray(samples.T), int(rate)


@dataclass(frozen=True, slots=True)
class Header:
    """What an audio file's header says: its rate in Hz, its channels, and its samples in each of them."""

    rate: int
    channels: int
    samples: int


def read_header(path: Path) -> Header:
    """The header of an audio file; nothing is decoded.

    Raises SoundstageError, naming the file, where it is missing, unreadable or empty.
    """
    import soundfile

    if not path.is_file():
        raise SoundstageError(f"{path}: no such audio file")
    try:
        facts = soundfile.info(path)
    except (soundfile.LibsndfileError, RuntimeError, ValueError) as error:
        raise SoundstageError(f"{path}: not a readable audio file ({error}); replace it or convert it to WAV") from None
    if not facts.frames:
        raise SoundstageError(f"{path}: the audio file holds no samples; replace it")
    return Header(int(facts.samplerate), int(facts.channels), int(facts.frames))


def read_part(path: Path, start: int, stop: int) -> Samples:
    """The samples of an audio file from `start` to before `stop`, float64 of shape (channels, stop − start) in ±1.

    No more than these is decoded. Raises SoundstageError, naming the file, where it is unreadable, not finite or ends
    before `stop`.
    """
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            file.seek(min(start, file.frames))
            samples = file.read(stop - start, dtype="float64", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, ValueError, OSError) as error:
        raise SoundstageError(f"{path}: not a readable audio file ({error}); replace it or convert it to WAV") from None
    if len(samples) < stop - start:
        raise SoundstageError(
            f"{path}: the audio ends at sample {start + len(samples)} where {stop} were expected; the file is damaged,"
            " replace it"
        )
    check_finite(samples, str(path))
    return np.ascontiguousarray(samples.T)


def write_audio(path: Path | BinaryIO, samples: Samples, rate: int, subtype: str = "") -> None:
    """Write samples of shape (channels, samples) as WAV without losing a bit: 32-bit float where exact, else 64-bit.

    subtype: one of soundfile's (`FLOAT`, `DOUBLE`, `PCM_16`), where something else than that is wanted.
    """
    import soundfile

    if not subtype:
        subtype = "FLOAT" if np.array_equal(samples.astype(np.float32).astype(np.float64), samples) else "DOUBLE"
    soundfile.write(path, samples.T, rate, subtype=subtype, format="WAV")


def check_finite(samples: Samples, what: str) -> None:
    """Raise SoundstageError where samples hold NaN or infinity; `what` begins the sentence."""
    bad = np.count_nonzero(~np.isfinite(samples))
    if bad:
        raise SoundstageError(f"{what}: {bad} samples are NaN or infinite; replace them")


def as_samples(value: Any, what: str, *, channels: int = 2, length: int | None = None) -> Samples:
    """The value as float64 samples of shape (channels, length), or a SoundstageError that begins with `what`.

    Nothing is trimmed, padded, up-mixed or repaired; what is so already is not copied.
    """
    try:
        samples = np.asarray(value)
    except ValueError as error:
        raise SoundstageError(f"{what}: not an array ({error})") from None
    if samples.dtype.kind not in "fiu":
        raise SoundstageError(f"{what}: an array of real numbers was expected, got {samples.dtype}")
    if samples.dtype.kind in "iu":
        raise SoundstageError(f"{what}: floating-point samples in ±1 were expected, got {samples.dtype}; scale them")
    expected = f"({channels}, {length if length is not None else 'samples'})"
    if samples.ndim != 2 or samples.shape[0] != channels or (length is not None and samples.shape[1] != length):
        raise SoundstageError(f"{what}: shape {samples.shape} where {expected} was expected")
    samples = samples.astype(np.float64, copy=False)
    check_finite(samples, what)
    return samples


def read_only(samples: Samples) -> Samples:
    """The same samples, through which they cannot be changed."""
    seen = samples.view()
    seen.flags.writeable = False
    return seen


def resample(samples: Samples, rate: int, target: int) -> Samples:
    """Samples of shape (channels, n) at `rate` Hz brought to `target` Hz (soxr, VHQ); the same array where equal."""
    if rate == target:
        return samples
    import soxr

    return np.ascontiguousarray(soxr.resample(samples.T, rate, target, quality="VHQ").T)


def fit_length(samples: Samples, length: int) -> Samples:
    """Samples cut, or padded with zeros, at the end to `length`."""
    if samples.shape[-1] >= length:
        return samples[..., :length]
    return np.pad(samples, [(0, 0)] * (samples.ndim - 1) + [(0, length - samples.shape[-1])])
