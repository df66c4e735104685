"""Where each frame of a signal is heard: the direction whose level and phase between the ears are nearest to its own.

Every band says how far each direction is, in steps that a listener just notices; bands weigh by loudness and coherence,
and none may outvote the others by being far off, so that of two places the stronger is found and not their middle.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from soundstage_metrics import validate
from soundstage_metrics.cues.angle import ALIKE_DEG, ILD_JND_DB
from soundstage_metrics.cues.frames import band_starts
from soundstage_metrics.localization.directions import Directions
from soundstage_metrics.localization.frames import EarFrames

IPD_JND_DEG = 2.4
"""The least step of phase between the ears that listeners notice, about the same up to 1 kHz: 75 µs at 90 Hz, 13 µs at
500 Hz (Klumpp & Eady, Some measurements of interaural time difference thresholds, JASA 28(5), 1956)."""

FARTHEST_STEPS = 10.0
"""A band that is more steps than this from a direction is as far as any."""

LOUDNESS = 0.3
"""Loudness grows with this power of energy (Stevens 1955)."""

MASKED_DB, MASKED_DB_A_BAND, FAINTEST_DB = 10.0, 10.0, 50.0
"""A band is masked, or the skirt of the window, where another one, n bands away, is 10 + 10 n dB louder, or any 50."""

SPLIT_STEPS, SPLIT_WEIGHT, SPLIT_DEG = 3.0, 0.25, 30.0
"""Two places: a quarter of the weight or more within three steps of each, and that far apart (15° of panning angle)."""

_FRAMES_AT_ONCE = 64
_LEAST_SHARE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Where each frame is heard; all (frames,).

    azimuth: in degrees within ±180, or the panning angle; NaN where an ear is silent. low, high: the lateral angles
    farthest apart that differ from what is heard by no more than one step. rear: whether it is behind the listener.
    rear_told: whether the other half-plane is more than one step worse. split: whether there are two places.
    """

    azimuth: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    rear: NDArray[np.bool_]
    rear_told: NDArray[np.bool_]
    split: NDArray[np.bool_]

    def told(self) -> NDArray[np.bool_]:
        """Where the frame is heard at one place: the directions that would sound alike lie within ALIKE_DEG."""
        return np.asarray(self.high - self.low <= ALIKE_DEG)


def heard(frames: EarFrames, directions: Directions, rate: float) -> Heard:
    """Where each frame is heard.

    A band's distance from a direction is (ΔIPD / 2.4°)², where it lies below 1.5 kHz, plus (ΔILD / 1 dB)², and 100 at
    most; what the direction would give is worked out for the frame's own spectrum. A frame's distance is the mean of
    its bands', weighted by loudness, and below 1.5 kHz by the square of coherence too; heard is the direction at the
    least distance, between neighbours by a parabola.
    """
    parts = [
        _heard(frames, slice(first, first + _FRAMES_AT_ONCE), directions, band_starts(rate))
        for first in range(0, len(frames.power), _FRAMES_AT_ONCE)
    ]
    return Heard(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Heard)))


def weights(
    energies: NDArray[np.float64], left: NDArray[np.float64], cross: NDArray[np.complex128]
) -> NDArray[np.float64]:
    """How much each band counts: (frames, bands), summing to 1 in every frame with something to hear, and to 0 else."""
    bands = energies.shape[1]
    apart = np.abs(np.arange(bands) - np.arange(bands)[:, None])
    masked = 10 ** (-np.where(apart > 0, np.minimum(MASKED_DB + MASKED_DB_A_BAND * apart, FAINTEST_DB), np.inf) / 10)
    is_heard = energies > np.maximum((energies[:, :, None] * masked).max(axis=1), validate.SILENCE)
    found = np.where(is_heard, np.maximum(energies, validate.SILENCE) ** LOUDNESS, 0.0)
    below = cross.shape[1]
    product = left[:, :below] * (energies - left)[:, :below]
    has_both = product > validate.SILENCE**2
    found[:, :below] *= np.where(has_both, np.abs(cross) ** 2 / np.where(has_both, product, 1.0), 1.0)
    total = found.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(found, total, out=np.zeros_like(found), where=total > 0))


