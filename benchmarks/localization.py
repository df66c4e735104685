"""Whether `localization` hears clean sources where they are, and planted rotations as what they are.

    python benchmarks/localization.py [--placements 1000] [--rotations 60] [--hrtf FOLDER_OR_SOFA …] [--songs MUSDB18HQ]

Sources of the embedded sketches, and stems of songs where there are some, are put one by one at random directions all
around: on the rigid sphere at any azimuth, on measured heads at any that was measured. Each head and each kind of
source must be heard without a bias of more than 2°, each placement within 2° or, where level and phase between the ears
are alike over more than 15°, nowhere: that may be a bass to the side, and hardly anything else. Then sources are
rotated by known steps, and the error must be the step within 2° and rise with it. Exits with 1 on a miss.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soundstage.audio import read_audio
from soundstage.scene import Placement, Track, signed_azimuth
from soundstage_datasets.sketches import Sketches
from soundstage_metrics.localization import Localization, heard_azimuths
from soundstage_metrics.localization.directions import lateral_deg
from soundstage_metrics.localization.frames import frame_bounds
from soundstage_metrics.localization.scores import GATE_DB, LEAST_SHARE
from soundstage_metrics.spauq.gate import sounding
from soundstage_spatializers.hrir import Hrir

SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "real"
HEADS = (SHARED / "sadie-ku100" / "44K_16bit", Path("/usr/share/libmysofa/MIT_KEMAR_normal_pinna.sofa"))
SECONDS = 6.0
BAR_DEG = 2.0
LATERAL_DEG = 50.0
"""A bass farther to the side may be heard nowhere in particular."""
NOWHERE_SHARE = 0.02
"""And this share of all else."""


@dataclass(frozen=True)
class Found:
    """One placement: where it was, and how far from there its frames are heard in the median."""

    head: str
    kind: str
    azimuth: float
    error: float
    rear_share: float


def sources(songs: Path | None) -> list[tuple[str, int, np.ndarray]]:
    """Kind, rate and samples of every source: the loudest SECONDS of its mono sum."""
    found = []
    sketches = Sketches()
    for track in map(sketches.load, sketches.track_ids()):
        found += [(name, track.rate, stem.mean(axis=0)) for name, stem in track.stems.items()]
    for file in sorted(songs.glob("t*/*/*.wav")) if songs else []:
        if file.stem != "mixture":
            audio, rate = read_audio(file)
            found.append((file.stem, rate, audio.mean(axis=0)))
    return [(kind, rate, loudest(x, round(SECONDS * rate))) for kind, rate, x in found if np.any(x)]


def loudest(samples: np.ndarray, length: int) -> np.ndarray:
    """The stretch of that length with the most energy, to half a length."""
    starts = range(0, max(1, len(samples) - length + 1), length // 2)
    first = max(starts, key=lambda start: float(np.sum(samples[start : start + length] ** 2)))
    return samples[first : first + length]


def rendered(head: Hrir, source: tuple[str, int, np.ndarray], azimuth: float):
    """The scene of one source, and the direction that it was rendered from."""
    kind, rate, samples = source
    scene = head.render(Track(kind, rate, {kind: samples[np.newaxis]}), Placement({kind: azimuth}))
    return scene, signed_azimuth(scene.details["directions"][kind]["azimuth"])


def placements(heads: dict[str, Hrir], every: list, count: int, rng: np.random.Generator) -> Iterator[Found]:
    """What is heard of so many sources at random directions."""
    for index in range(count):
        name = list(heads)[index % len(heads)]
        source = every[int(rng.integers(len(every)))]
        scene, azimuth = rendered(heads[name], source, float(rng.uniform(-180.0, 180.0)))
        reference = scene.references[source[0]]
        where = heard_azimuths(reference, scene.rate, scene.hrirs)
        sounds = sounding(reference, frame_bounds(reference.shape[1], scene.rate), GATE_DB)
        told = sounds & where.told()
        errors = lateral_deg(where.azimuth) - lateral_deg(azimuth)
        is_heard = np.count_nonzero(told) >= LEAST_SHARE * np.count_nonzero(sounds)
        half = told & where.rear_told
        yield Found(
            name,
            source[0],
            azimuth,
            float(np.median(errors[told])) if is_heard else math.nan,
            float(np.mean(where.rear[half] == (abs(azimuth) > 90.0))) if half.any() else math.nan,
        )


def summarised(found: list[Found]) -> list[str]:
    """A line for each head and kind of source, and what was missed."""
    missed = []
    print(
        f"{'head':<24}{'source':<9}{'n':>5}{'nowhere':>9}{'bias':>8}{'|error| 95 %':>14}{'most':>8}"
        f"{'half-plane right':>18}"
    )
    for head in dict.fromkeys(one.head for one in found):
        for kind in [*sorted({one.kind for one in found}), "all"]:
            some = [one for one in found if one.head == head and kind in (one.kind, "all")]
            errors = np.array([one.error for one in some])
            known = errors[~np.isnan(errors)]
            right = [one.rear_share for one in some if not math.isnan(one.rear_share)]
            halves = f"{100 * np.mean(right):.0f} %" if right else "–"
            print(
                f"{head:<24}{kind:<9}{len(some):>5}{len(errors) - len(known):>9}{np.mean(known):>+8.2f}"
                f"{np.percentile(np.abs(known), 95):>14.2f}{np.max(np.abs(known)):>8.2f}{halves:>18}"
            )
            if abs(np.mean(known)) > BAR_DEG or abs(np.median(known)) > BAR_DEG:
                missed.append(f"{head}, {kind}: a bias of {np.mean(known):+.2f}°")
    for one in found:
        if abs(one.error) > BAR_DEG:
            missed.append(f"{one.head}, {one.kind} at {one.azimuth:.0f}°: heard {one.error:+.2f}° from there")
    basses = [one for one in found if one.kind == "bass"]
    side = [one for one in basses if abs(float(lateral_deg(one.azimuth))) > LATERAL_DEG]
    front = [one for one in basses if one not in side]
    others = [one for one in found if one.kind != "bass"]
    for what, some, most in (
        (f"basses within {LATERAL_DEG:g}° of the middle", front, NOWHERE_SHARE),
        (f"basses farther to the side than {LATERAL_DEG:g}°", side, 1.0),
        ("all else", others, NOWHERE_SHARE),
    ):
        share = float(np.mean([math.isnan(one.error) for one in some])) if some else 0.0
        print(f"{what}: {len(some)}, heard nowhere in particular: {100 * share:.1f} %")
        if share > most:
            missed.append(f"{what}: {100 * share:.1f} % heard nowhere in particular, {100 * most:g} % allowed")
    return missed


def rotations(heads: dict[str, Hrir], every: list, count: int, rng: np.random.Generator) -> list[str]:
    """Sources rotated by known steps through the metric itself; what was missed."""
    missed, tried, worst = [], 0, 0.0
    for index in range(count):
        name = list(heads)[index % len(heads)]
        source = every[int(rng.integers(len(every)))]
        start, way = float(rng.uniform(-60.0, 60.0)), float(rng.choice([-1.0, 1.0]))
        scene, first = rendered(heads[name], source, start)
        scores = Localization().prepare(scene)
        steps, errors = [0.0], [0.0]
        for step in (1.0, 2.0, 5.0, 10.0, 20.0, 40.0):
            turned, azimuth = rendered(heads[name], source, first + way * step)
            if abs(azimuth) > 65.0 or abs(azimuth - first) in steps:
                continue
            rows = {row.name: row for row in scores({source[0]: turned.references[source[0]]}) if row.frame is None}
            steps.append(abs(azimuth - first))
            errors.append(rows["localization_error"].value)
        known = ~np.isnan(errors)
        tried += int(np.count_nonzero(known)) - 1
        off = np.abs(np.array(errors) - steps)[known]
        worst = max(worst, float(off.max()))
        what = f"{name}, {source[0]} at {first:.0f}° rotated by {steps} is {np.round(errors, 2).tolist()}"
        if off.max() > BAR_DEG:
            missed.append(f"{what}: off by {off.max():.2f}°")
        if np.any(np.diff(np.array(errors)[known]) <= 0):
            missed.append(f"{what}: not rising")
        if source[0] != "bass" and not known.all():
            missed.append(f"{what}: no value")
    print(f"{tried} rotations of {count} sources: at most {worst:.2f}° from the step")
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--placements", type=int, default=1000)
    parser.add_argument("--rotations", type=int, default=60)
    parser.add_argument("--hrtf", type=Path, nargs="*", default=[path for path in HEADS if path.exists()])
    parser.add_argument("--songs", type=Path, default=next(iter(SHARED.glob("musdb18hq-layout")), None))
    given = parser.parse_args()
    heads = {"rigid sphere": Hrir()} | {f"{path.parent.name}/{path.name}"[-23:]: Hrir(path) for path in given.hrtf}
    every, rng = sources(given.songs), np.random.default_rng(17)
    began = time.perf_counter()
    missed = summarised(list(placements(heads, every, given.placements, rng)))
    missed += rotations(heads, every, given.rotations, rng)
    print(f"{len(every)} sources, {time.perf_counter() - began:.0f} s")
    print(*(f"MISSED {line}" for line in missed), sep="\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
