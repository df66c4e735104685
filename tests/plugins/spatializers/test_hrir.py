"""Binaural scenes: convolution, levels, latency, and what is recorded about them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import correlate

from heads import write_folder
from soundstage.catalogue.registry import Registry
from soundstage.errors import SoundstageError
from soundstage.planning.identity import identity
from soundstage.scene import Placement, Track
from soundstage_spatializers.hrir import Hrir
from soundstage_spatializers.hrirs.set import resampling_room
from soundstage_spatializers.hrirs.sphere import sphere_hrir, sphere_latency

PLACEMENT = Placement({"vocals": 90.0, "drums": 300.0}, {"drums": 20.0})


@pytest.fixture
def track():
    noise = np.random.default_rng(3).normal(size=(3, 2000)) / 10
    return Track("song", 44100, {"vocals": noise[:2], "drums": noise[2:]})


@pytest.fixture
def folder(tmp_path):
    for azimuth, near in ((0, (5, 5)), (90, (2, 33)), (270, (33, 2))):
        pair = np.random.default_rng(azimuth).normal(size=(2, 40)) / 100
        for ear, place in enumerate(near):
            pair[ear, place] = 1.0 if place < 30 else 0.5
        soundfile.write(tmp_path / f"azi_{azimuth},0_ele_0,0.wav", pair.T, 44100, subtype="DOUBLE")
    return tmp_path


def test_references_are_full_convolutions_of_the_mono_stems(track):
    scene = Hrir().render(track, PLACEMENT)
    for name, mono in (("vocals", track.stems["vocals"].mean(axis=0)), ("drums", track.stems["drums"][0])):
        pair = sphere_hrir(PLACEMENT.azimuths[name], PLACEMENT.elevation(name), 44100)
        for ear in (0, 1):
            np.testing.assert_allclose(scene.references[name][ear], np.convolve(mono, pair[ear]), atol=1e-14)
    assert scene.mixture.shape == (2, 2000 + 256 - 1)


def test_the_mixture_is_the_exact_sum(track):
    scene = Hrir().render(track, PLACEMENT)
    np.testing.assert_array_equal(scene.mixture, scene.references["vocals"] + scene.references["drums"])
    assert scene.gain == 1.0
    assert scene.rate == 44100
    assert scene.placement is PLACEMENT


def test_published_level_divides_the_mixture_alone_by_its_peak(track):
    plain, published = Hrir().render(track, PLACEMENT), Hrir(level="published").render(track, PLACEMENT)
    peak = np.abs(plain.mixture).max()
    assert np.abs(published.mixture).max() == 1.0
    assert published.gain == 1.0 / peak
    np.testing.assert_array_equal(published.mixture, plain.mixture / peak)
    for name in track.stems:
        np.testing.assert_array_equal(published.references[name], plain.references[name])


def test_a_silent_track_keeps_gain_one():
    silent = Track("hush", 44100, {"vocals": np.zeros((2, 500))})
    scene = Hrir(level="published").render(silent, PLACEMENT)
    assert scene.gain == 1.0
    assert not scene.mixture.any()


def test_silence_stays_exact_silence():
    stem = np.zeros((1, 30000))
    stem[0, 100:200] = 1 / 3
    stem[0, 20000] = 0.7
    image = Hrir().render(Track("song", 44100, {"vocals": stem}), PLACEMENT).references["vocals"]
    sounding = np.flatnonzero(np.any(image != 0, axis=0))
    assert sounding.min() >= 100
    assert not image[:, 200 + 255 : 20000].any()
    assert not image[:, 20000 + 256 :].any()
    assert image[:, 100:455].all()


def test_a_source_at_the_left_leads_in_the_left_ear(track):
    vocals = Hrir().render(track, PLACEMENT).references["vocals"]
    lag = np.correlate(vocals[1], vocals[0], mode="full").argmax() - (vocals.shape[1] - 1)
    assert 26 <= lag <= 32


def test_the_sphere_is_exact_and_its_latency_recorded(track):
    spatializer = Hrir()
    scene = spatializer.render(track, PLACEMENT)
    assert spatializer.files() == []
    assert scene.latency == sphere_latency(44100) == 45
    assert scene.details["hrtf"] == "rigid sphere"
    assert scene.details["directions"]["drums"] == {"azimuth": 300.0, "elevation": 20.0, "error_deg": 0.0}
    assert scene.details["max_error_deg"] == 0.0
    json.dumps(scene.details, allow_nan=False)


def test_measured_sets_record_direction_and_error(track, folder):
    spatializer = Hrir(hrtf=folder, refuse_beyond_deg=40)
    scene = spatializer.render(track, PLACEMENT)
    assert len(spatializer.files()) == 3
    assert scene.details["hrtf"] == "WAV folder"
    assert scene.details["hrtf_resampled"] is None
    assert scene.details["hrtf_checked_at"] == 2
    assert scene.details["directions"]["vocals"] == {"azimuth": 90.0, "elevation": 0.0, "error_deg": 0.0}
    assert scene.details["directions"]["drums"]["azimuth"] == 270.0
    assert scene.details["max_error_deg"] == pytest.approx(35.5314, abs=1e-3)
    assert (scene.latency, scene.details["taps"]) == (0, 40)
    pair, _ = soundfile.read(folder / "azi_90,0_ele_0,0.wav")
    expected = np.convolve(track.stems["vocals"].mean(axis=0), pair[:, 1])
    np.testing.assert_allclose(scene.references["vocals"][1], expected, atol=1e-14)
    json.dumps(scene.details, allow_nan=False)


def test_another_rate_resamples_the_hrirs_and_says_so(track, folder):
    other = Track("song", 22050, track.stems)
    scene = Hrir(hrtf=folder).render(other, Placement({"vocals": 90.0, "drums": 271.0}))
    assert scene.rate == 22050
    assert scene.details["hrtf_resampled"] == {"from": 44100, "to": 22050, "by": "soxr VHQ"}
    assert scene.mixture.shape[1] == 2000 + scene.details["taps"] - 1


def test_what_resampling_adds_in_front_is_latency(folder):
    click = np.zeros((1, 3000))
    click[0, 100] = 1.0
    scene = Hrir(hrtf=folder).render(Track("song", 48000, {"vocals": click}), Placement({"vocals": 90.0}))
    assert scene.latency == resampling_room(44100, 48000) * 160 // 147 == 320
    heard = scene.references["vocals"].argmax(axis=1) - scene.latency - 100
    np.testing.assert_allclose(heard, np.array([2, 33]) * 48000 / 44100, atol=0.5)


def test_the_set_is_read_once(track, folder):
    spatializer = Hrir(hrtf=folder, refuse_beyond_deg=40)
    first = spatializer.render(track, PLACEMENT)
    for file in folder.iterdir():
        file.unlink()
    np.testing.assert_array_equal(spatializer.render(track, PLACEMENT).mixture, first.mixture)


def test_constructing_touches_no_disk_and_rendering_names_what_is_missing(track, tmp_path):
    spatializer = Hrir(hrtf=tmp_path / "gone")
    with pytest.raises(SoundstageError, match="gone: no such HRIR folder"):
        spatializer.render(track, PLACEMENT)
    with pytest.raises(SoundstageError, match="gone: no such HRIR folder"):
        spatializer.files()


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"level": "loud"}, "'consistent' or 'published'"),
        ({"hrtf": Path("a"), "azimuths": "anticlockwise"}, "'counter-clockwise' or 'clockwise'"),
        ({"hrtf": Path("a"), "ears": "both"}, "'declared' or 'swapped'"),
        ({"hrtf": Path("a"), "contradiction": "no"}, "'refused' or 'accepted'"),
        ({"refuse_beyond_deg": -1.0}, "refuse_beyond_deg must be from 0 to 180 degrees, not -1"),
        ({"notice_beyond_deg": float("nan")}, "notice_beyond_deg must be from 0 to 180 degrees, not nan"),
        ({"ears": "swapped"}, "about a measured set; name one with hrtf"),
        ({"azimuths": "clockwise"}, "about a measured set; name one with hrtf"),
        ({"interpolation": "linear"}, "about a measured set; name one with hrtf"),
        ({"hrtf": Path("a"), "interpolation": "cubic"}, "'nearest' or 'linear'"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(parameters, complaint):
    with pytest.raises(SoundstageError, match=complaint):
        Hrir(**parameters)


def test_parameters_that_came_later_leave_addresses_as_they_were(folder):
    choice = Registry.load().choose("spatializers", "hrir")
    assert identity(choice, Hrir, {})["parameters"] == {"hrtf": None, "level": "consistent"}
    for text in (
        "hrir[notice_beyond_deg=5]",
        "hrir[refuse_beyond_deg=30.0,contradiction=refused,interpolation=nearest]",
    ):
        assert identity(Registry.load().choose("spatializers", text), Hrir, {}) == identity(choice, Hrir, {})
    other = Registry.load().choose("spatializers", f"hrir[hrtf={folder},ears=swapped,refuse_beyond_deg=180]")
    assert identity(other, Hrir, {})["parameters"] == {
        "hrtf": "file",
        "level": "consistent",
        "ears": "swapped",
        "refuse_beyond_deg": 180.0,
    }


def render(spatializer, azimuths, elevations=None):
    stems = {name: np.random.default_rng(1).normal(size=(1, 500)) for name in azimuths}
    return spatializer.render(Track("song", 44100, stems), Placement(azimuths, elevations or {}))


def test_sources_that_are_heard_from_elsewhere_are_told_of(tmp_path):
    every_20 = write_folder(tmp_path / "set", range(0, 360, 20))
    assert "notices" not in render(Hrir(hrtf=every_20), {"bass": 20.0, "drums": 336.0}).details
    notices = render(Hrir(hrtf=every_20), {"bass": 20.0, "drums": 330.5}, {"bass": 12.0}).details["notices"]
    assert notices == [
        "'bass' is placed at azimuth 20°, elevation 12° and heard from azimuth 20°, the nearest direction that the HRIR"
        " set has, 12.0° away",
        "'drums' is placed at azimuth 330.5° and heard from azimuth 340°, the nearest direction that the HRIR set has,"
        " 9.5° away",
    ]
    assert len(render(Hrir(hrtf=every_20, notice_beyond_deg=10), {"bass": 29.5}).details.get("notices", [])) == 0
    assert len(render(Hrir(hrtf=every_20, notice_beyond_deg=0), {"bass": 20.1}).details["notices"]) == 1


def test_sources_that_are_placed_apart_and_heard_as_one_are_told_of(tmp_path):
    every_20 = write_folder(tmp_path / "set", range(0, 360, 20))
    notices = render(Hrir(hrtf=every_20), {"bass": 17.0, "drums": 24.0, "keys": 80.0}).details["notices"]
    assert notices == [
        "'bass' and 'drums' are placed 7.0° apart and heard from one direction of the HRIR set, azimuth 20°"
    ]
    assert len(render(Hrir(hrtf=every_20), {"a": 356.0, "b": 0.0, "c": 3.0}).details["notices"]) == 3
    # Where the placement itself puts them at one place, that is what is heard.
    assert "notices" not in render(Hrir(hrtf=every_20), {"bass": 20.0, "drums": 380.0}).details


def test_a_source_that_the_set_has_nothing_near_is_refused_unless_asked_for(folder):
    with pytest.raises(SoundstageError) as caught:
        render(Hrir(hrtf=folder), {"bass": 90.0, "drums": 180.0})
    assert str(caught.value) == (
        f"track 'song', stem 'drums': placed at azimuth 180°, and the nearest direction in {folder} is azimuth 90°,"
        " 90.0° away; place it elsewhere, take a set that has the direction, or say refuse_beyond_deg=90 to hear it"
        " from there"
    )
    with pytest.raises(SoundstageError, match="elevation -31"):
        render(Hrir(hrtf=folder), {"bass": 90.0}, {"bass": -31.0})
    scene = render(Hrir(hrtf=folder, refuse_beyond_deg=90), {"bass": 90.0, "drums": 180.0})
    assert len(scene.details["notices"]) == 2
    assert "notices" not in render(Hrir(refuse_beyond_deg=0, notice_beyond_deg=0), {"bass": 123.4}).details


def test_a_missing_placement_or_azimuth_is_refused(track):
    with pytest.raises(SoundstageError, match="track 'song' comes without a placement"):
        Hrir().render(track, None)
    with pytest.raises(SoundstageError, match="track 'song', stem 'drums': the placement gives it no azimuth"):
        Hrir().render(track, Placement({"vocals": 0.0}))


@pytest.mark.parametrize(
    ("stems", "complaint"),
    [
        ({}, "track 'song' has no stems"),
        ({"vocals": np.zeros((5, 100))}, r"stem 'vocals': shape \(5, 100\)"),
        ({"vocals": np.zeros(100)}, r"stem 'vocals': shape \(100,\)"),
        ({"vocals": np.zeros((2, 100)), "drums": np.zeros((2, 99))}, "stem 'drums': 99 samples where the other"),
        ({"vocals": np.zeros((2, 0))}, "the stems hold no samples"),
    ],
)
def test_a_wrong_stem_is_refused_by_name(stems, complaint):
    with pytest.raises(SoundstageError, match=complaint) as caught:
        Hrir().render(Track("song", 44100, stems), PLACEMENT)
    assert "track 'song'" in str(caught.value)


def test_real_ku100_scenes_have_the_cues_of_their_placement(shared):
    noise = np.random.default_rng(4).normal(size=(1, 20000)) / 10
    track = Track("song", 44100, {"vocals": noise})
    scene = Hrir(hrtf=shared / "real" / "sadie-ku100" / "48K_24bit").render(track, Placement({"vocals": 90.0}))
    left, right = scene.references["vocals"]
    lag = correlate(right, left, mode="full", method="fft").argmax() - (len(left) - 1)
    assert 0.7 <= lag / 44.1 <= 0.9
    assert scene.details["hrtf_resampled"]["from"] == 48000


def test_what_is_behind_leads_in_the_ear_on_its_side_and_what_is_above_leads_less():
    noise = np.random.default_rng(4).normal(size=(1, 8000)) / 10

    def left_leads(azimuth, elevation=0.0):
        placement = Placement({"vocals": azimuth}, {"vocals": elevation})
        left, right = Hrir().render(Track("song", 44100, {"vocals": noise}), placement).references["vocals"]
        return correlate(right, left, mode="full", method="fft").argmax() - (len(left) - 1)

    assert left_leads(150.0) == left_leads(30.0) > 8
    assert left_leads(225.0) == left_leads(315.0) < -15
    assert left_leads(90.0) > left_leads(90.0, 40.0) > left_leads(90.0, 70.0) > left_leads(90.0, 90.0) == 0


def test_the_nearest_direction_is_found_on_the_sphere(tmp_path):
    for azimuth, elevation in ((0, 0), (90, 0), (270, 0), (180, 60), (0, -40)):
        pair = sphere_hrir(azimuth, elevation, 44100)
        soundfile.write(tmp_path / f"azi_{azimuth}_ele_{elevation}.wav", pair.T, 44100, subtype="DOUBLE")
    wanted = {"a": (0.0, 80.0), "b": (10.0, -30.0), "c": (100.0, 20.0)}
    stems = {name: np.ones((1, 9)) for name in wanted}
    placement = Placement({n: a for n, (a, _) in wanted.items()}, {n: e for n, (_, e) in wanted.items()})
    found = (
        Hrir(hrtf=tmp_path, refuse_beyond_deg=45).render(Track("song", 44100, stems), placement).details["directions"]
    )
    assert {name: (near["azimuth"], near["elevation"]) for name, near in found.items()} == {
        "a": (180.0, 60.0),
        "b": (0.0, -40.0),
        "c": (90.0, 0.0),
    }
    assert found["a"]["error_deg"] == pytest.approx(40.0, abs=1e-6)
