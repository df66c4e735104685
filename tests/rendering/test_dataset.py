"""A grid's scenes as a data set on disk: where each song lies, what is beside it, and what is kept."""

from __future__ import annotations

import contextlib
import errno
import json
import os

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import soundstage
from soundstage.audio import read_audio
from soundstage.catalogue.registry import Registry
from soundstage.cli import cli
from soundstage.contracts import SCENE_KINDS
from soundstage.errors import SoundstageError
from soundstage.planning.cells import make_scenes
from soundstage.planning.grid import read_grid
from soundstage.rendering import folder
from soundstage.running.workbench import Workbench

GRID = {"name": "toys", "datasets": ["toy"], "placements": ["line"], "spatializers": ["gains"]}
FILES = ["bass.wav", "drums.wav", "metadata.json", "mixture.wav", "vocals.wav"]


@pytest.fixture(autouse=True)
def _toys(toys):
    """All tests here use the toy plugins."""


def songs(out):
    """The song folders, relative to the data set's."""
    return sorted(str(file.parent.relative_to(out)) for file in out.rglob("metadata.json"))


def metadata(folder):
    return json.loads((folder / "metadata.json").read_text(encoding="utf-8"))


def test_a_song_is_a_folder_of_its_mixture_its_images_and_their_metadata(tmp_path):
    rendered = soundstage.render(GRID, tmp_path)
    assert (rendered.planned, rendered.kept, rendered.written) == (2, 0, 2)
    assert (rendered.clipped, rendered.failed) == ({}, {})
    assert songs(tmp_path) == ["test/song 0", "test/song 1"]
    assert sorted(file.name for file in (tmp_path / "test" / "song 0").iterdir()) == FILES
    assert [entry.name for entry in tmp_path.iterdir()] == ["test"]


def test_neither_separators_nor_metrics_are_needed_or_looked_at(tmp_path):
    grid = {**GRID, "separators": ["no such separator"], "metrics": ["no such metric"]}
    assert soundstage.render(grid, tmp_path).written == 2
    with pytest.raises(SoundstageError, match="separators: is missing"):
        soundstage.run(GRID, tmp_path / "results")
    with pytest.raises(SoundstageError, match="spatializers: is missing"):
        soundstage.render({"datasets": ["toy"]}, tmp_path)


@pytest.mark.parametrize(("form", "tolerance"), [("float64", 0.0), ("float32", 2.0**-24), ("int16", 2.0**-15)])
def test_the_files_hold_the_scenes_that_a_run_scores(tmp_path, form, tolerance):
    grid = {key: GRID[key] for key in ("datasets", "placements", "spatializers")}
    soundstage.render(grid, tmp_path, format=form)
    specs = make_scenes(read_grid("toys", grid, None, SCENE_KINDS), Registry.load())
    bench = Workbench()
    for spec in specs:
        scene = bench.scene(spec)
        folder = tmp_path / "test" / spec.track
        assert metadata(folder)["scene"] == spec.address
        for name, signal in {"mixture": scene.mixture, **scene.references}.items():
            samples, rate = read_audio(folder / f"{name}.wav")
            assert rate == scene.rate
            np.testing.assert_allclose(samples, signal, rtol=0, atol=tolerance)
    subtype = {"float64": "DOUBLE", "float32": "FLOAT", "int16": "PCM_16"}[form]
    assert soundfile.info(tmp_path / "test" / "song 1" / "bass.wav").subtype == subtype


def test_the_metadata_says_what_the_song_is_and_no_path(tmp_path, root):
    pair = np.zeros((8, 2))
    pair[0] = 0.5
    for azimuth in (0, 30):
        (tmp_path / "head").mkdir(exist_ok=True)
        soundfile.write(tmp_path / "head" / f"azi_{azimuth},0_ele_0,0.wav", pair, 8000, subtype="DOUBLE")
    grid = {**GRID, "spatializers": [f"hrir[hrtf={tmp_path / 'head'},level=published]"], "seeds": [3]}
    soundstage.render(grid, tmp_path / "out")
    facts = metadata(tmp_path / "out" / "test" / "song 1")
    assert (facts["track"], facts["split"], facts["format"], facts["rate"], facts["seed"]) == (
        *("song 1", "test", "float32"),
        *(8000, 3),
    )
    assert facts["samples"] == 2000 + 8 - 1
    assert sorted(facts["azimuths"].values()) == [0.0, 30.0, 60.0]
    assert set(facts["elevations"].values()) == {0.0}
    assert facts["latency"] == 0
    assert facts["gain"] == pytest.approx(1 / facts["details"]["peak_of_sum"])
    assert facts["spatializer"]["parameters"] == {"hrtf": "file", "level": "published"}
    assert facts["spatializer"]["files"]["count"] == 2
    assert len(facts["spatializer"]["files"]["sha256"]) == 64
    assert facts["placement"]["plugin"] == "line"
    assert facts["files"]["mixture.wav"]["peak"] == 1.0
    assert facts["files"]["mixture.wav"]["clipped"] == 0
    assert str(tmp_path) not in (tmp_path / "out" / "test" / "song 1" / "metadata.json").read_text()


