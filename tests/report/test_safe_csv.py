"""`--safe-csv`: no spreadsheet computes a name, a note or an error; numbers stay numbers."""

from __future__ import annotations

import csv
import io

import numpy
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from boards import board_of, results
from soundstage.audio import write_audio
from soundstage.cli import cli
from soundstage.contracts import Score
from soundstage.report.plain import format_csv
from soundstage.report.scores import scores_csv
from soundstage.report.text import FORMULA, uncomputed
from soundstage.results.loading import load_results

HARMFUL = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", " =1", "\u00a0@x", "\uff1d1", "-", "=", "--1"]


def cells(text: str) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(text)) for cell in row]


@pytest.mark.parametrize("text", [*HARMFUL, "\r=1"])
def test_a_text_that_spreadsheets_compute_gets_an_apostrophe(text):
    assert uncomputed(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "song", "-3.5", "+2", "-1e-05", "0", "inf", "-inf", "'=1", "a=b", "two\n=1"])
def test_plain_numbers_and_other_texts_stay_as_they_are(text):
    assert uncomputed(text) == text


@given(st.text() | st.builds(lambda first, rest: first + rest, st.sampled_from(FORMULA), st.text()))
def test_no_text_begins_as_a_formula_but_for_numbers(text):
    found = uncomputed(text)
    assert found.removeprefix("'") == text.removeprefix("'")
    if found.startswith(FORMULA):
        float(found)


@given(st.floats())
def test_every_number_stays_a_number(value):
    assert uncomputed(repr(value)) == repr(value)


def test_a_leaderboards_csv_holds_no_formula_and_its_numbers(tmp_path):
    rows = {(separator, "song"): [Score("bass", "SDR", -12.5)] for separator in HARMFUL}
    board = board_of(results(tmp_path, rows))
    plain, safe = cells(format_csv(board)), cells(format_csv(board, safe=True))
    assert {text for text in plain if text.startswith("=")} == {"=1+1", "="}
    assert not [text for text in safe if uncomputed(text) != text]
    assert [text.removeprefix("'") for text in safe] == plain
    assert safe.count("-12.5") == plain.count("-12.5") > 0


def test_scores_as_csv_hold_no_formula_and_their_numbers(tmp_path):
    rows = {("model", track): [Score("=bass", "SDR", -12.5, note="@note")] for track in HARMFUL}
    rows["model", "framed"] = [Score("bass", "SDR", -0.0, frame=0), Score("bass", "SDR", float("nan"), note="+")]
    found = load_results(results(tmp_path, rows))
    plain, safe = cells(scores_csv(found)), cells(scores_csv(found, safe=True))
    assert "@note" in plain
    assert not [text for text in safe if uncomputed(text) != text]
    assert [text.removeprefix("'") for text in safe] == plain
    assert "-12.5" in safe


def test_the_command_line_makes_csv_safe_where_it_is_asked_to(tmp_path):
    folder = results(tmp_path / "out", {("=evil", "song"): [Score("bass", "SDR", -1.0)]})
    asked = ["leaderboard", str(folder), "--format", "csv"]
    said = [CliRunner().invoke(cli, asked), CliRunner().invoke(cli, [*asked, "--safe-csv"])]
    assert [one.exit_code for one in said] == [0, 0]
    assert ",=evil," in said[0].output
    assert ",'=evil," in said[1].output
    rng = numpy.random.default_rng(1)
    for which in ("reference", "estimate"):
        for name in ("bass", "=drums"):
            (tmp_path / which / "song").mkdir(parents=True, exist_ok=True)
            write_audio(tmp_path / which / "song" / f"{name}.wav", rng.normal(0, 0.1, (2, 8000)), 8000)
    out = tmp_path / "scores.csv"
    options = ["--reference", str(tmp_path / "reference"), "--estimate", str(tmp_path / "estimate"), "--metric", "sdr"]
    done = CliRunner().invoke(cli, ["score", *options, "--safe-csv", "--quiet", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert ",'=drums," in out.read_text()
    assert ",=drums," not in out.read_text()
