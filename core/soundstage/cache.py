"""What Soundstage keeps in the user's cache folder and can make again: hashes of files, weights, environments."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

from soundstage.errors import SoundstageError

RACY_S = 2.0
"""A file that changed so lately may change again without its times telling: clocks of file systems tick that slowly."""

State = tuple[str, ...]
"""What tells that a file is another than it was: device, inode, size, and the times of its contents and of itself."""


class FileHashes:
    """SHA-256 of files, remembered in the user's cache folder for as long as a file is the same to its file system.

    The same: path, device, inode, size, modification time and change time. Size and modification time alone are what
    archives and tools that copy set as they like. What changed within the last two seconds is not remembered.
    """

    def __init__(self, cache: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self.path = cache or cache_folder() / "hashes.sqlite"
        self._now = now
        self._known: dict[str, tuple[State, str]] = {}
        self._new: dict[str, tuple[State, str]] = {}
        try:
            with closing(self._open()) as connection:
                for path, state, digest in connection.execute("SELECT path, state, sha256 FROM contents"):
                    self._known[path] = (tuple(state.split()), digest)
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
        """The hash of one file's contents. Raises SoundstageError where it cannot be read, or is no regular file."""
        path = os.path.abspath(file)
        try:
            facts = file.stat()
            if not stat.S_ISREG(facts.st_mode):
                raise SoundstageError(f"{file}: not a regular file; only files are read, no folders, pipes or devices")
            held = self._known.get(path)
            if held is not None and held[0] == _state(facts):
                return held[1]
            with file.open("rb") as stream:
                before = os.fstat(stream.fileno())
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
                after = os.fstat(stream.fileno())
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise SoundstageError(f"{file}: cannot be read ({reason}); check the path") from None
        if _state(before) == _state(after) and not self._is_racy(after):
            self._known[path] = self._new[path] = (_state(after), digest)
        return digest

    def _is_racy(self, facts: os.stat_result) -> bool:
        """Whether the file changed so lately that another change may leave its times as they are. The change time is
        the file system's own clock, which may be ahead of ours; the modification time may be anything."""
        now = self._now()
        return now - facts.st_ctime < RACY_S or abs(now - facts.st_mtime) < RACY_S

    def save(self) -> None:
        """Keep what was hashed for the next time."""
        if not self._new:
            return
        try:
            with closing(self._open()) as connection, connection:
                rows = [(path, " ".join(state), digest) for path, (state, digest) in self._new.items()]
                connection.executemany("INSERT OR REPLACE INTO contents VALUES (?, ?, ?)", rows)
        except (OSError, sqlite3.Error, UnicodeError):
            pass  # likewise; a path may be no text that SQLite can hold
        self._new.clear()

    def _open(self) -> sqlite3.Connection:
        return _database(self.path, "contents (path TEXT PRIMARY KEY, state TEXT, sha256 TEXT)")


def _state(facts: os.stat_result) -> State:
    """As texts: inodes may be larger than what a database holds as a number."""
    return tuple(
        str(fact) for fact in (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
    )


def changed_sources(sources: Mapping[str, str], cache: Path | None = None) -> list[str]:
    """Those of the names that were known by another hash when this was last asked; what is asked is known from now on.

    A cache that cannot be read or written knows nothing.
    """
    changed: list[str] = []
    with suppress(OSError, sqlite3.Error):
        path = cache or cache_folder() / "hashes.sqlite"
        with closing(_database(path, "sources (name TEXT PRIMARY KEY, sha256 TEXT)")) as connection, connection:
            held = dict(connection.execute("SELECT name, sha256 FROM sources"))
            changed = [name for name, digest in sources.items() if held.get(name, digest) != digest]
            new = [(name, digest) for name, digest in sources.items() if held.get(name) != digest]
            connection.executemany("INSERT OR REPLACE INTO sources VALUES (?, ?)", new)
    return changed


def _database(path: Path, table: str) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=5)
    try:
        connection.execute(f"CREATE TABLE IF NOT EXISTS {table}")
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
    return cache_folder() / "weights" / name
