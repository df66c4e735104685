"""The queue keeps workers with their scenes, and a task knows what is left of it, whatever happened to its workers."""

from __future__ import annotations

import pytest

from soundstage.planning.jobs import jobs_left
from soundstage.planning.request import plan_of
from soundstage.running.executors.queue import SceneQueue, Task
from soundstage.running.workbench import Workbench
from soundstage.running.worker import Worker

SKIPPED = "there are no estimates to score"


@pytest.fixture(autouse=True)
def _toys(toys):
    """All tests here use the toy plugins."""


def jobs_of(tracks=2, separators=("truth", "nothing", "noisy")):
    grid = {
        "name": "toys",
        "datasets": [f"toy[tracks={tracks}]"],
        "spatializers": ["flat"],
        "separators": list(separators),
        "metrics": ["error", "other_error"],
    }
    return jobs_left(plan_of(grid), {})


def task_of(separator="truth"):
    return Task(jobs_of(1, [separator])[0])


def run(job):
    return Worker(Workbench(), "this run").run(job)


def names(job):
    return job.cell.scene.track, job.cell.separator.label


def statuses(outcome):
    """Label → status, separation first."""
    scores = {address: label for label, address in outcome.job.cell.scores.items()}
    found = {scores[address]: stage.status for address, stage in outcome.record.scores.items()}
    return {"separation": outcome.record.separation.status, **found}


def units(rows):
    return sorted(map(str, rows.to_pylist()))


# the queue


def test_a_worker_stays_with_its_scene_while_that_has_tasks():
    queue = SceneQueue(jobs_of())
    taken = [names(queue.take("a").job) for _ in range(6)]
    assert [track for track, _ in taken] == ["song 0"] * 3 + ["song 1"] * 3
    assert [separator for _, separator in taken] == ["truth", "nothing", "noisy"] * 2


def test_each_worker_begins_with_a_scene_that_nobody_is_at():
    queue = SceneQueue(jobs_of(tracks=3))
    first = {worker: names(queue.take(worker).job)[0] for worker in "abc"}
    assert first == {"a": "song 0", "b": "song 1", "c": "song 2"}
    assert {worker: names(queue.take(worker).job)[0] for worker in "cba"} == first


@pytest.mark.parametrize(("before", "helped"), [("abb", "song 0"), ("aab", "song 1")])
def test_where_somebody_is_at_every_scene_the_longest_queue_is_helped(before, helped):
    queue = SceneQueue(jobs_of())
    for worker in before:
        queue.take(worker)
    assert names(queue.take("c").job)[0] == helped


def test_every_task_is_handed_out_once_and_then_there_is_nothing():
    jobs = jobs_of(tracks=3)
    queue = SceneQueue(jobs)
    assert queue
    taken = [names(queue.take("aabcab"[turn % 6]).job) for turn in range(len(jobs))]
    assert sorted(taken) == sorted(map(names, jobs))
    assert not queue
    assert queue.take("a") is None
    assert not SceneQueue([])


def test_what_is_put_back_comes_before_its_scenes_others():
    queue = SceneQueue(jobs_of())
    task = queue.take("a")
    queue.take("b")
    queue.put_back(task)
    assert queue.take("a") is task


def test_what_is_put_back_when_its_scene_was_done_is_there_again():
    queue = SceneQueue(jobs_of(1, ["truth"]))
    task = queue.take("a")
    assert not queue
    queue.put_back(task)
    assert queue
    assert queue.take("b") is task


def test_a_worker_stays_with_its_scene_though_there_is_one_that_nobody_is_at():
    queue = SceneQueue(jobs_of())
    queue.take("a")
    queue.take("b")
    queue.forget("a")
    assert names(queue.take("b").job)[0] == "song 1"


@pytest.mark.parametrize(("forgotten", "then"), [(True, "song 0"), (False, "song 1")])
def test_the_scene_of_a_worker_that_is_gone_is_one_that_nobody_is_at(forgotten, then):
    queue = SceneQueue(jobs_of())
    queue.take("a")
    if forgotten:
        queue.forget("a")
        queue.forget("nobody")
    assert names(queue.take("b").job)[0] == then


# a task that comes through


def test_all_of_a_task_is_left_at_first_and_its_outcome_is_what_its_worker_says():
    task = task_of()
    assert task.left == task.job
    outcome = run(task.left)
    assert task.completed(outcome) is outcome


# a task whose metrics take workers with them


