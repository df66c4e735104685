"""Getting weights: resumed where it stopped, verified, and there under their name whole or not at all."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import tarfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from soundstage.catalogue.weights import WeightFile, Weights, seal
from soundstage.errors import SoundstageError

CHUNK = 1 << 18
ATTEMPTS = 4
TIMEOUT_S = 30.0

Report = Callable[[str, int, int | None], None]
"""Told the file's name, the bytes that are there and how many there will be, where that is known."""


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fetch(weights: Weights, folder: Path, report: Report = lambda name, have, total: None) -> list[Path]:
    """Bring what is missing into the folder; the paths that are new.

    A broken download is taken up where it stopped, now or by a later call. A file gets its name only when it is
    complete and its size and hash are the ones declared; an archive is unpacked only then. One that somebody put there
    is not downloaded. Raises SoundstageError with the url and the remedy.
    """
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    new = []
    with FileLock(folder / ".lock"):
        for file in weights.missing(folder):
            partial = folder / f"{file.name}.part"
            if file.unpack and (folder / file.name).is_file():
                (folder / file.name).replace(partial)
                _facts(partial).unlink(missing_ok=True)
            else:
                _download(file, partial, report)
            _verify(file, partial)
            if file.unpack:
                _unpack(file, partial, folder)
                partial.unlink()
            else:
                with partial.open("rb+") as stream:
                    os.fsync(stream.fileno())
                partial.replace(folder / file.name)
            _facts(partial).unlink(missing_ok=True)
            new.append(folder / (file.unpack or file.name))
    return new


def _download(file: WeightFile, partial: Path, report: Report) -> None:
    trouble = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(min(2.0 ** (attempt - 1), 4.0))
        try:
            if _continue(file, partial, report):
                return
            trouble = "the connection ended early"
        except urllib.error.HTTPError as error:
            trouble = f"HTTP {error.code} {error.reason}"
            if error.code < 500 and error.code not in (408, 429):
                break
        except (OSError, http.client.HTTPException) as error:
            trouble = str(getattr(error, "reason", error))
    raise SoundstageError(
        f"{file.url} cannot be downloaded ({trouble}); try again later, which takes it up where it stopped, or download"
        f" it elsewhere and put it at {partial.with_suffix('')}"
        + (", and give the same command, which verifies and unpacks it" if file.unpack else "")
    )


def _continue(file: WeightFile, partial: Path, report: Report) -> bool:
    """Download from where the partial file ends; whether it is complete."""
    have = partial.stat().st_size if partial.exists() else 0
    known = _read_facts(partial)
    request = urllib.request.Request(file.url, headers={"User-Agent": "soundstage", "Accept-Encoding": "identity"})
    if have and known.get("total") == have:
        return True
    if have and known.get("version"):
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", known["version"])
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        resumed = answer.status == 206 if hasattr(answer, "status") else False
        if not resumed:
            have = 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else file.size
        if total is None and not file.sha256:
            raise SoundstageError(
                f"{file.url}: neither its server nor the registry says how long it is, so half of it could pass for all"
                "; give its size or sha256 in the registry"
            )
        tag = answer.headers.get("ETag") or ""
        version = tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified") or ""
        _facts(partial).write_text(json.dumps({"version": version, "total": total}), encoding="utf-8")
        with partial.open("ab" if resumed else "wb") as stream:
            have = _copy(answer, stream, file.name, have, total, report)
    return total is None or have == total


def _copy(answer: Any, stream: BinaryIO, name: str, have: int, total: int | None, report: Report) -> int:
    report(name, have, total)
    while chunk := answer.read(CHUNK):
        stream.write(chunk)
        have += len(chunk)
        report(name, have, total)
    return have


def _facts(partial: Path) -> Path:
    return partial.with_name(partial.name + ".json")


def _read_facts(partial: Path) -> dict[str, Any]:
    try:
        facts = json.loads(_facts(partial).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _verify(file: WeightFile, partial: Path) -> None:
    size, digest = partial.stat().st_size, sha256_of(partial)
    wrong = ""
    if file.size is not None and size != file.size:
        wrong = f"{size} bytes came where {file.size} were expected"
    elif file.sha256 and not digest.startswith(file.sha256):
        wrong = f"its SHA-256 begins with {digest[: len(file.sha256)]}, not {file.sha256}"
    if wrong:
        partial.unlink()
        _facts(partial).unlink(missing_ok=True)
        raise SoundstageError(f"{file.url} is not the file that was published: {wrong}; nothing of it was kept")


def _unpack(file: WeightFile, archive: Path, folder: Path) -> None:
    """The archive's members in a folder that gets its name when all of them are there, and then its seal."""
    partial = folder / f".{file.unpack}-{uuid.uuid4().hex}"
    partial.mkdir()
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(partial, filter="data")
        if (folder / file.unpack).exists():  # unpacked by hand, or by one that was killed before it could seal it
            shutil.rmtree(folder / file.unpack)
        partial.rename(folder / file.unpack)
        seal(folder, file).write_text(sha256_of(archive), encoding="ascii")
    except (tarfile.TarError, EOFError) as error:
        archive.unlink()
        _facts(archive).unlink(missing_ok=True)
        raise SoundstageError(f"{file.url} is not a readable tar archive ({error}); nothing of it was kept") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
