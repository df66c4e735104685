"""Weights: the files that an entry needs before it can separate, and whether they are there."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from soundstage.errors import SoundstageError
from soundstage.names import fault
from soundstage.toml import Table

FILE_KEYS = ("url", "mirrors", "name", "size", "sha256", "unpack", "parameter")
MIN_SHA256 = 8
"""Characters of a hash that its publisher may have left us with, as in `955717e8-8726e21a.th`."""


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file to have. sha256: all 64 characters, or the first of them (8 at least) where no more is published; empty
    where nothing is stated.

    mirrors: further addresses of the same file, tried in turn, which only its hash can tell. unpack: the file is a tar
    archive, and `unpack` the folder that its members belong in. parameter: of the plugin, the one that takes the file,
    or that folder, where that is not the one that takes the folder of them all.
    """

    url: str
    name: str
    size: int | None = None
    sha256: str = ""
    unpack: str = ""
    mirrors: tuple[str, ...] = ()
    parameter: str = ""

    @property
    def urls(self) -> tuple[str, ...]:
        """Every address of it, in the order in which they are tried."""
        return self.url, *self.mirrors


@dataclass(frozen=True, slots=True)
class Weights:
    """What an entry needs before it can separate.

    parameter: of the plugin, the one that takes the files' folder; empty where the files have parameters of their own.
    """

    parameter: str
    files: tuple[WeightFile, ...]
    licence: str = ""

    @property
    def written(self) -> dict[str, Any]:
        """As a registry writes it."""
        files = [{key: _plain(value) for key in FILE_KEYS if (value := getattr(file, key))} for file in self.files]
        own = {"parameter": self.parameter} if self.parameter else {}
        return {**own, "licence": self.licence, "files": files}

    @property
    def parameters(self) -> tuple[str, ...]:
        """The plugin's parameters that it sets."""
        own = [file.parameter for file in self.files if file.parameter]
        return (*([self.parameter] if self.parameter else []), *own)

    def values(self, folder: Path) -> dict[str, Path]:
        """Parameter → path, where the files lie in that folder."""
        found = {self.parameter: folder} if self.parameter else {}
        return found | {file.parameter: folder / (file.unpack or file.name) for file in self.files if file.parameter}

    def beside(self, given: Collection[str]) -> Weights | None:
        """What is needed besides where these parameters are given otherwise; None where nothing is."""
        if self.parameter in given or not set(self.parameters) - set(given):
            return None
        return replace(self, files=tuple(file for file in self.files if file.parameter not in given))

    def missing(self, folder: Path) -> list[WeightFile]:
        """The files that are not in the folder."""
        return [file for file in self.files if not _is_there(folder, file)]

    def missing_message(self, name: str, folder: Path) -> str:
        """What is missing and the command that gets it; empty where nothing is."""
        missing = self.missing(folder)
        if not missing:
            return ""
        known = [file.size for file in missing if file.size]
        size = f" ({sum(known) / 1e6:.0f} MB)" if len(known) == len(missing) else ""
        return f"needs its weights, {', '.join(file.name for file in missing)}{size}: soundstage fetch {name}"

    def missing_message_offline(self, name: str, folder: Path) -> str:
        """The same, and which file goes where without a network."""
        missing = self.missing(folder)
        if not missing:
            return ""
        first = missing[0]
        places = {file.url.rpartition("/")[0] for file in missing}
        what = f"what is at {first.url}" if len(missing) == 1 else f"them, from {first.url.rpartition('/')[0]}/,"
        if len(places) > 1:
            what = f"{' and '.join(f'{file.url} as {file.name}' for file in missing)}"
        then = f" as {first.name}, and have the same command verify and unpack it" if first.unpack else ""
        then = "; then have the same command verify and unpack them" if first.unpack and len(places) > 1 else then
        return f"{self.missing_message(name, folder)}; or, without a network, put {what} into {folder}{then}"

    def check(self, folder: Path, sha256_of: Callable[[Path], str]) -> None:
        """Raise SoundstageError where a file in the folder is not the one that its hash promises."""
        for file in self.files:
            if file.sha256 and not file.unpack and not sha256_of(folder / file.name).startswith(file.sha256):
                raise SoundstageError(
                    f"{folder / file.name} is not the file that was published: its SHA-256 does not begin with"
                    f" {file.sha256}; delete it and fetch it again"
                )


def read_weights(table: Table) -> Weights:
    """The `weights` table of a registry entry. Raises SoundstageError naming the entry, the key and the form."""
    files = tuple(_file(file) for file in table.list_of_tables("files"))
    owned = [file.parameter for file in files if file.parameter]
    found = Weights(table.text("parameter", required=not owned), files, table.text("licence"))
    table.close()
    for parameter in found.parameters:
        if found.parameters.count(parameter) > 1:
            table.refuse("files", f"two paths are to be the parameter '{parameter}'; one parameter takes one")
    taken: set[str] = set()
    for file in found.files:
        for name in filter(None, (file.name, file.unpack)):
            if name.casefold() in taken:
                table.refuse("files", f"two of them are to be called '{name}'; give one another name")
            taken.add(name.casefold())
    return found


def _file(table: Table) -> WeightFile:
    url = table.text("url", required=True)
    path = _path_of(table, "url", url)
    mirrors = table.texts("mirrors")
    for mirror in mirrors:
        _path_of(table, "mirrors", mirror)
    name, unpack = table.text("name") or unquote(path.rpartition("/")[2]), table.text("unpack")
    for key, given in (("name", name), ("unpack", unpack)):
        if (key == "name" or given) and (trouble := fault(given) or _taken(given)):
            table.refuse(key, f"'{given}' cannot be the name of a file or folder: {trouble}; give another {key}")
    digest = table.text("sha256").lower()
    if digest and (not MIN_SHA256 <= len(digest) <= 64 or set(digest) - set("0123456789abcdef")):
        table.refuse("sha256", f"is '{digest}'; write {MIN_SHA256} to 64 hexadecimal characters")
    size = table.whole("size", default=1, least=1) if "size" in table.left else None
    table.asked.append("size")
    parameter = table.text("parameter")
    table.close()
    if mirrors and not digest:
        table.refuse(
            "mirrors", "are of no use without a sha256, which alone tells that they hold the same file; add it"
        )
    return WeightFile(url, name, size, digest, unpack, mirrors, parameter)


def _path_of(table: Table, key: str, url: str) -> str:
    """The path in an address that can be fetched."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        table.refuse(key, f"'{url}' is none ({error}); write one that begins with https:// or http://")
    if parts.scheme.lower() not in ("http", "https") or not parts.netloc:
        table.refuse(key, f"is '{url}'; write one that begins with https:// or http://")
    return parts.path


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _taken(name: str) -> str:
    """Why a name is not free among what a download leaves beside the files."""
    if name.startswith(".") or name.endswith((".part", ".part.json", ".sha256")):
        return "what begins with a dot or ends with .part, .part.json or .sha256 is a download's own"
    return ""


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
