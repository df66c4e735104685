"""A results folder: whole cells or none, nothing lost on the way through."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from soundstage.contracts import Score
from soundstage.errors import SoundstageError
from soundstage.store import CellRecord, Stage, Store, StoredPlan, score_rows

ADDRESS = "ab" + "0" * 62


def rows(address, value=1.0):
    return score_rows(
        [
            (address, "dB", Score("bass", "SDR", value)),
            (address, "dB", Score("bass", "SDR", float("nan"), frame=0, note="silent")),
            (address, "dB", Score("bass", "SDR", 2.0, frame=1, note="singular", ranked=False)),
        ]
    )


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "out").prepare()


def test_a_cell_comes_back_as_it_was_committed(store):
    record = CellRecord(ADDRESS, Stage("ok", wall_s=1.5), {"s1": Stage("failed", "why", "trace")}, {"gain": 0.5}, "run")
    store.commit(record, rows("s1"))
    assert store.record(ADDRESS) == record
    found = store.rows(ADDRESS)
    assert found.equals(rows("s1")) or str(found.to_pylist()) == str(rows("s1").to_pylist())
    assert found["frame"].to_pylist() == [None, 0, 1]
    assert found["ranked"].to_pylist() == [True, True, False]


def test_a_later_metric_joins_the_earlier_ones(store):
    store.commit(CellRecord(ADDRESS, Stage("ok"), {"s1": Stage("ok")}), rows("s1", 1.0))
    store.commit(CellRecord(ADDRESS, Stage("ok"), {"s2": Stage("ok")}), rows("s2", 2.0))
    assert set(store.record(ADDRESS).scores) == {"s1", "s2"}
    assert store.rows(ADDRESS).num_rows == 6


def test_a_metric_run_again_replaces_its_rows(store):
    store.commit(CellRecord(ADDRESS, Stage("ok"), {"s1": Stage("ok")}), rows("s1", 1.0))
    store.commit(CellRecord(ADDRESS, Stage("ok"), {"s1": Stage("ok")}), rows("s1", 9.0))
    assert store.rows(ADDRESS)["value"].to_pylist()[0] == 9.0
    assert store.rows(ADDRESS).num_rows == 3


def test_a_file_that_is_not_whole_counts_as_not_there(store):
    store.commit(CellRecord(ADDRESS, Stage("ok"), {"s1": Stage("ok")}), rows("s1"))
    file = store.path / "cells" / "ab" / f"{ADDRESS}.parquet"
    file.write_bytes(file.read_bytes()[:-40])
    assert store.record(ADDRESS) is None
    store.commit(CellRecord(ADDRESS, Stage("ok"), {"s1": Stage("ok")}), rows("s1"))
    assert store.rows(ADDRESS).num_rows == 3


def test_a_write_that_fails_leaves_the_old_cell_and_no_litter(store, monkeypatch):
    store.commit(CellRecord(ADDRESS, Stage("ok"), {"s1": Stage("ok")}), rows("s1", 1.0))

    def half(table, path, **_):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("soundstage.store.pq.write_table", half)
    with pytest.raises(OSError, match="No space left"):
        store.commit(CellRecord(ADDRESS, Stage("ok"), {"s1": Stage("ok")}), rows("s1", 2.0))
    assert store.rows(ADDRESS)["value"].to_pylist()[0] == 1.0
    assert len(list((store.path / "cells" / "ab").iterdir())) == 1


def test_kept_estimates_come_back_bit_for_bit(store):
    rng = np.random.default_rng(0)
    images = {
        "lead vocals/1": rng.standard_normal((2, 999)),
        "bass": rng.standard_normal((2, 999)).astype(np.float32).astype(float),
    }
    store.save_estimates(ADDRESS, images, 44100, {"assigned": True})
    found, details = store.estimates(ADDRESS)
    assert details == {"assigned": True}
    assert list(found) == list(images)
    for source, image in images.items():
        np.testing.assert_array_equal(found[source], image)


def test_kept_estimates_that_were_touched_count_as_not_there(store):
    store.save_estimates(ADDRESS, {"bass": np.zeros((2, 10))}, 44100, {})
    wav = next((store.path / "estimates" / ADDRESS).glob("*.wav"))
    wav.write_bytes(wav.read_bytes()[:-1] + b"x")
    assert store.estimates(ADDRESS) is None
    assert store.estimates("cd" + ADDRESS[2:]) is None


def plan(name, digest):
    facts = {"id": f"{name}-{digest[:8]}", "name": name, "hash": digest}
    return StoredPlan(pa.table({"cell": [ADDRESS]}), facts)


def test_the_newest_plan_is_the_one_that_readers_get(store):
    store.save_plan("a-11111111", plan("a", "1" * 64))
    store.save_plan("b-22222222", plan("b", "2" * 64))
    assert store.plan().facts["name"] == "b"
    store.save_plan("a-11111111", plan("a", "1" * 64))
    assert store.plan().facts["name"] == "a"
    for wanted in ("b", "b-22222222", "22222222"):
        assert store.plan(wanted).facts["name"] == "b"
    with pytest.raises(SoundstageError, match="holds no grid 'c'"):
        store.plan("c")


def test_a_folder_without_results_says_how_to_make_some(tmp_path):
    with pytest.raises(SoundstageError, match="holds no results; make some with: soundstage run"):
        Store(tmp_path).plan()


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SoundstageError, match="choose another --out"):
        Store(tmp_path / "file").prepare()
