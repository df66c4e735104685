"""Plans are found by what people call them, and one that is damaged is said and hides no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from soundstage.contracts import Measure
from soundstage.errors import SoundstageError
from soundstage.results.encoding import digest, parquet
from soundstage.results.files import LocalFiles
from soundstage.results.plans import LONG_AGO, Plans
from soundstage.results.records import LABELS, METADATA, StoredPlan, measure_facts, plan_text

HASH = "1111abcd" + "0" * 56


@pytest.fixture
def plans(tmp_path):
    files = LocalFiles(tmp_path / "out")
    files.prepare()
    return Plans(files)


def plan(name="a", found=HASH, **facts):
    described = {"id": f"{name}-{found[:8]}", "name": name, "revision": 1, "hash": found}
    metrics = {"sdr": {"SDR": measure_facts(Measure("dB", True))}}
    cells = {"cell": ["c"], **{label: [0 if label == "seed" else label] for label in LABELS}, "score:sdr": ["s"]}
    return StoredPlan(pa.table(cells), {**described, "separators": {}, "metrics": metrics, **facts})


def damage(plans, which=""):
    (file,) = [name for name in plans.names() if name.startswith(f"grids/{which}")]
    path = plans.files.place / file
    path.write_bytes(path.read_bytes()[:-1])
    return file


def ids(found):
    return [one.facts["id"] for one in found]


def test_a_plan_comes_back_as_it_was_put_there(plans):
    plans.put(plan(created="2024-01-01T00:00:00+00:00", colour="blue"))
    (found,) = plans.every()
    assert found.facts == plan(created="2024-01-01T00:00:00+00:00", colour="blue").facts
    assert found.cells.equals(plan().cells)
    assert found.cells.schema.metadata is None


# the newest


def test_the_one_that_was_saved_last_is_the_newest(plans):
    for name in "abca":
        plans.save(plan(name))
    assert ids(plans.every()) == ["b-1111abcd", "c-1111abcd", "a-1111abcd"]
    assert plans.find().facts["name"] == "a"


def test_one_whose_clock_was_ahead_is_overtaken_and_not_waited_for(plans):
    ahead = datetime.now(UTC) + timedelta(days=4000)
    plans.put(plan("ahead", created=ahead.isoformat()))
    plans.save(plan("now"))
    assert plans.find().facts["name"] == "now"
    then = datetime.fromisoformat(plans.find("now").facts["created"])
    assert ahead < then < ahead + timedelta(seconds=1)
    plans.save(plan("later"))
    assert plans.find().facts["name"] == "later"


@pytest.mark.parametrize("created", ["", "yesterday", "2030-01-01T00:00:00", "9999-12-31T23:59:59+00:00"])
def test_who_does_not_say_when_in_a_way_that_counts_is_the_oldest(plans, created):
    plans.put(plan("vague", created=created))
    plans.put(plan("clear", created="0002-01-01T00:00:00+00:00"))
    assert ids(plans.every()) == ["vague-1111abcd", "clear-1111abcd"]
    assert datetime.fromisoformat("0002-01-01T00:00:00+00:00") > LONG_AGO
    plans.save(plan("last"))
    assert plans.find().facts["name"] == "last"


def test_moments_are_compared_across_time_zones(plans):
    plans.put(plan("later", created="2024-01-01T01:00:00+00:00"))
    plans.put(plan("earlier", created="2024-01-01T02:00:00+02:00"))
    assert plans.find().facts["name"] == "later"


def test_of_two_files_with_one_id_the_newer_counts(plans):
    plans.put(plan(created="2024-01-01T00:00:00+00:00"))
    (older,) = plans.names()
    contents = plans.files.read(older)
    plans.put(plan(created="2024-01-02T00:00:00+00:00"))
    plans.files.write(older, contents)
    assert len(plans.names()) == 2
    assert [one.facts["created"] for one in plans.every()] == ["2024-01-02T00:00:00+00:00"]
    plans.put(plan(created="2024-01-02T00:00:00+00:00"))
    assert len(plans.names()) == 1


# finding


@pytest.mark.parametrize("wanted", ["a", "a-1111abcd", HASH, *(HASH[:length] for length in (8, 9, 40, 63))])
def test_a_plan_goes_by_its_name_its_id_and_any_beginning_of_its_hash(plans, wanted):
    plans.save(plan("a"))
    plans.save(plan("b", "2" * 64))
    assert plans.find(wanted).facts["id"] == "a-1111abcd"


@pytest.mark.parametrize("wanted", ["1111abc", "A", "a-1111", HASH + "0", "1111abcd" + "1"])
def test_what_nothing_goes_by_is_refused(plans, wanted):
    plans.save(plan("a"))
    with pytest.raises(SoundstageError, match=f"holds no grid '{wanted}'"):
        plans.find(wanted)


def test_a_name_that_is_nearly_right_is_corrected(plans):
    plans.save(plan("demo grid"))
    with pytest.raises(SoundstageError, match="holds no grid 'demo gird'; did you mean 'demo grid'"):
        plans.find("demo gird")


def test_of_a_name_with_several_hashes_the_newest_is_found(plans):
    plans.save(plan("a", "2" * 64))
    plans.save(plan("a", "1" * 64))
    assert plans.find("a").facts["hash"] == "1" * 64
    assert plans.find("a-22222222").facts["hash"] == "2" * 64


# damage


@pytest.mark.parametrize("wanted", ["", "a", "a-1111abcd", HASH, HASH[:8], HASH[:20]])
def test_a_damaged_plan_that_is_wanted_is_said(plans, wanted):
    plans.save(plan("a"))
    file = damage(plans)
    with pytest.raises(
        SoundstageError, match=r"is not what was written \(its hash is not .*run the grid again"
    ) as said:
        plans.find(wanted)
    assert file in str(said.value)
    assert list(plans.damage) == [file]


def test_a_damaged_plan_with_a_name_that_no_file_can_have_is_said(plans):
    plans.save(plan("a/b"))
    damage(plans)
    for wanted in ("a/b", "a/b-1111abcd"):
        with pytest.raises(SoundstageError, match="is not what was written"):
            plans.find(wanted)


def test_a_damaged_plan_is_not_taken_for_one_whose_name_begins_alike(plans):
    plans.save(plan("demo-long"))
    damage(plans)
    with pytest.raises(SoundstageError, match="holds no grid 'demo'"):
        plans.find("demo")


def test_damage_hides_no_other_plan_and_is_forgotten_when_it_is_mended(plans):
    plans.save(plan("a"))
    plans.save(plan("b"))
    damage(plans, "b")
    assert ids(plans.every()) == ["a-1111abcd"]
    assert plans.find().facts["name"] == "a"
    plans.save(plan("b"))
    assert not plans.damage
    assert ids(plans.every()) == ["a-1111abcd", "b-1111abcd"]
    assert not plans.damage


def test_what_is_damaged_is_set_aside_and_what_is_not_is_left(plans):
    plans.save(plan("a"))
    plans.save(plan("b"))
    file = damage(plans, "b")
    contents = plans.files.read(file)
    plans.set_aside()
    assert ids(plans.every()) == ["a-1111abcd"]
    assert not plans.damage
    (aside,) = plans.files.names("damaged")
    assert plans.files.read(aside) == contents


def put_as(plans, table):
    """A table as a plan's file with the right hash."""
    contents = parquet(table)
    plans.files.write(f"grids/a-1111abcd.{digest(contents)}.parquet", contents)


