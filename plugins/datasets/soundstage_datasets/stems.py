"""Reading one song's stem files, whole or in part, and checking that they belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from soundstage.audio import Header, read_header, read_part
from soundstage.contracts import Finding
from soundstage.errors import SoundstageError
from soundstage.scene import Track

BLOCK_S = 30
"""Seconds read at a time where a whole song is gone through."""

Lengths = Literal["strict", "shortest", "longest"]
"""What becomes of a song whose files differ in length: an error, as long as the shortest, as long as the longest."""

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
    lengths: Lengths | None = None,
) -> Track:
    """The track made of these files; a source of several files is their sum, in their order. Nothing is resampled or
    down-mixed, and but for `lengths` nothing trimmed or padded. In a sum of mono and stereo files the mono ones go to
    both channels at unit gain.

    rate: the rate in Hz that every file must have; None takes the first file's. channels: how many a file may have.
    part: only the samples from the first number to before the second are decoded, the same as of the whole track.
    lengths: what becomes of files that differ in length; None where there is no such choice, which is as strict.
    Raises SoundstageError naming the track and the file that is missing, unreadable, empty, damaged, not finite, or has
    another rate, length or number of channels; whichever part is read, all headers are looked at.
    """
    files = [file for of_source in sources.values() for file in of_source]
    headers = _headers(track_id, [*files, *([] if mixture is None else [mixture])], rate, channels, lengths)
    header, samples = next(iter(headers.values())), _length(headers.values(), lengths)
    start, stop = part or (0, samples)
    if not 0 <= start < stop <= samples:
        raise SoundstageError(f"track '{track_id}': no samples {start} to {stop} in a song of {samples}")

    def read(file: Path) -> Samples:
        own = headers[file]
        end = min(stop, own.samples)
        if end <= start:
            return np.zeros((own.channels, stop - start))
        try:
            found = read_part(file, start, end)
            return found if end == stop else np.pad(found, ((0, 0), (0, stop - end)))
        except SoundstageError as error:
            raise SoundstageError(f"track '{track_id}', {error}") from None

    stems = {name: _sum(read(file) for file in of_source) for name, of_source in sources.items()}
    lossy = {file.name: header.lossy for file, header in headers.items() if header.lossy}
    fitted = {file.name: header.samples for file, header in headers.items() if header.samples != samples}
    return Track(track_id, header.rate, stems, None if mixture is None else read(mixture), lossy, fitted)


def common_header(
    track_id: str,
    files: Sequence[Path],
    *,
    rate: int | None = None,
    channels: Collection[int] = (1, 2),
    lengths: Lengths | None = None,
) -> Header:
    """The rate that all these files share, the length of the song that they make, and the most channels of any. Raises
    as `read_track` does."""
    headers = _headers(track_id, files, rate, channels, lengths)
    first = next(iter(headers.values()))
    most = max(header.channels for header in headers.values())
    return Header(first.rate, most, _length(headers.values(), lengths))


def _length(headers: Iterable[Header], lengths: Lengths | None) -> int:
    """The samples of the song that files of these headers make."""
    return (max if lengths == "longest" else min)(header.samples for header in headers)


def _headers(
    track_id: str, files: Sequence[Path], rate: int | None, channels: Collection[int], lengths: Lengths | None
) -> dict[Path, Header]:
    """The header of each file, all of one rate; and of one length, unless there is a choice that says otherwise."""
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
        if header.samples != first.samples and lengths in (None, "strict"):
            choice = ', or choose with lengths = "shortest" or "longest"' if lengths else ""
            raise SoundstageError(
                f"{where}: {header.samples} samples where {files[0].name} has {first.samples}; cut or pad the"
                f" stems to one length{choice}"
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
