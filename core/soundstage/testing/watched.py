"""What a separator is tried on: scenes of the kit; and the separator seen from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from soundstage.audio import Samples
from soundstage.contracts import CellName, Separator
from soundstage.pipeline.blame import named_as
from soundstage.pipeline.declared import Declared, declared
from soundstage.pipeline.fingerprint import check_unaltered, fingerprint
from soundstage.pipeline.scenes import renderer
from soundstage.pipeline.separate import Estimates, separate
from soundstage.running.workbench import discarding
from soundstage.scene import Scene, Track
from soundstage.sources import AS_NAMED
from soundstage.testing import subject
from soundstage.testing.material import SOURCES, Ears, Songs, scene_of
from soundstage.testing.results import Skipped


class Watched:
    """A separator seen from outside: what it was given, whether it wrote into that, and what it returned."""

    def __init__(self, separator: Any) -> None:
        self._separator = separator
        self.written: list[str] = []
        self.raw: list[Samples] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._separator, name)

    def separate(self, mixture: Samples, rate: int, **needed: Any) -> Any:
        """As the separator does."""
        given = {"mixture": mixture, **{f"reference of {name}": one for name, one in _references(needed).items()}}
        before = {name: array.copy() for name, array in given.items()}
        found = self._separator.separate(mixture, rate, **needed)
        self.written = [name for name, array in given.items() if not np.array_equal(array, before[name])]
        values = list(found.values()) if isinstance(found, Mapping) else list(found) if _is_many(found) else []
        self.raw = [np.asarray(value) for value in values]
        return found


def _references(needed: Mapping[str, Any]) -> Mapping[str, Samples]:
    return cast("Mapping[str, Samples]", needed.get("references", {}))


def _is_many(found: Any) -> bool:
    return isinstance(found, Sequence) or getattr(found, "ndim", 0) == 3


class Bench(subject.Bench):
    """What the checks of a separator share: an instance that was loaded once, scenes, and what is made of them."""

    def __init__(self, of: subject.Subject, thorough: bool, device: str) -> None:
        super().__init__(of, thorough, device)
        self._scenes: dict[tuple[Any, ...], Scene] = {}
        self._tracks: dict[int, Track] = {}

    @property
    def about(self) -> Declared:
        """What it declares."""
        with named_as(self.subject.called):
            return declared(cast("Separator", self.instance()))

    @property
    def sources(self) -> tuple[str, ...]:
        """What it is tried on: its own sources, or four usual ones."""
        own = self.about.sources
        return SOURCES if not own else own if len(own) > 1 else (*own, "other" if own[0] != "other" else "vocals")

    @property
    def looks_up(self) -> bool:
        """Whether it looks its estimates up by the name of the cell."""
        return "cell" in self.about.needs

    def scene(self, track: str = "first", **of: Any) -> Scene:
        """A scene of the kit; see Songs."""
        of = {"sources": self.sources, **of}
        key = (track, *sorted(of.items()))
        if key not in self._scenes:
            songs = Songs(**of)
            self._scenes[key] = scene_of(songs, track)
            if "renderer" in self.about.needs:
                self._tracks[id(self._scenes[key].mixture)] = songs.load(track)
        return self._scenes[key]

    def estimates(self, scene: Scene, instance: Any = None, track: str = "first") -> Estimates:
        """What it makes of a scene, by the harness's own function; the scene's samples are looked after."""
        who, choice = self.subject.called, self.subject.choice
        separator = self.instance() if instance is None else instance
        cell = CellName("kit", track, "fan", "ears", 0)
        combined = AS_NAMED if choice is None else choice.combined
        taken = fingerprint(scene)
        with discarding():
            own = self._tracks.get(id(scene.mixture))
            puts = None if own is None else renderer(Ears(), "of the kit", lambda: own, scene.placement)
            found = separate(separator, self.subject.name, scene, cell, combined, puts)
        check_unaltered(scene, taken, f"{who}, track '{track}'")
        return found

    def raw(self, scene: Scene, instance: Any = None) -> list[Samples]:
        """What it returned, before anything is made of it."""
        watched = Watched(self.instance() if instance is None else instance)
        self.estimates(scene, watched)
        return watched.raw

    def leave_out_look_ups(self) -> None:
        """Raise Skipped of a separator that can only return what it has for the songs it knows."""
        if self.looks_up:
            raise Skipped("it looks estimates up by the name of the cell, and has none of another scene")
