"""Runs cells one after another and keeps what they share: the track, the scene, prepared metrics, loaded separators."""

from __future__ import annotations

import gc
import io
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import scipy.linalg  # noqa: F401  (its BLAS must be loaded before threads are limited)
from threadpoolctl import ThreadpoolController

from soundstage.catalogue.registry import Choice
from soundstage.contracts import Score, Scorer
from soundstage.errors import Crashed, NotInstalled, OutOfMemory, SoundstageError, StorageError
from soundstage.pipeline.blame import named_as
from soundstage.pipeline.scenes import place, spatialize
from soundstage.pipeline.scores import prepare, score, skipped
from soundstage.pipeline.separate import Estimates, separate
from soundstage.pipeline.tracks import load_excerpt, load_track
from soundstage.planning.jobs import Job
from soundstage.planning.plan import CellSpec, MetricSpec, SceneSpec
from soundstage.results.store import CellRecord, Stage, Store, score_rows
from soundstage.scene import Scene, Track
from soundstage.sources import scored

BLAS_THREADS = 1
"""The same in every executor: a sum's last bits depend on how many threads share it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What every worker of a run is told.

    device: several, separated by commas, are dealt to the workers in turn. memory_limit: bytes a worker may hold, what
    it starts included.
    """

    out: Path | str
    run: str
    keep_estimates: bool = False
    device: str = "auto"
    timeout_s: float | None = None
    memory_limit: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of a job, ready to commit."""

    job: Job
    record: CellRecord
    rows: pa.Table

    @property
    def troubles(self) -> list[tuple[str, Stage]]:
        """The stages that went wrong, by name; what was skipped because of them is left out."""
        stages = {"separation": self.record.separation}
        stages |= {label: self.record.scores[self.job.cell.scores[label]] for label in self.job.metrics}
        return [(name, stage) for name, stage in stages.items() if stage.status not in ("ok", "skipped")]


@dataclass(slots=True)
class _Clock:
    """A stage being timed; holds its outcome."""

    stage: Stage = field(default_factory=lambda: Stage("ok"))
    details: dict[str, Any] = field(default_factory=dict)


class Worker:
    """One line of cells. A failing stage becomes a status; nothing but an interrupt and a full disk gets out of
    `run`."""

    def __init__(
        self, settings: Settings, on_stage: Callable[[str], None] = lambda stage: None, own_process: bool = False
    ) -> None:
        """on_stage: told what begins, "separation" or a metric's label. own_process: whether standard output is this
        worker's own; else it is kept free of what separators print.
        """
        self.settings = settings
        self.on_stage = on_stage
        self._contained = nullcontext if own_process else _discarding
        self.store = Store(settings.out)
        self._plugins: dict[tuple[str, str, str], Any] = {}
        self._broken: dict[tuple[str, str, str], SoundstageError] = {}
        self._track: tuple[tuple[str, str], Track] | None = None
        self._excerpt: dict[str, Any] = {}
        self._scene: tuple[str, Scene] | None = None
        self._scorers: dict[tuple[str, tuple[str, ...]], Scorer] = {}
        self._threads: tuple[int, ThreadpoolController] | None = None

    def run(self, job: Job) -> Outcome:
        """Spatialize, separate and score one cell."""
        cell = job.cell
        estimates: Estimates | None = None
        scene: Scene | None = None
        self.on_stage("separation")
        with self._one_thread(), _timed() as separation:
            separation.details = {"made_by": cell.made_by}
            if cell.problem:
                separation.stage = Stage(cell.problem.status, cell.problem.error, cell.problem.traceback)
            else:
                scene = self.rendered(cell.scene)
                estimates = self._estimates(cell, scene)
                separation.details |= estimates.details
        stages, rows = {}, []
        for label, metric in job.metrics.items():
            address = cell.scores[label]
            if estimates is None or scene is None:
                stages[address] = Stage("skipped", "there are no estimates to score")
                continue
            if metric.problem:
                stages[address] = Stage(metric.problem.status, metric.problem.error, metric.problem.traceback)
                continue
            self.on_stage(label)
            with self._one_thread(), _timed() as scoring:
                scores = self._scores(label, metric, scene, cell.scene, estimates)
                scores += skipped(metric.measures, cell.separator.label, scene, estimates)
                rows += [(address, metric.measures[score.name].unit, score) for score in scores]
            stages[address] = scoring.stage
        facts = {} if scene is None else scene.facts()
        if self._excerpt and facts:
            facts["excerpt"] = self._excerpt
        record = CellRecord(cell.address, separation.stage, stages, facts, self.settings.run)
        return Outcome(job, record, score_rows(rows))

    def _one_thread(self) -> Any:
        """Limits BLAS and OpenMP. The loaded libraries are looked for again only when something was imported."""
        if self._threads is None or self._threads[0] != len(sys.modules):
            self._threads = (len(sys.modules), ThreadpoolController())
        return self._threads[1].limit(limits=BLAS_THREADS)

    def rendered(self, spec: SceneSpec) -> Scene:
        """The scene; the last one is kept, and with it its metrics' prepared state."""
        if self._scene is None or self._scene[0] != spec.address:
            self._scene, self._scorers = None, {}
            track = self._loaded_track(spec)
            placement = None
            if spec.placement is not None:
                rule = self._plugin(spec.placement)
                placement = place(rule, spec.placement.plugin.name, spec.dataset.entry, track, spec.seed)
            scene = spatialize(self._plugin(spec.spatializer), spec.spatializer.label, track, placement)
            self._scene = (spec.address, scene)
        return self._scene[1]

    def _loaded_track(self, spec: SceneSpec) -> Track:
        key = (spec.dataset.label, spec.label)
        if self._track is None or self._track[0] != key:
            self._track, self._excerpt = None, {}
            dataset, name = self._plugin(spec.dataset), spec.dataset.label
            if spec.excerpt is None:
                track = load_track(dataset, name, spec.track)
            else:
                track, self._excerpt = load_excerpt(
                    dataset, name, spec.track, spec.dataset.entry, spec.excerpt, spec.chunk
                )
            self._track = (key, track)
        return self._track[1]

    def _estimates(self, cell: CellSpec, scene: Scene) -> Estimates:
        kept = self.store.estimates(cell.address)
        if kept is not None:
            images, details = kept
            return Estimates(images, {**details, "kept": True})
        separator = self._plugin(cell.separator)
        with self._contained(), self._one_thread():  # of what loading it has imported, too
            estimates = separate(separator, cell.separator.label, scene, cell.scene.name)
        if self.settings.keep_estimates:
            self.store.save_estimates(cell.address, estimates.images, scene.rate, estimates.details)
        return estimates

    def _scores(
        self, label: str, metric: MetricSpec, scene: Scene, spec: SceneSpec, estimates: Estimates
    ) -> list[Score]:
        goal = scored(scene, estimates.images)
        key = (label, tuple(goal.references))
        plugin = self._plugin(metric.choice)
        with self._one_thread():
            if key not in self._scorers:
                self._scorers[key] = prepare(plugin, label, spec.label, goal)
            return score(self._scorers[key], metric.measures, label, spec.label, estimates)

    def _plugin(self, choice: Choice) -> Any:
        """The plugin's instance, made and loaded once."""
        key = (choice.kind, choice.label, choice.entry)
        if key in self._broken:
            raise self._broken[key]
        if key not in self._plugins:
            try:
                with named_as(f"{choice.kind[:-1]} '{choice.label}'"):
                    instance = choice.build()
                    if choice.kind == "separators" and hasattr(instance, "load"):
                        with self._contained():
                            instance.load(self.settings.device.partition(",")[0])
            except (Crashed, OutOfMemory):
                raise
            except SoundstageError as error:
                self._broken[key] = error
                raise
            self._plugins[key] = instance
        return self._plugins[key]


