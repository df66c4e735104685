"""Runs cells one after another; whatever goes wrong in a stage becomes its status."""

from __future__ import annotations

import gc
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa

from soundstage.errors import Crashed, NotInstalled, OutOfMemory, SoundstageError, StorageError, text_of
from soundstage.pipeline.ctrl_c import is_the_users
from soundstage.pipeline.scores import score, skipped, told_by
from soundstage.pipeline.separate import Estimates, separate
from soundstage.planning.jobs import Job
from soundstage.planning.plan import CellSpec
from soundstage.results.records import CellRecord, Details, Stage, score_rows, told_details
from soundstage.results.store import Store
from soundstage.running.allocator import keep_freed_memory
from soundstage.running.isolated import Isolated
from soundstage.running.meter import metered
from soundstage.running.options import RunOptions
from soundstage.running.workbench import Workbench, discarding
from soundstage.scene import Scene
from soundstage.sources import scored


@dataclass(frozen=True, slots=True)
class Settings:
    """What every worker of a run is told.

    device: several, separated by commas, are dealt to the workers in turn. memory_limit: bytes a worker may hold, what
    it starts included. show_output: whether what plugins print is shown. isolated: see Workbench.
    """

    out: Path | str
    run: str
    keep_estimates: bool = False
    device: str = "auto"
    timeout_s: float | None = None
    memory_limit: int | None = None
    show_output: bool = False
    isolated: Isolated = ()

    @classmethod
    def of(cls, out: Path | str, run: str, options: RunOptions, isolated: Isolated = ()) -> Settings:
        """What the options of a run ask of its workers."""
        limits = (options.timeout_s, options.memory_limit)
        return cls(out, run, "estimates" in options.keep, options.device, *limits, options.show_output, isolated)


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
        return [(name, stage) for name, stage in stages.items() if stage.went_wrong]


@dataclass(frozen=True, slots=True, eq=False)
class Separated:
    """A cell's scene and what a separator made of it, each None where it came to nothing, and how that went."""

    stage: Stage
    scene: Scene | None
    estimates: Estimates | None


@dataclass(slots=True)
class _Clock:
    """A stage being timed; holds its outcome."""

    stage: Stage = field(default_factory=lambda: Stage("ok"))
    details: Details = field(default_factory=Details)


class KeptEstimates:
    """Estimates that separators made before, and those to be kept. new: whether those made now are kept too."""

    def __init__(self, out: Path | str, new: bool = False) -> None:
        self._store = Store(out)
        self._new = new

    def of(self, cell: CellSpec) -> Estimates | None:
        """Those of the cell; None where none are kept."""
        kept = self._store.estimates(cell.address)
        return None if kept is None else Estimates(kept[0], {**kept[1], "kept": True})

    def keep(self, cell: CellSpec, estimates: Estimates, rate: int) -> None:
        """Keep those of the cell, where that was asked for. Raises StorageError."""
        if self._new:
            labels = {**asdict(cell.scene.name), "separator": cell.separator.label}
            self._store.save_estimates(cell.address, estimates.images, rate, estimates.details, labels)