def test_a_lost_metric_is_left_out_and_joins_what_the_others_came_to():
    task = task_of()
    task.times_killed = 2
    assert task.lose("error", "crashed", "the worker process died") is None
    assert task.times_killed == 0
    assert list(task.left.metrics) == ["other_error"]
    outcome = task.completed(run(task.left))
    assert outcome.job is task.job
    assert statuses(outcome) == {"separation": "ok", "other_error": "ok", "error": "crashed"}
    lost = outcome.record.scores[task.job.cell.scores["error"]]
    assert lost.error == "metric 'error', track 'song 0': the worker process died"
    assert lost.details == {}
    assert set(outcome.rows["score"].to_pylist()) == {task.job.cell.scores["other_error"]}
    assert [name for name, _ in outcome.troubles] == ["error"]


def test_where_every_metric_is_lost_the_separation_is_still_run():
    task = task_of()
    for label, status in (("error", "timeout"), ("other_error", "oom")):
        assert task.lose(label, status, "so it was") is None
    assert not task.left.metrics
    assert statuses(task.completed(run(task.left))) == {"separation": "ok", "error": "timeout", "other_error": "oom"}


def test_a_metric_whose_worker_somebody_killed_says_so():
    task = task_of()
    task.lose("error", "crashed", "it died", from_outside=True)
    assert task.lost_metrics["error"].was_killed_from_outside


# a task that is run stage by stage


def stage_by_stage(task, lost=()):
    """The labels of each step, and the outcome; the metrics `lost` take their workers with them."""
    task.one_by_one = []
    steps = []
    for _ in range(5):
        steps.append(list(task.left.metrics))
        label = "".join(steps[-1])
        done = task.lose(label, "crashed", "it died") if label in lost else task.completed(run(task.left))
        if done is not None:
            return steps, done
    raise AssertionError(f"it never came to its end: {steps}")


def test_stage_by_stage_comes_to_what_all_at_once_comes_to():
    steps, outcome = stage_by_stage(task_of("noisy"))
    whole = run(task_of("noisy").job)
    assert steps == [[], ["error"], ["other_error"]]
    assert statuses(outcome) == statuses(whole) == {"separation": "ok", "error": "ok", "other_error": "ok"}
    assert units(outcome.rows) == units(whole.rows)
    assert outcome.record.scene == whole.record.scene
    assert outcome.record.run == "this run"
    assert list(outcome.job.metrics) == ["error", "other_error"]


def test_a_stage_that_comes_through_starts_the_count_of_kills_anew():
    task = task_of()
    task.one_by_one, task.times_killed = [], 2
    assert task.completed(run(task.left)) is None
    assert task.times_killed == 0


def test_stage_by_stage_a_separation_that_fails_is_the_end_of_it():
    steps, outcome = stage_by_stage(task_of("misbehaving[how=raises]"))
    assert steps == [[]]
    assert statuses(outcome) == {"separation": "failed", "error": "skipped", "other_error": "skipped"}
    assert {stage.error for stage in outcome.record.scores.values()} == {SKIPPED}
    assert outcome.rows.num_rows == 0


@pytest.mark.parametrize("lost", [("error",), ("other_error",), ("error", "other_error")])
def test_stage_by_stage_a_metric_is_lost_by_itself(lost):
    task = task_of()
    steps, outcome = stage_by_stage(task, lost)
    assert steps == [[], ["error"], ["other_error"]]
    expected = {label: "crashed" if label in lost else "ok" for label in ("error", "other_error")}
    assert statuses(outcome) == {"separation": "ok", **expected}
    kept = {address for label, address in task.job.cell.scores.items() if label not in lost}
    assert set(outcome.rows["score"].to_pylist()) == kept


# a task that no worker came back from


@pytest.mark.parametrize("from_outside", [False, True])
def test_a_separation_that_no_worker_came_back_from_is_the_separators(from_outside):
    task = task_of()
    outcome = task.failed("timeout", "exceeded the limit", "this run", from_outside)
    assert statuses(outcome) == {"separation": "timeout", "error": "skipped", "other_error": "skipped"}
    stage = outcome.record.separation
    assert stage.error == "separator 'truth', track 'song 0': exceeded the limit"
    assert stage.details["made_by"] == task.job.cell.made_by
    assert stage.was_killed_from_outside == from_outside
    assert (outcome.record.address, outcome.record.run) == (task.job.cell.address, "this run")
    assert (outcome.rows.num_rows, outcome.record.scene) == (0, {})
    assert [name for name, _ in outcome.troubles] == ["separation"]
