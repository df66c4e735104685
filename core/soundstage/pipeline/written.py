"""What whoever wrote stems to files did to them on the way, as far as mixture and references show it.

Facts to be read beside the numbers, which they never change. Each is a phrase about one stem, by its kind:

- `peak`: the largest sample is one that a known writer scales to, within the rounding of the file's own bits. A stem
  that nobody scaled peaks there by chance once in several thousand.
- `gain`: no gain of 1 explains the stem. Of an estimate ŝ = g·(s + e) the gain lies between <s,ŝ>/<s,s>, which is g
  where the error is independent of the source, and <ŝ,ŝ>/<s,ŝ>, which is g where ŝ is the best linear estimate, as
  masks make them; both are widened by CORRELATION of the error. Where all stems are there and explain the mixture, its
  least squares on them narrow that for each, and its least squares on their sum for all of them together, widened by
  the share of what is left. Gains within LEVEL of 1 are not looked for: they cap the SSR of a perfect estimate at
  −20·log10(0.02) = 34 dB.
- `bits`: every sample is a whole number of steps of 16 bits or fewer.
- `delay`: stem and reference agree best with a lag, by plain cross-correlation; or with different lags in the two
  halves of the song, between which samples were lost.
- `polarity`, `channels`: the least-squares gain is negative, in both channels or in one; the stem is nearer the
  reference with left and right exchanged, by SWAP_DB at least.
- `band`: the stem falls silent from one band of 500 Hz to the next, where the reference goes on.
- `same`: two stems, or a stem and the mixture, are one signal but for a gain and −40 dB.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundstage.audio import Samples
from soundstage.scene import Scene
from soundstage.sources import scored

Traces = dict[str, dict[str, str]]
"""Source → kind → phrase."""

WRITERS = {
    1.0 / 1.01: "0.9901 = 1/1.01, to which Demucs' command line scales each stem that would clip",
    0.9: "0.9, to which audio-separator scales mixtures and stems that are louder",
}
"""Peak → as the phrase has it."""

STEPS = 2.0
"""Of the file's bits that a peak may be off: writers multiply by 32767 or 32768 and round or cut off."""

DEPTHS = (8, 16, 24)
FLOAT_STEP = 2.0**-22
"""What stands for a step of floating-point files: twice the rounding of 32 bits near 1."""

LEVEL, APART = 0.02, 0.05
"""From which on a gain, and that of one stem against another, are said."""

CORRELATION = 0.25
"""The most of an error that is taken for a part of the source, or of what the stems' sum leaves of the mixture."""

EXPLAINED = 0.25
"""Of the mixture's amplitude that the stems' weighted sum may leave, so that its weights say something."""

SHARED = 0.1
"""The most of what the stems' plain sum leaves of the mixture that is taken for a part of it."""

HEARD = 0.1
"""The squared correlation with the reference below which an estimate says nothing of gain, lag or polarity."""

ROUNDING = 1e-6
SWAP_DB = 3.0
SAME = 1e-4
BLOCK, LONGEST_LAG = 2**19, 2**16
LAG_GAIN = 1.05
"""By how much more a lag must agree than none."""

BAND_HZ, LOWEST_LIMIT_HZ = 500.0, 4000.0
FALL_DB, GONE_DB, AUDIBLE_DB = 25.0, -30.0, -75.0
"""How far the stem falls against the reference from one band to the next; how far below it stays; and how far below
the reference's own loudest band a band still tells something."""

SENTENCES = {
    "peak": "stems peak at exactly {}",
    "gain": "stems have a gain that their references do not explain, or differ in it",
    "bits": "stems have no more than 16 bits",
    "delay": "stems come late or early against their references, or lost samples",
    "polarity": "stems have the polarity inverted",
    "channels": "stems have left and right exchanged",
    "band": "stems end at a frequency above which their references go on",
    "same": "stems are the same as others, or as the mixture",
}
"""Of whatever stems of whatever song, for a summary."""


