"""Where a signal seems to come from: the azimuth whose HRIR pair gives its ITD and ILD.

ITD and ILD are the same on a cone around the axis through the ears, so front and back cannot be told apart by them:
only the frontal half-plane, −90° to +90°, is searched, and a source behind the listener is found at its mirror image
in front. Both reference and estimate are, so a perfect estimate has no error.

A head does not tell all azimuths apart at all frequencies: below 150 Hz the ITD of a measured one is flat, or turns
back, towards the side, and there is no ILD. So every azimuth comes with those that would look alike.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundstage_metrics import validate
from soundstage_metrics.cues.frames import (
    PHASE_HZ,
    CueFrames,
    band_starts,
    bin_frequencies,
    cue_frames,
    frame_length,
    itd_bins,
    itd_lags,
)
from soundstage_metrics.cues.itd import FrameItds, audible, frame_itds, parabola, summary

if TYPE_CHECKING:
    from soundstage.scene import HrirTable

ITD_JND_US = 20.0
ILD_JND_DB = 1.0
"""What counts as an equal step in ITD and ILD; about the least that listeners notice (Blauert 1997, ch. 2)."""

ALIKE_DEG = 15.0
"""Where azimuths this far apart differ by less than a step of ITD and ILD together, there is no azimuth to be found."""

_LOW_HZ = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """The frontal horizontal plane of an HRIR set, as far as cues need it.

    azimuths: (directions,) ascending within ±90. powers: (2, directions, bands), |H|² summed over each band's bins.
    rotated: (directions, bands, lags), the cross-correlation that each band adds where the source is white.
    """

    azimuths: NDArray[np.float64]
    powers: NDArray[np.float64]
    rotated: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Azimuth:
    """deg: the azimuth that fits best, NaN where there is none. low, high: the farthest apart that look alike."""

    deg: float
    low: float
    high: float

    @property
    def is_ambiguous(self) -> bool:
        """Whether the HRIRs cannot tell azimuths more than ALIKE_DEG apart here."""
        return self.high - self.low > ALIKE_DEG

    @property
    def told(self) -> float:
        """The azimuth, NaN where it is ambiguous."""
        return float("nan") if self.is_ambiguous else self.deg


def azimuth_deg(signal: ArrayLike, rate: float, hrirs: HrirTable) -> float:
    """The azimuth in degrees, −90 to +90, positive to the left, that fits a signal's ITD and ILD best.

    signal: (2, samples) at `rate` Hz; see `validate`. hrirs: the head's, at the same rate. The signal's cues are the
    robust ITD and, from the same frames, the ILD of every ERB band. What a direction would give is worked out for the
    signal's own spectrum, as both depend on frequency. Nearest is the direction at the least root of (ΔITD / 20 µs)²
    plus the energy-weighted mean of (ΔILD / 1 dB)²; between neighbouring directions cues are interpolated linearly. NaN
    where no frame has a valid ITD, and where two azimuths more than ALIKE_DEG apart are within 1 of each other and of
    the one found, by that measure: at the signal's frequencies the HRIRs do not tell them apart. Raises ValueError
    where `itd_robust_us` does, or the set has fewer than two directions in front.

    >>> from soundstage.scene import HrirTable
    >>> left = np.array([[0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    >>> table = HrirTable(np.array([-90.0, 90.0]), np.zeros(2), np.stack([left[::-1], left]))
    >>> noise = 0.1 * np.random.default_rng(0).standard_normal(44102)
    >>> round(azimuth_deg(np.stack([2 * noise[2:], noise[:-2]]), 44100, table))
    90
    """
    directions = frontal_directions(hrirs, rate)
    frames = cue_frames(signal, rate, _LOW_HZ, PHASE_HZ)
    return track_azimuth(frames, frame_itds(frames, audible(frames)), directions).told


def angular_error_deg(reference: ArrayLike, estimate: ArrayLike, rate: float, hrirs: HrirTable) -> float:
    """How far the apparent azimuth moves, |azimuth(estimate) − azimuth(reference)|, 0° to 180°.

    reference, estimate: (2, samples) at `rate` Hz, equal shapes. hrirs: see `azimuth_deg`. Both over the frames audible
    in the reference. NaN where one has no valid frame or is ambiguous. Raises ValueError where `azimuth_deg` does or
    the shapes differ.

    >>> from soundstage.scene import HrirTable
    >>> left = np.array([[0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    >>> table = HrirTable(np.array([-90.0, 90.0]), np.zeros(2), np.stack([left[::-1], left]))
    >>> noise = 0.1 * np.random.default_rng(0).standard_normal(44102)
    >>> reference = np.stack([2 * noise[2:], noise[:-2]])
    >>> round(angular_error_deg(reference, reference[::-1], 44100, table))
    180
    """
    directions = frontal_directions(hrirs, rate)
    s, e = (cue_frames(x, rate, _LOW_HZ, PHASE_HZ) for x in validate.pair(reference, estimate))
    found, expected = (track_azimuth(x, frame_itds(x, audible(s)), directions).told for x in (e, s))
    return abs(found - expected)


def frontal_directions(hrirs: HrirTable, rate: float) -> Directions:
    """The frontal half of the table. Raises ValueError where it has fewer than two directions."""
    front = np.flatnonzero(np.abs(hrirs.azimuths) <= 90.0)
    front = front[np.argsort(hrirs.azimuths[front], kind="stable")]
    if len(front) < 2:
        raise ValueError("the HRIR set has fewer than two directions on the frontal horizontal plane")
    spectra = at_bins(hrirs.responses[front], frame_length(rate)).transpose(1, 0, 2)
    starts, bins, lags = band_starts(rate), itd_bins(rate, _LOW_HZ, PHASE_HZ), itd_lags(PHASE_HZ)
    powers = np.add.reduceat(np.abs(spectra[..., : starts[-1]]) ** 2, starts[:-1], axis=-1)
    product = spectra[0] * spectra[1].conj()
    turns = np.exp(2j * np.pi * np.outer(bin_frequencies(rate), lags))
    rotated = np.zeros((len(front), len(starts) - 1, len(lags)))
    for band, (first, last) in enumerate(itertools.pairwise(starts.tolist())):
        inside = slice(max(first, bins.start), min(last, bins.stop))
        if inside.start < inside.stop:
            rotated[:, band] = (product[:, inside] @ turns[inside]).real
    return Directions(hrirs.azimuths[front], powers, rotated)


def track_azimuth(frames: CueFrames, itds: FrameItds, directions: Directions) -> Azimuth:
    """The azimuth in degrees that fits the track's valid frames best; NaN where there is none."""
    if not itds.valid.any():
        return Azimuth(float("nan"), float("nan"), float("nan"))
    energies = frames.energies[:, itds.valid].sum(axis=1)
    both = energies.sum(axis=0)
    share = both / both.sum()
    source = both / directions.powers.sum(axis=0)
    correlation = np.einsum("db,dbl->dl", source, directions.rotated)
    index = np.clip(correlation.argmax(axis=1), 1, correlation.shape[1] - 2)
    lags = frames.lags_us
    itd = lags[index] + parabola(correlation, index)[0] * (lags[1] - lags[0])
    weights = np.sqrt(share) / ILD_JND_DB
    cues = np.column_stack([itd / ITD_JND_US, weights * _ild_db(directions.powers)])
    found = summary(itds, itds.valid).itd_us
    return _nearest(cues, np.append(found / ITD_JND_US, weights * _ild_db(energies)), directions.azimuths)


def _nearest(cues: NDArray[np.float64], wanted: NDArray[np.float64], azimuths: NDArray[np.float64]) -> Azimuth:
    """The azimuth of the nearest point to `wanted` on the path through `cues` (directions, cues), in steps."""
    steps = np.diff(cues, axis=0)
    squares = np.maximum(np.sum(steps**2, axis=1), np.finfo(float).tiny)
    along = np.clip(np.sum((wanted - cues[:-1]) * steps, axis=1) / squares, 0.0, 1.0)
    distances = np.sum((cues[:-1] + along[:, None] * steps - wanted) ** 2, axis=1)
    best = int(distances.argmin())
    azimuth = float(azimuths[best] + along[best] * (azimuths[best + 1] - azimuths[best]))
    return Azimuth(azimuth, *_alike(cues, azimuth, azimuths))


def _alike(cues: NDArray[np.float64], azimuth: float, azimuths: NDArray[np.float64]) -> tuple[float, float]:
    """The two azimuths farthest apart that differ from each other and from this one by a step or less."""
    places = np.append(np.arange(azimuths[0], azimuths[-1] + 1e-9), azimuth)
    path = np.stack([np.interp(places, azimuths, cue) for cue in cues.T], axis=-1)
    near = np.sum((path - path[-1]) ** 2, axis=1) <= 1.0
    places, path = places[near], path[near]
    apart = np.abs(places[:, None] - places) * (np.sum((path[:, None] - path) ** 2, axis=2) <= 1.0)
    low, high = sorted(places[list(np.unravel_index(int(apart.argmax()), apart.shape))].tolist())
    return low, high


def at_bins(responses: NDArray[np.float64], length: int) -> NDArray[np.complex128]:
    """The spectra (…, bins) of responses of any length at the bins of a transform of `length`."""
    taps = responses.shape[-1]
    padded = np.pad(responses, [(0, 0)] * (responses.ndim - 1) + [(0, -taps % length)])
    return np.fft.rfft(padded.reshape(*responses.shape[:-1], -1, length).sum(axis=-2))


def _ild_db(energies: NDArray[np.float64]) -> NDArray[np.float64]:
    left, right = np.maximum(energies, energies.max(axis=0) * 1e-6)
    return np.asarray(10 * np.log10(left / right))
