"""Which tracks of each dataset a grid is about, and which part of each: as the grid's table says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from soundstage.audio_files import nfc
from soundstage.draw import Draw
from soundstage.errors import SoundstageError, suggestion
from soundstage.pipeline.excerpt import Excerpt, Where
from soundstage.toml import Table


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
        known = {nfc(name) for name in ids}
        for name in self.names:
            if nfc(name) not in known:
                raise SoundstageError(f"no dataset of the grid has a track '{name}'{suggestion(name, ids)}")

    def of(self, dataset: str, ids: Sequence[str]) -> list[str]:
        """The chosen ones of a dataset's tracks, in its order; chance knows the seed, the entry and the track alone."""
        if self.names:
            names = {nfc(name) for name in self.names}
            return [track for track in ids if nfc(track) in names]
        drawn = sorted(ids, key=lambda track: Draw(self.seed, dataset, track, "").unit("whether it is in the grid"))
        kept = set(drawn[: self.random])
        return [track for track in ids if track in kept]


def read_tracks(grid: Table) -> Tracks | None:
    """A grid's `tracks`: a list of names, or { random = 25, seed = 0 }. Raises SoundstageError."""
    if isinstance(grid.left.get("tracks"), (list, tuple)):
        return Tracks(names=grid.names("tracks"))
    if "tracks" not in grid.left:
        grid.asked.append("tracks")
        return None
    if not isinstance(grid.left["tracks"], Mapping):
        grid.take("tracks", Mapping, '["…"], a list of names, or a draw: tracks = { random = 25, seed = 0 }', {})
    draw = grid.table("tracks")
    if "random" not in draw.left:
        draw.missing("random", "write how many are drawn, as in tracks = { random = 25, seed = 0 }")
    found = Tracks(random=draw.whole("random", least=1), seed=draw.whole("seed"))
    draw.close()
    return found


def read_excerpt(grid: Table) -> Excerpt | None:
    """A grid's `excerpt`: { seconds = 30, where = "random", seed = 0 }. Raises SoundstageError."""
    if "excerpt" not in grid.left:
        grid.asked.append("excerpt")
        return None
    if not isinstance(grid.left["excerpt"], Mapping):
        grid.take("excerpt", Mapping, '{ seconds = 30, where = "start" }', {})
    table = grid.table("excerpt")
    seconds, places = table.number_above("seconds", 0), get_args(Where)
    place: Where = table.choice("where", places, "start")  # type: ignore[assignment]
    found = Excerpt(seconds, place, table.whole("seed"))
    table.close()
    return found
