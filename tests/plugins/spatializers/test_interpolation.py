"""Between measured directions: nearer to the truth than the nearest, exact where measured, and without steps."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heads import responses, write_folder
from soundstage.errors import SoundstageError
from soundstage.scene import Placement, Track
from soundstage_spatializers.hrir import Hrir
from soundstage_spatializers.hrirs.interpolation import Blender, arrivals
from soundstage_spatializers.hrirs.set import HrirSet, unit_vectors
from soundstage_spatializers.hrirs.sphere import sphere_hrir
from soundstage_spatializers.hrirs.wav_folder import read_hrirs

KEMAR = Path("/usr/share/libmysofa/MIT_KEMAR_normal_pinna.sofa")
RATE = 44100


def ring(step, start=0.0):
    azimuths = np.arange(start, 360.0, step)
    return HrirSet("made", RATE, np.stack([azimuths, np.zeros(len(azimuths))], axis=1), responses(azimuths))


@pytest.fixture(scope="module")
def ball():
    """The rigid sphere at 15° of azimuth and elevation, and above."""
    directions = [(a, e) for e in (-45, -30, -15, 0, 15, 30, 45, 60) for a in range(0, 360, 20)] + [(0, 90)]
    return HrirSet("made", RATE, np.array(directions, dtype=float), responses(directions))


def itd_us(pair):
    """By how much the left ear leads, 150 Hz to 1.5 kHz, to a fraction of a sample."""
    length = 4096
    frequencies = np.fft.rfftfreq(length, 1 / RATE)
    band = np.exp(-((frequencies / 1500) ** 4)) * (1 - np.exp(-((frequencies / 150) ** 2)))
    spectra = np.fft.rfft(pair, length)
    correlation = np.fft.irfft(spectra[1] * np.conj(spectra[0]) * band, 16 * length)
    lags = np.arange(-1000, 1001)
    return lags[np.argmax(correlation[lags])] * 1e6 / (16 * RATE)


def band_levels(pair):
    """Third-octave levels in dB from 200 Hz to 16 kHz, (2, bands)."""
    frequencies = np.fft.rfftfreq(4096, 1 / RATE)
    powers = np.abs(np.fft.rfft(pair, 4096)) ** 2
    edges = 200 * 2 ** (np.arange(20) / 3)
    inside = [(frequencies >= low) & (frequencies < high) for low, high in itertools.pairwise(edges)]
    return 10 * np.log10(np.stack([powers[:, band].mean(axis=1) for band in inside], axis=1))


def errors(whole, kept, left_out):
    """Mean absolute error of levels (dB) and ITDs (µs) at directions left out: of the nearest, and of the blend."""
    part = replace(whole, directions=whole.directions[kept], responses=whole.responses[kept])
    blender = Blender(part)
    found = []
    for index in left_out:
        direction, true = whole.directions[index], whole.responses[index]
        for pair in (part.responses[part.nearest(*direction).index], blender.pair(blender.blend(*direction))):
            found.append((np.mean(np.abs(band_levels(pair) - band_levels(true))), abs(itd_us(pair) - itd_us(true))))
    return np.array(found).reshape(-1, 2, 2).mean(axis=0)


def test_leaving_out_every_other_direction_of_a_ring_the_blend_is_nearer_than_the_nearest():
    whole = ring(10.0)
    (nearest_db, nearest_us), (blend_db, blend_us) = errors(whole, np.arange(0, 36, 2), np.arange(1, 36, 2))
    assert blend_db < 0.55 * nearest_db
    assert blend_us < 0.15 * nearest_us
    assert blend_us < 10.0


@pytest.mark.heavy
def test_on_a_measured_head_too_all_round_and_above():
    if not KEMAR.is_file():
        pytest.skip(f"no {KEMAR}; Debian's libmysofa1 has it")
    whole = read_hrirs(KEMAR)
    every = np.arange(len(whole.directions))
    (nearest_db, nearest_us), (blend_db, blend_us) = errors(whole, every[::2], every[1::2][::3])
    assert nearest_db > 0.5 > 0.2 > blend_db
    assert nearest_us > 35.0 > 3.0 > blend_us


def test_a_measured_direction_is_what_was_measured_but_for_the_room_in_front(ball):
    blender = Blender(ball)
    for index in (0, 7, 80, len(ball.directions) - 1):
        blend = blender.blend(*ball.directions[index])
        assert (blend.indices, blend.weights) == ((index,), (1.0,))
        np.testing.assert_array_equal(blender.pair(blend)[:, blender.room : -blender.room], ball.responses[index])
        assert not blender.pair(blend)[:, : blender.room].any()


def test_weights_are_barycentric_on_the_sphere(ball):
    blender = Blender(ball)
    rng = np.random.default_rng(2)
    for azimuth, elevation in zip(rng.uniform(0, 360, 200), rng.uniform(-40, 85, 200), strict=True):
        blend = blender.blend(azimuth, elevation)
        assert sum(blend.weights) == pytest.approx(1.0)
        assert min(blend.weights) > 0.0
        where = np.array(blend.weights) @ unit_vectors(ball.directions[list(blend.indices)])
        way = unit_vectors(np.array([[azimuth, elevation]]))[0]
        np.testing.assert_allclose(where / np.linalg.norm(where), way, atol=1e-9)


@pytest.mark.parametrize("elevation", [0.0, 22.0])
def test_a_turn_of_a_tenth_of_a_degree_changes_little_anywhere(ball, elevation):
    blender = Blender(ball if elevation else ring(20.0))
    turns = np.arange(50.0, 95.0, 0.1)
    pairs = np.stack([blender.pair(blender.blend(azimuth, elevation)) for azimuth in turns])
    steps = np.linalg.norm(np.diff(pairs, axis=0), axis=(1, 2)) / np.linalg.norm(pairs[1:], axis=(1, 2))
    assert steps.max() < 0.03
    jumps = np.linalg.norm(np.diff(ball.responses[60:66], axis=0), axis=(1, 2)) / np.linalg.norm(pairs[0])
    assert jumps.min() > 0.3  # what taking the nearest does at once


def test_the_difference_of_arrival_grows_with_azimuth_and_leads_on_the_side_of_the_source():
    blender = Blender(ring(30.0))
    found = [itd_us(blender.pair(blender.blend(azimuth, 0.0))) for azimuth in np.arange(-75.0, 80.0, 7.5)]
    assert np.all(np.diff(found) > 5.0)
    np.testing.assert_allclose(found, -np.array(found)[::-1], atol=3.0)
    true = [itd_us(sphere_hrir(azimuth, 0.0, RATE)) for azimuth in np.arange(-75.0, 80.0, 7.5)]
    assert np.max(np.abs(np.array(found) - true)) < 35.0
    levels = [np.diff(np.sum(blender.pair(blender.blend(a, 0.0)) ** 2, axis=1))[0] for a in (-45, -15, 15, 45)]
    assert np.all(np.diff(levels) < 0)


def test_arrivals_follow_whole_and_fractional_delays():
    pair = sphere_hrir(30.0, 0.0, RATE)
    spectrum = np.fft.rfft(np.pad(pair, ((0, 0), (0, 256))))
    turns = np.exp(-2j * np.pi * np.fft.rfftfreq(512) * np.array([0.0, 7.0, 12.3])[:, None, None])
    found = arrivals(HrirSet("made", RATE, np.zeros((3, 2)), np.fft.irfft(spectrum * turns)))
    np.testing.assert_allclose(found - found[0], np.array([[0.0, 0.0], [7.0, 7.0], [12.3, 12.3]]), atol=0.02)


def test_where_neighbours_are_far_the_nearest_is_taken_alone():
    front = ring(30.0)
    half = replace(front, directions=front.directions[:4], responses=front.responses[:4])  # 0 to 90 degrees
    blender = Blender(half)
    assert blender.blend(45.0, 0.0).weights == pytest.approx((0.5, 0.5))
    assert blender.blend(120.0, 0.0).indices == (3,)
    lone = Blender(replace(front, directions=front.directions[:1], responses=front.responses[:1]))
    assert (lone.blend(40.0, 0.0).indices, lone.heard_from(lone.blend(40.0, 0.0), 40.0, 0.0).error_deg) == ((0,), 40.0)
    tilted = np.stack([np.arange(0.0, 360.0, 90.0), np.full(4, 30.0)], axis=1)
    with pytest.raises(
        SoundstageError, match="in one plane that is not the horizontal one; take interpolation=nearest"
    ):
        Blender(HrirSet("made", RATE, tilted, responses(tilted)))


def test_scenes_say_what_they_were_blended_from_and_stay_exact(tmp_path):
    folder = write_folder(tmp_path / "set", range(0, 360, 30))
    noise = np.random.default_rng(3).normal(size=(2, 1, 2000)) / 10
    track = Track("song", RATE, {"bass": noise[0], "drums": noise[1]})
    scene = Hrir(folder, interpolation="linear").render(track, Placement({"bass": 40.0, "drums": 300.0}, {"bass": 5.0}))
    assert scene.latency == 44
    assert scene.details["directions"]["bass"] == {"azimuth": 40.0, "elevation": 0.0, "error_deg": 5.0}
    assert scene.details["directions"]["drums"] == {"azimuth": 300.0, "elevation": 0.0, "error_deg": 0.0}
    (one, other), (alone,) = scene.details["blended"].values()
    assert (one["azimuth"], other["azimuth"], alone["azimuth"]) == (30.0, 60.0, 300.0)
    assert (one["weight"], other["weight"]) == pytest.approx((2 / 3, 1 / 3))
    np.testing.assert_array_equal(scene.mixture, scene.references["bass"] + scene.references["drums"])
    plain = Hrir(folder).render(track, Placement({"bass": 40.0, "drums": 300.0}))
    heard = scene.references["drums"][:, 44 : 44 + plain.mixture.shape[1]]
    np.testing.assert_allclose(heard, plain.references["drums"], atol=1e-12)
    assert "blended" not in plain.details
    # What is placed apart is now heard apart.
    assert (
        "notices"
        not in Hrir(folder, interpolation="linear").render(track, Placement({"bass": 31.0, "drums": 34.0})).details
    )
    assert len(Hrir(folder).render(track, Placement({"bass": 31.0, "drums": 34.0})).details["notices"]) == 1
    json.dumps(scene.details, allow_nan=False)


def test_at_another_rate_the_room_is_part_of_the_latency(tmp_path):
    folder = write_folder(tmp_path / "set", range(0, 360, 30))
    click = np.zeros((1, 500))
    click[0, 10] = 1.0
    track = Track("song", 48000, {"bass": click})
    linear, nearest = (
        Hrir(folder, interpolation=how).render(track, Placement({"bass": 30.0})) for how in ("linear", "nearest")
    )
    late = linear.references["bass"].argmax(axis=1) - nearest.references["bass"].argmax(axis=1)
    np.testing.assert_allclose(late, linear.latency - nearest.latency, atol=1)
    assert linear.latency > nearest.latency
