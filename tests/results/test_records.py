"""Records are joined without losing a score, and come back from JSON as they were, or not at all."""

from __future__ import annotations

import itertools
import json

import pyarrow as pa
import pytest

from soundstage.contracts import Measure, Score
from soundstage.results.records import (
    ROWS,
    STATUSES,
    CellRecord,
    Stage,
    brief,
    joined,
    joined_rows,
    measure_facts,
    of_run,
    plan_facts,
    plan_text,
    record_of,
    record_text,
    run_facts,
    run_text,
    score_rows,
)
from soundstage.results.shape import shaped


def record(run, separation, scores):
    return CellRecord("cell", Stage(separation), {score: Stage(status) for score, status in scores.items()}, {}, run)


def rows_of(record, value):
    """A row for each score that is there."""
    there = [score for score in record.scores if record.is_ok(score)]
    return score_rows([(score, "dB", Score("bass", "SDR", value)) for score in there])


def known_run(record, stage):
    return stage.run or record.run


# joining


def test_where_nothing_is_held_the_new_record_stands():
    new = record("new", "failed", {"s": "skipped"})
    assert joined(None, new) is new


THERE, NOT_THERE = ("ok", "failed", None), ("skipped", None)
PAIRS = list(itertools.product(("ok", "failed"), repeat=2))


@pytest.mark.parametrize(("held_separation", "new_separation"), PAIRS)
def test_a_score_that_was_there_once_stays_with_its_rows_and_the_run_that_made_it(held_separation, new_separation):
    choices = [THERE if separation == "ok" else NOT_THERE for separation in (held_separation, new_separation)]
    for before, now in itertools.product(*choices):
        held = record("old", held_separation, {"s": before} if before else {})
        new = record("new", new_separation, {"s": now} if now else {})
        both = joined(held, new)
        rows = joined_rows(rows_of(held, 1.0), rows_of(new, 2.0), held, new)
        expected = [2.0] if now == "ok" else [1.0] if before == "ok" else []
        assert rows["value"].to_pylist() == expected, (before, now)
        assert rows.schema == ROWS
        assert both.is_ok("s") == bool(expected), (before, now)
        assert ("s" in both.scores) == bool(before or now)
        if expected:
            assert known_run(both, both.scores["s"]) == ("new" if now == "ok" else "old"), (before, now)
        assert both.separation.is_ok == ("ok" in (held_separation, new_separation))
        separated_by_the_old = held_separation == "ok" and new_separation != "ok"
        assert both.run == ("old" if separated_by_the_old else "new")


def test_scores_that_only_one_of_the_records_has_are_all_there():
    both = joined(record("old", "ok", {"a": "ok", "b": "failed"}), record("new", "ok", {"c": "timeout", "b": "oom"}))
    found = {score: (stage.status, known_run(both, stage)) for score, stage in both.scores.items()}
    assert found == {"a": ("ok", "old"), "b": ("oom", "new"), "c": ("timeout", "new")}


def test_a_score_for_which_separating_again_went_wrong_has_the_status_of_that():
    held = record("old", "ok", {"a": "ok", "b": "failed"})
    details = {"killed_from_outside": True, "made_by": {"plugin": "noisy"}}
    lost = CellRecord("cell", Stage("crashed", "it died", details=details), {"b": Stage("skipped")}, {}, "new")
    both = joined(held, lost)
    assert both.separation == held.separation
    assert both.scores["a"].is_ok
    stage = both.scores["b"]
    assert (stage.status, stage.error, stage.run) == ("crashed", "it died", "new")
    assert stage.details == {"killed_from_outside": True}
    assert set(both.scores) == {"a", "b"}


def test_runs_stay_named_through_several_joins():
    first = joined(record("1", "ok", {"a": "ok"}), record("2", "ok", {"b": "ok"}))
    third = joined(first, record("3", "ok", {"c": "ok"}))
    assert {score: known_run(third, stage) for score, stage in third.scores.items()} == {"a": "1", "b": "2", "c": "3"}
    again = joined(third, record("3", "ok", {"a": "ok"}))
    assert known_run(again, again.scores["a"]) == "3"


def test_a_stage_names_its_run_only_where_the_record_will_be_of_another():
    held = record("old", "ok", {"a": "ok"})
    assert of_run(held.scores["a"], held, "old").run == ""
    assert of_run(held.scores["a"], held, "new").run == "old"
    assert of_run(Stage("ok", run="older"), held, "new").run == "older"


def test_only_the_rows_of_scores_that_are_replaced_go():
    held, new = record("old", "ok", {"a": "ok", "b": "ok"}), record("new", "ok", {"b": "ok", "c": "ok"})
    rows = joined_rows(rows_of(held, 1.0), rows_of(new, 2.0), held, new)
    found = zip(rows["score"].to_pylist(), rows["value"].to_pylist(), strict=True)
    assert sorted(found) == [("a", 1.0), ("b", 2.0), ("c", 2.0)]


