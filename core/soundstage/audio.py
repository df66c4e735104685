"""Samples and a rate: reading, writing, checking and resampling audio arrays of shape (channels, samples)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from soundstage.errors import SoundstageError
from soundstage.regular import check_regular

Samples = NDArray[np.float64]
"""float64, (channels, samples) unless said otherwise."""

SUFFIXES = (
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".aiff", ".aif", ".aifc", ".caf", ".au"),
    *(".ogg", ".oga", ".opus", ".mp3"),
)
"""The audio files that datasets and precomputed estimates are read from: what libsndfile reads and people have."""

FIRST = (".wav", ".flac")
"""Those that are meant where there is a lossy file of the same name too."""

LOSSY = (".ogg", ".oga", ".opus", ".mp3")
"""Those whose names say that they are lossy."""

FORMATS = "WAV (RF64 and W64 too), FLAC, AIFF, CAF, AU, Ogg Vorbis, Opus or MP3"
"""The same for people."""

_LOSSLESS = ("PCM_", "FLOAT", "DOUBLE", "ALAC_", "DPCM_", "DWVW_")
"""How the codings begin that give back the samples that were put in."""

_DENSEST = 8192
"""Samples that a byte may stand for, in FLAC's best case; a header that claims more is not believed."""

_STEPS = {"PCM_16": ("int16", 2.0**-15), "PCM_24": ("int32", 2.0**-31), "FLOAT": ("float32", 1.0)}
"""How samples of a coding are read, and what one step of them is: the same numbers as read as float64, but quicker."""

_COUNTED: dict[tuple[str, int, int, int], int] = {}
"""What was counted: path, size and times → samples."""

_AT_ONCE = 2**30
"""Bytes that samples are asked for at once at most, for headers may claim any number: 25 minutes of a stereo song."""

_BLOCK = 2**16
"""Samples that are decoded at a time."""


def read_audio(path: Path | BinaryIO) -> tuple[Samples, int]:
    """The samples of an audio file, by path or opened, float64 of shape (channels, samples) in ±1, and its rate in Hz.

    Raises SoundstageError, naming the file, where it is missing, no regular file, unreadable, empty or not finite.
    """
    with _opened(path) as file:
        samples = _decoded(file, sys.maxsize)
        rate, whole = int(file.samplerate), file.subtype.startswith("PCM_")
    if not samples.shape[1]:
        raise SoundstageError(f"{path}: the audio file holds no samples; replace it")
    if not whole:
        check_finite(samples, str(path))
    return samples, rate


@dataclass(frozen=True, slots=True)
class Header:
    """What an audio file's header says: its rate in Hz, its channels, and its samples in each of them.

    lossy: the coding's name where what was put in does not come out again (Vorbis, Opus, MP3, µ-law, …), else "".
    """

    rate: int
    channels: int
    samples: int
    lossy: str = ""


def read_header(path: Path) -> Header:
    """The header of an audio file; nothing is decoded unless it gives no length that could be: then to count.

    Raises SoundstageError, naming the file, where it is missing, no regular file, unreadable or empty.
    """
    with _opened(path) as file:
        samples, size = int(file.frames), path.stat().st_size
        lossy = "" if file.subtype.startswith(_LOSSLESS) else file.subtype_info
        facts = Header(int(file.samplerate), int(file.channels), samples, lossy)
    if samples > _DENSEST * size:
        facts = replace(facts, samples=_counted(path))
    if not facts.samples:
        much = f", though the file has {size} bytes; write it anew with its length" if size > 4096 else "; replace it"
        raise SoundstageError(f"{path}: the audio file holds no samples by its header{much}")
    return facts


def read_part(path: Path, start: int, stop: int) -> Samples:
    """The samples of an audio file from `start` to before `stop`, float64 of shape (channels, stop − start) in ±1.

    No more than these is decoded, but of lossy files what comes before: in those a part depends on it. Raises
    SoundstageError, naming the file, where it is no regular file, unreadable, not finite or ends before `stop`.
    """
    with _opened(path) as file:
        if file.subtype.startswith(_LOSSLESS) and file.seekable():
            file.seek(min(start, file.frames))
        else:
            _skip(file, start)
        samples = _decoded(file, stop - start)
        whole = file.subtype.startswith("PCM_")
    found = samples.shape[1]
    if found < stop - start:
        raise SoundstageError(
            f"{path}: the audio ends at sample {start + found} where {stop} were expected; the file is damaged,"
            " replace it"
        )
    if not whole:
        check_finite(samples, str(path))
    return samples