def test_a_file_whose_name_holds_no_hash_is_no_plan(plans):
    plans.save(plan("a"))
    (file,) = plans.names()
    (plans.files.place / file).rename(plans.files.place / "grids" / "a-1111abcd.parquet")
    assert plans.every() == []
    with pytest.raises(SoundstageError, match="is not what was written"):
        plans.find("a-1111abcd")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.drop_columns(["track"]), "it has no column track"),
        (lambda table: table.drop_columns(["score:sdr"]), "it has no column score:sdr"),
        (lambda table: table.set_column(0, "cell", pa.array([1])), "its column cell is of int64"),
        (lambda table: table.set_column(5, "seed", pa.array(["0"])), "its column seed is of string"),
        (lambda table: table.replace_schema_metadata(None), "it cannot be read"),
        (lambda table: table.replace_schema_metadata({METADATA: b"{"}), "it cannot be read"),
        (lambda table: table.replace_schema_metadata({METADATA: b"{}"}), "the plan lacks id"),
    ],
)
def test_a_plan_that_cannot_be_read_is_set_aside_with_the_reason(plans, change, words):
    whole = plan().cells.replace_schema_metadata({METADATA: plan_text(plan().facts).encode()})
    put_as(plans, whole)
    assert ids(plans.every()) == ["a-1111abcd"]
    plans.files.remove(*plans.names())
    put_as(plans, change(whole))
    assert plans.every() == []
    (sentence,) = plans.damage.values()
    assert words in sentence


