"""Anyone's own songs: a folder of stems each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import get_args

from soundstage.audio import FORMATS
from soundstage.audio_files import audio_folders, fold, holds_audio, is_junk, listing, no_song, song_folders
from soundstage.contracts import Finding
from soundstage.errors import SoundstageError, UnknownName, suggestion
from soundstage.likeness import Likeness, likenesses, of_blocks
from soundstage.regular import check_regular
from soundstage.scene import Track
from soundstage_datasets.layouts import Layout, Stems, stem_folders, stems_in_folders
from soundstage_datasets.names import by_name, check_names, mixture_of
from soundstage_datasets.stems import BLOCK_S, Lengths, common_header, read_track

_LAYOUT = "give each song a sub-folder with one audio file a stem"
_REMEDY = f"convert it to WAV or FLAC, or move it out of the song's folder ({FORMATS} are read)"

LEFT_OUT = "leave_out"
"""What `sources` calls the stems that are to be in no source."""


class Folder:
    """One song a sub-folder of root, one stem an audio file named after its source: WAV (RF64 and W64 too), FLAC, AIFF,
    CAF, AU, Ogg Vorbis, Opus or MP3.

    A root that itself holds audio files is one song, named after the folder. A file named as `mixture` says, in any
    case, is the song's own mixture; where there is none, the one whose name is a mixture's in the common tools (`mix`,
    `Full Mix`, `mixdown`, …). One or two channels; any rate, the same for all files of a song. Hidden files are passed
    over, and so are folders that hold no audio or that devices and archives leave behind (`@eaDir`, `__MACOSX`).

    What is no source is an error of its song: a file that by its name is a whole song's (`master`, `original`), the sum
    of others (`accompaniment`, `no_vocals` beside more than one source) or a copy (`vocals (1)`); a stem that is equal
    to another one or to a sum of others, found when it is read; and audio of a kind that is not read (`.m4a`, …).

    sources: which stems make which source, where it is not one each; in an entry's params,

        sources = { vocals = ["lead", "backing*"], accompaniment = ["*"], leave_out = ["click"] }

    A source is the sum of its stems. A stem is named with or without its suffix, and `*` stands for any text; `"*"` by
    itself takes whatever nothing else takes, and stands in one list at most. Stems under `leave_out` are in no source,
    and their names may be what they like, as may those of stems that a list names. Case makes no difference.
    Every stem of a song must be in a list, and in one only; a stem named without `*` must be there, unless it is to be
    left out; and every source must have a stem. Anything else is an error of that song.

    lengths: what becomes of a song whose files differ in length: `strict`, an error; `shortest`, all are cut at the end
    to the shortest; `longest`, all go on in silence to the end of the longest. The song's record names each file that
    this changes, and a note says it.

    layout: where stems lie. `files`: in the song's folder, a file each. `folders`: a folder a stem, which is the sum of
    the files in it and is called as the folder, as MoisesDB unpacks. `medleydb`: in TRACK_STEMS, each called as the
    instrument that TRACK_METADATA.yaml names; stems of one instrument are summed, and TRACK_MIX.wav, which has gains of
    its own, is not read. In the latter two a song has no mixture of its own.
    """

    revision = 2
    left_out_at_default = ("lengths", "layout")

    def __init__(
        self,
        root: Path,
        mixture: str = "mixture",
        sources: Mapping[str, tuple[str, ...]] | None = None,
        lengths: Lengths = "strict",
        layout: Layout = "files",
    ) -> None:
        if lengths not in get_args(Lengths):
            raise SoundstageError(f"dataset 'folder': no lengths '{lengths}'{suggestion(lengths, get_args(Lengths))}")
        if layout not in get_args(Layout):
            raise SoundstageError(f"dataset 'folder': no layout '{layout}'{suggestion(layout, get_args(Layout))}")
        self.root = Path(root).expanduser().absolute()
        self.mixture = mixture
        self.lengths: Lengths = lengths
        self.layout: Layout = layout
        self.sources = dict(sources) if sources is not None else None
        if self.sources is not None:
            _check_sources(self.sources)

    def track_ids(self) -> Sequence[str]:
        """The songs' folder names, sorted. Raises SoundstageError where root is missing, empty or ambiguous."""
        return sorted(self._songs()[0])

    def files(self, track_id: str) -> Sequence[Path]:
        """The audio files that the track is made of, and those that say what they are."""
        _, _, audio, about = self._parts(track_id)
        return [*audio, *about]

    def source_names(self, track_id: str) -> Sequence[str]:
        """The names of the track's sources, from its files' names. Raises as `load` does."""
        return tuple(self._parts(track_id)[0])

    def extent(self, track_id: str) -> tuple[int, int]:
        """The track's rate in Hz and its samples, from the files' headers. Raises as `load` does."""
        header = common_header(track_id, self._parts(track_id)[2], lengths=self.lengths)
        return header.rate, header.samples

    def load(self, track_id: str) -> Track:
        """The track. Raises SoundstageError naming it and the file that does not fit with the others."""
        return self._read(track_id, None)

    def load_part(self, track_id: str, start: int, stop: int) -> Track:
        """The samples of the track from `start` to before `stop`; no others are decoded. Raises as `load` does."""
        return self._read(track_id, (start, stop))

    def check(self) -> Iterator[Finding]:
        """How many songs there are, which folders are none, and which files look like audio and are not read."""
        songs, others = self._songs()
        yield Finding(f"{len(songs)} track" + ("" if len(songs) == 1 else "s"), wrong=False)
        for name in others:
            yield Finding(no_song(name), wrong=False)
        for track, song in sorted(songs.items()):
            try:
                places = stem_folders(song, self.layout)
                for place in places:
                    yield from self._checked(track, place)
            except SoundstageError:
                continue  # `files` says so
            if self.layout != "files" and places:
                for below in audio_folders(song):
                    if below not in places:
                        yield Finding("the audio in this folder is not read", track, below, wrong=False)

    def _checked(self, track: str, place: Path) -> Iterator[Finding]:
        """What is odd about a folder in which a song's stems lie."""
        found = listing(place, look_inside=True)
        for file in found.unread:
            yield Finding(f"it is not read; {_REMEDY}", track, file)
        kept = found.without_lossy_twins().audio
        for file in found.audio:
            if file not in kept:
                yield Finding("it is there in WAV or FLAC too, which is read", track, file, wrong=False)
        for file in found.disguised:
            yield Finding("it begins as audio does and is not read; give it its suffix, or move it", track, file)
        if found.audio and self.layout == "files":
            for below in (one for folder in found.folders for one in audio_folders(folder)):
                yield Finding("the audio in this folder is not read", track, below, wrong=False)

    def _read(self, track_id: str, part: tuple[int, int] | None) -> Track:
        """The track or a part, its stems compared with each other: over the whole song, where a part gives reason."""
        sources, mixture, _, _ = self._parts(track_id)
        track = read_track(track_id, sources, mixture, part=part, lengths=self.lengths)
        lossy = bool(track.lossy)
        alike = likenesses(track.stems, lossy)
        if alike and part is not None:
            rate, samples = self.extent(track_id)
            ends = [(start, min(start + BLOCK_S * rate, samples)) for start in range(0, samples, BLOCK_S * rate)]
            parts = (read_track(track_id, sources, mixture, part=end, lengths=self.lengths) for end in ends)
            alike = of_blocks((one.stems for one in parts), lossy)
        for likeness in alike:
            raise SoundstageError(f"track '{track_id}': {_told(likeness, sources)}")
        return track

    def _parts(self, track_id: str) -> tuple[dict[str, list[Path]], Path | None, list[Path], tuple[Path, ...]]:
        """Source → its files, the mixture's file, all of these, and the files that say what they are."""
        song = self._song(track_id)
        if self.layout != "files":
            return self._nested(track_id, stems_in_folders(track_id, song, self.layout))
        found = listing(song).without_lossy_twins()
        for file in found.unread:
            raise SoundstageError(f"track '{track_id}': {file} is not read; {_REMEDY}")
        for file in found.audio:
            check_regular(file)
        by_name(track_id, found.audio)
        mixture = mixture_of(track_id, found.audio, self.mixture, self._unmapped(found.audio))
        stems = [file for file in found.audio if file != mixture]
        if not stems:
            raise SoundstageError(f"track '{track_id}': {_nothing(song, mixture)}")
        sources = {file.stem: [file] for file in stems}
        if self.sources is not None:
            sources = mapped(track_id, stems, self.sources)
        check_names(track_id, self._unmapped(stems), mixture)
        files = sorted(file for of_source in sources.values() for file in of_source)
        return sources, mixture, [*files, *([] if mixture is None else [mixture])], ()

    def _nested(self, track_id: str, stems: Stems) -> tuple[dict[str, list[Path]], None, list[Path], tuple[Path, ...]]:
        """As `_parts`, of a song whose stems lie in folders of their own."""
        if self.sources is not None:
            sources = mapped(track_id, list(stems.called), self.sources, stems.called)
        else:
            sources = {}
            for file, name in sorted(stems.called.items(), key=lambda item: (item[1], item[0])):
                sources.setdefault(name, []).append(file)
        return sources, None, sorted(file for of_source in sources.values() for file in of_source), stems.about

    def _unmapped(self, files: Sequence[Path]) -> list[Path]:
        """Those of a song's files that no list of `sources` names, nor leaves out: what they are is for us to say."""
        if self.sources is None:
            return list(files)
        if "*" in self.sources.get(LEFT_OUT, ()):
            return []
        patterns = [pattern for _, pattern in _named(self.sources)]
        return [file for file in files if not any(_matches(pattern, file) for pattern in patterns)]

    def _songs(self) -> tuple[dict[str, Path], list[str]]:
        """The songs' folders by name, and the names of the folders that are none."""
        if not self.root.is_dir():
            raise SoundstageError(f"dataset 'folder': {self.root} is not a folder; give the folder of your songs")
        loose = listing(self.root)
        names, others = song_folders(self.root)
        if self.layout != "files":
            if not names:
                raise SoundstageError(
                    f"dataset 'folder': {self.root} holds no songs; give the folder that holds a folder a song"
                )
            return {name: self.root / name for name in names}, others
        if loose.audio or loose.unread:
            mixed = next((name for name in names if holds_audio(self.root / name, 0)), None)
            if mixed is not None:
                first = [*loose.audio, *loose.unread][0]
                raise SoundstageError(
                    f"dataset 'folder': {self.root} holds audio files ({first.name}) beside song folders ({mixed});"
                    " move one or the other"
                )
            return {self.root.name or "root": self.root}, others
        if not names:
            raise SoundstageError(f"dataset 'folder': {self.root} holds no songs; {_LAYOUT}")
        if not any(holds_audio(self.root / name, 0) for name in names):
            raise SoundstageError(f"dataset 'folder': {self.root} holds no songs itself; {_deeper(self.root)}")
        return {name: self.root / name for name in names}, others

    def _song(self, track_id: str) -> Path:
        folder = self.root / track_id
        plain = track_id and Path(track_id).name == track_id and not is_junk(track_id)
        if (
            plain
            and self.root.is_dir()
            and not holds_audio(self.root, 0)
            and folder.is_dir()
            and holds_audio(folder, 0 if self.layout == "files" else 1)
        ):
            return folder
        songs, _ = self._songs()
        if track_id not in songs:
            raise UnknownName(f"track of dataset 'folder' at {self.root}:", track_id, songs)
        return songs[track_id]


