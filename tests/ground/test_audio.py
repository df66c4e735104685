"""Audio files as people have them: every common kind, headers that give no length, and what is no file at all."""

from __future__ import annotations

import os
import struct

import numpy as np
import pytest
import soundfile

from soundstage.audio import read_audio, read_header, read_part
from soundstage.audio_files import audio_folders, fold, listing, song_folders
from soundstage.errors import SoundstageError

NOISE = np.random.default_rng(0).integers(-9000, 9000, (20000, 2)) / 32768

KINDS = [
    ("wav", "WAV", "PCM_16", ""),
    ("wave", "WAV", "PCM_24", ""),
    ("bwf", "WAV", "FLOAT", ""),
    ("rf64", "RF64", "PCM_16", ""),
    ("w64", "W64", "PCM_16", ""),
    ("flac", "FLAC", "PCM_16", ""),
    ("aiff", "AIFF", "PCM_16", ""),
    ("aif", "AIFF", "FLOAT", ""),
    ("caf", "CAF", "PCM_24", ""),
    ("au", "AU", "PCM_16", ""),
    ("ogg", "OGG", "VORBIS", "Vorbis"),
    ("opus", "OGG", "OPUS", "Opus"),
    ("mp3", "MP3", "MPEG_LAYER_III", "MPEG Layer III"),
    ("wav", "WAV", "ULAW", "U-Law"),
    ("wav", "WAV", "IMA_ADPCM", "IMA ADPCM"),
]


@pytest.mark.parametrize(("suffix", "form", "subtype", "lossy"), KINDS)
def test_every_common_kind_is_read_and_what_is_lossy_is_said(tmp_path, suffix, form, subtype, lossy):
    file = tmp_path / f"noise.{suffix}"
    soundfile.write(file, NOISE, 48000, format=form, subtype=subtype)
    header = read_header(file)
    whole, rate = read_audio(file)
    assert (header.rate, header.channels, header.samples, header.lossy) == (rate, 2, whole.shape[1], lossy)
    assert np.array_equal(whole, NOISE.T) == (not lossy)
    for start, stop in ((0, 100), (7001, 9002), (19000, 20000)):
        np.testing.assert_array_equal(read_part(file, start, stop), whole[:, start:stop])
    assert listing(tmp_path).audio == [file]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_samples_are_those_that_libsndfile_gives_as_float64(tmp_path, subtype, channels):
    file = tmp_path / "noise.wav"
    samples = np.random.default_rng(3).uniform(-1.0, 1.0, (5000, channels))
    samples[:4] = [[-1.0], [1.0], [0.0], [2.0**-23]]
    soundfile.write(file, samples, 44100, subtype=subtype)
    expected, _ = soundfile.read(file, dtype="float64", always_2d=True)
    np.testing.assert_array_equal(read_audio(file)[0], expected.T)
    np.testing.assert_array_equal(read_part(file, 17, 4000), expected.T[:, 17:4000])
    assert read_audio(file)[0].flags.c_contiguous


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_what_is_no_number_is_found_in_files_that_can_hold_it(tmp_path, subtype):
    file = tmp_path / "noise.wav"
    soundfile.write(file, np.array([[0.0, np.nan], [0.5, np.inf]]), 44100, subtype=subtype)
    with pytest.raises(SoundstageError, match=r"noise\.wav: 2 samples are NaN or infinite"):
        read_audio(file)


def flac_that_claims(file, samples):
    """A FLAC file of NOISE whose header gives another number of samples; 0 is FLAC's word for not knowing."""
    soundfile.write(file, NOISE, 44100, format="FLAC")
    contents = bytearray(file.read_bytes())
    facts = int.from_bytes(contents[18:26], "big") >> 36 << 36
    contents[18:26] = (facts | samples).to_bytes(8, "big")
    file.write_bytes(contents)


def wav_that_claims(file, size):
    """A WAV file of NOISE whose header gives another number of bytes."""
    soundfile.write(file, NOISE, 44100, subtype="PCM_16", format="WAV")
    contents = bytearray(file.read_bytes())
    at = contents.index(b"data")
    contents[at + 4 : at + 8] = contents[4:8] = struct.pack("<I", size)
    file.write_bytes(contents)


def rf64_that_claims(file, samples):
    """An RF64 file of NOISE, whose header may claim any number of samples."""
    soundfile.write(file, NOISE, 44100, subtype="PCM_16", format="RF64")
    contents = bytearray(file.read_bytes())
    at = contents.index(b"ds64") + 8
    contents[at + 8 : at + 24] = struct.pack("<QQ", samples * 4, samples)
    file.write_bytes(contents)