@dataclass(frozen=True, slots=True)
class _Stem:
    """A stem beside what it estimates, at the mixture's level, both as one long vector; and their products."""

    image: Samples
    goal: Samples
    cross: float
    own: float
    goals: float

    @classmethod
    def of(cls, image: Samples, goal: Samples) -> _Stem:
        return cls(image, goal, _dot(image, goal), _dot(image, image), _dot(goal, goal))

    @property
    def likeness(self) -> float:
        """The squared correlation; 0 where either is silent."""
        return self.cross**2 / (self.own * self.goals) if self.own > 0 and self.goals > 0 else 0.0


def traces(images: Mapping[str, Samples], scene: Scene) -> Traces:
    """What was done to each image, by source and kind; sources and kinds of which there is nothing to say are left out.

    images: source → (2, samples), at the scene's rate and length.
    """
    references = scored(scene, images).references
    found: Traces = {source: {} for source in images}
    stems = {
        source: _Stem.of(image, scene.gain * references[source])
        for source, image in images.items()
        if source in references and np.any(image)
    }
    for source, stem in stems.items():
        bits = _bits(stem.image)
        phrases = {
            "peak": _peak(stem.image, bits),
            "bits": f"{bits} bits" if bits and bits <= 16 else "",
            "delay": _delay(stem),
            "polarity": _polarity(stem),
            "channels": _channels(stem),
            "band": _band(stem, scene.rate),
        }
        found[source] |= {kind: phrase for kind, phrase in phrases.items() if phrase}
    displaced = {source for source in stems if {"delay", "channels", "polarity"} & found[source].keys()}
    for kind, pairs in (("gain", _gains(stems, displaced, references, scene)), ("same", _same(stems, scene.mixture))):
        for source, phrase in pairs:
            found[source][kind] = "; ".join(filter(None, (found[source].get(kind, ""), phrase)))
    return {source: phrases for source, phrases in found.items() if phrases}


def sentences(found: Traces) -> list[str]:
    """A sentence for each kind of which there is something, the same for every song, so that they can be counted."""
    told: dict[str, None] = {}
    for kind, sentence in SENTENCES.items():
        for phrases in found.values():
            if kind in phrases:
                told[sentence.format(phrases[kind].removeprefix(PEAKS))] = None
    return list(told)


PEAKS = "peaks at exactly "


def _dot(one: Samples, other: Samples) -> float:
    return float(np.vdot(one, other))


def _bits(image: Samples) -> int:
    """The fewest bits that hold every sample; 0 where it takes floating point."""
    return next((bits for bits in DEPTHS if _fits(image[:, ::997], bits) and _fits(image, bits)), 0)


def _fits(image: Samples, bits: int) -> bool:
    scaled = image * 2.0 ** (bits - 1)
    return np.array_equal(scaled, np.rint(scaled))


def _peak(image: Samples, bits: int) -> str:
    step = 2.0 ** (1 - bits) if bits else FLOAT_STEP
    peak = float(np.max(np.abs(image)))
    return next((PEAKS + said for known, said in WRITERS.items() if abs(peak - known) <= STEPS * step), "")


# gain


def _gains(
    stems: Mapping[str, _Stem], displaced: set[str], references: Mapping[str, Samples], scene: Scene
) -> Iterator[tuple[str, str]]:
    """Source and phrase for each stem whose gain is not 1, and for each that differs from another's."""
    known = {source: _range(stem) for source, stem in stems.items() if source not in displaced}
    ranges = {source: one for source, one in known.items() if one is not None}
    whole = (-math.inf, math.inf)
    if not displaced and set(stems) == set(references):
        for source, share in _shares(stems, scene.mixture).items():
            ranges[source] = _both(ranges.get(source, whole), share)
        together = _together(stems, scene.mixture)
        if together and all(low <= together[1] and high >= together[0] for low, high in ranges.values()):
            if not _is_one(together):
                yield from ((source, f"all together {_written(*together)} of the mixture") for source in stems)
                return
            ranges = {source: _both(one, together) for source, one in ranges.items()}
    yield from ((source, f"a gain of {_written(*one)}") for source, one in ranges.items() if not _is_one(one))
    lowest = min(ranges, key=lambda source: ranges[source][1], default="")
    for source, (low, _) in ranges.items():
        if low > (1.0 + APART) * ranges[lowest][1]:
            yield source, f"another gain than {lowest}"
            yield lowest, f"another gain than {source}"


