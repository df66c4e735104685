"""Figures for papers: the right numbers in them, the same to the bit each time, and no name does harm."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from boards import board_of
from soundstage.cli import cli
from soundstage.contracts import Score
from soundstage.results.circumstances import with_circumstances
from soundstage.results.loading import load_results
from soundstage.results.records import CellRecord, Stage, StoredPlan, score_rows
from soundstage.results.store import Store

pytest.importorskip("matplotlib", reason="figures need matplotlib: pip install 'soundstage[report]'")

HOSTILE = [
    *("<script>", "quotes\"' $x_1$ \\alpha", "../../etc/passwd", "x" * 300, "\U0001f600", "\u05e9\u05dc\u202e"),
    *("\x1b[31mred", '=HYPERLINK("http://x")', "日本語", "%d {0} &amp; #"),
]
ANGLES = (-60.0, 0.0, 60.0, 180.0)


def folder(path, names=("good", "twin", "bad"), songs=8, costs=True, metrics=("toy",)):
    """Every song has a source at each of ANGLES, turned by one place from song to song; `bad` is 5 dB behind."""
    store, cells, number = Store(path).prepare(), [], 0
    for song in range(songs):
        for at, name in enumerate(names):
            number += 1
            cell, score = f"{number:064x}", f"{number + 10**6:064x}"
            rows = []
            for place in range(len(ANGLES)):
                value = song * 0.3 - 5.0 * (at == len(names) - 1) + (0.1 if (song + at) % 2 else 0.0) + place
                rows += [Score(f"source {place}", "SDR", value), Score(f"source {place}", "SSR", value + 3.0)]
            azimuths = {f"source {place}": ANGLES[(place + song) % 4] for place in range(len(ANGLES))}
            details = {"separated_s": 2.0 + at} if costs else {}
            record = CellRecord(
                cell,
                Stage("ok", details=details),
                {score: Stage("ok")},
                {"azimuths": azimuths, "samples": 10, "rate": 1, "gain": 1.0},
            )
            store.commit(record, score_rows((score, "dB", row) for row in rows))
            labels = {"dataset": "d", "track": f"song {song}", "placement": "", "spatializer": "s", "seed": 0}
            cells.append({"cell": cell, **labels, "separator": name, "score:toy": score})
    measure = {"unit": "dB", "higher_is_better": True, "headline": True, "label": ""}
    facts = {
        "id": "hand-00000000",
        "name": "hand",
        "revision": 1,
        "hash": "0" * 64,
        "separators": {name: {"role": "separator", "blind": True, "named": True, "needs": []} for name in names},
        "metrics": {"toy": {"SDR": measure, "SSR": measure}},
    }
    store.save_plan(StoredPlan(pa.Table.from_pylist(cells), facts))
    return path


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("eight"))


@pytest.fixture(scope="module")
def scores(eight):
    from soundstage.report.figures.scores import Scores

    loaded = load_results(eight)
    rows = with_circumstances(loaded.rows, Store(eight).records(loaded.rows["cell"].unique()))
    return Scores(board_of(eight, cost=True), rows)


@pytest.fixture(scope="module")
def look():
    from soundstage.report.figures.style import looks

    return looks(dict.fromkeys(("good", "twin", "bad"), "separator"))


def drawn(path, out, *options):
    found = CliRunner().invoke(cli, ["figures", str(path), "--out", str(out), *options])
    assert found.exception is None, found.exception
    return {file.name for file in out.iterdir()}


@pytest.mark.parametrize(
    ("form", "begin"),
    [
        ("svg", b"<?xml"),
        pytest.param("png", b"\x89PNG", marks=pytest.mark.heavy),
        pytest.param("pdf", b"%PDF", marks=pytest.mark.heavy),
    ],
)
def test_every_figure_is_written_in_every_format(eight, tmp_path, form, begin):
    names = ("boxes", "ssr-against-sdr", "quality-against-cost", "critical-differences", "azimuth-sdr", "azimuth-ssr")
    assert drawn(eight, tmp_path, "--format", form) == {f"{name}.{form}" for name in names}
    assert all(file.read_bytes().startswith(begin) for file in tmp_path.iterdir())


def test_what_has_no_data_has_no_figure(tmp_path):
    found = drawn(
        folder(tmp_path / "few", songs=2, costs=False), tmp_path / "out", "--format", "svg", "--metric", "SDR"
    )
    assert found == {"boxes.svg", "azimuth-sdr.svg"}


@pytest.mark.slow
@pytest.mark.heavy
def test_a_figure_is_the_same_to_the_bit_in_every_process(eight, tmp_path):
    for seed in ("1", "2"):
        code = (
            "import sys, pathlib; from soundstage.report.figures.write import write_figures\n"
            "for form in ('pdf', 'svg', 'png'):\n"
            "    write_figures(sys.argv[1], pathlib.Path(sys.argv[2]), form, metrics=['SDR'])"
        )
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", code, str(eight), str(tmp_path / seed)]
        subprocess.run(command, check=True, env=environment, capture_output=True)
    files = sorted(file.name for file in (tmp_path / "1").iterdir())
    assert len(files) == 12
    for name in files:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes(), name


def test_values_over_azimuth_are_those_of_the_sources_that_sat_there(scores):
    section, column = scores.board.sections[0], scores.board.columns[0]
    table, course = scores.shared(section, column), dict(scores.over_azimuth(section, column))
    assert sorted(course) == sorted(ANGLES)
    songs = [int(track.removeprefix("song ")) for track in table.index.get_level_values("track")]
    places = [int(source.removeprefix("source ")) for source in table.index.get_level_values("source")]
    sat = np.array([ANGLES[(place + song) % 4] for place, song in zip(places, songs, strict=True)])
    for angle, values in course.items():
        for name, (value, interval) in values.items():
            assert value == pytest.approx(np.median(table.loc[sat == angle, name]))
            assert interval[0] <= value <= interval[1]


def test_mean_ranks_are_over_songs_and_ties_share_them(scores):
    ranks = scores.mean_ranks(scores.board.sections[0])
    assert ranks == {"good": 1.5, "twin": 1.5, "bad": 3.0}


def test_those_that_cannot_be_told_apart_are_joined(scores, look):
    from soundstage.report.figures.planes import critical_differences
    from soundstage.report.figures.style import styled

    section = scores.board.sections[0]
    with styled():
        figure = critical_differences(scores, section, look)
    (axes,) = figure.axes
    thick = [line for line in axes.get_lines() if line.get_linewidth() == 2.5]
    assert [sorted(line.get_xdata()) for line in thick] == [[1.5, 1.5]]
    assert {text.get_text().strip() for text in axes.texts} == {"good (1.50)", "twin (1.50)", "bad (3.00)"}


def test_boxes_hold_the_scores_of_each_source_and_entry(scores, look):
    from soundstage.report.figures.panels import box_plots
    from soundstage.report.figures.style import styled

    section = scores.board.sections[0]
    with styled():
        figure = box_plots(scores, section, look)
    axes = figure.axes[0]
    assert axes.get_ylabel() == "SDR (dB) ↑"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == [f"source {place}" for place in range(4)]
    lines = [np.asarray(line.get_ydata()) for line in axes.get_lines() if line.get_color() == "black"]
    medians = sorted(float(places[0]) for places in lines if len(places))
    table = scores.shared(section, scores.board.columns[0])
    assert medians == pytest.approx(sorted(table.groupby(level="source").median().to_numpy().ravel()))


def test_left_is_left_and_the_front_is_up(scores, look):
    from soundstage.report.figures.panels import azimuth_plot
    from soundstage.report.figures.style import styled

    with styled():
        figure = azimuth_plot(scores, scores.board.sections[0], scores.board.columns[0], look)
        figure.canvas.draw()
    axes = figure.axes[0]
    ahead, left, right = (axes.transData.transform((np.radians(angle), 5.0)) for angle in (0.0, 90.0, -90.0))
    middle = (left + right) / 2.0
    assert left[0] < middle[0] < right[0]
    assert ahead[1] > middle[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "form", [pytest.param("pdf", marks=pytest.mark.heavy), "svg", pytest.param("png", marks=pytest.mark.heavy)]
)
def test_hostile_names_are_drawn_and_stay_in_the_folder(tmp_path, form):
    out = tmp_path / "deep" / "out"
    names = drawn(folder(tmp_path / "hostile", HOSTILE, songs=2), out, "--format", form)
    assert {file.name for file in tmp_path.iterdir()} == {"hostile", "deep"}
    assert all(name.replace("-", "").replace(".", "").isalnum() and len(name) < 80 for name in names)
    if form == "svg":
        text = "".join((out / name).read_text(encoding="utf-8") for name in names)
        assert "<script" not in text
        assert not any(letter in text for letter in "\x1b\u202e")


def test_groups_of_any_name_have_files_of_their_own(eight, tmp_path):
    names = drawn(eight, tmp_path, "--format", "svg", "--by", "source", "--metric", "SDR")
    assert {"boxes-source-0.svg", "boxes-source-3.svg", "azimuth-sdr-source-1.svg"} <= names


def test_names_are_shortened_and_what_the_font_lacks_is_spelt_out():
    from soundstage.report.figures.style import LONGEST, shown

    assert len(shown("x" * 300)) <= LONGEST
    assert "…" in shown("x" * 300)
    assert shown("日") == "[U+65E5]"
    assert shown("שa") == "[U+05E9]a"
    assert shown("a\u202eb") == "a\\u202eb"
    assert shown("ΔITD µs ö") == "ΔITD µs ö"


def test_colours_are_seen_apart_and_no_two_of_sixteen_entries_look_alike():
    from soundstage.report.figures.style import looks

    found = looks({**{f"s{at}": "separator" for at in range(16)}, "a": "oracle", "b": "oracle", "c": "floor"})
    assert len({(one.colour, one.hatch) for one in found.values()}) == 19
    assert found["a"].colour not in {found[f"s{at}"].colour for at in range(16)}


def test_without_matplotlib_a_sentence_says_what_to_install(eight, tmp_path, monkeypatch):
    monkeypatch.setattr("soundstage.report.figures.style.find_spec", lambda name: None)
    found = CliRunner().invoke(cli, ["figures", str(eight), "--out", str(tmp_path / "out")])
    assert "figures need matplotlib, which is not installed: pip install 'soundstage[report]'" in str(found.exception)
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_into_a_link(eight, tmp_path):
    (tmp_path / "boxes.svg").symlink_to(tmp_path / "elsewhere.svg")
    found = CliRunner().invoke(cli, ["figures", str(eight), "--out", str(tmp_path), "--format", "svg"])
    assert "is a link, and nothing is written into a link" in str(found.exception)
    assert not (tmp_path / "elsewhere.svg").exists()
