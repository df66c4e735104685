"""Against the original SPAUQ package itself, where somebody has installed it."""

from __future__ import annotations

import numpy as np
import pytest

from soundstage_metrics.spauq import spauq

RATE = 44100


@pytest.fixture(scope="module")
def original():
    """The package's `spauq_eval`; it is on no registry, so this skips wherever nobody put it."""
    return pytest.importorskip("spauq.core.metrics", reason="the original spauq package is not installed").spauq_eval


def signals(kind):
    rng = np.random.default_rng(3)
    reference = 0.1 * np.array([[1.0, 0.4], [0.1, 0.7]]) @ rng.standard_normal((2, 3 * RATE))
    noise = 0.02 * rng.standard_normal(reference.shape)
    return reference, {
        "noisy": reference + noise,
        "late": np.roll(reference, 12, axis=1) + noise,
        "cross-talk": np.array([[0.9, 0.2], [0.1, 1.1]]) @ reference + noise,
    }[kind]


@pytest.mark.parametrize("kind", ["noisy", "late", "cross-talk"])
@pytest.mark.filterwarnings("ignore")
def test_the_published_definition_is_the_packages(original, kind):
    reference, estimate = signals(kind)
    found = original(reference=reference.T, estimate=estimate.T, fs=RATE)
    ours = spauq(reference, estimate, RATE, "published")
    assert np.median(ours.ssr) == pytest.approx(float(found["SSR"]), abs=1e-6)
    assert np.median(ours.srr) == pytest.approx(float(found["SRR"]), abs=1e-6)
