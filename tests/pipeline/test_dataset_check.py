"""Checking a dataset: what is there, what is missing, which file is odd; of any plugin."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from layouts import noise, write_musdb_song
from soundstage.errors import SoundstageError
from soundstage.pipeline.dataset_check import check_dataset
from soundstage.scene import Track
from soundstage_datasets.folder import Folder
from soundstage_datasets.musdb18hq import Musdb18hq
from soundstage_datasets.sketches import Sketches


@pytest.fixture
def songs(tmp_path):
    """Two good songs, each of three stems and their sum."""
    for number, song in enumerate(("one", "two")):
        (tmp_path / "songs" / song).mkdir(parents=True)
        stems = {name: noise([number, place], (9000, 2)) for place, name in enumerate("abc")}
        for name, samples in {**stems, "mixture": sum(stems.values())}.items():
            soundfile.write(tmp_path / "songs" / song / f"{name}.wav", samples, 8000, subtype="PCM_16")
    return tmp_path / "songs"


def wrong(dataset, **options):
    """Track, file name and text of everything that is wrong."""
    found = [one for one in check_dataset(dataset, "mine", **options) if one.wrong]
    return [(one.track, one.file.name if one.file else "", one.text) for one in found]


def test_a_good_dataset_is_counted_and_nothing_is_decoded(songs, decoded):
    found = list(check_dataset(Folder(songs), "mine"))
    assert [(one.text, one.wrong) for one in found] == [("2 tracks", False)]
    assert decoded == []
    assert wrong(Folder(songs), decode=True) == []
    assert sum(decoded) == 2 * 4 * 9000


def test_the_odd_file_is_the_one_unlike_the_others(songs):
    soundfile.write(songs / "one" / "a.wav", np.zeros((9000, 2)), 16000)
    soundfile.write(songs / "two" / "b.wav", np.zeros((8999, 1)), 8000)
    assert wrong(Folder(songs)) == [
        ("one", "a.wav", "16000 Hz where the track's other files have 8000 Hz; resample it"),
        ("two", "b.wav", "8999 samples where the track's other files have 9000; cut or pad it"),
    ]


def test_unreadable_empty_and_many_channelled_files_are_named(songs):
    (songs / "one" / "a.wav").write_bytes(b"RIFF....")
    soundfile.write(songs / "one" / "b.wav", np.zeros((0, 2)), 8000)
    soundfile.write(songs / "two" / "c.wav", np.zeros((9000, 5)), 8000)
    found = wrong(Folder(songs))
    assert [(track, file) for track, file, _ in found] == [("one", "a.wav"), ("one", "b.wav"), ("two", "c.wav")]
    assert "not a readable audio file" in found[0][2]
    assert "holds no samples" in found[1][2]
    assert "5 channels" in found[2][2]


def test_a_mapping_that_does_not_fit_a_song_is_found(songs):
    (songs / "two" / "c.wav").rename(songs / "two" / "d.wav")
    dataset = Folder(songs, sources={"x": ("a", "b"), "y": ("c",)})
    assert [(track, text.partition(",")[0]) for track, _, text in wrong(dataset)] == [("two", "no stem 'c'")]


def test_a_mixture_that_is_not_the_sum_is_found_by_decoding_alone(songs):
    mixture, rate = soundfile.read(songs / "two" / "mixture.wav")
    mixture[:, 0] *= 0.9
    soundfile.write(songs / "two" / "mixture.wav", mixture, rate, subtype="PCM_16")
    assert wrong(Folder(songs)) == []
    ((track, _, text),) = wrong(Folder(songs), decode=True)
    assert track == "two"
    assert "its mixture is not the sum of its stems: in channel 1 the difference is at -19.1 dB of the mixture" in text


def test_rounding_and_dither_are_no_difference(tmp_path):
    rng = np.random.default_rng(3)
    stems = {name: 0.001 * rng.standard_normal((20000, 2)) for name in "abcd"}  # quiet: 1 LSB is not much less
    (tmp_path / "song").mkdir()
    for name, samples in {**stems, "mixture": sum(stems.values())}.items():
        dither = rng.uniform(-0.5, 0.5, samples.shape) + rng.uniform(-0.5, 0.5, samples.shape)
        steps = np.round(samples * 32768 + dither) / 32768
        soundfile.write(tmp_path / "song" / f"{name}.wav", steps, 8000, subtype="PCM_16")
    assert wrong(Folder(tmp_path), decode=True) == []


def test_samples_that_are_not_finite_are_found_by_decoding_alone(songs):
    soundfile.write(songs / "one" / "a.wav", np.full((9000, 2), np.nan), 8000, subtype="FLOAT")
    assert wrong(Folder(songs)) == []
    ((track, _, text),) = wrong(Folder(songs), decode=True)
    assert track == "one"
    assert "a.wav: 18000 samples are NaN or infinite" in text


def test_a_root_that_is_not_there_is_a_finding(tmp_path):
    ((_, _, text),) = wrong(Folder(tmp_path / "nowhere"))
    assert "is not a folder" in text


def test_what_the_dataset_says_itself_is_not_said_again(tmp_path):
    write_musdb_song(tmp_path / "test" / "song", seconds=0.1)
    (tmp_path / "test" / "song" / "bass.wav").unlink()
    soundfile.write(tmp_path / "test" / "song" / "other.wav", np.zeros((4410, 2)), 48000)
    found = wrong(Musdb18hq(tmp_path), decode=True)
    assert [(track, file) for track, file, _ in found] == [("", ""), ("song", "bass.wav"), ("song", "other.wav")]


class Bare:
    """A plugin with nothing but the two methods that a dataset must have."""

    def __init__(self, fault=""):
        self.fault = fault

    def track_ids(self):
        if self.fault == "list":
            raise RuntimeError("no network")
        return ["song"]

    def load(self, track_id):
        if self.fault == "load":
            raise SoundstageError(f"track '{track_id}': gone")
        return Track(track_id, 8000, {"a": np.ones((1, 800)), "b": 2 * np.ones((2, 800))}, 3 * np.ones((1, 800)))


@pytest.mark.slow
def test_a_plugin_with_the_two_methods_alone_can_be_checked():
    assert [one.text for one in check_dataset(Bare(), "bare")] == [
        "1 track",
        "it names no files to look at; --decode loads every track",
    ]
    assert wrong(Bare(), decode=True) == []
    assert wrong(Bare("load"), decode=True) == [("song", "", "gone")]
    assert wrong(Bare("list")) == [("", "", "dataset 'mine': RuntimeError: no network")]
    assert wrong(Sketches(), decode=True) == []


class Failing(Bare):
    """Its own check goes wrong on the way."""

    def check(self):
        yield from ()
        raise ValueError("not so")


def test_a_check_that_raises_is_a_finding():
    assert wrong(Failing()) == [("", "", "dataset 'mine': ValueError: not so")]


def test_real_songs_are_whole_but_for_their_number(shared):
    dataset = Musdb18hq(shared / "real" / "musdb18hq-layout")
    assert wrong(dataset, decode=True) == [
        ("", "", "2 of the 50 songs of the folder test are there; unpack MUSDB18-HQ again")
    ]
