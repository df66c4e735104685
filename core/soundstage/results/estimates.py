"""Kept estimates of one cell: lossless audio files, and beside them `estimates.json`, which is written last.

Whatever `estimates.json` does not name belongs to nobody; it is removed by who holds the folder's lock, never by one of
the many that keep estimates at once.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NotRequired, TypedDict

from soundstage.audio import Samples, read_audio, write_audio
from soundstage.errors import SoundstageError
from soundstage.results.files import Files
from soundstage.results.shape import shaped

FACTS = "estimates.json"

LONGEST_NAME = 60
"""Characters of a source's name that go into its file's name, beside its hash."""


class KeptFile(TypedDict):
    """One source's file."""

    file: str  # its name in the cell's folder
    sha256: str  # of its contents


class Kept(TypedDict):
    """What `estimates.json` says."""

    sources: dict[str, KeptFile]
    details: dict[str, Any]  # what is known of how they were made
    cell: NotRequired[dict[str, Any]]  # what the cell is called: its track, separator, …; for people


def save(
    files: Files,
    address: str,
    images: Mapping[str, Samples],
    rate: int,
    details: Mapping[str, Any],
    labels: Mapping[str, Any],
) -> None:
    """Keep a cell's estimates whole or not at all. labels: what it is called. Raises StorageError."""
    folder = f"estimates/{address}"
    sources: dict[str, KeptFile] = {}
    for index, (source, image) in enumerate(images.items()):
        stream = io.BytesIO()
        write_audio(stream, image, rate)
        digest = hashlib.sha256(stream.getvalue()).hexdigest()
        name = f"{index}-{re.sub(r'[^A-Za-z0-9]', '_', source)[:LONGEST_NAME]}-{digest[:16]}.wav"
        files.write(f"{folder}/{name}", stream.getvalue())
        sources[source] = {"file": name, "sha256": digest}
    kept: Kept = {"sources": sources, "details": dict(details), "cell": dict(labels)}
    files.write(f"{folder}/{FACTS}", json.dumps(kept).encode())


def load(files: Files, address: str) -> tuple[dict[str, Samples], dict[str, Any]] | None:
    """Kept estimates and their details; None where there are none or a file is not what was kept."""
    try:
        facts = _facts(files.read(f"estimates/{address}/{FACTS}"))
        images = {}
        for source, file in facts["sources"].items():
            contents = files.read(f"estimates/{address}/{file['file']}")
            if hashlib.sha256(contents).hexdigest() != file["sha256"]:
                return None
            images[source] = read_audio(io.BytesIO(contents))[0]
        return images, facts["details"]
    except (OSError, ValueError, SoundstageError):
        return None


def kept(files: Files) -> list[str]:
    """The addresses of cells with kept estimates."""
    names = files.names("estimates")
    return [name.split("/")[1] for name in names if name.endswith(f"/{FACTS}")]


def copy(source: Files, target: Files, address: str) -> None:
    """Take a cell's estimates over from another folder, facts last.

    Raises StorageError; ValueError where they are none.
    """
    folder = f"estimates/{address}"
    facts = source.read(f"{folder}/{FACTS}")
    for file in _facts(facts)["sources"].values():
        target.write(f"{folder}/{file['file']}", source.read(f"{folder}/{file['file']}"))
    target.write(f"{folder}/{FACTS}", facts)


def damaged(files: Files, address: str) -> Iterator[str]:
    """A sentence for each file of a cell's estimates that is not what was kept."""
    folder = f"estimates/{address}"
    try:
        sources = _facts(files.read(f"{folder}/{FACTS}"))["sources"].values()
    except (OSError, ValueError) as error:
        yield f"{folder}/{FACTS} cannot be read ({error}); the cell is separated again where it is needed"
        return
    for file in sources:
        name = f"{folder}/{file['file']}"
        try:
            whole = hashlib.sha256(files.read(name)).hexdigest() == file["sha256"]
        except OSError:
            whole = False
        if not whole:
            yield f"{name} is not what was kept; the cell is separated again where it is needed"


def tidy(files: Files) -> None:
    """Remove what no `estimates.json` names. Only for who holds the lock, while nobody keeps estimates."""
    every = files.names("estimates")
    named = set()
    for name in every:
        if name.endswith(f"/{FACTS}"):
            folder = name.rpartition("/")[0]
            try:
                named |= {name, *(f"{folder}/{file['file']}" for file in _facts(files.read(name))["sources"].values())}
            except (OSError, ValueError):
                continue
    for name in every:
        if name not in named:
            files.remove(name)


def _facts(contents: bytes) -> Kept:
    """What is kept, by the contents of `estimates.json`. Raises ValueError where they are not what we write."""
    try:
        facts = shaped(json.loads(contents), Kept, "it")
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    for file in facts["sources"].values():
        if not re.fullmatch(r"[0-9]+-\w*-[0-9a-f]{16}\.wav", file["file"]):
            raise ValueError(f"it names the file {file['file']!r}, which is no name of a kept estimate")
    return facts