def test_what_there_is_one_of_makes_no_folder_and_what_there_are_several_of_does(tmp_path):
    grid = {**GRID, "spatializers": ["flat", "gains"], "datasets": ["toy[tracks=1]"]}
    soundstage.render(grid, tmp_path / "a")
    assert songs(tmp_path / "a") == ["flat/test/song 0", "gains/test/song 0"]
    soundstage.render({**grid, "seeds": [0, 7]}, tmp_path / "b")
    assert songs(tmp_path / "b") == ["flat/test/song 0", "gains/seed-0/test/song 0", "gains/seed-7/test/song 0"]
    soundstage.render({**grid, "spatializers": ["gains"], "placements": ["line", "frontal"]}, tmp_path / "c")
    assert songs(tmp_path / "c") == ["frontal/test/song 0", "line/test/song 0"]


def test_variants_and_datasets_that_share_a_split_are_told_apart(tmp_path):
    heads = ["hrir[level=published]", "hrir", "hrir[level=consistent]"]
    soundstage.render({**GRID, "datasets": ["toy[tracks=1]"], "spatializers": heads}, tmp_path / "a")
    names = {song.split("/")[0] for song in songs(tmp_path / "a")}
    assert names == {"hrir", "hrir-level=consistent", "hrir-level=published"}
    soundstage.render({**GRID, "datasets": ["toy[tracks=1]", "sketches"]}, tmp_path / "b")
    assert {song.split("/")[0] for song in songs(tmp_path / "b")} == {"toy", "sketches"}
    soundstage.render({**GRID, "datasets": ["toy[tracks=1]", "toy[tracks=2]"]}, tmp_path / "c")
    assert {song.split("/")[0] for song in songs(tmp_path / "c")} == {"toy-tracks=1", "toy-tracks=2"}


def test_variants_that_differ_in_nothing_a_folder_can_show_are_numbered(tmp_path):
    for parent in ("a", "b"):
        file = tmp_path / parent / "places.json"
        file.parent.mkdir()
        file.write_text(json.dumps(dict.fromkeys(("bass", "drums", "vocals"), 0)))
    rules = [f"fixed[file={tmp_path / parent / 'places.json'}]" for parent in ("a", "b")]
    soundstage.render({**GRID, "datasets": ["toy[tracks=1]"], "placements": rules}, tmp_path / "out")
    assert songs(tmp_path / "out") == [f"fixed-file=places.json-{number}/test/song 0" for number in (1, 2)]


def musdb(root, split, names):
    for number, name in enumerate(names):
        folder = root / split / name
        folder.mkdir(parents=True)
        rng = np.random.default_rng(number)
        for stem in ("vocals", "drums", "bass", "other", "mixture"):
            soundfile.write(folder / f"{stem}.wav", 0.1 * rng.standard_normal((4410, 2)), 44100)


def test_splits_keep_their_names_and_musdb18hq_reads_back_what_was_written(tmp_path):
    musdb(tmp_path / "in", "train", ["A - One", "B - Two"])
    musdb(tmp_path / "in", "test", ["C & D - Three"])
    grid = {"datasets": ["musdb18hq[split=train]", "musdb18hq"], "spatializers": ["hrir[level=published]"]}
    soundstage.render(grid, tmp_path / "out", data={"musdb18hq": tmp_path / "in"})
    assert songs(tmp_path / "out") == ["test/C & D - Three", "train/A - One", "train/B - Two"]

    from soundstage_datasets.musdb18hq import Musdb18hq

    back = Musdb18hq(tmp_path / "out", split="train")
    assert back.track_ids() == ["A - One", "B - Two"]
    track = back.load("B - Two")
    assert track.mixture.shape == (2, 4410 + 255)
    total = sum(track.stems.values())
    assert np.abs(track.mixture).max() == 1.0
    np.testing.assert_allclose(track.mixture, total / np.abs(total).max(), atol=1e-6)
    again = {"datasets": ["musdb18hq"], "spatializers": ["original"], "separators": ["mixture"], "metrics": ["sdr"]}
    assert soundstage.run(again, tmp_path / "results", data={"musdb18hq": tmp_path / "out"}).troubled == 0