def _heard(frames: EarFrames, some: slice, directions: Directions, starts: NDArray[np.int64]) -> Heard:
    weight = weights(frames.energies[some], frames.left[some], frames.cross[some])
    apart = _distances(frames, some, directions, starts)
    distance = np.einsum("fb,fbd->fd", weight, apart)
    front, lateral = directions.front, directions.lateral
    rows = np.arange(len(distance))
    in_front, behind = distance[:, :front].argmin(axis=1), None
    nearest, rear = in_front, np.zeros(len(rows), np.bool_)
    rear_told = rear
    if front < distance.shape[1]:
        behind = front + distance[:, front:].argmin(axis=1)
        gain = distance[rows, in_front] - distance[rows, behind]
        rear, rear_told = gain > 1e-9, np.abs(gain) > 1.0
        nearest = np.where(rear, behind, in_front)
    alike = distance <= distance[rows, nearest][:, None] + 1.0
    low = np.where(alike, lateral, np.inf).min(axis=1)
    high = np.where(alike, lateral, -np.inf).max(axis=1)
    azimuth = _refined(distance, nearest, directions)
    azimuth[weight.sum(axis=1) == 0.0] = np.nan
    return Heard(azimuth, low, high, rear, rear_told, _is_split(apart, weight, nearest, directions))


def _distances(
    frames: EarFrames, some: slice, directions: Directions, starts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(frames, bands, directions), in squared steps."""
    power, energies, cross = frames.power[some], frames.energies[some], frames.cross[some]
    safe = np.where(energies > validate.SILENCE, energies, 1.0)
    level = _ild_db(frames.left[some] / safe)
    found = np.empty((*energies.shape, len(directions.azimuths)))
    for band, (first, last) in enumerate(itertools.pairwise(starts.tolist())):
        share = power[:, first:last] @ directions.left[:, first:last].T / safe[:, band, None]
        found[:, band] = ((_ild_db(share) - level[:, band, None]) / ILD_JND_DB) ** 2
        if band < cross.shape[1]:
            expected = power[:, first:last] @ directions.cross[:, first:last].T
            turned = np.degrees(np.angle(expected * cross[:, band, None].conj()))
            found[:, band] += (turned / IPD_JND_DEG) ** 2
    return np.minimum(found, FARTHEST_STEPS**2)


def _refined(distance: NDArray[np.float64], nearest: NDArray[np.int64], directions: Directions) -> NDArray[np.float64]:
    """The azimuth of the least distance, between neighbours on a parabola."""
    rows, azimuths = np.arange(len(distance)), directions.azimuths
    before, after = np.maximum(nearest - 1, 0), np.minimum(nearest + 1, len(azimuths) - 1)
    first, middle, last = (distance[rows, index] for index in (before, nearest, after))
    curvature = first - 2 * middle + last
    gaps = azimuths[after] - azimuths[nearest], azimuths[nearest] - azimuths[before]
    is_inside = (np.abs(gaps[0] - gaps[1]) < 0.1 * gaps[0]) & (gaps[0] > 0) & (curvature > 0)
    offset = np.where(is_inside, (first - last) / np.where(is_inside, 2 * curvature, 1.0), 0.0)
    return np.asarray(azimuths[nearest] + np.clip(offset, -1.0, 1.0) * np.where(is_inside, gaps[0], 0.0))


def _is_split(
    apart: NDArray[np.float64], weight: NDArray[np.float64], nearest: NDArray[np.int64], directions: Directions
) -> NDArray[np.bool_]:
    """Whether the bands that are not heard at the nearest place are heard at another one."""
    near = apart <= SPLIT_STEPS**2
    rows = np.arange(len(apart))
    here = near[rows, :, nearest]
    least_deg = SPLIT_DEG / 2 if directions.loudspeakers else SPLIT_DEG
    elsewhere = np.einsum("fb,fbd->fd", np.where(here, 0.0, weight), near)
    lateral = directions.lateral
    elsewhere[np.abs(lateral - lateral[nearest][:, None]) < least_deg] = 0.0
    return np.asarray((elsewhere.max(axis=1) >= SPLIT_WEIGHT) & (np.sum(weight * here, axis=1) >= SPLIT_WEIGHT))


def _ild_db(left: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the left ear's share of the energy; ±60 dB where one ear has next to none."""
    share = np.clip(left, _LEAST_SHARE, 1 - _LEAST_SHARE)
    return np.asarray(10 * np.log10(share / (1 - share)))
