"""Tracks of a dataset, and parts of them, loaded and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from soundstage.audio import as_samples
from soundstage.contracts import Dataset, KnowsExtents, ReadsParts
from soundstage.errors import SoundstageError
from soundstage.pipeline.blame import named_as
from soundstage.pipeline.excerpt import Excerpt
from soundstage.scene import Track


def extent(dataset: Dataset, name: str, track_id: str) -> tuple[int, int]:
    """A track's rate in Hz and its samples, from headers where the dataset can tell. Raises SoundstageError."""
    if isinstance(dataset, KnowsExtents):
        with named_as(f"dataset '{name}', track '{track_id}'"):
            rate, samples = (int(number) for number in dataset.extent(track_id))
            if rate < 1 or samples < 1:
                raise SoundstageError(f"it says that it has {samples} samples at {rate} Hz; give what can be")
        return rate, samples
    return extent_of(load_track(dataset, name, track_id))


def load_excerpt(
    dataset: Dataset, name: str, track_id: str, entry: str, excerpt: Excerpt, chunk: int | None
) -> tuple[Track, dict[str, Any]]:
    """The excerpt of a track, checked, and where it lies, for the provenance. entry: the dataset's registry name.

    Where the dataset can read parts no more is decoded than the part, or than what the search for the loudest takes.
    """
    parts = dataset if isinstance(dataset, ReadsParts) else None
    whole = None if parts else load_track(dataset, name, track_id)
    rate, samples = extent_of(whole) if whole else extent(dataset, name, track_id)

    def read(first: int, end: int) -> Track:
        if parts is None:
            assert whole is not None
            return _cut(whole, first, end)
        return _checked_track(lambda: parts.load_part(track_id, first, end), name, track_id)

    if chunk is not None:
        start, stop = excerpt.chunks(rate, samples)[chunk]
    else:
        start, stop = excerpt.window(entry, track_id, rate, samples, lambda first, end: read(first, end).stems)
    part = read(start, stop)
    facts: dict[str, Any] = {"start_s": start / rate, "seconds": (stop - start) / rate, "where": excerpt.where}
    if stop - start < round(excerpt.seconds * rate):
        facts["note"] = f"shorter than the {excerpt.seconds:g} s asked for"
    return part, facts


def blocks(dataset: Dataset, name: str, track_id: str, seconds: int) -> Iterator[Track]:
    """The track in consecutive parts of so many seconds, each checked; in one where the dataset cannot read parts."""
    if not isinstance(dataset, ReadsParts):
        yield load_track(dataset, name, track_id)
        return
    rate, samples = extent(dataset, name, track_id)
    for start in range(0, samples, seconds * rate):
        stop = min(start + seconds * rate, samples)
        yield _checked_track(partial(dataset.load_part, track_id, start, stop), name, track_id)


def extent_of(track: Track) -> tuple[int, int]:
    """The rate in Hz and the samples of a track that is loaded."""
    return track.rate, next(iter(track.stems.values())).shape[1]


def _cut(track: Track, start: int, stop: int) -> Track:
    stems = {source: stem[:, start:stop] for source, stem in track.stems.items()}
    mixture = None if track.mixture is None else track.mixture[:, start:stop]
    return replace(track, stems=stems, mixture=mixture)


def load_track(dataset: Dataset, name: str, track_id: str) -> Track:
    """The track, checked: one or two channels a stem, equal lengths, finite. Raises SoundstageError saying where."""
    return _checked_track(lambda: dataset.load(track_id), name, track_id)


def _checked_track(load: Callable[[], Any], name: str, track_id: str) -> Track:
    where = f"dataset '{name}', track '{track_id}'"
    with named_as(where):
        track = load()
    if not isinstance(track, Track):
        raise SoundstageError(f"{where}: load() returned {type(track).__name__}, not a Track")
    if not track.stems:
        raise SoundstageError(f"{where} has no stems; add at least one audio file a source")
    lengths = set()
    arrays = {f"stem '{source}'": stem for source, stem in track.stems.items()}
    if track.mixture is not None:
        arrays["mixture"] = track.mixture
    for what, array in arrays.items():
        channels = np.shape(array)[0] if np.ndim(array) == 2 else 0
        if channels not in (1, 2):
            raise SoundstageError(f"{where}, {what}: shape {np.shape(array)} where one or two channels were expected")
        as_samples(array, f"{where}, {what}", channels=channels)
        lengths.add(np.shape(array)[1])
    if len(lengths) > 1:
        found = ", ".join(f"{what} {np.shape(array)[1]}" for what, array in arrays.items())
        raise SoundstageError(f"{where}: stems of unequal length ({found} samples); cut or pad them to one length")
    if lengths == {0}:
        raise SoundstageError(f"{where}: the stems hold no samples")
    return track
