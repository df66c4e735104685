"""Probes do one known thing to the references, and exactly as much of it as they say."""

from __future__ import annotations

from functools import cache
from typing import get_args

import numpy as np
import pytest
import scipy.signal

from soundstage.contracts import CellName, Degradation
from soundstage.draw import Draw
from soundstage.errors import SoundstageError
from soundstage.pipeline.declared import declared
from soundstage.pipeline.scenes import renderer, spatialize
from soundstage.pipeline.separate import separate
from soundstage.scene import Placement, Track
from soundstage_datasets.placements import Panorama
from soundstage_separators.probes.coding import coded
from soundstage_separators.probes.image import later
from soundstage_separators.probes.probe import WAYS, Kind, Probe
from soundstage_separators.probes.signal import low_passed
from soundstage_spatializers.hrir import Hrir
from soundstage_spatializers.original import Original
from soundstage_spatializers.panning import Panning

RATE = 44100
PLACED = {"drums": -40.0, "vocals": 5.0, "bass": 20.0}
STEPS = {"vorbis": 0.5, "opus": 0.5, "narrow": 50.0, "quantise": 8.0, "lowpass": 4000.0, "residual": -20.0}


SPHERE = Hrir()


@cache
def track(seconds=0.6):
    rng = np.random.default_rng(7)
    return Track("song", RATE, {name: 0.1 * rng.standard_normal((1, round(seconds * RATE))) for name in PLACED})


def scene_of(spatializer, azimuths=PLACED):
    return _scene(spatializer, tuple(azimuths.items()))


@cache
def _scene(spatializer, azimuths):
    return spatialize(spatializer, "room", track(), Placement(dict(azimuths)))


def probed(kind, step=0.0, *, spatializer=None, azimuths=PLACED, mirrored=False):
    """The estimates of a probe through the harness's own stage, and the scene."""
    spatializer = spatializer or SPHERE
    scene = scene_of(spatializer, azimuths)
    puts = renderer(spatializer, "room", track, scene.placement)
    probe = Probe(kind=kind, step=step, mirrored=mirrored)
    found = separate(probe, "probe", scene, CellName("d", "song", "p", "room", 0), renderer=puts)
    return found.images, scene


def energy(signal):
    return float(np.sum(signal**2))


def db(one, other):
    return 10 * np.log10(energy(one) / energy(other))


def step_of(kind):
    return STEPS.get(kind, 10.0) if WAYS[kind].steps else 0.0


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_gives_an_image_a_source_and_does_the_same_twice(kind):
    first, scene = probed(kind, step_of(kind))
    again, _ = probed(kind, step_of(kind))
    for source, reference in scene.references.items():
        assert first[source].shape == reference.shape
        np.testing.assert_array_equal(first[source], again[source])
        assert np.max(np.abs(first[source] - reference)) > 0


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_mirrored_probe_on_a_mirrored_scene_is_the_mirror_of_the_probe(kind):
    plain, _ = probed(kind, step_of(kind))
    mirrored, _ = probed(kind, step_of(kind), azimuths={name: -angle for name, angle in PLACED.items()}, mirrored=True)
    for source, image in plain.items():
        np.testing.assert_allclose(mirrored[source], image[::-1], atol=1e-12)


def test_a_probe_is_an_oracle_that_says_what_it_does():
    about = declared(Probe(kind="rotate", step=5.0, mirrored=True))
    assert about.role == "oracle"
    assert not about.is_blind
    assert about.degradation == Degradation("rotate", "image", 5.0, "°", mirrored=True)
    assert "renderer" in about.needs
    assert "renderer" not in declared(Probe(kind="gain", step=1.0)).needs


@pytest.mark.parametrize(
    "spatializer", [SPHERE, Panning(), Hrir(level="published")], ids=["sphere", "panning", "level"]
)
def test_rotate_is_what_the_scenes_own_spatializer_makes_of_the_rotated_placement(spatializer):
    for mirrored, way in ((False, 1.0), (True, -1.0)):
        images, scene = probed("rotate", 10.0, spatializer=spatializer, mirrored=mirrored)
        there = scene_of(spatializer, {name: angle + way * 10.0 for name, angle in PLACED.items()})
        for source, image in images.items():
            np.testing.assert_allclose(image, there.references[source] * scene.gain, atol=1e-15)


def test_rotate_by_nothing_is_the_reference():
    images, scene = probed("rotate", 0.0)
    for source, image in images.items():
        np.testing.assert_array_equal(image, scene.references[source])


@pytest.mark.parametrize("kind", ["rotate", "bleed_here"])
def test_a_scene_that_was_not_placed_cannot_be_turned(kind):
    with pytest.raises(SoundstageError, match="this scene's were not placed; take a spatializer that places them"):
        probed(kind, 5.0, spatializer=Original())


