"""What a metric is tried on: a scene of the kit, its perfect estimates, and estimates with something wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from soundstage.audio import Samples, read_only
from soundstage.contracts import Measure, Score, Scorer
from soundstage.pipeline.scores import prepare, score
from soundstage.pipeline.separate import Estimates
from soundstage.planning.built import measures as measures_of
from soundstage.running.workbench import discarding
from soundstage.scene import Scene
from soundstage.testing import subject
from soundstage.testing.material import Songs, scene_of

SOURCES = ("vocals", "drums", "bass")
ENDING = "other"
SECONDS = 1.0

Values = Mapping[tuple[str, str], float]
"""Measure and source → value of the whole track."""

STEPS_DB = (-40.0, -20.0, 0.0)


def _noisy(images: Mapping[str, Samples], level_db: float) -> dict[str, Samples]:
    rng = np.random.default_rng(7)
    found = {}
    for source, image in images.items():
        noise = rng.standard_normal(image.shape)
        factor = math.sqrt(float(np.mean(image**2))) * 10.0 ** (level_db / 20.0)
        found[source] = image + factor * noise
    return found


def _bleeding(images: Mapping[str, Samples], level_db: float) -> dict[str, Samples]:
    total = np.sum(list(images.values()), axis=0)
    return {source: image + 10.0 ** (level_db / 20.0) * (total - image) for source, image in images.items()}


def _leaning(images: Mapping[str, Samples], by_db: float) -> dict[str, Samples]:
    """The left louder and earlier, the right quieter and later."""
    factor, late = 10.0 ** (by_db / 20.0), max(1, round(by_db))
    return {
        source: np.stack([image[0] * factor, np.concatenate([np.zeros(late), image[1]])[: image.shape[1]] / factor])
        for source, image in images.items()
    }


def _dull(images: Mapping[str, Samples], taps: float) -> dict[str, Samples]:
    kernel = np.ones(int(taps)) / int(taps)
    return {
        source: np.stack([np.convolve(channel, kernel)[: image.shape[1]] for channel in image])
        for source, image in images.items()
    }


def _gained(images: Mapping[str, Samples], by_db: float) -> dict[str, Samples]:
    return {source: 10.0 ** (by_db / 20.0) * image for source, image in images.items()}


Degrades = Callable[[Mapping[str, Samples], float], dict[str, Samples]]

DEGRADED: Mapping[str, tuple[Degrades, tuple[float, ...]]] = {
    "noise": (_noisy, STEPS_DB),
    "bleed of the other sources": (_bleeding, STEPS_DB),
    "an image pulled to the left": (_leaning, (1.0, 3.0, 9.0)),
    "a dull tone": (_dull, (2.0, 8.0, 64.0)),
    "another level": (_gained, (-1.0, -3.0, -12.0)),
}
"""What is wrong with estimates → what makes them so, and by how much, the mildest first."""


class Bench(subject.Bench):
    """What the checks of a metric share: an instance, a scene, and the scores of perfect and of degraded estimates."""

    def __init__(self, of: subject.Subject, thorough: bool, device: str) -> None:
        super().__init__(of, thorough, device)
        self.songs = Songs(SOURCES, SECONDS, channels=2)
        """What the scene is made of. A metric that has no value of it gets one in which a source ends half way."""
        self._scene: Scene | None = None
        self._scorer: Scorer | None = None
        self._perfect: list[Score] | None = None
        self._degraded: dict[tuple[str, float], Values] = {}

    @property
    def measures(self) -> Mapping[str, Measure]:
        """What it declares."""
        return measures_of(self.instance())

    @property
    def scene(self) -> Scene:
        """The scene that most checks are on."""
        if self._scene is None:
            self._scene = scene_of(self.songs)
            if not any(row.frame is None and not math.isnan(row.value) for row in self.scores(self._scene.references)):
                self.songs = Songs((*SOURCES, ENDING), SECONDS, channels=2, ending=ENDING)
                self._scene, self._scorer = scene_of(self.songs), None
        return self._scene

    def scene_of(self, **of: Any) -> Scene:
        """A scene of the kit; see Songs."""
        return scene_of(Songs(**{"sources": SOURCES, "seconds": SECONDS, "channels": 2, **of}))

    def prepared(self, scene: Scene | None = None, fresh: bool = False) -> Scorer:
        """A scorer by the harness's own function; that of the bench's scene is prepared once."""
        if scene is None and not fresh:
            if self._scorer is None:
                self._scorer = self.prepared(fresh=True)
            return self._scorer
        with discarding():
            return prepare(self.instance(fresh), self.subject.name, "of the kit", scene or self.scene)

    def scores(self, images: Mapping[str, Samples], scorer: Scorer | None = None) -> list[Score]:
        """The checked rows of these estimates."""
        shown = {source: read_only(np.ascontiguousarray(image)) for source, image in images.items()}
        with discarding():
            return score(
                scorer or self.prepared(), self.measures, self.subject.name, "of the kit", Estimates(shown, {})
            )

    def perfect(self) -> list[Score]:
        """The rows of the references themselves; scored once."""
        if self._perfect is None:
            self._perfect = self.scores(self.scene.references)
        return self._perfect

    def degraded(self, what: str, step: float) -> Values:
        """The values of degraded references; scored once."""
        if (what, step) not in self._degraded:
            self._degraded[what, step] = values(self.scores(DEGRADED[what][0](self.scene.references, step)))
        return self._degraded[what, step]

    def spans(self) -> dict[str, float]:
        """Measure → how far the degraded values go from the perfect ones, in absolute terms; 0 where none is there."""
        found = dict.fromkeys(self.measures, 0.0)
        goal = values(self.perfect())
        for what, (_, steps) in DEGRADED.items():
            for key, value in self.degraded(what, steps[-1]).items():
                apart = abs(value - goal[key])
                if not math.isnan(apart):
                    found[key[0]] = max(found[key[0]], apart)
        return found


def values(rows: list[Score]) -> Values:
    """The values of whole tracks."""
    return {(row.name, row.source): row.value for row in rows if row.frame is None}
