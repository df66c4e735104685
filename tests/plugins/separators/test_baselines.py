"""The floor and the ceiling."""

from __future__ import annotations

import numpy as np

from soundstage_separators.baselines import Mixture, Reference


def test_reference_returns_the_references_at_the_mixtures_level():
    references = {"vocals": np.ones((2, 8)), "bass": np.arange(16.0).reshape(2, 8)}
    estimates = Reference().separate(np.zeros((2, 8)), 44100, references=references, gain=0.5)
    assert list(estimates) == ["vocals", "bass"]
    np.testing.assert_array_equal(estimates["bass"], references["bass"] / 2)


def test_reference_estimates_sum_to_a_normalised_mixture():
    rng = np.random.default_rng(0)
    references = {name: rng.normal(size=(2, 100)) for name in "abc"}
    total = sum(references.values())
    gain = 1 / np.abs(total).max()
    estimates = Reference().separate(gain * total, 44100, references=references, gain=gain)
    np.testing.assert_allclose(sum(estimates.values()), gain * total, atol=1e-12)


def test_mixture_is_every_sources_estimate():
    mixture = np.random.default_rng(0).normal(size=(2, 50))
    estimates = Mixture().separate(mixture, 44100, sources=["a", "b"])
    assert list(estimates) == ["a", "b"]
    for estimate in estimates.values():
        np.testing.assert_array_equal(estimate, mixture)


def test_changing_one_estimate_of_the_mixture_changes_no_other():
    mixture = np.zeros((2, 4))
    estimates = Mixture().separate(mixture, 44100, sources=["a", "b"])
    estimates["a"][:] = 1
    assert not estimates["b"].any()
    assert not mixture.any()


def test_they_are_the_ceiling_and_the_floor_and_ask_for_no_more_than_that_takes():
    assert (Reference.role, set(Reference.needs)) == ("ceiling", {"references", "gain"})
    assert (Mixture.role, set(Mixture.needs)) == ("floor", {"sources"})
