"""Sources that move: heard along their way, without clicks, at rest as if they never could."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from heads import write_folder
from rooms import room_pairs, write_room_folder
from soundstage.contracts import Spatializer
from soundstage.errors import SoundstageError
from soundstage.pipeline.scenes import spatialize
from soundstage.scene import Motion, Placement, Track
from soundstage_spatializers.brir import Brir
from soundstage_spatializers.hrir import Hrir
from soundstage_spatializers.moving import moved, step_samples, steps_of
from soundstage_spatializers.panning import Panning

RATE = 44100
WAY = Motion((0.0, 2.0), (-60.0, 60.0))


def track(seconds=2.0, kind="noise", names=("bass",)):
    count = round(seconds * RATE)
    stems = {}
    for number, name in enumerate(names):
        times = np.arange(count) / RATE
        noise = np.random.default_rng(number).normal(size=count) / 10
        stems[name] = (noise if kind == "noise" else 0.5 * np.sin(2 * np.pi * 400 * times))[np.newaxis]
    return Track("song", RATE, stems)


def placed(way, name="bass", **others):
    return Placement({name: way.azimuths[0], **others}, motions={name: way})


def cues(image, at, span=0.1):
    """Samples by which the left ear leads around a time, and dB by which it is louder."""
    left, right = image[:, round((at - span) * RATE) : round((at + span) * RATE)]
    lags = np.arange(-40, 41)
    inner = slice(40, len(left) - 40)
    correlation = [np.dot(left[inner], right[40 + lag : len(right) - 40 + lag]) for lag in lags]
    return lags[int(np.argmax(correlation))], 10 * np.log10(np.sum(left**2) / np.sum(right**2))


def test_a_source_that_rests_on_its_way_is_one_that_never_moves(tmp_path):
    way = Motion((0.0, 1.0), (30.0, 30.0))
    song = track(0.5)
    folder = write_folder(tmp_path / "set", range(0, 360, 30))
    for spatializer in (Hrir(), Hrir(folder), Hrir(folder, interpolation="linear")):
        still = spatializer.render(song, Placement({"bass": 30.0}))
        np.testing.assert_array_equal(spatializer.render(song, placed(way)).mixture, still.mixture)
    still = Panning().render(song, Placement({"bass": 30.0}))
    np.testing.assert_allclose(Panning().render(song, placed(way)).mixture, still.mixture, atol=1e-15)


def test_cues_go_from_right_to_left_with_the_source():
    scene = Hrir().render(track(), placed(WAY))
    found = np.array([cues(scene.references["bass"], at) for at in (0.1, 0.5, 1.0, 1.5, 1.9)])
    assert np.all(np.diff(found[:, 0]) >= 5)
    assert np.all(np.diff(found[:, 1]) > 2)
    assert abs(found[2, 0]) <= 1
    assert found[0, 0] < -15
    assert found[-1, 0] > 15
    for at, azimuth in ((0.5, -30.0), (1.5, 30.0)):
        still = Hrir().render(track(), Placement({"bass": azimuth}))
        np.testing.assert_allclose(cues(scene.references["bass"], at), cues(still.references["bass"], at), atol=1.0)


def test_the_mixture_is_the_exact_sum_and_the_scene_says_what_moves():
    song = track(1.0, names=("bass", "drums"))
    scene = Hrir().render(song, placed(WAY, drums=45.0))
    np.testing.assert_array_equal(scene.mixture, scene.references["bass"] + scene.references["drums"])
    still = Hrir().render(song, Placement({"bass": 0.0, "drums": 45.0}))
    np.testing.assert_array_equal(scene.references["drums"], still.references["drums"])
    assert scene.mixture.shape == still.mixture.shape
    assert scene.details["moves"]["bass"]["directions"] == 101
    facts = json.loads(json.dumps(scene.facts()))
    assert facts["moves"] == {"bass": {"seconds": [0.0, 2.0], "azimuths": [-60.0, 60.0], "repeats": False}}
    assert facts["azimuths"] == {"bass": -60.0, "drums": 45.0}
    assert "moves" not in still.facts()


HEAVY = [pytest.param(head, marks=pytest.mark.heavy) for head in ("nearest", "linear", "room")]


@pytest.mark.parametrize("head", ["sphere", "panning", *HEAVY])
def test_nothing_clicks(tmp_path, head):
    """A 400 Hz tone on its way is smooth: what is left above 3 kHz is 60 dB below it, where a cut would be 30 dB."""
    folder = write_folder(tmp_path / "set", range(0, 360, 10))
    azimuths = [*range(0, 75, 15), *range(285, 360, 15)]
    rooms = dict(zip(azimuths, room_pairs(azimuths, seconds=0.1), strict=True)) if head == "room" else {}
    made: dict[str, Callable[[], Spatializer]] = {
        "sphere": Hrir,
        "nearest": lambda: Hrir(folder),
        "linear": lambda: Hrir(folder, interpolation="linear"),
        "room": lambda: Brir(write_room_folder(tmp_path / "room", rooms)),
        "panning": Panning,
    }
    spatializer = made[head]()
    image = spatializer.render(track(kind="tone"), placed(WAY)).references["bass"][:, 4410 : 2 * RATE - 4410]
    spectra = np.abs(np.fft.rfft(image * np.hanning(image.shape[1]))) ** 2
    frequencies = np.fft.rfftfreq(image.shape[1], 1 / RATE)
    above = spectra[:, frequencies > 3000].sum(axis=1) / spectra.sum(axis=1)
    assert 10 * np.log10(above.max()) < -60
    # The same way in cuts: what this test would find if nothing faded.
    if head == "nearest":
        tone = track(kind="tone").stems["bass"][0]
        parts = [np.where((np.arange(len(tone)) // 8820) == at, tone, 0.0) for at in range(10)]
        cut = sum(
            Hrir(folder)
            .render(Track("song", RATE, {"bass": part[np.newaxis]}), Placement({"bass": -60.0 + 12 * at}))
            .mixture
            for at, part in enumerate(parts)
        )[:, 4410 : 2 * RATE - 4410]
        spectra = np.abs(np.fft.rfft(cut * np.hanning(cut.shape[1]))) ** 2
        assert 10 * np.log10((spectra[:, frequencies > 3000].sum(axis=1) / spectra.sum(axis=1)).max()) > -55


def test_levels_do_not_dip_between_steps():
    image = Hrir().render(track(kind="tone"), placed(Motion((0.0, 2.0), (-10.0, 10.0)))).references["bass"]
    powers = np.sum(image[:, 4410 : 2 * RATE - 4410] ** 2, axis=0)[: 660 * 119].reshape(119, -1).mean(axis=1)
    assert 10 * np.log10(powers.max() / powers.min()) < 0.3


def test_steps_in_a_row_of_one_pair_are_one_and_silence_stays_silent():
    rng = np.random.default_rng(1)
    source = rng.normal(size=1000)
    pairs = [rng.normal(size=(2, 30)) for _ in range(3)]
    one = moved(source, [pairs[0]] * 11, 100)
    np.testing.assert_allclose(one, np.stack([np.convolve(source, ear) for ear in pairs[0]]), atol=1e-12)
    several = [pairs[0]] * 4 + [pairs[1]] * 3 + [pairs[2]] * 4
    image = moved(source, several, 100)
    np.testing.assert_allclose(image[:, 100:300], one[:, 100:300], atol=1e-12)
    assert np.abs(image[:, 400:600] - one[:, 400:600]).max() > 0.1
    weights = sum(
        moved(np.ones(1000), [np.eye(2)[:, :1] * (at == name) for at in several_at()], 100) for name in range(3)
    )
    np.testing.assert_allclose(weights[0], 1.0, atol=1e-12)
    source[200:800] = 0.0
    assert not moved(source, several, 100)[:, 200 + 29 : 800].any()


def several_at():
    return [0] * 4 + [1] * 3 + [2] * 4


def test_every_sample_of_any_length_is_heard_whole():
    for samples in (1, 440, 441, 442, 882, 5000):
        steps = steps_of(WAY, samples, RATE)
        pairs = [np.full((2, 1), 1.0) + 0 * step for step in steps]
        np.testing.assert_allclose(moved(np.ones(samples), pairs, step_samples(RATE)), 1.0, atol=1e-12)


def test_a_way_that_a_set_or_a_panorama_does_not_have_is_refused(tmp_path):
    folder = write_folder(tmp_path / "set", [0, 30, 60, 90])
    with pytest.raises(SoundstageError, match=r"track 'song', stem 'bass': placed at azimuth -3.* and the nearest"):
        Hrir(folder).render(track(0.5), placed(Motion((0.0, 0.5), (0.0, -60.0))))
    with pytest.raises(SoundstageError, match="source 'bass': its way goes beyond a panning angle of ±45°"):
        Panning().render(track(0.5), placed(Motion((0.0, 1.0), (0.0, 120.0))))
    with pytest.raises(SoundstageError, match="'bass' moves, so it has no one panning angle"):
        placed(WAY).panning_angle("bass")


def test_panning_goes_along_sample_by_sample():
    song = track(1.0)
    image = Panning().render(song, placed(Motion((0.0, 1.0), (-90.0, 90.0)))).references["bass"]
    angle = np.degrees(np.arctan2(image[0], image[1])) - 45.0  # of a positive source
    expected = np.linspace(-45.0, 45.0, RATE, endpoint=False)
    heard = song.stems["bass"][0] > 0
    np.testing.assert_allclose(angle[heard], expected[heard], atol=1e-9)
    np.testing.assert_allclose(np.sum(image**2, axis=0), song.stems["bass"][0] ** 2, atol=1e-15)


def test_motions_are_straight_between_their_corners_and_may_repeat():
    way = Motion((0.0, 1.0, 3.0), (170.0, 190.0, 170.0), repeats=True)
    np.testing.assert_allclose(way.azimuth([0.0, 0.5, 1.0, 2.0, 3.0, 3.5, 300.5]), [170, 180, 190, 180, 170, 180, 180])
    assert WAY.azimuth(99.0) == 60.0
    assert way.turned(10.0).azimuths == (180.0, 200.0, 180.0)
    assert placed(WAY, drums=5.0).turned(10.0) == Placement(
        {"bass": -50.0, "drums": 15.0}, motions={"bass": Motion((0.0, 2.0), (-50.0, 70.0))}
    )
    assert placed(WAY).as_told().motions == {"bass": WAY}
    for seconds, azimuths, repeats in (
        ((0.0,), (1.0,), False),
        ((0.0, 1.0), (1.0,), False),
        ((1.0, 2.0), (1.0, 2.0), False),
        ((0.0, 0.0), (1.0, 2.0), False),
        ((0.0, 1.0), (1.0, float("nan")), False),
        ((0.0, 1.0), (1.0, 2.0), True),
    ):
        with pytest.raises(ValueError, match=r"a motion|of a motion"):
            Motion(seconds, azimuths, repeats)


def test_a_spatializer_that_does_not_move_what_moves_is_refused():
    class Still:
        def render(self, track, placement):
            return Hrir().render(track, Placement(placement.azimuths))

    for spatializer in (Hrir(), Panning()):
        assert spatialize(spatializer, "any", track(0.2), placed(Motion((0.0, 1.0), (0.0, 40.0)))).placement is not None
    with pytest.raises(SoundstageError, match=r"spatializer 'still', track 'song': bass should move, and details"):
        spatialize(Still(), "still", track(0.2), placed(WAY))
