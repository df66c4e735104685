"""Does it help to be told where the sources are? The claim of SpaIn-Net, in miniature: the table of docs/training.md.

    python benchmarks/location.py --data FOLDER [--device cuda] [--steps 2000] [--seeds 3] [--out location.json]

Two sources of the same class, panned apart at random: excerpts of melodic stems of songs to train on, real and
synthesised. X-UMX and two kinds of SpaIn-Net that are its equals but for the angles are trained on one and the same
stream of examples, and separate mixtures of songs held out: told exact angles, angles up to 8° off, each other's
angles, and 0° for both. `mixture` is the mixture as an estimate of both, and half of it what is best for whoever cannot
tell them apart; `… in its best order` lets the references say which estimate is which.
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import numpy as np
import together

from soundstage.draw import Draw
from soundstage.pipeline.separate import assign
from soundstage_datasets.placements import Panorama
from soundstage_datasets.sketches import Sketches
from soundstage_metrics.bsseval import BssEval
from soundstage_metrics.sdr import Sdr, SiSdr
from soundstage_spatializers.panning import Panning
from soundstage_training.verb.mixing import Mixer, told
from soundstage_training.verb.settings import Settings
from soundstage_training.verb.songs import Library

SOURCES = {"one": ("other",), "two": ("other",)}
APART_DEG = 15.0
"""Held-out mixtures have their two sources at least so far apart."""

NOISE_DEG = 8.0
MEASURES = {"SDR": "SDR, dB", "SI-SDR": "SI-SDR, dB", "SIR": "SIR, dB"}
BASELINE = "xumx"


class OneSketch(Sketches):
    """The sketches, but for some."""

    def __init__(self, held_out: bool) -> None:
        self._held_out = held_out

    def track_ids(self) -> list[str]:
        ids = sorted(super().track_ids())
        return ids[-1:] if self._held_out else ids[:-1]


def songs(options: Namespace) -> tuple[Library, Library]:
    """The songs to train on and those that are held out, each with one stem, `other`."""
    folders = {
        "train": options.data / "train",
        "funk": options.data / "multitrack-funk",
        "slakh": options.data / "spain-net-task1" / "gt",
        "test": options.data / "musdb18hq-layout" / "test",
    }
    melodic = {
        "train": ("other",),
        "funk guitar": ("guitar",),
        "funk clavinet": ("clavinet",),
        "funk horns": ("horns",),
    }
    melodic |= {f"slakh {stem}": (stem,) for stem in ("guitar", "piano", "strings")}
    to_train = together.library(
        folders, {name: {"other": stems} for name, stems in melodic.items()}, {"sketches": OneSketch(False)}
    )
    held_out = together.library(folders, {"test": {"other": ("other",)}}, {"sketches": OneSketch(True)})
    return to_train, held_out


def mixer(library: Library, settings: Settings) -> Mixer:
    library.keep(library.songs)
    return Mixer(library, library.songs, SOURCES, together.staged(Panorama(), Panning()), settings)


def held_out_scenes(library: Library, settings: Settings, wanted: int) -> list[Any]:
    """Mixtures whose sources are far enough apart."""
    made, found, k = mixer(library, settings), [], 0
    while len(found) < wanted:
        scene = made.scene("held out", k)
        one, two = told(scene.placement, SOURCES)
        sounding = all(np.abs(image).max() > 1e-3 for image in scene.references.values())
        if abs(one - two) >= APART_DEG and sounding:
            found.append(scene)
        k += 1
    return found


def angles(scene: Any, number: int) -> dict[str, Any]:
    """What SpaIn-Net may be told, by name."""
    exact = told(scene.placement, SOURCES)
    draw = Draw(0, "held out", str(number), "noise")
    noisy = [angle + draw.uniform(str(index), -NOISE_DEG, NOISE_DEG) for index, angle in enumerate(exact)]
    return {
        "exact": exact,
        "noisy": np.clip(noisy, -45.0, 45.0),
        "swapped": exact[::-1].copy(),
        "0° for both": np.zeros_like(exact),
    }


def main() -> None:
    parser = together.arguments(__doc__.splitlines()[0], name="location", steps=2000, hidden=128)
    options = parser.parse_args()
    size = {"hidden": options.hidden, "layers": options.layers, "dropout": options.dropout}
    size |= {"n_fft": 2048, "hop": options.hop, "bandwidth": 11025.0}
    entries = {
        "xumx": together.Entry("xumx", size, {}),
        "spainnet D1-CAT": together.Entry("spainnet", {**size, "variant": "D1-CAT"}, {}),
        "spainnet DF-ADD": together.Entry("spainnet", {**size, "variant": "DF-ADD"}, {}),
    }
    settings = Settings("xumx", seconds=options.seconds, rate=options.rate, batch=options.batch, gain_db=(-3.0, 3.0))
    to_train, held_out = songs(options)
    models, told_of = together.trained(entries, tuple(SOURCES), lambda own: mixer(to_train, own), settings, options)
    if options.train_only:
        return
    jobs: list[tuple[dict[str, Any], Any, Any]] = []
    for number, scene in enumerate(held_out_scenes(held_out, settings, options.mixtures)):
        for floor, gain in (("mixture", 1.0), ("half the mixture", 0.5)):
            images = dict.fromkeys(SOURCES, gain * scene.mixture)
            jobs.append(({"entry": floor, "seed": None, "mixture": number}, scene, images))
        for seed, trained in models.items():
            for name, model in trained.items():
                kinds = angles(scene, number) if model.told_azimuths else {"": None}
                for kind, azimuths in kinds.items():
                    images = together.separated(model, scene, azimuths, options.device)
                    entry = f"{name}, {kind}" if kind else name
                    jobs.append(({"entry": entry, "seed": seed, "mixture": number}, scene, images))
                    if kind in ("", "exact"):
                        ordered = assign(dict(images), scene.references)[0]
                        facts = {"entry": f"{name} in its best order", "seed": seed, "mixture": number}
                        jobs.append((facts, scene, ordered))
    rows = together.score(jobs, [Sdr(), SiSdr(), BssEval(references="int16")], options.workers)
    rows = once(rows)
    found = together.compared(rows, tuple(MEASURES), BASELINE)
    text = together.table(found, MEASURES, BASELINE)
    together.written(options, {"training": told_of, "summary": found, "rows": rows}, text)
    if options.figure:
        together.figure(found, MEASURES, BASELINE, options.figure)


def once(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows without BSS Eval's own SDR, whose name the plain one has too."""
    seen = set()
    found = []
    for row in rows:
        key = tuple(row[name] for name in ("entry", "seed", "mixture", "source", "measure"))
        if key not in seen:
            found.append(row)
        seen.add(key)
    return found


if __name__ == "__main__":
    main()
