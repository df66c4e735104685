"""A cell in three steps, each in whatever process: its scene is rendered, separated, and what comes of that scored.

What one step makes and the next needs lies in memory that they share. The numbers are those of a cell in one piece.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from soundstage.audio import Samples
from soundstage.pipeline.separate import Estimates
from soundstage.planning.jobs import Job
from soundstage.results.records import Stage
from soundstage.running.executors.shared import read_shared, write_shared
from soundstage.running.worker import Outcome, Separated, Worker
from soundstage.scene import Scene


@dataclass(frozen=True, slots=True, eq=False)
class SharedScene:
    """A rendered scene whose samples lie at a path: the mixture, then the references in their order.

    sources: of the references. others: all of it but the samples. fingerprint: of the samples. excerpt: where it lies
    in its track. stage: how rendering went.
    """

    path: str
    sources: tuple[str, ...]
    others: Mapping[str, Any]
    fingerprint: int
    excerpt: Mapping[str, Any]
    stage: Stage

    def whole(self) -> Scene:
        """The scene, with its samples mapped."""
        mixture, *references = read_shared(self.path, 1 + len(self.sources))
        return Scene(mixture=mixture, references=dict(zip(self.sources, references, strict=True)), **self.others)


@dataclass(frozen=True, slots=True, eq=False)
class SharedEstimates:
    """What a separator made, its images lying at a path in the order of the sources; details: what it tells of it."""

    path: str
    sources: tuple[str, ...]
    details: Mapping[str, Any]
    stage: Stage

    def whole(self) -> Estimates:
        """The estimates, with their images mapped."""
        return Estimates(dict(zip(self.sources, read_shared(self.path, len(self.sources)), strict=True)), self.details)


@dataclass(frozen=True, slots=True, eq=False)
class Render:
    """Render the job's scene to the path. The answer is a SharedScene, or the outcome where it cannot be."""

    job: Job
    path: str

    def done_by(self, hands: Hands) -> SharedScene | Outcome:
        """Render it."""
        bench, spec = hands.rendering.bench, self.job.cell.scene
        found = hands.rendering.rendered(self.job.cell)
        if found.scene is None:
            return hands.rendering.scored(self.job, found)
        scene = found.scene
        write_shared(self.path, [scene.mixture, *scene.references.values()])
        others = {
            one.name: getattr(scene, one.name) for one in fields(scene) if one.name not in ("mixture", "references")
        }
        known = bench.fingerprint, dict(bench.excerpt)
        shared = SharedScene(self.path, tuple(scene.references), others, *known, found.stage)
        bench.let_go(spec)
        return shared


@dataclass(frozen=True, slots=True, eq=False)
class Separate:
    """Separate a scene, None where the job's cell has a problem. The answer is SharedEstimates, or the outcome where
    there are none. rendered: how the rendering went that this cell waited for; None where the scene was there."""

    job: Job
    scene: SharedScene | None
    rendered: Stage | None
    path: str

    def done_by(self, hands: Hands) -> SharedEstimates | Outcome:
        """Separate it."""
        worker = hands.worker
        hands.take(self.job, self.scene)
        found = worker.separated(self.job.cell)
        if self.rendered is not None:
            spent = (found.stage.wall_s + self.rendered.wall_s, found.stage.cpu_s + self.rendered.cpu_s)
            found = replace(found, stage=replace(found.stage, wall_s=round(spent[0], 4), cpu_s=round(spent[1], 4)))
        if found.estimates is None:
            return worker.scored(self.job, found)
        images: Mapping[str, Samples] = found.estimates.images
        write_shared(self.path, list(images.values()))
        return SharedEstimates(self.path, tuple(images), found.estimates.details, found.stage)


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """Score what was made of a scene. The answer is the outcome."""

    job: Job
    scene: SharedScene
    estimates: SharedEstimates

    def done_by(self, hands: Hands) -> Outcome:
        """Score it."""
        scene = hands.take(self.job, self.scene)
        found = Separated(self.estimates.stage, scene, self.estimates.whole())
        return hands.worker.scored(self.job, found)


class Hands:
    """What a process does steps with. worker: separates or scores. rendering: renders scenes that are scored later, or
    elsewhere, and leaves the prepared metrics of the scene at hand alone."""

    def __init__(self, worker: Worker, rendering: Worker) -> None:
        self.worker = worker
        self.rendering = rendering

    def take(self, job: Job, scene: SharedScene | None) -> Scene | None:
        """Have the worker at this scene, unless it is."""
        if scene is None:
            return None
        bench, spec = self.worker.bench, job.cell.scene
        if not bench.is_at(spec):
            bench.adopt(spec, scene.whole(), scene.fingerprint, scene.excerpt)
        return bench.scene(spec)

    def do(self, step: Job | Render | Separate | Score) -> Outcome | SharedScene | SharedEstimates:
        """Do a step, or a whole job."""
        return self.worker.run(step) if isinstance(step, Job) else step.done_by(self)
