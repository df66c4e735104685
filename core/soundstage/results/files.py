"""Where a results folder lies: a local folder, or a folder of an object store. Whole files are put, read and removed.

A local file is written under `.partial`, brought to the disk, and moved to its place in one step; an object store's put
is one step of itself. So whoever reads sees the old file or the new one, at every instant.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import uuid
from collections.abc import Sequence
from errno import EACCES, EINVAL, EIO, EPERM, EROFS
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from soundstage.cache import FileHashes
from soundstage.errors import SoundstageError, StorageError, storable

PARTIAL = ".partial"
"""The folder of files being written; what a killed writer left in it belongs to nobody."""


ENDINGS = (".parquet", ".json", ".wav")
"""Of the files of a results folder; none of its folders is called so."""


class Files(Protocol):
    """Files of one folder, by their names relative to it, with `/` between parts."""

    @property
    def place(self) -> Path | str:
        """The folder, as a person would write it."""

    @property
    def is_exclusive(self) -> bool:
        """Whether a lock on it keeps every other writer out."""

    def names(self, folder: str) -> list[str]:
        """The files below `folder`, at any depth, sorted; none where there is no such folder."""

    def read(self, name: str) -> bytes:
        """The contents. Raises FileNotFoundError, and OSError where they are there and cannot be read."""

    def digest(self, name: str, again: bool = True) -> str:
        """The SHA-256 of the contents, in hex. Raises FileNotFoundError, and OSError where they cannot be read.

        again: read them now; else what is known of a file that has not been touched since is good enough.
        """

    def remember(self) -> None:
        """Keep what was found out about hashes for the next process, where that is worth it."""

    def write(self, name: str, contents: bytes) -> None:
        """Put the file there whole, in place of what was there. Raises StorageError where it cannot be kept."""

    def remove(self, name: str) -> None:
        """Remove the file, where it is there."""

    def set_aside(self, name: str) -> None:
        """Move it to the folder `damaged`, readable or not. Raises OSError, or StorageError, where that cannot be."""

    def settle(self, folders: Sequence[str]) -> None:
        """Return when the names of these folders' files would outlast a power cut."""

    def prepare(self) -> None:
        """Make the folder. Raises SoundstageError where that cannot be."""

    def sweep(self) -> None:
        """Remove what killed writers left. Only for who holds the lock."""


def location(text: str | Path) -> Path | str:
    """A path as a Path, a URL of an object store as it stands; `file://` is a path."""
    if isinstance(text, Path) or "://" not in text:
        return Path(text)
    scheme, _, rest = text.partition("://")
    if scheme in ("file", "local"):
        from urllib.parse import unquote

        return Path(unquote(rest))
    return text


def open_files(place: str | Path) -> Files:
    """The files at a path or URL. Raises SoundstageError where nothing here can open such a URL."""
    found = location(place)
    return LocalFiles(found) if isinstance(found, Path) else ObjectFiles(found)


