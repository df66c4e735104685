"""Results of many machines in one folder."""

from __future__ import annotations

import pandas as pd
import pytest

import soundstage
from boards import made
from soundstage.contracts import Score
from soundstage.errors import SoundstageError
from soundstage.results.merge import merge
from soundstage.results.records import CellRecord, Stage, score_rows
from soundstage.results.store import Store
from tables import tidy

GRID = {
    "name": "toys",
    "datasets": ["toy"],
    "placements": ["line"],
    "spatializers": ["flat", "gains"],
    "separators": ["truth", "noisy"],
    "metrics": ["error"],
}


@pytest.fixture(autouse=True)
def _toys(toys):
    """All tests here use the toy plugins."""


def test_two_halves_make_the_whole(tmp_path):
    soundstage.run(GRID, tmp_path / "whole")
    soundstage.run(GRID, tmp_path / "a", only={"separators": ["truth"]}, keep=["estimates"])
    soundstage.run(GRID, tmp_path / "b", only={"separators": ["noisy"]})
    found = merge(tmp_path / "out", [tmp_path / "a", tmp_path / "b"])
    assert (found.cells, found.new, found.plans, found.runs, found.estimates, found.conflicts) == (8, 8, 1, 2, 4, ())
    pd.testing.assert_frame_equal(tidy(tmp_path / "whole"), tidy(tmp_path / "out"), check_exact=True)
    assert soundstage.run(GRID, tmp_path / "out").ran == 0
    assert len(Store(tmp_path / "out").runs()) == 2


def test_merging_again_changes_nothing(tmp_path):
    soundstage.run(GRID, tmp_path / "a")
    merge(tmp_path / "out", [tmp_path / "a"])
    files = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("*") if file.is_file()}
    again = merge(tmp_path / "out", [tmp_path / "a", tmp_path / "a" / ".." / "a"])
    assert (again.new, again.plans, again.runs) == (0, 0, 0)
    after = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("*") if file.is_file()}
    assert {file for file in after if after[file] != files.get(file)} <= {tmp_path / "out" / ".lock"}


def holding(path, value, status="ok", run="r"):
    """A results folder of one cell with one score."""
    store = Store(path)
    rows = score_rows([("5" * 64, "dB", Score("bass", "SDR", value))] if status == "ok" else [])
    with store.writing():
        store.save_run(run, {"host": f"host of {run}", "versions": {"numpy": f"{value}"}})
        store.commit(CellRecord("c" * 64, Stage("ok"), {"5" * 64: Stage(status)}, run=run), rows)
        (plan,) = [Store(PLANNED[0]).plan()]
        store.save_plan(plan)
    return path


PLANNED: list = []


@pytest.fixture
def _planned(tmp_path):
    soundstage.run({**GRID, "separators": ["truth"], "spatializers": ["flat"]}, tmp_path / "planned", limit=0)
    PLANNED[:] = [tmp_path / "planned"]


@pytest.mark.usefixtures("_planned")
def test_two_values_of_one_score_are_told_with_both_provenances_and_refused_unless_told(tmp_path):
    a, b = holding(tmp_path / "a", 1.0, run="ra"), holding(tmp_path / "b", 2.0, run="rb")
    with pytest.raises(SoundstageError) as caught:
        merge(tmp_path / "out", [a, b])
    for words in ("SDR of bass is 1.0 and 2.0", "run ra on host of ra: numpy 1.0", "run rb on host of rb", "--prefer"):
        assert words in str(caught.value)
    assert Store(tmp_path / "out").addresses() == []
    assert len(merge(tmp_path / "first", [a, b], "first").conflicts) == 1
    assert Store(tmp_path / "first").rows("c" * 64)["value"].to_pylist() == [1.0]
    merge(tmp_path / "last", [a, b], "last")
    assert Store(tmp_path / "last").rows("c" * 64)["value"].to_pylist() == [2.0]
    assert Store(tmp_path / "last").record("c" * 64).run == "rb"


@pytest.mark.usefixtures("_planned")
def test_values_within_the_tolerance_are_one_and_a_failure_is_no_conflict(tmp_path):
    a, b = holding(tmp_path / "a", 1.0), holding(tmp_path / "b", 1.0 + 1e-12)
    failed = holding(tmp_path / "failed", 0.0, "failed")
    assert merge(tmp_path / "out", [failed, a, b, failed]).conflicts == ()
    assert Store(tmp_path / "out").rows("c" * 64)["value"].to_pylist() == [1.0]
    assert Store(tmp_path / "out").record("c" * 64).scores["5" * 64].status == "ok"


