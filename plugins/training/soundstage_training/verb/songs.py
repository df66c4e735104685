"""The songs of data sets as material to mix: which sources each has, how long it is, and parts of its stems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from soundstage.contracts import Dataset, KnowsSources, NamesFilesOfTracks, ReadsParts
from soundstage.draw import Draw
from soundstage.errors import SoundstageError, suggestion
from soundstage.heard import MORE
from soundstage.pipeline.blame import named_as
from soundstage.pipeline.tracks import extent, load_track

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soundstage.cache import FileHashes
    from soundstage.catalogue.registry import Choice, Registry
    from soundstage.scene import Track

KEPT_BYTES = 4 << 30
"""Stems of data sets that cannot be read in parts, and of small ones, are kept in memory as far as this reaches."""

Kept = Mapping[str, "NDArray[np.float32]"]
"""Stem → (channels, samples)."""


@dataclass(frozen=True, slots=True)
class Song:
    """One track of a data set. dataset: the variant's label. stems: what it has."""

    dataset: str
    id: str
    rate: int
    samples: int
    stems: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.samples / self.rate

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"dataset '{self.dataset}', track '{self.id}'"


class Library:
    """Songs of some data sets, read as they are asked for and, where they are few, kept."""

    def __init__(self, datasets: Mapping[str, Dataset], kept_bytes: int = KEPT_BYTES) -> None:
        """datasets: by what errors call them. Raises SoundstageError where one is not there, or has no song."""
        self._datasets = dict(datasets)
        self._choices: dict[str, Choice] = {}
        self._kept: dict[tuple[str, str], Kept] = {}
        self._room = kept_bytes
        self.songs: list[Song] = []
        for label, dataset in self._datasets.items():
            with named_as(f"dataset '{label}'"):
                ids = list(dataset.track_ids())
            if not ids:
                raise SoundstageError(f"dataset '{label}' has no songs; look at its folder")
            self.songs += [self._song(label, track_id) for track_id in ids]

    @classmethod
    def of(cls, registry: Registry, labels: Sequence[str], kept_bytes: int = KEPT_BYTES) -> Library:
        """The songs of entries of the registry. Raises SoundstageError where one is unknown too."""
        choices = {label: registry.choose("datasets", label) for label in labels}
        datasets = {}
        for label, choice in choices.items():
            with named_as(f"dataset '{label}'"):
                datasets[label] = cast("Dataset", choice.build())
        found = cls(datasets, kept_bytes)
        found._choices = choices
        return found

    def _song(self, label: str, track_id: str) -> Song:
        dataset = self._datasets[label]
        if isinstance(dataset, ReadsParts):
            rate, samples = extent(dataset, label, track_id)
            with named_as(f"dataset '{label}', track '{track_id}'"):
                if isinstance(dataset, KnowsSources):
                    stems = tuple(dataset.source_names(track_id))
                else:
                    stems = tuple(dataset.load_part(track_id, 0, min(16, samples)).stems)
            return Song(label, track_id, rate, samples, stems)
        track = load_track(dataset, label, track_id)
        song = Song(label, track_id, track.rate, next(iter(track.stems.values())).shape[1], tuple(track.stems))
        self._keep(song, track)
        return song

    def keep(self, songs: Sequence[Song]) -> None:
        """Read songs into memory where all of them have room there: what is read often is read once."""
        needed = sum(
            song.samples * len(song.stems) * 2 * 4 for song in songs if (song.dataset, song.id) not in self._kept
        )
        if needed <= self._room:
            for song in songs:
                if (song.dataset, song.id) not in self._kept:
                    self._keep(song, self.track(song))

    def _keep(self, song: Song, track: Track) -> None:
        kept = {name: stem.astype(np.float32) for name, stem in track.stems.items()}
        size = sum(stem.nbytes for stem in kept.values())
        if size <= self._room:
            self._room -= size
            self._kept[song.dataset, song.id] = kept

    def track(self, song: Song) -> Track:
        """The whole song, checked."""
        return load_track(self._datasets[song.dataset], song.dataset, song.id)

    def part(self, song: Song, names: Sequence[str], start: int, stop: int) -> NDArray[np.float32]:
        """The sum of these stems, as far as the song has them, from one sample to before another: (channels, samples).

        In single precision, whether it was kept or is read now.
        """
        stems: Mapping[str, Any] | None = self._kept.get((song.dataset, song.id))
        if stems is not None:
            stems = {name: stem[:, start:stop] for name, stem in stems.items()}
        else:
            dataset = self._datasets[song.dataset]
            with named_as(song.name):
                if isinstance(dataset, ReadsParts):
                    stems = dataset.load_part(song.id, start, stop).stems
                else:
                    stems = {name: stem[:, start:stop] for name, stem in dataset.load(song.id).stems.items()}
        found = [np.asarray(stems[name], dtype=np.float32) for name in names if name in stems]
        channels = max(part.shape[0] for part in found)
        total = np.zeros((channels, stop - start), dtype=np.float32)
        for part in found:
            total += part
        return total

    def of_sources(self, song: Song, sources: Mapping[str, Sequence[str]]) -> Track:
        """The whole song with sources in place of stems. Raises SoundstageError where it lacks one."""
        track = self.track(song)
        stems = {}
        for source, names in sources.items():
            there = [track.stems[name] for name in names if name in track.stems]
            if not there:
                raise SoundstageError(
                    f"{song.name} lacks {source} ({' + '.join(names)}), and is to be validated on; it has"
                    f" {', '.join(track.stems)}: take it out, or name other data to validate on"
                )
            channels = max(stem.shape[0] for stem in there)
            stems[source] = sum((np.broadcast_to(stem, (channels, stem.shape[1])) for stem in there[1:]), there[0])
        return replace(track, stems=stems, mixture=None)

    def stated(self) -> list[str]:
        """What a model that is trained or validated on all of it may state, in the words of `soundstage.heard`.

        A data set goes by its plugin's name and its split, or by what its entry says that it holds. A folder of one's
        own has no name by which others could know it: `more`.
        """
        from soundstage.catalogue.parameters import constructor_parameters

        words = []
        for choice in self._choices.values():
            parameters = constructor_parameters(choice.plugin.load())
            split = choice.params.get("split", parameters["split"].default if "split" in parameters else "")
            named = choice.plugin.name if split or not any(one.is_path for one in parameters.values()) else MORE
            words.append(choice.songs or (f"{named}:{split}" if split else named))
        return list(dict.fromkeys(words))

    def fingerprint(self, songs: Sequence[Song], hashes: FileHashes) -> dict[str, Any]:
        """What the songs of a registry's entries are: how many, how long, and a hash over names and files' contents.

        Where they lie is no part of it.
        """
        from soundstage.planning.identity import identity
        from soundstage.results.address import address

        facts = []
        for song in songs:
            dataset, choice = self._datasets[song.dataset], self._choices[song.dataset]
            files = hashes.of(list(dataset.files(song.id))) if isinstance(dataset, NamesFilesOfTracks) else {}
            facts.append({"track": song.id, **identity(choice, type(dataset), files)})
        return {
            "songs": len(songs),
            "seconds": round(sum(song.seconds for song in songs), 3),
            "sha256": address("training data", {"songs": sorted(facts, key=str)}),
        }


