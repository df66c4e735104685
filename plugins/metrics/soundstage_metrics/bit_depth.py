"""The bit depth of files, read from their samples: how much of a number is the files' own noise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundstage.audio import Samples
from soundstage.contracts import Score, Scorer
from soundstage_metrics import validate

if TYPE_CHECKING:
    from soundstage.scene import Scene

ASSUMED_BITS = 16
"""Of samples on no grid of at most 24 bits: rendered, resampled or decoded ones, whose sources mostly were 16 bits."""

FEWEST_BITS, MOST_BITS = 8, 24

STEP_NOISE = 2 / 3
"""The power of noise of one step up, one down or none, by which another rounding or dither of a file may differ, in
squared steps."""

MOVED_DB = 0.5
"""A value that the files' own noise moves by more is set by it."""

AVERAGED_BITS = 2
"""Averages of channels, or of stems, lie up to so many bits deeper than the files that they were made of."""

_AT_ONCE = 1 << 16


def bit_depth(signals: Iterable[NDArray[np.float64]]) -> int:
    """The fewest bits, 8 to 24, that hold every sample of these signals within ±1 exactly; ASSUMED_BITS where none do.

    Its least significant bit is 2 ** (1 − bits).

    >>> bit_depth([np.array([0.5, -3 / 32768])]), bit_depth([np.array([2.0**-19])]), bit_depth([np.array([1 / 3])])
    (16, 20, 16)
    """
    used = 0
    flat = (signal.reshape(-1) for signal in signals)
    parts = (signal[first : first + _AT_ONCE] for signal in flat for first in range(0, len(signal), _AT_ONCE))
    for part in parts:
        steps = part * 2.0 ** (MOST_BITS - 1)
        if not (np.abs(steps) < 2.0**62).all() or not np.array_equal(steps, np.rint(steps)):
            return ASSUMED_BITS
        used |= int(np.bitwise_or.reduce(steps.astype(np.int64)))
    unused = (used & -used).bit_length() - 1 if used else MOST_BITS
    return max(FEWEST_BITS, MOST_BITS - unused)


def noise_bits(signal: NDArray[np.float64]) -> int:
    """The bit depth whose noise a signal has in it: its own, 16 where that is less or by AVERAGED_BITS more at most.

    >>> noise_bits(np.array([2.0**-15 / 2])), noise_bits(np.array([0.5])), noise_bits(np.array([2.0**-23]))
    (16, 16, 24)
    """
    if _lie_on_grid(signal, ASSUMED_BITS + AVERAGED_BITS):
        return ASSUMED_BITS
    bits = bit_depth([signal])
    return bits if bits > ASSUMED_BITS + AVERAGED_BITS else ASSUMED_BITS


def _lie_on_grid(signal: NDArray[np.float64], bits: int) -> bool:
    """Whether every sample is one of the steps of so many bits."""
    flat = signal.reshape(-1)
    for first in range(0, len(flat), _AT_ONCE):
        steps = flat[first : first + _AT_ONCE] * 2.0 ** (bits - 1)
        if not np.array_equal(steps, np.rint(steps)):
            return False
    return True


def quantisation_noise(signal: ArrayLike) -> float:
    """The RMS of the noise that rounding to the steps of a signal makes, a step over √12.

    The steps are those of `noise_bits`, or 1 for an array of integers. Source: Bennett 1948, Spectra of quantized
    signals.

    >>> round(quantisation_noise(np.array([0.1])) * 2**15 * 12**0.5, 9)
    1.0
    """
    samples = np.asarray(signal)
    return rounding_noise(1 if samples.dtype.kind in "iu" else noise_bits(samples))


def rounding_noise(bits: int) -> float:
    """The RMS of the noise that rounding to the steps of so many bits makes: see `quantisation_noise`.

    >>> round(rounding_noise(16) * 2**15 * 12**0.5, 9)
    1.0
    """
    return 2.0 ** (1 - bits) / math.sqrt(12)


