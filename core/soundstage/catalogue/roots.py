"""Where the files of entries lie now, as `--data` says it: every path of a grid can be given anew.

`NAME=PATH` is enough where the entry has one path, `NAME:PARAMETER=PATH` says which of several, and
`NAME[param=value]=PATH` of which variant; a separator script's own path goes by the parameter `script`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from soundstage.errors import SoundstageError, suggestion
from soundstage.names import expanded
from soundstage.variants import parse_variant

SCRIPT = "script"
"""Stands among parameters for the path of a separator script."""


class Roots:
    """Paths by what they are paths of."""

    def __init__(self) -> None:
        self._paths: dict[tuple[str, str], Path] = {}
        self._replaced: dict[tuple[str, str], object] = {}

    def add(self, key: str, path: str | Path) -> tuple[str, str, Path]:
        """Take `key=path` in; the variant that the key names, the parameter, empty where it names none, and the path.

        Raises SoundstageError.
        """
        variant, parameter = split_key(key)
        try:
            found = expanded(str(path), None)
        except ValueError as error:
            raise SoundstageError(f"--data {key}={path}: {error}") from None
        self._paths.pop((variant, parameter), None)
        self._paths[variant, parameter] = found
        return variant, parameter, found

    def of(self, label: str, entry: str) -> list[tuple[str, str, Path]]:
        """Parameter or empty, key, and path, of the entry's variant of that label, as they were taken in."""
        return [
            (parameter, key_of(variant, parameter), path)
            for (variant, parameter), path in self._paths.items()
            if variant in (entry, label)
        ]

    def replace(self, key: str, what: str, was: object) -> None:
        """Note that the key's path stands in place of another. Raises SoundstageError where it already does for one."""
        variant, parameter = split_key(key)
        held = self._replaced.setdefault((variant, parameter), was)
        if held != was:
            raise SoundstageError(
                f"--data {key}=PATH would put one path in place of two, {held} and {was}; say which, as in"
                f" --data '{what}=PATH'"
            )


def split_key(key: str) -> tuple[str, str]:
    """The variant and the parameter that a key of `--data` names. Raises SoundstageError."""
    found = re.fullmatch(r"(.*?\]|[^\[\]]*?)(?::(\w+))?", key.strip(), re.DOTALL)
    if not found or not found[1]:
        raise SoundstageError(f"--data {key}=PATH: '{key}' is no entry; write NAME=PATH or NAME:PARAMETER=PATH")
    parse_variant(found[1])
    return found[1].strip(), found[2] or ""


def key_of(variant: str, parameter: str) -> str:
    """The key as it is written."""
    return f"{variant}:{parameter}" if parameter else variant


def meant_parameter(key: str, own: str, paths: Mapping[str, Any], known: Collection[str], what: str) -> str:
    """Which parameter a key means that names none. own: the one that the entry is about. paths: path parameters that it
    has, or must have. known: all of its path parameters. Raises SoundstageError where that is none, or one of several.
    """
    if own:
        return own
    if len(paths) == 1:
        return next(iter(paths))
    if paths:
        each = ", ".join(f"--data '{key}:{name}=PATH'" for name in paths)
        raise SoundstageError(f"--data {key}=PATH: {what} has {len(paths)} paths; say which: {each}")
    more = f"; it would take one as its parameter {' or '.join(known)}, in the grid" if known else ""
    raise SoundstageError(f"--data {key}=PATH: {what} stands in the grid without any path{more}")


def checked_parameter(key: str, parameter: str, known: Collection[str], what: str) -> None:
    """Raises SoundstageError where a key names a parameter that is no path."""
    if parameter not in known:
        raise SoundstageError(f"--data {key}=PATH: {what} has no path '{parameter}'{suggestion(parameter, known)}")
