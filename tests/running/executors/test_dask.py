"""Dask runs the same cells and gives the same rows, and a worker that is lost costs nothing."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import signal
import socket
import threading
import time
from typing import Any

import pandas
import psutil
import pytest

import checkpoints
import soundstage
from soundstage.errors import SoundstageError
from tables import tidy

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


def test_all_executors_give_identical_rows(tmp_path):
    soundstage.run(GRID, tmp_path / "inline")
    soundstage.run(GRID, tmp_path / "processes", workers=2)
    soundstage.run(GRID, tmp_path / "dask", workers=2, executor="dask")
    expected = tidy(tmp_path / "inline")
    assert set(expected["status"]) == {"ok"}
    pandas.testing.assert_frame_equal(tidy(tmp_path / "processes"), expected, check_exact=True)
    pandas.testing.assert_frame_equal(tidy(tmp_path / "dask"), expected, check_exact=True)


def test_all_executors_give_identical_rows_on_real_songs(shared, tmp_path):
    """Oracles, a blind method, and torch's models, whose sums depend on how many threads share them."""
    pytest.importorskip("torch")
    htdemucs = checkpoints.htdemucs(tmp_path / "htdemucs", small=True).parent
    umx = checkpoints.openunmix(tmp_path / "umx", hidden=64)
    grid = {
        "datasets": ["musdb18hq"],
        "spatializers": ["original", "hrir"],
        "separators": ["reference", "irm", "duet", f"htdemucs[repo={htdemucs}]", f"umxhq[folder={umx}]"],
        "metrics": ["sdr", "spauq"],
    }
    data = {"musdb18hq": shared / "real" / "musdb18hq-layout"}
    frames = []
    for executor in ("inline", "processes", "dask"):
        workers = 1 if executor == "inline" else 2
        summary = soundstage.run(grid, tmp_path / executor, data=data, workers=workers, executor=executor)
        assert (summary.planned, summary.troubled) == (20, 0)
        frames.append(tidy(tmp_path / executor))
    pandas.testing.assert_frame_equal(frames[1], frames[0], check_exact=True)
    pandas.testing.assert_frame_equal(frames[2], frames[0], check_exact=True)


def test_a_run_needs_no_port_that_another_run_has(tmp_path):
    """Dask's own default is one port for all; where another program has it, Dask warns, and here that is an error."""
    grid = {**GRID, "datasets": ["toy[tracks=1]"], "spatializers": ["flat"], "separators": ["truth"]}
    with socket.socket() as taken:
        with contextlib.suppress(OSError):  # another run has it already
            taken.bind(("127.0.0.1", 8787))
            taken.listen()
        assert soundstage.run(grid, tmp_path, workers=1, executor="dask").troubled == 0


def test_a_cluster_of_ones_own_is_used_and_a_killed_worker_costs_no_cell(tmp_path):
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        pids = list(client.run(os.getpid).values())
        killer = threading.Thread(target=lambda: (time.sleep(1.5), os.kill(pids[0], signal.SIGKILL)))
        killer.start()
        grid = {**GRID, "datasets": ["toy[tracks=6]"], "separators": ["nothing", "slow", "truth"], "seeds": [0, 1, 2]}
        summary = soundstage.run(grid, tmp_path / "out", executor="dask", scheduler=cluster.scheduler_address)
        killer.join()
        assert pids[0] not in client.run(os.getpid).values()
    assert (summary.ran, summary.troubled) == (72, 0)
    soundstage.run(grid, tmp_path / "undisturbed")
    pandas.testing.assert_frame_equal(tidy(tmp_path / "out"), tidy(tmp_path / "undisturbed"), check_exact=True)


def test_what_hangs_or_crashes_costs_its_own_cell_alone(tmp_path):
    hangs, crashes = "misbehaving[how=hangs,track=song 0]", "misbehaving[how=exit,track=song 0]"
    grid = {**GRID, "datasets": ["toy"], "spatializers": ["flat"], "separators": ["nothing", hangs, crashes, "truth"]}
    soundstage.run(grid, tmp_path, workers=2, executor="dask", timeout_s=5.0)
    frame = soundstage.load(tmp_path)
    found = {name: set(rows["status"]) for name, rows in frame.groupby("separator")}
    assert found["nothing"] == found["truth"] == {"ok"}
    assert found[hangs] == {"timeout", "skipped", "ok"}
    assert found[crashes] == {"crashed", "skipped", "ok"}


def test_what_takes_its_worker_with_it_is_blamed_as_in_the_pool(tmp_path):
    """A metric that exits, one that hangs, and a separator that eats memory: the others keep their scores."""
    grid = {**GRID, "datasets": ["toy[tracks=1]"], "spatializers": ["flat"]}
    grid |= {"metrics": ["error", "misscoring[how=exit]", "other_error", "misscoring[how=hangs]"]}
    grid["separators"] = ["nothing", "misbehaving[how=eats]"]
    frames = []
    for executor in ("processes", "dask"):
        limits = {"timeout_s": 8.0, "memory_limit": 900_000_000}
        soundstage.run(grid, tmp_path / executor, workers=2, executor=executor, **limits)
        frames.append(tidy(tmp_path / executor))
    for frame in frames:
        of_it = frame[frame["separator"] == "nothing"].groupby("metric")
        assert {metric: set(rows["status"]) for metric, rows in of_it if len(rows)} == {
            "error": {"ok"},
            "other_error": {"ok"},
            "misscoring[how=exit]": {"crashed"},
            "misscoring[how=hangs]": {"timeout"},
        }
        assert set(frame[frame["separator"] == "misbehaving[how=eats]"]["status"]) == {"oom", "skipped"}
        assert "limit of 0.9 GB" in frame[frame["status"] == "oom"]["note"].iloc[0]
    scored = [frame[frame["status"] == "ok"].reset_index(drop=True) for frame in frames]
    pandas.testing.assert_frame_equal(scored[0], scored[1], check_exact=True)


