"""The checks of datasets; `soundstage check` goes through their files and headers besides."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np

from soundstage.audio import SUFFIXES, read_header
from soundstage.contracts import KnowsExtents, KnowsSources, NamesFilesOfTracks, ReadsParts
from soundstage.errors import SoundstageError, storable
from soundstage.pipeline.blame import named_as
from soundstage.pipeline.tracks import extent, extent_of, load_track
from soundstage.running.workbench import discarding
from soundstage.scene import Track
from soundstage.testing import subject
from soundstage.testing.results import Failed, Skipped, check
from soundstage.testing.workers import same_in_a_worker

LISTED = 0.5
"""Of a song's samples: listing that takes so much memory has read audio."""

SMALL = 2_000_000
"""Bytes that listing may take however short the songs are."""

NOBODYS = "no track of this name"


class Bench(subject.Bench):
    """What the checks of a dataset share: an instance, the ids, and the first track."""

    _first: Track | None = None

    def ids(self, instance: Any = None) -> list[str]:
        """The ids that it lists."""
        with named_as(self.subject.called), discarding():
            return list((instance or self.instance()).track_ids())

    def load(self, track: str, instance: Any = None) -> Track:
        """The track, checked by the harness's own function."""
        with discarding():
            return load_track(instance or self.instance(), self.subject.name, track)

    @property
    def first(self) -> Track:
        """The first track; the same one for all checks."""
        if self._first is None:
            self._first = self.load(self.ids()[0])
        return self._first

    def tracks(self) -> Iterator[tuple[str, Track]]:
        """The ids that are looked at, and their tracks, loaded one after the other."""
        for place, one in enumerate(self.ids() if self.thorough else self.ids()[:1]):
            yield one, self.load(one) if place else self.first


@check("datasets", gate=True)
def builds(bench: Bench) -> str:
    """It is built as a run builds it."""
    bench.subject.check_usable()
    return ""


@check("datasets", gate=True)
def ids(bench: Bench) -> str:
    """Ids are texts, each once, in the same order whenever they are listed."""
    found = bench.ids()
    if not found:
        raise Failed("it lists no track; return the ids of all tracks from track_ids()")
    for one in found:
        if not isinstance(one, str):
            raise Failed(f"its id {one!r} is no text; return texts from track_ids()")
        if storable(one) != one:
            raise Failed(f"its id {storable(one)!r} is not text that every file can hold; rename it")
    twice = sorted({one for one in found if found.count(one) > 1}) if len(set(found)) < len(found) else []
    if twice:
        raise Failed(f"it lists '{twice[0]}' more than once; give each track an id of its own, as with its folder")
    for again in (bench.ids(), bench.ids(bench.subject.built())):
        if again != found:
            raise Failed("listed again its tracks are others, or in another order; sort them: sorted(…)")
    return f"{len(found)} track{'s' if len(found) > 1 else ''}"


@check("datasets", gate=True)
def loads(bench: Bench) -> str:
    """The first track loads: one or two channels a stem, equal lengths, finite; with --thorough all of them."""
    for one, track in bench.tracks():
        if track.id != one:
            raise Failed(f"load('{one}') returns a track that is called '{track.id}'; give it the id it was asked for")
        if int(track.rate) != track.rate or track.rate < 1:
            raise Failed(f"the rate of '{one}' is {track.rate!r}; give whole Hz")
    rate, samples = extent_of(bench.first)
    told = f"{', '.join(bench.first.stems)}; {samples / rate:.1f} s at {rate} Hz"
    return told if bench.thorough or len(bench.ids()) == 1 else f"{told}; the other tracks are left to --thorough"


@check("datasets")
def lazy_listing(bench: Bench) -> str:
    """Listing reads no audio."""
    song = sum(stem.nbytes for stem in bench.first.stems.values())
    tracemalloc.start()
    try:
        bench.ids(bench.subject.built())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if peak > max(LISTED * song, SMALL):
        raise Failed(
            f"building it and listing its tracks takes {peak / 1e6:.0f} MB, as much as audio does; read audio in load()"
            " alone"
        )
    return ""


