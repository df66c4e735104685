"""What every spatializer asks of a track before it renders it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from soundstage.audio import read_only
from soundstage.errors import SoundstageError

if TYPE_CHECKING:
    from soundstage.audio import Samples
    from soundstage.scene import Placement, Track


def checked_length(track: Track) -> int:
    """The samples every stem of the track has.

    Raises SoundstageError, naming track and stem, where there is no stem, a stem is not of shape (1 or 2, samples), or
    the lengths differ.
    """
    if not track.stems:
        raise SoundstageError(f"track '{track.id}' has no stems; add at least one audio file a source")
    length: int | None = None
    for name, stem in track.stems.items():
        if stem.ndim != 2 or stem.shape[0] not in (1, 2):
            raise SoundstageError(
                f"track '{track.id}', stem '{name}': shape {stem.shape} where (1, samples) or (2, samples) was"
                " expected; mix it down to stereo"
            )
        length = stem.shape[1] if length is None else length
        if stem.shape[1] != length:
            raise SoundstageError(
                f"track '{track.id}', stem '{name}': {stem.shape[1]} samples where the other stems have {length};"
                " cut or pad the stems to one length"
            )
    assert length is not None
    if not length:
        raise SoundstageError(f"track '{track.id}': the stems hold no samples; replace them")
    return length


def mono(stem: Samples) -> Samples:
    """The average of the stem's channels, shape (samples,)."""
    return np.asarray(stem.mean(axis=0), dtype=np.float64)


def stereo(stem: Samples) -> Samples:
    """The stem with two channels, (2, samples); a mono stem goes to both channels at unit gain.

    A stereo stem is not copied: what is returned of it cannot be written to.
    """
    return np.repeat(stem, 2, axis=0) if stem.shape[0] == 1 else read_only(stem)


def needed_placement(track: Track, placement: Placement | None) -> Placement:
    """The placement, with an azimuth for every stem; SoundstageError naming track and stem where it lacks one."""
    if placement is None:
        raise SoundstageError(f"track '{track.id}' comes without a placement; name a placement in the grid")
    for name in track.stems:
        if name not in placement.azimuths:
            raise SoundstageError(
                f"track '{track.id}', stem '{name}': the placement gives it no azimuth; it places"
                f" {', '.join(sorted(placement.azimuths)) or 'nothing'}"
            )
    return placement
