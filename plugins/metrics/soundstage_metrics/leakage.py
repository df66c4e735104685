"""How loud an estimate is where its source is silent.

Where a whole stem is silent no other metric has a value, and what a model puts there costs it nothing: here it does.
Defined here; no paper has it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
    quiet = _quiet(s, x, rate, gate)
    return _leakage(s, e, x, rate, quiet) if quiet.any() else math.nan


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
        quiet = {
            source: _quiet(reference, scene.mixture, scene.rate, self._gate)
            for source, reference in scene.references.items()
        }

        def scores(estimates: Mapping[str, Samples]) -> Iterator[Score]:
            for source, estimate in estimates.items():
                if quiet[source].any():
                    reference = scene.references[source]
                    value = _leakage(reference, estimate, scene.mixture, scene.rate, quiet[source])
                    yield Score(source, "leakage", value)
                elif validate.is_silent(scene.mixture):
                    yield Score(source, "leakage", math.nan, note="the mixture is silent")
                else:
                    note = "the reference sounds wherever the mixture does"
                    yield Score(source, "leakage", math.nan, note=note)

        return scores


def _bounds(samples: int, rate: float) -> list[tuple[int, int]]:
    """Half seconds side by side, the last one cut at the end."""
    length = max(1, round(FRAME_SECONDS * rate))
    return [(start, min(start + length, samples)) for start in range(0, samples, length)]


def _quiet(reference: Samples, mixture: Samples, rate: float, gate: float) -> NDArray[np.bool_]:
    """Whether the source is silent while the mixture sounds: (frames,)."""
    bounds = _bounds(mixture.shape[1], rate)
    return sounding(mixture, bounds, gate) & ~sounding(reference, bounds, gate)


def _leakage(reference: Samples, estimate: Samples, mixture: Samples, rate: float, quiet: NDArray[np.bool_]) -> float:
    bounds = np.array(_bounds(mixture.shape[1], rate))[quiet].tolist()
    own, leaked, level = (
        sum(float(np.sum(signal[:, start:stop] ** 2)) for start, stop in bounds)
        for signal in (reference, estimate, mixture)
    )
    limit = 10 ** (LIMIT_DB / 10)
    return 10 * math.log10(min(max((leaked - own) / level, 1 / limit), limit))
