"""Slakh2100: synthesised songs with a stem an instrument, as the tasks of spatially informed separation use them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args

from soundstage.audio_files import as_there, holds_audio, is_junk, no_song
from soundstage.contracts import Finding
from soundstage.errors import SoundstageError, UnknownName, suggestion
from soundstage.regular import check_regular, read_regular
from soundstage.scene import Track
from soundstage_datasets.stems import common_header, read_track, unlike_published

RATE: Final = 44100
CLASSES: Final = {"guitar": "Guitar", "strings": "Strings (continued)", "bass": "Bass", "piano": "Piano"}
"""Source → the `inst_class` whose stems are summed to it."""

TRACKS: Final = {"train": (1289, 1500), "validation": (270, 375), "test": (151, 225)}
"""How many tracks a split holds as published: Slakh2100-redux, and Slakh2100-orig or -split2."""

Task = Literal["4s", "4s2g"]
Split = Literal["train", "validation", "test"]
_REMEDY: Final = (
    "download Slakh2100-FLAC-redux (doi 10.5281/zenodo.4599666), unpack it, and say where it is with --data NAME=PATH,"
    " the folder that holds train, validation and test"
)


class Slakh2100:
    """Slakh2100 as it unpacks: root/{train,validation,test}/TrackXXXXX/{metadata.yaml,stems/SXX.flac}, 44.1 kHz mono.

    E. Manilow, G. Wichern, P. Seetharaman, J. Le Roux, Cutting Music Source Separation Some Slakh, WASPAA 2019; the
    archive is doi 10.5281/zenodo.4599666. Its folder `omitted` holds duplicates of other tracks and is not read.

    root: the folder. split: `train`, `validation` or `test`. task: what SpaIn-Net (D. Petermann, M. Kim, ICASSP 2022)
    separates. `4s`: guitar, strings, bass and piano, each the sum of the track's stems of one instrument class:
    `Guitar`, `Strings (continued)`, `Bass`, `Piano`. As in SpaIn-Net, strings are `Strings (continued)` alone (MIDI
    programs 48 to 55: ensembles, synthetic strings, choirs, orchestra hit); the solo instruments of the class `Strings`
    (40 to 47) do not count. `4s2g`: guitar1, guitar2, bass and piano, where the guitars are the track's first two stems
    of class `Guitar`, in the order of their numbers; a third and further ones are left out. (SpaIn-Net takes one stem
    of a class, drawn anew each time, where this takes their sum.)

    Only tracks that have every source of the task are listed. All other stems, drums among them, are left out, so a
    track has no mixture of its own: `mix.flac` would hold them too. A stem that the metadata calls not rendered
    (`audio_rendered: false`) has no file and does not count.
    """

    revision = 1

    def __init__(self, root: Path, task: Task = "4s", split: Split = "test") -> None:
        for what, value, known in (("task", task, get_args(Task)), ("split", split, get_args(Split))):
            if value not in known:
                raise SoundstageError(f"dataset 'slakh2100': no {what} '{value}'{suggestion(value, known)}")
        self.root = Path(root).expanduser()
        self.task = task
        self.split = split
        self._read: dict[str, Mapping[str, tuple[Path, ...]]] = {}

    def track_ids(self) -> Sequence[str]:
        """The tracks of the split with all sources of the task, sorted; one whose metadata cannot be read is listed.

        Raises SoundstageError, saying what to download, where there are none.
        """
        found = []
        for track in self._tracks():
            try:
                if not self._sources(track):
                    continue
            except SoundstageError:
                pass  # `load` says what is wrong with it
            found.append(track)
        if not found:
            wanted = ", ".join(sorted(set(self._classes().values())))
            raise SoundstageError(
                f"dataset 'slakh2100': no track in {self.root / self.split} has stems of all of {wanted}; {_REMEDY}"
            )
        return found

    def files(self, track_id: str) -> Sequence[Path]:
        """The metadata of the track and the stems that it is made of, as far as they are there."""
        stems = [file for of_source in self._known_sources(track_id).values() for file in of_source]
        for file in stems:
            check_regular(file)
        return [file for file in (self._metadata_file(track_id), *stems) if file.is_file()]

    def source_names(self, track_id: str) -> Sequence[str]:
        """The names of the track's sources, those of the task. Raises as `load` does."""
        return tuple(self._known_sources(track_id))

    def extent(self, track_id: str) -> tuple[int, int]:
        """The track's rate in Hz and its samples, from the files' headers. Raises as `load` does."""
        files = [file for of_source in self._known_sources(track_id).values() for file in of_source]
        header = common_header(track_id, files, rate=RATE, channels=(1,))
        return header.rate, header.samples

    def load(self, track_id: str) -> Track:
        """The track, mono stems. Raises SoundstageError naming it and the file that is missing or not as published."""
        return read_track(track_id, self._known_sources(track_id), rate=RATE, channels=(1,))

    def load_part(self, track_id: str, start: int, stop: int) -> Track:
        """The samples of the track from `start` to before `stop`; no others are decoded. Raises as `load` does."""
        return read_track(track_id, self._known_sources(track_id), rate=RATE, channels=(1,), part=(start, stop))

    def check(self) -> Iterator[Finding]:
        """How many tracks are there and have the task's sources, and which files are missing or not as published.

        Decodes nothing. Every rendered stem must be there, whether the task takes it or not.
        """
        tracks = self._tracks()
        odd = len(tracks) not in TRACKS[self.split]
        published = " or ".join(str(count) for count in TRACKS[self.split])
        text = f"{len(tracks)} tracks in {self.split}"
        yield Finding(f"{text} where {published} were published; unpack Slakh2100 again" if odd else text, wrong=odd)
        folder = self._folder()
        for name in _folders(folder):
            if not _is_track(folder / name):
                yield Finding(no_song(name), wrong=False)
        having = 0
        for track in tracks:
            try:
                sources = self._sources(track)
                stems = [file for of_class in self._rendered(track).values() for file in of_class]
            except SoundstageError as error:
                yield Finding(str(error), track)
                continue
            having += bool(sources)
            for file in stems:
                if not file.exists():
                    yield Finding("missing, though the metadata calls it rendered; unpack Slakh2100 again", track, file)
            used = [file for of_source in sources.values() for file in of_source]
            yield from unlike_published(track, used, RATE, (1,))
        yield Finding(f"{having} of them have all sources of {self.task}", wrong=False)

    def _tracks(self) -> list[str]:
        if not self.root.is_dir():
            raise SoundstageError(f"dataset 'slakh2100': {self.root} is not a folder; {_REMEDY}")
        folder = self._folder()
        if not folder.is_dir():
            raise SoundstageError(f"dataset 'slakh2100': {self.root} holds no folder '{self.split}'; {_REMEDY}")
        return [track for track in _folders(folder) if _is_track(folder / track)]

    def _folder(self) -> Path:
        return as_there(self.root / self.split)

    def _metadata_file(self, track_id: str) -> Path:
        return as_there(self._folder() / track_id / "metadata.yaml")

    def _classes(self) -> dict[str, str]:
        """Source → instrument class, of the task."""
        if self.task == "4s":
            return dict(CLASSES)
        return {"guitar1": CLASSES["guitar"], "guitar2": CLASSES["guitar"]} | {
            source: CLASSES[source] for source in ("bass", "piano")
        }

    def _rendered(self, track_id: str) -> Mapping[str, tuple[Path, ...]]:
        """Instrument class → the files of the track's rendered stems; metadata is parsed once."""
        if track_id not in self._read:
            self._read[track_id] = _rendered(self._metadata_file(track_id))
        return self._read[track_id]

    def _sources(self, track_id: str) -> dict[str, list[Path]]:
        """Source → stem files; empty where the track lacks a source of the task. Raises SoundstageError."""
        rendered = self._rendered(track_id)
        sources = {}
        for source, inst_class in self._classes().items():
            stems = list(rendered.get(inst_class, ()))
            number = source.removeprefix("guitar")
            if number.isdigit():
                stems = stems[int(number) - 1 : int(number)]
            sources[source] = stems
        return sources if all(sources.values()) else {}

    def _known_sources(self, track_id: str) -> dict[str, list[Path]]:
        """As `_sources`, of a track that there is."""
        if not (self._folder() / track_id).is_dir() or not track_id:
            raise UnknownName(f"track of dataset 'slakh2100', split '{self.split}':", track_id, self._tracks())
        try:
            sources = self._sources(track_id)
        except SoundstageError as error:
            raise SoundstageError(f"track '{track_id}': {error}") from None
        if not sources:
            wanted = ", ".join(self._classes())
            raise SoundstageError(
                f"track '{track_id}': it does not have all sources of task {self.task} ({wanted}); leave it out"
            )
        return sources


