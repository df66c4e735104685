"""SPAUQ: signal to spatial distortion (SSR) and signal to residual distortion (SRR), in two definitions.

`projection` is what the paper defines: each estimate channel projected on the reference channels, shifted to it.
`published` is what the authors' package has computed since September 2023, and what the published binaural numbers are:
the lags only choose samples, and each reference channel is scaled by the row sum of gains found without shifts. There a
full swap of channels scores SSR 80 dB and a mono downmix too.
Source: Watcharasupat & Lerch, Quantifying Spatial Audio Quality Impairment, ICASSP 2024, arXiv:2306.08053.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundstage.audio import Samples
from soundstage.contracts import Measure, Score, Scorer
from soundstage_metrics import validate
from soundstage_metrics.bit_depth import noise_bits, quantisation_noise, rounding_noise
from soundstage_metrics.claims import NOT_RESIDUAL, NOT_SPATIAL, RESIDUAL, SPATIAL
from soundstage_metrics.spauq import projection
from soundstage_metrics.spauq.frames import Lags, fingerprint, frame_bounds, remember, remembered
from soundstage_metrics.spauq.gate import GATE_DB, rejection_db, sounding
from soundstage_metrics.spauq.lags import lags
from soundstage_metrics.spauq.projection import NOISE_TOLERANCE_DB, SILENT_TOLERANCE_DB
from soundstage_metrics.threads import in_threads, one_blas_thread

if TYPE_CHECKING:
    from soundstage.scene import Scene

Definition = Literal["projection", "published"]

PUBLISHED = (1.0, 0.5, 0.1)
"""Window, hop and longest lag of the published package, in seconds."""

FRAMES_AT_ONCE = 16
"""Frames that one thread takes; `scipy.fft.set_workers` says how many threads there are."""

_SILENT = "the reference is silent here"
_NO_VALUE = "no sample left by the lags"


@dataclass(frozen=True, slots=True, eq=False)
class SpauqFrames:
    """SPAUQ frame by frame; frames are the last axis.

    ssr, srr: (frames,) in dB, within ±80, NaN where a frame has no value.
    shift: (reference channels, estimate channels, frames) in samples, positive where the estimate is ahead.
    scale: (estimate channels, reference channels, frames), the gains of the projection.
    near_singular: (frames,), whether the published value is at the mercy of rounding.
    ssr_moved, srr_moved: (frames,) in dB, how far noise at the reference's own bit depth moves the published values.
    sounds: (frames,), whether the reference sounds. rejection: of the whole track in dB, see `rejection_db`.
    """

    ssr: NDArray[np.float64]
    srr: NDArray[np.float64]
    shift: NDArray[np.int64]
    scale: NDArray[np.float64]
    near_singular: NDArray[np.bool_]
    ssr_moved: NDArray[np.float64]
    srr_moved: NDArray[np.float64]
    sounds: NDArray[np.bool_]
    rejection: float

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
    gate: float = GATE_DB,
) -> SpauqFrames:
    """SSR and SRR of an estimate in dB, frame by frame.

    reference, estimate: (channels, samples) at `rate` Hz, trimmed to the shorter as the original does; see `validate`.
    window, hop, max_lag: seconds; the last frame may be short. definition: `projection`, as the paper has it, or
    `published`, as the package computes since September 2023. With p the projection of the estimate ŝ on the reference
    s, SSR = 10·log10(‖s‖²/‖p − s‖²) and SRR = 10·log10(‖p‖²/‖ŝ − p‖²) over the kept samples of the frame, bounded to
    ±80 dB; 0/0 counts as 0 dB. The reference sounds in the frames within `gate` dB of its loudest one. By `projection`
    the others are NaN whatever the estimate, what is heard there makes `rejection`, and an estimate that is silent
    where the reference sounds has SSR 0 and SRR −80. By `published` every frame counts, silent ones as 0 or −80 dB.

    ssr_moved and srr_moved say how far noise at the bit depth of the reference's file moves a `published` frame (see
    `bit_depth`): panned mono in 16 bits depends on nothing else. near_singular marks `published` frames whose
    reference channels depend on each other (panned mono without noise) so far that rounding alone can move SSR or SRR
    by 1e-3 dB: see `projection`. Equal or exactly silent channels are safe. It is False throughout by `projection`,
    which needs no such warning.

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
    if not (rate > 0 and 0 < hop <= window and max_lag >= 0 and gate > 0):
        raise ValueError(
            f"rate {rate}, window {window}, hop {hop}, max_lag {max_lag}, gate {gate}:"
            " expected 0 < rate, 0 < hop ≤ window, 0 ≤ max_lag, 0 < gate"
        )
    project: Callable[..., projection.Projected] = projection.defined
    if definition == "published":
        project = partial(projection.published, noise=quantisation_noise(reference))
    return _spauq(reference, estimate, rate, project, window, hop, max_lag, gate)


