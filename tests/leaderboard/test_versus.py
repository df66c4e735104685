"""Two separators against each other: what is said agrees with the numbers, and nothing is claimed that is not shown."""

import csv
import io
import json
import re

import numpy as np
import pytest

from boards import results
from soundstage.contracts import Score
from soundstage.errors import SoundstageError
from soundstage.leaderboard.versus import versus
from soundstage.report.terminal import console
from soundstage.report.versus import print_versus, sentence, versus_csv, versus_json
from soundstage.results.loading import load_results


def folder(path, songs, gap, spread=1.0, better=True, seed=0):
    """`ahead` is `gap` above `behind` on average, with that spread from song to song; the bass alike in both."""
    rng, scores = np.random.default_rng(seed), {}
    for song in range(songs):
        base, apart = rng.normal(0.0, 5.0), rng.normal(gap, spread)
        scores["behind", f"song {song}"] = [Score("bass", "SDR", base), Score("vocals", "SDR", base)]
        scores["ahead", f"song {song}"] = [Score("bass", "SDR", base), Score("vocals", "SDR", base + apart)]
    return results(path, scores, better=better)


def found_in(path, one="ahead", other="behind", **options):
    return versus(load_results(path), one, other, **options)


def contrasts(found):
    return {contrast.source or "all": contrast for contrast in found.tables[0][1]}


def printed(found, width=160):
    out = io.StringIO()
    print_versus(found, console(file=out, width=width, color_system=None))
    return out.getvalue()


@pytest.fixture(scope="module")
def clear(tmp_path_factory):
    return found_in(folder(tmp_path_factory.mktemp("clear"), 20, gap=2.0))


def test_a_clear_difference_is_shown_where_it_is(clear):
    by_source = contrasts(clear)
    assert by_source["vocals"].is_shown
    assert by_source["all"].is_shown
    assert not by_source["bass"].is_shown
    assert by_source["vocals"].difference == pytest.approx(2.0, abs=0.7)
    low, high = by_source["vocals"].interval
    assert 0.5 < low < by_source["vocals"].difference < high < 3.5


def test_scores_alike_are_ties(clear):
    bass = contrasts(clear)["bass"].test
    assert (bass.ties, bass.better, bass.worse, bass.p_value) == (20, 0, 0, 1.0)


def test_the_sentence_says_who_by_how_much_and_on_how_many_songs(clear):
    vocals = contrasts(clear)["vocals"]
    said = sentence(clear, vocals)
    assert said.startswith(f"SDR of vocals: ahead beats behind by {vocals.difference:.2f} dB [")
    assert f"on {vocals.test.better} of 20 songs, p < 0.001." in said


def test_the_other_way_round_says_the_same(clear, tmp_path):
    turned = found_in(folder(tmp_path, 20, gap=2.0), "behind", "ahead")
    one, other = contrasts(clear)["vocals"], contrasts(turned)["vocals"]
    assert other.difference == pytest.approx(-one.difference)
    assert other.test.p_value == pytest.approx(one.test.p_value)
    assert sentence(turned, other) == sentence(clear, one)


def test_lower_is_better_turns_the_verdict(tmp_path):
    found = found_in(folder(tmp_path, 20, gap=2.0, better=False))
    assert "behind beats ahead by" in sentence(found, contrasts(found)["vocals"])


def test_no_difference_is_said_with_what_would_show_one(tmp_path):
    found = found_in(folder(tmp_path, 12, gap=0.0, spread=2.0))
    said = sentence(found, contrasts(found)["vocals"])
    assert "no difference shown at n = 12 (p = " in said
    needed = int(re.search(r"(\d+) songs would show 0.5 dB at 80 % power", said)[1])
    assert 50 < needed < 250


def test_four_songs_are_too_few_to_say(tmp_path):
    found = found_in(folder(tmp_path, 4, gap=9.0, spread=0.1))
    assert contrasts(found)["vocals"].interval is None
    assert "n = 4 songs is too few" in sentence(found, contrasts(found)["vocals"])
    assert "beats" not in printed(found)


def test_a_test_that_the_typical_difference_does_not_bear_out_is_not_called_a_win(tmp_path):
    scores = {}
    for song in range(20):
        gaps = {"bass": 0.0, "drums": 0.0, "vocals": 1.0}
        scores["behind", f"s{song}"] = [Score(source, "SDR", float(song)) for source in gaps]
        scores["ahead", f"s{song}"] = [Score(source, "SDR", song + gap) for source, gap in gaps.items()]
    found = found_in(results(tmp_path, scores))
    said = sentence(found, contrasts(found)["all"])
    assert "beats" not in said
    assert "ahead is better than behind on 20 of 20 songs" in said
    assert "the median difference over all scores is 0.00 dB [0.00, 0.00]" in said


def test_the_songs_farthest_apart_are_named_at_both_ends(tmp_path):
    scores = {}
    for song in range(8):
        scores["behind", f"s{song}"] = [Score("bass", "SDR", 0.0)]
        scores["ahead", f"s{song}"] = [Score("bass", "SDR", float(song - 3))]
    farthest = contrasts(found_in(results(tmp_path, scores)))["all"].farthest
    assert farthest == (("s7", 4.0), ("s6", 3.0), ("s5", 2.0), ("s2", -1.0), ("s1", -2.0), ("s0", -3.0))


def test_says_where_the_variance_comes_from(clear):
    shares = contrasts(clear)["all"].variance
    assert list(shares) == ["song", "source"]
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["source"] > 0.5


def test_csv_and_json_hold_every_contrast(clear):
    lines = list(csv.DictReader(io.StringIO(versus_csv(clear))))
    assert [line["source"] for line in lines] == ["", "bass", "vocals"]
    assert float(lines[2]["difference"]) == contrasts(clear)["vocals"].difference
    parsed = json.loads(versus_json(clear))
    assert parsed["tables"][0]["contrasts"][2]["test"]["p_value"] == contrasts(clear)["vocals"].test.p_value


def test_the_table_cuts_nothing_and_escapes_names(tmp_path):
    name = "[bold]" + "n" * 70 + "\x1b]0;"
    found = found_in(
        results(
            tmp_path,
            {
                (separator, f"s{song}"): [Score("bass", "SDR", float(song))]
                for song in range(6)
                for separator in (name, "b")
            },
        ),
        name,
        "b",
    )
    text = printed(found, width=60)
    assert "\x1b" not in text
    assert text.count("n") > 70
    assert "[bold]" in text


def test_a_separator_is_not_compared_with_itself_or_with_nobody(tmp_path):
    path = folder(tmp_path, 5, gap=1.0)
    with pytest.raises(SoundstageError, match="compared with itself"):
        found_in(path, "ahead", "ahead")
    with pytest.raises(SoundstageError, match="no separator 'ahed'"):
        found_in(path, "ahed")


def test_python_has_the_same_as_a_frame(tmp_path):
    import soundstage

    path = folder(tmp_path, 12, gap=2.0)
    frame = soundstage.compare(path, "ahead", "behind")
    assert list(frame["source"]) == ["", "bass", "vocals"]
    assert frame["told_apart"].tolist() == [contrast.is_shown for contrast in contrasts(found_in(path)).values()]
    few = soundstage.compare(folder(tmp_path / "few", 3, gap=2.0), "ahead", "behind")
    assert few["low"].isna().all()
