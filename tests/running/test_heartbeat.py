"""What a run tells of itself is what is said of it elsewhere."""

from __future__ import annotations

import json
import time

import pytest

from soundstage.planning.jobs import jobs_left
from soundstage.planning.request import plan_of
from soundstage.running.executors.queue import Task
from soundstage.running.heartbeat import Progress, Pulse, progress
from soundstage.running.workbench import Workbench
from soundstage.running.worker import Worker

GRID = {
    "name": "toys",
    "datasets": ["toy[tracks=2]"],
    "placements": ["line"],
    "spatializers": ["gains"],
    "separators": ["truth", "misbehaving[how=raises]"],
    "metrics": ["error"],
    "seeds": [0, 1],
}


@pytest.fixture
def pulse(toys):
    plan = plan_of(GRID)
    return Pulse(plan, 6, "this run", began=1000.0)


def jobs_of(pulse):
    return jobs_left(pulse.plan, {})


def run(job):
    return Worker(Workbench(), "this run").run(job)


def told(pulse, now=1010.0):
    """What is said elsewhere, where JSON came between."""
    return progress(json.loads(json.dumps(pulse.facts(), allow_nan=False)), now)


def test_a_run_that_has_just_begun_has_all_of_it_left_and_nobody_knows_for_how_long(pulse):
    found = told(pulse)
    assert found == Progress(done=0, failed=0, left=6, elapsed_s=10.0, speed=0.0, working=[])
    assert found.left_s is None
    facts = pulse.facts()
    assert (facts["run"], facts["grid"], facts["planned"], facts["total"]) == ("this run", pulse.plan.id, 8, 6)


def test_cells_are_counted_with_what_went_wrong_and_the_audio_they_hold(pulse):
    for job in jobs_of(pulse)[:3]:
        pulse.finished(run(job))
    found = told(pulse)
    assert (found.done, found.failed, found.left) == (3, 1, 3)
    assert found.speed == pytest.approx(3 * 0.25 / 10.0)
    assert found.left_s == pytest.approx(10.0)


def test_a_cell_that_no_worker_came_back_from_is_one_that_failed_and_holds_no_audio(pulse):
    pulse.finished(Task(jobs_of(pulse)[0]).failed("timeout", "exceeded the limit", "this run"))
    assert (told(pulse).done, told(pulse).failed, told(pulse).speed) == (1, 1, 0.0)


def test_workers_are_at_their_cells_until_these_are_committed(pulse):
    first, second = jobs_of(pulse)[0], jobs_of(pulse)[-1]
    before = time.time()
    pulse.started(first, 0)
    pulse.started(second, 1)
    since = pulse.working[1][1]
    assert before <= since <= time.time()
    working = told(pulse, now=since + 5.0).working
    assert [(worker, title) for worker, title, _ in working] == [("0", first.cell.title), ("1", second.cell.title)]
    assert working[1][2] == pytest.approx(5.0)
    pulse.finished(run(first))
    assert [worker for worker, _, _ in told(pulse).working] == ["1"]


def test_a_worker_at_the_same_song_with_another_seed_is_still_at_it_when_the_first_is_done(pulse):
    one, other = [job for job in jobs_of(pulse) if job.cell.title == jobs_of(pulse)[0].cell.title]
    assert one.cell.address != other.cell.address
    pulse.started(one, 0)
    pulse.started(other, 1)
    pulse.finished(run(one))
    assert [worker for worker, _, _ in told(pulse).working] == ["1"]


def test_a_worker_that_goes_on_is_at_its_new_cell(pulse):
    first, second = jobs_of(pulse)[:2]
    pulse.started(first, 0)
    pulse.started(second, 0)
    assert [title for _, title, _ in told(pulse).working] == [second.cell.title]


def test_what_was_read_of_the_workers_does_not_change_under_its_reader(pulse):
    first, second = jobs_of(pulse)[:2]
    pulse.started(first, 0)
    seen = pulse.working
    pulse.started(second, 1)
    pulse.finished(run(first))
    assert list(seen) == [0]
    assert list(pulse.working) == [1]


def test_workers_are_told_in_the_order_of_their_numbers(pulse):
    for worker in (10, 9, 0, 2):
        pulse.started(jobs_of(pulse)[0], worker)
    assert [worker for worker, _, _ in told(pulse).working] == ["0", "2", "9", "10"]


def test_a_clock_that_went_back_makes_no_negative_times(pulse):
    pulse.started(jobs_of(pulse)[0], 0)
    found = told(pulse, now=900.0)
    assert found.elapsed_s > 0
    assert found.working[0][2] == 0.0


@pytest.mark.parametrize("facts", [{}, {"doing": "merge", "began": 1.0}])
def test_who_does_something_else_than_run_a_grid_has_no_progress(facts):
    assert progress(facts, 10.0) is None


def test_what_a_later_version_tells_besides_is_no_trouble(pulse):
    assert progress({**pulse.facts(), "weather": "fine"}, 1010.0) == told(pulse)
