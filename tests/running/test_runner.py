"""A grid is filled once, whatever fails, whoever runs it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import soundstage
from soundstage.errors import SoundstageError
from soundstage.results.store import Store
from tables import tidy

pytestmark = pytest.mark.slow

GRID = {
    "name": "toys",
    "datasets": ["toy"],
    "placements": ["line"],
    "spatializers": ["flat", "gains"],
    "separators": ["truth", "nothing", "noisy"],
    "metrics": ["error"],
    "seeds": [0, 1],
}
CELLS = 2 * (1 + 2) * 3


@pytest.fixture(autouse=True)
def _toys(toys):
    """All tests here use the toy plugins."""


def lines(path):
    return path.read_text().split() if path.exists() else []


def test_every_cell_of_the_grid_is_run_once(tmp_path):
    summary = soundstage.run(GRID, tmp_path)
    assert (summary.planned, summary.cached, summary.ran, summary.troubled, summary.usable) == (
        CELLS,
        0,
        CELLS,
        0,
        CELLS,
    )
    frame = soundstage.load(tmp_path)
    assert set(frame["status"]) == {"ok"}
    assert len(frame) == CELLS * 3 * (2 + 2)
    assert frame.duplicated(["cell", "metric", "source", "name", "frame"]).sum() == 0
    assert list(frame.columns)[:17] == [
        *("dataset", "track", "placement", "spatializer", "seed", "separator", "metric", "source", "name", "unit"),
        *("value", "frame", "note", "ranked", "status", "error", "cell"),
    ]
    truth = frame[(frame["separator"] == "truth") & (frame["name"] == "error") & frame["frame"].isna()]
    np.testing.assert_allclose(truth["value"], -120)


def test_a_finished_grid_computes_nothing(tmp_path):
    log = tmp_path / "log"
    grid = {**GRID, "separators": [f"noisy[log={log}]"]}
    soundstage.run(grid, tmp_path / "out")
    before = len(lines(log))
    summary = soundstage.run(grid, tmp_path / "out")
    assert (summary.cached, summary.ran) == (summary.planned, 0)
    assert len(lines(log)) == before


def test_a_model_is_loaded_once_and_a_scene_is_prepared_once(tmp_path):
    log, prepared = tmp_path / "log", tmp_path / "prepared"
    grid = {**GRID, "separators": [f"noisy[log={log}]", "truth"], "metrics": [f"error[log={prepared}]"]}
    soundstage.run(grid, tmp_path / "out")
    assert lines(log).count("load") == 1
    assert lines(log).count("separate") == 6
    assert lines(prepared).count("prepare") == 6


def test_adding_one_separator_runs_only_its_cells(tmp_path):
    soundstage.run(GRID, tmp_path)
    summary = soundstage.run({**GRID, "separators": [*GRID["separators"], "noisy[level=0.2]"]}, tmp_path)
    assert (summary.cached, summary.ran) == (CELLS, CELLS // 3)


def test_adding_a_metric_to_kept_estimates_separates_nothing_and_gives_the_same_numbers(tmp_path):
    log = tmp_path / "log"
    grid = {**GRID, "separators": [f"noisy[log={log}]", "shuffled"]}
    soundstage.run(grid, tmp_path / "out", keep=["estimates"])
    before = lines(log)
    summary = soundstage.run({**grid, "metrics": ["error", "other_error"]}, tmp_path / "out")
    assert summary.ran == summary.planned
    assert lines(log) == before
    frame = soundstage.load(tmp_path / "out")
    keys = ["cell", "source", "name", "frame"]
    first, second = (
        frame[frame["metric"] == metric].set_index(keys)["value"].sort_index() for metric in ("error", "other_error")
    )
    np.testing.assert_array_equal(first, second)


def test_a_metric_run_on_its_own_without_kept_estimates_separates_again(tmp_path):
    log = tmp_path / "log"
    grid = {**GRID, "separators": [f"noisy[log={log}]"]}
    soundstage.run(grid, tmp_path / "out")
    soundstage.run({**grid, "metrics": ["error", "other_error"]}, tmp_path / "out")
    assert lines(log).count("separate") == 12
    assert set(soundstage.load(tmp_path / "out")["metric"]) == {"error", "other_error"}


@pytest.mark.parametrize("workers", [1, 2])
def test_one_failing_separator_or_metric_is_a_row_and_the_rest_go_on(tmp_path, workers):
    grid = {
        **GRID,
        "separators": ["truth", "misbehaving[track=song 1]", "absent", "unimportable"],
        "metrics": ["error", "misscoring"],
    }
    summary = soundstage.run(grid, tmp_path, workers=workers)
    frame = soundstage.load(tmp_path)
    status = frame.groupby(["separator", "metric", "status"]).size()
    assert status["truth", "misscoring", "failed"] == 6
    assert status["truth", "error", "ok"] == 6 * 3 * 4
    assert status["misbehaving[track=song 1]", "", "failed"] == 3
    assert status["misbehaving[track=song 1]", "error", "ok"] == 3 * 3 * 4
    assert status["absent", "", "not-installed"] == 6
    assert status["unimportable", "", "not-installed"] == 6
    failed = frame[(frame["status"] == "failed") & (frame["metric"] == "")].iloc[0]
    assert failed["note"] == "separator 'misbehaving[track=song 1]', track 'song 1': ValueError: no such layer"
    assert "Traceback" in failed["error"]
    assert "no such layer" in failed["error"]
    assert summary.usable == 9


def test_a_broken_track_costs_its_own_cells(tmp_path):
    summary = soundstage.run({**GRID, "datasets": ["toy[fault=one track]"]}, tmp_path)
    frame = soundstage.load(tmp_path)
    assert summary.usable == CELLS // 2
    bad = frame[frame["status"] == "failed"]
    assert set(bad["track"]) == {"song 0"}
    assert "track 'song 0', stem 'bass': 1 samples are NaN or infinite" in bad["note"].iloc[0]


def test_a_dataset_that_raises_is_named(tmp_path):
    soundstage.run({**GRID, "datasets": ["toy[fault=raises]"]}, tmp_path)
    assert "dataset 'toy[fault=raises]', track 'song 0': RuntimeError: the disk is on fire" in set(
        soundstage.load(tmp_path)["note"]
    )


def test_a_worker_that_dies_costs_its_own_cell(tmp_path):
    grid = {**GRID, "separators": ["misbehaving[how=exit,track=song 0]", "truth", "nothing"]}
    summary = soundstage.run(grid, tmp_path, workers=2)
    frame = soundstage.load(tmp_path)
    crashed = frame[frame["status"] == "crashed"]
    assert len(crashed) == 3
    assert set(crashed["track"]) == {"song 0"}
    assert "exit code 3" in crashed["note"].iloc[0]
    assert summary.usable == CELLS - 3


def test_running_out_of_memory_is_a_status_with_advice(tmp_path):
    soundstage.run({**GRID, "separators": ["misbehaving[how=memory]"]}, tmp_path)
    frame = soundstage.load(tmp_path)
    assert set(frame[frame["metric"] == ""]["status"]) == {"oom"}
    assert "fewer workers" in frame["note"].iloc[0]


def test_failures_are_kept_until_they_are_asked_for_again(tmp_path):
    grid = {**GRID, "separators": ["misbehaving", "truth"]}
    soundstage.run(grid, tmp_path)
    assert soundstage.run(grid, tmp_path).ran == 0
    assert soundstage.run(grid, tmp_path, retry=["failed"]).ran == CELLS // 3
    with pytest.raises(SoundstageError, match="retry cannot be 'faild'; did you mean 'failed'"):
        soundstage.run(grid, tmp_path, retry=["faild"])


def broken_noisy(monkeypatch):
    """The separator `noisy`, which was fine, raises from now on."""
    import soundstage_toys

    def separate(*arguments, **needed):
        raise ValueError("a bad day")

    monkeypatch.setattr(soundstage_toys.Noisy, "separate", separate)


def test_what_a_part_of_the_metrics_left_out_is_filled_by_the_same_command(tmp_path, monkeypatch):
    grid = {**GRID, "separators": ["noisy"], "metrics": ["error", "other_error"]}
    with monkeypatch.context() as patch:
        broken_noisy(patch)
        soundstage.run(grid, tmp_path)
    assert soundstage.run(grid, tmp_path, retry=["failed"], only={"metrics": ["error"]}).ran == CELLS // 3
    assert set(soundstage.load(tmp_path)["status"]) == {"ok", "skipped"}
    assert soundstage.run(grid, tmp_path).ran == CELLS // 3
    assert set(soundstage.load(tmp_path)["status"]) == {"ok"}


def test_what_goes_wrong_later_takes_nothing_away_from_what_was_ok(tmp_path, monkeypatch):
    one, two = (
        {**GRID, "separators": ["noisy"], "metrics": metrics} for metrics in (["error"], ["error", "other_error"])
    )
    soundstage.run(one, tmp_path)
    before = soundstage.load(tmp_path)
    (first,) = Store(tmp_path).runs()
    with monkeypatch.context() as patch:
        broken_noisy(patch)
        soundstage.run(two, tmp_path)
    frame = soundstage.load(tmp_path)
    assert {metric: set(rows["status"]) for metric, rows in frame.groupby("metric", observed=True) if len(rows)} == {
        "error": {"ok"},
        "other_error": {"failed"},
    }
    kept = frame[frame["metric"] == "error"]
    np.testing.assert_array_equal(kept["value"].to_numpy(), before["value"].to_numpy())
    assert "a bad day" in frame[frame["status"] == "failed"]["note"].iloc[0]
    address = frame["cell"].iloc[0]
    assert Store(tmp_path).record(address).run == first
    assert soundstage.run(two, tmp_path).ran == 0  # a failure is not tried again by itself
    soundstage.run(two, tmp_path, retry=["failed"])
    record = Store(tmp_path).record(address)
    assert {stage.status for stage in record.scores.values()} == {"ok"}
    assert sorted(stage.run == first for stage in record.scores.values()) == [False, True]
    assert record.run != first


def test_two_workers_overlap_scoring_and_separating(tmp_path, monkeypatch):
    """So that a device is not left idle by scoring: while one worker scores, the other separates."""
    monkeypatch.setenv("TOY_TIMES", str(tmp_path / "times"))
    grid = {**GRID, "datasets": ["toy[tracks=6]"], "spatializers": ["flat"], "separators": ["slow[seconds=0.3]"]}
    soundstage.run({**grid, "metrics": ["slow_error[seconds=0.3]"]}, tmp_path / "out", workers=2)
    times = [json.loads(line) for line in (tmp_path / "times").read_text().splitlines()]
    separating, scoring = ([one for one in times if one["what"] == what] for what in ("separating", "scoring"))
    assert len(separating) == len(scoring) == 6
    assert any(
        one["worker"] != other["worker"] and max(one["began"], other["began"]) < min(one["ended"], other["ended"])
        for one in separating
        for other in scoring
    )


def test_two_folders_and_one_or_two_workers_give_identical_rows(tmp_path):
    grid = {**GRID, "separators": ["truth", "nothing", "noisy", "shuffled"]}
    for name, workers in (("a", 1), ("b", 1), ("c", 2)):
        soundstage.run(grid, tmp_path / name, workers=workers)
    first = tidy(tmp_path / "a")
    pd.testing.assert_frame_equal(first, tidy(tmp_path / "b"), check_exact=True)
    pd.testing.assert_frame_equal(first, tidy(tmp_path / "c"), check_exact=True)


def test_a_lost_cell_is_run_again_and_no_other(tmp_path):
    soundstage.run(GRID, tmp_path)
    before = tidy(tmp_path)
    sorted((tmp_path / "cells").rglob("*.parquet"))[4].unlink()
    assert soundstage.run(GRID, tmp_path).ran == 1
    pd.testing.assert_frame_equal(before, tidy(tmp_path), check_exact=True)


def test_an_interrupted_run_keeps_what_it_finished(tmp_path):
    from soundstage.running.listener import Silence

    class Interrupting(Silence):
        seen = 0

        def finished(self, outcome):
            self.seen += 1
            if self.seen == 5:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        soundstage.run(GRID, tmp_path, listener=Interrupting())
    assert soundstage.run(GRID, tmp_path).cached == 5


def test_provenance_says_what_ran_and_no_address_depends_on_it(tmp_path):
    soundstage.run(GRID, tmp_path)
    (run,) = (tmp_path / "runs").iterdir()
    facts = json.loads(run.read_text())
    assert facts["versions"]["soundstage"]
    assert facts["versions"]["soundstage-toys"] == "1.0"
    assert facts["grid"]["name"] == "toys"
    assert facts["ended"] >= facts["started"]


def test_misuse_is_a_sentence(tmp_path):
    with pytest.raises(SoundstageError, match="keep cannot be 'mixtures'; known: estimates"):
        soundstage.run(GRID, tmp_path, keep=["mixtures"])
    with pytest.raises(SoundstageError, match=r"^workers must be a whole number from 1, not 0"):
        soundstage.run(GRID, tmp_path, workers=0)
    with pytest.raises(SoundstageError, match="its datasets hold no tracks"):
        soundstage.run({**GRID, "datasets": ["toy[tracks=0]"]}, tmp_path)