# brief


def test_a_brief_record_keeps_what_went_wrong_and_nothing_else():
    killed = {"killed_from_outside": True, "environment": {"numpy": "2"}}
    whole = CellRecord(
        "cell",
        Stage("ok", wall_s=1.0, cpu_s=2.0, details={"made_by": {}}, run="other"),
        {"a": Stage("ok", wall_s=3.0), "b": Stage("crashed", "it died", "Traceback", 4.0, details=killed)},
        {"rate": 8000, "samples": 10},
        "run",
    )
    lost = Stage("crashed", "it died", details={"killed_from_outside": True})
    assert brief(whole) == CellRecord("cell", Stage("ok"), {"a": Stage("ok"), "b": lost})
    assert brief(brief(whole)) == brief(whole)


# what a record tells


@pytest.mark.parametrize("status", STATUSES)
def test_what_was_skipped_is_not_ok_and_is_not_at_fault(status):
    stage = Stage(status)
    assert stage.is_ok == (status == "ok")
    assert stage.went_wrong == (status not in ("ok", "skipped"))
    assert not stage.was_killed_from_outside
    assert record("run", status, {}).is_troubled == record("run", "ok", {"s": status}).is_troubled == (status != "ok")


def test_what_a_plugin_says_can_be_stored_whatever_it_is():
    said = "red \x1b[31m, half a pair \ud800, turned \u202e, none \0, tab\t, line\n, ü"
    stage = Stage("failed", said, said)
    expected = "red \\x1b[31m, half a pair \\ud800, turned \\u202e, none \\x00, tab\t, line\n, ü"
    assert stage.error == stage.traceback == expected
    stage.error.encode("utf-8")
    assert len(Stage("failed", "x" * 10**6).error) < 21_000


def test_notices_are_a_list_of_texts_whatever_the_spatializer_gave():
    def told(details):
        return CellRecord("cell", Stage("ok"), {}, {"details": details}).notices

    assert told({"notices": ["a", 3]}) == ["a", "3"]
    for nothing in ({}, {"notices": []}, {"notices": "a"}, {"notices": None}):
        assert told(nothing) == []
    assert record("run", "ok", {}).notices == []


@pytest.mark.parametrize(
    ("scene", "seconds"), [({"rate": 8000, "samples": 2000}, 0.25), ({}, 0.0), ({"rate": 8000}, 0.0)]
)
def test_the_seconds_of_audio_are_those_of_the_scene(scene, seconds):
    assert CellRecord("cell", Stage("ok"), {}, scene).audio_s == seconds


def test_rows_keep_what_scores_say_in_their_types():
    nothing, frame = Score("bass", "SDR", float("nan"), note="silent"), Score("bass", "ISR", 2, frame=7, ranked=False)
    rows = score_rows([("s", "dB", nothing), ("t", "", frame)])
    assert rows.schema == ROWS
    assert rows["value"].to_pylist()[1] == 2.0
    assert str(rows["value"].to_pylist()[0]) == "nan"
    assert [rows[name].to_pylist() for name in ("score", "unit", "frame", "note", "ranked")] == [
        ["s", "t"],
        ["dB", ""],
        [None, 7],
        ["silent", ""],
        [True, False],
    ]
    assert score_rows([]).schema == ROWS


# there and back


WHOLE = CellRecord(
    "cell",
    Stage("ok", wall_s=1.5, cpu_s=2, details={"made_by": {"plugin": "ü"}, "kept": True}),
    {"a": Stage("failed", "why", "Traceback", run="other"), "b": Stage("ok")},
    {"rate": 8000, "samples": 10, "gain": 0.5, "latency": 0, "azimuths": {"bass": -30.0}, "details": {"notices": []}},
    "run",
)
PLAN = {
    "id": "toys-11111111",
    "name": "toys",
    "revision": 1,
    "hash": "1" * 64,
    "separators": {"noisy": {"role": "separator", "blind": False, "named": True, "needs": ["references"]}},
    "metrics": {"sdr": {"SDR": measure_facts(Measure("dB", True))}},
    "excerpt": None,
    "seeds": [0, 1],
}


@pytest.mark.parametrize("as_bytes", [False, True])
def test_what_is_written_is_read_as_it_was(as_bytes):
    def passed(text):
        return text.encode() if as_bytes else text

    assert record_of(passed(record_text(WHOLE))) == WHOLE
    assert plan_facts(passed(plan_text(PLAN))) == PLAN
    facts = {"id": "run", "grid": {"name": "a", "revision": 1, "hash": "h"}, "processor": None, "memory_gb": 8}
    assert run_facts(passed(run_text(facts))) == facts


