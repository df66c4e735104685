"""MUSDB18-HQ: the 150 songs that music source separation is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from soundstage.errors import SoundstageError, UnknownName
from soundstage.scene import Track
from soundstage_datasets.stems import read_track

RATE: Final = 44100
STEMS: Final = ("vocals", "drums", "bass", "other")
_REMEDY: Final = (
    "download MUSDB18-HQ (doi 10.5281/zenodo.3338373), unpack it, and say where it is with --data musdb18hq=PATH, the"
    " folder that holds train and test"
)


class Musdb18hq:
    """MUSDB18-HQ as it unpacks: root/{train,test}/{song}/{mixture,vocals,drums,bass,other}.wav, 44.1 kHz stereo.

    Z. Rafii et al., MUSDB18-HQ, 2019, doi 10.5281/zenodo.3338373. A track's id is its song folder's name; its mixture
    is the dataset's own.
    """

    revision = 1

    def __init__(self, root: Path, split: Literal["train", "test"] = "test") -> None:
        if split not in ("train", "test"):
            raise SoundstageError(f"dataset 'musdb18hq': split '{split}' is unknown; take 'train' or 'test'")
        self.root = Path(root).expanduser()
        self.split = split

    def track_ids(self) -> Sequence[str]:
        """The song folders of the split, sorted. Raises SoundstageError, saying what to download, where none are."""
        if not self.root.is_dir():
            raise SoundstageError(f"dataset 'musdb18hq': {self.root} is not a folder; {_REMEDY}")
        folder = self.root / self.split
        if not folder.is_dir():
            raise SoundstageError(f"dataset 'musdb18hq': {self.root} holds no folder '{self.split}'; {_REMEDY}")
        songs = sorted(song.name for song in folder.iterdir() if song.is_dir() and not song.name.startswith("."))
        if songs:
            return songs
        if any(folder.glob("*.stem.mp4")):
            raise SoundstageError(f"dataset 'musdb18hq': {folder} holds the compressed MUSDB18 (.stem.mp4); {_REMEDY}")
        raise SoundstageError(f"dataset 'musdb18hq': {folder} holds no song folders; {_REMEDY}")

    def files(self, track_id: str) -> Sequence[Path]:
        """The files of the track that are there; `load` says which one is missing."""
        song = self._song(track_id)
        return [file for file in (song / f"{name}.wav" for name in (*STEMS, "mixture")) if file.is_file()]

    def load(self, track_id: str) -> Track:
        """The track. Raises SoundstageError naming it and the file that is missing or not as the dataset has it."""
        song = self._song(track_id)
        stems = {name: song / f"{name}.wav" for name in STEMS}
        mixture = song / "mixture.wav"
        missing = [file.name for file in (*stems.values(), mixture) if not file.is_file()]
        if missing:
            raise SoundstageError(
                f"track '{track_id}': {', '.join(missing)} missing in {song}; unpack this song of MUSDB18-HQ again"
            )
        return read_track(track_id, stems, mixture, rate=RATE, channels=(2,))

    def _song(self, track_id: str) -> Path:
        if track_id not in self.track_ids():
            raise UnknownName(f"track of dataset 'musdb18hq', split '{self.split}':", track_id, self.track_ids())
        return self.root / self.split / track_id
