"""How surely `estimates` and `score` see what the common tools do to the stems that they write.

    python benchmarks/stems.py [--written 200] [--raw 1000] [--seconds 5] [--seed 0]

Makes songs of four sources (noise with the spectrum of bass, voice, drums and the rest, in notes and strokes, each
panned and a little diffuse), separates them as models do, and looks at the stems with
`soundstage.pipeline.written.traces`:

- *raw*: as a model gives them, in floating point. In turns: soft masks that are wrong by some dB, so that the stems sum
  to the mixture; a model a source with masks of its own, so that they do not; the same with the mean of several masks,
  as a squared error makes them.
- *demucs*: each stem that would clip divided by 1.01 times its peak, the others left alone, all cut off at 16 bits.
- *audio-separator*: the mixture divided to a peak of 0.9 where it is louder, each stem again, 16 bits.

Missed is a stem to whose level the tool did something (by 2 % at least) with neither `peak` nor `gain` said of it. A
false alarm is a raw stem of which anything is said. Prints both and exits with 1 where a stem is missed, or false
alarms are more than 1 %.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from soundstage.audio import Samples
from soundstage.pipeline.written import LEVEL, Traces, traces
from soundstage.scene import Scene

RATE = 22050
SOURCES = ("vocals", "drums", "bass", "other")
CENTRES_HZ = {"vocals": 900.0, "drums": 3000.0, "bass": 120.0, "other": 1500.0}
MOST_FALSE = 0.01

Stems = dict[str, Samples]
Random = np.random.Generator


def song(random: Random, seconds: float) -> Scene:
    """A song at a mastered level: its mixture peaks at 0.95 to 1.5."""
    length = int(seconds * RATE)
    references = {source: _source(random, source, length) for source in SOURCES}
    level = random.uniform(0.95, 1.5) / np.max(np.abs(sum(references.values())))
    references = {source: level * image for source, image in references.items()}
    return Scene(RATE, sum(references.values()), references)


def _source(random: Random, source: str, length: int) -> Samples:
    frequency = np.fft.rfftfreq(length, 1.0 / RATE)
    centre = CENTRES_HZ[source] * random.uniform(0.7, 1.4)
    shape = 1.0 / (1.0 + (np.log2(np.maximum(frequency, 20.0) / centre)) ** 2) ** random.uniform(1.0, 2.0)
    noise = random.standard_normal((2, length))
    width = random.uniform(0.0, 0.5)
    noise[1] = np.sqrt(1.0 - width**2) * noise[0] + width * noise[1]
    notes = random.gamma(0.7, size=2 + length // random.integers(2000, 12000))
    loudness = np.interp(np.linspace(0, len(notes) - 1, length), np.arange(len(notes)), notes)
    pan = random.uniform(0.15, 0.85)
    gains = np.array([[np.cos(pan * np.pi / 2)], [np.sin(pan * np.pi / 2)]])
    image = gains * loudness * np.fft.irfft(np.fft.rfft(noise) * shape, length)
    return np.asarray(random.uniform(0.5, 1.5) * image / np.sqrt(np.mean(image**2)))


def masked(scene: Scene, random: Random) -> Stems:
    """Soft masks from magnitudes that are off by some dB, over frames of 1024: the stems sum to the mixture."""
    powers = _powers(scene, random)
    total = sum(powers.values()) + 1e-12
    mixture = _frames(scene.mixture)
    length = scene.mixture.shape[1]
    rest = dict(list(powers.items())[:-1])
    stems = {source: _overlapped(mixture * (power / total), length) for source, power in rest.items()}
    return {**stems, "other": scene.mixture - sum(stems.values())}


def independent(scene: Scene, random: Random, ideas: int = 1) -> Stems:
    """A model a source, each with an idea of its own of all the others, and some noise: the sum is not the mixture.

    ideas: how many each has, over which it takes the mean.
    """
    mixture, length = _frames(scene.mixture), scene.mixture.shape[1]
    found = {}
    for source in scene.references:
        every = [_powers(scene, random) for _ in range(ideas)]
        mask = sum(powers[source] / (sum(powers.values()) + 1e-12) for powers in every) / ideas
        image = _overlapped(mixture * mask, length)
        noise = 10 ** (-random.uniform(30.0, 60.0) / 20) * np.std(image) * random.standard_normal(image.shape)
        found[source] = image + noise
    return found


def hedging(scene: Scene, random: Random) -> Stems:
    """Independent models that take the mean of what may be, as a squared error makes them: quieter where unsure."""
    return independent(scene, random, ideas=6)


def _powers(scene: Scene, random: Random) -> dict[str, NDArray[np.float64]]:
    """What a model takes for each source's power, by frame and frequency."""
    error_db = random.uniform(1.0, 8.0)
    found = {}
    for source, image in scene.references.items():
        power = np.mean(np.abs(_frames(image)), axis=0) ** 2
        found[source] = power * 10 ** (error_db * random.standard_normal(power.shape) / 10)
    return found


