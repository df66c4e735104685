"""The same rooms written by sofar in every way that its conventions allow: all are one set of directions."""

from __future__ import annotations

import numpy as np
import pytest

from rooms import around, room_pair, room_pairs, write_room_sofa
from soundstage.catalogue.registry import Registry
from soundstage.errors import SoundstageError
from soundstage.scene import Placement, Track
from soundstage_spatializers.brir import Brir
from soundstage_spatializers.hrirs.wav_folder import read_brirs

pytest.importorskip("sofar")

AZIMUTHS = np.array([0.0, 30.0, 60.0, 270.0, 300.0, 330.0])
FLAT = np.stack([AZIMUTHS, np.zeros(6)], axis=1)
EARS = np.array([[0.0, 0.09, 0.0], [0.0, -0.09, 0.0]])
SPHERICAL = "degree, degree, metre"
AWAY = np.array([2.0, -1.0, 1.2])
"""Where the listener sits in a room whose origin is a corner."""


def spherical(azimuths, distance=1.5):
    return np.stack([azimuths, np.zeros(len(azimuths)), np.full(len(azimuths), distance)], axis=1)


@pytest.fixture(scope="module")
def pairs():
    return room_pairs(AZIMUTHS)


SINGLE = {
    "sources around a head that looks ahead, in metres": {"SourcePosition": around(AZIMUTHS)},
    "in degrees": {
        "SourcePosition": spherical(AZIMUTHS),
        "SourcePosition_Type": "spherical",
        "SourcePosition_Units": SPHERICAL,
    },
    "in degrees below zero": {
        "SourcePosition": spherical(np.where(AZIMUTHS > 180.0, AZIMUTHS - 360.0, AZIMUTHS)),
        "SourcePosition_Type": "spherical",
        "SourcePosition_Units": SPHERICAL,
    },
    "in a room with a listener away from its origin": {
        "SourcePosition": around(AZIMUTHS) + AWAY,
        "ListenerPosition": np.tile(AWAY, (6, 1)),
    },
    "a head that turns before one loudspeaker": {
        "SourcePosition": around([0.0] * 6),
        "ListenerView": around(-AZIMUTHS, 1.0),
    },
    "a head that turns, in degrees": {
        "SourcePosition": around([0.0] * 6),
        "ListenerView": spherical(-AZIMUTHS, 1.0),
        "ListenerView_Type": "spherical",
        "ListenerView_Units": SPHERICAL,
    },
    "a head that turns, away from the origin, before one loudspeaker": {
        "SourcePosition": around([90.0] * 6) + AWAY,
        "ListenerPosition": np.tile(AWAY, (6, 1)),
        "ListenerView": around(90.0 - AZIMUTHS, 1.0),
    },
}


@pytest.mark.parametrize("way", SINGLE)
def test_one_loudspeaker_a_measurement_however_it_is_written(tmp_path, pairs, way):
    given = {
        "Data_IR": pairs,
        "Data_SamplingRate": 44100.0,
        "Data_Delay": np.zeros((1, 2)),
        "ListenerPosition": np.zeros((6, 3)),
        "ReceiverPosition": EARS,
        "ReceiverPosition_Type": "cartesian",
        "ReceiverPosition_Units": "metre",
    }
    file = write_room_sofa(tmp_path / "a.sofa", "SingleRoomSRIR", **given | SINGLE[way])
    found = read_brirs(file)
    order = [found.nearest(azimuth, 0.0).index for azimuth in AZIMUTHS]
    np.testing.assert_allclose(found.directions[order] % 360.0, FLAT, atol=1e-6)
    np.testing.assert_array_equal(found.responses[order], pairs)
    assert_hears(file, 60.0, pairs[2])