VALIDATION = "Leaf - Summerghost"


@pytest.mark.parametrize("splits", [("train_and_validation",), ("train", "validation")])
def test_every_song_to_train_on_is_in_the_folder_train_and_every_split_reads_it_there(tmp_path, splits):
    from soundstage_datasets.musdb18hq import Musdb18hq

    musdb(tmp_path / "in", "train", ["A - One", "B - Two", VALIDATION])
    musdb(tmp_path / "in", "test", ["C & D - Three"])
    datasets = [*(f"musdb18hq[split={split}]" for split in splits), "musdb18hq"]
    grid = {"datasets": datasets, "spatializers": ["hrir[level=published]"]}
    soundstage.render(grid, tmp_path / "out", data={"musdb18hq": tmp_path / "in"})
    assert songs(tmp_path / "out") == ["test/C & D - Three", "train/A - One", "train/B - Two", f"train/{VALIDATION}"]
    assert {metadata(tmp_path / "out" / song)["split"] for song in songs(tmp_path / "out")} == {"train", "test"}
    read = {
        "train": ["A - One", "B - Two"],
        "validation": [VALIDATION],
        "train_and_validation": ["A - One", "B - Two", VALIDATION],
        "test": ["C & D - Three"],
    }
    for split, wanted in read.items():
        back = Musdb18hq(tmp_path / "out", split=split)
        assert back.track_ids() == wanted
        for song in wanted:
            assert back.load(song).mixture.shape == (2, 4410 + 255)
        options = ("--data", f"musdb18hq={tmp_path / 'out'}")
        told = CliRunner().invoke(cli, ["check", f"musdb18hq[split={split}]", *options]).output
        there = "1 of the 50 songs of the folder test" if split == "test" else "3 of the 100 songs of the folder train"
        assert f"wrong {there} are there" in told
        lacking = 13 if "validation" in split else 0
        assert told.count("this song of the validation split is missing") == lacking
        assert told.count("wrong ") == 1 + lacking


def test_a_song_of_two_splits_is_refused_with_both(tmp_path):
    musdb(tmp_path / "in", "train", ["A - One"])
    grid = {
        "datasets": ["musdb18hq[split=train]", "musdb18hq[split=train_and_validation]"],
        "spatializers": ["hrir"],
    }
    with pytest.raises(SoundstageError, match=r"'A - One' of musdb18hq\[split=train\] and of .* leave one of the two"):
        soundstage.render(grid, tmp_path / "out", data={"musdb18hq": tmp_path / "in"})


def test_a_dataset_without_a_folder_of_its_own_keeps_the_names_of_its_splits(tmp_path):
    from layouts import write_slakh_track

    for split in ("train", "validation"):
        write_slakh_track(tmp_path / "in" / split / f"Track {split}", "GSBP", seconds=0.1)
    grid = {
        "datasets": [f"slakh2100_4s[split={split}]" for split in ("train", "validation")],
        "placements": ["panorama"],
        "spatializers": ["panning"],
    }
    soundstage.render(grid, tmp_path / "out", data={"slakh2100_4s": tmp_path / "in"})
    assert songs(tmp_path / "out") == ["train/Track train", "validation/Track validation"]


