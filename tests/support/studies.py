"""A results folder of the size of a real study: songs × models × spatializers, placed, with frames and costs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from soundstage.contracts import Score
from soundstage.results.records import CellRecord, Stage, StoredPlan, score_rows
from soundstage.results.store import Store

SOURCES = ("bass", "drums", "other", "vocals")
MEASURES: dict[str, dict[str, tuple[str, bool]]] = {
    "sdr": {"SDR": ("dB", True)},
    "spauq": {"SSR": ("dB", True), "SRR": ("dB", True)},
    "interaural": {"ΔITD": ("µs", False), "ΔILD": ("dB", False)},
    "bsseval": {"ISR": ("dB", True), "SIR": ("dB", True), "SAR": ("dB", True)},
}
ROLES = {"reference": "ceiling", "mixture": "floor", "irm": "oracle"}


def study(
    path: Path,
    songs: int = 12,
    models: tuple[str, ...] = ("alpha", "beta", "gamma"),
    spatializers: tuple[str, ...] = ("hrir", "panning"),
    frames: int = 0,
    seed: int = 0,
) -> Path:
    """Write one; alike each time. Each model is 1 dB behind the one before it, and worse where sources are near."""
    rng = np.random.default_rng(seed)
    separators = ("reference", "irm", *models, "mixture")
    store = Store(path).prepare()
    cells, planned = [], []
    for song in range(songs):
        of_song = rng.normal(0.0, 2.0)
        for spatializer in spatializers:
            angles = rng.choice(np.arange(-90, 91, 10), len(SOURCES), replace=False)
            placed = dict(zip(SOURCES, map(float, angles), strict=True))
            for place, separator in enumerate(separators):
                address = _address(song, spatializer, separator)
                scores = {metric: _address(address, metric) for metric in MEASURES}
                rows = [
                    (scores[metric], unit, score)
                    for metric, measures in MEASURES.items()
                    for name, (unit, up) in measures.items()
                    for source in SOURCES
                    for score in _scores(rng, name, unit, up, source, of_song, place, placed, frames)
                ]
                facts: Any = {
                    "rate": 44100,
                    "samples": 44100 * 30,
                    "gain": 0.8,
                    "latency": 0,
                    "azimuths": placed,
                    "elevations": dict.fromkeys(SOURCES, 0.0),
                    "panning": "half",
                    "details": {},
                }
                details: Any = {"separated_s": 1.5 * (place + 1), "peak_mb": 400.0 + 100.0 * place}
                separation = Stage("ok", wall_s=2.0, details=details)
                stages = {score: Stage("ok") for score in scores.values()}
                cells.append((CellRecord(address, separation, stages, facts, "run"), score_rows(rows)))
                labels = {"dataset": "songs", "track": f"Song {song:02d}", "placement": "frontal"}
                labels |= {"spatializer": spatializer, "separator": separator}
                of_scores = {f"score:{metric}": score for metric, score in scores.items()}
                planned.append({"cell": address, **labels, "seed": 0, **of_scores})
    store.commit_many(cells)
    store.save_plan(StoredPlan(pa.Table.from_pylist(planned), _facts(separators)))
    return path


def _address(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _scores(
    rng: np.random.Generator,
    name: str,
    unit: str,
    up: bool,
    source: str,
    of_song: float,
    place: int,
    placed: dict[str, float],
    frames: int,
) -> list[Score]:
    nearest = min(abs(placed[source] - angle) for other, angle in placed.items() if other != source)
    value = of_song + rng.normal(0.0, 1.5) + nearest / 20.0 - place
    value = 10.0 + value if up else abs(value) * (50.0 if unit == "µs" else 0.5) + place
    every = [Score(source, name, float(value))]
    curve = value + rng.normal(0.0, 2.0, frames)
    return every + [Score(source, name, float(one), frame=at) for at, one in enumerate(curve)]


def _facts(separators: tuple[str, ...]) -> Any:
    return {
        "id": "study-00000000",
        "name": "study",
        "revision": 1,
        "hash": "0" * 64,
        "separators": {
            name: {"role": ROLES.get(name, "separator"), "blind": name not in ROLES, "named": True, "needs": []}
            for name in separators
        },
        "metrics": {
            metric: {
                name: {
                    "unit": unit,
                    "higher_is_better": up,
                    "headline": True,
                    "label": name,
                    "decimals": 0 if unit == "µs" else 2,
                }
                for name, (unit, up) in measures.items()
            }
            for metric, measures in MEASURES.items()
        },
    }
