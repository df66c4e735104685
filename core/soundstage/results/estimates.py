"""Kept estimates of one cell: lossless audio files, and beside them `estimates.json`, which is written last."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from soundstage.audio import Samples, read_audio, write_audio
from soundstage.errors import SoundstageError
from soundstage.results.files import Files

FACTS = "estimates.json"


def save(files: Files, address: str, images: Mapping[str, Samples], rate: int, details: Mapping[str, Any]) -> None:
    """Keep a cell's estimates whole or not at all. Raises StorageError."""
    folder = f"estimates/{address}"
    kept = {}
    for index, (source, image) in enumerate(images.items()):
        stream = io.BytesIO()
        write_audio(stream, image, rate)
        digest = hashlib.sha256(stream.getvalue()).hexdigest()
        name = f"{index}-{''.join(c if c.isalnum() else '_' for c in source)}-{digest[:16]}.wav"
        files.write(f"{folder}/{name}", stream.getvalue())
        kept[source] = {"file": name, "sha256": digest}
    files.write(f"{folder}/{FACTS}", json.dumps({"sources": kept, "details": dict(details)}).encode())
    wanted = {f"{folder}/{file['file']}" for file in kept.values()} | {f"{folder}/{FACTS}"}
    for file in files.names(folder):
        if file not in wanted:
            files.remove(file)


def load(files: Files, address: str) -> tuple[dict[str, Samples], dict[str, Any]] | None:
    """Kept estimates and their details; None where there are none or a file is not what was kept."""
    try:
        facts = json.loads(files.read(f"estimates/{address}/{FACTS}"))
        images = {}
        for source, file in facts["sources"].items():
            contents = files.read(f"estimates/{address}/{file['file']}")
            if hashlib.sha256(contents).hexdigest() != file["sha256"]:
                return None
            images[source] = read_audio(io.BytesIO(contents))[0]
        return images, facts["details"]
    except (OSError, ValueError, KeyError, TypeError, SoundstageError):
        return None


def kept(files: Files) -> list[str]:
    """The addresses of cells with kept estimates."""
    names = files.names("estimates")
    return [name.split("/")[1] for name in names if name.endswith(f"/{FACTS}")]


def copy(source: Files, target: Files, address: str) -> None:
    """Take a cell's estimates over from another folder, facts last. Raises StorageError."""
    folder = f"estimates/{address}"
    facts = source.read(f"{folder}/{FACTS}")
    for file in json.loads(facts)["sources"].values():
        target.write(f"{folder}/{file['file']}", source.read(f"{folder}/{file['file']}"))
    target.write(f"{folder}/{FACTS}", facts)


def damaged(files: Files, address: str) -> Iterator[str]:
    """A sentence for each file of a cell's estimates that is not what was kept."""
    folder = f"estimates/{address}"
    try:
        sources = json.loads(files.read(f"{folder}/{FACTS}"))["sources"].values()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        yield f"{folder}/{FACTS} cannot be read; the cell is separated again where it is needed"
        return
    for file in sources:
        name = f"{folder}/{file['file']}"
        try:
            whole = hashlib.sha256(files.read(name)).hexdigest() == file["sha256"]
        except OSError:
            whole = False
        if not whole:
            yield f"{name} is not what was kept; the cell is separated again where it is needed"
