"""Getting weights: resumed where it stopped, verified, and there under their name whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import lzma
import os
import re
import shutil
import tarfile
import time
import urllib.error
import urllib.request
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from soundstage.catalogue.weights import WeightFile, Weights, seal
from soundstage.errors import SoundstageError

CHUNK = 1 << 18
ATTEMPTS = 4
TIMEOUT_S = 30.0

LARGEST = 16 * 10**9
"""Bytes of a file whose size the registry does not say, and of what comes out of an archive: more is no weights."""

WINDOW_S = 60.0
SLOWEST = 1000
"""Bytes a second that have to come in every window: who sends less keeps a connection open for ever."""

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
    is not downloaded. Where one address has no such file the next is asked. Raises SoundstageError with the addresses
    and the remedy.
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
                _verify(file, file.name, partial)
            else:
                _download(file, partial, report)
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


def unstated(weights: Weights, folder: Path) -> dict[str, str]:
    """Name → SHA-256 of the files there whose publishers state no hash: nobody can tell whether they are the ones that
    were published, but everybody whether they are these."""
    found = {}
    for file in weights.files:
        if not file.sha256:
            digest = seal(folder, file).read_text(encoding="ascii") if file.unpack else sha256_of(folder / file.name)
            found[file.name] = digest.strip()
    return found


class _Refused(SoundstageError):
    """What comes is not the file, however often it is asked for."""


class _Timed(io.RawIOBase):
    """What comes through a connection, head and body, for as long as it comes fast enough."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self._began = time.monotonic()
        self._come = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Raises OSError where too little came since the window began."""
        come = self._raw.readinto(buffer)
        self._come += come or 0
        if (passed := time.monotonic() - self._began) >= WINDOW_S:
            if self._come < SLOWEST * passed:
                raise OSError(f"less than {SLOWEST} bytes a second came for {passed:.0f} s")
            self._began, self._come = time.monotonic(), 0
        return come

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fp = io.BufferedReader(_Timed(self.fp.detach()))


class _HttpConnection(http.client.HTTPConnection):
    response_class = _Answer


class _HttpsConnection(http.client.HTTPSConnection):
    response_class = _Answer


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_HttpConnection, req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_HttpsConnection, req)


def _opener() -> urllib.request.OpenerDirector:
    """Opens http and https, through proxies and redirections, and nothing else: no file of ours, no ftp."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.UnknownHandler,
        _Http,
        _Https,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener


def _download(file: WeightFile, partial: Path, report: Report) -> None:
    """The file, whole and verified, from the first of its addresses that has it."""
    troubles: list[SoundstageError] = []
    for url in file.urls:
        try:
            _download_from(url, file, partial, report)
            _verify(file, url, partial)
            return
        except SoundstageError as error:
            troubles.append(error)
    if len(troubles) == 1:
        raise troubles[0]
    raise SoundstageError(f"{file.name}: none of its {len(troubles)} addresses has it: {'; '.join(map(str, troubles))}")


def _download_from(url: str, file: WeightFile, partial: Path, report: Report) -> None:
    trouble = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(min(2.0 ** (attempt - 1), 4.0))
        try:
            if _continue(url, file, partial, report):
                return
            trouble = "the connection ended early"
        except urllib.error.HTTPError as error:
            trouble = f"HTTP {error.code} {error.reason}"
            error.close()
            if error.code == 416:  # what is here does not fit what is there: begin again
                _forget(partial)
            elif error.code < 500 and error.code not in (408, 429):
                break
        except (OSError, http.client.HTTPException, ValueError) as error:
            trouble = str(getattr(error, "reason", error)) or type(error).__name__
    raise SoundstageError(
        f"{url} cannot be downloaded ({trouble}); try again later, which takes it up where it stopped, or download"
        f" it elsewhere and put it at {partial.with_suffix('')}"
        + (", and give the same command, which verifies and unpacks it" if file.unpack else "")
    )