@pytest.mark.parametrize(
    ("make", "claimed"),
    [
        (flac_that_claims, 0),
        (flac_that_claims, 2**36 - 1),
        (flac_that_claims, 2**33),
        (wav_that_claims, 2**32 - 1),
        (wav_that_claims, 2**31 - 1),
        (rf64_that_claims, 2**40),
    ],
)
def test_a_header_without_a_length_that_can_be_costs_counting_and_no_memory(tmp_path, make, claimed):
    file = tmp_path / "noise"
    make(file, claimed)
    assert read_header(file).samples == 20000
    np.testing.assert_array_equal(read_audio(file)[0], NOISE.T)
    np.testing.assert_array_equal(read_part(file, 1234, 20000), NOISE.T[:, 1234:])
    with pytest.raises(SoundstageError, match="ends at sample 20000 where 20001 were expected"):
        read_part(file, 19990, 20001)


def test_a_header_that_says_nothing_is_there_though_the_file_is_long_says_so(tmp_path):
    wav_that_claims(tmp_path / "streamed.wav", 0)
    with pytest.raises(SoundstageError, match=r"no samples by its header, though the file has \d+ bytes"):
        read_header(tmp_path / "streamed.wav")


def test_a_flac_that_promises_a_little_more_than_it_has_is_damaged_at_its_end(tmp_path):
    flac_that_claims(tmp_path / "a.flac", 10**8)
    with pytest.raises(SoundstageError, match=r"a\.flac"):
        read_part(tmp_path / "a.flac", 0, 10**8)


@pytest.mark.parametrize("read", [read_audio, read_header, lambda file: read_part(file, 0, 10)])
@pytest.mark.parametrize("kind", ["pipe", "device", "link to a device", "link to a pipe", "folder"])
def test_what_is_no_regular_file_is_refused_and_never_waited_for(tmp_path, read, kind):
    file = tmp_path / "vocals.wav"
    os.mkfifo(tmp_path / "pipe")
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        file.symlink_to({"device": "/dev/zero", "link to a pipe": tmp_path / "pipe"}.get(kind, "/dev/random"))
    with pytest.raises(SoundstageError, match=r"vocals\.wav: is a (pipe|device|folder) and not a file"):
        read(file)


def test_a_link_to_a_file_is_a_file_and_one_to_nothing_is_missing(tmp_path):
    soundfile.write(tmp_path / "a.wav", NOISE, 44100)
    (tmp_path / "b.wav").symlink_to(tmp_path / "a.wav")
    (tmp_path / "c.wav").symlink_to(tmp_path / "nowhere.wav")
    assert read_header(tmp_path / "b.wav").samples == 20000
    with pytest.raises(SoundstageError, match=r"c\.wav: no such audio file"):
        read_header(tmp_path / "c.wav")


def test_a_file_whose_name_is_no_text_is_read(tmp_path):
    soundfile.write(tmp_path / "a.wav", NOISE, 44100)
    odd = tmp_path / os.fsdecode(b"voc\xe4ls.wav")
    (tmp_path / "a.wav").rename(odd)
    assert read_header(odd).samples == read_audio(odd)[0].shape[1] == 20000


def test_names_are_compared_without_case_and_encoding_of_accents():
    assert fold("Ünder") == fold("ünder") == fold("u\u0308nder") == fold("U\u0308NDER")
    assert fold("Straße") == fold("STRASSE")
    assert fold("a") != fold("ä")


def test_a_listing_tells_what_is_read_from_what_only_looks_like_audio(tmp_path):
    soundfile.write(tmp_path / "B.WAV", NOISE, 44100)
    for name in ("a.m4a", "song.stem.mp4", "c.WMA"):
        (tmp_path / name).write_bytes(b"?")
    (tmp_path / "vocals.bak").write_bytes((tmp_path / "B.WAV").read_bytes())
    (tmp_path / "drums").write_bytes(b"OggS....")
    for name in ("notes.txt", "cover.jpg", "song.mid", "._B.WAV"):
        (tmp_path / name).write_bytes(b"RI")
    os.mkfifo(tmp_path / "fifo")
    for name in ("more", "@eaDir", ".git"):
        (tmp_path / name).mkdir()
    found = listing(tmp_path, look_inside=True)
    assert [file.name for file in found.audio] == ["B.WAV"]
    assert [file.name for file in found.unread] == ["a.m4a", "c.WMA", "song.stem.mp4"]
    assert [file.name for file in found.disguised] == ["drums", "vocals.bak"]
    assert [folder.name for folder in found.folders] == ["more"]


def test_a_folder_that_cannot_be_read_is_a_song_of_its_own_trouble(tmp_path, monkeypatch):
    from pathlib import Path

    for song in ("good", "locked", "empty"):
        (tmp_path / song).mkdir()
    soundfile.write(tmp_path / "good" / "a.wav", NOISE, 44100)
    iterdir = Path.iterdir

    def guarded(folder):
        if folder.name == "locked":
            raise PermissionError(13, "Permission denied")
        return iterdir(folder)

    monkeypatch.setattr(Path, "iterdir", guarded)
    assert song_folders(tmp_path) == (["good", "locked"], ["empty"])
    assert list(audio_folders(tmp_path)) == [tmp_path / "good", tmp_path / "locked"]
    with pytest.raises(SoundstageError, match=r"locked: the folder cannot be read \(Permission denied\)"):
        listing(tmp_path / "locked")
