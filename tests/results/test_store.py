"""A results folder: whole cells or none, nothing lost on the way through."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from soundstage.contracts import Score
from soundstage.errors import SoundstageError, StorageError
from soundstage.results.records import LABELS, CellRecord, Stage, StoredPlan, score_rows
from soundstage.results.store import Store

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


def cell_file(store):
    (file,) = (store.path / "cells").rglob("*.parquet")
    return file


@pytest.mark.parametrize("damage", ["cut", "one bit", "empty"])
def test_a_file_that_is_not_whole_counts_as_not_there_and_is_told_of(store, damage):
    store.commit(CellRecord(ADDRESS, Stage("ok"), {"s1": Stage("ok")}), rows("s1"))
    file = cell_file(store)
    content = bytearray(file.read_bytes())
    if damage == "one bit":
        content[len(content) // 2] ^= 1
    file.write_bytes({"cut": content[:-40], "one bit": content, "empty": b""}[damage])
    assert store.record(ADDRESS) is None
    (sentence,) = store.damage
    assert str(file) in sentence
    assert "will be run again" in sentence
    store.commit(CellRecord(ADDRESS, Stage("ok"), {"s1": Stage("ok")}), rows("s1"))
    assert Store(store.path).rows(ADDRESS).num_rows == 3


def test_a_damaged_segment_is_set_aside_by_the_next_writer_and_its_cells_count_as_not_there(store):
    for number in range(5):
        store.commit(*a_cell(number))
    store.compact()
    file = next((store.path / "segments").glob("*-rows.parquet"))
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    told = []
    with Store(store.path).writing(notice=told.append):
        pass
    assert len(told) == 1
    assert file.name in told[0]
    later = Store(store.path)
    assert later.addresses() == []
    assert later.contents()[1].num_rows == 0
    assert later.damage == ()
    assert len(list((store.path / "damaged").iterdir())) == 2


def a_cell(number, value=1.0):
    address, score = f"{number:064x}", f"{number + 10**6:064x}"
    return CellRecord(address, Stage("ok"), {score: Stage("ok")}), rows(score, value)


def test_cells_are_the_same_packed_or_not_and_a_newer_one_counts(store):
    for number in range(20):
        store.commit(*a_cell(number))
    before = Store(store.path)
    loose = (before.records(), sorted_rows(before))
    store.compact()
    assert not list((store.path / "cells").rglob("*.parquet"))
    after = Store(store.path)
    assert (after.records(), sorted_rows(after)) == loose
    assert after.rows(a_cell(3)[0].address).num_rows == 3
    store.commit(*a_cell(3, 9.0))
    newest = Store(store.path)
    assert newest.rows(a_cell(3)[0].address)["value"].to_pylist()[0] == 9.0
    assert newest.contents()[1].num_rows == 60
    assert newest.contents()[0].num_rows == 20
    store.compact()
    assert 9.0 in Store(store.path).contents()[1]["value"].to_pylist()


def sorted_rows(store):
    return sorted(map(str, store.contents()[1].to_pylist()))


@pytest.mark.slow
def test_many_packings_leave_few_segments(store):
    for number in range(300):
        store.commit(*a_cell(number))
        if number % 5 == 4:
            store.compact()
    assert len(Store(store.path).cells._looked().segments) < 10
    assert len(Store(store.path).addresses()) == 300


def test_a_file_whose_name_holds_no_hash_is_no_cell(store):
    store.commit(*a_cell(7))
    (committed,) = store.path.glob("cells/*/*.parquet")
    address = committed.name.partition("-")[0]
    for name in (address, f"{address}-1", f"{address}-x-{'0' * 32}", f"-1-{'0' * 32}"):
        committed.with_name(f"{name}.parquet").write_bytes(committed.read_bytes())
    committed.unlink()
    assert Store(store.path).addresses() == []


def test_a_write_that_fails_leaves_the_old_cell_and_no_litter(store, monkeypatch):
    store.commit(CellRecord(ADDRESS, Stage("ok"), {"s1": Stage("ok")}), rows("s1", 1.0))

    def half(path, contents):
        path.write_bytes(contents[: len(contents) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("soundstage.results.files._written", half)
    with pytest.raises(StorageError, match=r"cannot be kept \(No space left on device\); everything committed before"):
        store.commit(CellRecord(ADDRESS, Stage("ok"), {"s1": Stage("ok")}), rows("s1", 2.0))
    assert store.rows(ADDRESS)["value"].to_pylist()[0] == 1.0
    assert len(list((store.path / "cells" / "ab").iterdir())) == 1
    assert not list((store.path / ".partial").iterdir())


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
    facts = {"id": f"{name}-{digest[:8]}", "name": name, "revision": 1, "hash": digest, "separators": {}, "metrics": {}}
    labels = {label: [0 if label == "seed" else label] for label in LABELS}
    return StoredPlan(pa.table({"cell": [ADDRESS], **labels}), facts)


def test_the_newest_plan_is_the_one_that_readers_get(store):
    store.save_plan(plan("a", "1" * 64))
    store.save_plan(plan("b", "2" * 64))
    assert store.plan().facts["name"] == "b"
    store.save_plan(plan("a", "1" * 64))
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


def test_a_damaged_plan_hides_no_other(store):
    store.save_plan(plan("a", "1" * 64))
    store.save_plan(plan("b", "2" * 64))
    next(store.path.glob("grids/b-22222222.*")).write_bytes(b"PAR1")
    assert store.plan().facts["name"] == "a"
    next(store.path.glob("grids/a-11111111.*")).write_bytes(b"PAR1")
    with pytest.raises(SoundstageError, match="is not what was written"):
        store.plan()


def test_a_plan_put_there_again_takes_the_place_of_the_older(store):
    for digit in "12":
        again = plan("a", digit * 64)
        store.save_plan(replace(again, facts={**again.facts, "id": "a-11111111"}))
    assert len(list(store.path.glob("grids/*"))) == 1
    assert store.plan().facts["hash"] == "2" * 64


@pytest.mark.parametrize("characters", [8, 9, 32, 63, 64])
def test_a_plan_is_found_by_its_hash_or_as_much_of_it_as_is_given(store, characters):
    store.save_plan(plan("a", "1111abcd" * 8))
    store.save_plan(plan("b", "1111abce" * 8))
    assert store.plan(("1111abcd" * 8)[:characters]).facts["name"] == "a"
    for wrong in ("1111abc", "1111abcd" * 7 + "1111abce", "1111abcd" * 9, "abcd1111"):
        with pytest.raises(SoundstageError, match="holds no grid"):
            store.plan(wrong)


def test_a_plan_that_is_replaced_between_listing_and_reading_is_found(store, monkeypatch):
    store.save_plan(plan("a", "1" * 64))
    listed = store.files.names("grids")
    store.save_plan(plan("a", "2" * 64))
    answers = [listed]
    names = type(store.files).names
    monkeypatch.setattr(
        type(store.files), "names", lambda self, folder: answers.pop() if answers else names(self, folder)
    )
    assert store.plan().facts["hash"] == "2" * 64


@pytest.fixture
def bucket():
    import fsspec

    yield "memory://bucket/results"
    fsspec.filesystem("memory").store.clear()


def test_an_object_store_holds_the_same(bucket):
    store = Store(bucket)
    with store.writing():
        for number in range(100):
            store.commit(*a_cell(number))
        store.save_estimates(ADDRESS, {"bass": np.ones((2, 10))}, 44100, {})
        store.save_plan(plan("a", "1" * 64))
        store.save_run("r", {"host": "h"})
    later = Store(bucket)
    assert len(later.addresses()) == 100
    assert later.record(a_cell(5)[0].address) == a_cell(5)[0]
    assert later.contents()[1].num_rows == 300
    assert later.estimates(ADDRESS)[0]["bass"].shape == (2, 10)
    assert later.plan().facts["name"] == "a"
    assert later.runs()["r"]["host"] == "h"
    assert not later.files.names("cells")
    assert later.writer() is None


def test_a_url_that_nothing_here_opens_is_a_sentence():
    with pytest.raises(SoundstageError, match="nosuch://x: cannot be opened"):
        Store("nosuch://x")


def test_a_file_url_is_a_path(tmp_path):
    assert Store(f"file://{tmp_path}").path == tmp_path
