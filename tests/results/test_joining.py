"""Grids that differ in separators alone become one, the one that running them at once would be; others are refused."""

from __future__ import annotations

import pytest

import soundstage
from soundstage.errors import SoundstageError
from soundstage.results.joining import hash_of, joined
from soundstage.results.merge import merge
from soundstage.results.store import Store

GRID = {
    "name": "board",
    "datasets": ["toy[tracks=2]"],
    "spatializers": ["flat"],
    "separators": ["truth", "noisy"],
    "metrics": ["error"],
}


def plan_of(path, **changed):
    soundstage.run({**GRID, **changed}, path, limit=0)
    return Store(path).plan()


def test_the_whole_is_what_one_grid_of_all_would_be(toys, tmp_path):
    soundstage.run({**GRID, "separators": ["truth", "noisy"]}, tmp_path / "a")
    soundstage.run({**GRID, "separators": ["truth", "noisy[level=0.5]"]}, tmp_path / "b")
    merge(tmp_path / "out", [tmp_path / "a", tmp_path / "b"], join=True)
    opened = soundstage.open(tmp_path / "out")
    everything = {**GRID, "separators": ["truth", "noisy", "noisy[level=0.5]"]}
    assert Store(tmp_path / "out").plan().facts["hash"] == soundstage.plan(everything).hash
    assert opened.status().is_whole
    assert [row.separator for row in opened.board().sections[0].rows].count("truth") == 1
    assert len(opened.board().sections[0].rows) == 3
    assert soundstage.run(everything, tmp_path / "out").ran == 0
    merge(tmp_path / "out", [tmp_path / "a"], join=True)
    assert Store(tmp_path / "out").plan().facts["hash"] == soundstage.plan(everything).hash


def test_the_hash_of_its_cells_is_a_grids_hash(toys, tmp_path):
    plan = plan_of(tmp_path / "a")
    assert hash_of(plan.cells, plan.facts["revision"], plan.facts["metrics"]) == plan.facts["hash"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"separators": ["noisy[level=0.5]"]}, "nothing shows that .* are of the same scenes, as song 0"),
        ({"datasets": ["toy[tracks=1]"]}, "differ in their datasets too"),
        ({"metrics": ["error", "misscoring[how=vocals]"]}, "differ in their metrics too"),
        ({"revision": 2}, "differ in their revision too"),
    ],
)
def test_what_differs_in_more_is_refused_and_nothing_is_written(toys, tmp_path, changed, why):
    plan_of(tmp_path / "a")
    plan_of(tmp_path / "b", **changed)
    with pytest.raises(SoundstageError, match=why):
        merge(tmp_path / "out", [tmp_path / "a", tmp_path / "b"], join=True)
    with pytest.raises(SoundstageError):
        soundstage.open(tmp_path / "out")


def test_one_name_for_two_separators_is_refused(toys, tmp_path):
    one, other = plan_of(tmp_path / "a"), plan_of(tmp_path / "b", separators=["truth", "noisy[level=0.5]"])
    cells = other.cells.to_pylist()
    for row in cells:
        row["separator"] = {"noisy[level=0.5]": "noisy"}.get(row["separator"], row["separator"])
    facts = {**other.facts, "separators": one.facts["separators"]}
    forged = type(other)(type(other.cells).from_pylist(cells, other.cells.schema), facts)
    with pytest.raises(SoundstageError, match=r"'noisy' on song 0 is one thing in .* and another in"):
        joined([one, forged])