def _continue(url: str, file: WeightFile, partial: Path, report: Report) -> bool:
    """Download from where the partial file ends; whether it is complete."""
    have = partial.stat().st_size if partial.exists() else 0
    version, expected = _read_facts(partial)
    request = urllib.request.Request(url, headers={"User-Agent": "soundstage", "Accept-Encoding": "identity"})
    if have and expected == have:
        return True
    if have and version:
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", version)
    with _opener().open(request, timeout=TIMEOUT_S) as answer:
        resumed = answer.status == 206
        if resumed and not (answer.headers.get("Content-Range") or f"bytes {have}-").startswith(f"bytes {have}-"):
            _forget(partial)
            raise OSError("its server sent another part than the one asked for")
        if not resumed:
            have = 0
        length = answer.headers.get("Content-Length") or ""
        total = have + int(length) if re.fullmatch("[0-9]{1,18}", length) else file.size
        if total is None and not file.sha256:
            raise _Refused(
                f"{url}: neither its server nor the registry says how long it is, so half of it could pass for all"
                "; give its size or sha256 in the registry"
            )
        if total is not None and total > (file.size or LARGEST):
            raise _too_long(url, file, total)
        tag = answer.headers.get("ETag") or ""
        version = tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified") or ""
        _facts(partial).write_text(json.dumps({"version": version, "total": total}), encoding="utf-8")
        with partial.open("ab" if resumed else "wb") as stream:
            have = _copy(answer, stream, url, file, have, total, report)
    return total is None or have == total


def _copy(
    answer: Any, stream: BinaryIO, url: str, file: WeightFile, have: int, total: int | None, report: Report
) -> int:
    """Write what comes, for as long as it is not too much; the bytes that are there then."""
    report(file.name, have, total)
    while chunk := answer.read1(CHUNK):
        stream.write(chunk)
        have += len(chunk)
        report(file.name, have, total)
        if have > (total or LARGEST):
            raise _too_long(url, file, have)
    return have


def _too_long(url: str, file: WeightFile, size: int) -> _Refused:
    if file.size is not None:
        return _Refused(
            f"{url} is not the file that was published: {size} bytes or more where {file.size} were expected"
        )
    return _Refused(
        f"{url} would be {size} bytes or more, and weights whose size the registry does not say may be"
        f" {LARGEST}; give its size in the registry where that is right"
    )


def _forget(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    _facts(partial).unlink(missing_ok=True)


def _facts(partial: Path) -> Path:
    return partial.with_name(partial.name + ".json")


def _read_facts(partial: Path) -> tuple[str, int | None]:
    """Which version of the file the partial one is of, and how long that is; as far as that was kept and is whole."""
    try:
        facts = json.loads(_facts(partial).read_text(encoding="utf-8"))
        version, total = facts["version"], facts["total"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "", None
    if not isinstance(version, str) or not version.isprintable() or not version.isascii():
        return "", None
    return version, total if type(total) is int else None


def _verify(file: WeightFile, whence: str, partial: Path) -> None:
    size, digest = partial.stat().st_size, sha256_of(partial)
    wrong = ""
    if file.size is not None and size != file.size:
        wrong = f"{size} bytes came where {file.size} were expected"
    elif file.sha256 and not digest.startswith(file.sha256):
        wrong = f"its SHA-256 begins with {digest[: len(file.sha256)]}, not {file.sha256}"
    if wrong:
        _forget(partial)
        raise SoundstageError(f"{whence} is not the file that was published: {wrong}; nothing of it was kept")


def _unpack(file: WeightFile, archive: Path, folder: Path) -> None:
    """The archive's members in a folder that gets its name when all of them are there, and then its seal."""
    partial = folder / f".{file.unpack}-{uuid.uuid4().hex}"
    partial.mkdir()
    try:
        with tarfile.open(archive) as tar:
            size = 0
            for member in tar:
                size += member.size
                if size > LARGEST:
                    raise tarfile.TarError(f"what is in it is larger than {LARGEST} bytes")
                tar.extract(member, partial, filter="data")
        if (folder / file.unpack).exists():  # unpacked by hand, or by one that was killed before it could seal it
            shutil.rmtree(folder / file.unpack)
        partial.rename(folder / file.unpack)
        seal(folder, file).write_text(sha256_of(archive), encoding="ascii")
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, ValueError) as error:
        _forget(archive)
        raise SoundstageError(f"{file.url} is not a readable tar archive ({error}); nothing of it was kept") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