def sources_of(settings_sources: Mapping[str, Sequence[str]], songs: Sequence[Song]) -> dict[str, tuple[str, ...]]:
    """Source → stems, in the order of the estimates; where none are set every stem of the songs is a source.

    Raises SoundstageError where no song has a source, and names what there is.
    """
    stems = list(dict.fromkeys(stem for song in songs for stem in song.stems))
    if not settings_sources:
        return {stem: (stem,) for stem in stems}
    for source, names in settings_sources.items():
        if not set(names) & set(stems):
            near = suggestion(names[0], stems)
            raise SoundstageError(f"no song has {source} ({' + '.join(names)}){near}")
    return {source: tuple(names) for source, names in settings_sources.items()}


def split(songs: Sequence[Song], held_out: int, seed: int) -> tuple[list[Song], list[Song]]:
    """Songs to train on and songs to validate on, drawn by name.

    Raises SoundstageError where none is left to train on.
    """
    if len(songs) <= held_out:
        raise SoundstageError(
            f"there {'is' if len(songs) == 1 else 'are'} {len(songs)} song{'s' * (len(songs) != 1)} and {held_out} held"
            " out, so that none is left to train on; add songs, or name a data set to validate on"
        )
    drawn = sorted(songs, key=lambda song: Draw(seed, song.dataset, song.id, "").unit("held out"))
    held = set(drawn[:held_out])
    return [song for song in songs if song not in held], [song for song in songs if song in held]


def usable(songs: Sequence[Song], sources: Mapping[str, Sequence[str]], settings: Any) -> dict[str, list[Song]]:
    """Source → the songs that it can be drawn from: those that have it and are as long as an example.

    Raises SoundstageError where there is none.
    """
    found: dict[str, list[Song]] = {}
    for source, names in sources.items():
        having = [song for song in songs if set(names) & set(song.stems)]
        if not having:
            raise SoundstageError(
                f"no song to train on has {source} ({' + '.join(names)}); they have"
                f" {', '.join(dict.fromkeys(stem for song in songs for stem in song.stems))}"
            )
        if not settings.shuffle and len(having) < len(songs):
            without = next(song for song in songs if song not in having)
            raise SoundstageError(
                f"{without.name} lacks {source} ({' + '.join(names)}) and sources are not shuffled across songs; take"
                " the song out, or set shuffle = true"
            )
        found[source] = [song for song in having if song.seconds >= settings.seconds]
        if not found[source]:
            longest = max(having, key=lambda song: song.seconds)
            raise SoundstageError(
                f"no song with {source} is as long as an example, {settings.seconds:g} s; the longest is {longest.name}"
                f" with {longest.seconds:.1f} s: give --seconds {np.floor(longest.seconds * 10) / 10:g} or less"
            )
    return found
