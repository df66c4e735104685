"""DUET: the degenerate unmixing estimation technique, for sources that differ by level or by delay.

Rickard, "The DUET blind source separation algorithm", in Blind Speech Separation, Springer 2007,
https://doi.org/10.1007/978-1-4020-6479-1_8; Yilmaz & Rickard, "Blind separation of speech mixtures via time-frequency
masking", IEEE Trans. Signal Processing 52(7), 2004, https://doi.org/10.1109/TSP.2004.828896.

A source reaches the right channel with relative amplitude a and delay δ: X2 = a·e^(−jωδ)·X1. The book clusters bins by
δ and the symmetric attenuation α = a − 1/a. Four things differ here, for music:

- Hard-panned sources have α = ±∞. The attenuation axis is θ = atan(a) instead, the panning angle, 0° left to 90°
  right. It is α in other units, α = −2 cot 2θ, and finite. Distances and recombination use (cos θ, sin θ), which is
  (1, a) normalised.
- A bin's weight |X1 X2|^p ω^q would be nothing for a hard-panned source; the mean power of the channels stands for
  |X1 X2|.
- A phase gives a delay only up to multiples of 1/f. Votes come from frequencies below 1 / (2 max_delay), where just one
  delay is in range; the assignment of bins, which needs no delays of theirs, is at all frequencies.
- Peaks are taken one by one. Bins which a source explains lose their weight before the next is sought: otherwise the
  skirts of loud sources outrank quiet ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from soundstage.errors import SoundstageError
from soundstage_separators.stft import Stft

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soundstage.audio import Samples
    from soundstage.contracts import Need
    from soundstage_separators.stft import Spectrum

ANGLE_STEP = 1.0
"""Degrees of panning angle between cells of the histogram."""

DELAY_STEP = 20e-6
"""Seconds between cells of the histogram, a little less than a sample at 44.1 kHz."""

EXPLAINED = 0.1
"""A bin that is this far from a source, as the sine of an angle, keeps half of its weight; 5° of panning are 0.087."""

MOST_VOTERS = 4_000_000
"""Bins that vote at most; of longer tracks every second, third, … frame does."""


@dataclass(frozen=True, slots=True)
class Direction:
    """Where a source is: the panning angle θ in radians (0 left, π/2 right), the right channel's delay in seconds."""

    angle: float
    delay: float

    def steering(self, omega: NDArray[np.float64]) -> tuple[float, Spectrum]:
        """What reaches left and right of a source of power 1, at the angular frequencies given."""
        return float(np.cos(self.angle)), np.sin(self.angle) * np.exp(-1j * omega * self.delay)

    def distance(self, left: Spectrum, right: Spectrum, omega: NDArray[np.float64]) -> NDArray[np.float64]:
        """What of the bins (…, bins) this source cannot explain, squared: |a e^(−jωδ) X1 − X2|² / (1 + a²)."""
        at_left, at_right = self.steering(omega)
        rest = at_right * left - at_left * right
        squared: NDArray[np.float64] = rest.real**2 + rest.imag**2
        return squared


