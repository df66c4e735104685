"""What goes wrong in one cell costs that cell, whether it runs in the pool or as a script."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import soundstage
import soundstage.running.listener
from interrupts import heed_interrupts
from soundstage.isolation import environment
from soundstage.isolation.script import read_script

pytestmark = pytest.mark.slow

ONE = {
    "name": "wild",
    "datasets": ["toy[tracks=2]"],
    "spatializers": ["flat"],
    "placements": ["line"],
    "separators": ["nothing"],
    "metrics": ["error", "other_error"],
}
HANGS_S = 4.0

SCRIPT = """
# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy"]
# ///
import ctypes, os, time
import numpy as np

sources = ("bass", "drums", "vocals")
needs = ("cell",)


class Model:
    def __init__(self, how):
        self.how = how

    def separate(self, mixture, rate, cell):
        good = dict.fromkeys(sources, mixture / 3)
        if cell.track != "song 0":
            return good
        if self.how == "raises":
            raise ValueError("no such layer")
        if self.how == "rubbish":
            return "no audio at all"
        if self.how == "prints":
            print("x" * 1_000_000)
            os.write(2, b"y" * 1_000_000)
            return good
        if self.how == "exit":
            print("farewell", flush=True)
            os._exit(3)
        if self.how == "segfault":
            ctypes.string_at(0)
        if self.how == "hangs":
            time.sleep(600)
        if self.how == "memory":
            raise MemoryError
        return {**good, "bass": mixture[:, :-1]}


def load(how: str = "shape"):
    print("loading, at length: " + "z" * 100_000)
    return Model(how)
"""


@pytest.fixture(autouse=True)
def _toys(toys):
    """All tests here use the toy plugins."""


@pytest.fixture
def wild_script(tmp_path, monkeypatch) -> Path:
    """A separator script that goes wrong as told; it runs in this interpreter, so that nothing is installed."""
    (tmp_path / "wild.py").write_text(SCRIPT)
    registry = tmp_path / "wild.toml"
    registry.write_text('[separators.wild]\nscript = "wild.py"\n')
    folder = environment._folder(read_script(tmp_path / "wild.py"))
    folder.mkdir(parents=True)
    (folder / "environment.json").write_text(f'{{"python": "{sys.executable}"}}')
    return registry


def statuses(frame, separator):
    """Track → statuses of a separator's rows."""
    rows = frame[frame["separator"] == separator]
    return {track: set(part["status"]) for track, part in rows.groupby("track")}


WAYS = [
    ("raises", "failed", "no such layer"),
    ("list", "failed", "not a mapping"),
    ("prints", "ok", ""),
    ("exit", "crashed", "exit code 3"),
    ("sys.exit", "failed", "SystemExit: a library of the nineties gave up"),
    ("segfault", "crashed", "signal 11"),
    ("hangs", "timeout", "exceeded the limit of 4 s"),
    ("memory", "oom", "out of memory"),
    ("torch memory", "oom", "`segment`"),
]


def test_in_the_pool_every_wild_separator_costs_its_own_cell_alone(tmp_path, capfd):
    wild = {how: f"misbehaving[how={how},track=song 0]" for how, _, _ in WAYS}
    grid = {**ONE, "separators": ["nothing", *wild.values(), "truth"]}
    started = time.monotonic()
    soundstage.run(grid, tmp_path / "out", workers=2, timeout_s=HANGS_S)
    assert time.monotonic() - started < 120  # it ended, rather than waited for a hanging cell
    frame = soundstage.load(tmp_path / "out")
    for healthy in ("nothing", "truth"):
        assert statuses(frame, healthy) == {"song 0": {"ok"}, "song 1": {"ok"}}
    for how, status, words in WAYS:
        found = statuses(frame, wild[how])
        assert found == {"song 0": {status} if status == "ok" else {status, "skipped"}, "song 1": {"ok"}}, how
        if words:
            notes = frame[(frame["separator"] == wild[how]) & (frame["status"] == status)]["note"]
            assert words in notes.iloc[0]
            assert how in notes.iloc[0]
            assert "song 0" in notes.iloc[0]
    printed = capfd.readouterr()
    assert "xxxx" not in printed.out + printed.err
    assert "farewell" in frame[frame["status"] == "crashed"]["note"].iloc[0]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.heavy
