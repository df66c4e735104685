"""Which tracks of each dataset a grid is about, and which part of each: as the grid's table says it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from soundstage.draw import Draw
from soundstage.errors import SoundstageError, suggestion
from soundstage.pipeline.excerpt import Excerpt, Where


@dataclass(frozen=True, slots=True)
class Tracks:
    """The tracks of each dataset: those named, or a number of them drawn without replacement."""

    names: tuple[str, ...] = ()
    random: int = 0
    seed: int = 0

    @property
    def written(self) -> Any:
        """As a grid writes it."""
        return list(self.names) or {"random": self.random, "seed": self.seed}

    def check(self, ids: Sequence[str]) -> None:
        """Raise SoundstageError for a name that is not among the tracks of all datasets."""
        for name in self.names:
            if name not in ids:
                raise SoundstageError(f"no dataset of the grid has a track '{name}'{suggestion(name, ids)}")

    def of(self, dataset: str, ids: Sequence[str]) -> list[str]:
        """The chosen ones of a dataset's tracks, in its order; chance knows the seed, the entry and the track alone."""
        if self.names:
            return [track for track in ids if track in self.names]
        drawn = sorted(ids, key=lambda track: Draw(self.seed, dataset, track, "").unit("whether it is in the grid"))
        kept = set(drawn[: self.random])
        return [track for track in ids if track in kept]


def read_tracks(value: Any, where: str) -> Tracks | None:
    """A grid's `tracks`: a list of names, or { random = 25, seed = 0 }. Raises SoundstageError."""
    if value is None:
        return None
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return Tracks(names=tuple(value))
    if isinstance(value, Mapping):
        _only(value, ("random", "seed"), f"{where}: tracks")
        number, seed = value.get("random"), value.get("seed", 0)
        if type(number) is int and number > 0 and type(seed) is int and seed >= 0:
            return Tracks(random=number, seed=seed)
    raise SoundstageError(
        f"{where}: tracks must be a list of names or a draw, as in tracks = {{ random = 25, seed = 0 }}"
    )


def read_excerpt(value: Any, where: str) -> Excerpt | None:
    """A grid's `excerpt`: { seconds = 30, where = "random", seed = 0 }. Raises SoundstageError."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise SoundstageError(f'{where}: excerpt must be a table, as in excerpt = {{ seconds = 30, where = "start" }}')
    _only(value, ("seconds", "where", "seed"), f"{where}: excerpt")
    seconds, place, seed = value.get("seconds"), value.get("where", "start"), value.get("seed", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < math.inf:
        raise SoundstageError(f"{where}: excerpt needs seconds, a number above 0")
    if place not in get_args(Where):
        raise SoundstageError(f"{where}: excerpt cannot be where = {place!r}{suggestion(str(place), get_args(Where))}")
    if type(seed) is not int or seed < 0:
        raise SoundstageError(f"{where}: the excerpt's seed must be a whole number from 0")
    return Excerpt(float(seconds), place, seed)


def _only(table: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    for key in table:
        if key not in keys:
            raise SoundstageError(f"{where} has an unknown key '{key}'{suggestion(key, keys)}")
