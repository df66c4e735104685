"""The scores of the community's training toolkit: bleedless, fullness, l1_freq and its joint-channel SDR.

Each compares magnitudes channel by channel, and all but the SDR hear no phase: an estimate whose polarity is flipped,
in both channels or in one, is perfect to them. See docs/metrics.md for what else they are blind to.
Source: ZFTurbo, Music-Source-Separation-Training, `utils/metrics.py`; the definitions are its, the code is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from soundstage.audio import Samples
from soundstage.contracts import Measure, Score, Scorer
from soundstage_metrics import validate
from soundstage_metrics.bit_depth import unranked_where_faint
from soundstage_metrics.claims import ADDED, EVERYTHING, TAKEN

if TYPE_CHECKING:
    from soundstage.scene import Scene

Floats = NDArray[np.float64]

DELTA = 1e-8
"""What the SDR adds to both energies."""

L1_WINDOW, L1_HOP = 2048, 1024
MEL_WINDOW, MEL_HOP, MEL_BANDS = 4096, 1024, 512

LEAST = 1e-10
"""Magnitudes below this count as this."""

RANGE_DB = 80.0
"""How far below the loudest value of a signal its quietest ones are counted."""

GAIN_DB = 0.1
STEADY = 2.0
"""A score that a gain of ±GAIN_DB moves by more than this, besides what any value moves by, must not be ranked on."""

BLOCK = 32
"""Frames that are transformed at a time: what is made of more leaves the processor's cache."""

AT_ONCE = 1 << 14
"""Samples, or levels, that are compared at a time, for the same reason."""


def sdr(reference: ArrayLike, estimate: ArrayLike) -> float:
    """SDR in dB of all channels together: 10·log10((Σs² + δ) / (Σ(s − ŝ)² + δ)), δ = 1e-8.

    reference, estimate: (channels, samples), the longer cut to the shorter, as the toolkit does; see `validate`. But
    for δ it is `soundstage_metrics.sdr.sdr`. Raises ValueError where the arrays are unusable.

    >>> round(sdr([[1.0, -1.0], [1.0, 1.0]], [[0.9, -0.9], [0.9, 0.9]]), 3)
    20.0
    """
    s, e = _pair(reference, estimate)
    level, error = sum(float(one @ one) for one in s), validate.squared_distance(s, e)
    return float(10 * np.log10((level + DELTA) / (error + DELTA)))


def l1_freq(reference: ArrayLike, estimate: ArrayLike) -> float:
    """How near the magnitude spectra are, 0 to 100: 100 / (1 + 10·mean | |Ŝ| − |S| |).

    S, Ŝ: short-time spectra of 2048 samples every 1024, without a window, centred, the ends reflected. The mean is over
    channels, frames and frequencies, so that the level of the signals counts: of two pairs alike but for a common gain
    the quieter one scores higher. reference, estimate: (channels, samples) in ±1, the longer cut to the shorter, as the
    toolkit does; see `validate`. Raises ValueError where the arrays are unusable or have no more than 1024 samples, of
    which the toolkit can reflect none.

    >>> tone = np.sin(np.arange(4410) / 5)[np.newaxis]
    >>> l1_freq(tone, -tone)
    100.0
    """
    s, e = _pair(reference, estimate)
    if s.shape[1] <= L1_WINDOW // 2:
        raise ValueError(f"{s.shape[1]} samples are too few for l1_freq: give more than {L1_WINDOW // 2}")
    total, count = 0.0, 0
    for channels in zip(s, e, strict=True):
        spectra = (_magnitudes(one, L1_WINDOW, L1_HOP, None, _reflected) for one in channels)
        for of_reference, of_estimate in zip(*spectra, strict=True):
            of_estimate -= of_reference
            total += float(np.sum(np.abs(of_estimate, out=of_estimate)))
            count += of_estimate.size
    return 100.0 / (1.0 + 10.0 * total / count)


