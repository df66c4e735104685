"""The scores of a grid of probes, measure by measure, as arrays: the perfect estimates, floors, nothing, and probes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from soundstage.audiometry.statistics import Floats
from soundstage.contracts import NOTHING
from soundstage.errors import SoundstageError
from soundstage.results.records import DegradationFacts, MeasureFacts, PlanFacts

if TYPE_CHECKING:
    import pandas

SCENE = ("dataset", "track", "placement", "spatializer", "seed")

Scene = tuple[str, ...]
Score = tuple[Scene, str]
"""A scene and a source of it."""


@dataclass(frozen=True, slots=True)
class Roles:
    """What the separators of a grid are to its measures."""

    ceiling: str
    nothing: str
    """The label of the probe that changes nothing; the ceiling's where there is none."""

    floors: tuple[str, ...]
    probes: Mapping[str, DegradationFacts]
    """Label → what it does, mirrored twins among them, the one that does nothing not."""

    def kinds(self) -> dict[str, list[str]]:
        """Kind → the labels of its steps, the mildest first, twins left out."""
        found: dict[str, list[str]] = {}
        for label, does in self.probes.items():
            if not does["mirrored"]:
                found.setdefault(does["kind"], []).append(label)
        return {kind: sorted(labels, key=self._severity) for kind, labels in found.items()}

    def _severity(self, label: str) -> float:
        does = self.probes[label]
        return does["step"] if does["worse"] == "more" else -does["step"]

    def twin(self, label: str) -> str | None:
        """The probe that does on the other side what this one does; None where the grid has none."""
        does = self.probes[label]
        turned = {**does, "mirrored": not does["mirrored"]}
        return next((other for other, its in self.probes.items() if its == turned), None)


def roles(facts: PlanFacts) -> Roles:
    """The separators of a plan by what they are for. Raises SoundstageError where it has no ceiling or no probe."""
    separators = facts["separators"]
    probes = {label: about["degradation"] for label, about in separators.items() if "degradation" in about}
    ceilings = [label for label, about in separators.items() if about["role"] == "ceiling"]
    real = {label: does for label, does in probes.items() if does["kind"] != NOTHING}
    if not ceilings or not real:
        lacking = "no ceiling, such as `reference`," if not ceilings else "no probe"
        raise SoundstageError(
            f"grid '{facts['name']}' has {lacking} among its separators; metrics are measured by what they make of a"
            " perfect estimate and of probes"
        )
    nothing = next((label for label in probes if label not in real), ceilings[0])
    floors = tuple(label for label, about in separators.items() if about["role"] == "floor")
    return Roles(ceilings[0], nothing, floors, real)


@dataclass(frozen=True, slots=True, eq=False)
class Responses:
    """The scores of one measure. values: separator → (scores,), NaN where there is no value."""

    metric: str
    name: str
    about: MeasureFacts
    scores: Sequence[Score]
    values: Mapping[str, Floats]
    there: Mapping[str, NDArrayBool]
    """Separator → (scores,), whether it was scored there at all."""

    doubted: Floats
    """Of the perfect estimates: 1 where the value must not be ranked on."""

    reasons: Counter[str]
    """Why perfect estimates have no value, and how often."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources, in the order of their scenes."""
        return tuple(dict.fromkeys(source for _, source in self.scores))

    def of(self, source: str) -> NDArrayBool:
        """Which scores are of that source."""
        return np.array([own == source for _, own in self.scores], bool)

    def lost(self, label: str, ceiling: str) -> Floats:
        """How much worse each score is than the perfect estimate's."""
        none = np.full(len(self.scores), math.nan)
        apart = self.values.get(label, none) - self.values.get(ceiling, none)
        return -apart if self.about["higher_is_better"] else apart


NDArrayBool = np.ndarray[tuple[int], np.dtype[np.bool_]]


def responses(facts: PlanFacts, rows: pandas.DataFrame, ceiling: str) -> Iterator[Responses]:
    """Of every measure of the grid, in its order. rows: whole-track scores, as soundstage.load gives them."""
    found: dict[tuple[str, str], dict[tuple[str, Score], tuple[float, bool, str]]] = {}
    columns = [*SCENE, "source", "separator", "metric", "name", "value", "ranked", "note"]
    for *scene, source, separator, metric, name, value, ranked, note in rows[columns].itertuples(
        index=False, name=None
    ):
        score = (tuple(map(str, scene)), str(source))
        own = found.setdefault((str(metric), str(name)), {})
        own[str(separator), score] = (float(value), bool(ranked), str(note))
    for metric, measures in facts["metrics"].items():
        for name, about in measures.items():
            if (metric, name) in found:
                yield _of(metric, name, about, found[metric, name], ceiling)


def _of(
    metric: str, name: str, about: MeasureFacts, held: Mapping[tuple[str, Score], tuple[float, bool, str]], ceiling: str
) -> Responses:
    scores = list(dict.fromkeys(score for _, score in held))
    values = {
        label: np.array([held.get((label, score), (math.nan, True, ""))[0] for score in scores])
        for label in dict.fromkeys(label for label, _ in held)
    }
    there = {label: np.array([(label, score) in held for score in scores], bool) for label in values}
    perfect = [held.get((ceiling, score), (math.nan, True, "it was not scored")) for score in scores]
    doubted = np.array([float(not ranked and not math.isnan(value)) for value, ranked, _ in perfect])
    reasons = Counter(note for value, _, note in perfect if math.isnan(value))
    return Responses(metric, name, about, scores, values, there, doubted, reasons)