def test_as_a_script_every_wild_separator_costs_its_own_cell_alone(tmp_path, capfd, workers, wild_script):
    ways = [
        ("raises", "failed", "no such layer"),
        ("rubbish", "failed", "not a mapping"),
        ("prints", "ok", ""),
        ("exit", "crashed", "exit code 3"),
        ("segfault", "crashed", "signal 11"),
        ("memory", "oom", "out of memory"),
        ("shape", "failed", "shape (2, 1999) where (2, 2000) was expected"),
        ("hangs", "timeout", "exceeded the limit of 4 s"),
    ]
    timeout_s = HANGS_S if workers == 2 else None
    ways = ways if workers == 2 else ways[:-1]  # without a time limit nothing is killed
    wild = {how: f"wild[how={how}]" for how, _, _ in ways}
    grid = {**ONE, "separators": ["nothing", *wild.values(), "truth"]}
    soundstage.run(grid, tmp_path / "out", registry=[wild_script], workers=workers, timeout_s=timeout_s)
    frame = soundstage.load(tmp_path / "out")
    for healthy in ("nothing", "truth"):
        assert statuses(frame, healthy) == {"song 0": {"ok"}, "song 1": {"ok"}}
    for how, status, words in ways:
        found = statuses(frame, wild[how])
        assert found == {"song 0": {status} if status == "ok" else {status, "skipped"}, "song 1": {"ok"}}, how
        if words:
            assert words in frame[(frame["separator"] == wild[how]) & (frame["status"] == status)]["note"].iloc[0], how
    printed = capfd.readouterr()
    assert "xxxx" not in printed.out + printed.err
    if workers == 1:
        assert "farewell" in frame[frame["status"] == "crashed"]["note"].iloc[0]
    trace = frame[(frame["separator"] == wild["raises"]) & (frame["status"] == "failed")]["error"].iloc[0]
    assert 'raise ValueError("no such layer")' in trace


@pytest.mark.parametrize(("how", "status"), [("exit", "crashed"), ("hangs", "timeout")])
def test_a_metric_that_takes_the_worker_with_it_leaves_the_others_their_scores(tmp_path, how, status):
    grid = {**ONE, "separators": ["nothing"], "metrics": ["error", f"misscoring[how={how}]", "other_error"]}
    soundstage.run(grid, tmp_path, workers=2, timeout_s=HANGS_S)
    frame = soundstage.load(tmp_path)
    assert set(frame[frame["metric"].isin(["error", "other_error"])]["status"]) == {"ok"}
    lost = frame[frame["metric"] == f"misscoring[how={how}]"]
    assert set(lost["status"]) == {status}
    assert lost["note"].iloc[0].startswith(f"metric 'misscoring[how={how}]', track 'song 0'")
    assert len(frame) == 2 * (3 * 4 * 2 + 1)


def test_a_time_limit_needs_no_second_worker(tmp_path):
    grid = {**ONE, "separators": ["nothing", "misbehaving[how=hangs]"], "datasets": ["toy[tracks=1]"]}
    soundstage.run(grid, tmp_path, workers=1, timeout_s=2.0)
    frame = soundstage.load(tmp_path)
    assert statuses(frame, "nothing") == {"song 0": {"ok"}}
    assert statuses(frame, "misbehaving[how=hangs]") == {"song 0": {"timeout", "skipped"}}


def test_prints_of_a_separator_stay_out_of_what_the_command_prints(tmp_path, capfd):
    grid = {**ONE, "separators": ["misbehaving[how=prints]"], "datasets": ["toy[tracks=1]"]}
    soundstage.run(grid, tmp_path, workers=1)
    assert "xxxx" not in capfd.readouterr().out


