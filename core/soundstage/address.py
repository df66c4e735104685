"""Content addresses: same address, same numbers. SHA-256 over canonical JSON of everything a result depends on."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from soundstage.errors import SoundstageError
from soundstage.parameters import constructor_parameters
from soundstage.registry import Choice

SHORT = 8
"""Characters of a hash that are enough to cite."""


def address(stage: str, parts: Mapping[str, Any]) -> str:
    """The SHA-256, in hex, of a stage and its parts. Raises TypeError for what JSON cannot hold."""
    text = json.dumps(
        {"stage": stage, **parts}, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def identity(choice: Choice, plugin_class: type, files: Mapping[str, str]) -> dict[str, Any]:
    """What makes a plugin's numbers what they are: name, revision, wrapped versions, parameters, contents of its files.

    Path parameters stand as "file": their contents are in `files`, and a path is no part of a result.
    """
    parameters = constructor_parameters(plugin_class)
    values: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if name in getattr(plugin_class, "out_of_address", ()):
            continue
        value = choice.params.get(name, parameter.default)
        values[name] = "file" if parameter.is_path and value is not None else value
    return {
        "plugin": choice.plugin.name,
        "revision": revision(plugin_class),
        "wraps": choice.plugin.wrapped_versions(),
        "parameters": values,
        "files": dict(files),
    }


def revision(plugin_class: type) -> str:
    """The class's declared numerics revision; the hash of its source file where it declares none."""
    declared = getattr(plugin_class, "revision", None)
    if declared is not None:
        return str(declared)
    try:
        source = Path(inspect.getfile(plugin_class)).read_bytes()
    except (OSError, TypeError):
        raise SoundstageError(
            f"{plugin_class.__module__}.{plugin_class.__name__} declares no `revision`; add one"
        ) from None
    return "source " + hashlib.sha256(source).hexdigest()


def declared_files(instance: Any, what: str, *arguments: Any) -> list[Path]:
    """The files a plugin says its results depend on; without `files`, the files among its Path parameters."""
    if hasattr(instance, "files"):
        return [Path(file) for file in instance.files(*arguments)]
    found = []
    for name, parameter in constructor_parameters(type(instance)).items():
        value = getattr(instance, name, None) if parameter.is_path else None
        if isinstance(value, Path):
            if not value.is_file():
                raise SoundstageError(f"{what}: '{name}' is {value}, which is not a file; give a file, or add `files`")
            found.append(value)
    return found


class FileHashes:
    """SHA-256 of files, remembered by path, size and modification time in the user's cache folder."""

    def __init__(self, cache: Path | None = None) -> None:
        self.path = cache or cache_folder() / "hashes.sqlite"
        self._known: dict[tuple[str, int, int], str] = {}
        self._new: dict[tuple[str, int, int], str] = {}
        try:
            with closing(self._open()) as connection:
                rows = connection.execute("SELECT path, size, mtime, sha256 FROM hashes")
                self._known = {(path, size, mtime): digest for path, size, mtime, digest in rows}
        except (OSError, sqlite3.Error):
            pass  # a cache that cannot be read only costs time

    def of(self, files: Sequence[Path]) -> dict[str, str]:
        """Name → hash of each file; names are relative to the files' common folder, so no absolute path gets in.

        Raises SoundstageError for a file that cannot be read.
        """
        if not files:
            return {}
        folder = os.path.commonpath([file.parent for file in files])
        return {Path(os.path.relpath(file, folder)).as_posix(): self.one(file) for file in files}

    def one(self, file: Path) -> str:
        """The hash of one file's contents."""
        try:
            facts = file.stat()
            key = (str(file), facts.st_size, facts.st_mtime_ns)
            if key not in self._known:
                with file.open("rb") as stream:
                    self._known[key] = self._new[key] = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise SoundstageError(f"{file}: cannot be read ({error.strerror}); check the path") from None
        return self._known[key]

    def save(self) -> None:
        """Keep what was hashed for the next time."""
        if not self._new:
            return
        try:
            with closing(self._open()) as connection, connection:
                rows = [(*key, digest) for key, digest in self._new.items()]
                connection.executemany("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?)", rows)
        except (OSError, sqlite3.Error):
            pass  # likewise
        self._new.clear()

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=5)
        try:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS hashes"
                " (path TEXT, size INTEGER, mtime INTEGER, sha256 TEXT, PRIMARY KEY (path, size, mtime))"
            )
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def cache_folder() -> Path:
    """Where Soundstage keeps what it can make again: $SOUNDSTAGE_CACHE, else the user's cache folder."""
    if "SOUNDSTAGE_CACHE" in os.environ:
        return Path(os.environ["SOUNDSTAGE_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "soundstage"


def plan_hash(addresses: Iterable[str]) -> str:
    """One hash for a whole plan: the same cells on the same data, whatever their order."""
    return hashlib.sha256("\n".join(sorted(addresses)).encode()).hexdigest()
