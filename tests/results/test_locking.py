"""Two runs on one folder: the second is told who has it, or waits."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time

import pytest

from soundstage.errors import SoundstageError
from soundstage.results import locking
from soundstage.results.store import Store

HOLD = """
import sys, time
from soundstage.results.store import Store
with Store(sys.argv[1]).writing() as lease:
    lease.tell = lambda: {"doing": "this"}
    lease.beat()
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_writer_is_told_who_since_when_and_what_to_do(tmp_path, other):
    with pytest.raises(SoundstageError) as caught, Store(tmp_path).writing():
        raise AssertionError
    sentence = str(caught.value)
    assert f"is being written by process {other.pid} on {platform.node()} since 20" in sentence
    assert "wait for it with --wait" in sentence
    found = Store(tmp_path).writer()
    assert (found.pid, found.is_alive, found.facts) == (other.pid, True, {"doing": "this"})


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path, other):
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert not Store(tmp_path).writer().is_alive
    with Store(tmp_path).writing():
        assert Store(tmp_path).writer().pid == os.getpid()
    assert Store(tmp_path).writer() is None


def test_waiting_ends_when_the_other_does(tmp_path, other):
    told = []
    threading.Timer(1.0, other.kill).start()
    with Store(tmp_path).writing(wait=True, notice=told.append):
        pass
    assert len(told) == 1
    assert told[0].endswith("; waiting for it")


def test_readers_need_no_lock(tmp_path, other):
    assert Store(tmp_path).addresses() == []


def test_a_writer_on_another_host_whose_lock_is_not_seen_holds_while_it_is_heard_of(tmp_path):
    def heard(ago):
        beat = {"host": "elsewhere", "pid": 1, "since": "then", "token": "t", "beat": time.time() - ago, "facts": {}}
        (tmp_path / locking.RUNNING).write_text(json.dumps(beat))

    heard(1)
    with pytest.raises(SoundstageError, match="by process 1 on elsewhere since then"), Store(tmp_path).writing():
        raise AssertionError
    heard(locking.STALE_S + 1)
    with Store(tmp_path).writing():
        pass


def test_a_sign_from_the_future_that_is_never_renewed_holds_nobody_up(tmp_path, monkeypatch):
    monkeypatch.setattr(locking, "BEAT_S", 0.05)
    beat = {"host": "elsewhere", "pid": 1, "since": "then", "token": "t", "beat": time.time() + 10**6, "facts": {}}
    (tmp_path / locking.RUNNING).write_text(json.dumps(beat))
    with Store(tmp_path).writing():
        pass


@pytest.mark.parametrize("text", ["{}", "[1]", "null", '{"host": 1}', '{"beat": NaN, "facts": {}}', "[" * 10**5])
def test_a_sign_that_is_none_holds_nobody_up(tmp_path, text):
    (tmp_path / locking.RUNNING).write_text(text)
    with Store(tmp_path).writing():
        pass


def test_an_object_store_is_locked_by_an_object():
    import fsspec

    url = "memory://locks/results"
    with Store(url).writing():
        with pytest.raises(SoundstageError, match="memory://locks/results is being written by process"):
            Store(url).writing().__enter__()
        assert Store(url).writer().pid == os.getpid()
    with Store(url).writing():
        pass
    fsspec.filesystem("memory").store.clear()


def test_the_lock_is_let_go_when_its_holder_fails(tmp_path):
    with pytest.raises(RuntimeError), Store(tmp_path).writing():
        raise RuntimeError
    with Store(tmp_path).writing():
        pass


def test_of_two_writers_of_an_object_store_the_later_learns_of_it_and_stops(monkeypatch):
    import fsspec

    monkeypatch.setattr(locking, "BEAT_S", 0.05)
    url = "memory://twice/results"
    with Store(url).writing() as first:
        Store(url).files.remove(locking.RUNNING)  # as when both look before either has written
        with Store(url).writing() as second:
            first.beat()
            time.sleep(1.0)
            with pytest.raises(SoundstageError, match="too, which was first; everything committed is kept"):
                second.check()
        first.check()
        assert Store(url).writer().token == first.token  # the one that stopped took nobody's sign away
    fsspec.filesystem("memory").store.clear()


def test_a_writer_of_an_object_store_removes_nothing_that_another_may_just_have_written():
    import fsspec

    from boards import made

    url = "memory://tidy/results"
    one, other = Store(url), Store(url)
    other.cells.addresses()  # what it knows is from before
    one.commit_many([made(number) for number in range(20)])
    other.cells.check()
    other.cells.set_aside()
    assert len(Store(url).addresses()) == 20
    assert Store(url).contents()[1].num_rows == 20
    fsspec.filesystem("memory").store.clear()


def told(tmp_path, **facts):
    """Somebody's sign, whose clock is ahead."""
    beat = {"host": "elsewhere", "pid": 1, "since": "2999-01-01", "token": "t", "beat": time.time() + 10**6}
    (tmp_path / "new").write_text(json.dumps({**beat, "facts": {}, **facts}))
    (tmp_path / "new").replace(tmp_path / locking.RUNNING)


@pytest.mark.parametrize(
    "facts",
    [
        {"host": platform.node(), "pid": 1},
        {"host": platform.node(), "pid": os.getpid()},
        {"beat": 1e300},
        {"beat": 10**18, "since": "9999-12-31T23:59:59+00:00"},
        {"beat": -1e300},
    ],
)
def test_no_sign_from_any_time_holds_up_who_has_the_lock(tmp_path, monkeypatch, facts):
    monkeypatch.setattr(locking, "BEAT_S", 0.05)
    told(tmp_path, **facts)
    with Store(tmp_path).writing():
        assert Store(tmp_path).writer().pid == os.getpid()
    assert Store(tmp_path).writer() is None


def test_a_sign_from_the_future_in_an_object_store_holds_nobody_up_either(monkeypatch):
    monkeypatch.setattr(locking, "BEAT_S", 0.05)
    url = "memory://ahead/results"
    beat = {"host": "elsewhere", "pid": 1, "since": "then", "token": "t", "beat": time.time() + 10**6, "facts": {}}
    Store(url).files.write(locking.RUNNING, json.dumps(beat).encode())
    with Store(url).writing():
        assert Store(url).writer().pid == os.getpid()


def test_who_is_ahead_and_lives_holds_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(locking, "BEAT_S", 0.1)
    ended = threading.Event()

    def lives():
        while not ended.is_set():
            told(tmp_path)
            ended.wait(0.02)

    told(tmp_path)
    other = threading.Thread(target=lives)
    other.start()
    try:
        with pytest.raises(SoundstageError, match="by process 1 on elsewhere"), Store(tmp_path).writing():
            raise AssertionError
    finally:
        ended.set()
        other.join()


def test_a_link_in_the_locks_place_is_refused_and_what_it_points_to_is_left_alone(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / locking.LOCK).symlink_to(victim)
    with pytest.raises(SoundstageError, match=r"\.lock is a link"), Store(tmp_path / "out").writing():
        raise AssertionError
    assert victim.read_text() == "mine"
