"""Anyone's own songs: a folder of stems each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from soundstage.audio import SUFFIXES
from soundstage.errors import SoundstageError, UnknownName
from soundstage.scene import Track
from soundstage_datasets.stems import read_track

_LAYOUT = "give each song a sub-folder with one .wav or .flac file a stem"


class Folder:
    """One song a sub-folder of root, one stem an audio file (.wav or .flac) named after its source.

    A root that itself holds audio files is one song, named after the folder. A file named as `mixture` says is the
    song's own mixture. One or two channels; any rate, the same for all files of a song. Hidden files are passed over.
    """

    revision = 1

    def __init__(self, root: Path, mixture: str = "mixture") -> None:
        self.root = Path(root).expanduser().absolute()
        self.mixture = mixture

    def track_ids(self) -> Sequence[str]:
        """The songs' folder names, sorted. Raises SoundstageError where root is missing, empty or ambiguous."""
        return sorted(self._songs())

    def files(self, track_id: str) -> Sequence[Path]:
        """The audio files of the track."""
        return _audio_files(self._song(track_id))

    def load(self, track_id: str) -> Track:
        """The track. Raises SoundstageError naming it and the file that does not fit with the others."""
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
        return read_track(track_id, stems, mixture)

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


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _audio_files(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES and not _is_hidden(file) and not file.is_dir()
    )
