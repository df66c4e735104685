"""One rendered song on disk as MUSDB18-HQ lays songs out: its mixture and images as WAV, metadata.json beside them."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Any, Literal, get_args

import numpy as np

from soundstage.audio import Samples, write_audio
from soundstage.errors import SoundstageError, storable, suggestion
from soundstage.scene import Scene

Format = Literal["float32", "float64", "int16"]
FORMATS: tuple[Format, ...] = get_args(Format)
SUBTYPES: Mapping[Format, str] = {"float32": "FLOAT", "float64": "DOUBLE", "int16": "PCM_16"}

METADATA = "metadata.json"
MIXTURE = "mixture"
PARTIALS = ".partial"
"""The hidden folder, in the data set's own, in which songs are written before they are put in their places."""

REVISION = 1
"""Changed whenever what is written for the same scene changes; songs of another revision are written again."""


def checked_format(name: str) -> Format:
    """The format of that name. Raises SoundstageError that lists the formats."""
    for known in FORMATS:
        if name == known:
            return known
    known_names = ", ".join(FORMATS)
    raise SoundstageError(f"unknown format '{name}'{suggestion(name, FORMATS)}; the formats are {known_names}")


def write_song(folder: Path, partials: Path, scene: Scene, form: Format, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write a scene to a song's folder, whole or not at all, and return what its metadata.json says.

    The files are written and flushed in a folder of their own under `partials`, on the same file system, which then
    takes the place of `folder`. facts: goes into the metadata, before what is said of each file: its bytes, its peak,
    and how many of its samples lie beyond ±1 and were clipped (always 0 where the format holds them). Raises
    SoundstageError for a source that cannot be a file's name, OSError where nothing can be written.
    """
    signals = {f"{name}.wav": signal for name, signal in _named(scene).items()}
    partial = partials / f"{facts['scene']}-{uuid.uuid4().hex}"
    try:
        partial.mkdir(parents=True)
        files = {name: _written(partial / name, signal, scene.rate, form) for name, signal in signals.items()}
        metadata = {"render": REVISION, "format": form, **facts, "files": files}
        text = json.dumps(metadata, indent=1, ensure_ascii=False, allow_nan=False)
        (partial / METADATA).write_text(text + "\n", encoding="utf-8")
        _flush(partial / METADATA)
        _put(partial, folder)
    finally:
        rmtree(partial, ignore_errors=True)
    return metadata


def read_metadata(folder: Path) -> dict[str, Any] | None:
    """What a song's metadata.json says; None where there is no song that Soundstage rendered."""
    try:
        found = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not {"render", "format", "scene", "files"} <= set(found):
        return None
    files = found["files"].values() if isinstance(found["files"], dict) else [None]
    return found if all(map(_is_told, files)) else None


def _is_told(facts: Any) -> bool:
    """Whether this is what is said of a file: its bytes, and how many samples were clipped."""
    return isinstance(facts, dict) and type(facts.get("bytes")) is type(facts.get("clipped")) is int


def is_written(folder: Path, metadata: Mapping[str, Any], scene: str, form: Format) -> bool:
    """Whether the folder holds the scene of that address in that format, every file at its full length."""
    if (metadata["render"], metadata["format"], metadata["scene"]) != (REVISION, form, scene):
        return False
    try:
        return all((folder / name).stat().st_size == facts["bytes"] for name, facts in metadata["files"].items())
    except (OSError, ValueError):
        return False


def foreign(folder: Path, metadata: Mapping[str, Any] | None) -> str:
    """A file in the folder that Soundstage did not write, so that nobody's own songs are overwritten; else empty."""
    if not folder.is_dir():
        return folder.name if folder.exists() else ""
    ours = {METADATA, *metadata["files"]} if metadata else set()
    others = sorted(file.name for file in folder.iterdir() if file.name not in ours and not file.name.startswith("."))
    return others[0] if others else ""


def clipped_samples(metadata: Mapping[str, Any]) -> dict[str, int]:
    """File → how many of its samples were clipped, for the files that have some."""
    return {name: facts["clipped"] for name, facts in metadata["files"].items() if facts["clipped"]}


def remove_partials(partials: Path, scenes: set[str]) -> None:
    """Remove what interrupted renders of these scenes left behind; other scenes' are left to whoever writes them."""
    with suppress(OSError):  # whoever writes other scenes makes and removes the same folder
        for left in partials.iterdir():
            if left.name.partition("-")[0] in scenes:
                rmtree(left, ignore_errors=True)
        partials.rmdir()


def _named(scene: Scene) -> dict[str, Samples]:
    """The mixture and the images by name."""
    for source in scene.references:
        name = storable(source)
        if name != source or source == MIXTURE or source.startswith(".") or not source or set(source) & {"/", "\\"}:
            raise SoundstageError(f"source '{name}' cannot be a file beside mixture.wav; rename the stem")
    return {MIXTURE: scene.mixture, **scene.references}


def _written(path: Path, signal: Samples, rate: int, form: Format) -> dict[str, Any]:
    """Write one file and say what became of it."""
    write_audio(path, signal, rate, SUBTYPES[form])
    _flush(path)
    beyond = int(np.count_nonzero(signal > 1.0) + np.count_nonzero(signal < -1.0)) if form == "int16" else 0
    peak = max(float(signal.max()), -float(signal.min()))
    return {"bytes": path.stat().st_size, "peak": peak, "clipped": beyond}


def _put(partial: Path, folder: Path) -> None:
    """Put the written folder in its place; what stood there is moved away first, never half deleted."""
    _flush(partial)
    folder.parent.mkdir(parents=True, exist_ok=True)
    former = partial.with_name(f"{partial.name}-former")
    if folder.exists():
        folder.rename(former)
    partial.rename(folder)
    _flush(folder.parent)
    rmtree(former, ignore_errors=True)


def _flush(path: Path) -> None:
    """Make sure that a file's contents, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
