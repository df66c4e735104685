"""The metric `leakage`: how loud an estimate is where its source is silent."""

from __future__ import annotations

import math

import numpy as np
import pytest

from soundstage.pipeline.scores import prepare, score
from soundstage.pipeline.separate import Estimates
from soundstage.scene import Scene
from soundstage_metrics import hooks
from soundstage_metrics.leakage import Leakage, leakage_db
from soundstage_metrics.spauq import Spauq

RATE = 8000


def noise(seconds=4.0, seed=0, level=0.1):
    return level * np.random.default_rng(seed).standard_normal((2, round(seconds * RATE)))


def halves(seed=1):
    """A source that is silent in its second half."""
    source = noise(seed=seed)
    source[:, 2 * RATE :] = 0.0
    return source


def scene_of(voice, drums=None):
    drums = noise(seed=9) if drums is None else drums
    return Scene(RATE, voice + drums, {"vocals": voice, "drums": drums})


def row(scene, estimate, metric=None, source="vocals"):
    metric = metric or Leakage()
    scorer = prepare(metric, "leakage", "song", scene)
    rows = score(scorer, metric.measures, "leakage", "song", Estimates({source: estimate}, {}))
    return next(one for one in rows if one.name in ("leakage", "rejection") and one.frame is None)


def test_it_is_registered_and_lower_is_better():
    targets = {}
    hooks.register_metrics(lambda name, target, **facts: targets.update({name: target}))
    assert targets["leakage"] == "soundstage_metrics.leakage:Leakage"
    assert not Leakage.measures["leakage"].higher_is_better


@pytest.mark.parametrize("gain_db", [0.0, -20.0, -60.0])
def test_so_much_of_the_mixture_is_heard_as_leaks(gain_db):
    scene = scene_of(halves())
    estimate = scene.references["vocals"] + 10 ** (gain_db / 20) * scene.references["drums"]
    assert row(scene, estimate).value == pytest.approx(gain_db, abs=1e-9)


def test_a_stem_that_is_silent_throughout_has_a_value_where_other_metrics_have_none():
    scene = scene_of(np.zeros_like(noise()))
    estimate = 0.1 * scene.mixture
    assert row(scene, estimate).value == pytest.approx(-20.0, abs=1e-9)
    assert math.isnan(row(scene, estimate, Spauq()).value)
    assert row(scene, 0 * estimate).value == -80.0


def test_what_it_does_where_the_source_sounds_costs_nothing():
    scene = scene_of(halves())
    estimate = scene.references["vocals"].copy()
    estimate[:, : 2 * RATE] *= -3.0
    assert row(scene, estimate).value == -80.0
    assert row(scene, scene.references["vocals"]).value == -80.0


def test_the_references_own_decay_below_the_gate_is_no_leakage():
    voice = halves()
    voice[:, 2 * RATE :] = 1e-4 * noise(2.0, 5)
    scene = scene_of(voice)
    assert row(scene, voice).value == -80.0
    assert row(scene, voice, Leakage(gate=100.0)).note == "the reference sounds wherever the mixture does"


def test_a_source_that_is_never_silent_has_none_and_says_so():
    scene = scene_of(noise(seed=3))
    found = row(scene, scene.mixture)
    assert math.isnan(found.value)
    assert found.note == "the reference sounds wherever the mixture does"
    silent = scene_of(np.zeros((2, RATE)), np.zeros((2, RATE)))
    assert row(silent, noise(1.0)).note == "the mixture is silent"


def test_frames_in_which_the_mixture_is_silent_do_not_count():
    drums = noise(seed=9)
    drums[:, 3 * RATE :] = 0.0
    scene = scene_of(halves(), drums)
    estimate = 0.1 * scene.mixture
    estimate[:, 3 * RATE :] = 1.0
    assert row(scene, estimate).value == pytest.approx(-20.0, abs=1e-9)


def test_it_is_bounded_and_symmetric_in_the_channels():
    scene = scene_of(halves())
    assert row(scene, 1e9 * scene.mixture).value == 80.0
    mirrored = Scene(RATE, scene.mixture[::-1], {name: one[::-1] for name, one in scene.references.items()})
    estimate = 0.3 * scene.mixture + 0.01 * noise(seed=4)
    assert row(mirrored, estimate[::-1]).value == pytest.approx(row(scene, estimate).value, abs=1e-9)


@pytest.mark.parametrize("seconds", [0.001, 0.3, 0.7])
def test_files_shorter_than_a_frame_have_a_value_too(seconds):
    mixture = noise(seconds)
    assert leakage_db(0 * mixture, 0.1 * mixture, mixture, RATE) == pytest.approx(-20.0, abs=1e-9)


def test_nothing_that_it_is_given_is_changed():
    scene, estimate = scene_of(halves()), noise(seed=6)
    for array in (estimate, scene.mixture, *scene.references.values()):
        array.flags.writeable = False
    before = estimate.copy()
    row(scene, estimate)
    np.testing.assert_array_equal(estimate, before)


def test_sodiums_silent_vocals_cost_a_model_that_sings_there(shared):
    from soundstage.audio import read_audio

    song = shared / "real" / "musdb18hq-layout" / "test" / "Sodium"
    stems = {name: read_audio(song / f"{name}.wav")[0][:, : 6 * 44100] for name in ("vocals", "drums", "bass", "other")}
    scene = Scene(44100, sum(stems.values()), stems)
    assert row(scene, 0.01 * scene.mixture).value == pytest.approx(-40.0, abs=1e-9)
    assert row(scene, stems["vocals"]).value == -80.0
