"""Weights: the files that an entry needs before it can separate, and whether they are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundstage.errors import SoundstageError, suggestion

FILE_KEYS = ("url", "name", "size", "sha256", "unpack")
KEYS = ("parameter", "files", "licence")
MIN_SHA256 = 8
"""Characters of a hash that its publisher may have left us with, as in `955717e8-8726e21a.th`."""


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file to have. sha256: all 64 characters, or the first of them (8 at least) where no more is published.

    unpack: the file is a tar archive, and `unpack` the folder that its members belong in.
    """

    url: str
    name: str
    size: int | None = None
    sha256: str = ""
    unpack: str = ""


@dataclass(frozen=True, slots=True)
class Weights:
    """What an entry needs before it can separate. parameter: of the plugin, the one that takes the files' folder."""

    parameter: str
    files: tuple[WeightFile, ...]
    licence: str = ""

    @property
    def written(self) -> dict[str, Any]:
        """As a registry writes it."""
        files = [{key: value for key in FILE_KEYS if (value := getattr(file, key))} for file in self.files]
        return {"parameter": self.parameter, "licence": self.licence, "files": files}

    def missing(self, folder: Path) -> list[WeightFile]:
        """The files that are not in the folder."""
        return [file for file in self.files if not _is_there(folder, file)]

    def lack(self, name: str, folder: Path) -> str:
        """What is missing and the command that gets it; empty where nothing is."""
        missing = self.missing(folder)
        if not missing:
            return ""
        known = [file.size for file in missing if file.size]
        size = f" ({sum(known) / 1e6:.0f} MB)" if len(known) == len(missing) else ""
        return f"needs its weights, {', '.join(file.name for file in missing)}{size}: soundstage fetch {name}"

    def sentence(self, name: str, folder: Path) -> str:
        """The same, and which file goes where without a network."""
        missing = self.missing(folder)
        if not missing:
            return ""
        first = missing[0]
        what = f"what is at {first.url}" if len(missing) == 1 else f"them, from {first.url.rpartition('/')[0]}/,"
        then = f" as {first.name}, and have the same command verify and unpack it" if first.unpack else ""
        return f"{self.lack(name, folder)}; or, without a network, put {what} into {folder}{then}"

    def check(self, folder: Path, sha256_of: Callable[[Path], str]) -> None:
        """Raise SoundstageError where a file in the folder is not the one that its hash promises."""
        for file in self.files:
            if file.sha256 and not file.unpack and not sha256_of(folder / file.name).startswith(file.sha256):
                raise SoundstageError(
                    f"{folder / file.name} is not the file that was published: its SHA-256 does not begin with"
                    f" {file.sha256}; delete it and fetch it again"
                )


def read_weights(table: Any, where: str) -> Weights:
    """The `weights` table of a registry entry. Raises SoundstageError naming the entry and the key."""
    if not isinstance(table, Mapping):
        raise SoundstageError(f"{where}: weights must be a table with parameter and files")
    _only(table, KEYS, where)
    parameter, files, licence = table.get("parameter"), table.get("files"), table.get("licence", "")
    if not isinstance(parameter, str) or not isinstance(licence, str):
        raise SoundstageError(f"{where}: parameter must name the plugin's parameter that takes the weights' folder")
    if not isinstance(files, list) or not files:
        raise SoundstageError(f'{where}: files must be a list of tables, as in files = [{{ url = "…", sha256 = "…" }}]')
    return Weights(parameter, tuple(_file(file, where) for file in files), licence)


def _file(table: Any, where: str) -> WeightFile:
    if not isinstance(table, Mapping) or not isinstance(table.get("url"), str):
        raise SoundstageError(f"{where}: every file needs a url")
    _only(table, FILE_KEYS, where)
    name = table.get("name") or table["url"].rpartition("/")[2].partition("?")[0]
    digest, size, unpack = str(table.get("sha256", "")).lower(), table.get("size"), table.get("unpack", "")
    if digest and (not MIN_SHA256 <= len(digest) <= 64 or set(digest) - set("0123456789abcdef")):
        raise SoundstageError(f"{where}: sha256 of {name} must be {MIN_SHA256} to 64 hexadecimal characters")
    if size is not None and (type(size) is not int or size <= 0):
        raise SoundstageError(f"{where}: size of {name} must be a whole number of bytes")
    for part, what in ((name, "name"), (unpack or "x", "unpack")):
        if not isinstance(part, str) or not part or Path(part).name != part:
            raise SoundstageError(f"{where}: {what} {part!r} must be a plain name without folders")
    return WeightFile(table["url"], name, size, digest, unpack)


def _only(table: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    for key in table:
        if key not in keys:
            raise SoundstageError(f"{where}: unknown key '{key}'{suggestion(key, keys)}")


def seal(folder: Path, file: WeightFile) -> Path:
    """The file beside an unpacked folder that holds the SHA-256 of the verified archive it came from."""
    return folder / f"{file.unpack}.sha256"


def _is_there(folder: Path, file: WeightFile) -> bool:
    """Files and unpacked folders appear under their name when they are whole, never before."""
    if not file.unpack:
        return (folder / file.name).is_file()
    try:
        archive = seal(folder, file).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return False
    return (folder / file.unpack).is_dir() and archive.startswith(file.sha256)
