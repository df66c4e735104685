"""A song's folder is written whole or not at all, and nobody else's files are touched."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundstage.audio import read_audio
from soundstage.errors import SoundstageError
from soundstage.rendering.folder import (
    FORMATS,
    PARTIALS,
    REVISION,
    checked_format,
    clipped_samples,
    foreign,
    is_written,
    read_metadata,
    remove_partials,
    write_song,
)
from soundstage.scene import Scene

FACTS = {"scene": "abc", "track": "a sông"}


def scene(level=0.1, **more):
    rng = np.random.default_rng(0)
    references = {"bass": level * rng.uniform(-1, 1, (2, 500)), **more}
    return Scene(8000, sum(references.values()), references)


def loud():
    reference = np.zeros((2, 100))
    reference[0, :6] = [1.5, -1.5, 1.0, -1.0, 1.0001, -2.0]
    return Scene(8000, reference / 2, {"bass": reference})


def write(tmp_path, one=None, form="float64", facts=FACTS):
    return write_song(tmp_path / "test" / "song", tmp_path / PARTIALS, one or scene(), form, facts)


def held(folder):
    """Every file below a folder and what it holds."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# whole or not at all


def test_a_song_is_its_mixture_its_images_and_what_is_said_of_them(tmp_path):
    metadata = write(tmp_path)
    song = tmp_path / "test" / "song"
    assert sorted(path.name for path in song.iterdir()) == ["bass.wav", "metadata.json", "mixture.wav"]
    assert json.loads((song / "metadata.json").read_text(encoding="utf-8")) == metadata == read_metadata(song)
    assert metadata["track"] == "a sông"
    assert (metadata["render"], metadata["format"]) == (REVISION, "float64")
    for name, signal in {"mixture.wav": scene().mixture, "bass.wav": scene().references["bass"]}.items():
        np.testing.assert_array_equal(read_audio(song / name)[0], signal)
        assert metadata["files"][name]["bytes"] == (song / name).stat().st_size
        assert metadata["files"][name]["peak"] == np.abs(signal).max()
    assert is_written(song, metadata, "abc", "float64")
    assert not list((tmp_path / PARTIALS).iterdir())


@pytest.mark.parametrize("fault", ["facts that JSON cannot hold", "not a number", "a signal of no length"])
def test_where_anything_fails_what_stood_there_stands_and_nothing_is_left(tmp_path, fault):
    write(tmp_path)
    before = held(tmp_path)
    wrong = {
        "facts that JSON cannot hold": (scene(0.5), {**FACTS, "odd": object()}),
        "not a number": (scene(0.5), {**FACTS, "gain": float("nan")}),
        "a signal of no length": (Scene(8000, np.zeros((2, 9)), {"bass": np.zeros((2, 0))}), FACTS),
    }[fault]
    with pytest.raises((TypeError, ValueError)):
        write(tmp_path, wrong[0], facts=wrong[1])
    assert held(tmp_path) == before
    assert not list((tmp_path / PARTIALS).iterdir())


def test_a_song_takes_the_place_of_what_stood_there_with_nothing_of_it_left(tmp_path):
    write(tmp_path, scene(drums=np.ones((2, 500)) / 9))
    metadata = write(tmp_path, scene(0.2))
    song = tmp_path / "test" / "song"
    assert sorted(path.name for path in song.iterdir()) == ["bass.wav", "metadata.json", "mixture.wav"]
    assert read_metadata(song) == metadata
    assert not list((tmp_path / PARTIALS).iterdir())


def test_what_is_there_only_in_part_or_is_another_counts_as_not_written(tmp_path):
    metadata = write(tmp_path)
    song = tmp_path / "test" / "song"
    assert not is_written(song, metadata, "abd", "float64")
    assert not is_written(song, metadata, "abc", "int16")
    assert not is_written(song, {**metadata, "render": REVISION + 1}, "abc", "float64")
    content = (song / "bass.wav").read_bytes()
    (song / "bass.wav").write_bytes(content[:-1])
    assert not is_written(song, metadata, "abc", "float64")
    (song / "bass.wav").write_bytes(content)
    assert is_written(song, metadata, "abc", "float64")
    (song / "mixture.wav").unlink()
    assert not is_written(song, metadata, "abc", "float64")


# formats and clipping


