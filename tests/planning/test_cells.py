"""Whatever a plugin raises while a grid is planned is the problem of its own cells, and names plugin and track."""

from __future__ import annotations

import os
import signal
import time

import pytest
from click.testing import CliRunner

import soundstage
from soundstage.cli import cli
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


class Abandon(BaseException):
    """No Exception."""


FAULTS = [
    KeyError("k"),
    OSError(116, "Stale file handle"),
    SystemExit(3),
    GeneratorExit(),
    KeyboardInterrupt(),
    Abandon(),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize(
    ("kind", "of", "method", "cells"),
    [
        ("separator 'noisy'", "Noisy", "__init__", 2),
        ("separator 'noisy'", "Noisy", "files", 2),
        ("placement 'line'", "Line", "files", 4),
        ("spatializer 'gains'", "Gains", "files", 4),
        ("dataset 'toy'", "Toy", "files", 4),
        ("metric 'error'", "ErrorDb", "__init__", 4),
    ],
)
def test_whatever_a_method_raises_while_planning_is_its_own_cells_problem(
    tmp_path, monkeypatch, fault, kind, of, method, cells
):
    import soundstage_toys

    def raising(self, *arguments):
        raise fault

    monkeypatch.setattr(getattr(soundstage_toys, of), method, raising, raising=False)
    grid = {**GRID, "spatializers": ["gains"], "separators": ["truth", "noisy"]}
    assert soundstage.run(grid, tmp_path).troubled == cells
    notes = soundstage.load(tmp_path).query("status in ('failed', 'skipped') and note != ''")["note"]
    assert any(note.startswith(kind) and type(fault).__name__ in note for note in notes), set(notes)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("method", ["__init__", "track_ids"])
def test_checking_a_dataset_that_raises_is_a_sentence(monkeypatch, fault, method):
    import soundstage_toys

    def raising(self):
        raise fault

    monkeypatch.setattr(soundstage_toys.Toy, method, raising)
    done = CliRunner().invoke(cli, ["check", "toy"])
    assert isinstance(done.exception, (SystemExit, SoundstageError))
    assert done.exit_code == 1
    assert type(fault).__name__ in done.output + str(done.exception)


def test_the_users_interrupt_ends_planning_though_a_plugin_is_at_work(monkeypatch):
    import soundstage_toys

    def pressed(self, track_id):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)

    monkeypatch.setattr(soundstage_toys.Toy, "files", pressed, raising=False)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # who tests in the background may ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            plan_of(GRID)
    finally:
        signal.signal(signal.SIGINT, before)


def test_where_interrupts_are_ignored_one_is_the_plugins(monkeypatch):
    import soundstage_toys

    def raising(self, track_id):
        raise KeyboardInterrupt

    monkeypatch.setattr(soundstage_toys.Toy, "files", raising, raising=False)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert all(cell.problem for cell in plan_of(GRID).cells)
    finally:
        signal.signal(signal.SIGINT, before)
