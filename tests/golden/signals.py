"""Deterministic two-channel test signals for checking metrics against reference implementations.

Every case is a pair (reference, estimate) of float64 arrays of shape (2, samples) at RATE Hz, a pure function of
its name and seed, so that anyone can rebuild the signals that expected.json was computed on.
"""

from __future__ import annotations

import numpy as np

RATE = 44_100


def tone_bursts(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """A mono, music-like line: decaying harmonic notes over a little noise. Shape (samples,)."""
    n = int(seconds * RATE)
    line = 0.001 * rng.standard_normal(n)
    start = 0
    while start < n:
        length = int(rng.uniform(0.15, 0.6) * RATE)
        t = np.arange(min(length, n - start)) / RATE
        f0 = 55.0 * 2.0 ** (rng.integers(0, 36) / 12.0)
        note = sum(np.sin(2 * np.pi * f0 * h * t + rng.uniform(0, 2 * np.pi)) / h for h in range(1, 7))
        line[start : start + len(t)] += 0.2 * note * np.exp(-4.0 * t)
        start += length
    return line


def pan(line: np.ndarray, delay: int, gain_db: float) -> np.ndarray:
    """Put a mono line off-centre: the right channel is `delay` samples later and `gain_db` louder."""
    right = np.roll(line, delay)
    right[:delay] = 0.0
    return np.stack([line, right * 10 ** (gain_db / 20)])


def case(name: str, seed: int = 0, seconds: float = 4.3) -> tuple[np.ndarray, np.ndarray]:
    """The (reference, estimate) pair called `name`."""
    rng = np.random.default_rng(seed)
    target = pan(tone_bursts(rng, seconds), delay=11, gain_db=-4.0)
    other = pan(tone_bursts(rng, seconds), delay=0, gain_db=6.0)
    noise = rng.standard_normal(target.shape)
    match name:
        case "identity":
            estimate = target.copy()
        case "swapped-channels":
            estimate = target[::-1].copy()
        case "mono-downmix":
            estimate = np.stack([target.mean(axis=0)] * 2)
        case "right-6dB-down":
            estimate = target * np.array([[1.0], [0.5]])
        case "both-20-samples-late":
            estimate = np.roll(target, 20, axis=1)
        case "right-7-samples-late":
            estimate = np.stack([target[0], np.roll(target[1], 7)])
        case "leaky":
            estimate = target + 0.25 * other
        case "noisy":
            estimate = target + 0.02 * noise
        case "cross-talk":
            estimate = np.array([[0.9, 0.2], [0.1, 1.1]]) @ target
        case "everything":
            estimate = np.array([[0.8, 0.1], [0.2, 1.0]]) @ np.roll(target, -9, axis=1) + 0.1 * other + 0.005 * noise
        case "silent-middle":
            target = target.copy()
            target[:, int(1.0 * RATE) : int(3.0 * RATE)] = 0.0
            estimate = target + 0.05 * other
        case "silent-right-estimate":
            estimate = target * np.array([[1.0], [0.0]])
        case "silent-estimate":
            estimate = np.zeros_like(target)
        case "hard-left":
            target = target * np.array([[1.0], [0.0]])
            estimate = target + 0.05 * other
        case "quiet-right":
            target = target * np.array([[1.0], [0.003]])
            estimate = target + 0.05 * other
        case "polarity-flip":
            estimate = -target
        case _:
            raise KeyError(name)
    return target, estimate


CASES = [
    "identity",
    "swapped-channels",
    "mono-downmix",
    "right-6dB-down",
    "both-20-samples-late",
    "right-7-samples-late",
    "leaky",
    "noisy",
    "cross-talk",
    "everything",
    "silent-middle",
    "silent-right-estimate",
    "silent-estimate",
    "polarity-flip",
    "hard-left",
    "quiet-right",
]


def four_sources(seed: int = 0, seconds: float = 6.0) -> tuple[np.ndarray, np.ndarray]:
    """Four panned sources on the 16-bit grid, and leaky, noisy estimates of them. Shapes (4, 2, samples).

    Without the rounding BSS Eval's ISR, SIR and SAR are ill-posed here (panned mono), in the original too.
    """
    rng = np.random.default_rng(seed)
    places = [(0, 0.0), (9, -3.0), (3, 8.0), (17, -6.0)]
    references = np.stack([pan(tone_bursts(rng, seconds), delay, gain) for delay, gain in places])
    references = np.round(references * 32768) / 32768
    leak = np.eye(4) + 0.12 * rng.uniform(-1, 1, (4, 4))
    estimates = np.einsum("ij,jcn->icn", leak, references) + 0.003 * rng.standard_normal(references.shape)
    return references, estimates
