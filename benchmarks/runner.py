"""What the harness itself costs: overhead a cell, scaling, opening and ranking, resuming, memory, start-up.

    python benchmarks/runner.py [FIGURE …] [--repeat 3]

Every figure is measured in processes of its own and is the best of the repeats, because whatever else the machine does
only adds to it. The plugins are trivial ones. Exits with 1 where a figure misses what is wanted of it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from standins import plugins

TARGETS = {
    "inline": ("overhead a cell, inline", "ms", 5.0),
    "pool": ("overhead a cell, pool of 2", "ms", 15.0),
    "scaling": ("speed of 2 workers on CPU-bound cells, in that of 1", "×", 1.7),
    "opening": ("opening and ranking 100,000 cells (2 million rows)", "s", 2.0),
    "opening memory": ("peak memory of that process", "MB", 1000.0),
    "resuming": ("resuming a finished grid of 10,000 cells", "s", 2.0),
    "memory": ("growth of peak memory from track 20 to track 200, inline", "MB", 20.0),
    "pool memory": ("the same of a run and its two workers together", "MB", 60.0),
    "help": ("soundstage --help, beyond python -c pass", "s", 0.25),
    "list": ("soundstage list, beyond python -c pass", "s", 0.6),
}
FIGURES = ("inline", "pool", "scaling", "opening", "resuming", "memory", "pool_memory", "startup")


def grid(tracks: int, separators: int, samples: int = 1000, works: float = 0.0) -> dict[str, object]:
    """A grid of trivial cells."""
    return {
        "name": "bench",
        "datasets": [f"bench_songs[tracks={tracks},samples={samples}]"],
        "spatializers": ["bench_flat"],
        "separators": [f"bench_mixture[number={number},works={works}]" for number in range(separators)],
        "metrics": ["bench_one"],
    }


def timed_run(table: dict[str, object], out: Path, workers: int) -> float:
    """Seconds from the first cell's commit to the end of the run."""
    import soundstage
    from soundstage.running.listener import Silence

    class Clock(Silence):
        first = 0.0

        def finished(self, outcome):
            self.first = self.first or time.perf_counter()

    clock = Clock()
    soundstage.run(table, out, workers=workers, listener=clock)
    return time.perf_counter() - clock.first


def inline(folder: Path) -> dict[str, float]:
    """Overhead inline: everything but the plugins' own work, which is next to nothing."""
    return {"inline": 1000 * timed_run(grid(20, 20), folder / "out", 1) / 399}


def pool(folder: Path) -> dict[str, float]:
    """Overhead in a pool of two, for each worker."""
    return {"pool": 2 * 1000 * timed_run(grid(20, 20), folder / "out", 2) / 399}


def scaling(folder: Path) -> dict[str, float]:
    """What a second worker brings where cells compute."""
    table = grid(12, 4, works=0.2)
    one = timed_run(table, folder / "one", 1) / 47
    return {"scaling": one / (timed_run(table, folder / "two", 2) / 46)}


def synthetic(folder: Path, cells: int = 100_000, separators: int = 10) -> None:
    """A results folder of so many cells with 20 rows each: 4 sources × (the whole track and 4 frames)."""
    from soundstage.results.encoding import CELLS_PER_SEGMENT
    from soundstage.results.records import ROWS, CellRecord, Stage, StoredPlan
    from soundstage.results.store import Store

    store = Store(folder)
    rng = np.random.default_rng(0)
    sources = ("bass", "drums", "other", "vocals")
    addresses = [f"{number:064x}" for number in rng.permutation(1 << 20)[:cells].tolist()]
    scores = ["f" + address[1:] for address in addresses]
    frames = pa.array([None, 0, 1, 2, 3] * 4, pa.int32())
    fixed = {
        "source": pa.array([source for source in sources for _ in range(5)]),
        "name": pa.array(["SDR"] * 20),
        "unit": pa.array(["dB"] * 20),
        "frame": frames,
        "note": pa.array([""] * 20),
        "ranked": pa.array([True] * 20),
    }
    scene = {"rate": 44100, "samples": 44100 * 240, "gain": 1.0, "azimuths": dict.fromkeys(sources, 30.0)}
    with store.writing():
        for start in range(0, cells, CELLS_PER_SEGMENT):
            batch = []
            for address, score in zip(
                addresses[start : start + CELLS_PER_SEGMENT], scores[start : start + CELLS_PER_SEGMENT], strict=True
            ):
                columns = {"score": pa.array([score] * 20), "value": pa.array(rng.normal(5, 3, 20)), **fixed}
                table = pa.table({name: columns[name] for name in ROWS.names}, schema=ROWS)
                record = CellRecord(address, Stage("ok", wall_s=1.0), {score: Stage("ok", wall_s=0.5)}, scene, "run")
                batch.append((record, table))
            store.commit_many(batch)
        per = cells // separators
        labels = {
            "cell": addresses,
            "dataset": ["songs"] * cells,
            "track": [f"song {index // 2 % (per // 2)}" for index in range(cells)],
            "placement": ["frontal"] * cells,
            "spatializer": [("hrir", "panning")[index % 2] for index in range(cells)],
            "separator": [f"model {index // per}" for index in range(cells)],
            "seed": [0] * cells,
            "score:sdr": scores,
        }
        about = {"role": "separator", "blind": True, "named": True, "needs": []}
        measure = {"unit": "dB", "higher_is_better": True, "headline": True, "label": ""}
        facts = {
            "id": "synthetic-00000000",
            "name": "synthetic",
            "revision": 1,
            "hash": "0" * 64,
            "separators": {f"model {number}": about for number in range(separators)},
            "metrics": {"sdr": {"SDR": measure}},
        }
        store.save_plan(StoredPlan(pa.table(labels), facts))


