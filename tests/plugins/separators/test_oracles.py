"""Mask oracles and the multichannel Wiener filter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.signal

from soundstage.errors import SoundstageError
from soundstage_metrics.sdr import si_sdr
from soundstage_separators.oracles import Ibm, Irm, Mwf

RATE = 44100
ORACLES: list[Any] = [Irm, Ibm, Mwf]


def run(oracle, references, gain=1.0):
    mixture = gain * sum(references.values())
    needed = {"references": references, "gain": gain}
    return oracle.separate(mixture, RATE, **{name: needed[name] for name in oracle.needs})


def pan(mono, degrees):
    angle = np.radians(degrees)
    return np.stack([np.sin(np.pi / 4 + angle) * mono, np.sin(np.pi / 4 - angle) * mono])


@pytest.fixture
def references():
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=(2, 20_001)) for name in "abc"}


@pytest.fixture
def panned():
    rng = np.random.default_rng(0)
    return {name: pan(rng.normal(size=20_001), angle) for name, angle in zip("abcd", [45, 10, -5, -45], strict=True)}


@pytest.mark.parametrize("oracle", [Irm(), Irm(alpha=1.0), Mwf(), Mwf(window=512, hop=100)])
@pytest.mark.parametrize("scene", ["references", "panned"])
def test_estimates_sum_to_the_mixture(oracle, scene, request):
    references = request.getfixturevalue(scene)
    estimates = run(oracle, references, gain=0.3)
    np.testing.assert_allclose(sum(estimates.values()), 0.3 * sum(references.values()), atol=1e-6)


@pytest.mark.parametrize("oracle", ORACLES)
def test_estimates_have_exactly_the_mixtures_length(oracle, references):
    for length in (1, 700, 20_001):
        cut = {name: reference[:, :length] for name, reference in references.items()}
        assert {estimate.shape for estimate in run(oracle(), cut).values()} == {(2, length)}


@pytest.mark.parametrize("oracle", ORACLES)
def test_a_silent_source_gets_a_silent_estimate(oracle, panned):
    panned["a"] = np.zeros_like(panned["a"])
    estimates = run(oracle(), panned)
    assert not estimates["a"].any()
    assert all(np.isfinite(estimate).all() for estimate in estimates.values())


@pytest.mark.parametrize("oracle", ORACLES)
def test_silence_all_round_gives_silence(oracle):
    estimates = run(oracle(), {"a": np.zeros((2, 5000)), "b": np.zeros((2, 5000))})
    assert not any(estimate.any() for estimate in estimates.values())


@pytest.mark.parametrize("oracle", ORACLES)
def test_a_lone_source_is_the_mixture(oracle, references):
    estimate = run(oracle(), {"a": references["a"]}, gain=0.7)["a"]
    np.testing.assert_allclose(estimate, 0.7 * references["a"], atol=1e-6)


@pytest.mark.parametrize("oracle", ORACLES)
@pytest.mark.parametrize("gain", [0.1, 3.0])
def test_the_level_of_the_mixture_changes_nothing_else(oracle, gain, references):
    plain, scaled = run(oracle(), references), run(oracle(), references, gain)
    for name in references:
        np.testing.assert_allclose(scaled[name], gain * plain[name], atol=1e-8)


@pytest.mark.parametrize("oracle", ORACLES)
def test_sources_that_share_no_frequency_come_back_whole(oracle):
    time = np.arange(44_100) / RATE
    fade = np.hanning(44_100)
    references = {"low": pan(np.sin(2 * np.pi * 200 * time) * fade, 20), "high": pan(np.sin(2e4 * time) * fade, 20)}
    estimates = run(oracle(), references)
    assert all(si_sdr(references[name], estimates[name], joint=True) > 60 for name in references)


def test_irm_is_the_ratio_of_powers_in_each_channel(references):
    spectra = {name: scipy.signal.stft(reference, nperseg=2048)[2] for name, reference in references.items()}
    mask = np.abs(spectra["a"]) ** 2 / sum(np.abs(spectrum) ** 2 for spectrum in spectra.values())
    expected = scipy.signal.istft(mask * sum(spectra.values()), nperseg=2048)[1][:, :20_001]
    np.testing.assert_allclose(run(Irm(), references)["a"], expected, atol=1e-10)


def test_ibm_takes_bins_where_a_source_has_half_of_the_mixtures_magnitude(references):
    spectra = {name: scipy.signal.stft(reference, nperseg=2048)[2] for name, reference in references.items()}
    mixed = sum(spectra.values())
    mask = np.abs(spectra["b"]) >= 0.5 * np.abs(mixed)
    expected = scipy.signal.istft(mask * mixed, nperseg=2048)[1][:, :20_001]
    np.testing.assert_allclose(run(Ibm(), references)["b"], expected, atol=1e-10)


def test_mwf_is_the_wiener_filter_of_the_local_gaussian_model(references):
    """Against the textbook form, with matrices inverted one by one."""
    spectra = {
        name: np.moveaxis(scipy.signal.stft(reference, nperseg=2048)[2], 0, -1)
        for name, reference in references.items()
    }
    model = {}
    for name, y in spectra.items():
        observed = y[..., :, None] * y[..., None, :].conj()
        power = np.trace(observed, axis1=-2, axis2=-1).real / 2
        model[name] = power[..., None, None] * (observed.sum(1) / power.sum(1)[:, None, None])[:, None]
    gains = model["c"] @ np.linalg.inv(sum(model.values()))
    filtered = (gains @ sum(spectra.values())[..., None])[..., 0]
    expected = scipy.signal.istft(np.moveaxis(filtered, -1, 0), nperseg=2048)[1][:, :20_001]
    np.testing.assert_allclose(run(Mwf(), references)["c"], expected, atol=1e-5)


def test_mwf_separates_two_panned_sources_all_but_perfectly():
    rng = np.random.default_rng(0)
    references = {"a": pan(rng.normal(size=20_000), 20), "b": pan(rng.normal(size=20_000), -30)}
    estimates = run(Mwf(), references)
    assert min(si_sdr(references[name], estimates[name], joint=True) for name in references) > 60


def test_mwf_stands_two_sources_in_one_place_and_very_quiet_ones():
    rng = np.random.default_rng(0)
    references = {
        "a": pan(rng.normal(size=9000), 45),
        "b": pan(rng.normal(size=9000), 45),
        "c": np.full((2, 9000), 1e-150),
    }
    estimates = run(Mwf(), references)
    assert all(np.isfinite(estimate).all() for estimate in estimates.values())
    np.testing.assert_allclose(sum(estimates.values()), sum(references.values()), atol=1e-6)


@pytest.mark.parametrize("make", [lambda: Irm(alpha=0), lambda: Ibm(theta=-1), lambda: Ibm(alpha=float("nan"))])
def test_parameters_without_meaning_are_refused(make):
    with pytest.raises(SoundstageError, match="a positive number was expected"):
        make()


def test_oracles_say_that_they_are():
    assert all(oracle.role == "oracle" and "references" in oracle.needs for oracle in ORACLES)
