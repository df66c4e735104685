"""Constant-power panning."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from soundstage.errors import SoundstageError
from soundstage.scene import Placement, Track
from soundstage_spatializers.panning import Panning, panning_gains


@pytest.fixture
def track():
    noise = np.random.default_rng(5).normal(size=(3, 400)) / 10
    return Track("song", 22050, {"vocals": noise[:2], "drums": noise[2:]})


def test_gains_are_those_of_spain_nets_equation_4():
    for angle in np.linspace(-45, 45, 31):
        left, right = panning_gains(float(angle))
        alpha = math.radians(angle)
        assert left == pytest.approx(math.sqrt(0.5) * (math.cos(alpha) + math.sin(alpha)), abs=1e-15)
        assert right == pytest.approx(math.sqrt(0.5) * (math.cos(alpha) - math.sin(alpha)), abs=1e-15)
        assert left**2 + right**2 == pytest.approx(1.0, abs=1e-15)


def test_hard_left_and_right_are_exact_and_the_centre_is_even():
    assert panning_gains(45.0) == (1.0, 0.0)
    assert panning_gains(-45.0) == (0.0, 1.0)
    left, right = panning_gains(0.0)
    assert left == right


def test_gains_beyond_45_degrees_are_refused():
    for angle in (45.1, -46.0, math.nan):
        with pytest.raises(ValueError, match="beyond ±45"):
            panning_gains(angle)


def test_stems_are_averaged_and_panned(track):
    scene = Panning().render(track, Placement({"vocals": 90.0, "drums": 340.0}))
    mono = track.stems["vocals"].mean(axis=0)
    np.testing.assert_array_equal(scene.references["vocals"], np.stack([mono, np.zeros(400)]))
    left, right = panning_gains(-10.0)
    np.testing.assert_array_equal(scene.references["drums"], np.array([[left], [right]]) * track.stems["drums"])
    np.testing.assert_array_equal(scene.mixture, scene.references["vocals"] + scene.references["drums"])
    assert (scene.gain, scene.latency, scene.rate) == (1.0, 0, 22050)


def test_the_rule_and_every_angle_are_recorded(track):
    scene = Panning().render(track, Placement({"vocals": -20.0, "drums": 30.0}, panning="same"))
    assert scene.details["panning_angles_deg"] == {"vocals": -20.0, "drums": 30.0}
    assert "eq. 4" in scene.details["rule"]
    assert not {"elevations_not_rendered", "notices"} & set(scene.details)
    json.dumps(scene.details)


def test_elevations_are_said_not_to_be_rendered(track):
    scene = Panning().render(track, Placement({"vocals": 0.0, "drums": 0.0}, {"drums": 10.0}))
    assert scene.details["elevations_not_rendered"] == ["drums"]
    assert scene.details["notices"] == ["panning renders no elevation, and 'drums' has one"]
    both = Panning().render(track, Placement({"vocals": 0.0, "drums": 0.0}, {"drums": 10.0, "vocals": -1.0}))
    assert both.details["notices"] == ["panning renders no elevation, and 'drums', 'vocals' have one"]


def test_an_angle_beyond_45_degrees_names_track_and_source(track):
    with pytest.raises(SoundstageError, match=r"track 'song', source 'drums': panning angle 50° \(azimuth 100°"):
        Panning().render(track, Placement({"vocals": 0.0, "drums": 100.0}))
    with pytest.raises(SoundstageError, match="source 'vocals': panning angle -60°"):
        Panning().render(track, Placement({"vocals": 300.0, "drums": 0.0}, panning="same"))


def test_a_missing_placement_and_wide_stems_are_refused(track):
    with pytest.raises(SoundstageError, match="without a placement"):
        Panning().render(track, None)
    with pytest.raises(SoundstageError, match=r"stem 'pad': shape \(5, 10\)"):
        Panning().render(Track("song", 44100, {"pad": np.zeros((5, 10))}), Placement({"pad": 0.0}))
