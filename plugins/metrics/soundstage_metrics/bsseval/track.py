"""The references of a track and what estimates score against them, frame by frame: museval's conventions.

It also says what of the values is the files' own noise, which is no part of museval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from soundstage_metrics import validate
from soundstage_metrics.bit_depth import ASSUMED_BITS, STEP_NOISE, bit_depth
from soundstage_metrics.bsseval.causes import causes
from soundstage_metrics.bsseval.filters import Filters, Projector, Signals, filters, part_energies, prepare
from soundstage_metrics.bsseval.framewise import FrameLags, frame_lags
from soundstage_metrics.threads import in_threads, one_blas_thread

Floats = NDArray[np.float64]
Frames = Sequence[tuple[int, int]]
Version = Literal["v4", "v3"]

LIMIT_DB = 100.0
"""Where values end, up and down, when they are compared or become rows."""

NEAR_DB = 1e-6
"""Values that differ by less are equally near to a median."""

SOON = 1000
"""Samples in which most frames are heard already."""

LOUD_FRAMES = 4
"""How many of the loudest frames are scored twice to see what the files' own noise does, beside those whose values are
the track's."""


class Track:
    """The references of a track, and what depends on them alone.

    references: of all sources, `channels` each, none silent throughout. frames: (start, stop) of each. version: `v4`
    finds filters on the whole track, `v3` on each frame. bits: the depth whose noise is held against the values: 16,
    or the files' own where that is less. What only the bits beyond 16 hold would be gone from the usual files.
    """

    def __init__(self, references: Signals, channels: int, frames: Frames, version: Version) -> None:
        self.references, self.channels, self.frames = references, channels, frames
        # Of all together it is the largest, or ASSUMED_BITS where one is on no grid.
        self.bits = min(ASSUMED_BITS, max(in_threads(lambda signal: bit_depth([signal]), references)))
        self.projector = prepare(references, channels, frames) if version == "v4" else None
        self._sounds = _sounding(references, channels, frames)
        self._power = _energies(references, channels, frames)
        self._why = ""

    def scores(self, estimates: Signals, sources: Sequence[int]) -> Found:
        """What estimates of these sources score.

        museval leaves a frame out for all where the channels of any reference or estimate sum to silence. Where that
        leaves none, as one estimate that is silent throughout does, an estimate's frames are those in which all
        references and it itself sound: what another estimate is does not enter its scores.
        """
        r, e = self._sounds, _sounding(estimates, self.channels, self.frames)
        together = r.all(axis=0) & e.all(axis=0)
        stands_alone = not together.any()
        counts = r.all(axis=0) & e if stands_alone else np.broadcast_to(together, e.shape)
        step, power = 2.0 ** (1 - self.bits), self._power[list(sources)]
        if self.projector is not None:
            decibels, moved = _scored(self.projector, estimates, sources, self.frames, counts, power, step)
        else:
            decibels, moved = self._by_frames(estimates, sources, counts, power, step)
        lifted = self._lifted(decibels, power, step)
        return Found(decibels, moved, lifted, stands_alone, bool(r.all(axis=0).any()))

    def why(self, rate: float, names: tuple[str, ...]) -> str:
        """What of the references leaves filters open, or leaves them to the files' own noise; found out once."""
        if not self._why:
            self._why = causes(self.references, names, rate, self.bits)
        return self._why

    def _lifted(self, decibels: Floats, power: Floats, step: float) -> Floats:
        """How far the medians over frames (4, estimates) rise by noise of that `step` in the sources themselves."""
        if not len(self.frames):
            return np.zeros(decibels.shape[:2])
        noise = STEP_NOISE * step**2 * self.channels * (self.frames[0][1] - self.frames[0][0])
        with np.errstate(divide="ignore"):
            louder = bounded(decibels + 10 * (np.log10(power + noise) - np.log10(power)))
        lifted = np.zeros(decibels.shape[:2])
        for at in np.ndindex(lifted.shape):
            known = ~np.isnan(decibels[at])
            if known.any():
                lifted[at] = np.median(louder[at][known]) - np.median(bounded(decibels[at][known]))
        return lifted

    def _by_frames(
        self, estimates: Signals, sources: Sequence[int], counts: NDArray[np.bool_], power: Floats, step: float
    ) -> tuple[Floats, Floats]:
        decibels, moved = _nothing(len(sources), len(self.frames))
        used = np.flatnonzero(counts.any(axis=0)).tolist()
        if not len(used):
            return decibels, moved
        loud = [used[at] for at in _loudest(power[:, used])]
        for index in used:
            start, stop = self.frames[index]
            s, e = ([signal[start:stop] for signal in signals] for signals in (self.references, estimates))
            shaken = step if index in loud else 0.0
            projector = prepare(s, self.channels)
            here, by = _scored(
                projector, e, sources, [(0, stop - start)], counts[:, [index]], power[:, [index]], shaken
            )
            decibels[:, :, index], moved = here[:, :, 0], np.fmax(moved, by)
        return decibels, moved


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """decibels: (4, estimates, frames), NaN where a frame has no value.

    moved: (3, estimates), how far the files' own noise moves ISR, SIR and SAR in dB; NaN where there is none to move.
    lifted: (4, estimates), how far the same noise in the source itself, where it is faint, lifts the medians in dB.
    stands_alone: whether museval's frames were none, and each estimate has those in which the others do not matter.
    references_sound: whether there is a frame in which all references do.
    """

    decibels: Floats
    moved: Floats
    lifted: Floats
    stands_alone: bool
    references_sound: bool


