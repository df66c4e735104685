"""Scenes in rooms: which files are read, what is checked on the direct sound, and what a scene holds."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from heads import responses, write_folder, write_sofa
from rooms import around, room_pair, room_pairs, write_room_folder, write_room_sofa
from soundstage.catalogue.registry import Registry
from soundstage.errors import SoundstageError
from soundstage.planning.identity import identity
from soundstage.scene import Placement, Track
from soundstage_metrics.cues.angle import azimuth_deg
from soundstage_spatializers.brir import Brir
from soundstage_spatializers.hrir import Hrir
from soundstage_spatializers.hrirs.direct import direct_sound, onsets
from soundstage_spatializers.hrirs.set import HrirSet, resampling_room
from soundstage_spatializers.hrirs.wav_folder import read_brirs

AZIMUTHS = (0.0, 30.0, 60.0, 90.0, 270.0, 300.0, 330.0)
EARS = np.array([[0.0, 0.09, 0.0], [0.0, -0.09, 0.0]])
FLAT = np.stack([AZIMUTHS, np.zeros(7)], axis=1)


@pytest.fixture(scope="module")
def pairs():
    return room_pairs(AZIMUTHS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, pairs):
    return write_room_folder(tmp_path_factory.mktemp("rooms") / "set", dict(zip(AZIMUTHS, pairs, strict=True)))


def srir(path, data, convention="SingleRoomSRIR", **variables):
    pytest.importorskip("sofar")
    count = len(data)
    given = {
        "Data_IR": data,
        "Data_SamplingRate": 44100.0,
        "Data_Delay": np.zeros((1, 2)),
        "SourcePosition": around(AZIMUTHS[:count]),
        "ListenerPosition": np.zeros((count, 3)),
        "ReceiverPosition": EARS,
        "ReceiverPosition_Type": "cartesian",
        "ReceiverPosition_Units": "metre",
    }
    return write_room_sofa(path, convention, **given | variables)


def click(azimuth, rate=44100, **parameters):
    stem = np.zeros((1, 100))
    stem[0, 10] = 1.0
    return Brir(**parameters).render(Track("song", rate, {"bass": stem}), Placement({"bass": azimuth}))


def test_a_single_room_file_is_a_set_of_directions(tmp_path, pairs):
    found = read_brirs(srir(tmp_path / "a.sofa", pairs))
    np.testing.assert_allclose(found.directions, FLAT, atol=1e-9)
    np.testing.assert_array_equal(found.responses, pairs)
    assert (found.rate, found.latency, found.kind) == (44100, 0, "SOFA")


def test_the_old_name_of_the_convention_is_read_too(tmp_path, pairs):
    positions = np.stack([AZIMUTHS, np.zeros(7), np.full(7, 1.5)], axis=1)
    file = write_sofa(tmp_path / "a.sofa", pairs, convention="SingleRoomDRIR", SourcePosition=positions)
    np.testing.assert_array_equal(read_brirs(file).directions, FLAT)


def test_a_room_that_was_written_as_a_head_is_known_by_how_long_it_lasts(tmp_path, pairs):
    positions = np.stack([AZIMUTHS, np.zeros(7), np.full(7, 1.5)], axis=1)
    for taps, lasts in ((2000, False), (2400, True)):
        file = write_sofa(tmp_path / f"{taps}.sofa", pairs[..., :taps], SourcePosition=positions)
        if lasts:
            assert read_brirs(file).responses.shape == (7, 2, taps)
        else:
            with pytest.raises(SoundstageError, match="a head without a room"):
                read_brirs(file)


def test_every_emitter_of_a_multi_speaker_file_is_a_direction(tmp_path, pairs):
    # Two loudspeakers at 30° and 330°; the head looks ahead, 60° to the left, and 60° to the right.
    views = around([60.0, 0.0, 300.0], 1.0)
    heard = np.array([[330.0, 270.0], [30.0, 330.0], [90.0, 30.0]])
    data = np.stack([np.stack([room_pair(azimuth) for azimuth in row]) for row in heard])  # (views, emitters, 2, taps)
    old = write_sofa(
        tmp_path / "old.sofa",
        data.transpose(0, 2, 1, 3),
        attributes=[("SourcePosition", "Type", "cartesian")],
        convention="MultiSpeakerBRIR",
        data_type="FIRE",
        Data_Delay=np.zeros((1, 2, 2)),
        SourcePosition=[[0.0, 0.0, 0.0]],
        EmitterPosition=around([30.0, 330.0])[..., np.newaxis],
        ReceiverPosition=EARS[..., np.newaxis],
        ListenerView=views,
    )
    new = srir(
        tmp_path / "new.sofa",
        data.transpose(0, 2, 3, 1),
        "SingleRoomMIMOSRIR",
        Data_Delay=np.zeros((1, 2, 1)),
        EmitterPosition_Type="cartesian",
        EmitterPosition_Units="metre",
        EmitterPosition=around([30.0, 330.0]),
        SourcePosition=np.zeros((3, 3)),
        ListenerView=views,
    )
    for file in (old, new):
        found = read_brirs(file)
        # The head that looks ahead comes first.
        np.testing.assert_allclose(found.directions[:, 0], [30, 330, 330, 270, 90, 30], atol=1e-9)
        np.testing.assert_array_equal(found.responses[0], data[1, 0])
        np.testing.assert_array_equal(found.responses[3], data[0, 1])
        assert found.nearest(30.0, 0.0).index == 0
        scene = click(270.0, brirs=file)
        np.testing.assert_allclose(scene.references["bass"][:, 10 : 10 + data.shape[-1]], data[0, 1], atol=1e-12)


def test_emitters_stand_where_the_source_that_holds_them_is_turned_to(tmp_path, pairs):
    # A source 3 m in front that looks at the listener, with an emitter 1 m to its left and one to its right.
    data = np.stack([pairs[6], pairs[1]], axis=-1)[np.newaxis]
    file = srir(
        tmp_path / "a.sofa",
        data,
        "SingleRoomMIMOSRIR",
        Data_Delay=np.zeros((1, 2, 1)),
        SourcePosition=[[3.0, 0.0, 0.0]],
        SourceView=[[-1.0, 0.0, 0.0]],
        EmitterPosition=[[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]],
        EmitterPosition_Type="cartesian",
        EmitterPosition_Units="metre",
    )
    aside = np.degrees(np.arctan(1 / 3))
    np.testing.assert_allclose(read_brirs(file).directions, [[360 - aside, 0], [aside, 0]], atol=1e-9)


def test_delays_are_those_of_each_emitter(tmp_path):
    data = np.zeros((2, 2, 50, 3))
    data[:, :, 5] = 1.0
    delays = np.arange(12.0).reshape(2, 2, 3)
    file = srir(
        tmp_path / "a.sofa",
        data,
        "SingleRoomMIMOSRIR",
        Data_Delay=delays,
        EmitterPosition=around([40.0, 0.0, 300.0]),
        EmitterPosition_Type="cartesian",
        EmitterPosition_Units="metre",
    )
    found = read_brirs(file).responses.argmax(axis=2) - 5
    np.testing.assert_array_equal(found, delays.transpose(0, 2, 1).reshape(6, 2))


def test_folders_are_read_as_sadie_and_as_ash_name_their_files(tmp_path, folder, pairs):
    some = dict(zip(AZIMUTHS[1:4], pairs[1:4], strict=True))
    ash = write_room_folder(tmp_path / "ash", some, "BRIR_R02_P1_E0_A{1:g}.wav")
    assert (ash / "BRIR_R02_P1_E0_A-90.wav").exists()
    np.testing.assert_array_equal(read_brirs(ash).directions, FLAT[1:4])
    np.testing.assert_array_equal(read_brirs(ash).responses, read_brirs(folder).responses[1:4])
    np.testing.assert_array_equal(click(60.0, brirs=ash).mixture, click(60.0, brirs=folder).mixture)


def test_images_hold_the_whole_room_and_the_mixture_is_their_sum(folder, pairs):
    noise = np.random.default_rng(3).normal(size=(3, 2000)) / 10
    track = Track("song", 44100, {"vocals": noise[:2], "drums": noise[2:]})
    scene = Brir(folder).render(track, Placement({"vocals": 90.0, "drums": 302.0}))
    for name, mono, pair in (("vocals", noise[:2].mean(axis=0), pairs[3]), ("drums", noise[2], pairs[5])):
        for ear in (0, 1):
            np.testing.assert_allclose(scene.references[name][ear], np.convolve(mono, pair[ear]), atol=1e-12)
    np.testing.assert_array_equal(scene.mixture, scene.references["vocals"] + scene.references["drums"])
    assert scene.mixture.shape == (2, 2000 + 11025 - 1)
    assert (scene.gain, scene.latency) == (1.0, 0)
    assert scene.details["directions"]["drums"] == {"azimuth": 300.0, "elevation": 0.0, "error_deg": 2.0}
    assert scene.details["room"] is True
    assert scene.details["direct_sound_ms"]["vocals"] == pytest.approx(
        1e3 * onsets(read_brirs(folder))[3] / 44100, abs=1e-3
    )
    json.dumps(scene.details, allow_nan=False)
    published = Brir(folder, level="published").render(track, Placement({"vocals": 90.0, "drums": 302.0}))
    np.testing.assert_allclose(published.mixture * scene.details["peak_of_sum"], scene.mixture, rtol=1e-12)


def test_silence_stays_exact_silence_also_after_a_room(folder):
    stem = np.zeros((1, 60000))
    stem[0, 100] = 0.7
    image = Brir(folder).render(Track("song", 44100, {"bass": stem}), Placement({"bass": 30.0})).references["bass"]
    assert not image[:, :100].any()
    assert image[:, 100 + 300 : 100 + 11025].all()
    assert not image[:, 100 + 11025 :].any()


def cues(image, rate=44100):
    """Milliseconds by which the left ear leads, and decibels by which it is louder, in a click's direct sound."""
    begin = np.argmax(np.abs(image).max(axis=0) > 0.1 * np.abs(image).max())
    left, right = np.pad(image, ((0, 0), (40, 300)))[:, begin : begin + 40 + round(0.004 * rate)]
    correlation = np.correlate(right, left, mode="full")
    middle = len(left) - 1
    lags = correlation[middle - 60 : middle + 61]
    return (lags.argmax() - 60) * 1e3 / rate, 10 * np.log10(np.sum(left**2) / np.sum(right**2))


