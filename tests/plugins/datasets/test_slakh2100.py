"""Slakh2100: its layout, the tasks made of it, and everything that can be wrong with it."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

import soundstage
from layouts import write_slakh_track
from soundstage.errors import SoundstageError
from soundstage_datasets.slakh2100 import Slakh2100


@pytest.fixture
def root(tmp_path):
    """Three tracks for the first task, one of which is for the second too, and others for neither."""
    test = tmp_path / "slakh2100_flac_redux" / "test"
    write_slakh_track(test / "Track01876", "GPGSBDPG", seed=1)
    write_slakh_track(test / "Track01877", "GSBP", seed=2)
    write_slakh_track(test / "Track01878", "GVBP", seed=3)  # solo strings are no strings
    write_slakh_track(test / "Track01880", "GGSBP", seed=4, unrendered=("S00",))
    write_slakh_track(test / "Track01881", "GSBP", seed=5, unrendered=("S03",))
    write_slakh_track(test.parent / "train" / "Track00001", "GSBP", seed=6)
    write_slakh_track(test.parent / "omitted" / "Track00049", "GSBP", seed=7)
    (test / ".cache").mkdir()
    return test.parent


def test_tracks_without_the_classes_of_the_task_are_left_out(root):
    assert Slakh2100(root).track_ids() == ["Track01876", "Track01877", "Track01880"]
    assert Slakh2100(root, task="4s2g").track_ids() == ["Track01876"]
    assert Slakh2100(root, split="train").track_ids() == ["Track00001"]


def test_stems_are_summed_by_class_and_stay_mono(root):
    stems = write_slakh_track(root / "test" / "again", "GPGSBDPG", seed=1)
    track = Slakh2100(root).load("Track01876")
    assert (track.id, track.rate, track.mixture) == ("Track01876", 44100, None)
    assert list(track.stems) == ["guitar", "strings", "bass", "piano"]
    assert list(Slakh2100(root).source_names("Track01876")) == list(track.stems)
    np.testing.assert_array_equal(track.stems["guitar"], stems["S00"] + stems["S02"] + stems["S07"])
    np.testing.assert_array_equal(track.stems["piano"], stems["S01"] + stems["S06"])
    np.testing.assert_array_equal(track.stems["strings"], stems["S03"])
    assert track.stems["bass"].shape == (1, 44100)


def test_files_and_folders_may_be_spelt_in_any_case(root):
    before = Slakh2100(root).load("Track01876")
    track = root / "test" / "Track01876"
    for stem in list((track / "stems").iterdir()):
        stem.rename(stem.with_name(stem.name.upper()))
    (track / "stems").rename(track / "Stems")
    (track / "metadata.yaml").rename(track / "METADATA.YAML")
    (root / "test").rename(root / "TEST")
    again = Slakh2100(root).load("Track01876")
    for source, image in before.stems.items():
        np.testing.assert_array_equal(again.stems[source], image)


def test_two_guitars_are_the_first_two_stems_of_their_class(root):
    stems = write_slakh_track(root / "test" / "again", "GPGSBDPG", seed=1)
    track = Slakh2100(root, task="4s2g").load("Track01876")
    assert list(track.stems) == ["guitar1", "guitar2", "bass", "piano"]
    np.testing.assert_array_equal(track.stems["guitar1"], stems["S00"])
    np.testing.assert_array_equal(track.stems["guitar2"], stems["S02"])
    np.testing.assert_array_equal(track.stems["piano"], stems["S01"] + stems["S06"])


def test_a_stem_that_was_not_rendered_does_not_count(root):
    stems = write_slakh_track(root / "test" / "again", "GGSBP", seed=4)
    np.testing.assert_array_equal(Slakh2100(root).load("Track01880").stems["guitar"], stems["S01"])
    with pytest.raises(SoundstageError, match=r"track 'Track01881': it does not have all sources of task 4s"):
        Slakh2100(root).load("Track01881")


def test_files_are_the_metadata_and_the_stems_in_use(root):
    names = [file.name for file in Slakh2100(root, task="4s2g").files("Track01876")]
    assert names == ["metadata.yaml", "S00.flac", "S02.flac", "S04.flac", "S01.flac", "S06.flac"]


def test_listing_reads_no_audio(root, decoded):
    for file in (root / "test" / "Track01877" / "stems").iterdir():
        file.write_bytes(b"nothing")
    assert len(Slakh2100(root).track_ids()) == 3
    assert decoded == []


@pytest.mark.parametrize("content", ["stems: [", "- 1\n", "stems:\n  S00: {audio_rendered: true}\n", None, "\x00"])
def test_metadata_that_cannot_be_read_costs_its_own_track(root, content):
    file = root / "test" / "Track01877" / "metadata.yaml"
    file.unlink() if content is None else file.write_text(content)
    dataset = Slakh2100(root)
    assert "Track01877" in dataset.track_ids()
    assert dataset.load("Track01876").stems
    for method in ("load", "files", "extent"):
        with pytest.raises(SoundstageError, match=r"track 'Track01877': .*metadata\.yaml: .*; unpack") as caught:
            getattr(dataset, method)("Track01877")
        assert "\n" not in str(caught.value)


def test_metadata_is_data_and_runs_nothing(root):
    (root / "test" / "Track01877" / "metadata.yaml").write_text("stems: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(SoundstageError, match="cannot be read"):
        Slakh2100(root).load("Track01877")


def test_a_missing_or_odd_stem_is_named(root):
    stems = root / "test" / "Track01877" / "stems"
    soundfile.write(stems / "S02.flac", np.zeros((44100, 2)), 44100)
    with pytest.raises(SoundstageError, match=r"track 'Track01877', .*S02\.flac: 2 channels where 1 were expected"):
        Slakh2100(root).load("Track01877")
    soundfile.write(stems / "S02.flac", np.zeros(16000), 16000)
    with pytest.raises(SoundstageError, match=r"S02\.flac: 16000 Hz where 44100 Hz was expected"):
        Slakh2100(root).load("Track01877")
    (stems / "S02.flac").unlink()
    with pytest.raises(SoundstageError, match=r"S02\.flac: no such audio file"):
        Slakh2100(root).extent("Track01877")


def test_what_is_not_there_says_what_to_download(root, tmp_path):
    for folder, words in (
        (tmp_path / "nowhere", "is not a folder"),
        (tmp_path, "holds no folder 'test'"),
    ):
        with pytest.raises(SoundstageError, match=rf"{words}.*10\.5281/zenodo\.4599666.*--data"):
            Slakh2100(folder).track_ids()
    write_slakh_track(tmp_path / "other" / "test" / "Track01876", "DD")
    with pytest.raises(SoundstageError, match=r"no track in .* has stems of all of Bass, Guitar, Piano, Strings"):
        Slakh2100(tmp_path / "other").track_ids()


def test_unknown_tasks_splits_and_tracks_are_named_with_the_nearest(root):
    with pytest.raises(SoundstageError, match="no task '4s3g'; did you mean '4s2g'"):
        Slakh2100(root, task="4s3g")
    with pytest.raises(SoundstageError, match="no split 'valid'; did you mean 'validation'"):
        Slakh2100(root, split="valid")
    with pytest.raises(SoundstageError, match="'Track01867'; did you mean 'Track0187"):
        Slakh2100(root).load("Track01867")


def test_checking_counts_tracks_and_names_missing_and_odd_files(root):
    (root / "test" / "Track01876" / "stems" / "S05.flac").unlink()  # drums, of no task
    soundfile.write(root / "test" / "Track01877" / "stems" / "S00.flac", np.zeros(100), 8000)
    (root / "test" / "Track01878" / "metadata.yaml").unlink()
    found = list(Slakh2100(root).check())
    assert [(one.text, one.wrong) for one in found if not one.track] == [
        ("5 tracks in test where 151 or 225 were published; unpack Slakh2100 again", True),
        ("3 of them have all sources of 4s", False),
    ]
    assert [(one.track, one.file.name if one.file else "") for one in found if one.track] == [
        ("Track01876", "S05.flac"),
        ("Track01877", "S00.flac"),
        ("Track01878", ""),
    ]


def test_both_tasks_run_in_a_grid_under_their_registry_names(root, tmp_path):
    grid = {
        "datasets": ["slakh2100_4s", "slakh2100_4s2g"],
        "placements": ["panorama"],
        "spatializers": ["panning"],
        "separators": ["reference", "mixture"],
        "metrics": ["sdr"],
        "excerpt": {"seconds": 0.5, "where": "random"},
    }
    data = {"slakh2100_4s": root, "slakh2100_4s2g": root}
    summary = soundstage.run(grid, tmp_path / "out", data=data)
    assert (summary.planned, summary.troubled) == (2 * (3 + 1), 0)
    frame = soundstage.load(tmp_path / "out")
    sources = frame.groupby("dataset")["source"].agg(set)
    assert sources["slakh2100_4s"] == {"guitar", "strings", "bass", "piano"}
    assert sources["slakh2100_4s2g"] == {"guitar1", "guitar2", "bass", "piano"}
