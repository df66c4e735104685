"""How fast the metrics are against the originals: one run, one machine, the same audio, a process for each figure.

    python benchmarks/metrics.py [--seconds 240] [--sources 4]

Ours may use two threads (`scipy.fft.set_workers(2)`), the originals as many as they like.
Needs museval (the `dev` extra, and ffmpeg on the path); without it only our own figures are printed. SPAUQ's peer is
written here from its definition, frame by frame with twelve FFTs, as the original package works.
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
import scipy.fft

RATE = 44100


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


def scene_of(references: np.ndarray):
    """The scene of these references."""
    from soundstage.scene import Scene

    named = {f"source {index}": reference for index, reference in enumerate(references)}
    return Scene(RATE, references.sum(axis=0), named)


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


def task(name: str, seconds: float, sources: int) -> dict[str, object]:
    """Run one figure in this process. Times leave out making the audio and importing."""
    references, estimates = music(seconds, sources)
    values: list[np.ndarray] = []
    made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if name == "museval":
        import museval

        swapped = references.transpose(0, 2, 1), estimates.transpose(0, 2, 1)
        begin = time.perf_counter()
        found = museval.metrics.bss_eval(
            *swapped,
            window=RATE,
            hop=RATE,
            compute_permutation=False,
            framewise_filters=False,
            bsseval_sources_version=False,
        )
        spent, values = time.perf_counter() - begin, list(found[:4])
    elif name == "bsseval":
        from soundstage_metrics.bsseval import BssEval

        scene = scene_of(references)
        named = dict(zip(scene.references, estimates, strict=True))
        with scipy.fft.set_workers(2):
            begin = time.perf_counter()
            scorer = BssEval().prepare(scene)
            rows = list(scorer(named))
            first = time.perf_counter() - begin
            begin = time.perf_counter()
            list(scorer(named))
            further = time.perf_counter() - begin
        for measure in ("SDR", "ISR", "SIR", "SAR"):
            flat = [row.value for row in rows if row.name == measure and row.frame is not None]
            values.append(np.reshape(flat, (sources, -1)))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return _report({"first": first, "further": further}, values, made, peak)
    elif name in ("spauq peer", "spauq"):
        from soundstage_metrics.spauq import spauq

        begin = time.perf_counter()
        for s, e in zip(references, estimates, strict=True):
            if name == "spauq":
                frames = spauq(s, e, RATE, "published")
                values += [frames.ssr, frames.srr]
            else:
                values += spauq_peer(s, e)
        spent = time.perf_counter() - begin
    elif name == "suite":
        spent = _suite(references, estimates)
    else:
        raise SystemExit(f"no task '{name}'")
    return _report({"first": spent}, values, made, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _suite(references: np.ndarray, estimates: np.ndarray) -> float:
    """Every registered metric on one scene and one separator, one process a core as the runner's pool has them."""
    from concurrent.futures import ThreadPoolExecutor

    from soundstage.registry import Registry

    registry = Registry.load()
    scene = scene_of(references)
    named = dict(zip(scene.references, estimates, strict=True))
    metrics = [registry.choose("metrics", name).build() for name in registry.names("metrics")]
    begin = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda metric: list(metric.prepare(scene)(named)), metrics))
    return time.perf_counter() - begin


def _report(times: dict[str, float], values: list[np.ndarray], made: int, peak: int) -> dict[str, object]:
    return {
        "times": times,
        "values": [np.asarray(v).tolist() for v in values],
        "made_mb": made / 1024,
        "peak_mb": peak / 1024,
    }


def measured(name: str, seconds: float, sources: int) -> dict[str, object] | None:
    """One figure from a process of its own; None where it cannot be had here."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figure.json"
        command = [sys.executable, __file__, "--task", name, "--out", str(out)]
        command += ["--seconds", str(seconds), "--sources", str(sources)]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            print(f"{name}: cannot be measured here: {result.stderr.strip().splitlines()[-1:]}")
            return None
        return json.loads(out.read_text())


def worst(one: dict, other: dict) -> float:
    """The largest difference of two figures' values."""
    pairs = zip(one["values"], other["values"], strict=True)
    return max(float(np.nanmax(np.abs(np.array(a, float) - np.array(b, float)))) for a, b in pairs)


def row(what: str, seconds: float | None, ratio: str, peak: float | None, delta: str = "") -> None:
    """Print one line of the table."""
    took = "" if seconds is None else f"{seconds:8.2f} s"
    print(f"{what:<44}{took:>10}  {ratio:>9}  {'' if peak is None else f'{peak:7.0f} MB'}  {delta}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--sources", type=int, default=4)
    parser.add_argument("--task")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.task:
        options.out.write_text(json.dumps(task(options.task, options.seconds, options.sources)))
        return
    seconds, sources = options.seconds, options.sources
    print(f"{seconds:g} s, {sources} stereo sources of 16-bit music-like audio, {RATE} Hz")
    print(f"{'':<44}{'time':>10}  {'speed-up':>9}  {'peak':>10}  max |Δ| to the peer, dB")
    ours, peer = measured("bsseval", seconds, sources), measured("museval", seconds, sources)
    if peer and ours:
        base = peer["times"]["first"]
        row("BSS Eval v4, museval", base, "1", peer["peak_mb"])
        delta = f"{worst(ours, peer):.1e}"
        row(
            "BSS Eval v4, first separator of a scene",
            ours["times"]["first"],
            f"{base / ours['times']['first']:.1f}×",
            ours["peak_mb"],
            delta,
        )
        row(
            "BSS Eval v4, each further separator",
            ours["times"]["further"],
            f"{base / ours['times']['further']:.1f}×",
            None,
        )
    elif ours:
        row("BSS Eval v4, first separator of a scene", ours["times"]["first"], "", ours["peak_mb"])
        row("BSS Eval v4, each further separator", ours["times"]["further"], "", None)
    peer, ours = measured("spauq peer", seconds, sources), measured("spauq", seconds, sources)
    if peer and ours:
        base = peer["times"]["first"]
        row("SPAUQ (published), frame by frame", base, "1", peer["peak_mb"])
        row(
            "SPAUQ (published), ours",
            ours["times"]["first"],
            f"{base / ours['times']['first']:.1f}×",
            ours["peak_mb"],
            f"{worst(ours, peer):.1e}",
        )
    suite = measured("suite", seconds, sources)
    if suite:
        row(
            "every registered metric, two threads",
            suite["times"]["first"],
            f"real time / {seconds / suite['times']['first']:.0f}",
            suite["peak_mb"],
        )
    print("\nBSS Eval v4 by duration (first / further separator):")
    for duration in (30, 60, 120, 240):
        if duration <= seconds and (one := measured("bsseval", duration, sources)):
            times = f"{one['times']['first']:6.2f} s  {one['times']['further']:6.2f} s"
            print(f"  {duration:>4} s  {times}  {one['peak_mb']:6.0f} MB")


if __name__ == "__main__":
    main()