@pytest.mark.parametrize(("form", "subtype"), [("float32", "FLOAT"), ("float64", "DOUBLE"), ("int16", "PCM_16")])
def test_files_are_of_the_format_and_only_what_cannot_hold_a_sample_clips_it(tmp_path, form, subtype):
    metadata = write(tmp_path, loud(), form)
    file = tmp_path / "test" / "song" / "bass.wav"
    assert soundfile.info(file).subtype == subtype
    assert metadata["files"]["bass.wav"]["peak"] == 2.0
    assert clipped_samples(metadata) == ({"bass.wav": 4} if form == "int16" else {})
    beyond = np.abs(read_audio(file)[0]).max()
    assert beyond == pytest.approx(1.0 if form == "int16" else 2.0, abs=1e-4)


def test_a_format_is_one_of_three_and_what_is_meant_is_said():
    assert [checked_format(form) for form in FORMATS] == ["float32", "float64", "int16"]
    with pytest.raises(SoundstageError, match=r"'int61'; did you mean 'int16'.*float32, float64, int16"):
        checked_format("int61")


# names


@pytest.mark.parametrize("source", ["mixture", "", ".hidden", "..", "a/b", "a\\b", "a\0b", "a\x1bb", "\ud800"])
def test_a_source_that_cannot_be_a_file_is_refused_before_anything_is_written(tmp_path, source):
    with pytest.raises(SoundstageError, match=r"cannot be a file beside mixture\.wav; rename the stem") as caught:
        write(tmp_path, scene(**{source: np.zeros((2, 500))}))
    str(caught.value).encode("utf-8")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("source", ["lead vocals", "Gesang ü", "a.b", "metadata", "mixture 2"])
def test_a_source_that_can_be_a_file_is_one(tmp_path, source):
    write(tmp_path, scene(**{source: np.zeros((2, 500))}))
    assert (tmp_path / "test" / "song" / f"{source}.wav").is_file()


# what others wrote


def test_what_soundstage_wrote_is_not_foreign_and_anything_besides_is(tmp_path):
    metadata = write(tmp_path)
    song = tmp_path / "test" / "song"
    assert foreign(song, metadata) == ""
    assert foreign(song, None) == "bass.wav"
    (song / ".DS_Store").write_text("")
    assert foreign(song, metadata) == ""
    (song / "notes.txt").write_text("mine")
    assert foreign(song, metadata) == "notes.txt"


def test_a_folder_that_is_not_there_holds_nothing_foreign_and_a_file_in_its_place_is(tmp_path):
    assert foreign(tmp_path / "song", None) == ""
    (tmp_path / "song").write_text("a song of my own")
    assert foreign(tmp_path / "song", None) == "song"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        '{"title": "somebody else\'s"}',
        '{"render": 1, "format": "int16", "scene": "abc", "files": ["bass.wav"]}',
        '{"render": 1, "format": "int16", "scene": "abc", "files": {"bass.wav": 44}}',
        '{"render": 1, "format": "int16", "scene": "abc", "files": {"bass.wav": {"bytes": 44}}}',
    ],
)
def test_metadata_that_soundstage_did_not_write_is_foreign(tmp_path, text):
    (tmp_path / "metadata.json").write_text(text)
    assert read_metadata(tmp_path) is None
    assert foreign(tmp_path, read_metadata(tmp_path)) == "metadata.json"
    assert read_metadata(tmp_path / "nowhere") is None


# what interrupted renders left


def test_only_what_interrupted_renders_of_these_scenes_left_is_removed(tmp_path):
    partials = tmp_path / PARTIALS
    for name in ("abc-1", "abc-1-former", "abd-1", "abcd-1"):
        (partials / name).mkdir(parents=True)
        (partials / name / "bass.wav").write_text("half")
    remove_partials(partials, {"abc", "zzz"})
    assert sorted(path.name for path in partials.iterdir()) == ["abcd-1", "abd-1"]
    remove_partials(partials, {"abd", "abcd"})
    assert not partials.exists()
    remove_partials(partials, {"abc"})


@pytest.mark.parametrize("other", ["begins a song", "has removed it too"])
def test_another_writer_at_the_same_folder_is_no_trouble(tmp_path, monkeypatch, other):
    partials = tmp_path / PARTIALS
    (partials / "abc-1").mkdir(parents=True)
    rmdir = Path.rmdir

    def at_once(path):
        if other == "begins a song":
            (path / "abd-1").mkdir()
        else:
            rmdir(path)
        rmdir(path)

    monkeypatch.setattr(Path, "rmdir", at_once)
    remove_partials(partials, {"abc"})
    assert [path.name for path in tmp_path.rglob("abd-1")] == (["abd-1"] if other == "begins a song" else [])
