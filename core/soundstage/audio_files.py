"""Files and folders that people have: which are audio, which only look like it, and which are no songs at all."""

from __future__ import annotations

import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from soundstage.audio import FIRST, LOSSY, SUFFIXES
from soundstage.errors import SoundstageError, storable

UNREAD = (
    *(".m4a", ".m4b", ".m4p", ".stem.mp4", ".aac", ".alac", ".adts", ".wma", ".asf", ".ape", ".wv", ".tta", ".tak"),
    *(".mpc", ".mp2", ".mp1", ".mpga", ".ac3", ".eac3", ".dts", ".dtshd", ".thd", ".mka", ".weba", ".amr", ".spx"),
    *(".dsf", ".dff", ".ra", ".rm", ".oma", ".aa3", ".at3", ".sd2", ".voc", ".snd", ".mogg", ".shn", ".ofr"),
)
"""Suffixes of audio that is not read: whoever has such files is told so."""

_MAGIC = (b"fLaC", b"OggS", b"RF64", b"riff", b"caff", b"ID3", b"MAC ", b"wvpk", b"TTA1", b"DSD ", b"FRM8")
"""How files begin that are audio whatever they are called; RIFF and FORM are looked at more closely."""

_JUNK = frozenset(
    {
        *("@eadir", "#recycle", "@recycle", "#snapshot", "@recently-snapshot", "__macosx", "$recycle.bin"),
        *("system volume information", "lost+found", "recycler", "found.000", "__pycache__", "node_modules"),
    }
)
"""Folders that storage devices, archives and tools leave behind, in lower case."""

ACCOMPANIMENTS = ("accompaniment", "no_vocals", "instrumental", "karaoke")
"""What separators of two sources call the file of everything but the vocals."""

_BY_TOOLS = re.compile(r"(?P<track>.+)_\((?P<stem>[^()]+)\)(?:_.*)?", re.DOTALL)
"""How separation tools call a stem: TRACK_(Vocals)_MODEL; of a stem of a stem the last brackets count."""

_NUMBERED = re.compile(r"\d+_(?P<track>.+)", re.DOTALL)
"""A track as one of them numbers it."""

DEEPEST = 3
"""Folders below a root in which audio is looked for, to say where it is."""


def nfc(name: str) -> str:
    """The name with its accents encoded in the one way (NFC): file systems and keyboards differ in it."""
    return unicodedata.normalize("NFC", name)


def fold(name: str) -> str:
    """The name as it is compared: without case, and however its accents are encoded (NFC or NFD)."""
    return nfc(nfc(name).casefold())


def as_there(path: Path) -> Path:
    """The path; where nothing is there, the one beside it that is called so but for case and the encoding of accents.

    It is the path itself where there is none such, or more than one.
    """
    if path.exists():
        return path
    try:
        alike = [entry for entry in path.parent.iterdir() if fold(entry.name) == fold(path.name)]
    except OSError:
        return path
    return alike[0] if len(alike) == 1 else path


@dataclass(frozen=True, slots=True)
class StemName:
    """What separation tools say in a stem's name, TRACK_(Stem)_MODEL: the track as it is written there; the stem."""

    track: str
    stem: str

    def is_of(self, track: str) -> bool:
        """Whether it is a stem of that track, which may have a number and an underscore before it."""
        numbered = _NUMBERED.fullmatch(self.track)
        return fold(track) in {fold(self.track), *([fold(numbered["track"])] if numbered else [])}


def stem_name(name: str) -> StemName | None:
    """What a file's name without suffix says, where it is one that separation tools write."""
    found = _BY_TOOLS.fullmatch(name)
    return StemName(found["track"], found["stem"]) if found else None


def names_source(name: str, source: str) -> bool:
    """Whether a stem of that name is of that source: in any case, with spaces for underscores, and `Instrumental` and
    its like for the accompaniment.
    """
    plain, wanted = _words(name), _words(source)
    return plain == wanted or {plain, wanted} <= {_words(one) for one in ACCOMPANIMENTS}


