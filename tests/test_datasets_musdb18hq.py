"""MUSDB18-HQ: its layout, and everything that can be wrong with it."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from soundstage.errors import SoundstageError
from soundstage_datasets.musdb18hq import Musdb18hq

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
    assert track.rate == 44100
    assert track.mixture.shape == track.stems["bass"].shape == (2, 300)
    np.testing.assert_array_equal(track.mixture, 1 / 16)
    np.testing.assert_array_equal(track.stems["other"], 5 / 16)


def test_files_are_all_five(root):
    assert sorted(file.name for file in Musdb18hq(root).files("Zeta - Last")) == sorted(f"{n}.wav" for n in NAMES)


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
    with pytest.raises(SoundstageError, match="'train' or 'test'"):
        Musdb18hq(root, split="valid")


def test_an_empty_song_folder_is_listed_and_refused(root):
    (root / "test" / "Empty").mkdir()
    assert "Empty" in Musdb18hq(root).track_ids()
    assert "vocals.wav, drums.wav" in refused(root, "Empty")


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