class _Discarded(io.TextIOBase):
    """Where prints go that nobody asked for."""

    def write(self, text: str) -> int:
        return len(text)


def _discarding() -> AbstractContextManager[Any]:
    return redirect_stdout(_Discarded())


@contextmanager
def _timed() -> Iterator[_Clock]:
    """Times a stage and turns what it raises into its status."""
    clock = _Clock()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield clock
    except StorageError:
        raise
    except (MemoryError, OutOfMemory) as error:
        said = f"{error}; " if str(error) else ""
        advice = (
            "out of memory: use fewer workers, shorter tracks, or the separator's `segment` or `chunk` where it has one"
        )
        clock.stage = Stage("oom", f"{said}{advice}", traceback.format_exc())
    except NotInstalled as error:
        clock.stage = Stage("not-installed", str(error), traceback.format_exc())
    except Crashed as error:
        clock.stage = Stage("crashed", str(error), traceback.format_exc())
    except Exception as error:
        clock.stage = Stage("failed", str(error), traceback.format_exc())
    stage = clock.stage
    if stage.status == "oom":
        _free_memory()  # now that nothing holds the frames of what failed
    spent = (round(time.perf_counter() - wall, 4), round(time.process_time() - cpu, 4))
    clock.stage = Stage(stage.status, stage.error, stage.traceback, *spent, details=clock.details)


def _free_memory() -> None:
    """Give back what a stage that ran out of memory left behind, on the device too."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
