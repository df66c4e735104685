"""What is there of a dataset, what is missing, and which file is odd."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from soundstage.audio import SUFFIXES, Header, Samples, read_header
from soundstage.contracts import ChecksItself, Dataset, Finding, KnowsExtents, NamesFilesOfTracks
from soundstage.errors import SoundstageError, storable
from soundstage.likeness import Likenesses
from soundstage.pipeline.blame import named_as
from soundstage.pipeline.tracks import blocks, extent

BLOCK_S = 30
"""Seconds decoded at a time."""

TOLERANCE_DB = -60.0
"""How far below its mixture a song's sum of stems may differ from it, in dB, beyond what rounding to 16 bits does."""


def check_dataset(dataset: Dataset, name: str, *, decode: bool = False) -> Iterator[Finding]:
    """What checking the dataset finds: its own findings, then those that files and headers of any dataset show.

    Headers alone are read, so this is quick. decode: also decode every track, in blocks where the dataset can read
    parts, and compare its own mixture with the sum of its stems. Nothing is raised: what goes wrong is a finding.
    """
    said: list[Finding] = []
    try:
        with named_as(f"dataset '{name}'"):
            tracks = list(dataset.track_ids())
            own = dataset.check() if isinstance(dataset, ChecksItself) else [Finding(_count(tracks), wrong=False)]
            for finding in own:
                said.append(finding)
                yield finding
    except SoundstageError as error:
        yield Finding(str(error))
        return
    known = {(finding.track, finding.file) for finding in said if finding.wrong}
    texts = [track for track in tracks if storable(track) == track]
    for track in tracks:
        if track not in texts:
            yield Finding("its name is not text that every file can hold; rename it", storable(track))
    if not isinstance(dataset, (NamesFilesOfTracks, KnowsExtents)) and not decode:
        yield Finding("it names no files to look at; --decode loads every track", wrong=False)
    for track in texts:
        trouble = any(of == track for of, _ in known)
        for finding in _quick(dataset, name, track, told=trouble):
            trouble = trouble or finding.wrong
            if (finding.track, finding.file) not in known:
                yield finding
        if decode and not trouble:
            yield from _decoded(dataset, name, track)


def _quick(dataset: Dataset, name: str, track: str, *, told: bool) -> Iterator[Finding]:
    """What the files and headers of a track show. told: whether the dataset has said itself what is wrong with it."""
    try:
        with named_as(f"dataset '{name}', track '{track}'"):
            files = [Path(file) for file in dataset.files(track)] if isinstance(dataset, NamesFilesOfTracks) else []
    except SoundstageError as error:
        if not told:
            yield _of_track(error, name, track)
        return
    headers: dict[Path, Header] = {}
    for file in files:
        if file.suffix.lower() not in SUFFIXES:
            if not file.is_file():
                told = True
                yield Finding("missing", track, file)
            continue
        try:
            headers[file] = read_header(file)
            if headers[file].lossy:
                text = f"coded lossily ({headers[file].lossy}): what it was made of does not come out again"
                yield Finding(text, track, file, wrong=False)
        except SoundstageError as error:
            told = True
            yield Finding(str(error).removeprefix(f"{file}: "), track, file)
    for finding in _odd(headers, track, _fitted(dataset, name, track, headers)):
        told |= finding.wrong
        yield finding
    if isinstance(dataset, KnowsExtents) and not told:
        try:
            extent(dataset, name, track)
        except SoundstageError as error:
            yield _of_track(error, name, track)


def _fitted(dataset: Dataset, name: str, track: str, headers: Mapping[Path, Header]) -> int | None:
    """The samples of a track that its dataset makes of files of unequal length; None where it makes none."""
    brings = getattr(dataset, "lengths", "strict") in ("shortest", "longest")
    if not brings or not isinstance(dataset, KnowsExtents) or len({one.samples for one in headers.values()}) < 2:
        return None
    try:
        return extent(dataset, name, track)[1]
    except SoundstageError:
        return None


def _odd(headers: Mapping[Path, Header], track: str, fitted: int | None) -> Iterator[Finding]:
    """The files of a track that differ from most of its files in rate or length, or have too many channels.

    fitted: the track's samples where its dataset brings its files to one length.
    """
    for file, header in headers.items():
        if header.channels > 2:
            yield Finding(f"{header.channels} channels; mix it down to one or two", track, file)
    rates = Counter(header.rate for header in headers.values())
    lengths = Counter(header.samples for header in headers.values())
    for file, header in headers.items():
        if header.rate != rates.most_common(1)[0][0]:
            most = rates.most_common(1)[0][0]
            yield Finding(f"{header.rate} Hz where the track's other files have {most} Hz; resample it", track, file)
        elif fitted is not None:
            if header.samples != fitted:
                how = "cut" if header.samples > fitted else "silent beyond its end"
                yield Finding(f"{header.samples} samples where the song has {fitted}: {how}", track, file, wrong=False)
        elif header.samples != lengths.most_common(1)[0][0]:
            most = lengths.most_common(1)[0][0]
            text = f"{header.samples} samples where the track's other files have {most}; cut or pad it"
            yield Finding(text, track, file)


def _decoded(dataset: Dataset, name: str, track: str) -> Iterator[Finding]:
    """What decoding a track shows: damage, and a mixture that is not the sum of the stems."""
    mixed, differing, samples, stems = np.zeros(2), np.zeros(2), 0, 0
    alike: Likenesses | None = None
    try:
        for part in blocks(dataset, name, track, BLOCK_S):
            alike = alike or Likenesses(bool(part.lossy))
            alike.add(part.stems)
            samples, stems = samples + next(iter(part.stems.values())).shape[1], len(part.stems)
            if part.mixture is not None:
                mixed += _energy(part.mixture)
                differing += _energy(part.mixture - _sum(list(part.stems.values())))
    except SoundstageError as error:
        yield _of_track(error, name, track)
        return
    for likeness in alike.found() if alike else []:
        yield Finding(likeness.sentence, track)
    # Each of the files was rounded: half a step of 16 bits at most, or a step where it was dithered.
    rounding = samples * (stems + 1) * 2.0**-30
    ratio = 10.0 ** (TOLERANCE_DB / 10.0)
    for channel in np.flatnonzero(differing > np.maximum(ratio * mixed, rounding)):
        level = 10.0 * math.log10(differing[channel] / mixed[channel]) if mixed[channel] else math.inf
        yield Finding(
            f"its mixture is not the sum of its stems: in channel {channel + 1} the difference is at {level:.1f} dB of"
            " the mixture; take a spatializer that sums the stems, or leave the track out",
            track,
        )


def _sum(stems: Sequence[Samples]) -> Samples:
    """The sum of the stems, a mono one in both channels, (2, samples)."""
    total = np.zeros((2, stems[0].shape[1]))
    for stem in stems:
        total += stem
    return total


def _energy(samples: Samples) -> Samples:
    """The energy of each of two channels, (2,)."""
    energy: Samples = np.sum(np.broadcast_to(samples, (2, samples.shape[1])) ** 2, axis=1)
    return energy


def _of_track(error: SoundstageError, name: str, track: str) -> Finding:
    text = str(error).removeprefix(f"dataset '{name}', track '{track}'").lstrip(",: ")
    return Finding(text, track)


def _count(tracks: Sequence[str]) -> str:
    return f"{len(tracks)} track" + ("" if len(tracks) == 1 else "s")