def test_a_library_that_exits_costs_its_cell_in_this_process_too(tmp_path):
    grid = {**ONE, "separators": ["misbehaving[how=sys.exit,track=song 0]", "truth"]}
    assert soundstage.run(grid, tmp_path, workers=1).ran == 4
    frame = soundstage.load(tmp_path)
    assert statuses(frame, "misbehaving[how=sys.exit,track=song 0]") == {
        "song 0": {"failed", "skipped"},
        "song 1": {"ok"},
    }


def test_a_script_that_left_a_child_at_its_pipes_is_not_waited_for(tmp_path, wild_script):
    text = (tmp_path / "wild.py").read_text()
    forks = """        if self.how == "exit":
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
            open(PID, "w").write(str(child))
"""
    text = text.replace('        if self.how == "exit":\n', forks.replace("PID", repr(str(tmp_path / "pid"))))
    (tmp_path / "wild.py").write_text(text)
    started = time.monotonic()
    soundstage.run({**ONE, "separators": ["wild[how=exit]"]}, tmp_path / "out", registry=[wild_script], workers=1)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert time.monotonic() - started < 30
    found = statuses(soundstage.load(tmp_path / "out"), "wild[how=exit]")
    assert found == {"song 0": {"crashed", "skipped"}, "song 1": {"ok"}}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_script_is_loaded_once_a_worker(tmp_path, wild_script, workers):
    loads = tmp_path / "loads"
    text = (tmp_path / "wild.py").read_text()
    text = text.replace(
        '    print("loading', f'    open({str(loads)!r}, "a").write(f"{{os.getpid()}}\\n")\n    print("loading'
    )
    (tmp_path / "wild.py").write_text(text)
    grid = {**ONE, "datasets": ["toy[tracks=12]"], "separators": ["wild[how=prints]"]}
    assert soundstage.run(grid, tmp_path / "out", registry=[wild_script], workers=workers).ran == 12
    assert 1 <= len(loads.read_text().splitlines()) <= workers


def test_a_script_dies_with_the_worker_that_started_it(tmp_path, wild_script):
    pids = tmp_path / "pids"
    text = (tmp_path / "wild.py").read_text()
    text = text.replace(
        '    print("loading', f'    open({str(pids)!r}, "a").write(f"{{os.getpid()}}\\n")\n    print("loading'
    )
    (tmp_path / "wild.py").write_text(text)
    grid = {**ONE, "separators": ["wild[how=hangs]"]}
    soundstage.run(grid, tmp_path / "out", registry=[wild_script], workers=2, timeout_s=3.0)
    deadline = time.monotonic() + 10
    left = [int(pid) for pid in pids.read_text().split()]
    assert left
    while left and time.monotonic() < deadline:
        left = [pid for pid in left if _runs(pid)]
        time.sleep(0.1)
    assert not left


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_killed_worker_started_dies_with_it(tmp_path, monkeypatch, workers):
    monkeypatch.setenv("TOY_MARK", str(tmp_path / "child"))
    grid = {**ONE, "datasets": ["toy[tracks=1]"], "separators": ["misbehaving[how=starts another]"]}
    soundstage.run(grid, tmp_path / "out", workers=workers, timeout_s=4.0)
    assert statuses(soundstage.load(tmp_path / "out"), grid["separators"][0]) == {"song 0": {"timeout", "skipped"}}
    assert not _runs(int((tmp_path / "child").read_text()))