def test_direct_sound_leads_and_is_louder_on_the_side_of_the_source_the_more_so_the_further_aside(folder):
    found = np.array([cues(click(azimuth, brirs=folder).mixture) for azimuth in (270, 300, 330, 0, 30, 60, 90)])
    assert np.all(np.diff(found[:, 0]) > 0.1)
    assert 0.6 <= found[-1, 0] <= 0.85
    assert np.all(np.diff(found[1:-1, 1]) > 2.0)  # a sphere's level difference turns beyond 60 degrees
    assert found[-1, 1] > 5.0
    np.testing.assert_allclose(found, -found[::-1], atol=0.6)


def test_what_is_heard_aside_is_found_there_by_the_cues_of_the_scene(folder):
    stem = np.random.default_rng(5).normal(size=(1, 44100)) / 10
    for azimuth, told in ((30.0, 30), (330.0, -30), (0.0, 0)):
        scene = Brir(folder).render(Track("song", 44100, {"bass": stem}), Placement({"bass": azimuth}))
        assert scene.hrirs is not None
        assert scene.hrirs.responses.shape == (7, 2, 220)  # the direct sound alone
        found = azimuth_deg(scene.references["bass"], 44100, scene.hrirs)
        assert found == pytest.approx(told, abs=12)


def test_direct_sound_is_cut_alike_for_both_ears_and_holds_no_reflection(pairs):
    whole = HrirSet("made", 44100, FLAT, pairs)
    cut = direct_sound(whole)
    begin = onsets(whole)
    for index, pair in enumerate(cut.responses):
        np.testing.assert_array_equal(pair[:, : 44 + 132], pairs[index][:, begin[index] - 44 : begin[index] + 132])
    assert np.abs(cut.responses[:, :, -1]).max() < 1e-4