def _deeper(root: Path) -> str:
    """Where the audio below a root is, whose own sub-folders hold none, and which root that makes."""
    first = next(audio_folders(root))
    return f"there is audio in {first}: give {first.parent} for a root of songs, or {first} for one song"


def _nothing(song: Path, mixture: Path | None) -> str:
    """Why there is no stem in a song's folder, and what to do."""
    if mixture is not None:
        return f"no audio file but the mixture {mixture.name} in {song}; add one audio file a stem"
    below = next(audio_folders(song), None)
    if below is not None and below != song:
        return f"no audio file in {song} itself, but in {below}; move the stems up into the song's folder"
    return f"no audio file in {song}; add one a stem ({FORMATS})"


def _told(likeness: Likeness, sources: Mapping[str, Sequence[Path]]) -> str:
    """The sentence about a stem that is no source, with its file, or the first of them."""
    return f"{sources[likeness.stem][0]}: {likeness.sentence}"


def mapped(
    track_id: str,
    stems: Sequence[Path],
    sources: Mapping[str, tuple[str, ...]],
    called: Mapping[Path, str] | None = None,
) -> dict[str, list[Path]]:
    """Source → those of a song's stem files that make it, as `sources` says (see Folder), sources sorted by name.

    called: what each stem is called, where that is not the name of its file. Raises SoundstageError for a stem in two
    sources or in none, and for a stem or a source that is not there.
    """
    taker: dict[Path, str] = {}
    for source, pattern in _named(sources):
        found = [file for file in stems if _matches(pattern, file, called)]
        if not found and "*" not in pattern and source != LEFT_OUT:
            raise SoundstageError(
                f"track '{track_id}': no stem '{pattern}', which source '{source}' is made of; add it, or write"
                f" '{pattern}*' where songs may lack it"
            )
        for file in found:
            other = taker.setdefault(file, source)
            if other != source:
                raise SoundstageError(
                    f"track '{track_id}': stem '{_called(file, called)}' is in both '{other}' and '{source}'; take it"
                    " out of one"
                )
    rest = next((source for source, patterns in sources.items() if "*" in patterns), None)
    for file in stems:
        if file not in taker and rest is None:
            raise SoundstageError(
                f"track '{track_id}': stem '{_called(file, called)}' is in no source; add it to one, or to {LEFT_OUT}"
            )
        taker.setdefault(file, rest or "")
    made = {source: [file for file in stems if taker[file] == source] for source in sorted(sources)}
    made.pop(LEFT_OUT, None)
    for source, files in made.items():
        if not files:
            raise SoundstageError(
                f"track '{track_id}': no stem for source '{source}' ({', '.join(sources[source])}); add one"
            )
    return made


def _check_sources(sources: Mapping[str, tuple[str, ...]]) -> None:
    if not set(sources) - {LEFT_OUT}:
        raise SoundstageError('sources names no source; write for example sources = { vocals = ["lead", "backing*"] }')
    for source, patterns in sources.items():
        if not patterns or not all(patterns):
            raise SoundstageError(f"sources: '{source}' names no stem; list its stems, or \"*\" for all others")
    if sum("*" in patterns for patterns in sources.values()) > 1:
        raise SoundstageError('sources: "*", whatever nothing else takes, stands in two lists; keep one')


def _named(sources: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """Source and pattern, but for the one that takes the rest."""
    return ((source, pattern) for source, patterns in sources.items() for pattern in patterns if pattern != "*")


def _called(file: Path, called: Mapping[Path, str] | None) -> str:
    return f"{called[file]} ({file.name})" if called else file.name


def _matches(pattern: str, file: Path, called: Mapping[Path, str] | None = None) -> bool:
    expression = ".*".join(map(re.escape, fold(pattern).split("*")))
    names = (called[file],) if called else (file.stem, file.name)
    return any(re.fullmatch(expression, fold(name), re.DOTALL) for name in names)
