"""How fast the metrics are against the originals: one run, one machine, the same audio, a process for each figure.

    python benchmarks/metrics.py [--seconds 240] [--sources 4] [--runs 3]

Ours may use two threads (`scipy.fft.set_workers(2)`), museval as many as it likes, SPAUQ's peer one. Figures are the
medians of the runs. The whole suite is every metric that runs in Soundstage's own process; the bars were set for the
seven of them that there were then (`SEVEN`), and what the others add is told beside. Needs museval (the `dev` extra,
and ffmpeg on the path). SPAUQ's peer is written here from its definition, frame by frame with twelve FFTs, as the
original package works.

Ends with the bars, which are for 240 s of 4 stereo sources, and with 1 where one of them is missed at that size.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
from threadpoolctl import threadpool_limits

RATE = 44100
ALONE = ("spauq peer", "spauq alone", "suite alone")
"""Tasks that get one thread."""

BARS = {
    "BSS Eval v4, first separator of a scene": 30.0,
    "BSS Eval v4, each further separator": 60.0,
    "SPAUQ (published), two threads": 18.0,
    "SPAUQ (published), one thread": 12.0,
    "seven metrics, two cells at once, first of a scene": 30.0,
    "seven metrics, two cells at once, further ones": 45.0,
}
"""How many times faster than its peer each must be, and the suite than real time; for BARS_FOR."""

SEVEN = ("bsseval", "cues", "interaural", "sdr", "si_sdr", "spauq", "spauq_published")
"""The suite as it was when its bars were set."""

BARS_FOR = (240.0, 4)
"""Seconds and stereo sources."""


def music(seconds: float, sources: int) -> tuple[np.ndarray, np.ndarray]:
    """16-bit music-like stereo sources and leaky, noisy estimates of them: (sources, 2, samples) each."""
    rng = np.random.default_rng(0)
    samples = int(seconds * RATE)
    references = np.zeros((sources, 2, samples))
    for source in range(sources):
        at = 0
        while at < samples:
            length = min(int(rng.uniform(0.15, 0.6) * RATE), samples - at)
            t = np.arange(length) / RATE
            pitch = 55 * 2 ** (rng.integers(0, 36) / 12)
            for channel, phase in enumerate(rng.uniform(0, 6, 2)):
                note = sum(np.sin(2 * np.pi * pitch * h * t + h * phase) / h for h in range(1, 7))
                references[source, channel, at : at + length] += 0.2 * note * np.exp(-4 * t)
            at += length
    references += 0.002 * rng.standard_normal(references.shape)
    references = np.round(references * 32767) / 32768
    leak = np.eye(sources) + 0.12 * rng.uniform(-1, 1, (sources, sources))
    estimates = np.einsum("ij,jcn->icn", leak, references, optimize=True)
    return references, estimates + 0.003 * rng.standard_normal(references.shape)


def scene_of(references: list[np.ndarray]):
    """The scene of these references."""
    from soundstage.scene import Scene

    named = {f"source {index}": reference for index, reference in enumerate(references)}
    return Scene(RATE, sum(references[1:], references[0]), named)


def spauq_peer(s: np.ndarray, e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SSR and SRR by the published definition, frame by frame: a correlation of three FFTs for each of four pairs."""
    from scipy.signal import correlate

    window, hop, longest = RATE, RATE // 2, RATE // 10
    count = -(-(s.shape[1] - window) // hop) + 1
    found = np.empty((2, count))

    def ratio(x: np.ndarray, y: np.ndarray) -> float:
        top, bottom = np.mean(x**2), np.mean(y**2)
        return 10 * np.log10(np.clip(top / bottom if bottom else (1e8 if top else 1.0), 1e-8, 1e8))

    for frame in range(count):
        x, y = (signal[:, frame * hop : frame * hop + window] for signal in (s, e))
        n = x.shape[1]
        lag = np.zeros((2, 2), int)
        for i in range(2):
            for j in range(2):
                if x[i].std() >= 1e-8 and y[j].std() >= 1e-8:
                    full = np.abs(correlate(x[i], y[j], "full", "fft"))
                    reach = min(longest, n - 1)
                    lag[i, j] = np.argmax(full[n - 1 - reach : n + reach]) - reach
        first, last = 0, n
        if lag.min() != 0:
            first, last = max(0, -lag.min()), n - max(0, lag.max())
        x, y = x[:, first:last], y[:, first:last]
        gram = x @ x.T
        scale = np.linalg.solve(gram, x @ y.T).T
        p = scale.sum(axis=1)[:, None] * x
        found[:, frame] = ratio(x, p - x), ratio(p, y - p)
    return found[0], found[1]


def task(name: str, audio: Path) -> dict[str, object]:
    """Run one figure in this process. Times leave out reading the audio and importing."""
    references, estimates = (
        [np.load(file).copy() for file in sorted(audio.glob(f"{what}-*.npy"))] for what in ("references", "estimates")
    )
    for array in (*references, *estimates):
        array.flags.writeable = False
    values: list[np.ndarray] = []
    times: dict[str, float] = {}
    with ExitStack() as limits:
        limits.enter_context(scipy.fft.set_workers(1 if name in ALONE else 2))
        if name in ALONE:
            limits.enter_context(threadpool_limits(1))
        if name == "museval":
            values = _museval(references, estimates, times)
        elif name == "bsseval":
            values = _bsseval(references, estimates, times)
        elif name.startswith("spauq"):
            values = _spauq(references, estimates, times, spauq_peer if name == "spauq peer" else _ours)
        else:
            _suite(references, estimates, times)
    return _report(times, values)


Signals = list[np.ndarray]


def _museval(references: Signals, estimates: Signals, times: dict[str, float]) -> list[np.ndarray]:
    import museval

    r, e = (np.stack(signals).transpose(0, 2, 1) for signals in (references, estimates))
    options = {"compute_permutation": False, "framewise_filters": False, "bsseval_sources_version": False}
    found = _timed(times, "first", lambda: museval.metrics.bss_eval(r, e, window=RATE, hop=RATE, **options))
    return list(found[:4])


def _bsseval(references: Signals, estimates: Signals, times: dict[str, float]) -> list[np.ndarray]:
    from soundstage_metrics.bsseval import BssEval

    scene = scene_of(references)
    named = dict(zip(scene.references, estimates, strict=True))
    scorer = _timed(times, "prepare", lambda: BssEval().prepare(scene))
    rows = _timed(times, "score", lambda: list(scorer(named)))
    _timed(times, "further", lambda: list(scorer(named)))
    times["first"] = times["prepare"] + times["score"]
    flat = [
        [row.value for row in rows if row.name == measure and row.frame is not None]
        for measure in ("SDR", "ISR", "SIR", "SAR")
    ]
    return [np.reshape(one, (len(references), -1)) for one in flat]


def _ours(s: np.ndarray, e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from soundstage_metrics.spauq import spauq

    frames = spauq(s, e, RATE, "published")
    return frames.ssr, frames.srr


def _spauq(references: Signals, estimates: Signals, times: dict[str, float], spauq: Callable) -> list[np.ndarray]:
    spauq(references[0][:, : 2 * RATE], estimates[0][:, : 2 * RATE])  # what importing costs is not its time
    pairs = list(zip(references, estimates, strict=True))
    return [values for both in _timed(times, "first", lambda: [spauq(s, e) for s, e in pairs]) for values in both]


def _timed(times: dict[str, float], what: str, function: Callable[[], Any]) -> Any:
    begin = time.perf_counter()
    found = function()
    times[what] = time.perf_counter() - begin
    return found


def _suite(references: list[np.ndarray], estimates: list[np.ndarray], times: dict[str, float]) -> None:
    """Every registered metric on one scene and one separator, as a cell has them: arrays that nobody writes to."""
    from soundstage.catalogue.registry import Registry

    registry = Registry.load()
    scene = scene_of(references)
    named = dict(zip(scene.references, estimates, strict=True))
    for name in registry.names("metrics"):
        choice = registry.choose("metrics", name)
        if choice.plugin.target.endswith(".py"):  # a script has a process, and an environment, of its own
            continue
        metric = choice.build()
        scorer = _timed(times, f"{name} prepare", lambda metric=metric: metric.prepare(scene))
        _timed(times, f"{name} score", lambda scorer=scorer: list(scorer(named)))
    each = {tuple(what.split(" ")): spent for what, spent in times.items()}
    for prefix, names in (("", {name for name, _ in each}), ("seven ", set(SEVEN))):
        times[f"{prefix}first"] = sum(spent for (name, _), spent in each.items() if name in names)
        times[f"{prefix}further"] = sum(
            spent for (name, part), spent in each.items() if name in names and part == "score"
        )


def _report(times: dict[str, float], values: list[np.ndarray]) -> dict[str, object]:
    status = Path("/proc/self/status").read_text()  # not getrusage, which a child inherits from its parent
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    return {"times": times, "values": [np.asarray(value).tolist() for value in values], "peak_mb": peak}


def measured(name: str, audio: Path, at_once: int = 1, runs: int = 1) -> dict[str, Any] | None:
    """The figure that is the median of several runs, each from processes of its own; None where it cannot be had here.

    at_once: how many run together; the slowest of them counts.
    """
    figures = [_run(name, audio, at_once) for _ in range(runs)]
    known = [figure for figure in figures if figure is not None]
    if len(known) < runs:
        return None
    times = {what: statistics.median(one["times"][what] for one in known) for what in known[0]["times"]}
    return {**known[0], "times": times, "peak_mb": max(one["peak_mb"] for one in known)}


def _run(name: str, audio: Path, at_once: int) -> dict[str, Any] | None:
    running = []
    for index in range(at_once):
        out = audio / f"figure-{index}.json"
        command = [sys.executable, __file__, "--task", name, "--out", str(out), "--audio", str(audio)]
        running.append((subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True), out))
    figures = []
    for process, out in running:
        _, errors = process.communicate()
        if process.returncode:
            print(f"{name}: cannot be measured here: {errors.strip().splitlines()[-1:]}")
        else:
            figures.append(json.loads(out.read_text()))
    if len(figures) < at_once:
        return None
    return max(figures, key=lambda figure: figure["times"]["first"])


def worst(one: dict, other: dict) -> float:
    """The largest difference of two figures' values."""
    pairs = zip(one["values"], other["values"], strict=True)
    return max(float(np.nanmax(np.abs(np.array(a, float) - np.array(b, float)))) for a, b in pairs)


def row(what: str, seconds: float | None, ratio: str, peak: float | None, delta: str = "") -> None:
    """Print one line of the table."""
    took = "" if seconds is None else f"{seconds:8.2f} s"
    print(f"{what:<52}{took:>10}  {ratio:>9}  {'' if peak is None else f'{peak:7.0f} MB'}  {delta}")


def _real_time(seconds: float, spent: float) -> str:
    return f"real time / {seconds / spent:.1f}"


def write_audio(audio: Path, seconds: float, sources: int) -> None:
    """Put the audio there for the tasks."""
    references, estimates = music(seconds, sources)
    for what, signals in (("references", references), ("estimates", estimates)):
        for index, signal in enumerate(signals):
            np.save(audio / f"{what}-{index}.npy", signal)


def main() -> int:
    """Print the table and the bars; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=BARS_FOR[0])
    parser.add_argument("--sources", type=int, default=BARS_FOR[1])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--task")
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.task:
        options.out.write_text(json.dumps(task(options.task, options.audio)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        reached = table(Path(folder), options.seconds, options.sources, options.runs)
        by_duration(Path(folder), options.seconds, options.sources)
    is_short = judged(reached)
    if (options.seconds, options.sources) != BARS_FOR:
        print(f"the bars are for {BARS_FOR[0]:g} s of {BARS_FOR[1]} sources: here they are not held")
        return 0
    return int(is_short)


def judged(reached: dict[str, float]) -> bool:
    """Print what each bar asks and what was reached, and say whether one is missed, or was not measured."""
    is_short = False
    print(f"\n{'bar':<52}{'reached':>9}{'asked':>9}")
    for what, bar in BARS.items():
        found = reached.get(what)
        is_missed = found is None or found < bar
        is_short |= is_missed
        told = "not had" if found is None else f"{found:.1f}"
        print(f"{what:<52}{told:>9}{bar:>9g}  {'MISSED' if is_missed else 'held'}")
    return is_short


def table(audio: Path, seconds: float, sources: int, runs: int) -> dict[str, float]:
    """Measure everything on the same audio and print it; what was reached of each bar that could be measured."""
    write_audio(audio, seconds, sources)
    held = sum(file.stat().st_size for file in audio.glob("*.npy")) / 2**20
    print(
        f"{seconds:g} s, {sources} stereo sources of 16-bit music-like audio, {RATE} Hz; they alone are {held:.0f} MB"
    )
    print(f"{'':<52}{'time':>10}  {'speed-up':>9}  {'peak':>10}  max |Δ| to the peer, dB")
    reached: dict[str, float] = {}

    def against(peer: dict, what: str, spent: float, ours: dict) -> None:
        reached[what] = peer["times"]["first"] / spent
        row(what, spent, f"{reached[what]:.1f}×", ours["peak_mb"], f"{worst(ours, peer):.1e}")

    ours, peer = measured("bsseval", audio, runs=runs), measured("museval", audio, runs=runs)
    if ours and peer:
        row("BSS Eval v4, museval", peer["times"]["first"], "1", peer["peak_mb"])
        against(peer, "BSS Eval v4, first separator of a scene", ours["times"]["first"], ours)
        against(peer, "BSS Eval v4, each further separator", ours["times"]["further"], ours)
    peer = measured("spauq peer", audio, runs=runs)
    for what, threads in (("spauq", "two threads"), ("spauq alone", "one thread")):
        ours = measured(what, audio, runs=runs)
        if peer and ours:
            if what == "spauq":
                row("SPAUQ (published), frame by frame", peer["times"]["first"], "1", peer["peak_mb"])
            against(peer, f"SPAUQ (published), {threads}", ours["times"]["first"], ours)
    if suite := measured("suite", audio):
        times = suite["times"]
        row("every metric, one cell", times["first"], "", suite["peak_mb"], _real_time(seconds, times["first"]))
        for name, spent in times.items():
            if not name.endswith(("first", "further")) and spent > 0.05:
                print(f"    {name:<48}{spent:8.2f} s")
    if suite := measured("suite alone", audio, at_once=2, runs=runs):
        for of, prefix in (("every metric", ""), ("seven metrics", "seven ")):
            for what, which in (("first of a scene", "first"), ("further ones", "further")):
                spent = suite["times"][prefix + which] / 2
                said = f"{of}, two cells at once, {what}"
                reached[said] = seconds / spent
                row(said, spent, "", suite["peak_mb"], _real_time(seconds, spent))
    return reached


def by_duration(audio: Path, seconds: float, sources: int) -> None:
    """Print what BSS Eval costs by the length of the audio."""
    print("\nBSS Eval v4 by duration (first / further separator):")
    for duration in (30, 60, 120, 240):
        if duration <= seconds:
            write_audio(audio, duration, sources)
            if one := measured("bsseval", audio):
                times = f"{one['times']['first']:6.2f} s  {one['times']['further']:6.2f} s"
                print(f"  {duration:>4} s  {times}  {one['peak_mb']:6.0f} MB")


if __name__ == "__main__":
    sys.exit(main())
