"""Signal-to-distortion ratios: uSDR of the music demixing challenges, and scale-invariant SDR."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundstage.audio import Samples
from soundstage.contracts import Measure, Score, Scorer
from soundstage_metrics import validate
from soundstage_metrics.bit_depth import unranked_where_faint
from soundstage_metrics.claims import EVERYTHING, SCALE, SCALED

if TYPE_CHECKING:
    from soundstage.scene import Scene

DELTA = 1e-7
"""What uSDR adds to both energies, so that it is finite everywhere."""

CANCELLED = 1e-4
"""A residual below this part of the estimate's energy is computed from the residual signal."""

LIMIT_DB = 100.0
"""Where the SI-SDR rows of the harness end, up and down, per channel."""


def sdr(reference: ArrayLike, estimate: ArrayLike) -> float:
    """uSDR in dB: 10·log10((Σs² + δ) / (Σ(s − ŝ)² + δ)) over channels and time, δ = 1e-7.

    reference, estimate: (channels, samples), equal shapes; see `validate`. A perfect estimate gets 10·log10(1 + Σs²/δ).
    Raises ValueError where the arrays are unusable. Source: Mitsufuji et al. 2022, the global SDR of MDX and SDX.

    >>> round(sdr([[1.0, -1.0], [1.0, 1.0]], [[0.9, -0.9], [0.9, 0.9]]), 3)
    20.0
    """
    s, e = validate.pair(reference, estimate)
    return float(10 * np.log10((_inner(s, s).sum() + DELTA) / (validate.squared_distance(s, e) + DELTA)))


def si_sdr(reference: ArrayLike, estimate: ArrayLike, joint: bool = False) -> float:
    """Scale-invariant SDR in dB: 10·log10(‖αs‖² / ‖αs − ŝ‖²), α = ⟨s, ŝ⟩ / ‖s‖². The mean is not removed.

    reference, estimate: (channels, samples), equal shapes; see `validate`. joint=False is the mean over channels, each
    with its own α, as fast_bss_eval does; joint=True takes all channels as one signal with one α, so that a change of
    the balance between channels counts as distortion. As in fast_bss_eval without `clamp_db` nothing bounds it: +inf
    where the residual is exactly zero; −inf for a channel that is silent in the reference or the estimate (see
    `validate.SILENCE`), and then for the mean; NaN where +inf and −inf meet in the mean. Raises ValueError where the
    arrays are unusable.
    Source: Le Roux et al. 2019, eq. 4.

    >>> round(si_sdr([[1.0, 1.0, 1.0, 1.0]], [[1.1, 0.9, 1.1, 0.9]]), 3)
    20.0
    >>> si_sdr([[1.0, 2.0]], [[0.5, 1.0]])
    inf
    """
    with np.errstate(invalid="ignore"):
        return float(np.mean(_si_sdr_per_signal(*_as_signals(*validate.pair(reference, estimate), joint))))


def _as_signals(reference: Samples, estimate: Samples, joint: bool) -> tuple[Samples, Samples]:
    return (reference.reshape(1, -1), estimate.reshape(1, -1)) if joint else (reference, estimate)