class Duet:
    """Finds sources blindly by level and delay, gives each bin to the likeliest, and returns them mixed back in place.

    Always as many images as asked for; where fewer directions are found (silence, a lone source), the rest are silent.
    Directions are the highest cells of a histogram. Where two are nearly as high, little decides which one is found, so
    renders of one song at 44.1 and 48 kHz may give different images.
    """

    revision = 1
    named = False
    trained_on: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ("source_count",)

    def __init__(
        self, *, window: int = 4096, hop: int = 1024, p: float = 0.5, q: float = 0.0, max_delay_us: float = 800.0
    ) -> None:
        """window, hop: of the STFT, in samples. p, q: the exponents of power and frequency in a bin's weight.

        max_delay_us: the longest delay between the channels, in µs; 800 is a head's width, and 0 for level panning lets
        all frequencies vote. The book advises p = 1; 0.5 finds quiet sources more often. Raises SoundstageError where a
        value makes no sense.
        """
        for name, value in (("p", p), ("q", q), ("max_delay_us", max_delay_us)):
            if not (np.isfinite(value) and value >= 0):
                raise SoundstageError(f"{name}={value!r}: a number of at least 0 was expected")
        self._stft = Stft(window, hop)
        self._p, self._q, self._max_delay = p, q, max_delay_us * 1e-6

    def separate(self, mixture: Samples, rate: int, *, source_count: int) -> list[Samples]:
        """Images (2, samples) of the sources, in the order found.

        Raises SoundstageError where the window is too short for any frequency to vote.
        """
        stft, length = self._stft, mixture.shape[-1]
        directions = self._directions(mixture, rate, source_count)
        canvases = [stft.canvas((2,), length) for _ in directions]
        omega = 2 * np.pi * stft.frequencies(rate)
        steering = [direction.steering(omega) for direction in directions]
        for frames in stft.blocks(length) if directions else ():
            left, right = stft.analyse(mixture, frames)
            owner = np.argmin([direction.distance(left, right, omega) for direction in directions], axis=0)
            for index, (canvas, (at_left, at_right)) in enumerate(zip(canvases, steering, strict=True)):
                source = (owner == index) * (at_left * left + np.conj(at_right) * right)
                stft.paint(canvas, np.stack([at_left * source, at_right * source]), frames)
        images = [stft.crop(canvas, length) for canvas in canvases]
        return images + [np.zeros((2, length)) for _ in range(source_count - len(images))]

    def _directions(self, mixture: Samples, rate: int, count: int) -> list[Direction]:
        frequencies = self._stft.frequencies(rate)
        highest = 1 / (2 * self._max_delay) if self._max_delay else np.inf
        voters = np.flatnonzero((frequencies > 0) & (frequencies <= highest))
        if not len(voters):
            raise SoundstageError(
                f"window={self._stft.window}: at {rate} Hz no bin lies below {highest:.0f} Hz, where a delay of up to "
                f"{self._max_delay * 1e6:.0f} µs is unambiguous; take a longer window or a smaller max_delay_us"
            )
        spectrum = self._every_nth_frame(mixture, voters)
        return peeled_directions(spectrum, frequencies[voters], count, self._p, self._q, self._max_delay)

    def _every_nth_frame(self, mixture: Samples, bins: NDArray[np.int64]) -> Spectrum:
        stft, length = self._stft, mixture.shape[-1]
        step = -(-stft.frames(length) * len(bins) // MOST_VOTERS)
        return np.concatenate(
            [
                stft.analyse(mixture, frames)[:, -frames.start % step :: step, bins[0] : bins[-1] + 1]
                for frames in stft.blocks(length)
            ],
            axis=1,
        )


def peeled_directions(
    spectrum: Spectrum, frequencies: NDArray[np.float64], count: int, p: float, q: float, max_delay: float
) -> list[Direction]:
    """Up to `count` directions of sources in bins (2, frames, bins) at frequencies in Hz above 0, the loudest first."""
    left, right = spectrum
    omega = 2 * np.pi * frequencies
    power = (left.real**2 + left.imag**2 + right.real**2 + right.imag**2) / 2
    loudest = power.max(initial=0.0)
    if not loudest > 0:
        return []
    reach = round(max_delay / DELAY_STEP)
    shape = (round(90 / ANGLE_STEP) + 1, 2 * reach + 1)
    angle = np.rint(np.degrees(np.arctan2(np.abs(right), np.abs(left))) / ANGLE_STEP).astype(np.int64)
    delay = np.rint(-np.angle(right * np.conj(left)) / omega / DELAY_STEP)
    # Digital silence and its rounding have no direction.
    votes = (np.abs(delay) <= reach) & (power > 1e-20 * loudest)
    cell = (angle * shape[1] + reach)[votes] + delay[votes].astype(np.int64)
    weight = ((power / loudest) ** p * omega**q)[votes]
    where = np.broadcast_to(omega, power.shape)[votes]
    scale = 1 / np.sqrt(2 * power[votes])
    left, right = left[votes] * scale, right[votes] * scale
    found: list[Direction] = []
    least = 0.0
    for _ in range(3 * count):
        histogram = gaussian_filter(
            np.bincount(cell, weight, minlength=shape[0] * shape[1]).reshape(shape), 1.0, mode="constant"
        )
        row, column = np.unravel_index(int(np.argmax(histogram)), shape)
        # Below this, what is left of the sources that were found would be taken for new ones.
        least = least or 1e-6 * histogram[row, column]
        if len(found) == count or histogram[row, column] <= least:
            break
        direction = Direction(np.radians(row * ANGLE_STEP), (column - reach) * DELAY_STEP)
        # What grid steps left of a strong source is no second source: it is peeled once more.
        if not any(_is_near(direction, other) for other in found):
            found.append(direction)
        distance = direction.distance(left, right, where)
        weight = weight * (distance / (distance + EXPLAINED**2))
    return found


def _is_near(one: Direction, other: Direction) -> bool:
    near_angle = abs(one.angle - other.angle) < np.radians(2.5 * ANGLE_STEP)
    return bool(near_angle and abs(one.delay - other.delay) < 2.5 * DELAY_STEP)