@one_blas_thread()
def _spauq(
    reference: ArrayLike,
    estimate: ArrayLike,
    rate: float,
    project: Callable[..., projection.Projected],
    window: float,
    hop: float,
    max_lag: float,
    gate: float = GATE_DB,
) -> SpauqFrames:
    """`spauq` by the definition that `project` computes."""
    s, e = validate.pair(reference, estimate, equal_lengths=False)
    samples = min(s.shape[1], e.shape[1])
    width, step = round(window * rate), max(1, round(hop * rate))
    if samples < max(1, width):
        raise ValueError(f"{samples} samples are shorter than one window of {width}; give at least {window} s")
    channels = len(s)
    s, e = s[:, :samples], e[:, :samples]
    bounds = frame_bounds(samples, width, step)
    sounds = sounding(s, bounds, gate)
    key = (*in_threads(fingerprint, (s, e)), samples, width, step, round(max_lag * rate))
    known = remembered(key)

    def scored(first: int) -> tuple[projection.Projected, Lags]:
        block = bounds[first : first + FRAMES_AT_ONCE]
        begin, end = block[0][0], block[-1][1]
        signals = np.concatenate([s[:, begin:end], e[:, begin:end]])
        block = [(start - begin, stop - begin) for start, stop in block]
        if known is None:
            found_lags = lags(signals, channels, block, width, round(max_lag * rate))
        else:
            rows = slice(first, first + FRAMES_AT_ONCE)
            found_lags = Lags(known.lag[rows], known.silent[rows])
        return project(signals, channels, block, found_lags.lag), found_lags

    parts = list(in_threads(scored, range(0, len(bounds), FRAMES_AT_ONCE)))
    every = Lags(np.concatenate([part[1].lag for part in parts]), np.concatenate([part[1].silent for part in parts]))
    if known is None:
        remember(key, every)
    found = projection.Projected(
        *(np.concatenate([getattr(part[0], one.name) for part in parts]) for one in fields(projection.Projected))
    )
    if project is projection.defined:
        found.ssr[~sounds], found.srr[~sounds] = np.nan, np.nan
    return SpauqFrames(
        ssr=found.ssr,
        srr=found.srr,
        shift=np.moveaxis(every.lag, 0, -1),
        scale=np.moveaxis(found.scale, 0, -1),
        near_singular=found.near_singular,
        ssr_moved=found.ssr_moved,
        srr_moved=found.srr_moved,
        sounds=sounds,
        rejection=rejection_db(s, e, bounds, sounds),
    )


class Spauq:
    """SSR and SRR as SPAUQ defines them, per frame and as the median over the frames in which the reference sounds.

    A frame counts where the reference's energy is within `gate` dB of its own loudest frame's; the others are NaN for
    every separator alike. What an estimate lets be heard there is a score of its own: `rejection`, in dB below the
    source's level. An estimate that is silent where the reference sounds has SSR 0 and SRR −80. A source that is silent
    in the scene, or a scene shorter than one window, gets NaN and a note. See `spauq`.
    """

    compares_channels = True
    revision = 3
    measures = {
        "SSR": Measure("dB", higher_is_better=True, follows=SPATIAL, ignores=NOT_SPATIAL),
        "SRR": Measure("dB", higher_is_better=True, follows=RESIDUAL, ignores=NOT_RESIDUAL),
        "rejection": Measure("dB", higher_is_better=True, headline=False, follows=("sources", "residual")),
    }

    def __init__(self, *, window: float = 1.0, hop: float = 0.5, max_lag: float = 0.1, gate: float = GATE_DB) -> None:
        """window, hop, max_lag: in seconds. gate: in dB below the reference's loudest frame."""
        self._window, self._hop, self._max_lag, self._gate = window, hop, max_lag, gate

    def prepare(self, scene: Scene) -> Scorer:
        """A scorer of estimates of the scene."""

        def rows(source: str, reference: Samples, estimate: Samples) -> Iterator[Score]:
            where = (self._window, self._hop, self._max_lag, self._gate)
            yield from _defined_rows(source, spauq(reference, estimate, scene.rate, "projection", *where))

        return _scorer(scene, self._window, tuple(self.measures), rows)