class LocalFiles:
    """Files of a local folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._hashes: FileHashes | None = None
        self._was_there = False

    @property
    def place(self) -> Path:
        """The folder."""
        return self.folder

    @property
    def is_exclusive(self) -> bool:
        """The system sees to it."""
        return True

    def names(self, folder: str) -> list[str]:
        """The files below `folder`, hidden ones left out. Raises SoundstageError for a link."""
        found: list[str] = []
        path = self._path(folder)
        if path.is_symlink():
            raise is_a_link(path)
        self._list(path, folder, found)
        return sorted(found)

    def _list(self, folder: Path, prefix: str, found: list[str]) -> None:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_symlink():
                        raise is_a_link(folder / entry.name)
                    if entry.is_dir() and Path(entry.name).suffix not in ENDINGS:
                        self._list(folder / entry.name, f"{prefix}/{entry.name}", found)
                    else:  # a folder or pipe in a file's place as well: reading it will tell
                        found.append(f"{prefix}/{entry.name}")
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise SoundstageError(
                f"{folder}: cannot be looked into ({error.strerror}); make the folder readable: results lie there"
            ) from None

    def read(self, name: str) -> bytes:
        """The contents of a regular file."""
        path = self._path(name)
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            what = "it is a folder" if stat.S_ISDIR(mode) else "it is no regular file"
            raise is_a_link(path) if path.is_symlink() else OSError(EINVAL, what)
        return path.read_bytes()

    def digest(self, name: str, again: bool = True) -> str:
        """The SHA-256 of the contents."""
        path = self._path(name)
        if again:
            return hashlib.sha256(self.read(name)).hexdigest()
        if not path.exists():
            raise FileNotFoundError(path)
        if self._hashes is None:
            self._hashes = FileHashes()
        try:
            return self._hashes.one(path.absolute())
        except SoundstageError:
            return hashlib.sha256(self.read(name)).hexdigest()  # which says why, or that it is gone

    def remember(self) -> None:
        """In the user's cache."""
        if self._hashes is not None:
            self._hashes.save()

    def write(self, name: str, contents: bytes) -> None:
        """Written beside, brought to the disk, moved in one step."""
        partial = self._path(f"{PARTIAL}/{uuid.uuid4().hex}")
        target = self._path(name)
        try:
            try:
                _written(partial, contents)
            except FileNotFoundError:
                self._make_folder(partial.parent)
                _written(partial, contents)
            try:
                os.replace(partial, target)
            except FileNotFoundError:
                self._make_folder(target.parent)
                os.replace(partial, target)
            except IsADirectoryError:
                self.set_aside(name)
                os.replace(partial, target)
        except OSError as error:
            raise _cannot_keep(self.folder, name, error) from error
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Remove the file. Raises StorageError where it is there and cannot be removed."""
        path = self._path(name)
        try:
            if path.is_dir() and not path.is_symlink():
                self.set_aside(name)  # nobody asked for the removal of what lies in it
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"{self.folder}: {name} cannot be removed ({error.strerror}); make the folder writable again"
            ) from error

    def set_aside(self, name: str) -> None:
        """Renamed, which asks for no permission to read it; what was set aside under that name before stays."""
        target = self._path(aside(name))
        self._make_folder(target.parent)
        if target.exists():
            target = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}")
        os.rename(self._path(name), target)

    def _make_folder(self, folder: Path) -> None:
        """Make a folder below ours, which must be there: nobody wants results in a folder made anew midway."""
        if self._was_there and not self.folder.is_dir():
            raise FileNotFoundError(2, "the folder is gone, removed or renamed")
        folder.mkdir(parents=True, exist_ok=True)

    def _path(self, name: str) -> Path:
        """The path of a name below our folder. Raises SoundstageError where it would lead out of it, or over a link."""
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\0" in name or "\\" in name:
            raise SoundstageError(f"{self.folder}: '{storable(name)}' is no name of a file of a results folder")
        path = self.folder
        for part in parts[:-1]:
            path = path / part
            if path.is_symlink():
                raise is_a_link(path)
        return path / parts[-1]

    def settle(self, folders: Sequence[str]) -> None:
        """Bring the folders' own entries to the disk, where the system knows how."""
        for folder in folders:
            try:
                handle = os.open(self.folder / folder, os.O_RDONLY)
            except OSError:
                continue
            try:
                os.fsync(handle)
            except OSError:
                pass  # some file systems have no such thing
            finally:
                os.close(handle)

    def prepare(self) -> None:
        """Make the folder."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._was_there = True
        except OSError as error:
            raise SoundstageError(
                f"{self.folder}: cannot hold results ({error.strerror}); choose another --out"
            ) from None

    def sweep(self) -> None:
        """Remove partial files."""
        folder = self.folder / PARTIAL
        if folder.is_symlink():
            raise is_a_link(folder)
        if folder.is_file():
            raise SoundstageError(f"{folder} is a file where a folder of Soundstage's own belongs; remove it")
        for partial in folder.glob("*"):
            if not partial.is_dir() or partial.is_symlink():
                partial.unlink(missing_ok=True)


class ObjectFiles:
    """Files below a URL, through fsspec. A put is atomic there."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        try:
            import fsspec

            self._system, root = fsspec.core.url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise SoundstageError(f"{url}: cannot be opened ({error}); install what it needs, or give a path") from None
        self._root = str(root).rstrip("/")

    def __reduce__(self) -> tuple[Any, ...]:
        """Opened again in each process."""
        return ObjectFiles, (self.url,)

    @property
    def place(self) -> str:
        """The URL."""
        return self.url

    @property
    def is_exclusive(self) -> bool:
        """Two that begin at once may both believe to be alone."""
        return False

    def names(self, folder: str) -> list[str]:
        """The objects below `folder`."""
        self._system.invalidate_cache()
        try:
            found = self._system.find(f"{self._root}/{folder}")
        except FileNotFoundError:
            return []
        return sorted(str(PurePosixPath(name).relative_to(self._root)) for name in map(str, found))

    def read(self, name: str) -> bytes:
        """The contents."""
        contents: bytes = self._system.cat_file(f"{self._root}/{name}")
        return contents

    def digest(self, name: str, again: bool = True) -> str:
        """The SHA-256 of the contents, which are read."""
        return hashlib.sha256(self.read(name)).hexdigest()

    def remember(self) -> None:
        """Nothing: an object has no stamp that would say it is untouched."""

    def write(self, name: str, contents: bytes) -> None:
        """One put."""
        try:
            self._system.makedirs(f"{self._root}/{name}".rpartition("/")[0], exist_ok=True)
            self._system.pipe_file(f"{self._root}/{name}", contents)
        except OSError as error:
            raise _cannot_keep(self.url, name, error) from error

    def remove(self, name: str) -> None:
        """Remove the object, where it is there."""
        try:
            self._system.rm_file(f"{self._root}/{name}")
        except FileNotFoundError:
            return

    def set_aside(self, name: str) -> None:
        """Put there anew, then removed."""
        self.write(aside(name), self.read(name))
        self.remove(name)

    def settle(self, folders: Sequence[str]) -> None:
        """What was put is there."""

    def prepare(self) -> None:
        """Nothing: the first put makes what it needs."""

    def sweep(self) -> None:
        """Nothing: half a put is nothing."""


def aside(name: str) -> str:
    """Where a file goes that is not what was written."""
    return f"damaged/{name.replace('/', '-')}"


def _written(path: Path, contents: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(contents)
        stream.flush()
        os.fsync(stream.fileno())


def is_a_link(path: Path) -> SoundstageError:
    """What is raised where a link lies below a results folder."""
    return SoundstageError(
        f"{path} is a link, and nothing below a results folder is followed to elsewhere; put there what it points to"
    )


def _cannot_keep(place: Path | str, name: str, error: OSError) -> StorageError:
    remedy = {
        EROFS: "Make it writable",
        EACCES: "Make it writable",
        EPERM: "Make it writable",
        EIO: "Look after the disk",
    }
    return StorageError(
        f"{place}: {name} cannot be kept ({error.strerror or error}); everything committed before is whole."
        f" {remedy.get(error.errno or 0, 'Make room')} and run the same command again: it goes on from there"
    )
