"""A run that is killed again and again ends with the rows of one that was left alone: none missing, none twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas
import psutil
import pytest

import soundstage
from tables import tidy

pytestmark = pytest.mark.heavy

GRID = {
    "name": "faults",
    "datasets": ["toy[tracks=5,seconds=0.5]"],
    "placements": ["line"],
    "spatializers": ["flat", "gains"],
    "seeds": [0, 1],
    "separators": ["slow[seconds=0.1]", "slow[seconds=0.08]", "nothing", "truth", "noisy"],
    "metrics": ["error", "other_error"],
}
CELLS = 5 * (1 + 2) * 5
KILLS = 100

RUN = """
import json, sys, soundstage
if __name__ == "__main__":
    grid, out, options = json.loads(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    soundstage.run(grid, out, **options)
"""


@pytest.fixture(autouse=True)
def _toys(toys):
    """All tests here use the toy plugins."""


def started(script: Path, out: Path, grid=GRID, **options) -> subprocess.Popen:
    script.write_text(RUN)
    command = [sys.executable, str(script), json.dumps(grid), str(out), json.dumps(options)]
    with open(script.with_suffix(".stderr"), "ab") as errors:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)


def workers_of(process: subprocess.Popen) -> list[psutil.Process]:
    """The pool's processes; multiprocessing's own helper is not one."""
    try:
        children = psutil.Process(process.pid).children()
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    except psutil.Error:
        return []


def test_a_run_killed_a_hundred_times_ends_as_one_left_alone(tmp_path):
    chance = random.Random(7)
    out, script = tmp_path / "out", tmp_path / "run.py"
    kills = {"parent": 0, "worker": 0}
    process = started(script, out, workers=2)
    deadline = time.monotonic() + 1800
    while sum(kills.values()) < KILLS:
        assert time.monotonic() < deadline
        of_a_worker = chance.random() < 0.5
        if of_a_worker:  # they take a while to come up
            _wait_for_workers(process)
        ended = _ended_within(process, chance.uniform(0.05, 1.2) if kills["parent"] % 3 else chance.uniform(1.5, 3.5))
        if ended:  # all done before the kills were: begin again, with another cell's worth to do
            assert process.returncode == 0, script.with_suffix(".stderr").read_text()
            _damage_some_files(out, chance)
            process = started(script, out, workers=2)
            continue
        workers = workers_of(process)
        if workers and of_a_worker:
            try:
                chance.choice(workers).kill()
                kills["worker"] += 1
            except psutil.Error:
                pass
        else:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills["parent"] += 1
            process = started(script, out, workers=2)
    assert process.wait(300) == 0, script.with_suffix(".stderr").read_text()
    assert min(kills.values()) >= 20
    found = tidy(out)
    crashed = found[found["status"] == "crashed"]
    if len(crashed):  # the same cell lost its worker three times over: said, not hidden, and run again when asked
        assert soundstage.run(GRID, out, retry=["crashed"]).troubled == 0
        found = tidy(out)
    soundstage.run(GRID, tmp_path / "undisturbed")
    expected = tidy(tmp_path / "undisturbed")
    assert expected["cell"].nunique() == CELLS
    assert found.duplicated(["cell", "metric", "source", "name", "frame"]).sum() == 0
    pandas.testing.assert_frame_equal(found, expected, check_exact=True)


def _wait_for_workers(process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and not workers_of(process) and time.monotonic() < deadline:
        time.sleep(0.05)


def _ended_within(process: subprocess.Popen, seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _damage_some_files(out: Path, chance: random.Random) -> None:
    """Make work: flip a byte in a few result files where they lie."""
    files = sorted([*out.glob("cells/*/*.parquet"), *out.glob("segments/*.parquet")])
    for file in chance.sample(files, min(20, len(files))):
        contents = bytearray(file.read_bytes())
        contents[chance.randrange(len(contents))] ^= 1
        file.write_bytes(contents)


def test_no_worker_outlives_a_killed_run_whatever_it_is_doing(tmp_path):
    hangs = {**GRID, "separators": ["misbehaving[how=hangs]"]}
    process = started(tmp_path / "run.py", tmp_path / "out", grid=hangs, workers=2)
    deadline = time.monotonic() + 60
    while not (workers := workers_of(process)) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    assert workers
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    gone, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive
    assert gone
