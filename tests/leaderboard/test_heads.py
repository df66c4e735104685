"""How much of a score depends on the head: which spatializers are heads, what is taken, and where it is told."""

from __future__ import annotations

import csv
import io
import json
import math

import numpy as np
import pyarrow as pa
import pytest

from boards import board_of
from soundstage.contracts import Score
from soundstage.leaderboard.heads import head_families, spread_over_heads
from soundstage.report.plain import format_csv, format_json, format_markdown
from soundstage.report.terminal import console, print_board
from soundstage.report.text import fine_print
from soundstage.results.records import CellRecord, Stage, StoredPlan, score_rows
from soundstage.results.store import Store

HEADS = ("hrir", "ku100", "kemar")


def setting(plugin, **parameters):
    return {"plugin": plugin, "parameters": parameters}


SETTINGS = {
    "hrir": setting("hrir", hrtf=None, level="consistent"),
    "ku100": setting("hrir", hrtf="file", level="consistent"),
    "kemar": setting("hrir", hrtf="file", level="consistent"),
    "panning": setting("panning"),
}


def families(**settings):
    return head_families({"settings": {"spatializers": settings}})


def folder(path, value, songs=8, heads=HEADS, spatializers=SETTINGS, measures=("SDR",), lacks=()):
    """A results folder; value(separator, song, head, source) → the score. lacks: (separator, song, head) without."""
    store = Store(path).prepare()
    cells = []
    for separator in ("model", "other"):
        for song in range(songs):
            for head in (*heads, "panning"):
                number = len(cells)
                cell, score = f"{number:064x}", f"{number + 5000:064x}"
                rows = [
                    Score(source, name, value(separator, song, head, at))
                    for at, source in enumerate(("bass", "drums"))
                    for name in measures
                ]
                status = Stage("failed") if (separator, song, head) in lacks else Stage("ok")
                kept = [] if status.status == "failed" else rows
                store.commit(CellRecord(cell, Stage("ok"), {score: status}), score_rows((score, "dB", r) for r in kept))
                labels = {"dataset": "d", "track": f"t{song}", "placement": "", "spatializer": head, "seed": 0}
                cells.append({"cell": cell, **labels, "separator": separator, "score:toy": score})
    about = {"role": "separator", "blind": True, "named": True, "needs": []}
    measure = {"unit": "dB", "higher_is_better": True, "headline": True, "label": ""}
    facts = {
        "id": "hand-00000000",
        "name": "hand",
        "revision": 1,
        "hash": "0" * 64,
        "separators": dict.fromkeys(("model", "other"), about),
        "metrics": {"toy": dict.fromkeys(measures, measure)},
        "settings": {"spatializers": spatializers},
    }
    store.save_plan(StoredPlan(pa.Table.from_pylist(cells), facts))
    return path


def by_head(separator, song, head, at):
    """Songs differ by 10 dB, sources by 3; of `model` heads by 1 dB from one to the next, of `other` by nothing."""
    step = ({name: float(index) for index, name in enumerate(HEADS)} | {"panning": 50.0})[head]
    return 10.0 * song + 3.0 * at + (step if separator == "model" else 0.0)


def test_heads_are_what_differs_in_its_files_alone():
    assert families(**SETTINGS) == [HEADS]
    loud = setting("hrir", hrtf="file", level="published")
    assert families(**SETTINGS, loud=loud) == [HEADS]
    assert families(**SETTINGS, loud=loud, sphere=setting("hrir", hrtf=None, level="published")) == [
        HEADS,
        ("loud", "sphere"),
    ]
    rooms = {name: setting("brir", brirs="file") for name in ("office", "hall")}
    assert families(**rooms) == [("office", "hall")]
    assert families(original=setting("original"), panning=setting("panning")) == []
    assert families(hrir=SETTINGS["hrir"], loud=loud) == []
    assert head_families({}) == []


def test_what_a_spatializer_refuses_makes_no_other_head_of_it():
    refusing = {"ku100": 90.0, "kemar": 30.0, "hrir": 30.0}
    settings = {name: setting("hrir", hrtf="file", refuse_beyond_deg=deg) for name, deg in refusing.items()}
    assert families(**settings) == [("kemar", "hrir")]
    told = {name: one | {"refusals": ["refuse_beyond_deg"]} for name, one in settings.items()}
    assert families(**told) == [("ku100", "kemar", "hrir")]
    loud = setting("hrir", hrtf="file", refuse_beyond_deg=90.0, level="published") | {"refusals": ["refuse_beyond_deg"]}
    assert families(**told, loud=loud) == [("ku100", "kemar", "hrir")]


def test_the_spread_is_within_songs_and_not_between_them(tmp_path):
    (heads,) = board_of(folder(tmp_path, by_head)).heads
    assert heads.heads == HEADS
    assert list(heads.songs.values()) == [8]
    (model,), (other,) = (tuple(heads.spreads[name].values()) for name in ("model", "other"))
    assert model.value == pytest.approx(1.0)  # of 0, 1, 2 dB
    assert model.interval == pytest.approx((1.0, 1.0), abs=1e-6)
    assert (other.value, other.interval) == (0.0, (0.0, 0.0))
    values = np.array([10.0 * song + 3.0 * at for song in range(8) for at in range(2)])
    assert model.by_head == pytest.approx({head: np.median(values) + step for step, head in enumerate(HEADS)})


