"""A folder of stems against another, without a grid."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import soundstage
from soundstage.cli import cli
from soundstage.errors import SoundstageError

RATE = 8000
STEMS = ("bass", "vocals")


def write(folder, stems):
    folder.mkdir(parents=True, exist_ok=True)
    for name, samples in stems.items():
        soundfile.write(folder / f"{name}.wav", samples.T, RATE, subtype="DOUBLE")
    return folder


def references(seed=0, seconds=2.5):
    rng = np.random.default_rng(seed)
    return {name: 0.1 * rng.standard_normal((2, int(seconds * RATE))) for name in STEMS}


def estimates(stems, level):
    """Stems with an error at a level below them: uSDR is −20·log10(level) up to its δ."""
    return {name: samples * (1 + level) for name, samples in stems.items()}


@pytest.fixture
def song(tmp_path):
    """One song's references and estimates, right in their folders."""
    stems = references()
    return write(tmp_path / "reference", stems), write(tmp_path / "estimate", estimates(stems, 0.1))


@pytest.fixture
def songs(tmp_path):
    """Two songs, a sub-folder each, with mixtures among the references."""
    for number, song in enumerate(("one", "two")):
        stems = references(number)
        write(tmp_path / "references" / song, {**stems, "mixture": sum(stems.values())})
        write(tmp_path / "estimates" / song, estimates(stems, (0.1, 0.01)[number]))
    return tmp_path / "references", tmp_path / "estimates"


def invoke(song, *arguments):
    reference, estimate = song
    both = ["--reference", str(reference), "--estimate", str(estimate)]
    return CliRunner().invoke(cli, ["score", *both, *map(str, arguments)])


def values(frame, name="SDR"):
    whole = frame[(frame["name"] == name) & frame["frame"].isna()]
    return {(row.track, row.source): row.value for row in whole.itertuples()}


def test_one_song_is_scored_stem_by_stem(song):
    found = values(soundstage.score(*song, metrics=["sdr"]))
    assert found == pytest.approx({("reference", "bass"): 20.0, ("reference", "vocals"): 20.0}, abs=1e-4)


def test_a_sub_folder_a_song_is_scored_song_by_song_and_mixtures_are_no_stems(songs):
    found = values(soundstage.score(*songs, metrics=["sdr"]))
    wanted = {("one", "bass"): 20.0, ("one", "vocals"): 20.0, ("two", "bass"): 40.0, ("two", "vocals"): 40.0}
    assert found == pytest.approx(wanted, abs=1e-2)


def test_the_default_metrics_are_those_that_are_installed(song):
    from soundstage.catalogue.registry import Registry

    frame = soundstage.score(*song)
    assert {"sdr", "si_sdr", "spauq"} <= set(frame["metric"])
    assert ("bsseval" in set(frame["metric"])) == ("bsseval" in Registry.load().names("metrics"))
    assert frame["frame"].notna().any()
    assert set(frame["status"]) == {"ok"}


def test_the_scores_are_those_of_a_grid(tmp_path, song):
    reference, estimate = song
    grid = tmp_path / "grid.toml"
    grid.write_text(
        f"""
        [datasets.mine]
        plugin = "folder"
        params = {{ root = "{reference}" }}
        [separators.model]
        plugin = "estimates"
        params = {{ root = "{estimate}", layout = "{{source}}" }}
        [grids.g]
        datasets = ["mine"]
        spatializers = ["original"]
        separators = ["model"]
        metrics = ["sdr", "spauq"]
        """
    )
    soundstage.run(grid, tmp_path / "out")
    frame = soundstage.load(tmp_path / "out")
    columns = ["metric", "source", "name", "value", "frame"]
    scored = soundstage.score(*song, metrics=["sdr", "spauq"])
    assert frame[columns].to_csv() == scored[columns].to_csv()


