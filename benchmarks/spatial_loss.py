"""Does a loss on interaural cues keep the image? The open question of Binaural-MUSDB's authors, in miniature: the table
of docs/training.md.

    python benchmarks/spatial_loss.py --data FOLDER [--device cuda] [--steps 2000] [--seeds 3] [--out spatial_loss.json]

Vocals, drums and the rest of songs, as a KU100 dummy head hears them from directions drawn anew for every example. One
small X-UMX is trained on its own loss alone, with an ITD loss, with an ILD loss, and with both besides, all on one and
the same stream of examples; each separates held-out songs, and the benchmark's metrics say what is left of the image.
`mixture` is the mixture as an estimate of every source.
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import numpy as np
import together

from soundstage_datasets.placements import Frontal
from soundstage_metrics.cues import Cues
from soundstage_metrics.sdr import Sdr
from soundstage_metrics.spauq import Spauq
from soundstage_spatializers.hrir import Hrir
from soundstage_training.verb.mixing import Mixer
from soundstage_training.verb.settings import Settings
from soundstage_training.verb.songs import Library

SOURCES = {"vocals": ("vocals",), "drums": ("drums",), "other": ("other",)}
MEASURES = {
    "SDR": "SDR, dB",
    "SSR": "SSR, dB",
    "ITD_error": "ΔITD robust, µs",
    "ILD_error": "ΔILD by band, dB",
    "angular_error": "angular error, °",
}
BASELINE = "own loss"


def songs(options: Namespace) -> tuple[Library, Library]:
    """The songs to train on and those that are held out."""
    folders = {"train": options.data / "train", "test": options.data / "musdb18hq-layout" / "test"}
    stems = {source: (source,) for source in SOURCES}
    return together.library(folders, {"train": stems}), together.library(folders, {"test": stems})


def mixer(library: Library, settings: Settings, head: Hrir) -> Mixer:
    library.keep(library.songs)
    return Mixer(library, library.songs, SOURCES, together.staged(Frontal(), head), settings)


def main() -> None:
    parser = together.arguments(__doc__.splitlines()[0], name="spatial_loss", steps=2000, hidden=128)
    parser.add_argument("--hrtf", default="sadie-ku100/44K_16bit", help="below --data, or `sphere`")
    parser.add_argument("--itd", type=float, default=10.0, help="weight of the ITD loss, in ms")
    parser.add_argument("--ild", type=float, default=0.3, help="weight of the ILD loss, in dB")
    options = parser.parse_args()
    size = {"hidden": options.hidden, "layers": options.layers, "dropout": options.dropout}
    size |= {"n_fft": 2048, "hop": options.hop, "bandwidth": 11025.0}
    weights = {"ITD": {"itd": options.itd}, "ILD": {"ild": options.ild}}
    entries = {
        BASELINE: together.Entry("xumx", size, {}),
        "and ITD": together.Entry("xumx", size, weights["ITD"]),
        "and ILD": together.Entry("xumx", size, weights["ILD"]),
        "and both": together.Entry("xumx", size, {**weights["ITD"], **weights["ILD"]}),
    }
    settings = Settings("xumx", seconds=options.seconds, rate=options.rate, batch=options.batch, gain_db=(-3.0, 3.0))
    head = Hrir() if options.hrtf == "sphere" else Hrir(hrtf=options.data / options.hrtf)
    to_train, held_out = songs(options)
    models, told_of = together.trained(
        entries, tuple(SOURCES), lambda own: mixer(to_train, own, head), settings, options
    )
    if options.train_only:
        return
    made = mixer(held_out, settings, head)
    jobs: list[tuple[dict[str, Any], Any, Any]] = []
    number = 0
    for k in range(8 * options.mixtures):
        scene = made.scene("held out", k)
        if number == options.mixtures:
            break
        if any(np.abs(image).max() < 1e-3 for image in scene.references.values()):
            continue  # a song of the two has no singer
        floor = dict.fromkeys(SOURCES, scene.mixture)
        jobs.append(({"entry": "mixture", "seed": None, "mixture": number}, scene, floor))
        for seed, trained in models.items():
            for name, model in trained.items():
                images = together.separated(model, scene, None, options.device)
                jobs.append(({"entry": name, "seed": seed, "mixture": number}, scene, images))
        number += 1
    rows = together.score(jobs, [Sdr(), Spauq(), Cues()], options.workers)
    found = together.compared(rows, tuple(MEASURES), BASELINE)
    text = together.table(found, MEASURES, BASELINE)
    together.written(options, {"training": told_of, "summary": found, "rows": rows}, text)
    if options.figure:
        together.figure(found, MEASURES, BASELINE, options.figure)


if __name__ == "__main__":
    main()