class SpauqPublished:
    """SSR and SRR as the published package computes them: 1 s frames every 0.5 s, lags to 0.1 s. See `spauq`.

    The numbers are the package's, whatever they rest on. Marked `ranked=False`, with a note, are tracks with any frame
    that is near-singular; tracks that noise at the bit depth of the reference's own file moves by more than 0.25 dB;
    and tracks that are 3 dB apart by whether the frames in which the reference is silent count as 0 dB or as −80 dB,
    which depends on whether the estimate is exactly silent too. A source that is silent in the scene, or a scene
    shorter than one window, gets NaN and a note.
    """

    compares_channels = True
    revision = 2
    measures = {
        "SSR": Measure("dB", higher_is_better=True, follows=SPATIAL, ignores=NOT_SPATIAL),
        "SRR": Measure("dB", higher_is_better=True, follows=RESIDUAL, ignores=NOT_RESIDUAL),
    }

    def prepare(self, scene: Scene) -> Scorer:
        """A scorer of estimates of the scene."""
        bits = {source: noise_bits(reference) for source, reference in scene.references.items()}

        def rows(source: str, reference: Samples, estimate: Samples) -> Iterator[Score]:
            project = partial(projection.published, noise=rounding_noise(bits[source]))
            found = _spauq(reference, estimate, scene.rate, project, *PUBLISHED)
            yield from _published_rows(source, found, bits[source])

        return _scorer(scene, PUBLISHED[0], tuple(self.measures), rows)


def _scorer(
    scene: Scene, window: float, names: Sequence[str], rows: Callable[[str, Samples, Samples], Iterator[Score]]
) -> Scorer:
    def scores(estimates: Mapping[str, Samples]) -> Iterator[Score]:
        for source, estimate in estimates.items():
            reference = scene.references[source]
            if reason := _unscorable(reference, scene.rate, window):
                yield from (Score(source, name, float("nan"), note=reason) for name in names)
            else:
                yield from rows(source, reference, estimate)

    return scores


def _unscorable(reference: Samples, rate: int, window: float) -> str:
    if validate.is_silent(reference):
        return "the reference is silent"
    if reference.shape[1] < round(window * rate):
        return f"shorter than one window of {window:g} s"
    return ""


def _defined_rows(source: str, found: SpauqFrames) -> Iterator[Score]:
    silent = int(np.count_nonzero(~found.sounds))
    for name, values, track in zip(("SSR", "SRR"), (found.ssr, found.srr), found.medians(), strict=True):
        note = f"without {silent} of {len(values)} frames, in which the reference is silent" if silent else ""
        yield Score(source, name, track, note=note or ("no frame has a value" if np.isnan(track) else ""))
        for frame, (value, sounds) in enumerate(zip(values.tolist(), found.sounds.tolist(), strict=True)):
            note = "" if value == value else _NO_VALUE if sounds else _SILENT
            yield Score(source, name, value, frame, note)
    yield Score(source, "rejection", found.rejection, note="" if silent else "the reference sounds in every frame")


def _published_rows(source: str, found: SpauqFrames, bits: int) -> Iterator[Score]:
    for name, values, moved, track in zip(
        ("SSR", "SRR"), (found.ssr, found.srr), (found.ssr_moved, found.srr_moved), found.medians(), strict=True
    ):
        note = _doubt(found, values, moved, bits)
        missing = "no frame has a value" if np.isnan(track) else ""
        yield Score(source, name, track, note=note or missing, ranked=not note)
        for frame, value in enumerate(values.tolist()):
            if np.isnan(value):
                yield Score(source, name, value, frame, _NO_VALUE)
            elif moved[frame] > NOISE_TOLERANCE_DB / 2:
                yield Score(source, name, value, frame, f"set by {bits}-bit noise", ranked=False)
            elif found.near_singular[frame]:
                yield Score(source, name, value, frame, "near-singular channel Gram: rounding noise", ranked=False)
            else:
                yield Score(source, name, value, frame)


def _doubt(found: SpauqFrames, values: NDArray[np.float64], moved: NDArray[np.float64], bits: int) -> str:
    """Why a track's published value must not be ranked on; empty where it may."""
    count = len(values)
    floor = -10 * np.log10(projection.RATIO_LIMIT)
    least, most = (np.where(found.sounds, values, silent) for silent in (floor, 0.0))
    if _spread(least, values, most) > SILENT_TOLERANCE_DB:
        silent = np.count_nonzero(~found.sounds)
        return f"set by the {silent} of {count} frames in which the reference is silent"
    moved = np.where(found.sounds, moved, 0.0)
    if _spread(values - moved, values + moved) > NOISE_TOLERANCE_DB:
        noisy = np.count_nonzero(moved > NOISE_TOLERANCE_DB / 2)
        return f"set by {bits}-bit noise: dependent channels in {noisy} of {count} frames"
    if doubtful := np.count_nonzero(found.near_singular):
        return f"near-singular channel Gram in {doubtful} of {count} frames: the published SSR/SRR is rounding noise"
    return ""


def _spread(*values: NDArray[np.float64]) -> float:
    """How far the medians lie apart; 0 where there is none."""
    medians = [_median(one) for one in values]
    return max(medians) - min(medians) if not np.isnan(medians).any() else 0.0


def _median(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else float("nan")
