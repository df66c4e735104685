"""`soundstage report` writes a folder with what the leaderboard says, and overwrites nothing that is not its own."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from boards import board_of, results
from soundstage.cli import cli
from soundstage.contracts import Score
from soundstage.errors import NotInstalled, SoundstageError
from soundstage.report.html import page
from soundstage.report.html.write import write_report
from studies import study

pytest.importorskip("plotly", reason="pip install 'soundstage[report]' brings the plots")

HOSTILE = (
    "<script>alert(1)</script>",
    "\"quotes\" & 'more'",
    "../../outside",
    "n" * 300,
    "drums 🥁",
    "\u202eright to left",
    "\x1b]0;title\x07",
    '=HYPERLINK("http://x")',
    "</script><img src=x onerror=alert(1)>",
)


def data_of(folder: Path):
    text = (folder / "data" / "report.js").read_text(encoding="ascii")
    return json.loads(text.removeprefix("window.soundstage = ").rstrip().removesuffix(";"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return study(
        tmp_path_factory.mktemp("study") / "results", songs=6, models=("alpha", "beta"), spatializers=("hrir",)
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A folder whose report is made in a moment."""
    return results(
        tmp_path_factory.mktemp("small") / "results",
        {("alpha", "one"): [Score("bass", "SDR", 1.0)], ("beta", "one"): [Score("bass", "SDR", 2.0)]},
    )


@pytest.fixture(scope="module")
def report(folder):
    write_report(folder, folder.parent / "report")
    return folder.parent / "report"


def test_values_ranks_and_intervals_are_the_leaderboards(folder, report):
    found = data_of(report)
    board = board_of(folder)
    assert found["title"] == board.title
    section = found["boards"][0]["sections"][0]
    for row, own in zip(section["rows"], board.sections[0].rows, strict=True):
        assert (row["separator"], row["rank"], row["group"]) == (own.separator, own.rank, own.group)
        for (value, best, ends), column in zip(row["values"], board.columns, strict=True):
            assert value == own.values[column].value  # to the last bit: what is printed is rounded once
            assert best == own.values[column].best
            assert tuple(ends) == own.values[column].interval
    assert found["boards"][0]["notes"][0].startswith("Protocol soundstage")


def test_every_protocol_is_there_with_and_without_sources(report):
    found = data_of(report)
    have = {(board["protocol"], "source" in board["sections"][0]["group"]) for board in found["boards"]}
    assert have == {(protocol, split) for protocol in found["protocols"] for split in (False, True)}


def test_every_score_is_there_with_its_angles(report):
    found = data_of(report)
    count = 6 * 4
    assert len(found["cells"]["azimuth"]) == count
    assert all(len(values) == count and None not in values for of in found["values"] for values in of)
    assert {abs(angle) % 10 for angle in found["cells"]["azimuth"]} == {0}


def test_the_atlas_is_the_median_of_what_sat_there(folder, report):
    import numpy as np

    import soundstage

    found = data_of(report)
    rows = soundstage.load(folder)
    rows = rows[(rows["name"] == "SDR") & (rows["spatializer"] == "hrir") & (rows["separator"] == "alpha")]
    alpha = [one["name"] for one in found["separators"]].index("alpha")
    points = found["atlas"][0]["hrir"]
    assert sum(point["scores"] for point in points) == len(rows)
    for point in points:
        own = rows.loc[(rows["azimuth"] - point["at"]).abs() <= 5.0, "value"]
        assert point["scores"] == len(own)
        ((value, ends),) = [(value, ends) for at, value, ends in point["values"] if at == alpha]
        assert value == pytest.approx(np.median(own), rel=1e-5)
        assert (ends is None) == (point["songs"] < 5)


def test_nothing_in_it_points_outside(report):
    text = (report / "index.html").read_text(encoding="utf-8")
    assert "http" not in text.replace("http-equiv", "")
    assert {path.name for path in report.iterdir()} == {"index.html", "assets", "data", "clips", page.MARK}


def test_hostile_names_stay_texts(tmp_path):
    scores = {(name, f"song {at}"): [Score("bass", "SDR", float(at))] for at in range(5) for name in HOSTILE}
    write_report(results(tmp_path / "results", scores), tmp_path / "report")
    text = (tmp_path / "report" / "data" / "report.js").read_text(encoding="ascii")
    assert "</script" not in text
    found = data_of(tmp_path / "report")
    names = {one["name"] for one in found["separators"]}
    assert "<script>alert(1)</script>" in names
    assert not any(letter in name for name in names for letter in "\x1b\x07\u202e")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report", "results"]


def test_a_later_report_replaces_an_earlier_one_and_nothing_else(small, tmp_path):
    out = tmp_path / "report"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(SoundstageError, match="holds files that are no report's"):
        write_report(small, out)
    assert (out / "thesis.tex").read_text() == "years of work"
    (out / "thesis.tex").unlink()
    write_report(small, out)
    (out / "clips" / "old.js").write_text("")
    write_report(small, out)
    assert not (out / "clips" / "old.js").exists()


def test_a_report_is_not_written_through_a_link(small, tmp_path):
    write_report(small, tmp_path / "report")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("")
    (tmp_path / "report" / "clips").rmdir()
    (tmp_path / "report" / "clips").symlink_to(elsewhere)
    with pytest.raises(SoundstageError, match="is a link"):
        write_report(small, tmp_path / "report")
    assert (elsewhere / "kept").exists()


def test_a_file_in_its_place_is_named(small, tmp_path):
    (tmp_path / "report").write_text("")
    with pytest.raises(SoundstageError, match="is a file"):
        write_report(small, tmp_path / "report")


def test_without_plotly_it_says_what_to_install(small, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "find_spec", lambda name: None)
    with pytest.raises(NotInstalled, match=r"pip install 'soundstage\[report\]'"):
        write_report(small, tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_the_verb_says_where_it_is(small, tmp_path):
    out = tmp_path / "report"
    found = CliRunner().invoke(cli, ["report", str(small), "--out", str(out)])
    assert found.exit_code == 0, found.output
    assert f"wrote {out / 'index.html'}, 4" in found.output