def test_a_second_at_another_rate_is_resampled_and_late_direct_sound_is_no_latency(tmp_path):
    late = np.pad(room_pairs([0.0, 90.0], rate=48000, seconds=0.9), ((0, 0), (0, 0), (4800, 0)))
    for azimuth, pair in zip((0, 90), late, strict=True):
        soundfile.write(tmp_path / f"azi_{azimuth}_ele_0.wav", pair.T, 48000, subtype="DOUBLE")
    scene = click(90.0, brirs=tmp_path)
    assert scene.details["hrtf_resampled"] == {"from": 48000, "to": 44100, "by": "soxr VHQ"}
    assert scene.details["direct_sound_ms"]["bass"] == pytest.approx(105, abs=1.0)
    assert scene.latency == resampling_room(48000, 44100) * 147 // 160 == 294
    begin = np.argmax(np.abs(scene.mixture[0]) > 0.1 * np.abs(scene.mixture).max())
    assert begin - scene.latency - 10 == pytest.approx(0.1054 * 44100, abs=60)
    left_leads, left_louder = cues(scene.mixture)
    assert left_leads > 0.5
    assert left_louder > 4.0


@pytest.mark.parametrize(
    ("spoilt", "sentence"),
    [
        (lambda data: data[:, ::-1], "on the left, the right ear hears the source 0.[5-8]. ms earlier.*ears=swapped"),
        (lambda data: data[[0, 6, 5, 4, 3, 2, 1]], "on the left, the right ear.*azimuths=clockwise if"),
        (
            lambda data: np.repeat(data[:, :1], 2, axis=1),
            "hears the source 0.00 ms earlier in the median.*not the two ears of a head",
        ),
        (
            lambda data: (
                data / np.sqrt(np.sum(direct_sound(HrirSet("", 44100, FLAT, data)).responses ** 2, 2))[..., None]
            ),
            "0.00 dB louder in the median.*not the two ears of a head",
        ),
        (lambda data: np.roll(data, 2000, axis=2) * [[0.0], [0.0]], "7 of its 7 responses are silent"),
    ],
)
def test_what_is_no_head_at_these_directions_is_refused_with_a_sentence(tmp_path, pairs, spoilt, sentence):
    file = write_room_folder(tmp_path / "set", dict(zip(AZIMUTHS, spoilt(pairs), strict=True)))
    with pytest.raises(SoundstageError, match=sentence) as caught:
        click(30.0, brirs=file)
    assert str(caught.value).startswith(f"{file}: the direct sound of the BRIR set contradicts its directions: ")
    assert "contradiction=accepted to take it as it is" in str(caught.value)
    click(30.0, brirs=file, contradiction="accepted")


