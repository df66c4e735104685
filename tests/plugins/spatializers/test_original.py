"""The dataset's own stereo."""

from __future__ import annotations

import json
from contextlib import suppress

import numpy as np
import pytest

from soundstage.errors import SoundstageError
from soundstage.scene import Placement, Track
from soundstage_datasets.musdb18hq import Musdb18hq
from soundstage_spatializers.original import Original


def stems():
    noise = np.random.default_rng(6).normal(size=(3, 300)) / 10
    return {"vocals": noise[:2], "drums": noise[2:]}


def test_it_needs_no_placement_and_looks_at_none():
    assert Original.uses_placement is False
    track = Track("song", 44100, stems())
    alone, placed = (Original().render(track, placement) for placement in (None, Placement({"vocals": 90.0})))
    np.testing.assert_array_equal(alone.mixture, placed.mixture)
    assert placed.placement is None


def test_stereo_stems_stay_and_mono_stems_go_to_both_channels():
    track = Track("song", 44100, stems())
    scene = Original().render(track, None)
    np.testing.assert_array_equal(scene.references["vocals"], track.stems["vocals"])
    for channel in scene.references["drums"]:
        np.testing.assert_array_equal(channel, track.stems["drums"][0])


def test_without_a_mixture_of_its_own_it_is_the_sum():
    scene = Original().render(Track("song", 44100, stems()), None)
    np.testing.assert_array_equal(scene.mixture, scene.references["vocals"] + scene.references["drums"])
    assert scene.details == {"mixture": "sum of the stems"}
    assert scene.gain == 1.0


def test_the_datasets_own_mixture_is_taken_and_its_deviation_recorded():
    total = stems()["vocals"] + stems()["drums"]
    scene = Original().render(Track("song", 44100, stems(), mixture=total / 1.1), None)
    np.testing.assert_array_equal(scene.mixture, total / 1.1)
    assert scene.details == {
        "mixture": "the dataset's own",
        "mixture_equals_sum": False,
        "mixture_minus_sum_db": -20.0,
    }
    json.dumps(scene.details, allow_nan=False)


def test_an_equal_mixture_is_said_to_be_equal():
    total = stems()["vocals"] + stems()["drums"]
    details = Original().render(Track("song", 44100, stems(), mixture=total), None).details
    assert details["mixture_equals_sum"] is True
    assert details["mixture_minus_sum_db"] is None


def test_a_silent_mixture_has_no_level_to_compare_with():
    details = Original().render(Track("song", 44100, stems(), mixture=np.zeros((2, 300))), None).details
    assert details["mixture_equals_sum"] is False
    assert details["mixture_minus_sum_db"] is None


def test_a_mono_mixture_goes_to_both_channels():
    mixture = np.full((1, 300), 0.25)
    scene = Original().render(Track("song", 44100, stems(), mixture=mixture), None)
    np.testing.assert_array_equal(scene.mixture, np.full((2, 300), 0.25))


@pytest.mark.parametrize("shape", [(2, 299), (5, 300), (300,)])
def test_a_mixture_of_another_shape_is_refused(shape):
    with pytest.raises(SoundstageError, match="track 'song', mixture: shape"):
        Original().render(Track("song", 44100, stems(), mixture=np.zeros(shape)), None)


def test_the_track_cannot_be_written_to_through_the_scene():
    track = Track("song", 44100, stems(), mixture=stems()["vocals"])
    scene = Original().render(track, None)
    assert np.shares_memory(scene.mixture, track.mixture)
    for image in (scene.mixture, *scene.references.values()):
        with suppress(ValueError):
            image[:] = 0.5
    for name, stem in stems().items():
        np.testing.assert_array_equal(track.stems[name], stem)


def test_a_real_songs_mixture_is_the_sum_of_its_stems(shared):
    track = Musdb18hq(shared / "real" / "musdb18hq-layout").load("Lithium")
    details = Original().render(track, None).details
    assert details["mixture_equals_sum"] or details["mixture_minus_sum_db"] < -80