def _both(one: tuple[float, float], narrower: tuple[float, float]) -> tuple[float, float]:
    """What both ranges have in common; the wider, where that is nothing."""
    low, high = max(one[0], narrower[0]), min(one[1], narrower[1])
    return (low, high) if low <= high else one


def _is_one(gain: tuple[float, float]) -> bool:
    return gain[0] <= 1.0 + LEVEL and gain[1] >= 1.0 - LEVEL


def _together(stems: Mapping[str, _Stem], mixture: Samples) -> tuple[float, float] | None:
    """Between which the gain lies that all stems have; None where their sum does not explain the mixture."""
    total = sum((stem.image for stem in stems.values()), np.zeros_like(mixture))
    whole = _dot(mixture, mixture)
    if whole == 0.0 or not np.any(total):
        return None
    gain = _dot(total, mixture) / whole
    left = math.sqrt(max(_dot(total, total) - gain**2 * whole, 0.0) / whole)
    if gain <= 0.0 or left > EXPLAINED * gain:
        return None
    return gain - SHARED * left, gain + SHARED * left


def _range(stem: _Stem) -> tuple[float, float] | None:
    """Between which the gain lies by the reference alone; None where the estimate is too unlike it to say."""
    if stem.likeness < HEARD or stem.cross <= 0:
        return None
    forward, backward = stem.cross / stem.goals, stem.own / stem.cross
    error = math.sqrt(max(stem.own / stem.goals - forward**2, 0.0))
    return forward - CORRELATION * error, backward + CORRELATION * error


def _shares(stems: Mapping[str, _Stem], mixture: Samples) -> dict[str, tuple[float, float]]:
    """Between which each gain lies by the mixture, of which the stems are parts; empty where they do not explain it."""
    images = [stem.image for stem in stems.values()]
    gram = np.array([[_dot(one, other) for other in images] for one in images])
    try:
        inverse: NDArray[np.float64] = np.linalg.inv(gram)
    except np.linalg.LinAlgError:
        return {}
    weights = inverse @ np.array([_dot(image, mixture) for image in images])
    left = _dot(mixture, mixture) - float(weights @ gram @ weights)
    residual = math.sqrt(max(left, 0.0))
    if residual > EXPLAINED * math.sqrt(_dot(mixture, mixture)):
        return {}
    found = {}
    for source, weight, spread in zip(stems, weights, np.diagonal(inverse), strict=True):
        unsure = CORRELATION * residual * math.sqrt(max(float(spread), 0.0)) + ROUNDING
        if weight > 2.0 * unsure:
            found[source] = (1.0 / (weight + unsure), 1.0 / (weight - unsure))
    return found


def _written(low: float, high: float) -> str:
    return f"{low:.3f}" if high - low < 0.002 else f"{low:.2f} to {high:.2f}"


# place


