"""MUSDB18-HQ: its layout, and everything that can be wrong with it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

import layouts
from soundstage.errors import SoundstageError
from soundstage_datasets.musdb18hq import VALIDATION, Musdb18hq

NAMES = ("mixture", "vocals", "drums", "bass", "other")


def write_song(folder, *, rate=44100, channels=2, length=300):
    folder.mkdir(parents=True)
    for number, name in enumerate(NAMES):
        samples = np.full((length, channels), (number + 1) / 16)
        soundfile.write(folder / f"{name}.wav", samples, rate, subtype="PCM_16")
    return folder


@pytest.fixture
def root(tmp_path):
    write_song(tmp_path / "test" / "Zeta - Last")
    write_song(tmp_path / "test" / "Al - First & Ünïcode's")
    write_song(tmp_path / "train" / "Other")
    (tmp_path / "test" / ".cache").mkdir()
    return tmp_path


def refused(root, song="Zeta - Last"):
    with pytest.raises(SoundstageError) as caught:
        Musdb18hq(root).load(song)
    message = str(caught.value)
    assert f"track '{song}'" in message
    assert "\n" not in message
    return message


def test_tracks_are_the_song_folders_sorted(root):
    assert Musdb18hq(root).track_ids() == ["Al - First & Ünïcode's", "Zeta - Last"]
    assert Musdb18hq(root, split="train").track_ids() == ["Other"]


def test_listing_reads_no_audio(root):
    (root / "test" / "Zeta - Last" / "bass.wav").write_bytes(b"nothing")
    assert len(Musdb18hq(root).track_ids()) == 2


def test_a_track_has_four_stems_and_its_own_mixture(root):
    track = Musdb18hq(root).load("Al - First & Ünïcode's")
    assert list(track.stems) == ["vocals", "drums", "bass", "other"]
    for stems in (4, 2):
        dataset = Musdb18hq(root, stems=stems)
        assert list(dataset.source_names(track.id)) == list(dataset.load(track.id).stems)
    assert track.rate == 44100
    assert track.mixture.shape == track.stems["bass"].shape == (2, 300)
    np.testing.assert_array_equal(track.mixture, 1 / 16)
    np.testing.assert_array_equal(track.stems["other"], 5 / 16)


def test_files_are_all_five(root):
    assert sorted(file.name for file in Musdb18hq(root).files("Zeta - Last")) == sorted(f"{n}.wav" for n in NAMES)


@pytest.mark.parametrize("spelt", ["Vocals.Wav", "VOCALS.WAV", "vocals.wAv"])
def test_files_and_folders_may_be_spelt_in_any_case(root, spelt):
    before = Musdb18hq(root).load("Zeta - Last")
    (root / "test" / "Zeta - Last" / "vocals.wav").rename(root / "test" / "Zeta - Last" / spelt)
    (root / "test").rename(root / "Test")
    dataset = Musdb18hq(root)
    np.testing.assert_array_equal(dataset.load("Zeta - Last").stems["vocals"], before.stems["vocals"])
    assert root / "Test" / "Zeta - Last" / spelt in dataset.files("Zeta - Last")
    assert dataset.extent("Zeta - Last") == (44100, 300)
    assert not [finding for finding in dataset.check() if "missing" in finding.text]


def test_of_two_files_that_only_case_tells_apart_the_published_name_counts(root):
    song = root / "test" / "Zeta - Last"
    soundfile.write(song / "VOCALS.wav", np.zeros((300, 2)), 44100)
    assert song / "vocals.wav" in Musdb18hq(root).files("Zeta - Last")
    (song / "vocals.wav").rename(song / "Vocals.WAV")
    assert "vocals.wav missing" in refused(root)


def test_a_missing_file_is_not_among_the_files_and_load_names_it(root):
    (root / "test" / "Zeta - Last" / "drums.wav").unlink()
    assert len(Musdb18hq(root).files("Zeta - Last")) == 4
    assert "drums.wav missing" in refused(root)


def test_a_missing_root_says_what_to_download_and_where_to_put_it(tmp_path):
    with pytest.raises(SoundstageError, match=r"10\.5281/zenodo\.3338373.*--data musdb18hq=PATH"):
        Musdb18hq(tmp_path / "nowhere").track_ids()


def test_a_missing_split_says_what_to_download(tmp_path):
    (tmp_path / "train").mkdir()
    with pytest.raises(SoundstageError, match=r"no folder 'test'.*zenodo"):
        Musdb18hq(tmp_path).track_ids()


def test_an_empty_split_says_what_to_download(tmp_path):
    (tmp_path / "test").mkdir()
    with pytest.raises(SoundstageError, match=r"no song folders.*zenodo"):
        Musdb18hq(tmp_path).track_ids()


def test_the_compressed_edition_is_recognised(tmp_path):
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "Song.stem.mp4").touch()
    with pytest.raises(SoundstageError, match=r"compressed MUSDB18 \(\.stem\.mp4\)"):
        Musdb18hq(tmp_path).track_ids()


def test_an_unknown_track_is_named_with_the_nearest(root):
    for method in ("load", "files"):
        with pytest.raises(SoundstageError, match="'Zeta - Lost'; did you mean 'Zeta - Last'"):
            getattr(Musdb18hq(root), method)("Zeta - Lost")


def test_an_unknown_split_is_refused(root):
    with pytest.raises(SoundstageError, match="no split 'valid'; did you mean 'validation'"):
        Musdb18hq(root, split="valid")
    with pytest.raises(SoundstageError, match="4 stems or 2, not 3"):
        Musdb18hq(root, stems=3)


def test_train_validation_and_test_are_split_as_the_field_does(root):
    assert len(set(VALIDATION)) == 14
    write_song(root / "train" / "ANiMAL - Rockshow")
    write_song(root / "train" / "Actions - One Minute Smile")
    validation = ["ANiMAL - Rockshow", "Actions - One Minute Smile"]
    assert Musdb18hq(root, split="validation").track_ids() == validation
    assert Musdb18hq(root, split="train").track_ids() == ["Other"]
    assert Musdb18hq(root, split="train_and_validation").track_ids() == [*validation, "Other"]
    assert Musdb18hq(root, split="validation").load("ANiMAL - Rockshow").stems
    with pytest.raises(SoundstageError, match="split 'train'"):
        Musdb18hq(root, split="train").load("ANiMAL - Rockshow")


def test_the_validation_songs_are_those_of_the_package_musdb():
    package = importlib.util.find_spec("musdb")  # importing it needs ffmpeg
    if package is None:
        pytest.skip("the package musdb is not installed")
    listed = yaml.safe_load((Path(package.origin).parent / "configs" / "mus.yaml").read_text())
    assert set(listed["validation_tracks"]) == set(VALIDATION)


def test_a_train_folder_without_validation_songs_says_so(root):
    with pytest.raises(SoundstageError, match=r"holds no song of validation.*zenodo"):
        Musdb18hq(root, split="validation").track_ids()


def test_two_stems_are_the_vocals_and_the_exact_sum_of_the_others(tmp_path):
    stems = layouts.write_musdb_song(tmp_path / "test" / "Song")
    track = Musdb18hq(tmp_path, stems=2).load("Song")
    assert list(track.stems) == ["vocals", "accompaniment"]
    np.testing.assert_array_equal(track.stems["vocals"], stems["vocals"])
    np.testing.assert_array_equal(track.stems["accompaniment"], stems["drums"] + stems["bass"] + stems["other"])
    np.testing.assert_array_equal(sum(track.stems.values()), track.mixture)
    four = Musdb18hq(tmp_path)
    assert Musdb18hq(tmp_path, stems=2).files("Song") == four.files("Song")


def test_checking_counts_the_songs_and_names_what_is_not_as_published(root):
    (root / "test" / "Zeta - Last" / "drums.wav").unlink()
    soundfile.write(root / "test" / "Zeta - Last" / "bass.wav", np.zeros((300, 1)), 48000)
    found = list(Musdb18hq(root).check())
    assert [(one.text, one.wrong) for one in found if not one.track] == [
        ("1 of the 100 songs of the folder train are there", False),
        ("2 of the 50 songs of the folder test are there; unpack MUSDB18-HQ again", True),
    ]
    assert {(one.track, one.file.name, one.text) for one in found if one.track} == {
        ("Zeta - Last", "drums.wav", "missing; unpack this song of MUSDB18-HQ again"),
        ("Zeta - Last", "bass.wav", "1 channels where 2 were expected; mix it down"),
    }


def test_checking_names_the_validation_songs_that_are_missing(root):
    write_song(root / "train" / "ANiMAL - Rockshow")
    missing = {one.track for one in Musdb18hq(root, split="validation").check() if one.wrong and one.track}
    assert missing == set(VALIDATION) - {"ANiMAL - Rockshow"}


@pytest.mark.parametrize("name", ["Empty", "@eaDir", "__MACOSX"])
def test_a_folder_without_audio_or_left_behind_is_no_song_and_check_says_so(root, name):
    before = Musdb18hq(root).track_ids()
    (root / "test" / name).mkdir()
    assert Musdb18hq(root).track_ids() == before
    assert any(f"the folder '{name}' is no song" in one.text for one in Musdb18hq(root).check())


def test_another_rate_is_refused(tmp_path):
    write_song(tmp_path / "test" / "Zeta - Last", rate=48000)
    message = refused(tmp_path)
    assert "vocals.wav: 48000 Hz where 44100 Hz was expected; resample" in message


@pytest.mark.parametrize("channels", [1, 5])
def test_another_channel_count_is_refused(root, channels):
    file = root / "test" / "Zeta - Last" / "bass.wav"
    soundfile.write(file, np.zeros((300, channels)), 44100)
    assert f"bass.wav: {channels} channels where 2 were expected" in refused(root)


def test_unequal_lengths_are_refused(root):
    soundfile.write(root / "test" / "Zeta - Last" / "mixture.wav", np.zeros((299, 2)), 44100)
    assert "mixture.wav: 299 samples where vocals.wav has 300; cut or pad" in refused(root)


def test_nan_is_refused(root):
    samples = np.zeros((300, 2))
    samples[3, 1] = np.nan
    soundfile.write(root / "test" / "Zeta - Last" / "other.wav", samples, 44100, subtype="FLOAT")
    assert "other.wav: 1 samples are NaN or infinite" in refused(root)


def test_a_corrupt_file_is_refused(root):
    (root / "test" / "Zeta - Last" / "vocals.wav").write_bytes(b"RIFF\x10\x00\x00\x00WAVEjunk")
    assert "vocals.wav: not a readable audio file" in refused(root)


def test_an_empty_file_is_refused(root):
    soundfile.write(root / "test" / "Zeta - Last" / "vocals.wav", np.zeros((0, 2)), 44100)
    assert "vocals.wav: the audio file holds no samples" in refused(root)


def test_real_songs_load_and_add_up(shared):
    dataset = Musdb18hq(shared / "real" / "musdb18hq-layout")
    assert dataset.track_ids() == ["Lithium", "Sodium"]
    track = dataset.load("Sodium")
    np.testing.assert_allclose(sum(track.stems.values()), track.mixture, atol=2**-40)
    assert not track.stems["vocals"].any()


def test_parts_of_real_songs_are_cuts_of_them(shared, decoded):
    dataset = Musdb18hq(shared / "real" / "musdb18hq-layout", stems=2)
    rate, samples = dataset.extent("Lithium")
    whole = dataset.load("Lithium")
    assert (rate, samples) == (44100, whole.mixture.shape[1])
    decoded.clear()
    part = dataset.load_part("Lithium", 100001, 200000)
    assert sum(decoded) == 5 * 99999
    np.testing.assert_array_equal(part.stems["accompaniment"], whole.stems["accompaniment"][:, 100001:200000])
    np.testing.assert_array_equal(part.mixture, whole.mixture[:, 100001:200000])