class Worker:
    """One line of cells. A failing stage becomes a status; nothing but an interrupt and a full disk gets out of
    `run`.

    bench: what its cells share. run: the id of the run, for the records. kept: where estimates are kept; None where
    every cell is to be separated. on_stage: told what begins, "separation" or a metric's label.
    """

    def __init__(
        self,
        bench: Workbench,
        run: str,
        kept: KeptEstimates | None = None,
        on_stage: Callable[[str], None] = lambda stage: None,
    ) -> None:
        self.bench = bench
        self.on_stage = on_stage
        self._run = run
        self._kept = kept

    @classmethod
    def of(
        cls, settings: Settings, on_stage: Callable[[str], None] = lambda stage: None, own_process: bool = False
    ) -> Worker:
        """A worker as a run sets it up. own_process: whether standard output is this worker's own; else it is kept
        free of what separators print, unless that is to be shown.
        """
        keep_freed_memory()
        contained = nullcontext if own_process or settings.show_output else discarding
        bench = Workbench(settings.device, contained, settings.isolated)
        return cls(bench, settings.run, KeptEstimates(settings.out, settings.keep_estimates), on_stage)

    def run(self, job: Job) -> Outcome:
        """Spatialize, separate and score one cell."""
        return self.scored(job, self.separated(job.cell))

    def scored(self, job: Job, found: Separated) -> Outcome:
        """Score what was found for one cell, whose scene is the bench's last."""
        cell, bench = job.cell, self.bench
        scene, estimates = found.scene, found.estimates
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
            with bench.one_thread(), _timed() as scoring:
                goal = scored(scene, estimates.images)
                scorer = bench.scorer(label, metric, cell.scene, goal)
                with bench.one_thread():  # of what preparing it has imported, too
                    scores = score(scorer, metric.measures, label, cell.scene.track_name, estimates)
                scoring.details = told_details(scoring.details, told_by(scorer, label))
                scores += skipped(metric.measures, cell.separator.label, scene, estimates)
                rows += [(address, metric.measures[one.name].unit, one) for one in scores]
            stages[address] = scoring.stage
        facts = {} if scene is None else scene.facts()
        if bench.excerpt and facts:
            facts["excerpt"] = bench.excerpt
        record = CellRecord(cell.address, found.stage, stages, facts, self._run)
        return Outcome(job, record, score_rows(rows))

    def rendered(self, cell: CellSpec) -> Separated:
        """The scene of one cell, before anything is made of it."""
        scene: Scene | None = None
        self.on_stage("separation")
        with self.bench.one_thread(), _timed() as rendering:
            rendering.details = {"made_by": cell.made_by}
            scene = self.bench.scene(cell.scene)
        return Separated(rendering.stage, scene, None)

    def separated(self, cell: CellSpec) -> Separated:
        """Spatialize and separate one cell."""
        estimates: Estimates | None = None
        scene: Scene | None = None
        self.on_stage("separation")
        with self.bench.one_thread(), _timed() as separation:
            separation.details = {"made_by": cell.made_by}
            if cell.problem:
                separation.stage = Stage(cell.problem.status, cell.problem.error, cell.problem.traceback)
            else:
                scene = self.bench.scene(cell.scene)
                estimates = self._estimates(cell, scene)
                separation.details = told_details(separation.details, estimates.details)
        return Separated(separation.stage, scene, estimates)

    def _estimates(self, cell: CellSpec, scene: Scene) -> Estimates:
        kept = self._kept.of(cell) if self._kept else None
        if kept is not None:
            return kept
        separator = self.bench.separator(cell.separator)
        # One thread anew: of what loading it has imported, too.
        with self.bench.contained(), self.bench.one_thread(), metered() as cost:
            puts = self.bench.renderer(cell.scene)
            try:
                estimates = separate(separator, cell.separator.label, scene, cell.scene.name, cell.combined, puts)
            except BaseException:
                with suppress(SoundstageError):  # what it has raised is told; but those that come next are not to blame
                    self.bench.check_unaltered("")
                raise
        own = {"separated_s": round(cost.seconds, 4), "peak_mb": cost.peak_mb, "gpu_peak_mb": cost.gpu_peak_mb}
        told = {name: value for name, value in own.items() if value is not None}
        estimates = Estimates(estimates.images, {**estimates.details, **told})
        self.bench.check_unaltered(f"separator '{cell.separator.label}', track '{cell.scene.track_name}'")
        if self._kept:
            self._kept.keep(cell, estimates, scene.rate)
        return estimates


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
        said = f"{text_of(error)}; " if text_of(error) else ""
        advice = (
            "out of memory: use fewer workers, shorter tracks, or the separator's `segment` or `chunk` where it has one"
        )
        clock.stage = Stage("oom", f"{said}{advice}", traceback.format_exc())
    except NotInstalled as error:
        clock.stage = Stage("not-installed", str(error), traceback.format_exc())
    except Crashed as error:
        clock.stage = Stage("crashed", str(error), traceback.format_exc())
    except BaseException as error:
        if is_the_users(error):
            raise
        said = text_of(error) if isinstance(error, Exception) else f"{type(error).__name__}: {text_of(error)}"
        clock.stage = Stage("failed", said, traceback.format_exc())
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
