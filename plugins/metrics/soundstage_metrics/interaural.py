"""Interaural time and level differences as the binaural paper's scripts compute them.

The ITD is GCC-PHAT's over half-second frames, and the mode of the frames weighted by their level. PHAT whitens noise
as well as signal: on bass in 16 bit most frames miss the right lag, so a large ΔITD there says little.
Source: Namballa, Roginska & Fuentes 2025, arXiv:2507.00155, and its published scripts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy import fft
from scipy.signal.windows import tukey

from soundstage.audio import Samples
from soundstage.contracts import Measure, Score, Scorer
from soundstage_metrics import validate
from soundstage_metrics.bit_depth import unranked_where_faint
from soundstage_metrics.claims import NOT_CUES, PLACES
from soundstage_metrics.threads import in_threads

if TYPE_CHECKING:
    from soundstage.scene import Scene

FRAME_SECONDS = 0.5
MAX_LAG_SECONDS = 1e-3

AUDIBLE_RMS = 5e-4
"""A frame counts where the windowed RMS of its louder channel is above this."""

_EPSILON = 1e-15


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
    window = tukey(length, 0.5, sym=False)
    weights = np.zeros(2 * lag_count)

    for start in range(0, x.shape[1] - length + 1, length):
        frame = x[:, start : start + length] * window
        level = float(np.sqrt(np.mean(frame**2, axis=1)).max())
        if level > AUDIBLE_RMS:
            weights[_phat_lag(frame, lag_count)] += level
    if not weights.any():
        raise ValueError(f"every frame is silent: no channel's RMS is above {AUDIBLE_RMS}")
    return float(int(weights.argmax()) - lag_count) / rate * 1e6


def _phat_lag(frame: Samples, lag_count: int) -> int:
    """The argmax of |GCC-PHAT|, counted from −lag_count."""
    size = 2 * frame.shape[1]
    spectra = fft.rfft(frame, size)
    spectra /= np.sqrt(spectra.real**2 + spectra.imag**2) + _EPSILON
    correlation = np.abs(fft.irfft(spectra[0] * spectra[1].conj(), size))
    return int(np.concatenate([correlation[-lag_count:], correlation[:lag_count]]).argmax())


def ild_db(signal: ArrayLike) -> float:
    """The interaural level difference of a track in dB, 10·log10(ΣL² / ΣR²); positive where the left is louder.

    signal: (2, samples); see `validate`. ±inf where one channel is silent (see
    `validate.SILENCE`) and NaN where both are, as in the original.

    >>> ild_db([[1.0, -1.0], [0.1, -0.1]])
    20.0
    """
    found = validate.energies(validate.signal(signal, channels=2))
    left, right = np.where(found > validate.SILENCE, found, 0.0)
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
    silent = validate.silent_channels(signal)
    if silent:
        reason = (
            f"the {what} is silent"
            if len(silent) == len(signal)
            else f"the {validate.channel_list(silent)} of the {what} is silent"
        )
        return Cues({}, {"ITD_difference": reason, "ILD_difference": reason})
    level = ild_db(signal)
    try:
        return Cues({"ITD_difference": itd_us(signal, rate), "ILD_difference": level}, {})
    except ValueError as error:
        return Cues({"ILD_difference": level}, {"ITD_difference": f"the {what} has no ITD: {error}"})