def test_responses_under_the_wrong_directions_are_refused(tmp_path):
    named = np.array([0.0, 80.0, 20.0, 25.0, 340.0, 335.0, 280.0])
    heard = np.array([0.0, 60.0, 330.0, 325.0, 30.0, 35.0, 300.0])
    file = write_room_folder(tmp_path / "set", dict(zip(named, room_pairs(heard), strict=True)))
    with pytest.raises(
        SoundstageError, match=r"not hear it the earlier the further it is aside \(correlation 0\.[0-6]"
    ):
        click(0.0, brirs=file)


def test_swapped_and_clockwise_sets_are_taken_as_told(tmp_path, pairs, folder):
    plain = click(60.0, brirs=folder).mixture
    swapped = write_room_folder(tmp_path / "swapped", dict(zip(AZIMUTHS, pairs[:, ::-1], strict=True)))
    np.testing.assert_allclose(click(60.0, brirs=swapped, ears="swapped").mixture, plain, atol=1e-12)
    turned = write_room_folder(tmp_path / "turned", dict(zip(np.negative(AZIMUTHS), pairs, strict=True)))
    np.testing.assert_allclose(click(60.0, brirs=turned, azimuths="clockwise").mixture, plain, atol=1e-12)


def test_other_conventions_and_arrays_of_microphones_are_refused(tmp_path, pairs):
    head = write_sofa(tmp_path / "head.sofa", responses([0.0, 90.0]), SourcePosition=[[0, 0, 1], [90, 0, 1]])
    with pytest.raises(SoundstageError, match=r"SimpleFreeFieldHRIR, which is a head without a room; .* 'hrir'"):
        click(0.0, brirs=head)
    room = srir(tmp_path / "room.sofa", pairs)
    with pytest.raises(SoundstageError, match=r"SingleRoomSRIR, which is a head in a room; render it with .* 'brir'"):
        Hrir(hrtf=room).render(Track("song", 44100, {"bass": np.ones((1, 9))}), Placement({"bass": 0.0}))
    phones = write_sofa(tmp_path / "phones.sofa", pairs, convention="SimpleHeadphoneIR")
    with pytest.raises(SoundstageError, match="holds SimpleHeadphoneIR with data type FIR; use a SOFA file of conv"):
        click(0.0, brirs=phones)
    array = write_sofa(tmp_path / "array.sofa", np.ones((3, 32, 50)), convention="SingleRoomSRIR")
    with pytest.raises(SoundstageError, match=r"shape \(3, 32, 50\) where \(directions, 2, taps\)"):
        click(0.0, brirs=array)
    lone = write_sofa(tmp_path / "lone.sofa", np.ones((3, 2, 50)), convention="MultiSpeakerBRIR", data_type="FIRE")
    with pytest.raises(SoundstageError, match=r"shape \(3, 2, 50\) where \(directions, 2, emitters, taps\)"):
        click(0.0, brirs=lone)