def bleedless_fullness(reference: ArrayLike, estimate: ArrayLike, rate: float) -> tuple[float, float]:
    """How little an estimate has too much of, and how little it lacks, each 0 to 100: (bleedless, fullness).

    d: the estimate's level minus the reference's, in dB, of 512 mel bands of short-time magnitudes (see `mel_levels`).
    bleedless = 100 / (1 + mean of the positive d), fullness = 100 / (1 − mean of the negative d), each over channels,
    bands and frames where d has that sign; 100 where it has it nowhere. So one says nothing without the other: silence
    is bleedless, and a mixture is full. reference, estimate: (channels, samples) at `rate` Hz, the longer cut to the
    shorter, as the toolkit does; see `validate`. The toolkit knows 44,100 Hz alone; at other rates the frames have as
    many samples, and the bands reach to half the rate. Raises ValueError where the arrays or the rate are unusable.

    >>> noise = np.random.default_rng(0).standard_normal((2, 44100))
    >>> bleedless_fullness(noise, -noise, 44100)
    (100.0, 100.0)
    >>> [round(score, 1) for score in bleedless_fullness(noise, 2 * noise, 44100)]
    [14.2, 100.0]
    """
    s, e = _pair(reference, estimate)
    found = _bleed(mel_levels(s, rate), mel_levels(e, rate))
    return found.bleedless, found.fullness


