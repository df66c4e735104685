"""A plugin in a worker of the process executor, beside the same in this process."""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from typing import Any

import numpy as np

from soundstage.catalogue.plugins import Plugin
from soundstage.catalogue.registry import Choice
from soundstage.contracts import Kind, Measure
from soundstage.pipeline.excerpt import Excerpt
from soundstage.planning.jobs import Job
from soundstage.planning.plan import CellSpec, MetricSpec, SceneSpec
from soundstage.results.records import Stage
from soundstage.results.store import Store
from soundstage.running.executors import executor_of
from soundstage.running.worker import Outcome, Settings
from soundstage.testing.material import TRACKS
from soundstage.testing.measuring import difference_db
from soundstage.testing.results import Failed, Skipped
from soundstage.testing.subject import Subject

SECONDS = 1.0
CELL, SCORE = "0" * 64, "1" * 64


def own(kind: Kind, name: str, **params: Any) -> Choice:
    """One of the kit's own plugins, as a worker builds it."""
    target = f"soundstage.testing.material:{name}"
    plugin = Plugin(kind, name, target, "soundstage", version("soundstage"), "of the kit")
    return Choice(kind, name, name, plugin, params)


def same_in_a_worker(
    subject: Subject,
    device: str = "cpu",
    *,
    track: str = TRACKS[0],
    sources: tuple[str, ...] = (),
    measures: dict[str, Measure] | None = None,
    equal_db: float = -200.0,
) -> str:
    """Run a cell with the plugin in a worker and here. Raises Skipped where no worker can build it, Failed where it
    fails there or gives other numbers."""
    if subject.choice is None or subject.stays_here:
        raise Skipped(subject.stays_here)
    songs: dict[str, Any] = {"seconds": SECONDS, **({"sources": sources} if sources else {})}
    chosen: dict[Kind, Choice] = {
        "datasets": own("datasets", "Songs", **songs),
        "placements": own("placements", "Fan"),
        "spatializers": own("spatializers", "Ears"),
        "separators": own("separators", "Echo"),
        subject.kind: subject.choice,
    }
    excerpt = Excerpt(SECONDS, "start")
    scene = SceneSpec(CELL, chosen["datasets"], track, chosen["placements"], chosen["spatializers"], 0, excerpt=excerpt)
    metrics = {} if measures is None else {subject.name: MetricSpec(subject.choice, measures)}
    cell = CellSpec(CELL, scene, chosen["separators"], dict.fromkeys(metrics, SCORE), combined=subject.choice.combined)
    here, there = (_ran(Job(cell, metrics), executor, device) for executor in ("inline", "processes"))
    for stages, where in ((here[0], "in this process"), (there[0], "in a worker")):
        for stage in stages:
            if not stage.is_ok:
                raise Failed(
                    f"{where} it ends as {stage.status}: {stage.error.strip()}; a worker is a new process that imports"
                    " the class by its path and builds it with its parameters, so let it need nothing else"
                )
    apart = difference_db(here[1], there[1]) if here[1] else -np.inf
    if apart > equal_db or here[2] != there[2]:
        raise Failed(
            "in a worker it gives other numbers than here; let them depend on parameters and inputs alone, not on the"
            " process, the time or the environment"
        )
    return ""


def _ran(job: Job, executor: str, device: str) -> tuple[list[Stage], list[Any], list[Any]]:
    """The stages, the estimates and the scores of the job."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(folder, "kit", keep_estimates=True, device=device)
        [outcome] = executor_of(executor, 1, "")([job], settings, lambda job, number: None)
        kept = Store(folder).estimates(job.cell.address)
    images = [] if kept is None else [np.asarray(image) for image in kept[0].values()]
    return [outcome.record.separation, *outcome.record.scores.values()], images, _rows(outcome)


def _rows(outcome: Outcome) -> list[Any]:
    columns = outcome.rows.to_pydict()
    return [str(columns[name]) for name in sorted(columns)]
