"""How rendering a data set scales with workers, and whether its memory depends on the number of songs.

    python benchmarks/render.py [--songs 10] [--seconds 120] [--rounds 3]

Makes songs of four 16-bit stereo stems, renders them through the rigid sphere to 16-bit files with one worker and with
two, each in a process of its own, and prints the time of each, their ratio, and the peak memory of the largest worker;
then the same with two workers for 3 songs. The best of some rounds counts, taken in turns, for other work on the
machine only ever slows one down. A copy of the songs' bytes, flushed to the disk, is timed beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RATE = 44100
STEMS = ("vocals", "drums", "bass", "other", "mixture")


def make(root: Path, songs: int, seconds: float) -> None:
    """A MUSDB18-HQ of noises."""
    import soundfile

    rng = np.random.default_rng(0)
    for song in range(songs):
        folder = root / "test" / f"Noise - {song:03}"
        folder.mkdir(parents=True)
        for stem in STEMS:
            soundfile.write(folder / f"{stem}.wav", 0.05 * rng.standard_normal((int(seconds * RATE), 2)), RATE)


def measure(root: Path, out: Path, workers: int) -> None:
    """Render here; print seconds and the largest process's peak memory in MiB."""
    import soundstage

    began = time.perf_counter()
    grid = {"datasets": ["musdb18hq"], "spatializers": ["hrir"]}
    rendered = soundstage.render(grid, out, data={"musdb18hq": root}, workers=workers, format="int16")
    spent = time.perf_counter() - began
    assert rendered.written == rendered.planned
    who = resource.RUSAGE_SELF if workers == 1 else resource.RUSAGE_CHILDREN
    print(json.dumps({"seconds": spent, "mib": resource.getrusage(who).ru_maxrss / 1024}))


def measured(root: Path, out: Path, workers: int) -> dict[str, float]:
    """`measure` in a process of its own."""
    command = [sys.executable, __file__, "--measure", str(root), str(out), str(workers)]
    environment = {**os.environ, "SOUNDSTAGE_CACHE": str(out.with_name(f"{out.name}-cache"))}
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    shutil.rmtree(out)
    found: dict[str, float] = json.loads(run.stdout)
    return found


def copied(root: Path, out: Path) -> float:
    """Seconds to read every file and write it again, flushed."""
    began = time.perf_counter()
    out.mkdir()
    for number, file in enumerate(sorted(root.rglob("*.wav"))):
        with (out / str(number)).open("wb") as stream:
            stream.write(file.read_bytes())
            os.fsync(stream.fileno())
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--songs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        root, out, workers = arguments.measure
        measure(Path(root), Path(out), int(workers))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make(folder / "songs", arguments.songs, arguments.seconds)
        make(folder / "few", 3, arguments.seconds)
        measured(folder / "few", folder / "warm", 1)
        print(f"{arguments.songs} songs of {arguments.seconds:g} s, four stems, to 16-bit files\n")
        print(f"copying their bytes      {copied(folder / 'songs', folder / 'copy'):7.1f} s")
        plans = {"one worker": ("songs", 1), "two workers": ("songs", 2), "two workers, 3 songs": ("few", 2)}
        best: dict[str, dict[str, float]] = {}
        for turn in range(arguments.rounds):
            for what, (songs, workers) in plans.items():
                found = measured(folder / songs, folder / f"{workers}-{songs}-{turn}", workers)
                best[what] = min(best.get(what, found), found, key=lambda one: one["seconds"])
        for what, found in best.items():
            print(f"{what:24} {found['seconds']:7.1f} s   peak of the largest worker {found['mib']:6.0f} MiB")
        one, two, few = best.values()
        print(f"\none worker / two workers: {one['seconds'] / two['seconds']:.2f}")
        print(f"memory, {arguments.songs} songs / 3 songs: {two['mib'] / few['mib']:.3f}")


if __name__ == "__main__":
    main()
