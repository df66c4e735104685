"""Which scenes are listened to: best, median, worst, and the worst second, of every separator that competes."""

from __future__ import annotations

import math

import pytest

from boards import results
from soundstage.contracts import Score
from soundstage.errors import SoundstageError
from soundstage.leaderboard.examples import choose
from soundstage.results.loading import load_results

VALUES = {"a": 5.0, "b": 1.0, "c": 3.0, "d": 2.0, "e": 4.0}


def folder(path, better=True, frames=None):
    """Two models: `up` has VALUES, `down` the opposite; a song's two sources lie around them."""
    scores = {}
    for track, value in VALUES.items():
        for model, own in (("up", value), ("down", -value)):
            rows = [Score("bass", "SDR", own + 1), Score("vocals", "SDR", own - 1)]
            rows += [
                Score("bass", "SDR", one, frame=at, ranked=counts)
                for at, (one, counts) in enumerate((frames or {}).get((model, track), []))
            ]
            scores[model, track] = rows
    return load_results(results(path, scores, better=better))


def reasons(chosen):
    return {example.scene.track: example.why for example in chosen}


def test_best_median_and_worst_of_each_are_chosen_in_the_grids_order(tmp_path):
    found = reasons(choose(folder(tmp_path), separators=["up"]))
    assert list(found) == ["a", "b", "c"]
    assert found["a"] == ("best of up by SDR (5.00 dB)",)
    assert found["b"] == ("worst of up by SDR (1.00 dB)",)
    assert found["c"] == ("median of up by SDR (3.00 dB)",)


def test_lower_may_be_better(tmp_path):
    found = reasons(choose(folder(tmp_path, better=False), separators=["up"]))
    assert found["b"][0].startswith("best of up")
    assert found["a"][0].startswith("worst of up")


def test_a_scene_that_several_are_examples_of_stands_once_with_every_reason(tmp_path):
    chosen = choose(folder(tmp_path))
    assert [example.scene.track for example in chosen] == ["a", "b", "c"]
    assert reasons(chosen)["a"] == ("best of up by SDR (5.00 dB)", "worst of down by SDR (-5.00 dB)")
    assert chosen[0].about == ("up", "down")


def test_the_scene_with_the_worst_second_is_chosen_too_and_what_must_not_be_ranked_on_is_not_it(tmp_path):
    frames = {
        ("up", "d"): [(1.0, True), (math.nan, True), (-30.0, True)],
        ("up", "e"): [(0.0, True), (-99.0, False)],
    }
    chosen = choose(folder(tmp_path, frames=frames), separators=["up"])
    assert reasons(chosen)["d"] == ("the worst second of up by SDR",)
    (curve,) = next(example for example in chosen if example.scene.track == "d").curves
    assert (curve.separator, curve.source, curve.unit, curve.higher_is_better) == ("up", "bass", "dB", True)
    assert curve.values[::2] == (1.0, -30.0)
    assert math.isnan(curve.values[1])
    assert curve.worst_first() == [2, 0]


def test_named_songs_are_taken_and_no_others(tmp_path):
    chosen = choose(folder(tmp_path), tracks=["E", "b"])
    assert [example.scene.track for example in chosen] == ["b", "e"]
    assert chosen[0].why == ("chosen by name",)
    with pytest.raises(SoundstageError, match="no song 'zz'"):
        choose(folder(tmp_path / "again"), tracks=["zz"])


def test_one_song_is_enough(tmp_path):
    scores = {("m", "only"): [Score("bass", "SDR", 1.0)]}
    (example,) = choose(load_results(results(tmp_path, scores)))
    assert example.why == ("best of m by SDR (1.00 dB)",)


def test_where_nothing_has_a_value_nothing_is_chosen(tmp_path):
    scores = {("m", "only"): [Score("bass", "SDR", math.nan, note="silent")]}
    assert choose(load_results(results(tmp_path, scores))) == ()