def test_what_a_song_gains_with_one_head_it_may_lose_in_another_song(tmp_path):
    """Heads whose tables are equal may still matter: each song has its own best head."""

    def value(separator, song, head, at):
        return 10.0 * at + (4.0 if HEADS.index(head) == song % 3 else 0.0) if head in HEADS else 0.0

    (heads,) = board_of(folder(tmp_path, value, songs=9)).heads
    (spread,) = heads.spreads["model"].values()
    assert spread.value == pytest.approx(np.std([4.0, 0.0, 0.0], ddof=1))
    assert len(set(spread.by_head.values())) == 1


def test_only_scores_that_all_have_count(tmp_path):
    (heads,) = board_of(folder(tmp_path, by_head, lacks={("other", 2, "ku100"), ("model", 5, "hrir")})).heads
    assert list(heads.songs.values()) == [6]
    (spread,) = heads.spreads["model"].values()
    assert spread.value == pytest.approx(1.0)


def test_an_interval_is_as_wide_as_songs_differ_in_it_and_needs_five():
    rng = np.random.default_rng(1)
    scale = rng.uniform(0.5, 1.5, 200)
    songs = rng.normal(0, 20, (200, 1)) + scale[:, None] * np.array([-1.0, 0.0, 1.0])
    value, (low, high) = spread_over_heads(songs)
    assert value == pytest.approx(scale.mean())
    error = scale.std(ddof=1) / np.sqrt(200)
    assert (high - low) == pytest.approx(2 * 1.97 * error, rel=0.01)
    assert low * high == pytest.approx(value**2)
    assert spread_over_heads(songs[:4])[1] is None
    assert spread_over_heads(np.zeros((6, 3))) == (0.0, (0.0, 0.0))
    value, interval = spread_over_heads(np.array([[1.0, np.inf]] * 6))
    assert np.isnan(value)
    assert interval is None


def held(heads, songs, differ, studies=2000):
    """How often the interval holds the mean spread; differ: how much songs' own spreads do, as a factor's logarithm."""
    rng = np.random.default_rng(7)
    deviation = np.sqrt(2 / (heads - 1)) * math.gamma(heads / 2) / math.gamma((heads - 1) / 2)
    true, found = deviation * math.exp(differ**2 / 2), 0
    for _ in range(studies):
        own = np.exp(differ * rng.normal(0, 1, (songs, 1)))
        interval = spread_over_heads(rng.normal(0, 3, (songs, 1)) + own * rng.normal(0, 1, (songs, heads)))[1]
        found += interval[0] <= true <= interval[1]
    return found / studies


@pytest.mark.slow
@pytest.mark.parametrize(("heads", "songs"), [(2, 5), (2, 20), (3, 5), (3, 20)])
def test_intervals_hold_what_they_promise_where_songs_have_one_spread(heads, songs):
    assert 0.935 <= held(heads, songs, 0.0) <= 0.97


@pytest.mark.slow
def test_and_nearly_where_songs_own_spreads_differ_twofold():
    assert 0.89 <= held(2, 8, 0.7) <= 0.95


def test_the_csv_says_it_of_each_score_in_the_tables_of_those_heads_alone(tmp_path):
    board = board_of(folder(tmp_path, by_head))
    lines = list(csv.DictReader(io.StringIO(format_csv(board))))
    assert {line["spatializer"] for line in lines} == {*HEADS, "panning"}
    for line in lines:
        own = [line[name] for name in ("heads", "head_spread", "head_spread_low", "head_spread_high", "head_songs")]
        if line["spatializer"] == "panning":
            assert own == [""] * 5
        else:
            spread = 1.0 if line["separator"] == "model" else 0.0
            assert own[0] == "hrir ku100 kemar"
            assert [float(one) for one in own[1:]] == pytest.approx([spread, spread, spread, 8])
    together = list(csv.DictReader(io.StringIO(format_csv(board_of(folder(tmp_path / "all", by_head), by=[])))))
    assert {line["heads"] for line in together} == {"hrir ku100 kemar"}
    single = format_csv(board_of(folder(tmp_path / "one", by_head, heads=("ku100",)), by=[]))
    assert "head_spread" not in single


def test_every_form_tells_it(tmp_path, capsys):
    board = board_of(folder(tmp_path, by_head, measures=("SDR", "SIR")))
    print_board(board, console(width=120))
    shown = capsys.readouterr().out
    assert "by head: hrir, ku100, kemar" in shown
    markdown = format_markdown(board)
    assert "### by head: hrir, ku100, kemar" in markdown
    assert "| model | 1.00 [1.00, 1.00] | 1.00 [1.00, 1.00] |" in markdown
    assert "| other | 0.00 [0.00, 0.00] | 0.00 [0.00, 0.00] |" in markdown
    (sentence,) = [line for line in fine_print(board) if line.startswith("By head")]
    assert sentence == (
        "By head (hrir, ku100, kemar): within a song SDR of model differs by 1.00 [1.00, 1.00] dB (standard deviation"
        " over heads, mean over 8 songs), more than that of any other; over songs it is 36.50 to 38.50 dB."
    )
    assert sentence in shown.replace("\n", " ").replace("  ", " ")
    (heads,) = json.loads(format_json(board))["heads"]
    assert heads["spreads"]["model"]["toy"]["SDR"]["value"] == pytest.approx(1.0)
    assert heads["spreads"]["model"]["toy"]["SDR"]["by_head"]["kemar"] == 38.5


def test_a_grid_of_one_head_says_nothing_of_heads(tmp_path, capsys):
    board = board_of(folder(tmp_path, by_head, heads=("ku100",)), by=[])
    assert board.heads == ()
    print_board(board, console(width=120))
    assert "by head" not in (capsys.readouterr().out + format_markdown(board)).casefold()