def quantised(samples: NDArray[np.float64], bits: int = ASSUMED_BITS) -> NDArray[np.float64]:
    """Rounded to the nearest step of so many bits, halves to the even one, and clipped to what they hold.

    Files that soundfile wrote from floats are rounded down instead.

    >>> quantised(np.array([0.4 / 32768, 0.6 / 32768, 2.0])) * 32768
    array([0.0000e+00, 1.0000e+00, 3.2767e+04])
    """
    steps = 2.0 ** (bits - 1)
    return np.asarray(np.clip(np.round(samples * steps), -steps, steps - 1) / steps)


def faint_in_noise(reference: Samples) -> str:
    """Why what compares with this reference must not be ranked on; empty where it is louder than its own last bit.

    ±1 step at its `noise_bits` would make it more than MOVED_DB louder.

    >>> faint_in_noise(np.full((2, 4), 2.0**-15))
    'set by 16-bit noise: the reference is no louder than that'
    >>> faint_in_noise(np.full((2, 4), 2.0**-12)), faint_in_noise(np.zeros((2, 4)))
    ('', '')
    """
    if validate.exceeds(reference, _louder_than(reference.size, ASSUMED_BITS)):
        return ""
    bits = _faint_at(reference, np.array([float(validate.energies(reference).sum())]), reference.size)[1]
    return f"set by {bits}-bit noise: the reference is no louder than that" if bits else ""


def faint_frames(reference: Samples, bounds: Sequence[tuple[int, int]]) -> tuple[NDArray[np.bool_], int]:
    """In which frames a reference sounds and is no louder than its own last bit, (frames,), and the bits of that.

    As `faint_in_noise` has it of a whole track; 0 bits where there is no such frame.

    >>> faint_frames(np.array([[0.5, 0.5, 2.0**-15, 2.0**-15, 0.0, 0.0]]), [(0, 2), (2, 4), (4, 6)])
    (array([False,  True, False]), 16)
    """
    samples = np.array([len(reference) * (stop - start) for start, stop in bounds])
    return _faint_at(reference, validate.frame_energies(reference, bounds), samples)


def _faint_at(
    reference: Samples, energies: NDArray[np.float64], samples: NDArray[np.int64] | int
) -> tuple[NDArray[np.bool_], int]:
    """Which energies of so many samples sound, and ±1 step would make them more than MOVED_DB louder; the step's bits,
    0 where none is.
    """
    found, bits = energies > validate.SILENCE, ASSUMED_BITS
    # Where the noise of 16 bits is too little, that of more bits is: then they need not be found.
    found &= _are_faint(energies, samples, bits)
    if found.any() and (bits := noise_bits(reference)) != ASSUMED_BITS:
        found &= _are_faint(energies, samples, bits)
    return found, bits if found.any() else 0


def _are_faint(energies: NDArray[np.float64], samples: NDArray[np.int64] | int, bits: int) -> NDArray[np.bool_]:
    """Whether ±1 step of so many bits in every sample would make them more than MOVED_DB louder."""
    return np.asarray(energies < _louder_than(samples, bits))


def _louder_than(samples: NDArray[np.int64] | int, bits: int) -> Any:
    """The energies of so many samples from which on ±1 step of so many bits makes them MOVED_DB louder at most."""
    return samples * (STEP_NOISE * 4.0 ** (1 - bits) / (10 ** (MOVED_DB / 10) - 1))


def unranked_where_faint(scene: Scene, scorer: Scorer) -> Scorer:
    """The scorer, with the track's values of sources that are faint in their file's noise noted and out of the ranks.

    What has no value is left as it is.

    >>> from soundstage.scene import Scene
    >>> scene = Scene(44100, np.zeros((2, 4)), {"bass": np.full((2, 4), 2.0**-15)})
    >>> [row.ranked for row in unranked_where_faint(scene, lambda _: [Score("bass", "SDR", 1.0)])({})]
    [False]
    """
    faint = {name: faint_in_noise(reference) for name, reference in scene.references.items()}

    def scores(estimates: Mapping[str, Samples]) -> Iterator[Score]:
        for row in scorer(estimates):
            note = faint[row.source] if row.frame is None and row.value == row.value else ""
            yield replace(row, note="; ".join(filter(None, [note, row.note])), ranked=False) if note else row

    return scores