@pytest.mark.parametrize("itd_us", [1e6 / RATE * 7, 100.0, 333.3])
def test_itd_delays_the_right_channel_alone_by_exactly_that(itd_us):
    images, scene = probed("itd", itd_us)
    for source, image in images.items():
        reference = scene.references[source]
        np.testing.assert_array_equal(image[0], reference[0])
        size = 2 * image.shape[1]
        cross = np.fft.rfft(image[1], size) * np.conj(np.fft.rfft(reference[1], size))
        w = 2 * np.pi * np.arange(len(cross)) / size
        band = slice(len(cross) // 50, len(cross) // 4)
        slope = np.polyfit(w[band], np.unwrap(np.angle(cross[band])), 1, w=np.sqrt(np.abs(cross[band])))[0]
        assert -slope / RATE * 1e6 == pytest.approx(itd_us, abs=0.1)


def test_a_delay_of_whole_samples_is_a_shift_and_a_fraction_interpolates_a_sine_exactly():
    sine = np.sin(2 * np.pi * 1000 / RATE * np.arange(RATE // 4)) * scipy.signal.windows.hann(RATE // 4)
    np.testing.assert_array_equal(later(sine, 3)[3:], sine[:-3])
    window = np.interp(np.arange(RATE // 4) - 0.25, np.arange(RATE // 4), scipy.signal.windows.hann(RATE // 4))
    exact = np.sin(2 * np.pi * 1000 / RATE * (np.arange(RATE // 4) - 0.25)) * window
    np.testing.assert_allclose(later(sine, 0.25), exact, atol=1e-6)


@pytest.mark.parametrize(("mirrored", "sign"), [(False, 1), (True, -1)])
def test_ild_moves_the_level_difference_by_exactly_that(mirrored, sign):
    images, scene = probed("ild", 4.0, mirrored=mirrored)
    for source, image in images.items():
        was, now = (db(signal[0], signal[1]) for signal in (scene.references[source], image))
        assert now - was == pytest.approx(sign * 4.0, abs=1e-9)


def test_swap_mono_and_the_two_polarities():
    for kind, expected in {
        "swap": lambda image: image[::-1],
        "mono": lambda image: np.stack([image.mean(axis=0)] * 2),
        "invert": lambda image: -image,
        "invert_one": lambda image: np.stack([-image[0], image[1]]),
    }.items():
        images, scene = probed(kind)
        for source, image in images.items():
            np.testing.assert_allclose(image, expected(scene.references[source]), atol=1e-15)


def test_width_scales_what_differs_and_leaves_what_is_common():
    for kind, factor in (("widen", 1.5), ("narrow", 0.5)):
        images, scene = probed(kind, 50.0)
        for source, image in images.items():
            reference = scene.references[source]
            np.testing.assert_allclose(image.sum(axis=0), reference.sum(axis=0), atol=1e-12)
            np.testing.assert_allclose(image[0] - image[1], factor * (reference[0] - reference[1]), atol=1e-12)


def test_gain_is_exact_in_db_and_relative_to_the_mixtures_level():
    images, scene = probed("gain", -3.0, spatializer=Hrir(level="published"))
    for source, image in images.items():
        assert db(image, scene.references[source] * scene.gain) == pytest.approx(-3.0, abs=1e-9)


def test_delay_is_whole_samples_later_in_both_channels():
    images, scene = probed("delay", 20.0)
    for source, image in images.items():
        assert not image[:, :20].any()
        np.testing.assert_array_equal(image[:, 20:], scene.references[source][:, :-20])


@pytest.mark.parametrize("level", [-20.0, 0.0])
def test_bleed_is_the_other_sources_at_exactly_that_level_with_their_own_image(level):
    images, scene = probed("bleed", level)
    for source, image in images.items():
        added = image - scene.references[source]
        assert db(added, scene.references[source]) == pytest.approx(level, abs=1e-9)
        others = sum(one for name, one in scene.references.items() if name != source)
        np.testing.assert_allclose(added / np.sqrt(energy(added)), others / np.sqrt(energy(others)), atol=1e-12)


def test_bleed_here_takes_the_targets_image():
    images, scene = probed("bleed_here", -10.0)
    for source, image in images.items():
        added = image - scene.references[source]
        assert db(added, scene.references[source]) == pytest.approx(-10.0, abs=1e-9)
        here = scene_of(SPHERE, dict.fromkeys(PLACED, PLACED[source]))
        others = sum(one for name, one in here.references.items() if name != source)
        np.testing.assert_allclose(added / np.sqrt(energy(added)), others / np.sqrt(energy(others)), atol=1e-12)


@pytest.mark.parametrize("kind", ["residual", "reverb"])
def test_what_is_added_is_at_exactly_that_level_and_falls_apart_between_the_ears(kind):
    images, scene = probed(kind, -15.0)
    for source, image in images.items():
        added = image - scene.references[source]
        assert db(added, scene.references[source]) == pytest.approx(-15.0, abs=1e-9)
        assert abs(np.corrcoef(added)[0, 1]) < 0.1


def test_lowpass_is_three_db_down_at_its_cut_off_and_delays_nothing():
    click = np.zeros((2, RATE))
    click[:, RATE // 2] = 1.0
    response = low_passed(click, 4000.0, RATE)[0]
    assert np.argmax(response) == RATE // 2
    spectrum = np.abs(np.fft.rfft(response))
    assert 20 * np.log10(spectrum[4000]) == pytest.approx(-3.0103, abs=1e-3)
    assert 20 * np.log10(spectrum[100]) == pytest.approx(0.0, abs=1e-3)
    assert 20 * np.log10(spectrum[8000]) == pytest.approx(-24.1, abs=0.1)


@pytest.mark.parametrize("bits", [16, 8, 4])
def test_quantise_leaves_multiples_of_its_step_the_nearest_ones(bits):
    images, scene = probed("quantise", bits)
    step = 2.0 ** (1 - bits)
    for source, image in images.items():
        np.testing.assert_array_equal(image / step, np.rint(image / step))
        assert np.max(np.abs(image - scene.references[source])) <= step / 2


def test_dropouts_are_silent_for_that_long_twice_a_second():
    images, scene = probed("dropouts", 50.0)
    for source, image in images.items():
        gone = (image == 0.0).all(axis=0) & (scene.references[source] != 0.0).any(axis=0)
        assert gone.sum() == round(0.05 * RATE)  # of 0.6 s: the middle of the first half second, 0.25 s
        assert gone[round(0.24 * RATE)]


def test_musical_noise_is_holes_and_none_of_them_leaves_all():
    kept = {share: energy(probed("musical", share)[0]["vocals"]) for share in (0.0, 10.0, 50.0, 100.0)}
    assert kept[0.0] == pytest.approx(energy(scene_of(SPHERE).references["vocals"]))
    assert kept[0.0] > kept[10.0] > kept[50.0] > kept[100.0] == 0.0


@pytest.mark.parametrize("coding", ["vorbis", "opus"])
def test_coding_stays_in_place_and_costs_more_the_smaller_the_file(coding):
    rng = np.random.default_rng(0)
    sos = scipy.signal.butter(4, 8000, fs=RATE, output="sos")
    image = scipy.signal.sosfilt(sos, 0.1 * rng.standard_normal((2, RATE)), axis=1)
    fine, coarse = (coded(image, RATE, coding, level) for level in (0.0, 1.0))
    assert fine.shape == image.shape
    lag = np.argmax(scipy.signal.correlate(fine[0], image[0], method="fft")) - (RATE - 1)
    assert lag == 0
    assert db(fine - image, image) < -3 < db(coarse - image, image)
    assert not coded(np.zeros((2, 1000)), RATE, coding, 0.5).any()


def test_a_silent_source_stays_silent_whatever_is_added():
    silent = {"drums": np.zeros((2, 4000)), "bass": np.ones((2, 4000))}
    for kind in ("bleed", "residual", "reverb", "lowpass", "itd"):
        probe = Probe(kind=kind, step=100.0)
        assert not probe.separate(silent["bass"], RATE, references=silent, gain=1.0)["drums"].any()


@pytest.mark.parametrize(
    ("kind", "step", "sentence"),
    [
        ("swap", 1.0, "probe 'swap': step=1; it takes no step"),
        ("narrow", 120.0, "it takes a step from 0 to 100 %"),
        ("delay", 1.5, "give a whole number of samples"),
        ("lowpass", 0.0, "from 1 to 1e\\+06 Hz"),
        ("spin", 1.0, "probe 'spin' is unknown; the probes are none, rotate"),
    ],
)
def test_a_step_that_cannot_be_is_a_sentence(kind, step, sentence):
    with pytest.raises(SoundstageError, match=sentence):
        Probe(kind=kind, step=step)


def test_panorama_mirrored_is_the_same_draw_on_the_other_side():
    draw = Draw(0, "d", "song", "panorama")
    plain, other = (
        Panorama(noise=8.0, mirrored=mirrored).place("song", list(PLACED), draw) for mirrored in (False, True)
    )
    for source, angle in plain.azimuths.items():
        assert angle == -other.azimuths[source]
        assert plain.told[source] == -other.told[source]
