"""Some workers separate while others render and score: in what order, how much at once, and with which rows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

import soundstage
from interrupts import heed_interrupts
from soundstage.audio import read_only
from soundstage.errors import SoundstageError
from soundstage.planning.jobs import jobs_left
from soundstage.planning.request import plan_of
from soundstage.results.store import Store
from soundstage.running.executors import flow, processes
from soundstage.running.executors.flow import AHEAD, Stepwise
from soundstage.running.executors.place import Done
from soundstage.running.executors.shared import Sheet, read_shared, write_shared
from soundstage.running.executors.steps import Hands, Render, Score, Separate
from soundstage.running.workbench import Workbench
from soundstage.running.worker import Outcome, Settings, Worker
from tables import tidy

GRID = {
    "name": "toys",
    "datasets": ["toy"],
    "placements": ["line"],
    "spatializers": ["flat", "gains"],
    "separators": ["truth", "nothing", "noisy[rate=4000]", "shuffled", "duo"],
    "metrics": ["error", "other_error"],
}


@pytest.fixture(autouse=True)
def _toys(toys):
    """All tests here use the toy plugins."""


def jobs_of(tracks, separators, dataset="toy[tracks={}]"):
    grid = {
        "name": "toys",
        "datasets": [dataset.format(tracks)],
        "spatializers": ["flat"],
        "separators": list(separators),
        "metrics": ["error"],
    }
    return jobs_left(plan_of(grid), {})


@pytest.fixture
def sheets(monkeypatch):
    """The sheets that the flow holds now."""
    held = set()

    class Counted(Sheet):
        def __init__(self):
            super().__init__()
            held.add(self)

        def close(self):
            super().close()
            held.remove(self)

    monkeypatch.setattr(flow, "Sheet", Counted)
    return held


class Crew:
    """Workers that are functions here, so that a test decides who is how fast."""

    def __init__(self, jobs, workers, scorers):
        self.flow = Stepwise(jobs, workers, scorers)
        self.hands = [Hands(Worker(Workbench(), "run"), Worker(Workbench(), "run")) for _ in range(workers + scorers)]
        self.done = []

    def step(self, number):
        """Have a worker do what is next for it; what that is."""
        step = self.flow.take(number)
        if step is None:
            return None
        message = self.flow.message(step)
        outcome = self.flow.answered(step, self.hands[number].do(message))
        self.done += [outcome] if outcome else []
        return type(message), step.task.job.cell.scene.track, step.task.job.cell.separator.label


# what is written for others


def test_what_is_shared_is_the_same_and_whoever_writes_into_it_writes_for_himself():
    arrays = [np.random.default_rng(seed).standard_normal((2, 5000)) for seed in range(3)]
    sheet = Sheet()
    write_shared(sheet.path, [read_only(array) for array in arrays])
    mine, others = read_shared(sheet.path, 3), read_shared(sheet.path, 3)
    sheet.close()
    assert not Path(sheet.path).exists()
    assert all(np.array_equal(one, array) for one, array in zip(mine, arrays, strict=True))
    assert not any(one.flags.writeable for one in mine)
    own = mine[1]
    while isinstance(own.base, np.ndarray):
        own = own.base
    own.flags.writeable = True
    own[...] = 0.0
    assert not mine[1].any()
    assert np.array_equal(others[1], arrays[1])


# who does what, and when


def test_separators_go_on_while_nothing_is_scored_and_stop_where_memory_would_grow(sheets):
    crew = Crew(jobs_of(30, ["nothing"]), 1, 2)
    for _ in range(2 + AHEAD):
        assert crew.step(1)[0] is Render  # which comes before scoring
    separated = 0
    while crew.step(0) is not None:
        separated += 1
    assert separated == 2 + AHEAD
    assert len(sheets) == 2 * (2 + AHEAD)
    assert crew.step(0) is None
    assert crew.step(2)[0] is Score  # which makes room
    assert crew.step(2)[0] is Render
    assert crew.step(0)[0] is Separate
    crew.flow.close()
    assert not sheets


def test_a_scene_is_rendered_once_for_all_its_cells_and_scorers_stay_with_theirs(sheets):
    crew = Crew(jobs_of(4, ["nothing", "truth", "duo"]), 1, 2)
    did = []
    while len(crew.done) < 12:
        did += [(number, *said) for number in (0, 1, 2) if (said := crew.step(number))]
    assert not crew.flow.waits
    assert not sheets
    assert Counter(track for _, kind, track, _ in did if kind is Render) == {f"song {index}": 1 for index in range(4)}
    scored = {(track, number) for number, kind, track, _ in did if kind is Score}
    assert len(scored) == 4
    assert {number for _, number in scored} == {1, 2}
    assert {number for number, kind, *_ in did if kind is Separate} == {0}
    assert all(outcome.record.scores and outcome.record.separation.is_ok for outcome in crew.done)


def test_who_has_nothing_of_his_own_helps():
    crew = Crew(jobs_of(1, ["nothing", "truth", "duo"]), 1, 2)
    assert [crew.step(number)[0] for number in (1, 0, 0)] == [Render, Separate, Separate]
    assert {crew.step(1)[0], crew.step(2)[0]} == {Score}


def test_a_scene_that_cannot_be_rendered_costs_its_cells_alone():
    jobs = jobs_of("2,fault=one track", ["nothing", "truth"])
    crew = Crew(jobs, 1, 1)
    while len(crew.done) < 4:
        assert [said for number in (0, 1) if (said := crew.step(number))]
    statuses = sorted((one.job.cell.scene.track, one.record.separation.status) for one in crew.done)
    assert statuses == [("song 0", "failed")] * 2 + [("song 1", "ok")] * 2
    inline = [Worker(Workbench(), "run").run(job) for job in jobs]
    errors = {outcome.job.cell.address: outcome.record.separation.error for outcome in inline}
    assert all(one.record.separation.error == errors[one.job.cell.address] for one in crew.done)


def test_a_step_that_was_not_done_is_done_by_another():
    crew = Crew(jobs_of(1, ["nothing"]), 1, 2)
    for number, then in ((1, 2), (0, 0), (1, 2)):
        step = crew.flow.take(number)
        crew.flow.again(step)
        assert crew.step(then) is not None
    (outcome,) = crew.done
    assert isinstance(outcome, Outcome)
    assert outcome.record.scores


# what is done while results are committed


class Obedient:
    """A pool whose workers are functions here, and of which one ends at a time. starts: how many may begin."""

    def __init__(self, size, make, *_):
        self.work = [make(number, lambda stage: None) for number in range(size)]
        self.given = {}
        self.starts = 1000
        self.is_left = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_left = True

    def idle(self):
        if not self.starts:
            raise SoundstageError("a worker process cannot be started")
        return [number for number in range(len(self.work)) if number not in self.given]

    def give(self, number, message, spent_s):
        self.given[number] = message
        self.starts -= 1

    def ends(self):
        number = next(iter(self.given))
        return [Done(number, self.work[number](self.given.pop(number)))]


@pytest.fixture
def pools(monkeypatch):
    """The pools that were made, all obedient."""
    made = []

    def pool(*arguments):
        made.append(Obedient(*arguments))
        return made[-1]

    monkeypatch.setattr(processes, "Pool", pool)
    return made


@pytest.mark.parametrize("scorers", [0, 1])
def test_nobody_waits_for_what_was_done_to_be_committed_and_all_is_let_go_where_it_cannot_be(
    tmp_path, pools, sheets, scorers
):
    jobs = jobs_of(9, ["nothing"])
    outcomes = processes.process_pool(1, scorers)(jobs, Settings(tmp_path, "run"), lambda job, number: None)
    done = next(outcomes)
    (pool,) = pools
    assert done.record.scores
    assert set(pool.given) == {scorers}  # who did it is at something again
    assert bool(sheets) == bool(scorers)
    outcomes.close()  # as where the disk is full
    assert pool.is_left
    assert not sheets


def test_what_was_done_is_committed_though_nobody_can_be_given_the_next(tmp_path, pools):
    outcomes = processes.process_pool(1)(jobs_of(9, ["nothing"]), Settings(tmp_path, "run"), lambda job, number: None)
    kept = [next(outcomes)]
    pools[0].starts = 0
    kept.append(next(outcomes))
    with pytest.raises(SoundstageError, match="cannot be started"):
        next(outcomes)
    assert len({outcome.job.cell.address for outcome in kept}) == 2
    assert pools[0].is_left


# the real thing


@pytest.mark.slow
def test_one_model_separates_while_others_score_and_the_rows_are_those_of_one_process(tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_TIMES", str(tmp_path / "times"))
    log = tmp_path / "loads"
    grid = {**GRID, "separators": [*GRID["separators"], "slow[seconds=0.05]", f"noisy[log={log}]", "absent"]}
    grid["separators"] += ["misbehaving[how=raises,track=song 0]", "misbehaving[how=extra]", "unimportable"]
    grid["metrics"] = ["slow_error[seconds=0.05]", "error", "misscoring"]
    summary = soundstage.run(grid, tmp_path / "out", workers=1, scorers=2, keep=["estimates"])
    times = [json.loads(line) for line in (tmp_path / "times").read_text().splitlines()]
    separating, scoring = ([one for one in times if one["what"] == what] for what in ("separating", "scoring"))
    model, scorers = ({one["worker"] for one in part} for part in (separating, scoring))
    assert len(model) == 1
    assert len(scorers) == 2
    assert not model & scorers
    assert any(one["began"] < other["ended"] < one["ended"] for one in separating for other in scoring)
    assert log.read_text().split().count("load") == 1
    (facts,) = [json.loads(path.read_text()) for path in (tmp_path / "out" / "runs").iterdir()]
    assert (facts["workers"], facts["scorers"]) == (1, 2)
    inline = soundstage.run(grid, tmp_path / "inline", keep=["estimates"])
    assert (summary.ran, summary.troubled, summary.usable) == (inline.ran, inline.troubled, inline.usable)
    traces = ["error"]  # with line numbers of whoever called
    frames = [tidy(tmp_path / name).drop(columns=traces) for name in ("inline", "out")]
    pd.testing.assert_frame_equal(*frames, check_exact=True)
    kept = Store(tmp_path / "out").kept_estimates()
    assert kept == Store(tmp_path / "inline").kept_estimates() != set()


@pytest.mark.heavy
@pytest.mark.parametrize("how", ["exit", "hangs", "killed once"])
def test_a_metric_that_takes_its_scorer_with_it_costs_itself_and_nothing_is_separated_again(tmp_path, monkeypatch, how):
    monkeypatch.setenv("TOY_MARK", str(tmp_path / "mark"))
    log = tmp_path / "log"
    bad = f"misscoring[how={how}]"
    grid = {**GRID, "spatializers": ["flat"], "separators": [f"noisy[log={log}]"], "metrics": ["error", bad]}
    grid["metrics"] += ["other_error"]
    soundstage.run(grid, tmp_path / "out", scorers=1, timeout_s=4.0)
    frame = soundstage.load(tmp_path / "out")
    assert set(frame[frame["metric"].isin(["error", "other_error"])]["status"]) == {"ok"}
    lost = frame[frame["metric"] == bad]
    assert set(lost["status"]) == {{"exit": "crashed", "hangs": "timeout", "killed once": "ok"}[how]}
    if how != "killed once":
        assert lost["note"].iloc[0].startswith(f"metric '{bad}', track 'song 0'")
    assert log.read_text().split() == ["load", "separate", "separate"]


@pytest.mark.heavy
def test_every_wild_separator_costs_its_own_cell_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_MARK", str(tmp_path / "mark"))
    ways = {"exit": "crashed", "segfault": "crashed", "memory": "oom", "eats": "oom"}
    wild = {f"misbehaving[how={how},track=song 0]": status for how, status in ways.items()}
    once = "misbehaving[how=killed once,track=song 1]"
    grid = {**GRID, "spatializers": ["flat"], "separators": ["nothing", *wild, once, "meddler", "truth"]}
    soundstage.run(grid, tmp_path / "out", scorers=1, memory_limit=900_000_000)
    assert (tmp_path / "mark").exists()
    frame = soundstage.load(tmp_path / "out")
    for label, status in {**wild, "nothing": "ok", once: "ok", "truth": "ok", "meddler": "failed"}.items():
        mine = frame[frame["separator"] == label]
        expected = {status} if status == "ok" else {status, "skipped"}
        assert set(mine[mine["track"] == "song 0"]["status"]) == expected, label
        assert set(mine[mine["track"] == "song 1"]["status"]) == (expected if label == "meddler" else {"ok"}), label
    truth = frame[(frame["separator"] == "truth") & (frame["name"] == "error") & frame["frame"].isna()]
    assert (truth["value"] == -120.0).all()  # nobody sees what the meddler wrote


@pytest.mark.heavy
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_no_process_and_no_memory_and_goes_on(tmp_path, sign):
    grid, out = tmp_path / "quick.toml", tmp_path / "out"
    grid.write_text(
        '[grids.quick]\ndatasets = ["toy[tracks=6]"]\nplacements = ["line"]\nspatializers = ["flat"]\n'
        'separators = ["slow[seconds=0.5]", "nothing"]\nmetrics = ["slow_error[seconds=0.5]"]\n'
    )
    run = [sys.executable, "-c", "from soundstage.cli import main; main()", "run", str(grid), "--out", str(out)]
    run += ["--scorers", "2"]
    before = set(os.listdir("/dev/shm"))
    process = subprocess.Popen(
        run, stderr=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True, preexec_fn=heed_interrupts
    )
    while len(list(out.glob("cells/*/*.parquet"))) < 2:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 3
    process.send_signal(sign)
    said = process.communicate(timeout=60)[1]
    assert "leaked" not in said
    assert "Traceback" not in said
    gone, _ = psutil.wait_procs(family, timeout=20)
    assert len(gone) == len(family)
    held = {name for name in os.listdir("/dev/shm") if not name.startswith("sem.")}
    assert not {name for name in held - before if "soundstage" in name}
    kept = len(Store(out).addresses())
    assert 2 <= kept < 12
    again = subprocess.run(run, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert again.returncode == 0, again.stderr
    assert f"12 cells, {kept} done before, {12 - kept} to run" in again.stderr
    assert "leaked" not in again.stderr