def test_a_written_song_is_kept_and_a_changed_or_damaged_one_is_written_again(tmp_path):
    soundstage.render(GRID, tmp_path)
    times = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.wav")}
    rendered = soundstage.render(GRID, tmp_path)
    assert (rendered.planned, rendered.kept, rendered.written) == (2, 2, 0)
    assert times == {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.wav")}
    (tmp_path / "test" / "song 1" / "bass.wav").write_bytes(b"RIFF")
    assert soundstage.render(GRID, tmp_path).written == 1
    (tmp_path / "test" / "song 1" / "drums.wav").unlink()
    assert soundstage.render(GRID, tmp_path).written == 1
    assert soundstage.render(GRID, tmp_path, format="int16").written == 2
    assert soundfile.info(tmp_path / "test" / "song 0" / "bass.wav").subtype == "PCM_16"
    before = metadata(tmp_path / "test" / "song 0")
    assert soundstage.render({**GRID, "seeds": [1]}, tmp_path, format="int16").written == 2
    assert metadata(tmp_path / "test" / "song 0")["scene"] != before["scene"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["test"]


def test_nobodys_own_songs_are_overwritten(tmp_path):
    musdb(tmp_path / "in", "test", ["mine"])
    grid = {"datasets": ["musdb18hq"], "spatializers": ["hrir"]}
    with pytest.raises(SoundstageError, match=r"mine holds bass\.wav, which Soundstage did not write"):
        soundstage.render(grid, tmp_path / "in", data={"musdb18hq": tmp_path / "in"})
    soundstage.render(GRID, tmp_path / "out")
    (tmp_path / "out" / "test" / "song 1" / "estimate.wav").write_bytes(b"precious")
    with pytest.raises(SoundstageError, match=r"song 1 holds estimate\.wav, which Soundstage did not write"):
        soundstage.render({**GRID, "seeds": [1]}, tmp_path / "out")
    assert (tmp_path / "out" / "test" / "song 1" / "estimate.wav").read_bytes() == b"precious"


def test_int16_clips_as_soundfile_does_and_counts_what_it_clips(tmp_path):
    grid = {**GRID, "datasets": ["toy[tracks=1,fault=loud]"], "spatializers": ["flat"]}
    rendered = soundstage.render(grid, tmp_path / "a", format="int16")
    (folder,) = rendered.clipped
    assert str(folder) == "test/song 0"
    assert rendered.clipped[folder]["bass.wav"] == 3
    facts = metadata(tmp_path / "a" / folder)["files"]
    assert facts["bass.wav"]["peak"] == 1.5
    assert facts["drums.wav"]["clipped"] == 0
    samples, _ = soundfile.read(tmp_path / "a" / folder / "bass.wav", dtype="int16")
    assert samples[:5, 1].tolist() == [32767, -32768, 32767, -32768, 32767]
    assert soundstage.render(grid, tmp_path / "a", format="int16").clipped == rendered.clipped
    assert soundstage.render(grid, tmp_path / "b").clipped == {}
    assert read_audio(tmp_path / "b" / folder / "bass.wav")[0].max() == 1.5


@pytest.mark.parametrize("workers", [1, 2])
def test_one_bad_song_costs_itself_alone(tmp_path, workers):
    rendered = soundstage.render({**GRID, "datasets": ["toy[fault=one track,tracks=3]"]}, tmp_path, workers=workers)
    assert songs(tmp_path) == ["test/song 1", "test/song 2"]
    ((folder, sentence),) = rendered.failed.items()
    assert str(folder) == "test/song 0"
    assert "track 'song 0', stem 'bass': 1 samples are NaN or infinite" in sentence
    assert not (tmp_path / ".partial").exists()


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_own_song(tmp_path):
    rendered = soundstage.render({**GRID, "datasets": ["toy[fault=exit,tracks=5]"]}, tmp_path, workers=2)
    assert rendered.written == 4
    (sentence,) = rendered.failed.values()
    assert sentence == "track 'song 0': the worker process died (exit code 3) while it rendered this song"


def test_a_stem_called_mixture_is_refused(tmp_path):
    rendered = soundstage.render({**GRID, "datasets": ["toy[tracks=1,fault=named mixture]"]}, tmp_path)
    (sentence,) = rendered.failed.values()
    assert sentence == "track 'song 0': source 'mixture' cannot be a file beside mixture.wav; rename the stem"


@pytest.mark.slow
def test_one_or_two_workers_write_the_same(tmp_path):
    grid = {**GRID, "spatializers": ["gains", "hrir"], "seeds": [0, 1], "datasets": ["toy[tracks=3]"]}
    for name, workers in (("one", 1), ("two", 2)):
        assert soundstage.render(grid, tmp_path / name, workers=workers).written == 12
    for file in sorted((tmp_path / "one").rglob("*.wav")):
        other = tmp_path / "two" / file.relative_to(tmp_path / "one")
        np.testing.assert_array_equal(read_audio(file)[0], read_audio(other)[0])
        assert metadata(file.parent) == metadata(other.parent)


def test_misuse_is_a_sentence(tmp_path):
    with pytest.raises(SoundstageError, match="unknown format 'int61'; did you mean 'int16'"):
        soundstage.render(GRID, tmp_path, format="int61")
    with pytest.raises(SoundstageError, match="--workers must be 1 or more"):
        soundstage.render(GRID, tmp_path, workers=0)
    with pytest.raises(SoundstageError, match="its datasets hold no tracks"):
        soundstage.render({**GRID, "datasets": ["toy[tracks=0]"]}, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(SoundstageError, match="cannot hold a data set"):
        soundstage.render(GRID, tmp_path / "file")


def test_a_disk_that_cannot_be_written_to_is_a_sentence_a_song(tmp_path):
    (tmp_path / "test").write_text("in the way")
    rendered = soundstage.render(GRID, tmp_path)
    assert rendered.written == 0
    assert all("cannot be written (" in sentence for sentence in rendered.failed.values())


@pytest.mark.slow
def test_an_interrupted_render_leaves_whole_songs_and_goes_on(tmp_path):
    from soundstage.rendering.dataset import Silence

    class Interrupting(Silence):
        seen = 0

        def finished(self, outcome):
            self.seen += 1
            if self.seen == 2:
                raise KeyboardInterrupt

    grid = {**GRID, "datasets": ["toy[tracks=6]"]}
    for workers in (1, 2):
        out = tmp_path / str(workers)
        with pytest.raises(KeyboardInterrupt):
            soundstage.render(grid, out, workers=workers, listener=Interrupting())
        assert not (out / ".partial").exists()
        assert 2 <= len(songs(out)) < 6
        kept = len(songs(out))
        assert soundstage.render(grid, out).kept == kept
        assert len(songs(out)) == 6


@pytest.mark.parametrize("fault", [KeyError("k"), SystemExit(3), KeyboardInterrupt(), GeneratorExit()], ids=repr)
@pytest.mark.parametrize(("of", "method"), [("Toy", "load"), ("Line", "place"), ("Gains", "render")])
def test_whatever_a_plugin_raises_costs_its_own_songs(tmp_path, monkeypatch, fault, of, method):
    import soundstage_toys

    plugin = getattr(soundstage_toys, of)
    whole = getattr(plugin, method)

    def raising(self, track, *arguments):
        if getattr(track, "id", track) == "song 1":
            raise fault
        return whole(self, track, *arguments)

    monkeypatch.setattr(plugin, method, raising)
    rendered = soundstage.render(GRID, tmp_path)
    (sentence,) = rendered.failed.values()
    assert "track 'song 1'" in sentence
    assert type(fault).__name__ in sentence
    assert songs(tmp_path) == ["test/song 0"]


@pytest.mark.parametrize("number", [errno.EROFS, errno.ESTALE, errno.ENOSPC])
@pytest.mark.parametrize("at", ["write_audio", "_flush", "_put"])
def test_a_disk_that_goes_midway_costs_the_songs_from_there_on_and_they_are_written_later(
    tmp_path, monkeypatch, number, at
):
    whole, calls = getattr(folder, at), []

    def going(*arguments):
        calls.append(arguments)
        if len(calls) > {"write_audio": 5, "_flush": 7, "_put": 1}[at]:
            raise OSError(number, os.strerror(number))
        return whole(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(folder, at, going)
        rendered = soundstage.render(GRID, tmp_path)
    (sentence,) = rendered.failed.values()
    assert f"cannot be written ({os.strerror(number)})" in sentence
    assert songs(tmp_path) == ["test/song 0"]
    again = soundstage.render(GRID, tmp_path)
    assert (again.kept, again.written, again.failed) == (1, 1, {})
    assert not list(tmp_path.glob(".partial*"))


@pytest.mark.parametrize("at", ["test/song 0", "test", ".partial"])
def test_links_in_a_data_set_cost_nobody_a_file(tmp_path, at):
    private = tmp_path / "private"
    (private / "song 0").mkdir(parents=True)
    for file in (private / "diary.txt", private / "song 0" / "mine.wav"):
        file.write_text("dear diary")
    link = tmp_path / "out" / at
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(private)
    with contextlib.suppress(SoundstageError):
        soundstage.render(GRID, tmp_path / "out")
    for file in (private / "diary.txt", private / "song 0" / "mine.wav"):
        assert file.read_text() == "dear diary"
