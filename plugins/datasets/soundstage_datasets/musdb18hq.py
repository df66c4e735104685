"""MUSDB18-HQ: the 150 songs that music source separation is measured on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, get_args

from soundstage.audio_files import as_there, no_song, song_folders
from soundstage.contracts import Finding
from soundstage.errors import SoundstageError, UnknownName, suggestion
from soundstage.regular import check_regular
from soundstage.scene import Track
from soundstage_datasets.stems import common_header, read_track, unlike_published

RATE: Final = 44100
STEMS: Final = ("vocals", "drums", "bass", "other")
SONGS: Final = {"train": 100, "test": 50}
"""How many songs the folders hold as published."""

# The package musdb, configs/mus.yaml; Open-Unmix and Demucs validate on the same songs.
VALIDATION: Final = (
    "Actions - One Minute Smile",
    "Clara Berry And Wooldog - Waltz For My Victims",
    "Johnny Lokke - Promises & Lies",
    "Patrick Talbot - A Reason To Leave",
    "Triviul - Angelsaint",
    "Alexander Ross - Goodbye Bolero",
    "Fergessen - Nos Palpitants",
    "Leaf - Summerghost",
    "Skelpolu - Human Mistakes",
    "Young Griffo - Pennies",
    "ANiMAL - Rockshow",
    "James May - On The Line",
    "Meaxic - Take A Step",
    "Traffic Experiment - Sirens",
)

Split = Literal["train", "validation", "test", "train_and_validation"]
_REMEDY: Final = (
    "download MUSDB18-HQ (doi 10.5281/zenodo.3338373), unpack it, and say where it is with --data musdb18hq=PATH, the"
    " folder that holds train and test"
)


class Musdb18hq:
    """MUSDB18-HQ as it unpacks: root/{train,test}/{song}/{mixture,vocals,drums,bass,other}.wav, 44.1 kHz stereo.

    Z. Rafii et al., MUSDB18-HQ, 2019, doi 10.5281/zenodo.3338373. A track's id is its song folder's name; its mixture
    is the dataset's own, which is the sum of the stems but for rounding (and, in PR - Oh No, for the left channel:
    sigsep's errata).

    split: `test`, the folder test (50 songs); `validation`, the 14 songs of the folder train that the package musdb
    lists; `train`, the other 86; `train_and_validation`, all 100. stems: 4, vocals, drums, bass and other; or 2, vocals
    and accompaniment, which is drums + bass + other.
    """

    revision = 1

    def __init__(self, root: Path, split: Split = "test", stems: Literal[4, 2] = 4) -> None:
        if split not in get_args(Split):
            raise SoundstageError(f"dataset 'musdb18hq': no split '{split}'{suggestion(split, get_args(Split))}")
        if stems not in (4, 2):
            raise SoundstageError(f"dataset 'musdb18hq': there are 4 stems or 2, not {stems}")
        self.root = Path(root).expanduser()
        self.split = split
        self.stems = stems

    @property
    def split_folder(self) -> str:
        """The folder that the split's songs lie in; the validation songs are told by their names, in train."""
        return "test" if self.split == "test" else "train"

    def track_ids(self) -> Sequence[str]:
        """The songs of the split, sorted. Raises SoundstageError, saying what to download, where none are."""
        folder = self._folder()
        if not self.root.is_dir():
            raise SoundstageError(f"dataset 'musdb18hq': {self.root} is not a folder; {_REMEDY}")
        if not folder.is_dir():
            raise SoundstageError(f"dataset 'musdb18hq': {self.root} holds no folder '{folder.name}'; {_REMEDY}")
        songs = _song_folders(folder)
        if not songs and any(folder.glob("*.stem.mp4")):
            raise SoundstageError(f"dataset 'musdb18hq': {folder} holds the compressed MUSDB18 (.stem.mp4); {_REMEDY}")
        if not songs:
            raise SoundstageError(f"dataset 'musdb18hq': {folder} holds no song folders; {_REMEDY}")
        if self.split in ("train", "validation"):
            songs = [song for song in songs if (song in VALIDATION) == (self.split == "validation")]
            if not songs:
                raise SoundstageError(f"dataset 'musdb18hq': {folder} holds no song of {self.split}; {_REMEDY}")
        return songs

    def files(self, track_id: str) -> Sequence[Path]:
        """The files of the track that are there; `load` says which one is missing."""
        files = self._all_files(track_id)
        for file in files:
            check_regular(file)
        return [file for file in files if file.is_file()]

    def source_names(self, track_id: str) -> Sequence[str]:
        """The names of the track's sources, the same for all tracks."""
        return STEMS if self.stems == 4 else ("vocals", "accompaniment")

    def extent(self, track_id: str) -> tuple[int, int]:
        """The track's rate in Hz and its samples, from the files' headers. Raises as `load` does."""
        self._check_complete(track_id)
        header = common_header(track_id, self._all_files(track_id), rate=RATE, channels=(2,))
        return header.rate, header.samples

    def load(self, track_id: str) -> Track:
        """The track. Raises SoundstageError naming it and the file that is missing or not as the dataset has it."""
        return self._read(track_id, None)

    def load_part(self, track_id: str, start: int, stop: int) -> Track:
        """The samples of the track from `start` to before `stop`; no others are decoded. Raises as `load` does."""
        return self._read(track_id, (start, stop))

    def check(self) -> Iterator[Finding]:
        """How many songs are there, which are missing, and which files are not as published. Decodes nothing."""
        for name, published in SONGS.items():
            folder = as_there(self.root / name)
            there = len(_song_folders(folder)) if folder.is_dir() else 0
            matters = folder == self._folder() and there != published
            remedy = "; unpack MUSDB18-HQ again" if matters else ""
            yield Finding(f"{there} of the {published} songs of the folder {name} are there{remedy}", wrong=matters)
        for other in song_folders(self._folder())[1] if self._folder().is_dir() else []:
            yield Finding(no_song(other), wrong=False)
        songs = self.track_ids()
        if self.split in ("validation", "train_and_validation"):
            for song in VALIDATION:
                if song not in songs:
                    yield Finding("this song of the validation split is missing; unpack MUSDB18-HQ again", song)
        for song in songs:
            for file in self._all_files(song):
                if not file.exists():
                    yield Finding("missing; unpack this song of MUSDB18-HQ again", song, file)
            there_are = [file for file in self._all_files(song) if file.is_file()]
            yield from unlike_published(song, there_are, RATE, (2,))

    def _read(self, track_id: str, part: tuple[int, int] | None) -> Track:
        self._check_complete(track_id)
        files = dict(zip((*STEMS, "mixture"), self._all_files(track_id), strict=True))
        sources: Mapping[str, list[Path]] = {name: [files[name]] for name in STEMS}
        if self.stems == 2:
            others = [file for name in STEMS[1:] for file in sources[name]]
            sources = {"vocals": sources["vocals"], "accompaniment": others}
        return read_track(track_id, sources, files["mixture"], rate=RATE, channels=(2,), part=part)

    def _check_complete(self, track_id: str) -> None:
        missing = [file.name for file in self._all_files(track_id) if not file.is_file()]
        if missing:
            raise SoundstageError(
                f"track '{track_id}': {', '.join(missing)} missing in {self._song(track_id)}; unpack this song of"
                " MUSDB18-HQ again"
            )

    def _all_files(self, track_id: str) -> list[Path]:
        song = self._song(track_id)
        return [as_there(song / f"{name}.wav") for name in (*STEMS, "mixture")]

    def _song(self, track_id: str) -> Path:
        songs = self.track_ids()
        if track_id not in songs:
            raise UnknownName(f"track of dataset 'musdb18hq', split '{self.split}':", track_id, songs)
        return self._folder() / track_id

    def _folder(self) -> Path:
        return as_there(self.root / self.split_folder)


def _song_folders(folder: Path) -> list[str]:
    return song_folders(folder)[0]