def opening(folder: Path) -> dict[str, float]:
    """Seconds and memory to open a large folder and rank it."""
    from soundstage.leaderboard.build import make_leaderboard
    from soundstage.results.loading import load_results

    began = time.perf_counter()
    board = make_leaderboard(load_results(folder / "large"))
    spent = time.perf_counter() - began
    assert all(row.rank for section in board.sections for row in section.rows)
    return {"opening": spent, "opening memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def resuming(folder: Path) -> dict[str, float]:
    """Seconds to find that a finished grid is finished."""
    import soundstage

    began = time.perf_counter()
    summary = soundstage.run(grid(100, 100), folder / "finished")
    assert summary.ran == 0
    return {"resuming": time.perf_counter() - began}


def memory(folder: Path) -> dict[str, float]:
    """How much the peak grows from the twentieth track to the last of 200, of a minute each."""
    import soundstage
    from soundstage.running.listener import Silence

    class Scale(Silence):
        peaks: list[float] = []

        def finished(self, outcome):
            self.peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

    soundstage.run(grid(200, 2, samples=60 * 44100), folder / "long", listener=Scale())
    return {"memory": Scale.peaks[-1] - Scale.peaks[40]}


def pool_memory(folder: Path) -> dict[str, float]:
    """The same with two workers: the largest sum of what all processes hold, late less early."""
    import psutil

    import soundstage
    from soundstage.running.listener import Silence

    class Scale(Silence):
        held: list[float] = []

        def finished(self, outcome):
            own = psutil.Process()
            family = [own, *own.children(recursive=True)]
            self.held.append(sum(one.memory_info().rss for one in family) / 1e6)

    soundstage.run(grid(200, 2, samples=60 * 44100), folder / "long", workers=2, listener=Scale())
    return {"pool memory": max(Scale.held[200:]) - max(Scale.held[:40])}


def startup(folder: Path) -> dict[str, float]:
    """Seconds of two commands beyond what Python itself needs."""

    def seconds(*arguments: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        return time.perf_counter() - began

    code = "from soundstage.cli import main; main()"
    nothing, shown, listed = (
        min(seconds("-c", *rest) for _ in range(5)) for rest in (("pass",), (code, "--help"), (code, "list"))
    )
    return {"help": shown - nothing, "list": listed - nothing}


def prepare(figure: str, folder: Path) -> None:
    """Make what a figure needs and what does not count."""
    if figure == "opening":
        synthetic(folder / "large")
    if figure == "resuming":
        import soundstage

        soundstage.run(grid(100, 100), folder / "finished")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"out of {', '.join(FIGURES)}; all by default")
    parser.add_argument("--repeat", type=int, default=3, help="the best of so many is shown")
    parser.add_argument("--child", nargs=3, metavar=("STEP", "FIGURE", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        step, figure, folder = options.child
        result = prepare(figure, Path(folder)) if step == "prepare" else globals()[figure](Path(folder))
        print(json.dumps(result))
        return
    missed = False
    for figure in options.figures or FIGURES:
        with tempfile.TemporaryDirectory() as shared:
            environment = plugins(Path(shared) / "plugins")

            def child(step: str, folder: str, figure: str = figure, environment: dict[str, str] = environment) -> dict:
                command = [sys.executable, __file__, "--child", step, figure, folder]
                done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
                return json.loads(done.stdout.splitlines()[-1])

            child("prepare", shared)
            found: dict[str, list[float]] = {}
            for _ in range(options.repeat):
                with tempfile.TemporaryDirectory() as own:
                    kept = figure in ("opening", "resuming")
                    for name, value in child("measure", shared if kept else own).items():
                        found.setdefault(name, []).append(value)
        for name, values in found.items():
            what, unit, target = TARGETS[name]
            more = unit == "×"
            best = max(values) if more else min(values)
            verdict = "as wanted" if (best >= target) == more or best == target else "MISSED"
            missed |= verdict == "MISSED"
            print(f"{what}: {best:.3g} {unit} (wanted {'≥' if more else '≤'} {target:g}: {verdict})", flush=True)
    sys.exit(missed)


if __name__ == "__main__":
    main()