def _words(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", fold(name)).strip()


def leads_back(folder: Path) -> bool:
    """Whether this is a link to a folder that it lies in, so that going into it never ends."""
    return folder.is_symlink() and folder.parent.resolve().is_relative_to(folder.resolve())


def is_junk(name: str) -> bool:
    """Whether a folder of that name holds no songs: hidden, or left behind by a storage device or an archive."""
    return name.startswith(".") or name.lower() in _JUNK


@dataclass(frozen=True, slots=True)
class Listing:
    """What a folder holds, each sorted. audio: files that are read. unread: audio of kinds that are not. disguised:
    files that begin as audio does under a name that no audio file has. folders: but for junk.

    Hidden files are in none.
    """

    audio: list[Path]
    unread: list[Path]
    disguised: list[Path]
    folders: list[Path]

    def without_lossy_twins(self) -> Listing:
        """The same without the lossy audio files of which there is a WAV or FLAC file of the same name."""
        return replace(self, audio=without_lossy_twins(self.audio))


def listing(folder: Path, *, look_inside: bool = False) -> Listing:
    """What the folder holds. look_inside: also find the disguised, by their first bytes.

    Raises SoundstageError where the folder cannot be read.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise SoundstageError(
            f"{folder}: the folder cannot be read ({error.strerror}); give yourself the right to, or move it away"
        ) from None
    found = Listing([], [], [], [])
    for entry in entries:
        name = entry.name.lower()
        if name.startswith("."):
            continue
        if entry.is_dir():
            if not is_junk(entry.name) and not leads_back(entry):
                found.folders.append(entry)
        elif name.endswith(SUFFIXES):
            found.audio.append(entry)
        elif name.endswith(UNREAD):
            found.unread.append(entry)
        elif look_inside and _begins_as_audio(entry):
            found.disguised.append(entry)
    return found


def without_lossy_twins(files: Sequence[Path]) -> list[Path]:
    """The files without the lossy ones of which there is a WAV or FLAC file of the same name."""
    first = {file.with_suffix("") for file in files if file.suffix.lower() in FIRST}
    return [file for file in files if file.suffix.lower() not in LOSSY or file.with_suffix("") not in first]


def holds_audio(folder: Path, depth: int = DEEPEST) -> bool:
    """Whether there is audio in the folder, read or not, or so many folders below; or whether that cannot be seen."""
    return next(audio_folders(folder, depth), None) is not None


def audio_folders(folder: Path, depth: int = DEEPEST) -> Iterator[Path]:
    """The folders in and below this one that hold audio themselves, or cannot be read; junk left out."""
    try:
        found = listing(folder)
    except SoundstageError:
        yield folder
        return
    if found.audio or found.unread:
        yield folder
    for below in found.folders if depth else ():
        yield from audio_folders(below, depth - 1)


def song_places(folder: Path, track: str) -> list[Path]:
    """The folders below this one that hold audio and are called as the track, in any case, exactly so called first."""
    found = [place for place in audio_folders(folder) if place != folder and fold(place.name) == fold(track)]
    return [place for place in found if place.name == track] or found


def song_folders(folder: Path) -> tuple[list[str], list[str]]:
    """The names of the folders in this one that may be songs, and of those that are none: junk, or without audio."""
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise SoundstageError(f"{folder}: the folder cannot be read ({error.strerror}); check its rights") from None
    songs = [
        name for name in names if not is_junk(name) and not leads_back(folder / name) and holds_audio(folder / name)
    ]
    return songs, [name for name in names if name not in songs]


def no_song(name: str) -> str:
    """Why a folder that `song_folders` leaves out is no song."""
    why = "left behind by a device or an archive" if is_junk(name) else "it holds no audio of its own"
    return f"the folder '{storable(name)}' is no song: {why}"


def _begins_as_audio(file: Path) -> bool:
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return False
        with file.open("rb") as stream:
            head = stream.read(12)
    except (OSError, ValueError):
        return False
    wave = (head[:4], head[8:]) in ((b"RIFF", b"WAVE"), (b"FORM", b"AIFF"), (b"FORM", b"AIFC"))
    return wave or head.startswith(_MAGIC) or head[4:11] in (b"ftypM4A", b"ftypM4B")