def _folders(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))


def _is_track(folder: Path) -> bool:
    """Whether the folder is a track's, whole or not."""
    return not is_junk(folder.name) and (os.path.lexists(as_there(folder / "metadata.yaml")) or holds_audio(folder))


def _rendered(metadata: Path) -> Mapping[str, tuple[Path, ...]]:
    """Instrument class → the files of its rendered stems, in the order of their names. Raises SoundstageError."""
    stems = _read_stems(metadata)
    found: dict[str, list[Path]] = {}
    for name in sorted(stems):
        facts = stems[name]
        if not isinstance(facts, Mapping) or "inst_class" not in facts or "audio_rendered" not in facts:
            raise SoundstageError(
                f"{metadata}: stem {name} has no inst_class or no audio_rendered; unpack this track of Slakh2100 again"
            )
        if facts["audio_rendered"]:
            found.setdefault(str(facts["inst_class"]), []).append(
                as_there(as_there(metadata.parent / "stems") / f"{name}.flac")
            )
    return {inst_class: tuple(files) for inst_class, files in found.items()}


def _read_stems(metadata: Path) -> Mapping[str, Any]:
    import yaml

    try:
        facts = yaml.load(
            read_regular(metadata).decode("utf-8-sig"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        )
    except FileNotFoundError:
        raise SoundstageError(f"{metadata}: missing; unpack this track of Slakh2100 again") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise SoundstageError(f"{metadata}: cannot be read ({reason}); unpack this track of Slakh2100 again") from None
    stems = facts.get("stems") if isinstance(facts, Mapping) else None
    if not isinstance(stems, Mapping):
        raise SoundstageError(f"{metadata}: holds no table 'stems'; unpack this track of Slakh2100 again")
    return {str(name): about for name, about in stems.items()}
