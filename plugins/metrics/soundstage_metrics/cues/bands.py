"""How far level, phase and coherence between the ears move, cell by cell: one frame of 100 ms and one ERB band each.

Every error is a mean of absolute differences, so that moves in opposite directions do not cancel. Cells weigh by the
reference's energy, and count where both reference and estimate are audible: a band that the estimate leaves empty has
no spatial cue that could be wrong.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundstage_metrics import validate
from soundstage_metrics.cues.frames import CueFrames, cue_frames

AUDIBLE_DB = -60.0
"""A cell is audible where its energy is above this, against the mean frame's energy over all bands, and no silence."""

LIMIT_DB = 60.0
"""Where the ILD of a cell ends, up and down."""


def ild_error_db(reference: ArrayLike, estimate: ArrayLike, rate: float) -> float:
    """How far the level difference between the ears moves, in dB: the mean over ERB bands (50 Hz–16 kHz) and frames.

    reference, estimate: (2, samples) at `rate` Hz, equal shapes; see `validate`. Of each cell |ILD(estimate) −
    ILD(reference)|, each ILD within ±60 dB. NaN where no cell is audible in both. Raises ValueError where the arrays
    are unusable or shorter than one frame.

    >>> noise = 0.1 * np.random.default_rng(0).standard_normal((2, 44100))
    >>> round(ild_error_db(noise, noise * [[1.0], [0.5]], 44100), 2)
    6.02
    """
    return level_error(*_frames(reference, estimate, rate))


def ipd_error_deg(reference: ArrayLike, estimate: ArrayLike, rate: float) -> float:
    """How far the phase difference between the ears moves, 0° to 180°: the mean over ERB bands (50 Hz–1.5 kHz) and
    frames.

    reference, estimate: (2, samples) at `rate` Hz, equal shapes; see `validate`. A cell's phase is that of its
    cross-spectrum Σ L·R*, the difference of two phases goes the shorter way round the circle, and a cell weighs
    |Σ L·R*| of the reference: the energy that the ears share. NaN and errors as for `ild_error_db`.

    >>> noise = 0.1 * np.random.default_rng(0).standard_normal((2, 44100))
    >>> round(ipd_error_deg(noise, noise * [[1.0], [-1.0]], 44100), 3)
    180.0
    """
    return phase_error(*_frames(reference, estimate, rate))


def iacc_error(reference: ArrayLike, estimate: ArrayLike, rate: float) -> float:
    """How far the coherence of the ears moves, 0 to 1: the mean over frames of |IACC(estimate) − IACC(reference)|.

    reference, estimate: (2, samples) at `rate` Hz, equal shapes; see `validate`. IACC: the largest magnitude of the
    normalised cross-correlation within ±1 ms (ISO 3382-1, A.3), between 50 Hz and 16 kHz. NaN and errors as for
    `ild_error_db`.

    >>> noise = 0.1 * np.random.default_rng(0).standard_normal((2, 44100))
    >>> iacc_error(noise, noise, 44100)
    0.0
    >>> bool(iacc_error(noise[[0, 0]], noise, 44100) > 0.9)
    True
    """
    return coherence_error(*_frames(reference, estimate, rate))


def _frames(reference: ArrayLike, estimate: ArrayLike, rate: float) -> tuple[CueFrames, CueFrames]:
    s, e = validate.pair(reference, estimate)
    return cue_frames(s, rate), cue_frames(e, rate)


def level_error(reference: CueFrames, estimate: CueFrames) -> float:
    """See `ild_error_db`."""
    cells = _audible_cells(reference) & _audible_cells(estimate)
    differences = np.abs(_ild_db(estimate.energies[:, cells]) - _ild_db(reference.energies[:, cells]))
    return _weighted_mean(differences, reference.energies[:, cells].sum(axis=0))


def phase_error(reference: CueFrames, estimate: CueFrames) -> float:
    """See `ipd_error_deg`."""
    below = reference.cross.shape[1]
    cells = (_audible_cells(reference) & _audible_cells(estimate))[:, :below]
    cells &= np.minimum(np.abs(reference.cross), np.abs(estimate.cross)) > validate.SILENCE
    turned = np.angle(estimate.cross[cells]) - np.angle(reference.cross[cells])
    differences = np.abs((turned + np.pi) % (2 * np.pi) - np.pi)
    return _weighted_mean(np.degrees(differences), np.abs(reference.cross[cells]))


def coherence_error(reference: CueFrames, estimate: CueFrames) -> float:
    """See `iacc_error`."""
    heard = (_audible(reference.energy, reference)) & (_audible(estimate.energy, estimate))
    differences = np.abs(estimate.iacc[heard] - reference.iacc[heard])
    return _weighted_mean(differences, reference.energy[heard])


def _audible_cells(frames: CueFrames) -> NDArray[np.bool_]:
    return _audible(frames.energies.sum(axis=0), frames)


def _audible(energies: NDArray[np.float64], frames: CueFrames) -> NDArray[np.bool_]:
    return np.asarray(energies > np.maximum(10 ** (AUDIBLE_DB / 10) * frames.energy.mean(), validate.SILENCE))


def _ild_db(energies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of (2, cells), one ear or both audible."""
    left, right = np.maximum(energies, energies.max(axis=0) * 10 ** (-LIMIT_DB / 10))
    return np.asarray(10 * np.log10(left / right))


def _weighted_mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    total = weights.sum()
    return float(values @ weights / total) if total > validate.SILENCE else float("nan")
