"""No ranked score beats the reference's: every metric, any spectrum, any bit depth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import resample

from soundstage.contracts import Metric, Spatializer
from soundstage.scene import Placement, Scene, Track
from soundstage_metrics.bit_depth import quantised
from soundstage_metrics.bsseval import BssEval
from soundstage_metrics.community import Community
from soundstage_metrics.cues import Cues
from soundstage_metrics.energies import Energies
from soundstage_metrics.interaural import Interaural
from soundstage_metrics.localization import Localization
from soundstage_metrics.sdr import Sdr, SiSdr
from soundstage_metrics.spauq import Spauq, SpauqPublished
from soundstage_spatializers.hrir import Hrir
from soundstage_spatializers.original import Original
from soundstage_spatializers.panning import Panning

RATE = 8000
METRICS: dict[str, Metric] = {
    "sdr": Sdr(),
    "si_sdr": SiSdr(),
    "si_sdr joint": SiSdr(joint=True),
    "spauq": Spauq(),
    "spauq_published": SpauqPublished(),
    "interaural": Interaural(),
    "cues": Cues(),
    "localization panned": Localization(law="panning"),
    "energies": Energies(),
    "community": Community(),
    "bsseval": BssEval(),
    "bsseval int16": BssEval(references="int16"),
}
OF_RENDERED: dict[str, Metric] = {"localization": Localization()}
"""These have no values of what was not rendered."""
RENDERINGS: dict[str, Spatializer] = {"original": Original(), "hrir": Hrir(), "panning": Panning()}
SHARE = "ITD_valid_share"
"""It says what the ITD error rests on, not how good it is: wide stereo has less of it than mono."""


def stems(seed: int, width: float, rendering: str) -> dict[str, NDArray[np.float64]]:
    """Two sources of 1.6 s with nothing above that share of the spectrum."""
    rng, channels = np.random.default_rng(seed), 2 if rendering == "original" else 1
    made = 0.1 * rng.standard_normal((2, channels, int(1.6 * RATE * width)))
    return {name: resample(one, int(1.6 * RATE), axis=1) for name, one in zip(("bass", "drums"), made, strict=True)}


def estimates_of(scene: Scene, kind: str, seed: int) -> dict[str, NDArray[np.float64]]:
    """What the kind of separator makes of the scene."""
    rng, mixture = np.random.default_rng(seed), scene.mixture
    made = {
        "mixture": lambda reference: mixture,
        "leak": lambda reference: 0.9 * reference + 0.1 * mixture,
        "level": lambda reference: 0.5 * reference,
        "last bit": lambda reference: quantised(reference + rng.integers(-1, 2, reference.shape) / 32768),
        "noise": lambda reference: reference + 0.01 * rng.standard_normal(reference.shape),
        "mono": lambda reference: np.tile(reference.mean(axis=0), (2, 1)),
        "swap": lambda reference: reference[::-1].copy(),
    }
    return {name: made[kind](reference) for name, reference in scene.references.items()}


@pytest.mark.heavy
@pytest.mark.parametrize("metric", [*METRICS, *OF_RENDERED])
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 1000),
    width=st.sampled_from([1.0, 0.5, 0.25]),
    rendering=st.sampled_from(sorted(RENDERINGS)),
    bits=st.sampled_from([0, 12, 16, 20, 24]),
    kind=st.sampled_from(["mixture", "leak", "level", "last bit", "noise", "mono", "swap"]),
)
def test_no_ranked_score_beats_the_references(
    metric: str, seed: int, width: float, rendering: str, bits: int, kind: str
) -> None:
    track = Track("song", RATE, stems(seed, width, rendering))
    rendered = RENDERINGS[rendering].render(track, Placement({"bass": 20.0, "drums": -40.0}))
    references = {name: quantised(one, bits) if bits else one for name, one in rendered.references.items()}
    scene = Scene(RATE, sum(references.values(), np.zeros((2, 1))), references, hrirs=rendered.hrirs)
    scored = (METRICS | OF_RENDERED)[metric]
    scorer = scored.prepare(scene)
    best = {(row.source, row.name): row for row in scorer(references) if row.frame is None}
    for row in scorer(estimates_of(scene, kind, seed)):
        reference = best[row.source, row.name]
        if row.frame is None and row.name != SHARE and row.ranked and reference.ranked and row.value == row.value:
            sign = 1 if scored.measures[row.name].higher_is_better else -1
            assert sign * (row.value - reference.value) <= 1e-6, (row, reference)


@pytest.mark.parametrize("metric", METRICS)
def test_a_silent_estimate_takes_no_value_from_another_source(metric: str) -> None:
    track = Track("song", RATE, stems(0, 1.0, "original"))
    scene = Original().render(track, None)
    made = estimates_of(scene, "noise", 0)
    scorer = METRICS[metric].prepare(scene)
    alone = {row.name: row.value for row in scorer({"drums": made["drums"]}) if row.frame is None}
    silent = scorer({"bass": np.zeros_like(made["bass"]), "drums": made["drums"]})
    found = {row.name: row.value for row in silent if row.frame is None and row.source == "drums"}
    assert found == pytest.approx(alone, abs=1e-9, nan_ok=True)
    assert any(value == value for value in found.values())
