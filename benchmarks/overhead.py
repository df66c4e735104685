"""What the harness costs: a grid's time against a bare loop of the authors' package over the same audio.

    python benchmarks/overhead.py [--model htdemucs|umxhq|spleeter_4stems] [--songs 6] [--seconds 30] [--repeat 3]
                                  [--scorers N]

Each side is a process of its own with one thread, on a random checkpoint of the published size. The bare loop imports
the package, loads the checkpoint, reads each mixture and separates it. The grid does the same through
`soundstage.run`, and renders, checks, scores (SDR) and commits every cell, in the same process or, with `--scorers`,
in others beside it. Needs the extra of the model, or Spleeter's environment. Both wall time and the processor's (of all
processes of a side) are told; the latter hardly minds what else the machine does. Exits with 1 where the grid takes
more than 3 % longer by the clock, the best of each side.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STEMS = ("vocals", "drums", "bass", "other")
WANTED = 1.03
CHECKPOINTS = {"htdemucs": "htdemucs", "umxhq": "openunmix", "spleeter_4stems": "spleeter"}

SPLEETER = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
from scipy.io import wavfile
from spleeter.separator import Separator
separator = Separator("spleeter:4stems", multiprocess=False)
for path in sys.argv[1:]:
    separator.separate((wavfile.read(path)[1] / 32768).astype("float32"))
"""


def songs(folder: Path, count: int, seconds: float) -> None:
    """Data in the MUSDB18-HQ layout: 16-bit stereo noise bursts."""
    import numpy as np
    import soundfile

    for number in range(count):
        rng = np.random.default_rng(number)
        place = folder / "test" / f"Song {number}"
        place.mkdir(parents=True)
        total = 0
        for stem in STEMS:
            burst = np.repeat(rng.random(int(seconds * 8)), 44100 // 8)[:, None]
            audio = 0.1 * burst * rng.standard_normal((len(burst), 2))
            soundfile.write(place / f"{stem}.wav", audio, 44100, subtype="PCM_16")
            total = total + audio
        soundfile.write(place / "mixture.wav", total, 44100, subtype="PCM_16")


def bare(model: str, data: Path, weights: Path) -> None:
    """The authors' package in a loop."""
    if model == "spleeter_4stems":
        one = dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"), "1")
        files = [str(path) for path in sorted((data / "test").glob("*/mixture.wav"))]
        command = [str(spleeter_python()), "-c", SPLEETER, *files]
        subprocess.run(command, check=True, env={**os.environ, **one, "MODEL_PATH": str(weights)})
        return
    import numpy as np
    import soundfile
    import torch

    torch.set_num_threads(1)
    mixtures = sorted((data / "test").glob("*/mixture.wav"))
    if model == "htdemucs":
        from demucs.api import Separator

        separator = Separator("955717e8", repo=weights, shifts=0, device="cpu")
        for path in mixtures:
            separator.separate_tensor(torch.from_numpy(soundfile.read(path)[0].T.astype(np.float32)))
        return
    from soundstage_separators.openunmix import _importable_torchaudio

    with _importable_torchaudio():
        from openunmix.utils import load_separator
    separator = load_separator(str(weights), targets=list(STEMS), niter=1, device="cpu")
    separator.freeze()
    for path in mixtures:
        separator(torch.from_numpy(soundfile.read(path)[0].T.astype(np.float32))[None])


def spleeter_python() -> Path:
    """The interpreter of Spleeter's own environment."""
    from soundstage.catalogue.registry import Registry
    from soundstage.isolation import environment
    from soundstage.isolation.script import read_script

    return environment.make(read_script(Registry.load().catalogue.get("separators", "spleeter").script))


def grid(model: str, data: Path, weights: Path, scorers: int) -> None:
    """The same songs through the harness. scorers: processes that render and score meanwhile; 0 for none."""
    import soundstage

    parameter = "repo" if model == "htdemucs" else "folder"
    table = {
        "datasets": ["musdb18hq"],
        "spatializers": ["original"],
        "separators": [f"{model}[{parameter}={weights}]"],
        "metrics": ["sdr"],
    }
    with tempfile.TemporaryDirectory() as out:
        summary = soundstage.run(table, out, data={"musdb18hq": data}, workers=1, scorers=scorers)
        assert summary.troubled == 0, summary.now


def timed(*arguments: str) -> tuple[float, float]:
    """Seconds by the clock, and of the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run([sys.executable, __file__, *arguments], check=True)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=list(CHECKPOINTS), default="htdemucs")
    parser.add_argument("--songs", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--scorers", type=int, default=0, help="processes that render and score beside; 0: none")
    parser.add_argument("--side", nargs=3, metavar=("SIDE", "DATA", "WEIGHTS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        side, data, weights = options.side
        if side == "bare":
            bare(options.model, Path(data), Path(weights))
        else:
            grid(options.model, Path(data), Path(weights), options.scorers)
        return
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    import checkpoints

    with tempfile.TemporaryDirectory() as folder:
        data, weights = Path(folder) / "data", Path(folder) / "weights"
        songs(data, options.songs, options.seconds)
        more = (spleeter_python(),) if options.model == "spleeter_4stems" else ()
        getattr(checkpoints, CHECKPOINTS[options.model])(weights, *more)
        pairs = []
        for _ in range(options.repeat):  # side by side, so that a busy machine slows both
            arguments = ("--model", options.model, "--scorers", str(options.scorers), "--side")
            pairs.append([timed(*arguments, side, str(data), str(weights)) for side in ("bare", "grid")])
    best = 0.0
    for index, what in ((1, "processor"), (0, "clock")):
        bare_s, grid_s = ([round(pair[side][index], 2) for pair in pairs] for side in (0, 1))
        best = min(grid_s) / min(bare_s)
        middle = statistics.median(ours / theirs for theirs, ours in zip(bare_s, grid_s, strict=True))
        print(json.dumps({"by": what, "bare_s": bare_s, "grid_s": grid_s}))
        print(f"{options.model}, by the {what}: the grid takes {middle:.3f} of the bare loop's time, best {best:.3f}")
    sys.exit(best > WANTED)


if __name__ == "__main__":
    main()
