"""How loud an estimate is where its source is silent.

Where a whole stem is silent no other metric has a value, and what a model puts there costs it nothing: here it does.
Defined here; no paper has it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from soundstage.audio import Samples
from soundstage.contracts import Measure, Score, Scorer
from soundstage_metrics import validate
from soundstage_metrics.spauq.gate import GATE_DB, LIMIT_DB, sounding

if TYPE_CHECKING:
    from soundstage.scene import Scene

FRAME_SECONDS = 0.5


def leakage_db(
    reference: ArrayLike, estimate: ArrayLike, mixture: ArrayLike, rate: float, gate: float = GATE_DB
) -> float:
    """How loud an estimate is where its source is silent, in dB of the mixture there, within ±80; lower is better.

    reference, estimate, mixture: (channels, samples) at `rate` Hz, equal shapes; see `validate`. Energies are summed
    over the half seconds in which the mixture sounds and the source does not: the one is within `gate` dB of its own
    loudest frame, the other is not, or is silent throughout. 0 dB is the whole mixture. The reference's own energy
    there, a decay below the gate, is no leakage: the estimate counts as far as it is louder. NaN where there is no
    such frame. Raises ValueError where the arrays are unusable or shapes differ.

    >>> mixture = 0.1 * np.random.default_rng(0).standard_normal((2, 8000))
    >>> round(leakage_db(0 * mixture, 0.01 * mixture, mixture, 8000), 9)
    -40.0
    """
    s, e = validate.pair(reference, estimate)
    x = validate.pair(s, mixture)[1]
    pauses = _pauses({"": s}, x, rate, gate)[""]
    return pauses.leakage_db(e) if pauses.bounds else math.nan


class Leakage:
    """How loud each estimate is where its source is silent, in dB of the mixture there, within ±80.

    Half seconds count in which the mixture sounds and the source does not, each within `gate` dB of its own loudest
    one. A source that is silent throughout has a value, from all frames in which the mixture sounds. One that is never
    silent is NaN and says so. See `leakage_db`. (`rejection` of `spauq` is how far below the source's own level that
    lies, and has no value for a silent stem.)
    """

    revision = 1
    measures = {
        "leakage": Measure(
            "dB",
            higher_is_better=False,
            follows=("sources", "residual"),
            ignores=("image", "level", "polarity", "tone", "dropouts"),
        )
    }

    def __init__(self, *, gate: float = GATE_DB) -> None:
        """gate: in dB below the loudest frame."""
        self._gate = gate

    def prepare(self, scene: Scene) -> Scorer:
        """A scorer that holds where each source is silent."""
        pauses = _pauses(scene.references, scene.mixture, scene.rate, self._gate)

        def scores(estimates: Mapping[str, Samples]) -> Iterator[Score]:
            for source, estimate in estimates.items():
                if pauses[source].bounds:
                    yield Score(source, "leakage", pauses[source].leakage_db(estimate))
                elif validate.is_silent(scene.mixture):
                    yield Score(source, "leakage", math.nan, note="the mixture is silent")
                else:
                    note = "the reference sounds wherever the mixture does"
                    yield Score(source, "leakage", math.nan, note=note)

        return scores


@dataclass(frozen=True, slots=True)
class _Pauses:
    """Where a source is silent while the mixture sounds: from and to which samples, and Σx² of both there."""

    bounds: list[tuple[int, int]]
    reference: float
    mixture: float

    def leakage_db(self, estimate: Samples) -> float:
        """Of an estimate of the source; see the function of that name."""
        limit = 10 ** (LIMIT_DB / 10)
        leaked = (_energy(estimate, self.bounds) - self.reference) / self.mixture
        return 10 * math.log10(min(max(leaked, 1 / limit), limit))


def _pauses(references: Mapping[str, Samples], mixture: Samples, rate: float, gate: float) -> dict[str, _Pauses]:
    """Of each source, in half seconds side by side, the last one cut at the end."""
    samples, length = mixture.shape[1], max(1, round(FRAME_SECONDS * rate))
    bounds = [(start, min(start + length, samples)) for start in range(0, samples, length)]
    sounds, found = sounding(mixture, bounds, gate), {}
    for source, reference in references.items():
        quiet = list(compress(bounds, sounds & ~sounding(reference, bounds, gate)))
        found[source] = _Pauses(quiet, _energy(reference, quiet), _energy(mixture, quiet))
    return found


def _energy(signal: Samples, bounds: list[tuple[int, int]]) -> float:
    return sum(float(np.sum(signal[:, start:stop] ** 2)) for start, stop in bounds)