def assert_hears(file, azimuth, pair):
    """A click from there is the response of that direction: the left ear first, and the whole room."""
    stem = np.zeros((1, 100))
    stem[0, 10] = 1.0
    scene = Brir(file).render(Track("song", 44100, {"voice": stem}), Placement({"voice": azimuth}))
    heard = scene.references["voice"]
    np.testing.assert_allclose(heard[:, 10 : 10 + pair.shape[1]], pair, atol=1e-12)
    assert scene.details["room"] is True
    assert scene.details["max_error_deg"] < 1e-6


VIEWS = np.array([0.0, 30.0, 330.0])
SPEAKERS = np.array([0.0, 60.0, 300.0])

SEVERAL = {
    "emitters around the origin, in metres": {"EmitterPosition": around(SPEAKERS)[..., np.newaxis]},
    "emitters in degrees": {
        "EmitterPosition": spherical(SPEAKERS)[..., np.newaxis],
        "EmitterPosition_Type": "spherical",
        "EmitterPosition_Units": SPHERICAL,
    },
    "emitters around a source that is where the listener is": {
        "EmitterPosition": around(SPEAKERS)[..., np.newaxis],
        "SourcePosition": AWAY[np.newaxis],
        "ListenerPosition": AWAY[np.newaxis],
    },
    "emitters told from a source that is elsewhere": {
        "EmitterPosition": (around(SPEAKERS) - AWAY)[..., np.newaxis],
        "SourcePosition": AWAY[np.newaxis],
    },
}


@pytest.mark.parametrize("way", SEVERAL)
def test_several_loudspeakers_and_several_ways_of_looking_however_they_are_written(tmp_path, way):
    """The head looks to the left, and the loudspeakers go to the right, whatever says where these are."""
    heard = (SPEAKERS[np.newaxis] - VIEWS[:, np.newaxis]) % 360.0
    data = np.stack([np.stack([room_pair(azimuth) for azimuth in row], axis=1) for row in heard])  # views, ears, …
    given = {
        "Data_IR": data,
        "Data_SamplingRate": 44100.0,
        "Data_Delay": np.zeros((1, 2, 3)),
        "SourcePosition": np.zeros((1, 3)),
        "SourcePosition_Type": "cartesian",
        "SourcePosition_Units": "metre",
        "ReceiverPosition": EARS[..., np.newaxis],
        "ListenerView": around(VIEWS, 1.0),
    }
    file = write_room_sofa(tmp_path / "a.sofa", "MultiSpeakerBRIR", **given | SEVERAL[way])
    found = read_brirs(file)
    assert sorted(np.round(found.directions[:, 0], 6) % 360.0) == sorted(np.ravel(heard))
    # Of what is measured twice, 30° as of the loudspeakers at 0° and 60°, that with the head turned least.
    at = found.nearest(330.0, 0.0).index
    assert (found.responses[at] == data[1, :, 0]).all() or (found.responses[at] == data[2, :, 2]).all()
    assert_hears(file, 60.0, data[0, :, 1])
    assert_hears(file, 270.0, data[1, :, 2])


def test_responses_of_two_directions_are_not_blended_and_the_sentence_says_why(tmp_path):
    with pytest.raises(SoundstageError, match=r"each twice, at half its level, and tails 3 dB too quiet; take 'neares"):
        Registry.load().choose("spatializers", f"brir[brirs={tmp_path},interpolation=linear]").build()
    assert Brir(tmp_path, interpolation="nearest")
    assert Brir.left_out_at_default == ("interpolation",)


def test_what_the_sentence_says_of_blends_is_so():
    """Of a tail that is another one in each direction the mean has half the energy."""
    one, other = room_pair(30.0), room_pair(60.0)
    late = slice(round(0.05 * 44100), None)
    alone = np.sum(one[:, late] ** 2) / 2 + np.sum(other[:, late] ** 2) / 2
    blended = np.sum((0.5 * (one + other)[:, late]) ** 2)
    assert 10 * np.log10(blended / alone) == pytest.approx(-3.0, abs=0.3)
