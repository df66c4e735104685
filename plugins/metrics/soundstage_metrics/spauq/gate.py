"""Where a source sounds, and what is heard of an estimate where it does not."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soundstage.audio import Samples
from soundstage_metrics.validate import SILENCE, frame_energies

GATE_DB = 60.0
"""A frame sounds where its energy is within this of the source's loudest frame."""

LIMIT_DB = 80.0
"""Where rejection ends, up and down, as SSR and SRR do."""


def sounding(reference: Samples, bounds: Sequence[tuple[int, int]], gate: float = GATE_DB) -> NDArray[np.bool_]:
    """Whether the reference sounds, (frames,): its energy is within `gate` dB of its own loudest frame's.

    >>> sounding(np.array([[1.0, 1.0, 1e-4, 1e-4]]), [(0, 2), (2, 4)]).tolist()
    [True, False]
    """
    energies = frame_energies(reference, bounds)
    return np.asarray(energies > np.maximum(energies.max() * 10 ** (-gate / 10), SILENCE))


def rejection_db(
    reference: Samples, estimate: Samples, bounds: Sequence[tuple[int, int]], sounds: NDArray[np.bool_]
) -> float:
    """How far below the source's own level what is heard of the estimate lies where the source does not sound, in dB.

    reference, estimate: (channels, samples), equal shapes. bounds, sounds: the frames in order, and in which the
    reference sounds. The source's level is its mean power over the frames where it sounds, what is heard the
    estimate's over the others, which counts as no less than the reference's own there: nothing is quieter than the
    reference. Within ±80 dB; NaN where no frame is silent, or none sounds.

    >>> s = np.array([[1.0, 1.0, 0.0, 0.0]])
    >>> rejection_db(s, s + [[0.0, 0.0, 0.1, 0.1]], [(0, 2), (2, 4)], np.array([True, False]))
    20.0
    """
    if sounds.all() or not sounds.any():
        return math.nan
    level, own, leaked = (
        _power(signal, bounds, among)
        for signal, among in ((reference, sounds), (reference, ~sounds), (estimate, ~sounds))
    )
    heard = max(own, leaked, level * 10 ** (-LIMIT_DB / 10))
    return max(10 * math.log10(level / heard), -LIMIT_DB)


def _power(signal: Samples, bounds: Sequence[tuple[int, int]], among: NDArray[np.bool_]) -> float:
    """The mean power over all samples of those frames, each counted once."""
    energy, counted, reached = 0.0, 0, 0
    for start, stop in np.array(bounds)[among].tolist():
        rest = signal[:, max(start, reached) : stop]
        energy += sum(float(channel @ channel) for channel in rest)
        counted += rest.size
        reached = stop
    return energy / counted