def test_emitters_that_are_not_as_many_as_the_data_have_are_refused(tmp_path):
    file = write_sofa(
        tmp_path / "a.sofa",
        np.ones((1, 2, 3, 50)),
        convention="MultiSpeakerBRIR",
        data_type="FIRE",
        SourcePosition=[[0.0, 0.0, 0.0]],
        EmitterPosition=around([0.0, 30.0]),
    )
    with pytest.raises(SoundstageError, match=r"EmitterPosition places 2 emitters where Data.IR has 3"):
        click(0.0, brirs=file)


def test_directions_that_a_room_does_not_have_are_told_of_and_refused(folder):
    assert "notices" not in click(32.0, brirs=folder).details
    assert "heard from azimuth 30°" in click(40.0, brirs=folder).details["notices"][0]
    with pytest.raises(SoundstageError, match=r"placed at azimuth 180°.*say refuse_beyond_deg=90"):
        click(180.0, brirs=folder)


def test_a_folder_of_heads_in_the_open_needs_no_room_to_be_one(tmp_path):
    click(60.0, brirs=write_folder(tmp_path / "set", [0, 30, 60, 90]))


def test_it_is_an_entry_like_any_other_and_its_files_are_what_it_depends_on(folder):
    choice = Registry.load().choose("spatializers", f"brir[brirs={folder}]")
    assert identity(choice, Brir, {})["parameters"]["brirs"] == "file"
    assert len(choice.build().files()) == 7
    with pytest.raises(SoundstageError, match="'brir': level 'loud' is unknown"):
        Brir(folder, level="loud")
    with pytest.raises(SoundstageError, match="'brir': notice_beyond_deg must be"):
        Brir(folder, notice_beyond_deg=-1.0)
