"""Protocols of aggregation, against numbers worked out by hand and against published tables."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest

from boards import board_of, counts, numbers, results
from soundstage.contracts import Score
from soundstage.errors import SoundstageError
from soundstage.leaderboard.protocols import PROTOCOLS
from soundstage.report.plain import format_csv, format_json, format_markdown

NAN = float("nan")


def scored(source, track_value, frames, note=""):
    """A whole-track row and its frames; NaN frames have a note."""
    yield Score(source, "SDR", track_value, note=note or ("none" if math.isnan(track_value) else ""))
    for index, value in enumerate(frames):
        yield Score(source, "SDR", value, index, note="silent" if math.isnan(value) else "")


# Three tracks, two sources, NaN frames. The whole-track values are none of the averages, so it shows who takes them.
#                       median of frames   mean of frames
# a: bass  1 2 9 ·            2                 4
# b: bass  0 4 · ·            2                 2
# c: bass  6 6 9 11          7.5                8
# a: voice 10 · · ·          10                10
# b: voice 1 1 4             1                  2
# c: voice 3 5 ·             4                  4
FRAMES: dict[str, dict[str, list[float]]] = {
    "a": {"bass": [1, 2, 9, NAN], "voice": [10, NAN, NAN, NAN]},
    "b": {"bass": [0, NAN, 4, NAN], "voice": [1, 1, 4]},
    "c": {"bass": [6, 6, 9, 11], "voice": [3, 5, NAN]},
}
WHOLE = {"a": {"bass": 100, "voice": 400}, "b": {"bass": 200, "voice": 500}, "c": {"bass": 300, "voice": 900}}


@pytest.fixture
def toy(tmp_path):
    """The scores above, of one separator."""
    return results(
        tmp_path,
        {
            ("model", track): [
                score
                for source, frames in sources.items()
                for score in scored(source, float(WHOLE[track][source]), map(float, frames))
            ]
            for track, sources in FRAMES.items()
        },
    )


@pytest.mark.parametrize(
    ("protocol", "bass", "voice", "overall"),
    [
        ("soundstage", 200, 500, 350),
        ("binaural-mss", 200, 500, 350),
        ("museval", 2, 4, 3),
        ("demucs", 11.5 / 3, 5, (11.5 / 3 + 5) / 2),
        ("spain-net", 14 / 3, 16 / 3, 5),
    ],
)
def test_each_protocol_gives_the_numbers_worked_out_by_hand(toy, protocol, bass, voice, overall):
    by_source = board_of(toy, by=["source"], protocol=protocol)
    values = {section.group["source"]: numbers(section.rows[0])[0] for section in by_source.sections}
    assert values == pytest.approx({"bass": bass, "voice": voice})
    board = board_of(toy, by=[], protocol=protocol)
    assert numbers(board.sections[0].rows[0])[0] == pytest.approx(overall)
    assert counts(board.sections[0]) == ((6, 6),)


def test_a_row_for_all_sources_is_the_mean_over_sources_however_many_tracks_each_has(tmp_path):
    folder = results(
        tmp_path,
        {
            ("model", "a"): [*scored("bass", 0.0, [1.0]), *scored("voice", 0.0, [7.0])],
            ("model", "b"): [*scored("bass", 0.0, [3.0])],
        },
    )
    assert numbers(board_of(folder, protocol="demucs").sections[0].rows[0]) == (4.5,)
    assert numbers(board_of(folder, protocol="museval").sections[0].rows[0]) == (4.5,)


def test_a_metric_without_frames_keeps_its_whole_track_value(tmp_path):
    folder = results(
        tmp_path,
        {("model", track): [Score("bass", "SDR", value)] for track, value in zip("abc", (1, 2, 6), strict=True)},
    )
    assert numbers(board_of(folder, protocol="museval").sections[0].rows[0]) == (2.0,)
    assert numbers(board_of(folder, protocol="spain-net").sections[0].rows[0]) == (3.0,)


def test_a_track_whose_frames_have_no_value_is_left_out_and_the_reason_is_said(tmp_path):
    scores = {
        ("model", "a"): list(scored("bass", 50.0, [NAN, NAN])),
        ("model", "b"): list(scored("bass", 50.0, [3.0, NAN])),
    }
    board = board_of(results(tmp_path, scores), protocol="museval")
    assert numbers(board.sections[0].rows[0]) == (3.0,)
    assert counts(board.sections[0]) == ((1, 2),)
    assert any("1 of 2 scores have no value, mostly: no frame has a value" in note for note in board.notes)


def test_flagged_frames_and_flagged_tracks_are_left_out(tmp_path):
    flagged = Score("bass", "SDR", 99.0, 1, note="singular", ranked=False)
    scores = {
        ("model", "a"): [Score("bass", "SDR", 5.0), Score("bass", "SDR", 1.0, 0), flagged],
        ("model", "b"): [
            Score("bass", "SDR", 5.0, note="singular", ranked=False),
            Score("bass", "SDR", 70.0, 0),
        ],
    }
    board = board_of(results(tmp_path, scores), protocol="spain-net")
    assert numbers(board.sections[0].rows[0]) == (1.0,)
    assert any("are left out, mostly: singular" in note for note in board.notes)


def test_entries_are_ranked_on_shared_scores_under_every_protocol(tmp_path):
    scores = {
        ("good", "a"): list(scored("bass", 5.0, [5.0])),
        ("good", "b"): list(scored("bass", 1.0, [1.0])),
        ("lucky", "a"): list(scored("bass", 4.0, [4.0])),
        ("lucky", "b"): list(scored("bass", 9.0, [NAN])),
    }
    for protocol in ("museval", "demucs", "spain-net"):
        section = board_of(results(tmp_path, scores), protocol=protocol).sections[0]
        assert [(row.separator, row.rank, numbers(row)) for row in section.rows] == [
            ("good", 1, (5.0,)),
            ("lucky", 2, (4.0,)),
        ]


def test_the_leaderboard_says_which_protocol_it_follows(toy):
    board = board_of(toy, protocol="demucs")
    assert board.protocol is PROTOCOLS["demucs"]
    assert "Protocol demucs: each value is the mean over tracks, then the mean over sources of the median" in (
        format_markdown(board)
    )
    assert json.loads(format_json(board))["protocol"]["name"] == "demucs"
    assert next(csv.DictReader(format_csv(board).splitlines()))["protocol"] == "demucs"
    assert board_of(toy).protocol.name == "soundstage"


def test_an_unknown_protocol_gets_the_nearest_one_suggested(toy):
    with pytest.raises(SoundstageError, match="unknown protocol 'demusc'; did you mean 'demucs'"):
        board_of(toy, protocol="demusc")


def test_the_command_line_takes_the_protocols_name(toy):
    from click.testing import CliRunner

    from soundstage.cli import cli

    told = CliRunner().invoke(cli, ["leaderboard", str(toy), "--protocol", "spain-net"])
    assert told.exit_code == 0, told.output
    assert "Protocol spain-net" in told.output
    refused = CliRunner().invoke(cli, ["leaderboard", str(toy), "--protocol", "spainnet"])
    assert isinstance(refused.exception, SoundstageError)
    assert "did you mean 'spain-net'" in str(refused.exception)


@pytest.mark.parametrize(
    ("measure", "better", "model", "file", "stereo_or_binaural"),
    [
        ("SSR", True, "Demucs", "spauq_2025-03-23_htdemucs_ft_binaural.csv", "Binaural"),
        ("SRR", True, "OpenUnmix", "spauq_2025-03-24_umxhq_binaural.csv", "Binaural"),
        ("diff_ITD", False, "OpenUnmix", "interaural_2025-06-26_umxhq_binaural.csv", "Binaural"),
        ("diff_ILD", False, "Demucs", "interaural_2025-06-26_htdemucs_ft_stereo.csv", "Stereo"),
    ],
)
def test_binaural_mss_gives_the_published_medians_from_the_published_tracks(
    tmp_path, shared, measure, better, model, file, stereo_or_binaural
):
    tracks = {}
    for line in csv_lines(shared / "published" / file):
        tracks.setdefault((model, line["title"]), []).append(Score(line["source"], measure, float(line[measure])))
    folder = results(tmp_path, tracks, (measure,), better)
    overall = numbers(board_of(folder, by=[], protocol="binaural-mss").sections[0].rows[0])[0]
    wanted = published(shared, "overall", stereo_or_binaural, model)
    assert round(overall, 2) == float(wanted[0][measure])
    for section in board_of(folder, by=["source"], protocol="binaural-mss").sections:
        wanted = published(shared, "by_source", stereo_or_binaural, model)
        of_source = next(line for line in wanted if line["source"] == section.group["source"])
        assert round(numbers(section.rows[0])[0], 2) == float(of_source[measure])


def published(shared, table, dataset, model):
    lines = csv_lines(shared / "published" / f"median_metrics_{table}.csv")
    return [line for line in lines if (line["dataset"], line["model"]) == (dataset, model)]


def csv_lines(file):
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
