"""Reading one song's stem files and checking that they belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from soundstage.audio import read_audio
from soundstage.errors import SoundstageError
from soundstage.scene import Track

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from soundstage.audio import Samples


def read_track(
    track_id: str,
    stems: Mapping[str, Path],
    mixture: Path | None = None,
    *,
    rate: int | None = None,
    channels: Collection[int] = (1, 2),
) -> Track:
    """The track made of these files. Nothing is resampled, trimmed, padded or down-mixed.

    rate: the rate in Hz that every file must have; None takes the first file's. channels: how many a file may have.
    Raises SoundstageError naming the track and the file that is missing, unreadable, empty, not finite, or has another
    rate, length or number of channels.
    """
    files = [*stems.values(), *([] if mixture is None else [mixture])]
    read: dict[Path, Samples] = {}
    first_rate = first_length = 0
    for file in files:
        where = f"track '{track_id}', {file}"
        try:
            samples, its_rate = read_audio(file)
        except SoundstageError as error:
            raise SoundstageError(f"track '{track_id}', {error}") from None
        if samples.shape[0] not in channels:
            allowed = " or ".join(str(count) for count in channels)
            raise SoundstageError(f"{where}: {samples.shape[0]} channels where {allowed} were expected; mix it down")
        if rate is not None and its_rate != rate:
            raise SoundstageError(f"{where}: {its_rate} Hz where {rate} Hz was expected; resample it to {rate} Hz")
        if not read:
            first_rate, first_length = its_rate, samples.shape[1]
        if its_rate != first_rate:
            raise SoundstageError(
                f"{where}: {its_rate} Hz where {files[0].name} has {first_rate} Hz; bring all stems to one rate"
            )
        if samples.shape[1] != first_length:
            raise SoundstageError(
                f"{where}: {samples.shape[1]} samples where {files[0].name} has {first_length}; cut or pad the stems to"
                " one length"
            )
        read[file] = samples
    own = None if mixture is None else read[mixture]
    return Track(track_id, first_rate, {name: read[file] for name, file in stems.items()}, own)
