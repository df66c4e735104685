"""From where separated sources are heard, beside ΔITD and SSR: the tables of docs/localization.md.

    python benchmarks/heard.py [--songs MUSDB18HQ --hrtf FOLDER_OR_SOFA] [--stems FOLDER]

The first table is the grid `localization`, on the embedded sketches; the second its separators on the test songs of a
MUSDB18-HQ through a head, the sources placed anew for each of two seeds. The third scores folders of published stems,
`gt` and one a model (bs, df, d1, d1_n), by their panning angles: SpaIn-Net's demo of task 1. What is not there is left
out.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import soundstage
from soundstage.audio import Samples, read_audio
from soundstage.catalogue.registry import Registry
from soundstage.contracts import Metric
from soundstage.scene import Scene
from soundstage_metrics.cues import Cues
from soundstage_metrics.localization import Localization
from soundstage_metrics.spauq import Spauq

SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "real"
SHOWN = {
    "localization_error": ("Δheard", "{:.1f}°"),
    "beyond_MAA": ("beyond MAA", "{:.0f} %"),
    "flips": ("flips", "{:.0f} %"),
    "split": ("split", "{:.0f} %"),
    "heard_share": ("heard", "{:.0f} %"),
    "ITD_error": ("ΔITD robust", "{:.0f} µs"),
    "angular_error": ("Δangle", "{:.1f}°"),
    "SSR": ("SSR", "{:.1f}"),
}
"""Measures with their headings and how they are written."""
MODELS = {
    "gt": "reference",
    "bs": "X-UMX, not told",
    "df": "SpaIn-Net DF",
    "d1": "SpaIn-Net D1",
    "d1_n": "SpaIn-Net D1, told up to 8° wrong",
    "mixture": "mixture",
}
STEMS = ("guitar", "strings", "bass", "piano")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def shown(name: str, value: float) -> str:
    """A value as the tables write it."""
    return "–" if math.isnan(value) else SHOWN[name][1].format(value + 0.0)


def of_grid(grid: dict[str, Any], data: Mapping[str, Path]) -> None:
    """Runs a grid and prints the medians over tracks, sources and seeds for each rendering, nearest first."""
    with tempfile.TemporaryDirectory() as folder:
        summary = soundstage.run(grid, folder, data=data, workers=2)
        assert summary.troubled == 0, summary.now
        scores: pd.DataFrame = soundstage.load(folder)
    scores = scores[scores["frame"].isna() & scores["name"].isin(SHOWN)]
    medians = scores.pivot_table(
        index=["spatializer", "separator"], columns="name", values="value", aggfunc="median", dropna=False
    )
    for spatializer, of_one in medians.groupby(level="spatializer", sort=False):
        names = [name for name in SHOWN if name in of_one and of_one[name].notna().any()]
        ordered = of_one.droplevel(0).reindex(grid["separators"]).dropna(how="all")
        ordered = ordered.sort_values("localization_error", kind="stable")
        rows = [[f"`{at}`", *(shown(name, row[name]) for name in names)] for at, row in ordered.iterrows()]
        print(f"{spatializer}\n\n{table(['separator', *(SHOWN[name][0] for name in names)], rows)}", flush=True)


def of_stems(folder: Path) -> None:
    """Scores published stems by their panning angles and prints each source's error and medians over sources."""
    references, rate = stems(folder / "gt")
    mixture = read_audio(folder / "gt" / "mixture.flac")[0]
    scene = Scene(rate, mixture, references)
    metrics: list[Metric] = [Localization(law="panning"), Cues(), Spauq()]
    scorers = [metric.prepare(scene) for metric in metrics]
    angles = {name: math.degrees(np.arctan2(*np.sqrt(np.sum(one**2, axis=1)))) - 45 for name, one in references.items()}
    said = ", ".join(f"{name} {angle:+.1f}°" for name, angle in angles.items()).replace("-", "−")
    print(f"panning angles of the references: {said}")
    rows = []
    for model, label in MODELS.items():
        estimates = dict.fromkeys(references, mixture) if model == "mixture" else stems(folder / model)[0]
        found = [row for scorer in scorers for row in scorer(estimates) if row.frame is None]
        values = {(row.source, row.name): row.value for row in found}
        errors = [values[source, "localization_error"] for source in STEMS]
        names = ("beyond_MAA", "split", "ITD_error", "SSR")
        medians = {name: statistics.median(values[source, name] for source in STEMS) for name in names}
        cells = [*errors, statistics.median(errors)]
        rows.append([label, *(f"{cell:.1f}" for cell in cells), *(shown(name, medians[name]) for name in names)])
    print("\n" + table(["stems", *STEMS, "median", *(SHOWN[name][0] for name in names)], rows))


def stems(folder: Path) -> tuple[dict[str, Samples], int]:
    """The stems in a folder and their rate."""
    read = {name: read_audio(folder / f"{name}.flac") for name in STEMS}
    return {name: audio for name, (audio, _) in read.items()}, read[STEMS[0]][1]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=Path, default=SHARED / "musdb18hq-layout")
    parser.add_argument("--hrtf", type=Path, default=SHARED / "sadie-ku100" / "44K_16bit")
    parser.add_argument("--stems", type=Path, default=SHARED / "spain-net-task1")
    given = parser.parse_args()
    grid = dict(Registry.load([]).grids["localization"].table) | {"name": "localization"}
    of_grid(grid, {})
    if given.songs.is_dir() and given.hrtf.exists():
        heads = [f"hrir[hrtf={given.hrtf}]"]
        grid |= {"name": "songs-heard", "datasets": ["musdb18hq"], "spatializers": heads, "seeds": [0, 1]}
        of_grid(grid, {"musdb18hq": given.songs})
    if given.stems.is_dir():
        of_stems(given.stems)


if __name__ == "__main__":
    main()