def _frames(image: Samples) -> NDArray[np.complex128]:
    size, hop = 1024, 512
    padded = np.pad(image, ((0, 0), (size, 2 * size)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size, axis=1)[:, ::hop]
    return np.fft.rfft(windows * np.sqrt(np.hanning(size + 1)[:-1]))


def _overlapped(frames: NDArray[np.complex128], length: int) -> Samples:
    size, hop = 1024, 512
    parts = np.fft.irfft(frames, size) * np.sqrt(np.hanning(size + 1)[:-1])
    out = np.zeros((2, hop * (frames.shape[1] + 1)))
    for index in range(frames.shape[1]):
        out[:, index * hop : index * hop + size] += parts[:, index]
    return out[:, size : size + length]


MODELS: tuple[Callable[[Scene, Random], Stems], ...] = (masked, independent, hedging)


def demucs(scene: Scene, model: Callable[[Scene], Stems]) -> tuple[Stems, set[str]]:
    """The stems as Demucs' command line writes them, and those whose level it changed."""
    written, changed = {}, set()
    for source, image in model(scene).items():
        divisor = max(1.01 * float(np.max(np.abs(image))), 1.0)
        if divisor > 1.0 + LEVEL:
            changed.add(source)
        written[source] = np.trunc(image / divisor * 32767) / 32768
    return written, changed


def audio_separator(scene: Scene, model: Callable[[Scene], Stems]) -> tuple[Stems, set[str]]:
    """The stems as audio-separator writes them, and those whose level it changed."""
    gain = min(1.0, 0.9 / float(np.max(np.abs(scene.mixture))))
    written, changed = {}, set()
    for source, image in model(scene).items():
        own = min(1.0, 0.9 / float(np.max(np.abs(gain * image))))
        if gain * own < 1.0 - LEVEL:
            changed.add(source)
        written[source] = np.trunc(gain * own * image * 32767) / 32768
    return written, changed


WRITERS = {"demucs": demucs, "audio-separator": audio_separator}


def raw(count: int, seconds: float, random: Random) -> Iterator[tuple[str, Traces]]:
    """Source and what is said, for so many stems as models give them."""
    for number in range(0, count, len(SOURCES)):
        scene = song(random, seconds)
        found = traces(MODELS[number // len(SOURCES) % len(MODELS)](scene, random), scene)
        yield from ((source, found) for source in SOURCES[: count - number])


def written(tool: str, count: int, seconds: float, random: Random) -> Iterator[tuple[str, Traces]]:
    """Source and what is said, for so many stems whose level the tool changed."""
    number = 0
    while count:
        scene = song(random, seconds)
        model = MODELS[number % len(MODELS)]
        stems, changed = WRITERS[tool](scene, lambda given, model=model: model(given, random))  # type: ignore[misc]
        found = traces(stems, scene)
        for source in sorted(changed)[:count]:
            yield source, found
            count -= 1
        number += 1


def is_missed(source: str, found: Traces) -> bool:
    """Whether nothing is said of a level that was changed."""
    return not {"peak", "gain"} & found.get(source, {}).keys()


def main() -> int:
    """Run it; 1 where a stem is missed or there are too many false alarms."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--written", type=int, default=200)
    parser.add_argument("--raw", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    lost = 0
    for tool in WRITERS:
        found = list(written(tool, options.written // len(WRITERS), options.seconds, random))
        missed = [source for source, about in found if is_missed(source, about)]
        shallow = sum("bits" in about.get(source, {}) for source, about in found)
        print(f"{tool}: {len(missed)} of {len(found)} stems missed; {shallow} seen to have 16 bits")
        lost += len(missed)
    of_raw = list(raw(options.raw, options.seconds, random))
    false = [about[source] for source, about in of_raw if source in about]
    print(f"raw: {len(false)} false alarms among {len(of_raw)} stems ({len(false) / max(1, len(of_raw)):.2%})")
    for about in false[:10]:
        print("  " + "; ".join(about.values()))
    return int(lost > 0 or len(false) > MOST_FALSE * len(of_raw))


if __name__ == "__main__":
    sys.exit(main())