def _delay(stem: _Stem) -> str:
    """The lag at the loudest place of each half of the song."""
    length = stem.goal.shape[1]
    parts = ((0, length),) if length < 2 * BLOCK else ((0, length // 2), (length // 2, length))
    lags = [lag for start, stop in parts if (lag := _lag(stem, start, stop)) is not None]
    if not any(lags):
        return ""
    if len(set(lags)) == 1:
        return f"{abs(lags[0])} samples {'late' if lags[0] > 0 else 'early'}"
    return f"{lags[0]} samples late in its first half and {lags[1]} in its second: samples were lost or put in"


def _lag(stem: _Stem, start: int, stop: int) -> int | None:
    """By how many samples the stem comes late in that part of the song; None where it cannot be said."""
    block = min(BLOCK, stop - start)
    loudness = np.add.reduceat(np.sum(stem.goal[:, start:stop] ** 2, axis=0), np.arange(0, stop - start, block))
    begin = start + min(int(np.argmax(loudness)) * block, stop - start - block)
    goal, image = stem.goal[:, begin : begin + block], stem.image[:, begin : begin + block]
    size = 1 << (2 * block - 1).bit_length()
    spectrum = np.sum(np.fft.rfft(image, size) * np.conj(np.fft.rfft(goal, size)), axis=0)
    agreement = np.abs(np.fft.irfft(spectrum, size))
    reach = min(LONGEST_LAG, block - 1)
    window = np.concatenate([agreement[-reach:], agreement[: reach + 1]]) if reach else agreement[:1]
    best = int(np.argmax(window)) - reach
    level = math.sqrt(_dot(goal, goal) * _dot(image, image))
    if level == 0.0 or float(window[best + reach]) < math.sqrt(HEARD) * level:
        return None
    return best if window[best + reach] > LAG_GAIN * window[reach] else 0


def _polarity(stem: _Stem) -> str:
    of_channels = [_Stem.of(image, goal) for image, goal in zip(stem.image, stem.goal, strict=True)]
    heard = [one.likeness > HEARD for one in of_channels]
    inverted = [one.cross < 0 and tells for one, tells in zip(of_channels, heard, strict=True)]
    if any(inverted) and inverted == heard:
        return "the polarity inverted"
    return f"the polarity of its {'left' if inverted[0] else 'right'} channel inverted" if any(inverted) else ""


def _channels(stem: _Stem) -> str:
    """Whether the exchanged stem, at its best gain of either sign, is nearer the reference."""
    swapped = _Stem.of(stem.image[::-1], stem.goal)
    as_is, other = 1.0 - stem.likeness, 1.0 - swapped.likeness
    nearer = other < as_is * 10.0 ** (-SWAP_DB / 10.0) and swapped.likeness > HEARD
    return "left and right exchanged" if nearer else ""


def _band(stem: _Stem, rate: int) -> str:
    """The frequency from which on there is nothing of what the reference has."""
    image, goal, edges = _bands(stem.image, rate), _bands(stem.goal, rate), BAND_HZ
    with np.errstate(divide="ignore", invalid="ignore"):
        against = 10.0 * np.log10(image / goal)
        heard = 10.0 * np.log10(goal / np.max(goal)) > AUDIBLE_DB
    for index in range(max(1, int(LOWEST_LIMIT_HZ / edges)), len(goal) - 1):
        above = heard[index:]
        if not (heard[index - 1] and above[:2].all()):
            continue
        falls = against[index - 1] - against[index + 1] > FALL_DB and against[index - 1] > GONE_DB / 2
        if falls and np.all(against[index + 1 :][above[1:]] < GONE_DB):
            return f"nothing above {index * edges / 1000.0:g} kHz, where the reference goes on"
    return ""


def _bands(samples: Samples, rate: int) -> NDArray[np.float64]:
    """The energy in bands of BAND_HZ, over frames that are spread over the whole."""
    size = 1 << max(6, math.ceil(math.log2(4.0 * rate / BAND_HZ)))
    if samples.shape[1] < size:
        samples = np.pad(samples, ((0, 0), (0, size - samples.shape[1])))
    starts = np.unique(np.linspace(0, samples.shape[1] - size, 200).astype(int))
    window = np.hanning(size + 1)[:-1]
    power = np.zeros(size // 2 + 1)
    for start in starts:
        power += np.sum(np.abs(np.fft.rfft(samples[:, start : start + size] * window)) ** 2, axis=0)
    bands = (np.arange(len(power)) * (rate / size) / BAND_HZ).astype(int)
    energies: NDArray[np.float64] = np.bincount(bands, weights=power)[: int(rate / 2 / BAND_HZ)].astype(np.float64)
    return energies


def _same(stems: Mapping[str, _Stem], mixture: Samples) -> Iterator[tuple[str, str]]:
    for (one, first), (other, second) in itertools.combinations(stems.items(), 2):
        if _Stem.of(first.image, second.image).likeness > 1.0 - SAME:
            yield one, f"the same as {other}"
            yield other, f"the same as {one}"
    for source, stem in stems.items():
        if len(stems) > 1 and _Stem.of(stem.image, mixture).likeness > 1.0 - SAME:
            yield source, "the same as the mixture"
