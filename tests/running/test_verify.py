"""Whether results are what was written, and come out again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

import soundstage
from soundstage.errors import SoundstageError
from soundstage.results.records import CellRecord
from soundstage.results.store import Store
from soundstage.running.verify import verify

pytestmark = pytest.mark.slow

GRID = {
    "name": "toys",
    "datasets": ["toy"],
    "placements": ["line"],
    "spatializers": ["flat", "gains"],
    "separators": ["truth", "noisy", "misbehaving[track=song 1]"],
    "metrics": ["error", "misscoring[how=vocals]"],
}


@pytest.fixture
def out(tmp_path, toys):
    soundstage.run(GRID, tmp_path / "out", keep=["estimates"])
    return tmp_path / "out"


@pytest.mark.parametrize("packed", [False, True])
def test_untouched_results_are_all_as_recorded_and_come_out_again(out, packed):
    if packed:
        Store(out).compact()
    found = verify(out, recompute=100)
    assert found.wrong == ()
    assert (found.cells, found.plans, found.runs, found.estimates, found.recomputed) == (12, 1, 1, 10, 10)


def test_verifying_writes_nothing(out):
    files = {file: file.stat().st_mtime_ns for file in out.rglob("*")}
    verify(out, recompute=2)
    assert {file: file.stat().st_mtime_ns for file in out.rglob("*")} == files


@pytest.mark.parametrize("where", ["cells", "segments", "grids", "runs", "estimates"])
def test_every_kind_of_file_that_was_touched_is_named(out, where):
    if where == "segments":
        Store(out).compact()
    if where == "grids":
        soundstage.run({**GRID, "name": "other"}, out, limit=0)
    file = sorted(file for file in (out / where).rglob("*") if file.suffix in (".parquet", ".json", ".wav"))[0]
    if where == "runs":
        file.write_text(file.read_text().replace('"workers": 1', '"workers": 2'))
    else:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    wrong = verify(out).wrong
    assert len(wrong) == 1
    assert file.name in wrong[0]


def test_a_value_that_does_not_come_out_again_is_named(out):
    store = Store(out)
    address = next(cell["cell"] for cell in store.plan().cells.to_pylist() if cell["separator"] == "truth")
    found = store.cell(address)
    assert found is not None
    record, rows = found
    values = [value + (1e-6 if index == 0 else 0) for index, value in enumerate(rows["value"].to_pylist())]
    store.commit(
        CellRecord(address, record.separation, record.scores, record.scene, record.run),
        rows.set_column(rows.column_names.index("value"), "value", [values]),
    )
    wrong = verify(out, recompute=100).wrong
    assert len(wrong) == 1
    assert "truth: error: error of bass is" in wrong[0]


def test_the_seed_draws_the_cells(out):
    def drawn(seed):
        told = []
        verify(out, recompute=3, seed=seed, progress=told.append)
        return told

    assert drawn(1) == drawn(1)
    assert len({tuple(drawn(seed)) for seed in range(4)}) > 1


def test_a_grid_that_is_not_what_was_run_says_what_differs(out, monkeypatch):
    import soundstage_toys

    monkeypatch.setattr(soundstage_toys.Noisy, "revision", 2)
    (sentence,) = verify(out, recompute=1).wrong
    assert "separators noisy: revision was 1, is 2" in sentence


def test_results_without_a_recipe_say_how_to_get_one(out):
    store = Store(out)
    plan = store.plan()
    from soundstage.results.records import StoredPlan

    store.save_plan(StoredPlan(plan.cells, {key: value for key, value in plan.facts.items() if key != "recipe"}))
    assert verify(out).wrong == ()
    with pytest.raises(SoundstageError, match="run it once more, which computes nothing"):
        verify(out, recompute=1)


def test_of_claims_nothing_is_computed_again(out):
    store = Store(out)
    plan = store.plan()
    without_recipe: Any = {key: value for key, value in plan.facts.items() if key != "recipe"}
    claims = {name: {**about, "claimed": True} for name, about in plan.facts["separators"].items()}
    store.save_plan(replace(plan, facts={**without_recipe, "separators": claims}))
    found = verify(out, recompute=1)
    assert (found.recomputed, found.wrong) == (0, ())


def test_a_run_records_where_it_ran(out):
    (run,) = (out / "runs").iterdir()
    assert json.loads(run.read_text())["host"]


def test_cells_that_are_gone_are_missed(out):
    import shutil

    shutil.rmtree(out / "cells")
    (sentence,) = verify(out).wrong
    assert "grid 'toys': 12 of the 12 cells that a run left there are gone" in sentence


def test_a_runs_record_without_its_hash_is_not_believed(out):
    (run,) = (out / "runs").iterdir()
    facts = json.loads(run.read_text())
    del facts["sha256"]
    run.write_text(json.dumps({**facts, "processor": "a faster one"}))
    (sentence,) = verify(out).wrong
    assert "do not cite it" in sentence


def _restored(out, cells=None, **facts):
    """Put the folder's plan there with other cells or facts, its file's hash fitting."""
    store = Store(out)
    plan = store.plan()
    rows = plan.cells if cells is None else type(plan.cells).from_pylist(cells, plan.cells.schema)
    store.put_plan(replace(plan, cells=rows, facts={**plan.facts, **facts}))


def test_a_plan_that_lists_cells_under_other_names_is_found(out):
    """The hash of a grid is of addresses: that of the perfect one under another's name would be nobody's damage."""
    cells = Store(out).plan().cells.to_pylist()
    swapped = {"truth": "noisy", "noisy": "truth"}
    _restored(out, [{**row, "separator": swapped.get(row["separator"], row["separator"])} for row in cells])
    assert verify(out).wrong == ()
    (sentence,) = verify(out, recompute=1).wrong
    assert "is not that of" in sentence


@pytest.mark.parametrize(
    ("kind", "label", "key", "value", "what"),
    [
        ("separators", "noisy", "role", "ceiling", "separator 'noisy' is stored with role = 'ceiling'"),
        ("separators", "noisy", "trained_on", [], "separator 'noisy' is stored with trained_on = []"),
        ("metrics", "error", "higher_is_better", True, "measure of error, "),
    ],
)
def test_a_plan_that_tells_other_things_of_plugins_is_found(out, kind, label, key, value, what):
    facts = json.loads(json.dumps(Store(out).plan().facts))
    about = facts[kind][label]
    (about if kind == "separators" else next(iter(about.values())))[key] = value
    _restored(out, **{kind: facts[kind]})
    (sentence,) = verify(out, recompute=1).wrong
    assert what in sentence
