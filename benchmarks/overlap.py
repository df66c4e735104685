"""How long what separates waits: one copy of a model that separates while other processes render and score.

    python benchmarks/overlap.py [--songs 12] [--seconds 40] [--separating 2] [--scoring 3] [--scorers 2]

A stand-in takes the GPU's place: a separator that sleeps, which leaves the CPU to others as a GPU does. So does the
metric, for a machine may have fewer cores than scorers; scenes are rendered, checked, handed over and committed as
always. Songs and models are crossed, so that every other cell needs a new scene. What the model's process does between
two separations is its idle time, from the first of them to the end of the last. Exits with 1 above 10 %.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

WANTED = 0.10

PLUGIN = """
import json, os, time
import numpy as np, soundstage
from soundstage.contracts import Measure, Score
from soundstage.scene import Scene, Track

@soundstage.hookimpl
def register_datasets(register):
    register("overlap_songs", "soundstage_overlap:Songs", summary="Noise")

@soundstage.hookimpl
def register_spatializers(register):
    register("overlap_flat", "soundstage_overlap:Flat", summary="The stems as they are")

@soundstage.hookimpl
def register_separators(register):
    register("overlap_model", "soundstage_overlap:Model", summary="Sleeps as a GPU lets a process sleep")

@soundstage.hookimpl
def register_metrics(register):
    register("overlap_metric", "soundstage_overlap:Metric", summary="Takes its time")

def tell(what, began):
    with open(os.environ["OVERLAP_TIMES"], "a") as stream:
        facts = {"what": what, "pid": os.getpid(), "began": began, "ended": time.monotonic()}
        stream.write(json.dumps(facts) + chr(10))

class Songs:
    revision = 1
    def __init__(self, tracks: int = 10, seconds: float = 30.0):
        self.tracks, self.samples = tracks, int(seconds * 44100)
    def track_ids(self):
        return [f"song {index}" for index in range(self.tracks)]
    def load(self, track_id):
        rng = np.random.default_rng(int(track_id.split()[1]))
        noise = rng.standard_normal((2, self.samples)) / 20
        return Track(track_id, 44100, {name: np.roll(noise, 99 * place, axis=1) for place, name in enumerate("abcd")})

class Flat:
    revision = 1
    uses_placement = False
    def render(self, track, placement):
        references = dict(track.stems)
        return Scene(track.rate, sum(references.values()), references)

class Model:
    revision = 1
    sources = tuple("abcd")
    def __init__(self, number: int = 0, seconds: float = 1.0):
        self.seconds = seconds
    def load(self, device):
        tell("load", time.monotonic())
    def separate(self, mixture, rate):
        began = time.monotonic()
        images = {source: mixture / 4 for source in self.sources}
        time.sleep(max(0.0, began + self.seconds - time.monotonic()))
        tell("separate", began)
        return images

class Metric:
    revision = 1
    measures = {"peak": Measure("dB", True)}
    def __init__(self, seconds: float = 1.0):
        self.seconds = seconds
    def prepare(self, scene):
        return self.scores
    def scores(self, estimates):
        began = time.monotonic()
        time.sleep(self.seconds)
        tell("score", began)
        return [Score(source, "peak", float(np.abs(image).max())) for source, image in estimates.items()]
"""


def run(options: argparse.Namespace, folder: Path) -> list[dict[str, float | str]]:
    """Run the grid; when each process did what."""
    about = folder / "soundstage_overlap-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: soundstage-overlap\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[soundstage]\noverlap = soundstage_overlap\n")
    (folder / "soundstage_overlap.py").write_text(PLUGIN)
    models = [f'"overlap_model[number={number},seconds={options.separating}]"' for number in range(2)]
    (folder / "overlap.toml").write_text(
        "[grids.overlap]\n"
        f'datasets = ["overlap_songs[tracks={options.songs},seconds={options.seconds}]"]\n'
        'spatializers = ["overlap_flat"]\n'
        f"separators = [{', '.join(models)}]\n"
        f'metrics = ["overlap_metric[seconds={options.scoring}]"]\n'
    )
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    own = {"PYTHONPATH": path, "SOUNDSTAGE_CACHE": str(folder / "cache"), "OVERLAP_TIMES": str(folder / "times")}
    command = [sys.executable, "-m", "soundstage", "run", str(folder / "overlap.toml"), "--out", str(folder / "out")]
    command += ["--scorers", str(options.scorers), "--quiet", "--strict"]
    subprocess.run(command, env={**os.environ, **own}, check=True)
    return [json.loads(line) for line in (folder / "times").read_text().splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=40.0, help="of each song")
    parser.add_argument("--separating", type=float, default=2.0, help="seconds that the model takes over a song")
    parser.add_argument("--scoring", type=float, default=3.0, help="seconds that the metric takes over a cell")
    parser.add_argument("--scorers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times = run(options, Path(folder))
    of = {what: [one for one in times if one["what"] == what] for what in ("load", "separate", "score")}
    spans = [(float(one["began"]), float(one["ended"])) for one in of["separate"]]
    whole = max(end for _, end in spans) - min(begin for begin, _ in spans)
    idle = 1.0 - sum(end - begin for begin, end in spans) / whole
    overlapping = sum(
        any(begin < float(score["ended"]) and float(score["began"]) < end for score in of["score"])
        for begin, end in spans
    )
    models = {one["pid"] for one in of["separate"]}
    print(f"{len(spans)} separations in {len(models)} process, {len(of['load'])} models loaded")
    print(f"{overlapping} of them while others were scored, in {len({one['pid'] for one in of['score']})} processes")
    print(f"idle: {100 * idle:.1f} % of {whole:.1f} s (wanted ≤ {100 * WANTED:.0f} %)")
    sys.exit(idle > WANTED)


if __name__ == "__main__":
    main()
