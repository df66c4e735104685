"""Anyone's own songs: a folder of stems each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from soundstage.audio import SUFFIXES
from soundstage.errors import SoundstageError, UnknownName
from soundstage.scene import Track
from soundstage_datasets.stems import common_header, read_track

_LAYOUT = "give each song a sub-folder with one .wav or .flac file a stem"

LEFT_OUT = "leave_out"
"""What `sources` calls the stems that are to be in no source."""


class Folder:
    """One song a sub-folder of root, one stem an audio file (.wav or .flac) named after its source.

    A root that itself holds audio files is one song, named after the folder. A file named as `mixture` says is the
    song's own mixture. One or two channels; any rate, the same for all files of a song. Hidden files are passed over.

    sources: which stems make which source, where it is not one each; in an entry's params,

        sources = { vocals = ["lead", "backing*"], accompaniment = ["*"], leave_out = ["click"] }

    A source is the sum of its stems. A stem is named with or without its suffix, and `*` stands for any text; `"*"` by
    itself takes whatever nothing else takes, and stands in one list at most. Stems under `leave_out` are in no source.
    Every stem of a song must be in a list, and in one only; a stem named without `*` must be there, unless it is to be
    left out; and every source must have a stem. Anything else is an error of that song.
    """

    revision = 1

    def __init__(
        self, root: Path, mixture: str = "mixture", sources: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        self.root = Path(root).expanduser().absolute()
        self.mixture = mixture
        self.sources = dict(sources) if sources is not None else None
        if self.sources is not None:
            _check_sources(self.sources)

    def track_ids(self) -> Sequence[str]:
        """The songs' folder names, sorted. Raises SoundstageError where root is missing, empty or ambiguous."""
        return sorted(self._songs())

    def files(self, track_id: str) -> Sequence[Path]:
        """The audio files that the track is made of."""
        if self.sources is None:
            return _audio_files(self._song(track_id))
        return self._parts(track_id)[2]

    def extent(self, track_id: str) -> tuple[int, int]:
        """The track's rate in Hz and its samples, from the files' headers. Raises as `load` does."""
        header = common_header(track_id, self._parts(track_id)[2])
        return header.rate, header.samples

    def load(self, track_id: str) -> Track:
        """The track. Raises SoundstageError naming it and the file that does not fit with the others."""
        sources, mixture, _ = self._parts(track_id)
        return read_track(track_id, sources, mixture)

    def load_part(self, track_id: str, start: int, stop: int) -> Track:
        """The samples of the track from `start` to before `stop`; no others are decoded. Raises as `load` does."""
        sources, mixture, _ = self._parts(track_id)
        return read_track(track_id, sources, mixture, part=(start, stop))

    def _parts(self, track_id: str) -> tuple[dict[str, list[Path]], Path | None, list[Path]]:
        """Source → its files, the mixture's file, and all of these."""
        song = self._song(track_id)
        stems: dict[str, Path] = {}
        for file in _audio_files(song):
            if file.stem in stems:
                raise SoundstageError(
                    f"track '{track_id}': stem '{file.stem}' is there twice in {song}, as {stems[file.stem].name} and"
                    f" {file.name}; remove one"
                )
            stems[file.stem] = file
        mixture = stems.pop(self.mixture, None)
        if not stems:
            found = "no audio file" if mixture is None else f"no audio file but the mixture {mixture.name}"
            raise SoundstageError(f"track '{track_id}': {found} in {song}; add one .wav or .flac file a stem")
        sources = {name: [file] for name, file in stems.items()}
        if self.sources is not None:
            sources = mapped(track_id, list(stems.values()), self.sources)
        files = sorted(file for of_source in sources.values() for file in of_source)
        return sources, mixture, [*files, *([] if mixture is None else [mixture])]

    def _songs(self) -> dict[str, Path]:
        if not self.root.is_dir():
            raise SoundstageError(
                f"dataset 'folder': {self.root} is not a folder; say where it is with --data folder=PATH"
            )
        songs = {entry.name: entry for entry in self.root.iterdir() if entry.is_dir() and not _is_hidden(entry)}
        loose = _audio_files(self.root)
        if loose:
            mixed = next((name for name in sorted(songs) if _audio_files(songs[name])), None)
            if mixed is not None:
                raise SoundstageError(
                    f"dataset 'folder': {self.root} holds audio files ({loose[0].name}) beside song folders ({mixed});"
                    " move one or the other"
                )
            return {self.root.name or "root": self.root}
        if not songs:
            raise SoundstageError(f"dataset 'folder': {self.root} holds no songs; {_LAYOUT}")
        return songs

    def _song(self, track_id: str) -> Path:
        songs = self._songs()
        if track_id not in songs:
            raise UnknownName(f"track of dataset 'folder' at {self.root}:", track_id, songs)
        return songs[track_id]


def mapped(track_id: str, stems: Sequence[Path], sources: Mapping[str, tuple[str, ...]]) -> dict[str, list[Path]]:
    """Source → those of a song's stem files that make it, as `sources` says (see Folder), sources sorted by name.

    Raises SoundstageError for a stem in two sources or in none, and for a stem or a source that is not there.
    """
    taker: dict[Path, str] = {}
    for source, pattern in _named(sources):
        found = [file for file in stems if _matches(pattern, file)]
        if not found and "*" not in pattern and source != LEFT_OUT:
            raise SoundstageError(
                f"track '{track_id}': no stem '{pattern}', which source '{source}' is made of; add it, or write"
                f" '{pattern}*' where songs may lack it"
            )
        for file in found:
            other = taker.setdefault(file, source)
            if other != source:
                raise SoundstageError(
                    f"track '{track_id}': stem '{file.name}' is in both '{other}' and '{source}'; take it out of one"
                )
    rest = next((source for source, patterns in sources.items() if "*" in patterns), None)
    for file in stems:
        if file not in taker and rest is None:
            raise SoundstageError(
                f"track '{track_id}': stem '{file.name}' is in no source; add it to one, or to {LEFT_OUT}"
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


def _matches(pattern: str, file: Path) -> bool:
    expression = ".*".join(map(re.escape, pattern.split("*")))
    return any(re.fullmatch(expression, name, re.DOTALL) for name in (file.stem, file.name))


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _audio_files(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES and not _is_hidden(file) and not file.is_dir()
    )
