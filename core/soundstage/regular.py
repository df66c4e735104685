"""Only regular files are read: a pipe or a device might never end."""

from __future__ import annotations

import stat
from pathlib import Path

from soundstage.errors import SoundstageError


def check_regular(file: Path) -> None:
    """Raise SoundstageError where there is something that is neither a regular file nor a link to one.

    Reading a pipe or a device might never end. What is not there, or cannot be looked at, is for the reader to find.
    """
    try:
        mode = file.stat().st_mode
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(mode):
        raise SoundstageError(f"{file}: is {_kind(mode)} and not a file; put the file itself there, or remove it")


def _kind(mode: int) -> str:
    """What there is in a file's place, from its mode."""
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def read_regular(file: Path) -> bytes:
    """The contents of a file. Raises SoundstageError where it is no regular file, OSError where it cannot be read."""
    check_regular(file)
    return file.read_bytes()
