"""Scores of one folder of stems against another: a grid of one dataset and one separator, run here and not kept."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

from soundstage.audio import SUFFIXES
from soundstage.catalogue.registry import Registry
from soundstage.errors import SoundstageError
from soundstage.planning.cells import make_plan
from soundstage.planning.grid import read_grid
from soundstage.results.loading import Results, load_results
from soundstage.running.listener import Listener
from soundstage.running.runner import run_plan


def score_folders(
    reference: Path,
    estimate: Path,
    metrics: Sequence[str] = (),
    registry: Collection[str | Path] = (),
    listener: Listener | None = None,
) -> Results:
    """The results of scoring `estimate` against `reference`; see soundstage.score. The separator is `estimate`.

    Raises SoundstageError where a folder or a metric is not there, or no song can be scored; then with the reason.
    """
    for role, folder in (("references", reference), ("estimates", estimate)):
        if not folder.is_dir():
            raise SoundstageError(
                f"{folder}: no such folder of {role}; give one song's folder of stems, or one with a sub-folder a song"
            )
    known = Registry.load([Path(file) for file in registry])
    usual = known.defaults
    layout = "{source}" if _holds_audio(reference) else "{track}/{source}"
    entries = {
        "datasets": {"references": {"plugin": usual.dataset, "params": {"root": str(reference.absolute())}}},
        "separators": {
            "estimate": {"plugin": usual.separator, "params": {"root": str(estimate.absolute()), "layout": layout}}
        },
    }
    known.extend(entries, "soundstage.score", None)
    grid = {
        "datasets": ["references"],
        "spatializers": [usual.spatializer],
        "separators": ["estimate"],
        "metrics": list(metrics) or _default_metrics(known),
    }
    plan = make_plan(read_grid("score", grid, None, defaults=usual), known)
    with tempfile.TemporaryDirectory(prefix="soundstage-score-") as kept:
        summary = run_plan(plan, Path(kept), listener=listener)
        if not summary.usable:
            raise SoundstageError(next(iter(summary.now), "nothing could be scored"))
        return load_results(Path(kept))


def _holds_audio(folder: Path) -> bool:
    return any(
        file.suffix.lower() in SUFFIXES and file.is_file() and not file.name.startswith(".")
        for file in folder.iterdir()
    )


def _default_metrics(known: Registry) -> list[str]:
    installed = known.names("metrics")
    found = [
        name
        for name in known.defaults.metrics
        if name in installed and not known.unusable(known.entry("metrics", name))
    ]
    if not found:
        raise SoundstageError("none of the default metrics is installed; name others with --metric NAME")
    return found
