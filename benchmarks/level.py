"""What it costs that a mixture's level is not that of its stems: the tables of docs/level.md.

    python benchmarks/level.py --songs MUSDB18HQ --hrtf FOLDER_OR_SOFA [--seeds 5]

Renders the test songs of a MUSDB18-HQ with `level=published` and `level=consistent`, the sources placed anew for each
seed, and scores the references, two oracles and the mixture by both definitions of SSR and SRR. Then alters perfect
estimates (a gain, a swap of the channels, a mono downmix, a delay) and scores those.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

import soundstage
from soundstage.audio import read_audio
from soundstage.results.store import Store

SEPARATORS = ("reference", "irm", "mwf", "mixture")
METRICS = ("spauq", "spauq_published")
LEVELS = ("published", "consistent")
DELAY = 15


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    lines = [list(header)]
    lines += [[f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def median(values: Iterable[float]) -> float:
    """The median; NaN of nothing."""
    known = [value for value in values if not math.isnan(value)]
    return statistics.median(known) if known else math.nan


def cap(gain: float) -> float:
    """The SSR in dB of an estimate that is perfect but for a gain, bounded as SPAUQ bounds it."""
    return min(-20 * math.log10(abs(gain - 1)), 80.0) if gain != 1 else 80.0


def scored(
    songs: Path, hrtf: Path, seeds: int, out: Path, workers: int = 1
) -> tuple[pd.DataFrame, dict[tuple[str, int], float]]:
    """Whole-track SSR and SRR, and the gain of each published scene by track and seed."""
    grid = {
        "name": "level",
        "datasets": ["musdb18hq"],
        "spatializers": [f"hrir[hrtf={hrtf},level={level}]" for level in LEVELS],
        "separators": list(SEPARATORS),
        "metrics": list(METRICS),
        "seeds": list(range(seeds)),
    }
    summary = soundstage.run(grid, out, data={"musdb18hq": songs}, workers=workers)
    assert summary.troubled == 0, summary.now
    frame = soundstage.load(out)
    frame = frame[frame["frame"].isna()].copy()
    frame["level"] = np.where(frame["spatializer"].str.contains("level=published"), *LEVELS)
    frame = shared(frame)
    gains = {}
    store = Store(out)
    for cell in store.plan().cells.to_pylist():
        record = store.record(cell["cell"])
        if record is not None and "level=published" in cell["spatializer"]:
            gains[cell["track"], cell["seed"]] = float(record.scene["gain"])
    return frame, gains


def shared(frame: pd.DataFrame) -> pd.DataFrame:
    """The scores that have a value, and one that may be ranked on, of every separator and at every level."""
    usable = frame["ranked"].fillna(True).astype(bool) & frame["value"].notna()
    scored = usable.groupby([frame[key] for key in ("track", "seed", "source", "metric", "name")]).transform("all")
    return frame[scored].copy()


def altered(songs: Path, hrtf: Path, seeds: int, out: Path) -> dict[str, list[tuple[float, ...]]]:
    """Alteration → (SSR, SRR by the definition, SSR, SRR as published) of every source that sounds.

    NaN where a value must not be ranked on.
    """
    from soundstage.scene import Scene
    from soundstage_metrics.spauq import Spauq, SpauqPublished

    grid = {"datasets": ["musdb18hq"], "spatializers": [f"hrir[hrtf={hrtf}]"], "seeds": list(range(seeds))}
    soundstage.render(grid, out, data={"musdb18hq": songs}, format="float64")
    found: dict[str, list[tuple[float, ...]]] = {}
    for song in sorted(file.parent for file in out.rglob("metadata.json")):
        for file in sorted(song.glob("*.wav")):
            reference, rate = read_audio(file)
            if file.stem == "mixture" or not reference.any():
                continue
            mono = np.tile(reference.mean(axis=0), (2, 1))
            delayed = np.pad(reference, ((0, 0), (DELAY, 0)))[:, : reference.shape[1]]
            estimates = {
                "none": reference,
                "gain 0.7": 0.7 * reference,
                "gain 1.3": 1.3 * reference,
                "channels swapped": reference[::-1],
                "mono downmix": mono,
                f"delay of {DELAY} samples": delayed,
            }
            scene = Scene(rate, reference, {file.stem: reference})
            scorers = [metric.prepare(scene) for metric in (Spauq(), SpauqPublished())]
            for what, estimate in estimates.items():
                rows = [row for scorer in scorers for row in scorer({file.stem: estimate})]
                whole = [row for row in rows if row.frame is None and row.name in ("SSR", "SRR")]
                found.setdefault(what, []).append(tuple(row.value if row.ranked else math.nan for row in whole))
    return found


def value(frame: pd.DataFrame, name: str, **where: object) -> float:
    """The median of a measure over the rows that are so."""
    rows = frame[frame["name"] == name]
    for column, wanted in where.items():
        rows = rows[rows[column] == wanted]
    return median(rows["value"])


def scene_table(frame: pd.DataFrame, gains: dict[tuple[str, int], float]) -> str:
    """What perfection and two oracles score in each scene, beside its gain and the closed form."""
    header = ("song", "seed", "g", "−20·log10 abs(g−1)", "reference, published", "reference, consistent")
    oracles = [f"{oracle}, {level}" for oracle in ("irm", "mwf") for level in LEVELS]
    rows = []
    for (track, seed), gain in gains.items():
        at = {"track": track, "seed": seed, "metric": "spauq"}
        separators = ("reference", "irm", "mwf")
        cells = [value(frame, "SSR", **at, separator=one, level=level) for one in separators for level in LEVELS]
        rows.append((track, seed, f"{gain:.4f}", cap(gain), *cells))
    return table((*header, *oracles), rows)


def median_table(frame: pd.DataFrame) -> str:
    """Medians over songs, seeds and sources, by both definitions and at both levels."""
    columns = [(name, metric, level) for name in ("SSR", "SRR") for metric in METRICS for level in LEVELS]
    rows = [
        (one, *(value(frame, name, separator=one, metric=metric, level=level) for name, metric, level in columns))
        for one in SEPARATORS
    ]
    return table(("separator", *(f"{name} {metric}, {level}" for name, metric, level in columns)), rows)


def order_table(frame: pd.DataFrame) -> str:
    """In how many scores of SSR one row is above another, by both definitions and at both levels."""
    keys = ["metric", "level", "track", "seed", "source"]
    found = frame[frame["name"] == "SSR"].pivot_table(index=keys, columns="separator", values="value")
    rows = []
    for metric in METRICS:
        for level in LEVELS:
            one = found.loc[(metric, level)]
            pairs = (("irm", "mwf"), ("irm", "reference"), ("mwf", "reference"))
            rows.append((f"{metric}, {level}", len(one), *(int((one[a] > one[b]).sum()) for a, b in pairs)))
    return table(("SSR", "scores", "irm above mwf", "irm above reference", "mwf above reference"), rows)


def alteration_table(changes: dict[str, list[tuple[float, ...]]]) -> str:
    """Medians of altered perfect estimates over songs, seeds and sources."""
    rows = [(what, *map(median, zip(*values, strict=True))) for what, values in changes.items()]
    return table(("alteration", "SSR spauq", "SRR spauq", "SSR published", "SRR published"), rows)


def gain_table() -> str:
    """The gains at which the closed form gives a value."""
    rows = [
        (f"{level} dB", f"{1 - 10 ** (-level / 20):.3f}", f"{1 + 10 ** (-level / 20):.3f}")
        for level in (5, 9.7, 10.9, 20)
    ]
    return table(("SSR", "g below 1", "g above 1"), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", type=Path, required=True)
    parser.add_argument("--hrtf", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        where = (arguments.songs.absolute(), arguments.hrtf.absolute(), arguments.seeds)
        frame, gains = scored(*where, Path(scratch) / "results", workers=2)
        changes = altered(*where, Path(scratch) / "scenes")
    print("SSR in dB, median over sources: what perfection and two oracles score in each scene\n")
    print(scene_table(frame, gains))
    print("Medians over songs, seeds and sources, in dB\n")
    print(median_table(frame))
    print("In how many scores of SSR one row is above another\n")
    print(order_table(frame))
    print("Perfect estimates, altered (level=consistent), medians over songs, seeds and sources, in dB\n")
    print(alteration_table(changes))
    print("The gains at which the closed form gives a value\n")
    print(gain_table())


if __name__ == "__main__":
    main()
