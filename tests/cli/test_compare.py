"""`soundstage compare` prints what two separators differ in, in three formats."""

import csv
import io
import json

import pytest
from click.testing import CliRunner

from boards import results
from soundstage.cli import cli
from soundstage.contracts import Score


@pytest.fixture
def path(tmp_path):
    scores = {
        (name, f"song {song}"): [Score("bass", "SDR", float(song * step))]
        for song in range(1, 8)
        for name, step in (("one", 2), ("other", 1))
    }
    return results(tmp_path, scores)


def said(*arguments, status=0):
    found = CliRunner().invoke(cli, ["compare", *map(str, arguments)])
    assert found.exit_code == status, found.output
    return found.output


def test_the_table_says_who_beats_whom(path):
    text = said(path, "one", "other")
    assert "one against other  hand · revision 1 · 00000000" in text
    assert "SDR: one beats other by 4.00 dB [" in text
    assert "on 7 of 7 songs, p = 0.016." in text


def test_csv_and_json_are_for_programs(path):
    line = next(csv.DictReader(io.StringIO(said(path, "one", "other", "--format", "csv"))))
    assert (line["difference"], line["better"]) == ("4.0", "7")
    assert json.loads(said(path, "one", "other", "--format", "json"))["one"] == "one"


def test_csv_is_safe_for_spreadsheets_on_request(tmp_path):
    scores = {(name, f"s{song}"): [Score("bass", "SDR", 1.0)] for song in range(5) for name in ("=1+1", "b")}
    path = results(tmp_path, scores)
    assert ",=1+1,b," in said(path, "=1+1", "b", "--format", "csv")
    assert ",'=1+1,b," in said(path, "=1+1", "b", "--format", "csv", "--safe-csv")


def test_names_are_taken_in_any_case_and_misspelt_ones_get_the_nearest(path):
    assert "one against other" in said(path, "ONE", "Other")
    found = CliRunner().invoke(cli, ["compare", str(path), "on", "other"])
    assert "no separator 'on'" in str(found.exception)
