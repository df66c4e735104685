"""Stem files read in part: the same samples as of the whole, and no others decoded."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from layouts import write_musdb_song, write_slakh_track
from soundstage.audio import Header, read_audio, read_header, read_part
from soundstage.errors import SoundstageError
from soundstage_datasets.folder import Folder
from soundstage_datasets.musdb18hq import Musdb18hq
from soundstage_datasets.slakh2100 import Slakh2100
from soundstage_datasets.stems import read_track

FORMATS = [("wav", "PCM_16"), ("wav", "PCM_24"), ("wav", "FLOAT"), ("flac", "PCM_16"), ("flac", "PCM_24")]


@pytest.mark.parametrize(("suffix", "subtype"), FORMATS)
def test_a_part_of_a_file_is_the_cut_of_the_whole(tmp_path, suffix, subtype, decoded):
    file = tmp_path / f"noise.{suffix}"
    soundfile.write(file, np.random.default_rng(1).uniform(-0.9, 0.9, (50000, 2)), 44100, subtype=subtype)
    whole, rate = read_audio(file)
    assert read_header(file) == Header(rate, 2, 50000)
    decoded.clear()
    for start, stop in ((0, 50000), (0, 1), (12345, 23456), (49999, 50000), (4096, 8192)):
        np.testing.assert_array_equal(read_part(file, start, stop), whole[:, start:stop])
    assert decoded == [50000, 1, 11111, 1, 4096]


def test_a_part_beyond_the_end_is_refused(tmp_path):
    file = tmp_path / "short.wav"
    soundfile.write(file, np.zeros((100, 1)), 8000)
    for start, stop in ((50, 101), (100, 300)):
        with pytest.raises(SoundstageError, match=rf"short\.wav: the audio ends at sample 100 where {stop} were"):
            read_part(file, start, stop)
    with pytest.raises(SoundstageError, match="no samples 50 to 101 in a song of 100"):
        read_track("song", {"a": [file]}, part=(50, 101))


def test_a_damaged_file_is_named(tmp_path):
    file = tmp_path / "damaged.flac"
    soundfile.write(file, np.random.default_rng(1).uniform(-0.9, 0.9, (50000, 2)), 44100)
    file.write_bytes(file.read_bytes()[:100000])
    assert read_header(file).samples == 50000
    with pytest.raises(SoundstageError, match=r"track 'song', .*damaged\.flac"):
        read_track("song", {"a": [file]})


def test_a_source_of_several_files_is_their_exact_sum_and_mono_goes_to_both_channels(tmp_path):
    files = [tmp_path / name for name in ("a.wav", "b.flac", "c.wav")]
    parts = [np.random.default_rng(seed).integers(-20000, 20000, (2, 900)) / 32768 for seed in range(3)]
    parts[2] = parts[2][:1]
    for file, part in zip(files, parts, strict=True):
        soundfile.write(file, part.T, 8000, subtype="PCM_16")
    track = read_track("song", {"all": files, "last": files[2:]})
    np.testing.assert_array_equal(track.stems["all"], parts[0] + parts[1] + parts[2])
    assert track.stems["last"].shape == (1, 900)


def test_a_part_of_a_song_whose_files_differ_is_refused_wherever_they_do(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros((100, 1)), 8000)
    soundfile.write(tmp_path / "b.wav", np.zeros((99, 1)), 8000)
    with pytest.raises(SoundstageError, match=r"b\.wav: 99 samples where a\.wav has 100"):
        read_track("song", {name: [tmp_path / f"{name}.wav"] for name in "ab"}, part=(0, 10))


def datasets(root):
    """Each built-in dataset of files, with one song in it."""
    write_musdb_song(root / "musdb" / "test" / "song")
    write_slakh_track(root / "slakh" / "test" / "song", "GGGSBPD")
    for number, name in enumerate(("lead", "backing", "band")):
        (root / "folder" / "song").mkdir(parents=True, exist_ok=True)
        samples = np.random.default_rng(number).uniform(-0.5, 0.5, (44100, 2))
        soundfile.write(root / "folder" / "song" / f"{name}.flac", samples, 44100)
    mapping = {"vocals": ("lead", "backing"), "accompaniment": ("*",)}
    return {
        "musdb18hq": Musdb18hq(root / "musdb"),
        "musdb18hq, two stems": Musdb18hq(root / "musdb", stems=2),
        "slakh2100_4s": Slakh2100(root / "slakh"),
        "slakh2100_4s2g": Slakh2100(root / "slakh", task="4s2g"),
        "folder": Folder(root / "folder"),
        "mapped folder": Folder(root / "folder", sources=mapping),
    }


def test_every_dataset_reads_parts_that_are_cuts_of_the_whole_and_decodes_nothing_else(tmp_path, decoded):
    for name, dataset in datasets(tmp_path).items():
        assert dataset.extent("song") == (44100, 44100), name
        whole = dataset.load("song")
        files = sum(file.suffix != ".yaml" for file in dataset.files("song"))
        decoded.clear()
        part = dataset.load_part("song", 10000, 13000)
        assert decoded == [3000] * files, name
        assert list(part.stems) == list(whole.stems)
        for source, stem in whole.stems.items():
            np.testing.assert_array_equal(part.stems[source], stem[:, 10000:13000])
        if whole.mixture is not None:
            np.testing.assert_array_equal(part.mixture, whole.mixture[:, 10000:13000])


def test_an_extent_decodes_nothing(tmp_path, decoded):
    for dataset in datasets(tmp_path).values():
        decoded.clear()
        dataset.track_ids(), dataset.files("song"), dataset.extent("song")
        assert decoded == []
