"""Anyone's own songs: what a folder may hold, and what it may not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

import soundstage
from soundstage.errors import SoundstageError
from soundstage_datasets.folder import Folder


def write(file, *, value=0.25, channels=2, length=200, rate=48000):
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, np.full((length, channels), value), rate, subtype="PCM_16")


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "songs"
    write(root / "Ça va, [#1] 100%" / "lead vocal.flac", value=0.5)
    write(root / "Ça va, [#1] 100%" / "gitarre ♯.WAV", channels=1)
    write(root / "Ça va, [#1] 100%" / "mixture.wav", value=0.75)
    write(root / "another" / "bass.wav", rate=22050)
    (root / "another" / ".DS_Store").touch()
    (root / "another" / "._bass.wav").write_bytes(b"resource fork")
    (root / "another" / "notes.txt").write_text("text")
    (root / ".hidden").mkdir()
    return root


def refused(folder, song):
    with pytest.raises(SoundstageError) as caught:
        Folder(folder).load(song)
    message = str(caught.value)
    assert f"track '{song}'" in message
    assert "\n" not in message
    return message


def test_each_sub_folder_is_a_song(root):
    assert Folder(root).track_ids() == ["another", "Ça va, [#1] 100%"]


def test_stems_have_any_name_and_one_or_two_channels(root):
    track = Folder(root).load("Ça va, [#1] 100%")
    assert {name: stem.shape for name, stem in track.stems.items()} == {
        "lead vocal": (2, 200),
        "gitarre ♯": (1, 200),
    }
    assert track.rate == 48000
    np.testing.assert_array_equal(track.mixture, np.full((2, 200), 0.75))


def test_hidden_and_other_files_are_passed_over(root):
    track = Folder(root).load("another")
    assert list(track.stems) == ["bass"]
    assert track.mixture is None
    assert [file.name for file in Folder(root).files("another")] == ["bass.wav"]


def test_files_include_the_mixture(root):
    names = [file.name for file in Folder(root).files("Ça va, [#1] 100%")]
    assert names == ["gitarre ♯.WAV", "lead vocal.flac", "mixture.wav"]


def test_the_mixture_may_be_called_otherwise(root):
    write(root / "another" / "mix.wav", rate=22050)
    track = Folder(root, mixture="mix").load("another")
    assert list(track.stems) == ["bass"]
    assert track.mixture is not None


def test_a_root_with_audio_files_is_one_song(root):
    dataset = Folder(root / "another")
    assert dataset.track_ids() == ["another"]
    assert list(dataset.load("another").stems) == ["bass"]


def test_a_relative_root_is_named_after_its_folder(root, monkeypatch):
    monkeypatch.chdir(root / "another")
    assert Folder(Path(".")).track_ids() == ["another"]


def test_audio_beside_song_folders_is_ambiguous(root):
    write(root / "preview.wav")
    with pytest.raises(SoundstageError, match=r"preview\.wav.*beside song folders.*move"):
        Folder(root).track_ids()


def test_a_missing_root_says_how_to_name_it(tmp_path):
    with pytest.raises(SoundstageError, match="--data folder=PATH"):
        Folder(tmp_path / "nowhere").track_ids()


def test_an_empty_root_says_what_to_put_there(tmp_path):
    with pytest.raises(SoundstageError, match="give each song a sub-folder"):
        Folder(tmp_path).track_ids()


def test_a_song_folder_without_audio_is_listed_and_refused(root):
    (root / "empty").mkdir()
    assert "empty" in Folder(root).track_ids()
    assert "no audio file in" in refused(root, "empty")


def test_a_mixture_alone_is_no_song(root):
    write(root / "only" / "mixture.flac")
    assert "no audio file but the mixture mixture.flac" in refused(root, "only")


def test_a_stem_in_two_formats_is_refused(root):
    write(root / "another" / "bass.flac", rate=22050)
    assert "stem 'bass' is there twice" in refused(root, "another")


def test_unequal_rates_are_refused(root):
    write(root / "another" / "drums.wav", rate=44100)
    message = refused(root, "another")
    assert "drums.wav: 44100 Hz where bass.wav has 22050 Hz; bring all stems to one rate" in message


def test_unequal_lengths_are_refused(root):
    write(root / "another" / "drums.wav", rate=22050, length=201)
    assert "drums.wav: 201 samples where bass.wav has 200" in refused(root, "another")


def test_a_stem_of_five_channels_is_refused(root):
    write(root / "another" / "drums.wav", rate=22050, channels=5)
    assert "drums.wav: 5 channels where 1 or 2 were expected; mix it down" in refused(root, "another")


def test_nan_and_corrupt_files_are_refused(root):
    soundfile.write(root / "another" / "bass.wav", np.array([[0.0], [np.inf]]), 8000, subtype="FLOAT")
    assert "bass.wav: 1 samples are NaN or infinite" in refused(root, "another")
    (root / "another" / "bass.wav").write_bytes(b"not audio")
    assert "bass.wav: not a readable audio file" in refused(root, "another")


def test_an_unknown_track_is_named_with_the_nearest(root):
    with pytest.raises(SoundstageError, match=r"'anoter'.*did you mean 'another'"):
        Folder(root).load("anoter")


@pytest.fixture
def band(tmp_path):
    """A song whose stems hold one value each: their sums say what was summed."""
    stems = {"lead": 1, "backing low": 2, "backing high": 4, "drums": 8, "click": 16, "mixture": 15}
    for name, value in stems.items():
        write(tmp_path / "band" / "song" / f"{name}.wav", value=value / 64)
    return tmp_path / "band"


def made(folder, **sources):
    track = Folder(folder, sources={name: tuple(stems) for name, stems in sources.items()}).load("song")
    return {name: round(float(stem[0, 0]) * 64) for name, stem in track.stems.items()}


@pytest.mark.parametrize(
    ("sources", "sums"),
    [
        ({"vocals": ["lead", "backing*"], "accompaniment": ["*"]}, {"vocals": 7, "accompaniment": 24}),
        (
            {"vocals": ["lead.wav", "back*"], "accompaniment": ["*"], "leave_out": ["click"]},
            {"vocals": 7, "accompaniment": 8},
        ),
        ({"drums": ["drums"], "leave_out": ["*"]}, {"drums": 8}),
        (
            {"voices": ["lead", "*ing *"], "drums": ["drums"], "leave_out": ["click", "guide"]},
            {"voices": 7, "drums": 8},
        ),
        ({"low": ["backing low", "backing l*"], "rest": ["*"]}, {"low": 2, "rest": 29}),
    ],
)
def test_sources_are_sums_of_the_stems_that_are_mapped_to_them(band, sources, sums):
    assert made(band, **sources) == sums
    assert Folder(band, sources={k: tuple(v) for k, v in sources.items()}).load("song").mixture is not None


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ({"a": ["lead"], "b": ["lead", "*"]}, "stem 'lead.wav' is in both 'a' and 'b'; take it out of one"),
        (
            {"a": ["lead"], "b": ["backing*", "drums"]},
            "stem 'click.wav' is in no source; add it to one, or to leave_out",
        ),
        ({"a": ["leed"], "b": ["*"]}, "no stem 'leed', which source 'a' is made of"),
        ({"a": ["choir*"], "b": ["*"]}, r"no stem for source 'a' \(choir\*\); add one"),
        ({"a": ["*"], "b": ["lead", "backing*", "drums", "click"]}, "no stem for source 'a'"),
    ],
)
def test_a_stem_mapped_twice_or_never_and_a_missing_one_are_sentences_about_the_song(band, sources, words):
    dataset = Folder(band, sources={name: tuple(stems) for name, stems in sources.items()})
    for method in ("load", "files", "extent"):
        with pytest.raises(SoundstageError, match=f"track 'song': {words}"):
            getattr(dataset, method)("song")


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ({}, "sources names no source"),
        ({"leave_out": ("click",)}, "sources names no source"),
        ({"a": ()}, "'a' names no stem"),
        ({"a": ("*",), "b": ("*",)}, "stands in two lists"),
    ],
)
def test_a_mapping_that_no_song_could_follow_is_refused_at_once(band, sources, words):
    with pytest.raises(SoundstageError, match=words):
        Folder(band, sources=sources)


def test_files_of_a_mapped_song_are_those_that_it_is_made_of(band):
    dataset = Folder(band, sources={"vocals": ("lead", "backing*"), "leave_out": ("*",)})
    assert [file.stem for file in dataset.files("song")] == ["backing high", "backing low", "lead", "mixture"]


def test_the_mapping_is_written_in_a_registry_entry(band, tmp_path):
    (tmp_path / "mine.toml").write_text(
        "[datasets.mine]\nplugin = 'folder'\n"
        "params = { root = 'band', sources = { vocals = ['lead', 'backing*'], accompaniment = ['*'] } }\n"
        "[grids.duo]\ndatasets = ['mine']\nspatializers = ['original']\nseparators = ['reference']\nmetrics = ['sdr']\n"
    )
    assert soundstage.run(tmp_path / "mine.toml", tmp_path / "out").troubled == 0
    assert set(soundstage.load(tmp_path / "out")["source"]) == {"vocals", "accompaniment"}


def test_real_stems_load(shared):
    track = Folder(shared / "real" / "multitrack-funk").load("multitrack-funk")
    assert sorted(track.stems) == ["bass", "clavinet", "drums", "guitar", "horns"]
    assert track.mixture is None
    assert {stem.shape for stem in track.stems.values()} == {(2, 882000)}