def test_estimates_are_kept_in_the_runs_folder_wherever_workers_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    soundstage.run(GRID, "out", workers=1, executor="dask", keep=["estimates"], limit=2)
    assert len(list((tmp_path / "out" / "estimates").iterdir())) == 2


def test_a_worker_with_other_versions_ends_the_run_with_a_sentence(tmp_path, monkeypatch):
    from soundstage.running.executors import dask

    real = vars(dask)["versions"]
    monkeypatch.setattr(dask, "versions", lambda names: {**real(names), "numpy": "0.1"})
    with pytest.raises(
        SoundstageError, match=r"the Dask worker on .* has numpy .*, and the run has 0\.1; install the same"
    ):
        soundstage.run(GRID, tmp_path, workers=1, executor="dask")


def test_a_scheduler_that_goes_away_ends_the_run_with_a_sentence(tmp_path):
    from distributed import LocalCluster

    cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50)
    ending = threading.Timer(4.0, cluster.close)
    ending.start()
    grid = {**GRID, "datasets": ["toy[tracks=40]"], "separators": ["slow[seconds=1]"]}
    with pytest.raises(SoundstageError, match="Dask's scheduler is gone; every finished cell is kept"):
        soundstage.run(grid, tmp_path, executor="dask", scheduler=cluster.scheduler_address)
    ending.join()


def test_a_gpu_is_used_where_workers_declare_one():
    from soundstage.running.executors.dask import _usable
    from soundstage.running.worker import Settings

    live: dict[str, Any] = {"a": {"resources": {"GPU": 1}}, "b": {"resources": {}}}
    assert list(_usable(live, Settings("out", "run", device="cuda"))) == ["a"]
    assert list(_usable(live, Settings("out", "run", device="auto"))) == ["a", "b"]
    assert list(_usable({"b": live["b"]}, Settings("out", "run", device="cuda"))) == ["b"]


def test_a_scheduler_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SoundstageError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        soundstage.run(GRID, tmp_path, executor="dask", scheduler="tcp://127.0.0.1:9")


@pytest.mark.parametrize("address", ["nope://", "nope://10.0.0.1:8786", "http://10.0.0.1:8786"])
def test_an_address_that_no_scheduler_has_is_said_at_once(tmp_path, address):
    began = time.monotonic()
    with pytest.raises(SoundstageError, match=r"no Dask scheduler can be at .* is not one of .*tcp"):
        soundstage.run(GRID, tmp_path, executor="dask", scheduler=address)
    assert time.monotonic() - began < 5


def test_whatever_a_separator_raises_or_closes_or_starts_costs_no_other_cell(tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_MARK", str(tmp_path / "daemon"))
    ways = ["interrupts", "generator exit", "own exit", "closes", "starts a daemon"]
    wild = {how: f"misbehaving[how={how}]" for how in ways}
    grid = {**GRID, "datasets": ["toy[tracks=1]"], "spatializers": ["flat"], "separators": [*wild.values(), "truth"]}
    soundstage.run(grid, tmp_path / "out", workers=1, executor="dask")
    frame = soundstage.load(tmp_path / "out")
    found = {name: set(rows["status"]) for name, rows in frame.groupby("separator")}
    for how in ways[:3]:
        assert found[wild[how]] == {"failed", "skipped"}
    for name in (wild["closes"], wild["starts a daemon"], "truth"):
        assert found[name] == {"ok"}
    daemon = int((tmp_path / "daemon").read_text())
    assert not psutil.pid_exists(daemon) or psutil.Process(daemon).status() == psutil.STATUS_ZOMBIE


def test_who_comes_after_a_leak_is_tried_in_a_fresh_worker_before_it_is_blamed(tmp_path):
    grid = {**GRID, "datasets": ["toy[tracks=1]"], "spatializers": ["flat"]}
    grid["separators"] = ["misbehaving[how=leaks]", "misbehaving[how=needs room]"]
    summary = soundstage.run(grid, tmp_path, workers=1, executor="dask", memory_limit=900_000_000)
    assert (summary.ran, summary.troubled) == (2, 0)


def test_the_scheduler_is_asked_now_and_then(tmp_path, monkeypatch):
    from soundstage.running.executors import dask

    asked = []
    live = dask._live
    monkeypatch.setattr(dask, "_live", lambda client: asked.append(time.monotonic()) or live(client))
    grid = {**GRID, "datasets": ["toy[tracks=1]"], "spatializers": ["flat"], "separators": ["slow[seconds=3]"]}
    soundstage.run(grid, tmp_path, workers=1, executor="dask")
    gaps = [after - before for before, after in itertools.pairwise(asked)]
    assert len(gaps) > 3
    assert min(gaps[:-1]) > 0.9 * dask.LOOK_S
