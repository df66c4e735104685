"""What a plugin tells of its work, as JSON can hold it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from soundstage.errors import SoundstageError, storable

DEEPEST = 16
"""Levels of tables within tables; what is deeper is circular, or nobody reads it."""

LONGEST = 10_000
"""Values in all; facts are for people, and are kept with every cell."""


def plain_facts(told: Any, what: str) -> dict[str, Any]:
    """The facts as JSON values: numpy's numbers as Python's, small arrays and tuples as lists, paths as texts.

    told: a mapping, or None for nothing. Raises SoundstageError that begins with `what` and names the key of whatever
    JSON cannot hold: NaN, infinity, keys that are no texts, other objects, what contains itself.
    """
    if told is None:
        return {}
    if not isinstance(told, Mapping):
        raise SoundstageError(f"{what} is {type(told).__name__}, not a mapping of names to values; give a dict")
    found: dict[str, Any] = _Plain(what).of(told, "", 0)
    return found


class _Plain:
    def __init__(self, what: str) -> None:
        self._what = what
        self._count = 0

    def of(self, value: Any, key: str, depth: int) -> Any:
        self._count += 1
        if depth > DEEPEST or self._count > LONGEST:
            raise SoundstageError(f"{self._what}{key} holds itself or too much; give what a person would read")
        if isinstance(value, np.generic):
            value = value.item()
        elif isinstance(value, np.ndarray):
            value = value.tolist() if value.size <= LONGEST else f"array of shape {value.shape}"
        if isinstance(value, float) and not math.isfinite(value):
            raise SoundstageError(f"{self._what}{key} is {value}, which JSON cannot hold; leave it out or give a text")
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str):
            return storable(value)
        if isinstance(value, PurePath):
            return storable(str(value))
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.of(one, f"{key}[{index}]", depth + 1) for index, one in enumerate(value)]
        if isinstance(value, Mapping):
            for name in value:
                if not isinstance(name, str):
                    raise SoundstageError(f"{self._what}{key} has the key {name!r}; keys must be texts")
            return {storable(name): self.of(one, f"[{name!r}]", depth + 1) for name, one in value.items()}
        raise SoundstageError(
            f"{self._what}{key} is {type(value).__name__}, which JSON cannot hold; give a number, a text or a list"
        )
