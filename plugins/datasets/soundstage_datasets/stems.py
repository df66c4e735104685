"""Reading one song's stem files, whole or in part, and checking that they belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from soundstage.audio import Header, read_header, read_part
from soundstage.contracts import Finding
from soundstage.errors import SoundstageError
from soundstage.scene import Track

BLOCK_S = 30
"""Seconds read at a time where a whole song is gone through."""

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from soundstage.audio import Samples


def read_track(
    track_id: str,
    sources: Mapping[str, Sequence[Path]],
    mixture: Path | None = None,
    *,
    rate: int | None = None,
    channels: Collection[int] = (1, 2),
    part: tuple[int, int] | None = None,
) -> Track:
    """The track made of these files; a source of several files is their sum, in their order. Nothing is resampled,
    trimmed, padded or down-mixed. In a sum of mono and stereo files the mono ones go to both channels at unit gain.

    rate: the rate in Hz that every file must have; None takes the first file's. channels: how many a file may have.
    part: only the samples from the first number to before the second are decoded, the same as of the whole track.
    Raises SoundstageError naming the track and the file that is missing, unreadable, empty, damaged, not finite, or has
    another rate, length or number of channels; whichever part is read, all headers are looked at.
    """
    files = [file for of_source in sources.values() for file in of_source]
    headers = _headers(track_id, [*files, *([] if mixture is None else [mixture])], rate, channels)
    header = next(iter(headers.values()))
    start, stop = part or (0, header.samples)
    if not 0 <= start < stop <= header.samples:
        raise SoundstageError(f"track '{track_id}': no samples {start} to {stop} in a song of {header.samples}")

    def read(file: Path) -> Samples:
        try:
            return read_part(file, start, stop)
        except SoundstageError as error:
            raise SoundstageError(f"track '{track_id}', {error}") from None

    stems = {name: _sum(read(file) for file in of_source) for name, of_source in sources.items()}
    lossy = {file.name: header.lossy for file, header in headers.items() if header.lossy}
    return Track(track_id, header.rate, stems, None if mixture is None else read(mixture), lossy)


def common_header(
    track_id: str, files: Sequence[Path], *, rate: int | None = None, channels: Collection[int] = (1, 2)
) -> Header:
    """The rate and length that all these files share, and the most channels of any. Raises as `read_track` does."""
    headers = _headers(track_id, files, rate, channels)
    first = next(iter(headers.values()))
    return Header(first.rate, max(header.channels for header in headers.values()), first.samples)


def _headers(track_id: str, files: Sequence[Path], rate: int | None, channels: Collection[int]) -> dict[Path, Header]:
    """The header of each file, all of one rate and length."""
    headers: dict[Path, Header] = {}
    for file in files:
        where = f"track '{track_id}', {file}"
        try:
            header = read_header(file)
        except SoundstageError as error:
            raise SoundstageError(f"track '{track_id}', {error}") from None
        trouble = _unlike(header, rate, channels)
        if trouble:
            raise SoundstageError(f"{where}: {trouble}")
        headers[file] = header
        first = headers[files[0]]
        if header.rate != first.rate:
            raise SoundstageError(
                f"{where}: {header.rate} Hz where {files[0].name} has {first.rate} Hz; bring all stems to one rate"
            )
        if header.samples != first.samples:
            raise SoundstageError(
                f"{where}: {header.samples} samples where {files[0].name} has {first.samples}; cut or pad the"
                " stems to one length"
            )
    return headers


def unlike_published(track_id: str, files: Iterable[Path], rate: int, channels: Collection[int]) -> Iterator[Finding]:
    """A finding for each of the files whose header can be read and has another rate or number of channels."""
    for file in files:
        try:
            trouble = _unlike(read_header(file), rate, channels)
        except SoundstageError:
            continue  # the harness finds these in any dataset
        if trouble:
            yield Finding(trouble, track_id, file)


def _unlike(header: Header, rate: int | None, channels: Collection[int]) -> str:
    if header.channels not in channels:
        allowed = " or ".join(str(count) for count in channels)
        return f"{header.channels} channels where {allowed} were expected; mix it down"
    if rate is not None and header.rate != rate:
        return f"{header.rate} Hz where {rate} Hz was expected; resample it to {rate} Hz"
    return ""


def _sum(parts: Iterator[Samples]) -> Samples:
    total = next(parts)
    for part in parts:
        total = total + part
    return total