def _sounding(signals: Signals, channels: int, frames: Frames) -> NDArray[np.bool_]:
    """(sources, frames): whether the channels' sum is no silence there."""
    sounds = np.empty((len(signals) // channels, len(frames)), np.bool_)
    for (source, at), _ in np.ndenumerate(sounds):
        start, stop = frames[at]
        own = signals[source * channels : (source + 1) * channels]
        # Most frames are heard in their first samples.
        ends = (min(start + SOON, stop), stop)
        sounds[source, at] = any(
            not validate.is_silent(np.sum([signal[start:end] for signal in own], axis=0)) for end in ends
        )
    return sounds


def _scored(
    projector: Projector,
    estimates: Signals,
    sources: Sequence[int],
    frames: Frames,
    counts: NDArray[np.bool_],
    power: Floats,
    step: float,
) -> tuple[Floats, Floats]:
    """(4, estimates, frames) in dB, of estimates of these of the projector's sources, in the frames that count.

    power: the sources' own energies, (estimates, frames). Also (3, estimates): how far noise of the quantisation `step`
    moves ISR, SIR and SAR; NaN where step is 0.
    """
    scores, moved = _nothing(len(sources), len(frames))
    used = np.flatnonzero(counts.any(axis=0))
    if not len(used):
        return scores, moved
    counts, power, chosen = counts[:, used], power[:, used], [frames[index] for index in used.tolist()]
    targets = _targets(projector.references, projector.channels, sources)
    found = np.full((4, len(sources), len(used)), np.nan)
    found[0] = _db(power, _energies(estimates, projector.channels, chosen, targets))
    if not projector.is_singular:
        lags = None
        if projector.frames:
            basis = [projector.references[index] for index in projector.basis]
            lags = frame_lags(basis, estimates, projector.frames, projector.taps)
        plain = filters(projector, estimates, sources, lags.whole if lags else None)
        parts = _Parts(projector, estimates, lags, power, _energies(estimates, projector.channels, chosen))
        found[1:] = parts.decibels(plain, chosen, range(len(chosen)))
        if step:
            noisy = plain.with_noise(projector, len(targets[0]) * STEP_NOISE * step**2)
            moved = _moved(parts, noisy, chosen, np.where(counts, found[1:], np.nan))
    scores[:, :, used] = np.where(counts, found, np.nan)
    return scores, moved


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """Estimates that are to be taken apart. power, total: the targets' and their own energies, (estimates, frames)."""

    projector: Projector
    estimates: Signals
    lags: FrameLags | None
    power: Floats
    total: Floats

    def decibels(self, found: Filters, frames: Frames, among: Sequence[int]) -> Floats:
        """ISR, SIR and SAR in dB by these filters, (3, estimates, frames), in those among the frames."""
        asked, total = [frames[index] for index in among], self.total[:, among]
        energies = part_energies(self.projector, self.estimates, found, asked, self.lags, total)
        spatial, target, interference, explained, artefacts = energies
        power = self.power[:, among]
        return np.stack([_db(power, spatial), _db(target, interference), _db(explained, artefacts)])


def _moved(parts: _Parts, noisy: Filters, frames: Frames, decibels: Floats) -> Floats:
    """How far ISR, SIR and SAR (3, estimates, frames) move with other filters, in the frames that say most.

    These are the loudest, and of each row the one that is its median.
    """
    loud, middle = _loudest(parts.power), _middle(decibels)
    asked = np.union1d(loud, middle[middle >= 0])
    shaken = parts.decibels(noisy, frames, asked.tolist())
    moves = np.abs(bounded(shaken) - bounded(decibels[:, :, asked]))
    says = (np.isin(asked, loud) | (asked == middle[..., None])) & ~np.isnan(moves)
    return np.asarray(np.max(np.where(says, moves, 0.0), axis=2))


def _nothing(sources: int, frames: int) -> tuple[Floats, Floats]:
    return np.full((4, sources, frames), np.nan), np.full((3, sources), np.nan)


def _targets(references: Signals, channels: int, sources: Sequence[int]) -> Signals:
    return [references[source * channels + channel] for source in sources for channel in range(channels)]


@one_blas_thread()
def _energies(signals: Signals, channels: int, frames: Frames, besides: Signals | None = None) -> Floats:
    """(sources, frames); of what signals are besides others, where those are given."""

    def energies(index: int) -> list[float]:
        parts = (signals[index][start:stop] for start, stop in frames)
        if besides is not None:
            parts = (part - besides[index][start:stop] for part, (start, stop) in zip(parts, frames, strict=True))
        return [float(part @ part) for part in parts]

    each = np.array(list(in_threads(energies, range(len(signals)))))
    return np.asarray(each.reshape(len(signals) // channels, channels, len(frames)).sum(axis=1))


def _loudest(power: Floats) -> NDArray[np.int64]:
    """The frames that hold most of what the sources are, each source counting alike."""
    share = (power / power.sum(axis=1, keepdims=True)).sum(axis=0)
    return np.sort(np.argsort(-share, kind="stable")[:LOUD_FRAMES])


def _middle(decibels: Floats) -> NDArray[np.int64]:
    """Of each row (…, frames) the frame nearest to its median, which is what stands for the track; −1 without one."""
    found = np.full(decibels.shape[:-1], -1)
    for at in np.ndindex(found.shape):
        row = bounded(decibels[at])
        if not np.isnan(row).all():
            away = np.abs(row - np.nanmedian(row))
            # Of an even number two are equally near; rounding must not say which.
            found[at] = np.flatnonzero(away <= np.nanmin(away) + NEAR_DB)[0]
    return found


def bounded(decibels: Floats) -> Floats:
    """Within ±LIMIT_DB."""
    return np.clip(decibels, -LIMIT_DB, LIMIT_DB)


def _db(numerator: Floats, denominator: Floats) -> Floats:
    """10·log10 of the ratio, +inf where there is nothing to divide by."""
    with np.errstate(divide="ignore"):
        positive = np.where(denominator == 0, 1.0, denominator)
        return np.where(denominator == 0, np.inf, 10 * np.log10(numerator / positive))
