"""Whatever a plugin raises while a grid is planned is the problem of its own cells, and names plugin and track."""

from __future__ import annotations

import pytest

import soundstage
from soundstage.errors import SoundstageError
from soundstage.planning.request import plan_of

GRID = {
    "name": "unruly",
    "datasets": ["toy"],
    "placements": ["line"],
    "spatializers": ["flat"],
    "separators": ["truth"],
    "metrics": ["error"],
}


@pytest.fixture(autouse=True)
def _toys(toys):
    """All tests here use the toy plugins."""


def problems(grid):
    return {cell.title: cell.problem.error for cell in plan_of({**GRID, **grid}).cells if cell.problem}


def test_a_dataset_that_cannot_list_its_tracks_leaves_the_others_alone(tmp_path):
    grid = {**GRID, "datasets": ["toy", "unruly_data[where=track_ids]"]}
    (problem,) = problems(grid).values()
    assert problem == "dataset 'unruly_data[where=track_ids]': LookupError: the catalogue is closed"
    summary = soundstage.run(grid, tmp_path)
    assert (summary.planned, summary.troubled) == (3, 1)
    rows = soundstage.load(tmp_path)
    assert set(rows.loc[rows["status"] == "ok", "track"]) == {"song 0", "song 1"}
    assert "the catalogue is closed" in " ".join(rows.loc[rows["status"] == "failed", "note"])


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("not texts", "lists 1 among its tracks"),
        ("twice", "'song 0' 2 times"),
        ("endless", "lists more than 1000000 tracks"),
        ("a great many", "lists more than 1000000 tracks"),
    ],
)
def test_track_ids_that_are_none_are_the_datasets_problem(where, said):
    grid = {"datasets": ["toy", f"unruly_data[where={where}]"]}
    (problem,) = problems(grid).values()
    assert said in problem


def test_where_no_dataset_can_list_its_tracks_there_is_nothing_to_run():
    with pytest.raises(SoundstageError, match="LookupError: the catalogue is closed"):
        plan_of({**GRID, "datasets": ["unruly_data[where=track_ids]"]})


def test_files_that_cannot_be_named_cost_their_own_track():
    grid = {"datasets": ["unruly_data[where=one track]"]}
    found = problems(grid)
    assert list(found) == ["song 1 · flat · truth"]
    assert found["song 1 · flat · truth"] == (
        "dataset 'unruly_data[where=one track]', track 'song 1': IndexError: no such shelf"
    )


def test_a_placement_or_a_separator_that_raises_costs_its_own_cells():
    found = problems({"spatializers": ["gains"], "placements": ["line", "unruly_line"]})
    assert len(found) == 2
    assert all("placement 'unruly_line': ValueError: the map is upside down" in said for said in found.values())
    found = problems({"separators": ["truth", "unruly_model[where=files]"]})
    assert next(iter(found.values())) == "separator 'unruly_model[where=files]', track 'song 0': KeyError: 'weights'"
    assert len(found) == 2


@pytest.mark.parametrize("where", ["needs", "role", "rate", "sources"])
def test_a_declaration_that_is_none_costs_its_own_cells(where):
    found = problems({"separators": ["truth", f"unruly_model[where={where}]"]})
    assert len(found) == 2
    assert all("separator 'unruly_model" in said and "declares" in said for said in found.values())


@pytest.mark.parametrize("measures", ["unit", "text", "none"])
def test_measures_that_are_none_cost_their_own_metric(measures, tmp_path):
    label = f"unruly_metric[measures={measures}]"
    plan = plan_of({**GRID, "metrics": ["error", label]})
    assert "declares" in plan.metrics[label].problem.error
    summary = soundstage.run({**GRID, "metrics": ["error", label]}, tmp_path)
    assert (summary.usable, summary.troubled) == (2, 2)


def test_what_no_address_can_hold_is_a_sentence():
    with pytest.raises(SoundstageError, match="parameter 'level' cannot be 'inf'"):
        plan_of({**GRID, "separators": ["noisy[level=inf]"]})
