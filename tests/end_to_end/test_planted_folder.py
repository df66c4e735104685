"""`soundstage check` on a folder with everything that people really have in theirs: each is found, in one sentence."""

from __future__ import annotations

import os

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from soundstage.cli import cli

RATE = 8000
STEMS = ("vocals", "drums", "bass")


def noise(seed, length=8000, channels=2):
    return np.random.default_rng(seed).integers(-6000, 6000, (length, channels)) / 32768


def plant(root, song):
    """A song that is as it should be."""
    (root / song).mkdir(parents=True)
    for number, stem in enumerate(STEMS):
        soundfile.write(root / song / f"{stem}.wav", noise(number), RATE, subtype="PCM_16")
    return root / song


def claim(file, samples):
    """Make the header of a FLAC file give that number of samples."""
    contents = bytearray(file.read_bytes())
    contents[18:26] = (int.from_bytes(contents[18:26], "big") >> 36 << 36 | samples).to_bytes(8, "big")
    file.write_bytes(contents)


@pytest.fixture
def planted(tmp_path):
    """The folder, and for each thing that is wrong the words of its line: the place, what it is, what to do."""
    root, wrong = tmp_path / "songs", []

    def song(name, *words):
        wrong.append((f"track '{name}'", *words))
        return plant(root, name)

    plant(root, "good")
    shouted = plant(root, "Good Too")
    (shouted / "vocals.wav").rename(shouted / "Vocals.WAV")
    soundfile.write(shouted / "Mixture.wav", sum(noise(number) for number in range(3)), RATE, subtype="PCM_16")
    streamed = plant(root, "streamed")
    soundfile.write(streamed / "other.flac", noise(5), RATE, subtype="PCM_16")
    claim(streamed / "other.flac", 0)

    mix = sum(noise(number) for number in range(3))
    soundfile.write(song("named master", "master.wav is no source", "rename it") / "master.wav", noise(7), RATE)
    soundfile.write(
        song("named sum", "accompaniment.wav is no source", "take it away") / "accompaniment.wav", mix, RATE
    )
    soundfile.write(
        song("named copy", "vocals (1).wav is no source", "take it away") / "vocals (1).wav", noise(0), RATE
    )
    soundfile.write(song("a sum", "'everything' is the sum of 'bass', 'drums', 'vocals'") / "everything.wav", mix, RATE)
    soundfile.write(song("a copy", "are the same; take one of them away") / "choir.wav", noise(0), RATE)
    two = song("two mixtures", "are each called a mixture; take all but one away")
    for name in ("mix", "mixdown"):
        soundfile.write(two / f"{name}.wav", mix, RATE)
    (song("unread", "synth.m4a", "not read; convert it to WAV or FLAC") / "synth.m4a").write_bytes(b"?")
    (song("no suffix", "choir.bak", "give it its suffix") / "choir.bak").write_bytes(b"fLaC" + bytes(20))
    deep = song("deep", "no audio file in", "move the stems up")
    (deep / "wav").mkdir()
    for stem in STEMS:
        (deep / f"{stem}.wav").rename(deep / "wav" / f"{stem}.wav")
    twice = song("twice", "is there twice", "VOCALS.wav and vocals.wav; remove one")
    soundfile.write(twice / "VOCALS.wav", noise(8), RATE)
    os.mkfifo(song("a pipe", "other.wav: is a pipe and not a file") / "other.wav")
    (song("a device", "other.wav: is a device and not a file") / "other.wav").symlink_to("/dev/zero")
    (song("a dead link", "other.wav", "no such audio file") / "other.wav").symlink_to(root / "nowhere.wav")
    soundfile.write(song("short", "drums.wav", "cut or pad it") / "drums.wav", noise(1, 7000), RATE)
    soundfile.write(song("fast", "drums.wav", "resample it") / "drums.wav", noise(1), 2 * RATE)
    soundfile.write(song("five", "drums.wav", "mix it down") / "drums.wav", noise(1, channels=5), RATE)
    soundfile.write(song("empty", "drums.wav", "holds no samples") / "drums.wav", noise(1, 0), RATE)
    (song("junk", "drums.wav", "not a readable audio file") / "drums.wav").write_bytes(b"RIFF????")
    soundfile.write(song("nan", "drums.wav", "NaN") / "drums.wav", np.full((8000, 2), np.nan), RATE, subtype="FLOAT")
    claimed = song("claims", "other.flac")
    soundfile.write(claimed / "other.flac", noise(5), RATE, subtype="PCM_16")
    claim(claimed / "other.flac", 10**6)
    odd = song("odd stem", "is not text that every file can hold; rename it")
    os.rename(odd / "bass.wav", os.fsencode(odd) + b"/b\xe4ss.wav")
    os.rename(plant(root, "odd song"), os.fsencode(root) + b"/odd s\xf6ng")
    wrong.append(("odd s\\udcf6ng", "its name is not text that every file can hold; rename it"))
    return root, wrong


def test_check_finds_everything_that_was_planted_each_in_a_sentence(planted):
    root, wrong = planted
    for name in ("@eaDir", "__MACOSX", "#recycle", "cover art"):
        (root / name).mkdir()
    soundfile.write(root / "good" / "vocals.mp3", noise(0), RATE)
    told = CliRunner().invoke(cli, ["check", "folder", "--data", f"folder={root}", "--decode"])
    assert told.exit_code == 1, told.output
    found = [line.removeprefix("wrong ") for line in told.stdout.splitlines() if line.startswith("wrong ")]
    said = [line.strip() for line in told.stdout.splitlines() if line.startswith("  ")]
    for words in wrong:
        assert [line for line in found if all(word in line for word in words)], (words, told.stdout)
    for line in found:
        assert [words for words in wrong if words[0] in line], line
        assert len(line.splitlines()) == 1
    for name in ("@eaDir", "__MACOSX", "#recycle", "cover art"):
        assert [line for line in said if f"the folder '{name}' is no song" in line]
    assert [line for line in said if "vocals.mp3: it is there in WAV or FLAC too" in line]
    assert told.stdout.splitlines()[-1].endswith("things are wrong")


def test_a_run_over_it_scores_what_is_sound_and_loses_nothing_to_the_rest(planted, tmp_path):
    import soundstage

    root, _ = planted
    grid = {
        "name": "planted",
        "datasets": [f"folder[root={root}]"],
        "spatializers": ["original"],
        "separators": ["mixture"],
        "metrics": ["sdr"],
    }
    soundstage.run(grid, tmp_path / "out")
    frame = soundstage.load(tmp_path / "out")
    sound = {"good", "Good Too", "streamed"}
    assert set(frame.loc[frame["status"] == "ok", "track"]) == sound | {"no suffix"}
    failed = frame[frame["status"] == "failed"]
    assert (failed["note"].str.len() > 20).all()
    assert {"a pipe", "a device", "named copy", "a sum", "odd s\\udcf6ng"} <= set(failed["track"])