@check("datasets")
def same_again(bench: Bench) -> str:
    """A track is the same whenever it is loaded, whatever was done with it before."""
    name = bench.ids()[0]
    first = bench.load(name)
    kept = {source: stem.copy() for source, stem in first.stems.items()}
    for stem in first.stems.values():
        if stem.flags.writeable:
            stem[:] = 0.5
    for what, again in (("again", bench.load(name)), ("from a new instance", bench.load(name, bench.subject.built()))):
        if list(again.stems) != list(kept) or any(
            not np.array_equal(again.stems[source], stem) for source, stem in kept.items()
        ):
            raise Failed(
                f"loaded {what} the track is another; read it anew in each load(), draw nothing, and hand out no array"
                " that is kept"
            )
    return ""


@check("datasets")
def true_extents(bench: Bench) -> str:
    """What it says of a track without reading audio is true: its rate, its samples and its sources."""
    instance = bench.instance()
    knows = instance if isinstance(instance, KnowsExtents) else None
    if knows is None and not isinstance(instance, KnowsSources):
        raise Skipped("it says nothing of a track without loading it")
    for one, track in bench.tracks():
        if knows is not None:
            said, is_so = extent(bench.instance(), bench.subject.name, one), extent_of(track)
            if said != is_so:
                raise Failed(
                    f"extent('{one}') says {said[1]} samples at {said[0]} Hz, and load() gives {is_so[1]} at"
                    f" {is_so[0]}; return what load() does"
                )
        if isinstance(instance, KnowsSources):
            with named_as(bench.subject.called):
                names = list(instance.source_names(one))
            if set(names) != set(track.stems):
                raise Failed(
                    f"source_names('{one}') says {', '.join(names)}, and load() gives {', '.join(track.stems)}; return"
                    " what load() does"
                )
    return ""


@check("datasets")
def true_rates(bench: Bench) -> str:
    """The rate of a track is that of its files: no samples are passed off as those of another rate."""
    instance = bench.instance()
    if not isinstance(instance, NamesFilesOfTracks):
        raise Skipped("it names no files")
    for one, track in bench.tracks():
        rate, samples = extent_of(track)
        with named_as(f"{bench.subject.called}, track '{one}'"):
            files = [file for file in instance.files(one) if file.suffix.lower() in SUFFIXES]
        headers = {file: read_header(file) for file in files}
        for file, header in headers.items():
            if header.samples == samples and header.rate != rate:
                raise Failed(
                    f"{file} has {header.rate} Hz, and its samples come unchanged in a track of {rate} Hz; give the"
                    " file's own rate"
                )
    return ""


@check("datasets")
def parts(bench: Bench) -> str:
    """A part of a track is that part of the whole, sample by sample."""
    instance = bench.instance()
    if not isinstance(instance, ReadsParts):
        raise Skipped("it reads no parts; the whole of a track is loaded for an excerpt")
    track, one = bench.first, bench.ids()[0]
    _, samples = extent_of(track)
    for start, stop in ((0, samples // 3), (samples // 3, samples // 2), (samples - 1, samples)):
        with named_as(f"{bench.subject.called}, track '{one}'"):
            part = instance.load_part(one, start, stop)
        for source, stem in track.stems.items():
            if source not in part.stems or not np.array_equal(part.stems[source], stem[:, start:stop]):
                raise Failed(
                    f"load_part('{one}', {start}, {stop}) is not samples {start} to {stop} of load() in '{source}';"
                    " seek to the sample, and do to a part what is done to the whole"
                )
    return ""


@check("datasets")
def unknown_track(bench: Bench) -> str:
    """A track that is not there is refused in a sentence that names it."""
    does = "returns a track"
    try:
        bench.load(NOBODYS)
    except SoundstageError as error:
        if isinstance(error.__cause__, SoundstageError):
            return ""
        does = "returns what is none" if error.__cause__ is None else f"raises {type(error.__cause__).__name__}"
    raise Failed(f"load('{NOBODYS}') {does}; raise soundstage.SoundstageError that names the track and what to do")


@check("datasets")
def worker(bench: Bench) -> str:
    """A worker process builds it and loads alike."""
    return same_in_a_worker(bench.subject, track=bench.ids()[0])
