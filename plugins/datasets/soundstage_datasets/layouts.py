"""Songs whose stems lie in folders of their own: a folder a stem, as in MoisesDB, or one for all, as in MedleyDB.

MoisesDB, as it unpacks: `moisesdb_v0.1/TRACK/{vocals,bass,…}/ID.wav`, several files a stem, and `data.json`.
MedleyDB: `Audio/TRACK/TRACK_STEMS/TRACK_STEM_01.wav`, and what each is in `TRACK_METADATA.yaml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from soundstage.audio import FORMATS
from soundstage.audio_files import as_there, listing
from soundstage.errors import SoundstageError
from soundstage.regular import check_regular, read_regular
from soundstage_datasets.names import by_name

Layout = Literal["files", "folders", "medleydb"]

STEMS, METADATA = "_STEMS", "_METADATA.yaml"
"""How MedleyDB ends the names of a song's folder of stems, and of what it says of them."""


@dataclass(frozen=True, slots=True)
class Stems:
    """A song's stem files, each with what it is called; about: files that say so."""

    called: Mapping[Path, str]
    about: tuple[Path, ...] = ()


def stem_folders(song: Path, layout: Layout) -> list[Path]:
    """The folders of a song in which its stems lie. Raises SoundstageError where it cannot be read."""
    if layout == "files":
        return [song]
    folders = listing(song).folders
    return folders if layout == "folders" else [one for one in folders if one.name.upper().endswith(STEMS)]


def stems_in_folders(track_id: str, song: Path, layout: Layout) -> Stems:
    """The song's stems. Raises SoundstageError naming the track and what is missing, unreadable or of no kind."""
    names: Mapping[str, str] | None = None
    about: tuple[Path, ...] = ()
    if layout == "medleydb":
        metadata = as_there(song / f"{song.name}{METADATA}")
        names, about = _instruments(track_id, metadata), (metadata,)
    called: dict[Path, str] = {}
    for folder in stem_folders(song, layout):
        found = listing(folder).without_lossy_twins()
        for file in found.unread:
            raise SoundstageError(
                f"track '{track_id}': {file} is not read; convert it to WAV or FLAC, or move it out of the song's"
                f" folder ({FORMATS} are read)"
            )
        by_name(track_id, found.audio)
        for file in found.audio:
            check_regular(file)
            name = folder.name if names is None else names.get(file.name, "")
            if not name:
                raise SoundstageError(f"track '{track_id}': {about[0]} does not say what {file.name} is; correct it")
            called[file] = name
    for name in set(names or ()) - {file.name for file in called}:
        raise SoundstageError(f"track '{track_id}': {name} is missing in {song}; unpack the song again")
    if not called:
        where = f"a folder {song.name}{STEMS}" if layout == "medleydb" else "a folder a stem, with audio in it"
        raise SoundstageError(f"track '{track_id}': {song} holds no stems; the layout '{layout}' has {where}")
    return Stems(called, about)


def _instruments(track_id: str, metadata: Path) -> dict[str, str]:
    """File name → the instrument that MedleyDB's metadata names."""
    import yaml

    try:
        found: Any = yaml.load(
            read_regular(metadata).decode("utf-8-sig"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        )
    except FileNotFoundError:
        raise SoundstageError(
            f"track '{track_id}': {metadata} is missing, which says what each stem is; it is in the folder Metadata of"
            " https://github.com/marl/medleydb"
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SoundstageError(f"track '{track_id}': {metadata}: {' '.join(str(error).split())}; take it anew") from None
    stems = found.get("stems") if isinstance(found, Mapping) else None
    names: dict[str, str] = {}
    for stem in stems.values() if isinstance(stems, Mapping) else ():
        said = stem.get("instrument") if isinstance(stem, Mapping) else None
        instrument = " and ".join(map(str, said)) if isinstance(said, list) else said
        if not isinstance(instrument, str) or not isinstance(stem.get("filename"), str):
            raise SoundstageError(f"track '{track_id}': {metadata}: a stem has no filename or instrument; take it anew")
        names[stem["filename"]] = instrument
    if not names:
        raise SoundstageError(f"track '{track_id}': {metadata} names no stems; take it anew")
    return names
