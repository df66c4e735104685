"""A plan as values: the cells of a grid, each with its address, and what is known of its plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from soundstage.catalogue.registry import Choice
from soundstage.contracts import CellName, Measure
from soundstage.pipeline.declared import Declared
from soundstage.pipeline.excerpt import Excerpt
from soundstage.planning.grid import Grid
from soundstage.results.address import SHORT
from soundstage.results.records import Status
from soundstage.sources import AS_NAMED, Combined


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a stage cannot run, known before anything runs."""

    status: Status
    error: str
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class SceneSpec:
    """What a scene is made of. placement is None where the spatializer uses none.

    excerpt: the part of the track, None for all of it; chunk: which of its chunks, None where it is not cut into them;
    part: what its name says of that.
    """

    address: str
    dataset: Choice
    track: str
    placement: Choice | None
    spatializer: Choice
    seed: int
    problem: Problem | None = None
    excerpt: Excerpt | None = None
    chunk: int | None = None
    part: str = ""

    @property
    def track_name(self) -> str:
        """The track as results name it; a chunk of one is a track of its own."""
        return self.track + self.part

    @property
    def name(self) -> CellName:
        """The scene's coordinates in the grid, as labels."""
        placement = self.placement.label if self.placement else ""
        return CellName(self.dataset.label, self.track_name, placement, self.spatializer.label, self.seed)


@dataclass(frozen=True, slots=True)
class CellSpec:
    """One scene and one separator. scores: metric label → address of its scores. made_by: the separator's identity,
    with the versions it wraps and the hashes of its weights. combined: what its stems make on this scene.
    """

    address: str
    scene: SceneSpec
    separator: Choice
    scores: Mapping[str, str]
    problem: Problem | None = None
    made_by: Mapping[str, Any] = field(default_factory=dict)
    combined: Combined = AS_NAMED

    @property
    def title(self) -> str:
        """What a person reads while it runs."""
        return f"{self.scene.track_name} · {self.scene.spatializer.label} · {self.separator.label}"


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A metric of the grid and what it measures; `measures` is empty where the plugin cannot be had."""

    choice: Choice
    measures: Mapping[str, Measure]
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All cells of a grid. hash: of every address, so it names the cells and the data they were run on. identities:
    `KIND LABEL` → what went into the addresses of that plugin: revision, versions, parameters, hashes of files."""

    grid: Grid
    cells: Sequence[CellSpec]
    metrics: Mapping[str, MetricSpec]
    separators: Mapping[str, Declared]
    hash: str
    identities: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Name and short hash, as the store files it."""
        return f"{self.grid.name}-{self.hash[:SHORT]}"
