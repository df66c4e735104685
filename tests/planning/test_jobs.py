"""Part of a grid, and what a run would do."""

from __future__ import annotations

import pytest

import soundstage
from soundstage.errors import SoundstageError
from soundstage.planning.jobs import parse_only
from soundstage.planning.request import plan_of
from soundstage.running.forecast import forecast
from soundstage.running.options import RunOptions

GRID = {
    "name": "toys",
    "datasets": ["toy"],
    "placements": ["line"],
    "spatializers": ["flat", "gains"],
    "separators": ["truth", "noisy", "noisy[level=0.5]"],
    "metrics": ["error", "other_error"],
    "seeds": [0, 1],
}


@pytest.fixture(autouse=True)
def _toys(toys):
    """All tests here use the toy plugins."""


def test_what_is_asked_for_is_read_as_axes_and_names():
    assert parse_only("separators=a,b[x=1,y=2],spatializers=hrir") == {
        "separators": ["a", "b[x=1,y=2]"],
        "spatializers": ["hrir"],
    }
    assert parse_only("") == {}
    for text, tracks in (
        ('tracks="One, Two"', ["One, Two"]),
        ("tracks=One,'Two, Three',\"C=D, [x\"", ["One", "Two, Three", "C=D, [x"]),
        ("tracks='Til I Die,Don't, Can't", ["'Til I Die", "Don't", "Can't"]),
        ("tracks=Rock [live, 2010],Pop", ["Rock [live, 2010]", "Pop"]),
    ):
        assert parse_only(text) == {"tracks": tracks}
    assert parse_only("separators=a[x='1,2'],tracks=\"b, c\",seeds=1") == {
        "separators": ["a[x='1,2']"],
        "tracks": ["b, c"],
        "seeds": ["1"],
    }
    for text, words in (
        ("separator=a", "did you mean 'separators'"),
        ("a,b", "takes AXIS=NAME"),
        ("seeds=", "takes AXIS=NAME"),
    ):
        with pytest.raises(SoundstageError, match=words):
            parse_only(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("only", "cells"),
    [
        ({"separators": ["truth"]}, 6),
        ({"separators": ["noisy"]}, 12),
        ({"separators": ["noisy[level=0.5]"]}, 6),
        ({"spatializers": ["gains"], "seeds": ["1"]}, 6),
        ({"tracks": ["song 1"], "metrics": ["error"]}, 9),
        ({"placements": ["line"]}, 12),
        ({"datasets": ["toy"]}, 18),
    ],
)
def test_only_the_part_that_is_asked_for_runs(tmp_path, only, cells):
    summary = soundstage.run(GRID, tmp_path, only=only)
    assert (summary.planned, summary.ran, summary.left, summary.troubled) == (18, cells, 18 - cells, 0)


def test_a_name_that_the_grid_lacks_gets_a_suggestion(tmp_path):
    with pytest.raises(SoundstageError, match="has no 'trut' among its separators; did you mean 'truth'"):
        soundstage.run(GRID, tmp_path, only={"separators": ["trut"]})
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_limit_is_kept_and_the_rest_is_run_later(tmp_path):
    summary = soundstage.run(GRID, tmp_path, limit=5)
    assert (summary.ran, summary.left, summary.cached) == (5, 13, 0)
    assert soundstage.run(GRID, tmp_path, limit=0).ran == 0
    assert soundstage.run(GRID, tmp_path).ran == 13


@pytest.mark.slow
def test_a_forecast_counts_times_and_writes_nothing(tmp_path):
    first = forecast(plan_of(GRID), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert (first.planned, first.cached, first.to_run) == (18, 0, 18)
    assert all(part.median_s is None for part in first.parts)
    soundstage.run(GRID, tmp_path / "out", only={"separators": ["truth", "noisy[level=0.5]"], "metrics": ["error"]})
    then = forecast(plan_of(GRID), tmp_path / "out")
    found = {part.name: (part.count, part.median_s is not None) for part in then.parts}
    assert found["separator truth"] == (6, True)
    assert found["separator noisy"] == (6, False)
    assert found["metric error"] == (6, True)
    assert found["metric other_error"] == (18, False)
    assert then.seconds() > 0
    assert forecast(plan_of(GRID), tmp_path / "out", RunOptions(limit=3)).left == 15