@contextmanager
def _opened(path: Path | BinaryIO) -> Iterator[Any]:
    """The file, opened to be decoded. What goes wrong within is a SoundstageError that names it."""
    import soundfile

    if isinstance(path, Path):
        check_regular(path)
        if not path.is_file():
            raise SoundstageError(f"{path}: no such audio file")
    # Names need not be UTF-8, and soundfile takes texts to be.
    where = os.fsencode(path) if isinstance(path, Path) and os.name != "nt" else path
    try:
        with soundfile.SoundFile(where) as file:
            if not isinstance(path, Path) or file.frames <= _DENSEST * path.stat().st_size:
                yield file
                return
        with _as_stream()(where) as file:
            yield file
    except (soundfile.LibsndfileError, RuntimeError, ValueError, OSError) as error:
        said = str(error).replace(repr(where), "it") if isinstance(where, bytes) else str(error)
        raise SoundstageError(f"{path}: not a readable audio file ({said}); replace it or convert it to WAV") from None


@cache
def _as_stream() -> type[Any]:
    """soundfile's class for files whose end is not known: libsndfile decodes those, and cannot seek to their end."""
    import soundfile

    class Stream(soundfile.SoundFile):  # type: ignore[misc, unused-ignore]
        def seekable(self) -> bool:
            return False

    return Stream


def _decoded(file: Any, wanted: int) -> Samples:
    """The next samples, (channels, samples), so many or as many as there are; memory grows with what is there."""
    parts: list[Samples] = []
    while wanted > 0:
        asked = min(wanted, max(_AT_ONCE // (8 * file.channels), 1), max(int(file.frames), 1))
        part = _decoded_at_once(file, asked)
        parts.append(part)
        wanted -= part.shape[1]
        if part.shape[1] < asked:
            break
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty((file.channels, 0)), *parts], axis=1)


def _decoded_at_once(file: Any, asked: int) -> Samples:
    """The same, in blocks that stay where the processor has them at hand."""
    kind, step = _STEPS.get(file.subtype, ("float64", 1.0))
    samples = np.empty((file.channels, asked))
    block = np.empty((min(asked, _BLOCK), file.channels), kind)
    start = 0
    while start < asked:
        read = file.read(out=block[: asked - start])
        stop = start + len(read)
        place = samples[:, start:stop]
        place[...] = read.T
        if step != 1.0:
            place *= step
        start = stop
        if len(read) < len(block):
            break
    return samples if start == asked else samples[:, :start].copy()


def _skip(file: Any, count: int) -> None:
    while count > 0 and (passed := len(file.read(min(count, 2**20), dtype="float32"))):
        count -= passed


def _counted(path: Path) -> int:
    """The samples of a file, by decoding all; counted once for a file as it is."""
    about = path.stat()
    state = (str(path), about.st_size, about.st_mtime_ns, about.st_ctime_ns)
    if state not in _COUNTED:
        count = 0
        with _opened(path) as file:
            while passed := len(file.read(2**20, dtype="float32")):
                count += passed
        _COUNTED[state] = count
    return _COUNTED[state]


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
    with np.errstate(over="ignore", invalid="ignore"):
        energy = np.vdot(samples, samples)
    if np.isfinite(energy):  # so every sample is, and looking at each costs twice as much
        return
    bad = np.count_nonzero(~np.isfinite(samples))
    if bad:
        raise SoundstageError(f"{what}: {bad} samples are NaN or infinite; replace them")


def as_samples(value: Any, what: str, *, channels: int = 2, length: int | None = None) -> Samples:
    """The value as float64 samples of shape (channels, length), or a SoundstageError that begins with `what`.

    Nothing is trimmed, padded, up-mixed or repaired; what is so already is not copied. Rows lie one after the other in
    memory, because the last bits of a sum depend on that.
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
    samples = np.ascontiguousarray(samples, dtype=np.float64)
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