def test_a_column_with_nothing_in_it_can_be_read(plans):
    empty = plan().cells.set_column(7, "score:sdr", pa.nulls(1))
    plans.put(replace(plan(), cells=empty))
    assert plans.find().cells["score:sdr"].to_pylist() == [None]


# file names


@pytest.mark.parametrize("name", ["a/b", "../x", ".hidden", "a\\b", "a:b", "50%", "a\nb", "v1.2", "ü", "a b"])
def test_any_name_becomes_one_plain_file(plans, name):
    plans.save(plan(name))
    plans.save(plan(name))
    (file,) = (plans.files.place / "grids").iterdir()
    assert not set(file.name) & set("/\\:\n")
    assert not file.name.startswith(".")
    assert plans.find(name).facts["name"] == name
    assert plans.find(f"{name}-1111abcd").facts["name"] == name


def test_names_that_differ_only_in_what_no_file_can_have_are_two_plans(plans):
    for name in ("a/b", "a%2Fb", "a:b"):
        plans.save(plan(name))
    assert len(plans.every()) == len(plans.names()) == 3


def test_a_plan_without_metrics_has_cells_and_no_rows(tmp_path):
    from soundstage.results.loading import load_results
    from soundstage.results.store import Store

    table = pa.table({"cell": ["a" * 64], **{label: [0 if label == "seed" else label] for label in LABELS}})
    facts = {"id": "n-11111111", "name": "n", "revision": 1, "hash": "1" * 64, "separators": {}, "metrics": {}}
    Store(tmp_path).save_plan(StoredPlan(table, facts))
    found = load_results(tmp_path)
    assert (len(found.cells), len(found.rows)) == (1, 0)


@pytest.mark.parametrize("created", ["2999-01-01T00:00:00+00:00", "9998-12-31T00:00:00+00:00"])
@pytest.mark.parametrize("times", [1, 3])
def test_however_far_ahead_a_clock_was_whoever_saves_after_it_is_the_newest(plans, created, times):
    for number in range(times):
        plans.put(plan(f"ahead {number}", created=created))
    for name in ("first", "second", "first"):
        plans.save(plan(name))
        assert plans.find().facts["name"] == name


def test_a_merged_plan_whose_clock_was_ahead_is_overtaken_by_the_next_run(tmp_path):
    from soundstage.results.merge import merge
    from soundstage.results.store import Store

    ahead = (datetime.now(UTC) + timedelta(days=4000)).isoformat()
    Store(tmp_path / "foreign").save_plan(plan("ahead"))
    Store(tmp_path / "foreign").put_plan(plan("ahead", created=ahead))
    merge(tmp_path / "out", [tmp_path / "foreign"])
    Store(tmp_path / "out").save_plan(plan("mine"))
    assert Store(tmp_path / "out").plan().facts["name"] == "mine"
