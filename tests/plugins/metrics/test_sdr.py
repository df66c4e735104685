from __future__ import annotations

import math

import numpy as np
import pytest

from soundstage.scene import Scene
from soundstage_metrics.sdr import DELTA, LIMIT_DB, Sdr, SiSdr, sdr, si_sdr

RATE = 8000


@pytest.fixture
def noise():
    return 0.1 * np.random.default_rng(0).standard_normal((2, RATE))


def scene_of(**references):
    return Scene(RATE, sum(references.values()), references)


def rows_of(metric, scene, estimates):
    return {(row.source, row.name): row for row in metric.prepare(scene)(estimates)}


def orthogonal_noise(reference, level_db):
    """Noise at right angles to every channel, `level_db` below it."""
    noise = np.random.default_rng(1).standard_normal(reference.shape)
    for s, n in zip(reference, noise, strict=True):
        n -= (n @ s) / (s @ s) * s
        n *= np.linalg.norm(s) / np.linalg.norm(n) * 10 ** (-level_db / 20)
    return noise


def test_sdr_of_a_scaled_reference_is_the_scale_error():
    s = np.ones((2, 1000))
    assert sdr(s, 0.9 * s) == pytest.approx(20.0, abs=1e-6)
    assert sdr(s, -s) == pytest.approx(-20 * math.log10(2), abs=1e-6)


def test_sdr_of_a_perfect_estimate_is_bounded_by_delta(noise):
    assert sdr(noise, noise) == pytest.approx(10 * math.log10((np.sum(noise**2) + DELTA) / DELTA), abs=1e-9)


def test_sdr_is_one_ratio_over_all_channels_not_a_mean_over_channels():
    s = np.stack([np.ones(100), 0.1 * np.ones(100)])
    e = np.stack([np.ones(100), np.zeros(100)])
    assert sdr(s, e) == pytest.approx(10 * math.log10(1.01 / 0.01), abs=1e-6)


def test_sdr_of_silence_against_silence_is_0():
    assert sdr(np.zeros((2, 10)), np.zeros((2, 10))) == 0.0


def test_sdr_refuses_shapes_that_differ():
    with pytest.raises(ValueError, match="cut or pad"):
        sdr(np.ones((2, 10)), np.ones((2, 9)))


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("gain", [1.0, 0.01, -3.0])
def test_si_sdr_does_not_see_a_common_gain(noise, joint, gain):
    estimate = noise + orthogonal_noise(noise, 17.0)
    assert si_sdr(noise, gain * estimate, joint) == pytest.approx(17.0, abs=0.1 if joint else 1e-9)


def test_si_sdr_by_channel_is_the_mean_over_channels(noise):
    estimate = noise.copy()
    estimate[0] += orthogonal_noise(noise, 10.0)[0]
    estimate[1] += orthogonal_noise(noise, 30.0)[1]
    assert si_sdr(noise, estimate) == pytest.approx(20.0, abs=1e-9)


def test_only_the_joint_form_sees_the_balance_change(noise):
    estimate = noise * [[1.0], [0.5]] + orthogonal_noise(noise * [[1.0], [0.5]], 60.0)
    assert si_sdr(noise, estimate) == pytest.approx(60.0, abs=1e-6)
    assert si_sdr(noise, estimate, joint=True) < 15


def test_si_sdr_keeps_the_mean(noise):
    assert si_sdr(noise + 1.0, noise + 2.0) < 50


def test_si_sdr_agrees_with_fast_bss_eval_on_the_edges(noise):
    """fast_bss_eval 0.1.4, si_sdr without clamp_db: inf for a perfect channel, −inf for a silent one on either side."""
    assert si_sdr(noise, 0.5 * noise) == math.inf
    assert si_sdr(noise, 0 * noise) == -math.inf
    assert si_sdr(noise * [[1.0], [0.0]], noise + orthogonal_noise(noise, 10)) == -math.inf
    assert math.isnan(si_sdr(noise, noise * [[1.0], [0.0]]))


def test_si_sdr_agrees_with_fast_bss_eval_on_a_number():
    rng = np.random.default_rng(0)
    s, n = rng.standard_normal((2, 1000)), rng.standard_normal((2, 1000))
    assert si_sdr(s, s + 0.1 * n) == pytest.approx((19.92350902 + 20.12674615) / 2, abs=1e-7)


@pytest.mark.parametrize(("metric", "name"), [(Sdr(), "SDR"), (SiSdr(), "SI-SDR"), (SiSdr(joint=True), "SI-SDR")])
def test_the_mixture_improves_by_exactly_0(noise, metric, name):
    scene = scene_of(bass=noise, drums=noise[::-1] * 0.3)
    for source in scene.references:
        rows = rows_of(metric, scene, {source: scene.mixture.copy()})
        assert rows[source, f"{name}i"].value == 0.0
        assert rows[source, name].value < 60


@pytest.mark.parametrize(("metric", "name"), [(Sdr(), "SDR"), (SiSdr(), "SI-SDR"), (SiSdr(joint=True), "SI-SDR")])
def test_a_silent_source_gets_nan_and_a_reason_and_the_others_are_scored(noise, metric, name):
    scene = scene_of(vocals=np.zeros_like(noise), bass=noise)
    rows = rows_of(metric, scene, {"vocals": noise, "bass": 0.5 * noise})
    for key in (("vocals", name), ("vocals", f"{name}i")):
        assert math.isnan(rows[key].value)
        assert rows[key].note == "the reference is silent"
    assert math.isfinite(rows["bass", name].value)
    assert rows["bass", name].note == ""


@pytest.mark.parametrize("joint", [False, True])
def test_rows_of_perfect_and_silent_estimates_sit_at_the_limits(noise, joint):
    scene = scene_of(bass=noise, drums=noise[:, ::-1])
    rows = rows_of(SiSdr(joint=joint), scene, {"bass": 0.3 * noise, "drums": 0 * noise})
    assert rows["bass", "SI-SDR"].value == LIMIT_DB
    assert rows["drums", "SI-SDR"].value == -LIMIT_DB


def test_a_hard_panned_source_is_scored_on_the_channel_that_sounds(noise):
    hard_left, other = noise * [[1.0], [0.0]], noise[:, ::-1]
    scene = scene_of(bass=hard_left, drums=other)
    estimate = hard_left + orthogonal_noise(noise, 12.0)
    row = rows_of(SiSdr(), scene, {"bass": estimate})["bass", "SI-SDR"]
    assert row.value == pytest.approx(12.0, abs=1e-9)
    assert row.note == "without the right channel, silent in the reference"
    joint = rows_of(SiSdr(joint=True), scene, {"bass": estimate})["bass", "SI-SDR"]
    assert joint.value < 11
    assert joint.note == ""


def test_metrics_score_only_the_sources_that_were_estimated(noise):
    scene = scene_of(bass=noise, drums=noise[::-1])
    assert {source for source, _ in rows_of(Sdr(), scene, {"bass": noise})} == {"bass"}


def test_a_leak_on_real_music_costs_what_its_level_says(shared):
    soundfile = pytest.importorskip("soundfile")
    folder = shared / "real/musdb18hq-layout/test/Lithium"
    vocals, drums = (soundfile.read(folder / f"{stem}.wav", stop=200_000)[0].T for stem in ("vocals", "drums"))
    expected = 10 * math.log10((np.sum(vocals**2) + DELTA) / (np.sum((0.1 * drums) ** 2) + DELTA))
    assert sdr(vocals, vocals + 0.1 * drums) == pytest.approx(expected, abs=1e-9)
