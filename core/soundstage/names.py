"""Names that become names of files and folders, which are never paths; and paths that people write."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in range(10))}
"""What Windows takes for a device, whatever follows the first dot."""

LONGEST = 200
"""Bytes of a name. File systems take 255, and a name gets endings: a hash, `.part`, `.json`."""


LONGEST_ENCODED = 255 - len(".json")
"""Bytes of a name that is encoded, with room for the ending that it gets."""


def fault(name: str) -> str:
    """What keeps a name from being that of a file or folder on every system; empty where nothing does."""
    if not name.strip():
        return "it is empty"
    if name.strip(". ") == "":
        return "it is a folder's way of saying itself or the one above"
    for character in "/\\:":
        if character in name:
            return f"it holds '{character}', and names are no paths"
    if not name.isprintable():
        return "it holds a character that cannot be printed"
    if name != name.strip() or name.endswith("."):
        return "it begins or ends with a space, or ends with a dot"
    if name.partition(".")[0].strip().upper() in RESERVED:
        return "Windows takes it for a device"
    if len(name.encode("utf-8")) > LONGEST:
        return f"it is longer than {LONGEST} bytes"
    return ""


def encoded(text: str) -> str:
    """The text as part of a file's name: what no file can be called so is percent-encoded, and `%` is too.

    No two texts become one name; `decoded` gives the text back, unless it is too long for a name: that ends with a
    hash of the whole.
    """
    found = "".join(f"%{ord(letter):02X}" if letter in "/\\:%" or ord(letter) < 32 else letter for letter in text)
    found = f"%2E{found[1:]}" if found.startswith(".") else found
    if len(found.encode()) <= LONGEST_ENCODED:
        return found
    digest = hashlib.sha256(found.encode()).hexdigest()[:16]
    return f"{found.encode()[: LONGEST_ENCODED - len(digest) - 1].decode(errors='ignore')}-{digest}"


def decoded(name: str) -> str:
    """The text that was encoded so; a `%` that `encoded` did not write stands for itself."""
    return re.sub("%([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), name)


def expanded(path: str | Path, base: Path | None) -> Path:
    """The absolute path that is meant, `~` being a user's folder; base: where it starts, None for the current folder.

    Raises ValueError where there is no such user, or where no path can be such a text.
    """
    if "\0" in str(path):
        raise ValueError("a path holds no NUL")
    try:
        found = Path(path).expanduser()
    except RuntimeError:
        raise ValueError(f"nobody here has the home folder of {path}") from None
    return (found if base is None else base / found).absolute()