@pytest.mark.slow
def test_a_merge_that_was_killed_is_finished_by_doing_it_again(tmp_path, monkeypatch):
    soundstage.run(GRID, tmp_path / "a", keep=["estimates"])
    whole = tidy(tmp_path / "a")

    class Killed(BaseException):
        pass

    write = soundstage_write()
    for step in range(1, 40):
        left = step

        def dying(self, name, contents):
            nonlocal left
            left -= 1
            if not left:
                raise Killed
            write(self, name, contents)

        with monkeypatch.context() as patch:
            patch.setattr("soundstage.results.files.LocalFiles.write", dying)
            try:
                merge(tmp_path / f"out{step}", [tmp_path / "a"])
            except Killed:
                pass
            else:
                break
        merge(tmp_path / f"out{step}", [tmp_path / "a"])
        pd.testing.assert_frame_equal(whole, tidy(tmp_path / f"out{step}"), check_exact=True)
        assert len(list((tmp_path / f"out{step}" / "estimates").iterdir())) == 8
    assert step > 10


def soundstage_write():
    from soundstage.results.files import LocalFiles

    return LocalFiles.write


def test_a_folder_is_not_merged_into_itself_and_an_empty_one_is_said(tmp_path):
    soundstage.run(GRID, tmp_path / "a", limit=1)
    with pytest.raises(SoundstageError, match="is both read and written"):
        merge(tmp_path / "a", [tmp_path / "a"])
    with pytest.raises(SoundstageError, match="holds no results"):
        merge(tmp_path / "out", [tmp_path / "nothing"])


def test_a_damaged_source_is_said(tmp_path):
    soundstage.run(GRID, tmp_path / "a")
    file = sorted((tmp_path / "a" / "cells").rglob("*.parquet"))[0]
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    told = []
    assert merge(tmp_path / "out", [tmp_path / "a"], notice=told.append).cells == 7
    assert len(told) == 1
    assert file.name in told[0]


@pytest.mark.slow
def test_folders_in_different_orders_are_read_by_the_file_not_by_the_cell(tmp_path, monkeypatch):
    """Many cells in segments whose orders have nothing to do with each other."""
    from soundstage.results import cells, encoding

    monkeypatch.setattr(encoding, "CELLS_PER_SEGMENT", 50)
    reads = 0
    whole = cells.Cells._whole

    def counted(self, segment):
        nonlocal reads
        reads += 1
        return whole(self, segment)

    numbers = list(range(1000))
    for name, order in (("a", numbers), ("b", numbers[::7] + [n for n in numbers if n % 7])):
        store = Store(tmp_path / name)
        with store.writing():
            for start in range(0, 1000, 50):
                store.commit_many([made(number) for number in order[start : start + 50]])
            store.save_plan(Store(planned(tmp_path)).plan())
    monkeypatch.setattr(cells.Cells, "_whole", counted)
    merge(tmp_path / "a", [tmp_path / "b"])
    assert reads < 900  # 20 segments on either side: at most each beside each, twice


def planned(tmp_path):
    if not (tmp_path / "planned").exists():
        soundstage.run({**GRID, "separators": ["truth"], "spatializers": ["flat"]}, tmp_path / "planned", limit=0)
    return tmp_path / "planned"


@pytest.mark.parametrize("name", ["../../../x", "/tmp/x", "a\0b", "..", "", ".", "con:", "x" * 200])
def test_a_foreign_plan_goes_by_any_name_and_leads_nowhere(tmp_path, name):
    from dataclasses import replace

    folder = tmp_path / "foreign"
    soundstage.run({**GRID, "separators": ["truth"]}, folder)
    store = Store(folder)
    plan = store.plan()
    store.put_plan(replace(plan, facts={**plan.facts, "id": f"{name}-00000000", "name": name}))
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(folder)}
    merge(tmp_path / "merged", [folder])
    made = {path for path in tmp_path.rglob("*") if not path.is_relative_to(folder)} - before
    assert all(path.is_relative_to(tmp_path / "merged") for path in made)
    assert {file.parent for file in made if file.suffix == ".parquet" and "grids" in file.parts} == {
        tmp_path / "merged" / "grids"
    }
    assert name in {found.facts["name"] for found in Store(tmp_path / "merged").plans()}