def test_nothing_is_left_on_disk(song, tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    soundstage.score(*song, metrics=["sdr"])
    assert not list((tmp_path / "tmp").iterdir())


def test_the_table_has_a_line_a_track_and_source_and_medians(songs):
    told = invoke(songs, "--metric", "sdr")
    assert told.exit_code == 0, told.output
    lines = [line.split() for line in told.stdout.splitlines() if line.strip()]
    assert ["one", "bass", "20.00"] in lines
    assert ["vocals", "40.00"] in lines
    assert ["median", "bass", "30.00"] in lines
    assert ["median", "all", "30.00"] in lines


@pytest.mark.slow
def test_csv_json_and_parquet_hold_the_same_scores_at_full_precision(tmp_path, song):
    import pandas as pd

    frame = soundstage.score(*song, metrics=["sdr", "spauq"])
    for name in ("scores.csv", "scores.json", "scores.parquet"):
        told = invoke(song, "--metric", "sdr", "--metric", "spauq", "--out", tmp_path / "out" / name, "--quiet")
        assert (told.exit_code, told.output) == (0, "")
    parquet = pd.read_parquet(tmp_path / "out" / "scores.parquet")
    pd.testing.assert_frame_equal(parquet, frame.reset_index(drop=True), check_dtype=False)
    lines = list(csv.DictReader((tmp_path / "out" / "scores.csv").read_text(encoding="utf-8").splitlines()))
    assert [float(line["value"]) for line in lines] == frame["value"].tolist()
    parsed = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert [row["value"] for row in parsed] == frame["value"].tolist()
    assert [row["frame"] for row in parsed] == [None if line["frame"] == "" else int(line["frame"]) for line in lines]


def test_a_value_that_is_missing_is_null_in_json_and_said_in_the_table(tmp_path):
    stems = references()
    stems["bass"] = 0 * stems["bass"]
    song = (write(tmp_path / "r", stems), write(tmp_path / "e", references()))
    parsed = json.loads(invoke(song, "--metric", "sdr", "--format", "json", "--quiet").stdout)
    assert {row["value"] for row in parsed if row["source"] == "bass"} == {None}
    table = invoke(song, "--metric", "sdr", "--quiet").stdout
    assert "SDR, SDRi (sdr): 2 left out of the medians: the reference is silent" in table


def test_a_flagged_value_stands_in_brackets_and_no_median_uses_it(song, toys):
    table = invoke(song, "--metric", "misscoring[how=doubtful]", "--quiet").stdout
    assert "(1.00)" in table
    assert ["median", "all", "–"] in [line.split() for line in table.splitlines()]


def test_a_missing_stem_is_one_sentence(song):
    (song[1] / "vocals.wav").unlink()
    with pytest.raises(SoundstageError, match="no estimate of 'vocals'"):
        soundstage.score(*song, metrics=["sdr"])


def test_a_song_that_cannot_be_scored_costs_the_others_nothing(songs):
    (songs[1] / "two" / "vocals.wav").unlink()
    frame = soundstage.score(*songs, metrics=["sdr"])
    assert set(values(frame)) == {("one", "bass"), ("one", "vocals")}
    (trouble,) = frame[frame["status"] == "failed"].itertuples()
    assert trouble.track == "two"
    assert "no estimate of 'vocals'" in trouble.note
    told = invoke(songs, "--metric", "sdr", "--quiet")
    assert told.exit_code == 0
    assert "two: not scored: " in told.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--metric", "sdrr"), "unknown metric 'sdrr'; did you mean 'sdr'"),
        (("--format", "parquet"), "--format parquet needs --out"),
        (("--format", "museval"), "--format museval needs --out"),
        (("--metric", "sdr", "--format", "museval", "--out", "x"), "run the grid with metric 'bsseval'"),
    ],
)
def test_misuse_gets_a_sentence_with_the_remedy(song, arguments, words):
    refused = invoke(song, *arguments)
    assert isinstance(refused.exception, SoundstageError), refused.output
    assert words in str(refused.exception)


def test_a_folder_that_is_not_there_or_empty_is_named(tmp_path, song):
    (tmp_path / "empty").mkdir()
    for pair, words in (
        ((tmp_path / "no", song[1]), "no such folder of references"),
        ((song[0], tmp_path / "no"), "no such folder of estimates"),
        ((tmp_path / "empty", song[1]), "holds no songs"),
        ((song[0], tmp_path / "empty"), "no estimates"),
    ):
        with pytest.raises(SoundstageError, match=words):
            soundstage.score(*pair, metrics=["sdr"])


@pytest.mark.slow
def test_museval_files_are_written_where_musevals_reader_looks(tmp_path, songs):
    from soundstage.catalogue.registry import Registry

    if "bsseval" not in Registry.load().names("metrics"):
        pytest.skip("the metric bsseval is not installed")
    told = invoke(songs, "--metric", "bsseval", "--format", "museval", "--out", tmp_path / "mine", "--quiet")
    assert told.exit_code == 0, told.output
    assert sorted(file.name for file in (tmp_path / "mine" / "test").iterdir()) == ["one.json", "two.json"]
    targets = json.loads((tmp_path / "mine" / "test" / "one.json").read_text())["targets"]
    assert [len(target["frames"]) for target in targets] == [2, 2]


def test_real_songs_are_scored_against_themselves(shared, tmp_path):
    test = shared / "real" / "musdb18hq-layout" / "test"
    songs = sorted(folder for folder in test.iterdir() if folder.is_dir())
    found = values(soundstage.score(songs[0], songs[0], metrics=["sdr"]))
    assert {source for _, source in found} == {"bass", "drums", "other", "vocals"}
    assert min(found.values()) > 60
