"""Stems become examples to train on: drawn, placed and spatialized on the fly, each a pure function of its number.

Example k of step n is the same whatever was drawn before it, however many processes draw, and wherever a training went
on: all chance comes from hashes of the seed, n and k.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from soundstage.audio import fit_length, resample
from soundstage.draw import Draw
from soundstage.errors import SoundstageError
from soundstage.pipeline.scenes import place, spatialize
from soundstage.scene import Track
from soundstage_training.verb.songs import usable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soundstage.catalogue.registry import Registry
    from soundstage.contracts import PlacementRule, Spatializer
    from soundstage.scene import Placement, Scene
    from soundstage_training.verb.settings import Settings
    from soundstage_training.verb.songs import Library, Song

TRIES = 8
"""How often another excerpt is drawn where one is silent."""

SILENT = 1e-4
"""The peak below which an excerpt is silent: −80 dB of full scale."""

DATASET = "training"
"""What draws of placements call the data set of examples."""


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """What a model is trained on, in single precision.

    mixture: (2, samples). references: (sources, 2, samples). azimuths: (sources,) panning angles in degrees, positive
    to the left, as informed separators are told them; NaN where nothing is placed.
    """

    mixture: NDArray[np.float32]
    references: NDArray[np.float32]
    azimuths: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Staging:
    """The benchmark's own placement rule and spatializer, and what draws and errors call them."""

    rule: PlacementRule
    rule_name: str
    spatializer: Spatializer
    spatializer_name: str

    @classmethod
    def of(cls, registry: Registry, settings: Settings) -> Staging:
        """What the settings name. Raises SoundstageError where that is unknown, or is not there."""
        placement = registry.choose("placements", settings.placement)
        spatializer = registry.choose("spatializers", settings.spatializer)
        return cls(placement.build(), placement.plugin.name, spatializer.build(), settings.spatializer)

    @property
    def places(self) -> bool:
        """Whether sources are placed at all."""
        return getattr(self.spatializer, "uses_placement", True) is not False

    def scene(self, track: Track, dataset: str, seed: int) -> Scene:
        """The rendered scene, checked as a grid's are."""
        placement = place(self.rule, self.rule_name, dataset, track, seed) if self.places else None
        return spatialize(self.spatializer, self.spatializer_name, track, placement)


class Mixer:
    """Examples by number."""

    def __init__(
        self,
        library: Library,
        songs: Sequence[Song],
        sources: Mapping[str, Sequence[str]],
        staging: Staging,
        settings: Settings,
    ) -> None:
        """Raises SoundstageError where a source cannot be drawn from any song."""
        self._library, self._staging, self._settings = library, staging, settings
        self._sources = {source: tuple(names) for source, names in sources.items()}
        self._songs = usable(songs, self._sources, settings)
        self.samples = round(settings.seconds * settings.rate)

    def example(self, step: int | str, k: int) -> Example:
        """Example k of a step."""
        scene = self.scene(step, k)
        length = self.samples
        mixture = np.asarray(scene.mixture[:, :length], dtype=np.float32)
        references = np.stack([scene.references[source][:, :length] for source in self._sources]).astype(np.float32)
        return Example(mixture, references, told(scene.placement, self._sources))

    def scene(self, step: int | str, k: int) -> Scene:
        """The scene that example k of a step is cut from, of which spatializers may have made a longer one."""
        draw = Draw(self._settings.seed, DATASET, f"step {step}", f"example {k}")
        low, high = self._settings.gain_db
        parts = self._parts(draw)
        stems: dict[str, Any] = {}
        for source, part in parts.items():
            gain = 10.0 ** (draw.uniform(f"gain of {source}", low, high) / 20.0) if low or high else 1.0
            stems[source] = gain * part.astype(np.float64)
        track = Track(f"step {step}, example {k}", self._settings.rate, stems)
        return self._staging.scene(track, DATASET, self._settings.seed)

    def _parts(self, draw: Draw) -> dict[str, NDArray[np.float32]]:
        """Source → its excerpt, at the model's rate."""
        if self._settings.shuffle:
            taken: list[tuple[Song, frozenset[str], int, int]] = []
            return {source: self._own(draw, source, taken) for source in self._sources}
        songs = next(iter(self._songs.values()))
        for attempt in range(TRIES):
            song = songs[int(draw.uniform(f"song, {attempt}", 0, len(songs)))]
            start, stop = self._window(draw, f"{attempt}", song)
            found = {source: self._part(song, names, start, stop) for source, names in self._sources.items()}
            if any(_sounds(part) for part in found.values()):
                break
        return found

    def _own(self, draw: Draw, source: str, taken: list[tuple[Song, frozenset[str], int, int]]) -> NDArray[np.float32]:
        """An excerpt of a source by itself: one that sounds, and that no other source of the example has."""
        songs, names = self._songs[source], self._sources[source]
        for attempt in range(TRIES):
            what = f"{source}, {attempt}"
            song = songs[int(draw.uniform(f"song of {what}", 0, len(songs)))]
            start, stop = self._window(draw, f"of {what}", song)
            found = self._part(song, names, start, stop)
            stems = frozenset(names)
            if _sounds(found) and not any(
                song == other and stems & used and start < last and first < stop for other, used, first, last in taken
            ):
                break
        taken.append((song, stems, start, stop))
        return found

    def _window(self, draw: Draw, what: str, song: Song) -> tuple[int, int]:
        """The first sample of an excerpt and the one behind its last, at the song's rate."""
        size = min(song.samples, round(self._settings.seconds * song.rate))
        start = int(draw.uniform(f"where it begins, {what}", 0, song.samples - size + 1))
        return start, start + size

    def _part(self, song: Song, names: Sequence[str], start: int, stop: int) -> NDArray[np.float32]:
        part = self._library.part(song, names, start, stop)
        if song.rate != self._settings.rate:
            part = resample(part.astype(np.float64), song.rate, self._settings.rate).astype(np.float32)
        return fit_length(part.astype(np.float64), self.samples).astype(np.float32)


def told(placement: Placement | None, sources: Mapping[str, Any]) -> NDArray[np.float32]:
    """The panning angles that informed separators are told, in the sources' order; NaN where nothing is placed."""
    if placement is None:
        return np.full(len(sources), np.nan, dtype=np.float32)
    known = placement.as_told()
    return np.array([known.panning_angle(source) for source in sources], dtype=np.float32)


def _sounds(part: NDArray[np.float32]) -> bool:
    return bool(np.max(np.abs(part), initial=0.0) > SILENT)


def check_told(model: Any, staging: Staging, settings: Settings) -> None:
    """Raise SoundstageError where a model has to be told where sources sit and nothing is placed."""
    if model.told_azimuths and not staging.places:
        raise SoundstageError(
            f"model '{settings.model}' is told where the sources sit, and spatializer '{settings.spatializer}' places"
            " none; take one that does, such as panning"
        )
