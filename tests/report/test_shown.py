"""Boards, comparisons and cards show themselves: as plain text in a terminal, as HTML without harm in a notebook."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

import soundstage
from boards import results
from soundstage.audiometry.card import Audiometry, Card, Cost, Finding
from soundstage.contracts import Score
from soundstage.report.shown import Board, Cards
from studies import study

HOSTILE = ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\x1b[31mred", "\u202egnol", "&amp;", "a|b\"'"]
ALLOWED = {"p", "b", "table", "thead", "tbody", "tr", "th", "td", "div", "small", "br", "pre"}


class Reader(HTMLParser):
    """The tags, attributes and texts of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.texts = set(), set(), []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return study(tmp_path_factory.mktemp("study") / "out", songs=6)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    scores = {
        (name, f"{HOSTILE[0]} {track}"): [Score("vocals", "SDR", float(at + track))]
        for at, name in enumerate(HOSTILE)
        for track in range(6)
    }
    return results(tmp_path_factory.mktemp("hostile") / "out", scores)


def harmless(page):
    found = Reader(page)
    assert found.tags <= ALLOWED
    assert found.attributes <= {"style"}
    assert "\x1b" not in page
    assert "\u202e" not in page
    return found


def test_a_board_is_a_table_in_a_terminal_and_in_a_notebook(folder):
    board = soundstage.open(folder).board(metrics=["sdr"])
    text = repr(board)
    assert text.startswith("Leaderboard  study · revision 1 · 00000000")
    assert "\x1b" not in text
    best = board.sections[0].rows[2]
    assert best.rank == 1
    shown = f"{best.values[board.ranked_by].value:.2f}"
    assert f"{shown}*" in text
    found = harmless(board._repr_html_())
    assert best.separator in found.texts
    assert any(text.startswith(shown) for text in found.texts)


def test_a_board_as_wide_as_the_terminal(folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    lines = repr(soundstage.open(folder).board(metrics=["sdr", "interaural"], by=[])).split("\n")
    assert 90 < max(map(len, lines)) <= 100


def test_a_comparison_shows_itself_and_is_the_frame_of_compare(folder):
    found = soundstage.open(folder).compare("alpha", "beta", metrics=["sdr"])
    assert "SDR: alpha beats beta by" in repr(found)
    assert any("alpha beats beta" in text for text in harmless(found._repr_html_()).texts)
    import pandas as pd

    pd.testing.assert_frame_equal(found.frame(), soundstage.compare(folder, "alpha", "beta", metrics=["sdr"]))


def test_no_name_does_harm(hostile):
    opened = soundstage.open(hostile)
    texts = "".join(harmless(opened.board()._repr_html_()).texts)
    assert "<script>alert(1)</script>" in texts
    assert "\\x1b[31mred" in texts
    harmless(opened.compare(HOSTILE[0], HOSTILE[1])._repr_html_())
    harmless(opened._repr_html_())
    harmless(opened.status()._repr_html_())
    for shown in (opened.board(), opened.compare(HOSTILE[2], HOSTILE[3]), opened):
        assert not set("\x1b\u202e") & set(repr(shown))


def test_a_frame_of_a_board_has_texts_and_numbers(folder, tmp_path):
    board = soundstage.open(folder).board(metrics=["sdr"], cost=True)
    frame = board.frame()
    assert list(frame["hash"].unique()) == ["0" * 64]
    alpha = frame[(frame["separator"] == "alpha") & (frame["spatializer"] == "hrir")].iloc[0]
    row = next(row for row in board.sections[0].rows if row.separator == "alpha")
    value = row.values[board.ranked_by]
    assert (alpha["value"], alpha["low"], alpha["high"]) == (value.value, *value.interval)
    assert alpha["best_blind"]
    assert alpha["real_time_factor"] == pytest.approx(row.cost.real_time_factor)
    numbers = results(tmp_path / "numbers", {("1", "a"): [Score("vocals", "SDR", 1.0)]})
    assert list(soundstage.open(numbers).board().frame()["separator"]) == ["1"]


def test_cards_show_themselves(folder):
    card = Card(
        metric="<b>m",
        name="SDR",
        label="SDR",
        unit="dB",
        higher_is_better=True,
        decimals=2,
        follows=("gain",),
        ignores=(),
        unprobed=(),
        scores=1,
        sources=("vocals",),
        ceiling=100.0,
        floors={"mixture": 1.0},
        span=99.0,
        without=0.0,
        reason="",
        doubted=0.0,
        curves=(),
        by_source={},
        responsive=1.0,
        selective=1.0,
        smooth=1.0,
        mirrored=1.0,
        cost=Cost(1.0, 1.0),
        findings=(Finding("blind", ("gain",), (), "does <i>not</i> move with gain"),),
    )
    found = Cards.of(Audiometry("grid · revision 1", 3, 9.0, (card,), ("it <failed>",)))
    assert "✗ does <i>not</i> move with gain" in repr(found)
    texts = harmless(found._repr_html_()).texts
    assert "✗ does <i>not</i> move with gain" in texts
    assert "came to nothing: it <failed>" in texts


def test_a_board_of_a_board_is_equal_in_every_value(folder):
    from boards import board_of

    plain = board_of(folder)
    shown = Board.of(plain)
    assert all(getattr(shown, name) == getattr(plain, name) for name in plain.__dataclass_fields__)
    assert isinstance(shown, type(plain))
