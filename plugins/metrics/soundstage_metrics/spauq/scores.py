"""SPAUQ: signal to spatial distortion (SSR) and signal to residual distortion (SRR), in two definitions.

`projection` is what the paper defines: each estimate channel projected on the reference channels, shifted to it.
`published` is what the authors' package has computed since September 2023, and what the published binaural numbers are:
the lags only choose samples, and each reference channel is scaled by the row sum of gains found without shifts. There a
full swap of channels scores SSR 80 dB and a mono downmix too.
Source: Watcharasupat & Lerch, Quantifying Spatial Audio Quality Impairment, ICASSP 2024, arXiv:2306.08053.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundstage.audio import Samples
from soundstage.contracts import Measure, Score, Scorer
from soundstage_metrics import validate
from soundstage_metrics.spauq import projection
from soundstage_metrics.spauq.frames import Lags, frame_bounds, lags, remember, remembered
from soundstage_metrics.threads import in_threads

if TYPE_CHECKING:
    from soundstage.scene import Scene

Definition = Literal["projection", "published"]

FRAMES_AT_ONCE = 16
"""Frames that one thread takes; `scipy.fft.set_workers` says how many threads there are."""

_NO_VALUE = "silent in the reference and the estimate, or no sample left by the lags"


@dataclass(frozen=True, slots=True, eq=False)
class SpauqFrames:
    """SPAUQ frame by frame; frames are the last axis.

    ssr, srr: (frames,) in dB, within ±80, NaN where a frame has no value.
    shift: (reference channels, estimate channels, frames) in samples, positive where the estimate is ahead.
    scale: (estimate channels, reference channels, frames), the gains of the projection.
    near_singular: (frames,), whether the published value is at the mercy of rounding.
    """

    ssr: NDArray[np.float64]
    srr: NDArray[np.float64]
    shift: NDArray[np.int64]
    scale: NDArray[np.float64]
    near_singular: NDArray[np.bool_]

    def medians(self) -> tuple[float, float]:
        """SSR and SRR of the track in dB: medians over the frames that have a value, NaN where none has."""
        return _median(self.ssr), _median(self.srr)


def spauq(
    reference: ArrayLike,
    estimate: ArrayLike,
    rate: float,
    definition: Definition = "projection",
    window: float = 1.0,
    hop: float = 0.5,
    max_lag: float = 0.1,
) -> SpauqFrames:
    """SSR and SRR of an estimate in dB, frame by frame.

    reference, estimate: (channels, samples) at `rate` Hz, trimmed to the shorter as the original does; see `validate`.
    window, hop, max_lag: seconds; the last frame may be short. With p the projection of the estimate ŝ on the reference
    s, SSR = 10·log10(‖s‖²/‖p − s‖²) and SRR = 10·log10(‖p‖²/‖ŝ − p‖²) over the kept samples of the frame, bounded to
    ±80 dB; 0/0 counts as 0 dB. Frames that are silent in both are NaN by `projection` and 0 dB by `published`.

    near_singular marks `published` frames whose reference channels depend on each other (panned mono without noise) so
    far that rounding alone can move SSR or SRR by 1e-3 dB: see `projection`. Equal or exactly silent
    channels are safe. It is False throughout by `projection`, which needs no such warning.

    Raises ValueError where the arrays or parameters are unusable or the signals are shorter than one window.

    >>> noise = np.random.default_rng(0).standard_normal((2, 3000))
    >>> swapped = spauq(noise, noise[::-1], 2000)
    >>> swapped.srr, swapped.ssr.round(1)
    (array([80., 80.]), array([-2.9, -3. ]))
    >>> spauq(noise, noise[::-1], 2000, "published").ssr
    array([80., 80.])
    """
    if definition not in ("projection", "published"):
        raise ValueError(f"definition is 'projection' or 'published', not {definition!r}")
    if not (rate > 0 and 0 < hop <= window and max_lag >= 0):
        raise ValueError(
            f"rate {rate}, window {window}, hop {hop}, max_lag {max_lag}:"
            " expected 0 < rate, 0 < hop ≤ window, 0 ≤ max_lag"
        )
    s, e = validate.pair(reference, estimate, equal_lengths=False)
    samples = min(s.shape[1], e.shape[1])
    width, step = round(window * rate), max(1, round(hop * rate))
    if samples < max(1, width):
        raise ValueError(f"{samples} samples are shorter than one window of {width}; give at least {window} s")
    channels = len(s)
    bounds = frame_bounds(samples, width, step)
    project = projection.defined if definition == "projection" else projection.published

    key = (reference, estimate, samples, width, step, round(max_lag * rate))
    known = remembered(*key)

    def scored(first: int) -> tuple[SpauqFrames, Lags]:
        block = bounds[first : first + FRAMES_AT_ONCE]
        begin, end = block[0][0], block[-1][1]
        signals = np.concatenate([s[:, begin:end], e[:, begin:end]])
        block = [(start - begin, stop - begin) for start, stop in block]
        if known is None:
            found_lags = lags(signals, channels, block, width, round(max_lag * rate))
        else:
            rows = slice(first, first + FRAMES_AT_ONCE)
            found_lags = Lags(known.lag[rows], known.silent[rows])
        shift, silent = found_lags
        found = project(signals, channels, block, shift)
        if definition == "projection":
            both_silent = silent.all(axis=1)
            found.ssr[both_silent], found.srr[both_silent] = np.nan, np.nan
        scale = np.moveaxis(found.scale, 0, -1)
        frames = SpauqFrames(found.ssr, found.srr, np.moveaxis(shift, 0, -1), scale, found.near_singular)
        return frames, found_lags

    parts = list(in_threads(scored, range(0, len(bounds), FRAMES_AT_ONCE)))
    if known is None:
        every = Lags(
            np.concatenate([part[1].lag for part in parts]), np.concatenate([part[1].silent for part in parts])
        )
        remember(every, *key)
    return SpauqFrames(
        *(np.concatenate([getattr(part[0], name) for part in parts], axis=-1) for name in SpauqFrames.__slots__)
    )


class Spauq:
    """SSR and SRR as SPAUQ defines them, per frame and as the median over frames. See `spauq`.

    Frames that are silent in reference and estimate are NaN and left out of the median. A source that is silent in the
    scene, or a scene shorter than one window, gets NaN and a note.
    """

    compares_channels = True
    revision = 1
    measures = {"SSR": Measure("dB", higher_is_better=True), "SRR": Measure("dB", higher_is_better=True)}

    def __init__(self, *, window: float = 1.0, hop: float = 0.5, max_lag: float = 0.1) -> None:
        """window, hop, max_lag: in seconds."""
        self._window, self._hop, self._max_lag = window, hop, max_lag

    def prepare(self, scene: Scene) -> Scorer:
        """A scorer of estimates of the scene."""
        return _scorer(scene, "projection", self._window, self._hop, self._max_lag)


class SpauqPublished:
    """SSR and SRR as the published package computes them: 1 s frames every 0.5 s, lags to 0.1 s. See `spauq`.

    Where any frame is near-singular its rows and the track's are marked `ranked=False` with a note. A source that is
    silent in the scene, or a scene shorter than one window, gets NaN and a note.
    """

    compares_channels = True
    revision = 1
    measures = {"SSR": Measure("dB", higher_is_better=True), "SRR": Measure("dB", higher_is_better=True)}

    def prepare(self, scene: Scene) -> Scorer:
        """A scorer of estimates of the scene."""
        return _scorer(scene, "published", 1.0, 0.5, 0.1)


def _scorer(scene: Scene, definition: Definition, window: float, hop: float, max_lag: float) -> Scorer:
    def scores(estimates: Mapping[str, Samples]) -> Iterator[Score]:
        for source, estimate in estimates.items():
            reference = scene.references[source]
            if reason := _unscorable(reference, scene.rate, window):
                yield Score(source, "SSR", float("nan"), note=reason)
                yield Score(source, "SRR", float("nan"), note=reason)
            else:
                yield from _rows(source, spauq(reference, estimate, scene.rate, definition, window, hop, max_lag))

    return scores


def _unscorable(reference: Samples, rate: int, window: float) -> str:
    if validate.is_silent(reference):
        return "the reference is silent"
    if reference.shape[1] < round(window * rate):
        return f"shorter than one window of {window:g} s"
    return ""


def _rows(source: str, found: SpauqFrames) -> Iterator[Score]:
    doubtful = int(found.near_singular.sum())
    for name, values, track in zip(("SSR", "SRR"), (found.ssr, found.srr), found.medians(), strict=True):
        note = ""
        if doubtful:
            where = f"near-singular channel Gram in {doubtful} of {len(values)} frames"
            note = f"{where}: the published SSR/SRR is rounding noise"
        elif np.isnan(track):
            note = "no frame has a value"
        yield Score(source, name, track, note=note, ranked=not doubtful)
        for frame, value in enumerate(values.tolist()):
            if found.near_singular[frame]:
                yield Score(source, name, value, frame, "near-singular channel Gram: rounding noise", ranked=False)
            else:
                note = _NO_VALUE if np.isnan(value) else ""
                yield Score(source, name, value, frame, note)


def _median(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else float("nan")
