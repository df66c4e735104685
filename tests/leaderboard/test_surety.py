"""Tables say how sure they are, in every view; of too few songs they say that they cannot."""

import csv
import io
import json

import pytest

from boards import board_of, results
from soundstage.contracts import Score
from soundstage.report.plain import format_csv, format_json, format_markdown
from soundstage.report.terminal import console, print_board


def folder(path, songs, better=True):
    """`good` is better than `twin` by a hair either way, and than `bad` by 5 dB on all but the first song."""
    scores = {}
    for song in range(songs):
        base = float(song % 7)
        values = {"good": base, "twin": base + (0.01 if song % 2 else -0.01), "bad": base - 5.0 if song else base + 1.0}
        for name, value in values.items():
            rows = [Score(source, "SDR", value + shift) for source, shift in (("bass", 0.0), ("vocals", 0.5))]
            scores[name, f"song {song}"] = rows
    return results(path, scores, better=better)


def printed(board, **options):
    out = io.StringIO()
    print_board(board, console(file=out, width=120, color_system=None), **options)
    return out.getvalue()


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    return board_of(folder(tmp_path_factory.mktemp("twelve"), 12))


def row_of(board, name):
    return {row.separator: row for row in board.sections[0].rows}[name]


def test_values_lie_in_their_intervals(board):
    for row in board.sections[0].rows:
        value = row.values[board.ranked_by]
        low, high = value.interval
        assert low <= value.value <= high
        assert high - low > 0.5


def test_those_that_cannot_be_told_apart_share_a_group(board):
    groups = {row.separator: row.group for row in board.sections[0].rows}
    assert groups == {"good": "a", "twin": "a", "bad": "b"}


def test_ranks_say_between_which_they_are(board):
    first, second = board.sections[0].rows[:2]
    assert {first.separator, second.separator} == {"good", "twin"}
    assert first.standing.ranks == second.standing.ranks == (1, 2)
    assert row_of(board, "bad").standing.ranks == (3, 3)
    assert sum(row.standing.best for row in board.sections[0].rows) == pytest.approx(1.0)


def test_each_is_set_against_the_best_song_by_song(board):
    found = row_of(board, "bad").against_best
    assert (found.songs, found.better, found.worse) == (12, 1, 11)
    assert found.p_value < 0.05
    assert found.effect < -0.8
    assert board.sections[0].rows[0].against_best is None


def test_lower_values_are_better_where_the_measure_says_so(tmp_path):
    found = board_of(folder(tmp_path, 12, better=False))
    assert found.sections[0].rows[0].separator == "bad"
    assert row_of(found, "bad").standing.ranks == (1, 1)
    assert row_of(found, "good").against_best.worse == 11


def test_four_songs_are_said_to_be_too_few(tmp_path):
    found = board_of(folder(tmp_path, 4))
    assert all(row.standing is None and not row.group for row in found.sections[0].rows)
    text = " ".join(printed(found).split())
    assert "n = 4 songs is too few to say how sure values and ranks are" in text
    assert "[95 %]" not in text


def test_five_songs_have_intervals_and_cannot_be_told_apart(tmp_path):
    text = " ".join(printed(board_of(folder(tmp_path, 5))).split())
    assert "[95 %]" in text
    assert "no two separators can be told apart on these 5 songs" in text


def test_the_terminal_shows_rank_group_and_interval(board):
    text = printed(board)
    assert "ranks  group" in text
    assert "1–2    a" in text
    assert "3–3" not in text
    assert f"[{row_of(board, 'bad').values[board.ranked_by].interval[0]:.2f}, " in text


def test_markdown_and_csv_and_json_have_them_too(board):
    bad = row_of(board, "bad")
    low, high = bad.values[board.ranked_by].interval
    assert f"[{low:.2f}, {high:.2f}]" in format_markdown(board)
    assert "| 3 (3) b |" in format_markdown(board)
    lines = {line["separator"]: line for line in csv.DictReader(io.StringIO(format_csv(board)))}
    assert float(lines["bad"]["low"]) == low
    assert (lines["bad"]["rank_low"], lines["bad"]["group"], lines["bad"]["songs_worse"]) == ("3", "b", "11")
    section = json.loads(format_json(board))["sections"][0]
    assert section["scores"]["toy"]["SDR"]["songs"] == 12
    assert section["rows"][-1]["against_best"]["p_value"] == bad.against_best.p_value


def test_the_same_folder_gives_the_same_intervals_again(tmp_path):
    once, again = (board_of(folder(tmp_path / name, 6)) for name in ("a", "b"))
    assert once.sections[0].rows == again.sections[0].rows
