"""Held-out songs, placed once and for all, and what the benchmark's own metrics say of a model's estimates of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from soundstage.audio import resample
from soundstage.errors import SoundstageError, suggestion
from soundstage.pipeline.excerpt import Excerpt
from soundstage.pipeline.scores import prepare, score
from soundstage.pipeline.separate import Estimates
from soundstage_training.verb.mixing import told

if TYPE_CHECKING:
    from soundstage.catalogue.registry import Choice, Registry
    from soundstage.contracts import Measure, Scorer
    from soundstage.scene import Scene, Track
    from soundstage_training.verb.mixing import Staging
    from soundstage_training.verb.settings import Settings
    from soundstage_training.verb.songs import Library, Song


@dataclass(frozen=True, slots=True)
class Watched:
    """The value that says whether a model has become better: a metric's label, its measure, and which way is better."""

    metric: str
    measure: str
    higher_is_better: bool

    @property
    def name(self) -> str:
        """As curves have it."""
        return f"{self.metric}/{self.measure}"

    def is_better(self, value: float, best: float | None) -> bool:
        """Whether a value is better than the best until now; NaN is not."""
        if math.isnan(value) or best is None:
            return not math.isnan(value)
        return value > best if self.higher_is_better else value < best


class Validation:
    """Scenes of held-out songs, each with what every metric knows of its references."""

    def __init__(
        self,
        registry: Registry,
        library: Library,
        songs: Sequence[Song],
        sources: Mapping[str, Sequence[str]],
        staging: Staging,
        settings: Settings,
    ) -> None:
        """Raises SoundstageError where a song lacks a source, or a metric cannot be used."""
        self._sources = tuple(sources)
        self._metrics: dict[str, tuple[Choice, Any]] = {}
        for label in settings.metrics:
            choice = registry.choose("metrics", label)
            self._metrics[label] = choice, choice.build()
        self.watched = _watched(
            settings.watch, {label: metric.measures for label, (_, metric) in self._metrics.items()}
        )
        self._scenes: list[tuple[Scene, dict[str, Scorer]]] = []
        for song in songs:
            track = _at_rate(_excerpt(library.of_sources(song, sources), song, settings), settings.rate)
            scene = staging.scene(track, song.dataset, settings.seed)
            scorers = {label: prepare(metric, label, track.id, scene) for label, (_, metric) in self._metrics.items()}
            self._scenes.append((scene, scorers))

    @property
    def headlines(self) -> list[str]:
        """METRIC/MEASURE of what leaderboards show first, and of what is watched."""
        found = [
            f"{label}/{name}"
            for label, (_, metric) in self._metrics.items()
            for name, about in metric.measures.items()
            if about.headline
        ]
        return list(dict.fromkeys([*found, self.watched.name]))

    def of(self, model: Any, device: Any) -> dict[str, float]:
        """METRIC/MEASURE → its mean over scenes and sources; NaN where there is none. The model stays in its mode.

        Single precision, whatever it is trained in.
        """
        import torch

        was = model.training
        model.eval()
        values: dict[str, list[float]] = {}
        try:
            for scene, scorers in self._scenes:
                mixture = torch.from_numpy(scene.mixture.astype(np.float32)[None]).to(device)
                azimuths = None
                if model.told_azimuths:
                    azimuths = torch.from_numpy(told(scene.placement, dict.fromkeys(self._sources))[None]).to(device)
                with torch.no_grad():
                    found = model(mixture, azimuths)[0].float().cpu().numpy().astype(np.float64)
                estimates = Estimates(dict(zip(self._sources, found, strict=True)), {})
                self._score(scene, scorers, estimates, values)
        finally:
            model.train(was)
        return {name: float(np.mean(found)) if found else math.nan for name, found in values.items()}

    def _score(
        self, scene: Scene, scorers: Mapping[str, Scorer], estimates: Estimates, values: dict[str, list[float]]
    ) -> None:
        for label, scorer in scorers.items():
            measures = self._metrics[label][1].measures
            for name in measures:
                values.setdefault(f"{label}/{name}", [])
            for row in score(scorer, measures, label, "validation", estimates):
                if row.frame is None and not math.isnan(row.value):
                    values[f"{label}/{row.name}"].append(row.value)


def _watched(words: str, known: Mapping[str, Mapping[str, Measure]]) -> Watched:
    """What `METRIC` or `METRIC/MEASURE` means; of a metric by itself its first headline. Raises SoundstageError."""
    metric, _, measure = words.partition("/")
    label = metric if metric in known else next(label for label in known if label.partition("[")[0] == metric)
    measures = known[label]
    measure = measure or next((name for name, about in measures.items() if about.headline), next(iter(measures)))
    if measure not in measures:
        raise SoundstageError(f"watch: {metric} has no measure '{measure}'{suggestion(measure, measures)}")
    return Watched(label, measure, measures[measure].higher_is_better)


def _excerpt(track: Track, song: Song, settings: Settings) -> Track:
    """The loudest part of a held-out song, of at most so many seconds."""
    excerpt = Excerpt(settings.validation_seconds, "loudest")
    start, stop = excerpt.window(
        song.dataset,
        song.id,
        track.rate,
        song.samples,
        lambda first, last: {name: stem[:, first:last] for name, stem in track.stems.items()},
    )
    return replace(track, stems={name: stem[:, start:stop] for name, stem in track.stems.items()})


def _at_rate(track: Track, rate: int) -> Track:
    stems = {name: resample(stem, track.rate, rate) for name, stem in track.stems.items()}
    return replace(track, rate=rate, stems=stems)
