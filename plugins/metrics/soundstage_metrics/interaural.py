"""Interaural time and level differences as the binaural paper's scripts compute them.

The ITD is GCC-PHAT's over half-second frames, and the mode of the frames weighted by their level. PHAT whitens noise
as well as signal: on bass in 16 bit most frames miss the right lag, so a large ΔITD there says little.
Source: Namballa, Roginska & Fuentes 2025, arXiv:2507.00155, and its published scripts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft
from scipy.signal.windows import tukey

from soundstage.audio import Samples
from soundstage.contracts import Measure, Score, Scorer
from soundstage_metrics import validate
from soundstage_metrics.bit_depth import unranked_where_faint
from soundstage_metrics.claims import NOT_CUES, PLACES
from soundstage_metrics.threads import in_threads, one_blas_thread

if TYPE_CHECKING:
    from soundstage.scene import Scene

FRAME_SECONDS = 0.5
MAX_LAG_SECONDS = 1e-3

AUDIBLE_RMS = 5e-4
"""A frame counts where the windowed RMS of its louder channel is above this."""

TOLERANCE = 1e-5
"""How far a correlation that single precision gives may be off; that of equal channels is 1."""

_EPSILON = 1e-15


@one_blas_thread()
def itd_us(signal: ArrayLike, rate: float) -> float:
    """The interaural time difference of a track in µs, negative where the left channel leads.

    signal: (2, samples) at `rate` Hz in ±1; see `validate`. Frames of 0.5 s (what remains is dropped), a periodic Tukey
    window (α = 0.5), GCC-PHAT over twice the frame's length, the argmax of its magnitude over lags −k … k−1 samples,
    k = ⌊1 ms · rate⌋ (at 44.1 kHz −44 … +43, as in the original: +44 is not searched). The track's ITD is the lag that
    carries most RMS, summed over the frames whose louder channel's windowed RMS is above 5e-4. A silent channel gives
    −k, as in the original. Raises ValueError where the original crashes: less than one frame, or all of them silent.

    >>> noise = 0.1 * np.random.default_rng(0).standard_normal(44110)
    >>> round(itd_us(np.stack([noise[10:], noise[:-10]]), 44100), 2)
    -226.76
    """
    x = validate.signal(signal, channels=2)
    length, lag_count = int(FRAME_SECONDS * rate), int(MAX_LAG_SECONDS * rate)
    if lag_count < 1:
        raise ValueError(f"rate {rate} Hz: at least 1000 Hz are needed for lags of 1 ms")
    if x.shape[1] < length:
        raise ValueError(
            f"{x.shape[1]} samples are shorter than one frame of {length}; give at least {FRAME_SECONDS} s"
        )
    window, search = tukey(length, 0.5, sym=False), _PhatSearch(length, lag_count)
    weights, squares = np.zeros(2 * lag_count), np.empty((2, length))

    for start in range(0, x.shape[1] - length + 1, length):
        np.multiply(x[:, start : start + length], window, out=search.frame)
        level = float(np.sqrt(np.mean(np.square(search.frame, out=squares), axis=1)).max())
        if level > AUDIBLE_RMS:
            weights[search.lag()] += level
    if not weights.any():
        raise ValueError(f"every frame is silent: no channel's RMS is above {AUDIBLE_RMS}")
    return float(int(weights.argmax()) - lag_count) / rate * 1e6


class _PhatSearch:
    """Where |GCC-PHAT| is highest in frames of one length, over twice that length. For one thread.

    Few lags are searched, so instead of a transform that gives all of them the whitened spectrum is summed up at these,
    in single precision. Where only one lag can be the best within TOLERANCE it is; else the transform in double
    precision decides.
    """

    def __init__(self, length: int, lag_count: int) -> None:
        """length: samples of a frame. lag_count: the lags are −lag_count … lag_count − 1."""
        self._padded = np.zeros((2, 2 * length))
        self.frame = self._padded[:, :length]
        """(2, length), to be filled before `lag` is asked for."""
        self._lag_count = lag_count
        # Bin k stands in a row and a column, and at a lag turns by what these two turn by.
        self._bins = length + 1
        columns = math.isqrt(length) + 1
        rows = -(-self._bins // columns)
        turn = np.pi / length * np.arange(lag_count + 1)
        column, row = np.outer(np.arange(columns), turn), np.outer(columns * np.arange(rows), turn)
        self._by_column = np.concatenate([np.cos(column), np.sin(column)], axis=1, dtype=np.float32)
        cos, sin = np.cos(row), np.sin(row)
        self._by_row = np.stack([[cos, -sin], [sin, cos]]).transpose(0, 2, 1, 3).astype(np.float32)
        self._single = np.empty((2, self._bins), dtype=np.complex64)
        self._norms = np.empty((2, self._bins), dtype=np.float32)
        self._whitened = np.zeros((2, rows * columns), dtype=np.float32)

    def lag(self) -> int:
        """The argmax, counted from −lag_count; the first one where there are several."""
        spectra = fft.rfft(self._padded)
        near = self._near(spectra)
        best = int(near.argmax())
        if np.count_nonzero(near >= near[best] - np.float32(2 * TOLERANCE)) == 1:
            return best
        return int(self._transformed(spectra).argmax())

    def _near(self, spectra: NDArray[np.complex128]) -> NDArray[np.float32]:
        """|GCC-PHAT| at the lags in single precision; NaN where the spectra are too large for it."""
        (left, right), (norms, others) = self._single, self._norms
        with np.errstate(over="ignore", invalid="ignore"):
            self._single[:] = spectra
            np.abs(self._single, out=self._norms)
            self._norms += np.float32(_EPSILON)
            norms *= others
            if not np.isfinite(norms.max()):
                return np.full(2 * self._lag_count, np.nan, dtype=np.float32)
            cross = np.multiply(left, np.conj(right, out=right), out=left)
        factors = np.divide(2, norms, out=norms)
        factors[[0, -1]] /= 2  # all other bins stand for their negative frequencies too
        np.multiply(cross.real, factors, out=self._whitened[0, : self._bins])
        np.multiply(cross.imag, factors, out=self._whitened[1, : self._bins])
        rows, lags = self._by_row.shape[1], self._lag_count + 1
        turned = (self._whitened.reshape(2 * rows, -1) @ self._by_column).reshape(2, rows, 2, lags)
        even, odd = np.sum(turned * self._by_row, axis=(1, 2))
        return np.asarray(np.abs(np.append((even + odd)[:0:-1], (even - odd)[:-1])) / self._padded.shape[1])

    def _transformed(self, spectra: NDArray[np.complex128]) -> NDArray[np.float64]:
        """The same by the transform, in double precision."""
        spectra /= np.sqrt(spectra.real**2 + spectra.imag**2) + _EPSILON
        correlation = np.abs(fft.irfft(spectra[0] * spectra[1].conj(), self._padded.shape[1]))
        return np.concatenate([correlation[-self._lag_count :], correlation[: self._lag_count]])


def ild_db(signal: ArrayLike) -> float:
    """The interaural level difference of a track in dB, 10·log10(ΣL² / ΣR²); positive where the left is louder.

    signal: (2, samples); see `validate`. ±inf where one channel is silent (see
    `validate.SILENCE`) and NaN where both are, as in the original.

    >>> ild_db([[1.0, -1.0], [0.1, -0.1]])
    20.0
    """
    return _ild_db(validate.energies(validate.signal(signal, channels=2)))


def _ild_db(energies: NDArray[np.float64]) -> float:
    left, right = np.where(energies > validate.SILENCE, energies, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(10 * np.log10(left / right))


def delta_itd_us(reference: ArrayLike, estimate: ArrayLike, rate: float) -> float:
    """How far the interaural time difference moves, |ITD(estimate) − ITD(reference)| in µs; one sample is the quantum.

    reference, estimate: (2, samples) at `rate` Hz; they may differ in length, for each is looked at on its own. Raises
    ValueError where `itd_us` does for either.

    >>> noise = 0.1 * np.random.default_rng(0).standard_normal((2, 44100))
    >>> delta_itd_us(noise, noise, 44100)
    0.0
    """
    return abs(itd_us(estimate, rate) - itd_us(reference, rate))


def delta_ild_db(reference: ArrayLike, estimate: ArrayLike) -> float:
    """How far the interaural level difference moves, |ILD(estimate) − ILD(reference)| in dB.

    reference, estimate: (2, samples); they may differ in length. inf where a channel is silent in one of them, NaN
    where the same channel is silent in both or both channels are in one, as in the original.

    >>> round(delta_ild_db([[1.0], [1.0]], [[1.0], [0.5]]), 2)
    6.02
    """
    return _distance(ild_db(estimate), ild_db(reference))


def _distance(estimate: float, reference: float) -> float:
    return abs(estimate - reference)


@dataclass(frozen=True, slots=True)
class Cues:
    """Interaural cues of one track.

    values: measure → µs or dB, NaN where there is no honest one. reasons: measure → why there is none.
    """

    values: Mapping[str, float]
    reasons: Mapping[str, str]


class Interaural:
    """ΔITD and ΔILD of whole tracks. See `delta_itd_us` and `delta_ild_db`.

    Where the original crashes or misleads the value is NaN and a note says why: a silent channel in the reference or
    the estimate, all frames silent, less than half a second.
    """

    compares_channels = True
    revision = 2
    measures = {
        "ITD_difference": Measure(
            "µs",
            higher_is_better=False,
            label="ΔITD",
            decimals=0,
            follows=PLACES,
            ignores=("ild", *NOT_CUES),
        ),
        "ILD_difference": Measure(
            "dB",
            higher_is_better=False,
            label="ΔILD",
            follows=("rotate", "ild", "swap", "mono"),
            ignores=("itd", "invert_one", *NOT_CUES),
        ),
    }

    def prepare(self, scene: Scene) -> Scorer:
        """A scorer that holds the references' cues."""
        sources = list(scene.references)
        cues = in_threads(lambda source: _cues(scene.references[source], scene.rate, "reference"), sources)
        expected = dict(zip(sources, cues, strict=True))

        def scores(estimates: Mapping[str, Samples]) -> Iterator[Score]:
            of_estimates = in_threads(lambda source: _cues(estimates[source], scene.rate, "estimate"), list(estimates))
            for source, found in zip(estimates, of_estimates, strict=True):
                wanted = expected[source]
                for name in self.measures:
                    note = wanted.reasons.get(name) or found.reasons.get(name) or ""
                    if name == "ITD_difference":
                        note = note or validate.why_nowhere(scene, source)
                    value = float("nan") if note else _distance(found.values[name], wanted.values[name])
                    yield Score(source, name, value, note=note)

        return unranked_where_faint(scene, scores)


def _cues(signal: Samples, rate: int, what: str) -> Cues:
    energies = validate.energies(validate.signal(signal, channels=2))
    silent = np.flatnonzero(energies <= validate.SILENCE).tolist()
    if silent:
        reason = (
            f"the {what} is silent"
            if len(silent) == len(signal)
            else f"the {validate.channel_list(silent)} of the {what} is silent"
        )
        return Cues({}, {"ITD_difference": reason, "ILD_difference": reason})
    level = _ild_db(energies)
    try:
        return Cues({"ITD_difference": itd_us(signal, rate), "ILD_difference": level}, {})
    except ValueError as error:
        return Cues({"ILD_difference": level}, {"ITD_difference": f"the {what} has no ITD: {error}"})
