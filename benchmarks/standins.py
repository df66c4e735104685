"""What takes the place of data, models and metrics where only the harness is measured: trivial plugins."""

from __future__ import annotations

import os
from pathlib import Path

TIMES = "BENCH_TIMES"
"""The environment variable that names a file to which whoever loads, separates or scores adds a line of JSON each."""

PLUGIN = """
import json, os, time
import numpy as np, soundstage
from soundstage.contracts import Measure, Score
from soundstage.scene import Scene, Track

@soundstage.hookimpl
def register_datasets(register):
    register("bench_songs", "soundstage_bench:Songs", summary="Noise")

@soundstage.hookimpl
def register_spatializers(register):
    register("bench_flat", "soundstage_bench:Flat", summary="The stems as they are")

@soundstage.hookimpl
def register_separators(register):
    register("bench_mixture", "soundstage_bench:Mixture", summary="The mixture, after some work or some waiting")

@soundstage.hookimpl
def register_metrics(register):
    register("bench_one", "soundstage_bench:One", summary="1, after some waiting")

def tell(what, began):
    if "BENCH_TIMES" in os.environ:
        with open(os.environ["BENCH_TIMES"], "a") as stream:
            facts = {"what": what, "pid": os.getpid(), "began": began, "ended": time.monotonic()}
            stream.write(json.dumps(facts) + chr(10))

class Songs:
    revision = 1
    def __init__(self, tracks: int = 10, samples: int = 1000, rate: int = 8000, sources: int = 2):
        self.tracks, self.samples, self.rate, self.sources = tracks, samples, rate, "abcd"[:sources]
    def track_ids(self):
        return [f"song {index}" for index in range(self.tracks)]
    def load(self, track_id):
        noise = np.random.default_rng(0).standard_normal((2, self.samples)) / 20
        stems = {name: np.roll(noise, 99 * place, axis=1) for place, name in enumerate(self.sources)}
        return Track(track_id, self.rate, stems)

class Flat:
    revision = 1
    uses_placement = False
    def render(self, track, placement):
        references = dict(track.stems)
        return Scene(track.rate, sum(references.values()), references)

class Mixture:
    revision = 1
    sources = tuple("abcd")
    def __init__(self, number: int = 0, works: float = 0.0, waits: float = 0.0):
        self.works, self.waits = works, waits
    def load(self, device):
        tell("load", time.monotonic())
    def separate(self, mixture, rate):
        began, until = time.monotonic(), time.process_time() + self.works
        while time.process_time() < until:
            pass
        if self.waits:
            time.sleep(self.waits)
        tell("separate", began)
        return dict.fromkeys(self.sources, mixture)

class One:
    revision = 1
    measures = {"one": Measure("dB", True)}
    def __init__(self, waits: float = 0.0):
        self.waits = waits
    def prepare(self, scene):
        return self.scores
    def scores(self, estimates):
        began = time.monotonic()
        if self.waits:
            time.sleep(self.waits)
        tell("score", began)
        return [Score(source, "one", 1.0) for source in estimates]
"""


def plugins(folder: Path) -> dict[str, str]:
    """Install the plugins in the folder; the environment in which they are found."""
    about = folder / "soundstage_bench-1.0.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: soundstage-bench\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[soundstage]\nbench = soundstage_bench\n")
    (folder / "soundstage_bench.py").write_text(PLUGIN)
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return {**os.environ, "PYTHONPATH": path, "SOUNDSTAGE_CACHE": str(folder / "cache")}
