"""How fast the metrics are against the originals: one run, one machine, the same audio, a process for each figure.

    python benchmarks/metrics.py [--seconds 240] [--sources 4]

Ours may use two threads (`scipy.fft.set_workers(2)`), the originals as many as they like.
Needs museval (the `dev` extra, and ffmpeg on the path); without it only our own figures are printed. SPAUQ's peer is
written here from its definition, frame by frame with twelve FFTs, as the original package works.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
from threadpoolctl import threadpool_limits

RATE = 44100
ALONE = ("museval", "spauq peer", "suite alone")
"""Tasks that get one thread of ours."""


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
    with scipy.fft.set_workers(1 if name in ALONE else 2):
        if name == "museval":
            import museval

            found = _timed(
                times,
                "first",
                lambda: museval.metrics.bss_eval(
                    np.stack(references).transpose(0, 2, 1),
                    np.stack(estimates).transpose(0, 2, 1),
                    window=RATE,
                    hop=RATE,
                    compute_permutation=False,
                    framewise_filters=False,
                    bsseval_sources_version=False,
                ),
            )
            values = list(found[:4])
        elif name == "bsseval":
            from soundstage_metrics.bsseval import BssEval

            scene = scene_of(references)
            named = dict(zip(scene.references, estimates, strict=True))
            scorer = _timed(times, "prepare", lambda: BssEval().prepare(scene))
            rows = _timed(times, "score", lambda: list(scorer(named)))
            _timed(times, "further", lambda: list(scorer(named)))
            times["first"] = times["prepare"] + times["score"]
            for measure in ("SDR", "ISR", "SIR", "SAR"):
                flat = [row.value for row in rows if row.name == measure and row.frame is not None]
                values.append(np.reshape(flat, (len(references), -1)))
        elif name in ("spauq peer", "spauq"):
            from soundstage_metrics.spauq import spauq

            def both() -> None:
                for s, e in zip(references, estimates, strict=True):
                    if name == "spauq":
                        frames = spauq(s, e, RATE, "published")
                        values.extend([frames.ssr, frames.srr])
                    else:
                        values.extend(spauq_peer(s, e))

            _timed(times, "first", both)
        elif name == "suite":
            _suite(references, estimates, times)
        elif name == "suite alone":
            with threadpool_limits(1):
                _suite(references, estimates, times)
    return _report(times, values)


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
        metric = registry.choose("metrics", name).build()
        scorer = _timed(times, f"{name} prepare", lambda metric=metric: metric.prepare(scene))
        _timed(times, f"{name} score", lambda scorer=scorer: list(scorer(named)))
    times["further"] = sum(spent for what, spent in times.items() if what.endswith(" score"))
    times["first"] = sum(spent for what, spent in times.items() if what != "further")


def _report(times: dict[str, float], values: list[np.ndarray]) -> dict[str, object]:
    status = Path("/proc/self/status").read_text()  # not getrusage, which a child inherits from its parent
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    return {"times": times, "values": [np.asarray(value).tolist() for value in values], "peak_mb": peak}


def measured(name: str, audio: Path, at_once: int = 1) -> dict[str, Any] | None:
    """One figure from a process of its own, or the slowest of several at once; None where it cannot be had here."""
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
            return None
        figures.append(json.loads(out.read_text()))
    return max(figures, key=lambda figure: figure["times"]["first"])


def worst(one: dict, other: dict) -> float:
    """The largest difference of two figures' values."""
    pairs = zip(one["values"], other["values"], strict=True)
    return max(float(np.nanmax(np.abs(np.array(a, float) - np.array(b, float)))) for a, b in pairs)


def row(what: str, seconds: float | None, ratio: str, peak: float | None, delta: str = "") -> None:
    """Print one line of the table."""
    took = "" if seconds is None else f"{seconds:8.2f} s"
    print(f"{what:<44}{took:>10}  {ratio:>9}  {'' if peak is None else f'{peak:7.0f} MB'}  {delta}")


def _real_time(seconds: float, spent: float) -> str:
    return f"real time / {seconds / spent:.1f}"


def write_audio(audio: Path, seconds: float, sources: int) -> None:
    """Put the audio there for the tasks."""
    references, estimates = music(seconds, sources)
    for what, signals in (("references", references), ("estimates", estimates)):
        for index, signal in enumerate(signals):
            np.save(audio / f"{what}-{index}.npy", signal)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--sources", type=int, default=4)
    parser.add_argument("--task")
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.task:
        options.out.write_text(json.dumps(task(options.task, options.audio)))
        return
    with tempfile.TemporaryDirectory() as folder:
        table(Path(folder), options.seconds, options.sources)


def table(audio: Path, seconds: float, sources: int) -> None:
    """Measure everything on the same audio and print it."""
    write_audio(audio, seconds, sources)
    held = sum(file.stat().st_size for file in audio.glob("*.npy")) / 2**20
    print(
        f"{seconds:g} s, {sources} stereo sources of 16-bit music-like audio, {RATE} Hz; they alone are {held:.0f} MB"
    )
    print(f"{'':<44}{'time':>10}  {'speed-up':>9}  {'peak':>10}  max |Δ| to the peer, dB")
    ours, peer = measured("bsseval", audio), measured("museval", audio)
    if ours:
        first, further = ours["times"]["first"], ours["times"]["further"]
        base = peer["times"]["first"] if peer else float("nan")
        if peer:
            row("BSS Eval v4, museval", base, "1", peer["peak_mb"])
        delta = f"{worst(ours, peer):.1e}" if peer else ""
        row("BSS Eval v4, first separator of a scene", first, f"{base / first:.1f}×", ours["peak_mb"], delta)
        row("BSS Eval v4, each further separator", further, f"{base / further:.1f}×", None)
    peer, ours = measured("spauq peer", audio), measured("spauq", audio)
    if peer and ours:
        base, spent = peer["times"]["first"], ours["times"]["first"]
        row("SPAUQ (published), frame by frame", base, "1", peer["peak_mb"])
        row("SPAUQ (published), ours", spent, f"{base / spent:.1f}×", ours["peak_mb"], f"{worst(ours, peer):.1e}")
    if suite := measured("suite", audio):
        times = suite["times"]
        row("every metric, one cell", times["first"], "", suite["peak_mb"], _real_time(seconds, times["first"]))
        for name, spent in times.items():
            if name not in ("first", "further") and spent > 0.05:
                print(f"    {name:<40}{spent:8.2f} s")
    if suite := measured("suite alone", audio, at_once=2):
        first, further = suite["times"]["first"] / 2, suite["times"]["further"] / 2
        row("  two cells at once, first of a scene, each", first, "", suite["peak_mb"], _real_time(seconds, first))
        row("  two cells at once, further ones, each", further, "", None, _real_time(seconds, further))
    print("\nBSS Eval v4 by duration (first / further separator):")
    for duration in (30, 60, 120, 240):
        if duration <= seconds:
            write_audio(audio, duration, sources)
            if one := measured("bsseval", audio):
                times = f"{one['times']['first']:6.2f} s  {one['times']['further']:6.2f} s"
                print(f"  {duration:>4} s  {times}  {one['peak_mb']:6.0f} MB")


if __name__ == "__main__":
    main()
