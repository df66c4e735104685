"""An HRIR set against its own data: the near ear hears a source earlier and louder."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from heads import responses, write_folder, write_sofa
from soundstage.errors import SoundstageError
from soundstage.scene import Placement, Track
from soundstage_spatializers.hrir import Hrir
from soundstage_spatializers.hrirs.consistency import judged, taken_as
from soundstage_spatializers.hrirs.set import HrirSet

AROUND = np.arange(0.0, 360.0, 15.0)


def sphere(azimuths=AROUND, rate=44100):
    return HrirSet("made", rate, np.stack([azimuths, np.zeros(len(azimuths))], axis=1), responses(azimuths, rate))


def heard(**parameters):
    track = Track("song", 44100, {"bass": np.random.default_rng(1).normal(size=(1, 800))})
    return Hrir(**parameters).render(track, Placement({"bass": 60.0}))


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000, 96000, 192000])
def test_a_head_that_agrees_with_itself_passes_at_every_rate(rate):
    verdict = judged(sphere(rate=rate))
    assert (verdict.lateral, verdict.fault) == (14, "")


def test_what_was_made_equal_for_both_ears_says_nothing_of_sides():
    one_level = sphere()
    energies = np.sqrt(np.sum(one_level.responses**2, axis=2, keepdims=True))
    assert not judged(replace(one_level, responses=one_level.responses / energies)).fault
    phases_gone = np.fft.irfft(np.abs(np.fft.rfft(one_level.responses)))
    assert not judged(replace(one_level, responses=phases_gone)).fault


@pytest.mark.parametrize(
    ("named", "kept"),
    [(lambda azimuth: -azimuth % 360, "azimuths=clockwise"), (lambda azimuth: (azimuth + 180) % 360, "ears=swapped")],
)
def test_a_folder_that_runs_clockwise_or_is_turned_about_is_refused_with_what_overrides_it(tmp_path, named, kept):
    folder = write_folder(tmp_path / "set", AROUND, named=named)
    with pytest.raises(SoundstageError) as caught:
        heard(hrtf=folder)
    sentence = str(caught.value)
    assert sentence.startswith(f"{folder}: the HRIR set contradicts itself: at azimuth ")
    assert re.search(
        r"on the (right, the left|left, the right) ear hears the source 0\.[67]\d ms earlier and", sentence
    )
    assert "at 14 of 14 lateral directions" in sentence
    for remedy in ("azimuths=clockwise if", "ears=swapped if", "contradiction=accepted"):
        assert remedy in sentence
    assert kept in sentence


def test_clockwise_azimuths_and_swapped_ears_are_taken_as_told(tmp_path):
    plain = heard(hrtf=write_folder(tmp_path / "set", AROUND))
    clockwise = write_folder(tmp_path / "clockwise", AROUND, named=lambda azimuth: -azimuth % 360)
    np.testing.assert_array_equal(heard(hrtf=clockwise, azimuths="clockwise").mixture, plain.mixture)
    positions = np.stack([AROUND, 0 * AROUND, 0 * AROUND + 1], axis=1)
    swapped = write_sofa(tmp_path / "a.sofa", responses(AROUND)[:, ::-1], SourcePosition=positions)
    np.testing.assert_array_equal(heard(hrtf=swapped, ears="swapped").mixture, plain.mixture)
    with pytest.raises(SoundstageError, match="the right ear hears the source"):
        heard(hrtf=swapped)
    as_it_is = heard(hrtf=swapped, contradiction="accepted")
    np.testing.assert_array_equal(as_it_is.mixture, plain.mixture[::-1])


def test_an_override_that_makes_a_good_set_contradict_itself_is_refused_too(tmp_path):
    folder = write_folder(tmp_path / "set", AROUND)
    with pytest.raises(SoundstageError, match="leave out ears=swapped if its left ear comes first"):
        heard(hrtf=folder, ears="swapped")
    with pytest.raises(SoundstageError, match="leave out azimuths=clockwise if its azimuths run counter-clockwise"):
        heard(hrtf=folder, azimuths="clockwise")


def test_a_contradiction_is_said_again_without_reading_again(tmp_path):
    folder = write_folder(tmp_path / "set", AROUND)
    spatializer = Hrir(hrtf=folder, ears="swapped")
    track = Track("song", 44100, {"bass": np.ones((1, 10))})
    sentences = set()
    for _ in range(2):
        with pytest.raises(SoundstageError) as caught:
            spatializer.render(track, Placement({"bass": 60.0}))
        sentences.add(str(caught.value))
        for file in folder.iterdir():
            file.unlink()
    assert len(sentences) == 1


def test_one_direction_among_many_that_is_on_the_wrong_side_is_named(tmp_path):
    made = sphere()
    made.directions[6, 0] = 271.0  # measured at 90°
    verdict = judged(made)
    assert "at azimuth 271°, elevation 0°, which is on the right, the left ear" in verdict.fault
    assert "at 1 of 14 lateral directions" in verdict.fault
    assert not verdict.mirrored


@pytest.mark.parametrize("turn", [90.0, -90.0, 60.0])
def test_azimuths_that_do_not_begin_in_front_are_found(turn):
    made = sphere()
    assert judged(replace(made, directions=made.directions + np.array([turn, 0.0]))).fault


def test_angles_in_radians_that_were_taken_for_degrees_are_found():
    made = sphere()
    assert "the angles are not degrees" in judged(replace(made, directions=np.radians(made.directions))).fault


def test_delays_or_levels_alone_that_went_to_the_wrong_ears_are_found():
    made = sphere()
    phases = np.exp(1j * np.angle(np.fft.rfft(made.responses)))
    levels = np.abs(np.fft.rfft(made.responses))
    late = np.fft.irfft(levels * phases[:, ::-1])
    loud = np.fft.irfft(levels[:, ::-1] * phases)
    assert "hears the source earlier" in judged(replace(made, responses=late)).fault
    assert "hears the source louder" in judged(replace(made, responses=loud)).fault


def test_a_silent_response_is_found():
    made = sphere()
    made.responses[3:5] = 0.0
    assert "2 of its 24 responses are silent, the first at azimuth 45°, elevation 0°" in judged(made).fault


def test_a_set_without_anything_lateral_says_that_it_could_not_be_checked(tmp_path):
    folder = write_folder(tmp_path / "front", [0.0, 10.0, 350.0])
    track = Track("song", 44100, {"bass": np.ones((1, 10))})
    in_front = Hrir(hrtf=folder).render(track, Placement({"bass": 10.0}))
    assert in_front.details["notices"] == [
        "the HRIR set has no lateral direction, so its ears could not be checked against its data"
    ]
    narrow = write_folder(tmp_path / "narrow", [0.0, 30.0, 330.0], named=lambda azimuth: -azimuth % 360)
    with pytest.raises(SoundstageError, match="contradicts itself"):
        Hrir(hrtf=narrow).render(track, Placement({"bass": 10.0}))


def test_nothing_changes_where_nothing_is_asked_for():
    made = sphere()
    assert taken_as(made, "counter-clockwise", "declared") is made