@pytest.mark.heavy
def test_memory_is_watched_while_other_cells_come_and_go(tmp_path):
    """Cells that end all the time must not keep the run from looking."""
    eater = "misbehaving[how=eats,track=song 0]"
    grid = {**ONE, "datasets": ["toy[tracks=400]"], "separators": [eater, "nothing"], "metrics": ["error"]}
    began = time.monotonic()
    ended = {}

    class Clock(soundstage.running.listener.Silence):
        def finished(self, outcome):
            if outcome.troubles:
                ended["eater"] = time.monotonic() - began
            ended["all"] = time.monotonic() - began

    soundstage.run(grid, tmp_path, workers=2, memory_limit=900_000_000, listener=Clock())
    frame = soundstage.load(tmp_path)
    assert set(frame[(frame["separator"] == eater) & (frame["track"] == "song 0")]["status"]) == {"oom", "skipped"}
    assert ended["eater"] < ended["all"]


def test_a_worker_that_somebody_kills_is_replaced_and_its_cell_begun_again(tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_MARK", str(tmp_path / "mark"))
    grid = {**ONE, "separators": ["nothing", "misbehaving[how=killed once,track=song 1]"]}
    summary = soundstage.run(grid, tmp_path / "out", workers=2)
    assert (tmp_path / "mark").exists()
    assert (summary.ran, summary.troubled) == (4, 0)


def test_a_cell_whose_worker_is_killed_every_time_is_given_up(tmp_path):
    grid = {**ONE, "separators": ["nothing", "misbehaving[how=killed]"], "datasets": ["toy[tracks=1]"]}
    soundstage.run(grid, tmp_path, workers=2)
    frame = soundstage.load(tmp_path)
    assert statuses(frame, "nothing") == {"song 0": {"ok"}}
    assert "signal 9" in frame[frame["status"] == "crashed"]["note"].iloc[0]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_separator_that_eats_memory_costs_its_own_cell_alone(tmp_path, workers):
    grid = {**ONE, "separators": ["nothing", "misbehaving[how=eats,track=song 0]", "truth"]}
    soundstage.run(grid, tmp_path, workers=workers, memory_limit=900_000_000)
    frame = soundstage.load(tmp_path)
    for healthy in ("nothing", "truth"):
        assert statuses(frame, healthy) == {"song 0": {"ok"}, "song 1": {"ok"}}
    eater = "misbehaving[how=eats,track=song 0]"
    assert statuses(frame, eater) == {"song 0": {"oom", "skipped"}, "song 1": {"ok"}}
    assert "limit of 0.9 GB" in frame[frame["status"] == "oom"]["note"].iloc[0]


@pytest.mark.parametrize("workers", [1, 2])
def test_whatever_a_separator_raises_is_its_own_fault(tmp_path, workers):
    ways = {"interrupts": "KeyboardInterrupt", "generator exit": "GeneratorExit", "own exit": "Abandon: enough"}
    wild = {how: f"misbehaving[how={how},track=song 0]" for how in ways}
    soundstage.run({**ONE, "separators": [*wild.values(), "truth"]}, tmp_path, workers=workers)
    frame = soundstage.load(tmp_path)
    for how, words in ways.items():
        assert statuses(frame, wild[how]) == {"song 0": {"failed", "skipped"}, "song 1": {"ok"}}
        note = frame[(frame["separator"] == wild[how]) & (frame["status"] == "failed")]["note"].iloc[0]
        assert note.startswith(f"separator '{wild[how]}', track 'song 0': {words}")
    assert statuses(frame, "truth") == {"song 0": {"ok"}, "song 1": {"ok"}}


def test_the_users_interrupt_ends_the_run_though_a_separator_swallows_it(tmp_path, monkeypatch):
    mark = tmp_path / "mark"
    monkeypatch.setenv("TOY_MARK", str(mark))
    run = "import sys, soundstage; soundstage.run(eval(sys.argv[1]), sys.argv[2])"
    grid = {**ONE, "separators": ["misbehaving[how=swallows]"]}
    process = subprocess.Popen(
        [sys.executable, "-c", run, repr(grid), str(tmp_path / "out")],
        stderr=subprocess.PIPE,
        preexec_fn=heed_interrupts,
    )
    while not mark.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert b"KeyboardInterrupt" in process.communicate(timeout=30)[1]
    assert not list((tmp_path / "out").glob("cells/*/*"))


@pytest.mark.parametrize("pool", [False, True])
def test_a_separator_that_closes_standard_output_takes_nothing_from_the_next(tmp_path, pool):
    grid = {**ONE, "separators": ["misbehaving[how=closes]", "misbehaving[how=prints]", "truth"]}
    options = {"timeout_s": 60.0} if pool else {}
    script = tmp_path / "run.py"
    script.write_text(
        f"import soundstage\nif __name__ == '__main__':\n    grid = { ({**grid, 'datasets': ['toy[tracks=1]']})!r}\n"
        f"    soundstage.run(grid, {str(tmp_path / 'out')!r}, **{options!r})\n    print('still heard')\n"
    )
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "still heard\n"
    assert set(soundstage.load(tmp_path / "out")["status"]) == {"ok"}


def test_who_comes_after_a_leak_is_tried_in_a_fresh_worker_before_it_is_blamed(tmp_path):
    """The one leaks and stays within the limit; the other needs little, and with what was leaked too much."""
    grid = {**ONE, "datasets": ["toy[tracks=1]"], "metrics": ["error"]}
    grid["separators"] = ["misbehaving[how=leaks]", "misbehaving[how=needs room]"]
    summary = soundstage.run(grid, tmp_path, workers=1, memory_limit=900_000_000)
    assert (summary.ran, summary.troubled) == (2, 0)


def test_who_was_killed_from_outside_is_tried_again_at_the_next_run(tmp_path, monkeypatch):
    wild = ["misbehaving[how=killed,track=song 1]", "misbehaving[how=exit,track=song 1]"]
    grid = {**ONE, "separators": ["nothing", *wild]}
    summary = soundstage.run(grid, tmp_path, workers=2)
    assert [title.count("how=killed") for title in summary.killed] == [1]
    assert [title.count("how=exit") for title in summary.crashed] == [1]
    again = soundstage.run(grid, tmp_path, workers=2, limit=0)
    assert (again.cached, again.left) == (5, 1)
    from soundstage_toys import Misbehaving

    def mended_separate(self, mixture, rate, *, sources, cell):
        return dict.fromkeys(sources, mixture)

    monkeypatch.setattr(Misbehaving, "separate", mended_separate)
    mended = soundstage.run(grid, tmp_path, workers=1)
    assert (mended.ran, mended.killed) == (1, ())
    assert soundstage.run(grid, tmp_path, workers=1, retry=["crashed"]).troubled == 0


def test_a_daemon_that_a_separator_leaves_behind_ends_with_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_MARK", str(tmp_path / "daemon"))
    grid = {**ONE, "datasets": ["toy[tracks=1]"], "separators": ["misbehaving[how=starts a daemon]"]}
    assert soundstage.run(grid, tmp_path / "out", workers=1, timeout_s=60.0).troubled == 0
    assert not _runs(int((tmp_path / "daemon").read_text()))


def test_what_plugins_print_is_shown_when_asked_for(tmp_path):
    for executor, expected in (("run_inline", "la la song 1\n"), ("process_pool(1)", "worker 0: la la song 1\n")):
        result = shown(tmp_path, executor, "sings")
        assert expected in result.stdout + result.stderr
        assert (expected in result.stdout) == (executor == "run_inline")


def test_a_debugger_reads_what_is_typed_when_output_is_shown(tmp_path):
    result = shown(tmp_path, "run_inline", "debugs", typed="p mixture.shape\nc\np 6 * 7\nc\n")
    assert "(2, 2000)" in result.stdout
    assert "42" in result.stdout
    assert result.stdout.endswith("ok ok\n")


SHOWN = """
import sys
from soundstage.planning.jobs import jobs_left
from soundstage.planning.request import plan_of
from soundstage.running.executors.inline import run_inline
from soundstage.running.executors.processes import process_pool
from soundstage.running.worker import Settings

if __name__ == "__main__":
    plan = plan_of(eval(sys.argv[1]))
    outcomes = EXECUTOR(jobs_left(plan, {}), Settings(sys.argv[2], "run", show_output=True), lambda job, worker: None)
    print(*(outcome.record.separation.status for outcome in outcomes))
"""


def shown(tmp_path, executor, how, typed=""):
    script = tmp_path / "shown.py"
    script.write_text(SHOWN.replace("EXECUTOR", executor))
    grid = {**ONE, "separators": [f"misbehaving[how={how}]"]}
    command = [sys.executable, str(script), repr(grid), str(tmp_path / "out")]
    result = subprocess.run(command, input=typed, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return result


@pytest.mark.parametrize("options", [{"workers": 1}, {"workers": 2}, {"workers": 1, "isolate": True}], ids=str)
@pytest.mark.heavy
def test_what_is_no_exception_is_its_separators_own_in_load_too(tmp_path, options):
    ways = {
        "interrupt": "KeyboardInterrupt",
        "generator exit": "GeneratorExit",
        "sys.exit": "SystemExit",
        "own": "Abandon",
    }
    wild = {(at, how): f"unruly_quitter[at={at},how={how}]" for at in ("load", "separate") for how in ways}
    grid = {**ONE, "separators": [*wild.values(), "truth"], "metrics": ["error"]}
    soundstage.run(grid, tmp_path, **options)
    frame = soundstage.load(tmp_path)
    for (_, how), label in wild.items():
        assert statuses(frame, label) == {song: {"failed", "skipped"} for song in ("song 0", "song 1")}, label
        note = frame[(frame["separator"] == label) & (frame["status"] == "failed")]["note"].iloc[0]
        assert note.startswith(f"separator '{label}'")
        assert ways[how] in note
    assert statuses(frame, "truth") == {"song 0": {"ok"}, "song 1": {"ok"}}


@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("how", ["closes input", "closes all", "no stdout"])
def test_whatever_of_its_process_a_separator_closes_the_next_finds_it_open(tmp_path, pool, how):
    wild = [f"unruly_quitter[at={at},how={how}]" for at in ("load", "separate")]
    grid = {**ONE, "separators": [*wild, "misbehaving[how=prints]", "truth"], "metrics": ["error"]}
    options = {"timeout_s": 60.0} if pool else {}
    script = tmp_path / "run.py"
    script.write_text(
        f"import sys, soundstage\nif __name__ == '__main__':\n    soundstage.run({grid!r}, {str(tmp_path / 'out')!r},"
        f" **{options!r})\n    print('still heard', sys.stdin.read())\n"
    )
    result = subprocess.run([sys.executable, str(script)], input="typed", capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "still heard typed\n"
    assert set(soundstage.load(tmp_path / "out")["status"]) == {"ok"}


@pytest.mark.heavy
def test_each_who_comes_after_a_leak_is_tried_anew_and_who_eats_is_blamed_all_the_same(tmp_path):
    """Three innocents after leaks, and among them one that is too large for any worker."""
    wild = ["leaks", "needs room", "eats,track=song 0"]
    grid = {**ONE, "datasets": ["toy[tracks=2]"], "metrics": ["error"]}
    grid["separators"] = [*(f"misbehaving[how={how}]" for how in wild), "nothing"]
    soundstage.run(grid, tmp_path, workers=1, memory_limit=900_000_000)
    frame = soundstage.load(tmp_path)
    eater = statuses(frame, "misbehaving[how=eats,track=song 0]")
    assert eater == {"song 0": {"oom", "skipped"}, "song 1": {"ok"}}
    for innocent in ("misbehaving[how=leaks]", "misbehaving[how=needs room]", "nothing"):
        assert statuses(frame, innocent) == {"song 0": {"ok"}, "song 1": {"ok"}}, innocent