def _si_sdr_per_signal(reference: Samples, estimate: Samples) -> NDArray[np.float64]:
    """SI-SDR in dB of every row, ±inf included."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        energy = _inner(reference, reference)
        is_heard = energy > validate.SILENCE
        scale = _inner(reference, estimate) / np.where(is_heard, energy, 1.0)
        projected, total = scale**2 * energy, _inner(estimate, estimate)
        is_heard &= (total > validate.SILENCE) & (projected > 0)
        residual = total - projected
        for row in np.flatnonzero(residual < CANCELLED * total):
            # The difference of two large energies has lost its digits: take the energy of the difference.
            left = scale[row] * reference[row] - estimate[row]
            residual[row] = left @ left
        return np.where(is_heard, 10 * np.log10(projected / residual), -np.inf)


def _inner(a: Samples, b: Samples) -> NDArray[np.float64]:
    return np.array([x @ y for x, y in zip(a, b, strict=True)])


class Sdr:
    """uSDR and its improvement over the scene's mixture. See `sdr`.

    SDRi is exactly 0 for the mixture itself. A source that is silent in the scene gets NaN and a note.
    """

    revision = 2
    measures = {
        "SDR": Measure("dB", higher_is_better=True, follows=EVERYTHING),
        "SDRi": Measure("dB", higher_is_better=True, headline=False, follows=EVERYTHING),
    }

    def prepare(self, scene: Scene) -> Scorer:
        """A scorer that holds what the mixture scores for every source."""
        references = scene.references
        baselines = {source: sdr(reference, scene.mixture) for source, reference in references.items()}

        def scores(estimates: Mapping[str, Samples]) -> Iterator[Score]:
            for source, estimate in estimates.items():
                if validate.is_silent(references[source]):
                    yield from _unscorable(source, self.measures)
                    continue
                value = sdr(references[source], estimate)
                yield Score(source, "SDR", value)
                yield Score(source, "SDRi", value - baselines[source])

        return unranked_where_faint(scene, scores)


class SiSdr:
    """SI-SDR and its improvement over the scene's mixture, within ±100 dB. See `si_sdr`.

    So that medians and differences stay finite, each channel's value (the one value, where joint) is bounded to
    ±LIMIT_DB before anything else is done: a perfect estimate sits at 100 dB, a channel that the estimate leaves silent
    at −100 dB. Without `joint` a channel that is silent in the reference has no SI-SDR: the mean is over the others,
    and a note says so. A source that is silent in the scene gets NaN and a note. SI-SDRi is exactly 0 for the mixture.
    """

    revision = 2
    measures = {
        "SI-SDR": Measure("dB", higher_is_better=True, follows=SCALED, ignores=SCALE),
        "SI-SDRi": Measure("dB", higher_is_better=True, headline=False, follows=SCALED, ignores=SCALE),
    }

    def __init__(self, *, joint: bool = False) -> None:
        """joint: all channels as one signal with one scale, instead of the mean over channels."""
        self._joint = joint

    def prepare(self, scene: Scene) -> Scorer:
        """A scorer that holds what the mixture scores for every source."""
        references = scene.references
        silent = {source: validate.silent_channels(reference) for source, reference in references.items()}
        scorable = [source for source, reference in references.items() if len(silent[source]) < len(reference)]
        baselines = {source: self._bounded(references[source], scene.mixture) for source in scorable}

        def scores(estimates: Mapping[str, Samples]) -> Iterator[Score]:
            for source, estimate in estimates.items():
                if source not in baselines:
                    yield from _unscorable(source, self.measures)
                    continue
                note = ""
                if silent[source] and not self._joint:
                    note = f"without the {validate.channel_list(silent[source])}, silent in the reference"
                value = self._bounded(references[source], estimate)
                yield Score(source, "SI-SDR", value, note=note)
                yield Score(source, "SI-SDRi", value - baselines[source], note=note)

        return unranked_where_faint(scene, scores)

    def _bounded(self, reference: Samples, estimate: Samples) -> float:
        """SI-SDR in dB over the channels where the reference sounds, each within ±LIMIT_DB."""
        s, e = validate.pair(reference, estimate)
        if not self._joint and (silent := validate.silent_channels(s)):
            s, e = np.delete(s, silent, axis=0), np.delete(e, silent, axis=0)
        values = _si_sdr_per_signal(*_as_signals(s, e, self._joint))
        return float(np.mean(np.clip(values, -LIMIT_DB, LIMIT_DB)))


def _unscorable(source: str, measures: Mapping[str, Measure]) -> Iterator[Score]:
    for name in measures:
        yield Score(source, name, float("nan"), note="the reference is silent")
