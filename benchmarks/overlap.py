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
import subprocess
import sys
import tempfile
from pathlib import Path

from standins import TIMES, plugins

RATE = 44100
WANTED = 0.10


def run(options: argparse.Namespace, folder: Path) -> list[dict[str, float | str]]:
    """Run the grid; when each process did what."""
    models = [f'"bench_mixture[number={number},waits={options.separating}]"' for number in range(2)]
    songs = f"tracks={options.songs},samples={int(options.seconds * RATE)},rate={RATE},sources=4"
    (folder / "overlap.toml").write_text(
        "[grids.overlap]\n"
        f'datasets = ["bench_songs[{songs}]"]\n'
        'spatializers = ["bench_flat"]\n'
        f"separators = [{', '.join(models)}]\n"
        f'metrics = ["bench_one[waits={options.scoring}]"]\n'
    )
    environment = {**plugins(folder), TIMES: str(folder / "times")}
    command = [sys.executable, "-m", "soundstage", "run", str(folder / "overlap.toml"), "--out", str(folder / "out")]
    command += ["--scorers", str(options.scorers), "--quiet", "--strict"]
    subprocess.run(command, env=environment, check=True)
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
