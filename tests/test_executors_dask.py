"""Dask runs the same cells and gives the same rows, and a worker that is lost costs nothing."""

from __future__ import annotations

import importlib.util
import os
import signal
import threading
import time

import pandas
import pytest

import soundstage
from soundstage.errors import SoundstageError

pytestmark = pytest.mark.heavy

if importlib.util.find_spec("distributed") is None:
    pytest.skip("Dask is not installed: pip install 'soundstage[dask]'", allow_module_level=True)

GRID = {
    "name": "toys",
    "datasets": ["toy[tracks=3]"],
    "placements": ["line"],
    "spatializers": ["flat", "gains"],
    "separators": ["truth", "nothing", "noisy"],
    "metrics": ["error"],
}


@pytest.fixture(autouse=True)
def _toys(toys):
    """All tests here use the toy plugins."""


def tidy(path):
    frame = soundstage.load(path)
    return frame.sort_values([*frame.columns[:10], "frame"], kind="stable").reset_index(drop=True)


def test_all_executors_give_identical_rows(tmp_path):
    soundstage.run(GRID, tmp_path / "inline")
    soundstage.run(GRID, tmp_path / "processes", workers=2)
    soundstage.run(GRID, tmp_path / "dask", workers=2, executor="dask")
    expected = tidy(tmp_path / "inline")
    assert set(expected["status"]) == {"ok"}
    pandas.testing.assert_frame_equal(tidy(tmp_path / "processes"), expected)
    pandas.testing.assert_frame_equal(tidy(tmp_path / "dask"), expected)


def test_all_executors_give_identical_rows_on_real_songs(shared, tmp_path):
    grid = {
        "datasets": ["musdb18hq"],
        "spatializers": ["original", "hrir"],
        "separators": ["reference", "irm", "duet"],
        "metrics": ["sdr", "spauq"],
    }
    data = {"musdb18hq": shared / "real" / "musdb18hq-layout"}
    frames = []
    for executor in ("inline", "processes", "dask"):
        workers = 1 if executor == "inline" else 2
        summary = soundstage.run(grid, tmp_path / executor, data=data, workers=workers, executor=executor)
        assert (summary.planned, summary.troubled) == (12, 0)
        frames.append(tidy(tmp_path / executor))
    pandas.testing.assert_frame_equal(frames[1], frames[0])
    pandas.testing.assert_frame_equal(frames[2], frames[0])


def test_a_cluster_of_ones_own_is_used_and_a_killed_worker_costs_no_cell(tmp_path):
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        pids = list(client.run(os.getpid).values())
        killer = threading.Thread(target=lambda: (time.sleep(1.5), os.kill(pids[0], signal.SIGKILL)))
        killer.start()
        grid = {**GRID, "separators": ["nothing", "slow"]}
        summary = soundstage.run(grid, tmp_path / "out", executor="dask", scheduler=cluster.scheduler_address)
        killer.join()
        assert pids[0] not in client.run(os.getpid).values()
    assert (summary.ran, summary.troubled) == (12, 0)
    soundstage.run(grid, tmp_path / "undisturbed")
    pandas.testing.assert_frame_equal(tidy(tmp_path / "out"), tidy(tmp_path / "undisturbed"))


def test_what_hangs_or_crashes_costs_its_own_cell_alone(tmp_path):
    hangs, crashes = "misbehaving[how=hangs,track=song 0]", "misbehaving[how=exit,track=song 0]"
    grid = {**GRID, "datasets": ["toy"], "spatializers": ["flat"], "separators": ["nothing", hangs, crashes, "truth"]}
    soundstage.run(grid, tmp_path, workers=2, executor="dask", timeout_s=5.0)
    frame = soundstage.load(tmp_path)
    found = {name: set(rows["status"]) for name, rows in frame.groupby("separator")}
    assert found["nothing"] == found["truth"] == {"ok"}
    assert found[hangs] == {"timeout", "skipped", "ok"}
    assert found[crashes] == {"crashed", "skipped", "ok"}


def test_a_scheduler_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SoundstageError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        soundstage.run(GRID, tmp_path, executor="dask", scheduler="tcp://127.0.0.1:9")
