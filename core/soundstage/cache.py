"""What Soundstage keeps in the user's cache folder and can make again: hashes of files, weights, environments."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from soundstage.errors import SoundstageError


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


def weights_folder(name: str) -> Path:
    """Where `soundstage fetch` puts the weights of the entry of that name."""
    from soundstage.cache import cache_folder

    return cache_folder() / "weights" / name