def test_keys_that_a_later_version_writes_are_left_in():
    assert plan_facts(plan_text({**PLAN, "colour": "blue"}))["colour"] == "blue"
    assert run_facts('{"colour": "blue"}') == {"colour": "blue"}


def changed(text, *keys, value=...):
    """The JSON with one value in it another, or left out."""
    facts = json.loads(text)
    inner = facts
    for key in keys[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = value
    return json.dumps(facts)


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        (("scores",), ..., "it is no record of a cell .*'scores'"),
        (("scores",), [], "it is no record of a cell .*'items'"),
        (("scores", "a", "status"), ..., "it is no record of a cell .*'status'"),
        (("scores", "a", "status"), "fine", "a stage has the status 'fine'"),
        (("separation", "status"), ["ok"], r"a stage has the status \['ok'\]"),
        (("separation", "colour"), "blue", "it is no record of a cell .*'colour'"),
        (("separation", "error"), 5, "it is no record of a cell .*"),
        (("separation",), None, "it is no record of a cell"),
        (("separation", "wall_s"), "1", "a stage's times"),
        (("separation", "cpu_s"), True, "a stage's times"),
        (("scores", "b", "details"), [], "a stage's times, details"),
        (("scores", "b", "run"), None, "a stage's times, details or run"),
        (("address",), 3, "its address or run is no text"),
        (("run",), None, "its address or run is no text"),
        (("scene", "rate"), "8000", "its scene.rate is '8000', not int"),
        (("scene", "rate"), True, "its scene.rate is True, not int"),
        (("scene", "gain"), None, "its scene.gain is None, not a number"),
        (("scene", "azimuths", "bass"), "left", r"its scene.azimuths\['bass'\] is 'left', not a number"),
        (("scene",), [], "its scene is list, not dict"),
    ],
)
def test_what_is_no_record_is_refused_with_the_key(keys, value, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        record_of(changed(record_text(WHOLE), *keys, value=value))


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "3", "null", b"\xff", "[" * 100_000])
def test_what_is_no_table_of_facts_is_refused(text):
    for read in (record_of, plan_facts, run_facts):
        with pytest.raises(ValueError, match=r"."):
            read(text)


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        (("hash",), ..., "the plan lacks hash"),
        (("revision",), "1", "the plan.revision is '1', not int"),
        (("separators", "noisy", "blind"), ..., r"the plan.separators\['noisy'\] lacks blind"),
        (("separators", "noisy", "role"), "chief", r"the plan.separators\['noisy'\].role is 'chief', not one of"),
        (("separators", "noisy", "needs"), ["gain", 1], r"the plan.separators\['noisy'\].needs\[1\] is 1, not str"),
        (("metrics", "sdr", "SDR", "unit"), ..., r"the plan.metrics\['sdr'\]\['SDR'\] lacks unit"),
        (("metrics", "sdr"), [], r"the plan.metrics\['sdr'\] is list, not dict"),
        (("seeds",), [0, 0.5], r"the plan.seeds\[1\] is 0.5, not int"),
        (("excerpt",), 3, "the plan.excerpt is int, not dict"),
    ],
)
def test_what_is_no_plan_is_refused_with_the_key(keys, value, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        plan_facts(changed(plan_text(PLAN), *keys, value=value))


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"workers": "2"}, "the run's record.workers is '2', not int"),
        ({"grid": {"name": "a", "revision": 1}}, "the run's record.grid lacks hash"),
        ({"cpus": "all"}, "the run's record.cpus is 'all', not int"),
        ({"gpus": None}, "the run's record.gpus is NoneType, not list"),
        ({"versions": {"numpy": 2}}, r"the run's record.versions\['numpy'\] is 2, not str"),
    ],
)
def test_what_is_no_record_of_a_run_is_refused_with_the_key(facts, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        run_facts(json.dumps(facts))


@pytest.mark.parametrize(
    ("value", "shape", "words"),
    [
        ({1: 2}, dict[str, int], "^the key 1 of it is 1, not str"),
        (3, type(None), "^it is 3, not null"),
        (True, float, "^it is True, not a number"),
        ("x", list[str], "^it is str, not list"),
    ],
)
def test_a_shape_is_told_from_its_lookalikes(value, shape, words):
    with pytest.raises(ValueError, match=words):
        shaped(value, shape, "it")


def test_a_whole_number_is_a_number_and_null_is_null():
    assert shaped(3, float, "it") == 3
    assert shaped([None, 1], list[int | None], "it") == [None, 1]


def test_empty_tables_join():
    held = record("old", "ok", {"a": "failed"})
    rows = joined_rows(score_rows([]), score_rows([]), held, held)
    assert (rows.num_rows, rows.schema) == (0, pa.schema(ROWS))
