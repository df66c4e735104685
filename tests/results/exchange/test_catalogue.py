"""A separator catalogue's score table becomes claims that give its own medians again."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import soundstage
from soundstage.cli import cli
from soundstage.errors import SoundstageError
from soundstage.results.exchange.catalogue import agrees


def numbers(text):
    """The numbers as they are written."""
    return text.split()


# 1_HP-UVR.pth in audio-separator's models-scores.json: SDR of vocals and instrumental on its 36 songs, as printed.
VOCALS = numbers("""5.24871 5.43096 8.37912 2.68601 9.77937 8.84219 9.73747 5.91892 9.15237 9.03781 10.2091 10.0986
6.76939 7.43502 3.57991 8.2519 6.89595 -20.544 6.08146 8.09982 8.99043 5.56311 3.47258 5.18906 6.18507 7.5812 7.76299
4.71433 8.12746
11.7225 9.20913 10.1419 1.88926 12.4278 10.1582 6.23827""")
INSTRUMENTAL = numbers("""14.8927 10.6068 15.3357 11.3974 12.781 11.0084 14.318 17.9788 12.4142 13.3057 13.2878 14.9512
14.8124
15.5321 14.8819 13.3555 13.7255 11.6498 16.2047 13.9941 18.8229 12.8085 10.3255 14.975 14.1405 14.0101 9.76063 10.3109
12.8668 11.5839 11.7055 16.1001 9.9125 20.8791 10.827 11.4443""")
MEDIANS = {"vocals": "7.6721", "instrumental": "13.3306"}
FIRST = ["A Classic Education - NightOwl", "ANiMAL - Clinic A"]


def table(**models):
    """The file's text, numbers as they are written."""
    text = {}
    for model, (stems, medians) in models.items():
        songs = FIRST + [f"song {number}" for number in range(3, 1 + len(next(iter(stems.values()))))]
        tracks = [
            {"track_name": song, "scores": {stem: {"SDR": f"#{values[at]}#"} for stem, values in stems.items()}}
            for at, song in enumerate(songs[: len(next(iter(stems.values())))])
        ]
        printed = {stem: {"SDR": f"#{median}#"} for stem, median in medians.items()}
        text[model.replace("_ckpt", ".ckpt")] = {
            "model_name": f"A model: {model}",
            "track_scores": tracks,
            "median_scores": printed,
            "stems": list(stems),
            "target_stem": "vocals",
        }
    return json.dumps(text).replace('"#', "").replace('#"', "")


def imported(tmp_path, text, *more):
    file = tmp_path / "models-scores.json"
    file.write_text(text)
    return CliRunner().invoke(cli, ["import", str(file), "--out", str(tmp_path / "out"), *more])


@pytest.mark.slow
def test_its_published_medians_come_out_to_the_last_digit_printed(tmp_path):
    stems = {"vocals": VOCALS, "instrumental": INSTRUMENTAL}
    told = imported(tmp_path, table(hp_ckpt=(stems, MEDIANS)))
    assert told.exit_code == 0, told.output
    assert "prints" not in told.output
    assert "training songs: A Classic Education - NightOwl and more of the 36 songs are MUSDB18's" in told.output
    frame = soundstage.load(tmp_path / "out")
    assert set(frame["separator"]) == {"hp.ckpt"}
    medians = frame.groupby("source", observed=True)["value"].median()
    assert agrees(medians["vocals"], MEDIANS["vocals"])
    assert agrees(medians["accompaniment"], MEDIANS["instrumental"])
    assert f"{medians['vocals']:.6g}" == MEDIANS["vocals"]
    board = CliRunner().invoke(cli, ["leaderboard", str(tmp_path / "out"), "--format", "json"])
    assert "claimed, not measured here" in board.output


def test_a_median_that_its_tracks_do_not_give_is_said(tmp_path):
    told = imported(tmp_path, table(a_ckpt=({"vocals": ["1.0", "2.0", "4.0"]}, {"vocals": "2.1"})))
    assert "a.ckpt: prints 2.1 as the median SDR of vocals, and its 3 tracks have 2" in told.output


def test_unequal_songs_two_protocols_and_models_without_scores_are_said(tmp_path):
    two = {"vocals": ["1.0", "2.0", "3.0"], "instrumental": ["1.0", "2.0", "3.0"]}
    four = {stem: ["5.0"] for stem in ("vocals", "drums", "bass", "other")}
    text = json.loads(table(two_ckpt=(two, {}), four_ckpt=(four, {})))
    text["none.onnx"] = {"model_name": "x", "track_scores": [], "median_scores": {}}
    told = imported(tmp_path, json.dumps(text))
    assert told.exit_code == 0, told.output
    assert "unequal songs: four.ckpt has 1, two.ckpt 3; " in told.output
    assert "and 1 are common to all 2" in told.output
    assert "two protocols: 1 models were scored on one or two sources, 1 on more" in told.output
    assert "1 models have no scores, none.onnx the first" in told.output


def test_one_model_can_be_taken_alone(tmp_path):
    text = table(a_ckpt=({"vocals": ["1.0"]}, {}), b_ckpt=({"vocals": ["2.0"]}, {}))
    assert imported(tmp_path, text, "--separator", "b.ckpt").exit_code == 0
    frame = soundstage.load(tmp_path / "out")
    assert list(frame["separator"].unique()) == ["b.ckpt"]
    with pytest.raises(SoundstageError, match=r"called c\.ckpt"):
        raise imported(tmp_path, text, "--separator", "c.ckpt").exception or AssertionError


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"track_scores": [', '"track_scores": [3, ', "a track needs a 'track_name'"),
        ('{"SDR": 1.0}', '{"SDR": "loud"}', "not a number"),
        ('{"vocals": {"SDR": 1.0}}', '{"vocals": 4}', "has no table of scores"),
    ],
)
def test_what_is_not_as_the_table_writes_it_is_named(tmp_path, old, new, words):
    text = table(a_ckpt=({"vocals": ["1.0"]}, {}))
    assert old in text
    told = imported(tmp_path, text.replace(old, new, 1))
    assert words in str(told.exception)
    assert "a.ckpt" in str(told.exception)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("value", "printed", "same"),
    [
        (7.672095, "7.6721", True),
        (7.67, "7.67", True),
        (7.675001, "7.67", False),
        (8, "7", False),
        (-20.5441, "-20.544", True),
    ],
)
def test_a_number_agrees_to_its_last_digit(value, printed, same):
    assert agrees(value, printed) is same
