"""A pool of processes answers, whatever becomes of its workers, and tells how each was lost."""

from __future__ import annotations

import os
import time

import psutil
import pytest

import pool_toys
from soundstage.errors import SoundstageError
from soundstage.running.executors import workers
from soundstage.running.executors.place import Done, Lost
from soundstage.running.executors.workers import Pool

CANNOT_START = (
    r"^a worker process could not start \(exit code 1\); it last said: ImportError: libtune\.so: cannot open .*;"
    r" where the script that calls Soundstage does so outside `if __name__ == .*use workers=1$"
)


def asked(pool, *messages):
    """What became of each message, one after the other."""
    found = []
    for message in messages:
        while not pool.idle():
            pool.ends()
        pool.give(pool.idle()[0], message)
        while not (ends := pool.ends()):
            pass
        found += ends
    return found


def test_answers_come_back_whole_however_long_they_are():
    with Pool(1, pool_toys.make) as pool:
        short, long, next_one = asked(pool, ("echo", {"a": 1}), ("much", 30_000_000), ("echo", "still there"))
    assert short == Done(0, {"a": 1})
    assert len(long.reply) == 30_000_000
    assert next_one.reply == "still there"


def test_a_worker_serves_until_it_dies_and_is_replaced():
    with Pool(1, pool_toys.make) as pool:
        first, again, death, replaced = asked(pool, ("number",), ("number",), ("die",), ("number",))
    assert first == again
    assert isinstance(death, Lost)
    assert (death.why, death.stage, death.fresh) == ("killed", "die", False)
    assert "signal 9" in death.what
    assert replaced.reply[0] == 0
    assert replaced.reply != first.reply


@pytest.mark.parametrize("held_open", [False, True])
def test_half_an_answer_is_a_death_though_a_child_holds_the_line_open(held_open):
    began = time.monotonic()
    with Pool(1, pool_toys.make) as pool:
        death, after = asked(pool, ("die half said", held_open), ("echo", 1))
    assert (death.why, after.reply) == ("killed", 1)
    assert time.monotonic() - began < 15


def test_a_child_that_outlives_its_worker_keeps_nobody_waiting():
    began = time.monotonic()
    with Pool(1, pool_toys.make) as pool:
        (death,) = asked(pool, ("exit beside a child", 7))
    assert (death.why, death.fresh) == ("died", True)
    assert "exit code 7" in death.what
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("how", ["unreadable", "unwritable"])
def test_an_answer_that_cannot_be_passed_on_is_said(how):
    with Pool(1, pool_toys.make) as pool:
        lost, after = asked(pool, (how,), ("echo", 1))
    assert (lost.why, lost.stage, after.reply) == ("raised", how, 1)
    assert "Error" in lost.what


def test_time_is_counted_from_when_a_worker_was_ready():
    with Pool(1, pool_toys.make, timeout_s=0.7) as pool:
        quick, slow, after = asked(pool, ("sleep", 0.1), ("sleep", 600), ("echo", 1))
    assert (type(quick), slow.why, after.reply) == (Done, "timeout", 1)


def test_a_worker_that_cannot_start_is_one_sentence_with_its_last_words_and_the_remedy(monkeypatch):
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
        monkeypatch.delenv(name)  # a worker that is counted has words of its own at its end
    with pytest.raises(SoundstageError, match=CANNOT_START), Pool(2, pool_toys.make_broken) as pool:
        asked(pool, ("echo", 1))


def test_a_worker_killed_while_it_starts_costs_nothing(tmp_path):
    with Pool(1, pool_toys.MakeKilledOnce(tmp_path / "mark")) as pool:
        assert asked(pool, ("echo", 1)) == [Done(0, 1)]
    assert (tmp_path / "mark").exists()


def test_workers_that_are_always_killed_while_they_start_end_it(monkeypatch):
    monkeypatch.setattr(workers, "STARTS", 2)
    with pytest.raises(SoundstageError, match=r"could not start \(signal 9\)"), Pool(1, pool_toys.make_killed) as pool:
        asked(pool, ("echo", 1))


def test_no_worker_is_left_when_a_pool_is_left_by_an_error():
    pids = []

    def interrupted():
        with Pool(2, pool_toys.make) as pool:
            while len(pool.idle()) < 2:
                pool.ends()
            pool.give(0, ("sleep", 600))
            pids.extend(place.process.pid for place in pool._workers)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert len(pids) == 2
    assert not any(map(psutil.pid_exists, pids))