def mel_levels(signal: ArrayLike, rate: float) -> Floats:
    """The levels in dB of 512 mel bands, (channels, bands, frames), for frames of 4096 samples every 1024.

    signal: (channels, samples) at `rate` Hz. Magnitudes of centred frames under a periodic Hann window, zeros beyond
    the ends; summed by `mel_filters`; 20·log10, of 1e-10 at least; and what is more than 80 dB below the loudest value
    of all channels together is raised to there. Raises ValueError where the signal or the rate is unusable.

    >>> mel_levels(np.random.default_rng(0).standard_normal((2, 8192)), 44100).shape
    (2, 512, 9)
    """
    x = validate.signal(signal)
    filters = mel_filters(rate, MEL_WINDOW, MEL_BANDS)
    window = np.asarray(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(MEL_WINDOW) / MEL_WINDOW))
    levels, loudest = np.empty((len(x), MEL_BANDS, 1 + x.shape[1] // MEL_HOP)), -np.inf
    for channel, of_channel in zip(x, levels, strict=True):
        first = 0
        for magnitudes in _magnitudes(channel, MEL_WINDOW, MEL_HOP, window, _in_zeros):
            block = of_channel[:, first : first + magnitudes.shape[1]]
            bands = filters @ magnitudes
            np.log10(np.maximum(bands, LEAST, out=bands), out=block)
            block *= 20.0
            loudest = max(loudest, float(block.max()))
            first += block.shape[1]
    return np.maximum(levels, loudest - RANGE_DB, out=levels)


@lru_cache(maxsize=4)
def mel_filters(rate: float, window: int, bands: int) -> Any:
    """Slaney's mel filters over a spectrum, sparse, (bands, window // 2 + 1), as librosa's `filters.mel` has them.

    Triangles whose corners lie evenly on Slaney's scale from 0 to rate / 2 Hz (66⅔ Hz a mel up to 1 kHz, 27 mels for a
    factor 6.4 above), each divided by half its width in Hz. Bands narrower than the spectrum's steps may be empty.
    Raises ValueError for a rate that is none.

    >>> mel_filters(44100, 4096, 512).shape
    (512, 2049)
    """
    if not 0.0 < rate < np.inf:
        raise ValueError(f"rate {rate} Hz: a finite number above 0 was expected")
    corners = _hz(np.linspace(0.0, _mel(rate / 2.0), bands + 2))
    steps = np.linspace(0.0, rate / 2.0, window // 2 + 1)
    widths = np.diff(corners)
    rising = (steps - corners[:-2, np.newaxis]) / widths[:-1, np.newaxis]
    falling = (corners[2:, np.newaxis] - steps) / widths[1:, np.newaxis]
    weights = np.maximum(0.0, np.minimum(rising, falling))
    return sparse.csr_matrix(weights * (2.0 / (corners[2:] - corners[:-2]))[:, np.newaxis])


LINEAR_HZ, LOG_START_HZ, LOG_START_MEL = 200.0 / 3.0, 1000.0, 15.0
LOG_STEP = np.log(6.4) / 27.0


def _mel(hz: float) -> float:
    return hz / LINEAR_HZ if hz < LOG_START_HZ else float(LOG_START_MEL + np.log(hz / LOG_START_HZ) / LOG_STEP)


def _hz(mel: Floats) -> Floats:
    above = LOG_START_HZ * np.exp(LOG_STEP * (np.maximum(mel, LOG_START_MEL) - LOG_START_MEL))
    return np.where(mel < LOG_START_MEL, mel * LINEAR_HZ, above)


class _Bleed(NamedTuple):
    """What two signals' levels say of each other. is_steady: whether a gain of ±GAIN_DB moves it but little, in the
    order of the scores."""

    bleedless: float
    fullness: float
    is_steady: tuple[bool, bool]


def _bleed(reference: Floats, estimate: Floats) -> _Bleed:
    """The scores of levels in dB, and whether they hold.

    A gain moves every difference by as much, for the floors move with it. So it tells whether a score is that of the
    signals, or of which side of 0 very many differences lie that are next to none: those of silent frames are all the
    loudest value's, and those of a channel that is left as it is are rounding.
    """
    shifts = (0.0, -GAIN_DB, GAIN_DB)
    sums, counts = np.zeros((2, len(shifts))), np.zeros((2, len(shifts)), np.int64)
    one, other = reference.reshape(-1), estimate.reshape(-1)
    room = np.empty((3, AT_ONCE))
    for first in range(0, len(one), AT_ONCE):
        part = one[first : first + AT_ONCE]
        difference, shifted, side = room[:, : len(part)]
        np.subtract(other[first : first + AT_ONCE], part, out=difference)
        for index, shift in enumerate(shifts):
            np.add(difference, shift, out=shifted)
            counts[:, index] += np.count_nonzero(shifted > 0.0), np.count_nonzero(shifted < 0.0)
            sums[0, index] += np.maximum(shifted, 0.0, out=side).sum()
            sums[1, index] -= np.minimum(shifted, 0.0, out=side).sum()
    found = 100.0 / (1.0 + sums / np.maximum(counts, 1))
    steady = []
    for score, *moved in found.tolist():
        anyway = score**2 / 100.0 * GAIN_DB  # the derivative of 100 / (1 + mean), where no difference changes sides
        steady.append(max(abs(value - score) for value in moved) <= STEADY + anyway)
    return _Bleed(float(found[0, 0]), float(found[1, 0]), (steady[0], steady[1]))


def _pair(reference: ArrayLike, estimate: ArrayLike) -> tuple[Samples, Samples]:
    """Both, the longer cut to the shorter."""
    s, e = validate.pair(reference, estimate, equal_lengths=False)
    length = min(s.shape[1], e.shape[1])
    return s[:, :length], e[:, :length]


def _magnitudes(
    signal: Floats, window: int, hop: int, shape: Floats | None, beyond: Callable[[Floats, int, int], Floats]
) -> Iterator[Floats]:
    """Short-time magnitudes of a channel in blocks of (frequencies, frames), each of which overwrites the one before.

    Frame k is centred on sample k · hop. beyond: what has samples of the signal beyond its ends, from where to where.
    """
    count, bins = 1 + len(signal) // hop, window // 2 + 1
    # Not one large array of all frames: memory that is new costs more than what is done to it.
    shaped = np.empty((BLOCK, window))
    spectra, magnitudes = np.empty(bins * BLOCK, complex), np.empty(bins * BLOCK)
    for first in range(0, count, BLOCK):
        size = min(BLOCK, count - first)
        start = first * hop - window // 2
        stop = start + (size - 1) * hop + window
        piece = signal[start:stop] if start >= 0 and stop <= len(signal) else beyond(signal, start, stop)
        frames = np.lib.stride_tricks.sliding_window_view(piece, window)[::hop]
        if shape is not None:
            frames = np.multiply(frames, shape, out=shaped[:size])
        found = spectra[: bins * size].reshape(bins, size)
        np.fft.rfft(frames, axis=1, out=found.T)
        yield np.abs(found, out=magnitudes[: bins * size].reshape(bins, size))


def _in_zeros(signal: Floats, start: int, stop: int) -> Floats:
    """signal[start:stop] with zeros beyond its ends.

    >>> _in_zeros(np.array([1.0, 2.0, 3.0]), -2, 4).tolist()
    [0.0, 0.0, 1.0, 2.0, 3.0, 0.0]
    """
    return np.pad(signal[max(start, 0) : stop], (max(-start, 0), max(stop - len(signal), 0)))


def _reflected(signal: Floats, start: int, stop: int) -> Floats:
    """signal[start:stop], reflected at its ends.

    >>> _reflected(np.array([1.0, 2.0, 3.0]), -2, 4).tolist()
    [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]
    """
    at = np.abs(np.arange(start, stop))
    return np.asarray(signal[np.minimum(at, 2 * (len(signal) - 1) - at)])


class Community:
    """Bleedless, fullness, l1_freq and the joint-channel SDR, as the community's training toolkit computes them.

    A source that is silent in the scene gets NaN and a note. An estimate that is silent where the source is not keeps
    its values, bleedless among them, which are out of the ranks. So is a bleedless or a fullness that 0.1 dB of gain
    would move by more than 2 of its 100 besides what that moves any value by: which differences are above 0 decides
    there, and in silent frames they all are or none is. All numbers are in float64, where the toolkit's are float32.
    """

    revision = 1
    measures = {
        "bleedless": Measure("of 100", higher_is_better=True, follows=ADDED),
        "fullness": Measure("of 100", higher_is_better=True, follows=TAKEN),
        "l1_freq": Measure("of 100", higher_is_better=True, headline=False, follows=EVERYTHING),
        "sdr": Measure("dB", higher_is_better=True, headline=False, label="SDR joint", follows=EVERYTHING),
    }

    def prepare(self, scene: Scene) -> Scorer:
        """A scorer that holds the levels of every source that sounds."""
        references = scene.references
        levels = {
            source: mel_levels(reference, scene.rate)
            for source, reference in references.items()
            if not validate.is_silent(reference)
        }

        def scores(estimates: Mapping[str, Samples]) -> Iterator[Score]:
            for source, estimate in estimates.items():
                if source not in levels:
                    yield from (Score(source, name, float("nan"), note=SILENT_REFERENCE) for name in self.measures)
                    continue
                note = SILENT_ESTIMATE if validate.is_silent(estimate) else ""
                found = _bleed(levels[source], mel_levels(estimate, scene.rate))
                for name, value, steady in zip(("bleedless", "fullness"), found[:2], found.is_steady, strict=True):
                    why = note or ("" if steady else UNSTEADY)
                    yield Score(source, name, value, note=why, ranked=not why)
                yield _l1_score(source, references[source], estimate, note)
                yield Score(source, "sdr", sdr(references[source], estimate), note=note, ranked=not note)

        return unranked_where_faint(scene, scores)


SILENT_REFERENCE = "the reference is silent"
SILENT_ESTIMATE = "the estimate is silent"
UNSTEADY = f"decided by bands that lie within {GAIN_DB:g} dB of the reference's, such as silent ones"


def _l1_score(source: str, reference: Samples, estimate: Samples, note: str) -> Score:
    if reference.shape[1] <= L1_WINDOW // 2:
        return Score(source, "l1_freq", float("nan"), note=f"no more than {L1_WINDOW // 2} samples")
    return Score(source, "l1_freq", l1_freq(reference, estimate), note=note, ranked=not note)
