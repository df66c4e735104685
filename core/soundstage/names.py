"""Names that become names of files and folders: names, and never paths."""

from __future__ import annotations

RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in range(10))}
"""What Windows takes for a device, whatever follows the first dot."""

LONGEST = 200
"""Bytes of a name. File systems take 255, and a name gets endings: a hash, `.part`, `.json`."""


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
