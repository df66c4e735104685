"""A writer that is killed, or runs out of disk, at any instant: nothing committed is lost, nothing is there twice."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pandas
import pytest

import soundstage
from soundstage.contracts import Score
from soundstage.errors import StorageError
from soundstage.results.records import CellRecord, Stage, score_rows
from soundstage.results.store import Store
from tables import rows_of

pytestmark = pytest.mark.slow

HELPER = """
import os, random, signal, sys, time
import filelock, pyarrow.dataset
import soundstage.results.cells
from soundstage.contracts import Score
from soundstage.results.records import CellRecord, Stage, score_rows
from soundstage.results.store import Store

soundstage.results.cells.LOOSE = 7
folder, log, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])

def cell(number):
    score = f"{number + 10**6:064x}"
    rows = score_rows((score, "dB", Score("bass", "SDR", float(number), frame=f)) for f in (None, 0, 1))
    return CellRecord(f"{number:064x}", Stage("ok"), {score: Stage("ok")}), rows

def write(start):
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with Store(folder).writing() as lease:
        store = Store(folder)
        for number in range(start, start + 10_000):
            store.commit(*cell(number))
            os.write(out, f"{number}\\n".encode())

def check():
    committed = [int(line) for line in open(log).read().split()] if os.path.exists(log) else []
    store = Store(folder)
    states, rows = store.contents()
    found = states["address"].to_pylist()
    assert len(found) == len(set(found)), "twice"
    lost = {f"{number:064x}" for number in committed} - set(found)
    assert not lost, f"lost {lost}"
    assert rows.num_rows == 3 * len(found), "rows"
    keys = list(zip(rows["score"].to_pylist(), rows["frame"].to_pylist()))
    assert len(keys) == len(set(keys)), "rows twice"
    for number in committed[-3:]:
        assert store.rows(f"{number:064x}")["value"].to_pylist() == [float(number)] * 3
    assert not store.damage, store.damage

def in_a_child(call, *arguments):
    child = os.fork()
    if not child:
        code = 1
        try:
            call(*arguments)
            code = 0
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    return child

def size():
    return os.path.getsize(log) if os.path.exists(log) else 0

rng = random.Random(5)
for number in range(rounds):
    writer = in_a_child(write, number * 10_000)
    begun = size()
    while number % 5 and size() == begun:
        time.sleep(0.001)
    time.sleep(rng.uniform(0.0, 0.15))
    os.kill(writer, signal.SIGKILL)
    _, status = os.waitpid(writer, 0)
    assert os.WIFSIGNALED(status), "the writer ended by itself"
    _, status = os.waitpid(in_a_child(check), 0)
    assert status == 0, f"after kill {number}"
print(len(open(log).read().split()))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.heavy
def test_fifty_kills_at_random_instants_lose_nothing_and_leave_nothing_twice(tmp_path):
    command = [sys.executable, "-c", HELPER, tmp_path / "out", tmp_path / "log", "55"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100


class Killed(BaseException):
    """Stands for the end of the process."""


def a_cell(number, value=1.0):
    address, score = f"{number:064x}", f"{number + 10**6:064x}"
    rows = score_rows((score, "dB", Score("bass", "SDR", value, frame=frame)) for frame in (None, 0))
    return CellRecord(address, Stage("ok"), {score: Stage("ok")}), rows


def dies_at(monkeypatch, step):
    """Make the process "die" at its step-th change of the disk: before it, or, at odd steps, right after it."""
    count = 0

    def counted(change):
        def changed(*arguments, **options):
            nonlocal count
            count += 1
            if count == step // 2 and step % 2 == 0:
                raise Killed
            result = change(*arguments, **options)
            if count == step // 2 and step % 2:
                raise Killed
            return result

        return changed

    patch = monkeypatch.context()
    inner = patch.__enter__()
    inner.setattr(os, "replace", counted(os.replace))
    inner.setattr(os, "fsync", counted(os.fsync))
    inner.setattr(Path, "unlink", counted(Path.unlink))
    return patch


def test_death_at_every_step_of_committing_and_packing_loses_nothing(tmp_path, monkeypatch):
    finished = False
    step = 2
    while not finished:
        folder = tmp_path / str(step)
        store = Store(folder)
        for number in range(6):
            store.commit(*a_cell(number))
        store.compact()
        for number in range(4, 9):
            store.commit(*a_cell(number, 2.0))
        committed = {a_cell(number)[0].address: 1.0 if number < 4 else 2.0 for number in range(9)}
        patch = dies_at(monkeypatch, step)
        try:
            store.commit(*a_cell(9, 2.0))
            committed[a_cell(9)[0].address] = 2.0
            store.commit(*a_cell(4, 3.0))
            committed[a_cell(4)[0].address] = 3.0
            store.compact()
            finished = True
        except Killed:
            pass
        finally:
            patch.__exit__(None, None, None)
        for after in (Store(folder), packed(folder)):
            states, rows = after.contents()
            addresses = states["address"].to_pylist()
            assert len(addresses) == len(set(addresses))
            assert committed.keys() <= set(addresses)
            assert rows.num_rows == 2 * len(addresses)
            for address, value in committed.items():
                assert after.rows(address)["value"][0].as_py() in ({value, 3.0} if address.endswith("4") else {value})
            assert after.damage == ()
        step += 1
    assert step > 20


def packed(folder):
    """The folder after the next writer was there; nothing is left over then."""
    store = Store(folder)
    with store.writing():
        store.compact()
    assert not list((folder / ".partial").iterdir())
    segments = list((folder / "segments").iterdir())
    assert len([file for file in segments if "-rows" in file.name]) * 2 == len(segments)
    return Store(folder)


def test_readers_see_every_committed_cell_while_it_is_written_and_packed(tmp_path, monkeypatch):
    monkeypatch.setattr("soundstage.results.cells.LOOSE", 9)
    committed = 0
    done = threading.Event()

    def write():
        nonlocal committed
        store = Store(tmp_path)
        for number in range(150):
            store.commit(*a_cell(number))
            committed = number + 1
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    looks = 0
    while not done.is_set():
        before = committed
        states, rows = Store(tmp_path).contents()
        addresses = states["address"].to_pylist()
        assert {f"{number:064x}" for number in range(before)} <= set(addresses)
        assert len(addresses) == len(set(addresses))
        assert rows.num_rows == 2 * len(addresses)
        looks += 1
    writer.join()
    assert looks > 2


GRID = {
    "name": "toys",
    "datasets": ["toy[seconds=5]"],
    "placements": ["line"],
    "spatializers": ["flat"],
    "separators": ["truth", "nothing", "noisy"],
    "metrics": ["error"],
}
LIMITED = """
import resource, sys
import soundstage
if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    grid = eval(sys.argv[2])
    try:
        soundstage.run(grid, sys.argv[1], workers=int(sys.argv[3]), keep=["estimates"])
    except soundstage.SoundstageError as error:
        print(error)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_the_system_refuses_ends_the_run_with_a_sentence_and_a_run_with_room_goes_on(
    tmp_path, toys, workers
):
    pytest.importorskip("resource")
    script = tmp_path / "limited.py"
    script.write_text(LIMITED)
    command = [sys.executable, script, tmp_path / "out", repr(GRID), str(workers)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "cannot be kept (File too large)" in done.stdout, done.stderr
    assert "Traceback" not in done.stderr
    assert soundstage.run(GRID, tmp_path / "out", keep=["estimates"]).troubled == 0
    assert set(soundstage.load(tmp_path / "out")["status"]) == {"ok"}


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 400 kB, where this machine lets us have one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)]
    try:
        allowed = subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("no file system can be mounted here; the tests beside this one limit files instead")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_ends_the_run_with_a_sentence_and_with_more_room_nothing_is_missing(
    small_disk, tmp_path, toys, workers
):
    grid = {**GRID, "datasets": ["toy[tracks=40]"], "metrics": ["error", "other_error"]}
    with pytest.raises(
        StorageError, match=r"cannot be kept \(No space left on device\); everything committed before is"
    ):
        soundstage.run(grid, small_disk / "out", workers=workers)
    kept = len(Store(small_disk / "out").addresses())
    assert kept > 0
    assert Store(small_disk / "out").damage == ()
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    summary = soundstage.run(grid, small_disk / "out", workers=workers)
    assert (summary.cached, summary.ran, summary.troubled) == (kept, 120 - kept, 0)
    soundstage.run(grid, tmp_path / "undisturbed")
    frames = [
        rows_of(path).sort_values(["cell", "metric", "source", "name", "frame"]).reset_index(drop=True)
        for path in (small_disk / "out", tmp_path / "undisturbed")
    ]
    pandas.testing.assert_frame_equal(frames[0], frames[1], check_exact=True)


def test_a_disk_that_fills_up_keeps_every_committed_cell_whole(tmp_path, toys, monkeypatch):
    room = 80_000
    write = soundstage_files_written()

    def limited(path, contents):
        nonlocal room
        if path.parent.name == ".partial" and len(contents) > room:
            path.write_bytes(contents[:room])
            raise OSError(28, "No space left on device")
        room -= len(contents)
        write(path, contents)

    with monkeypatch.context() as patch:
        patch.setattr("soundstage.results.files._written", limited)
        with pytest.raises(StorageError, match="Make room and run the same command again"):
            soundstage.run({**GRID, "datasets": ["toy[tracks=20]"]}, tmp_path)
    kept = len(Store(tmp_path).addresses())
    assert kept > 0
    assert Store(tmp_path).damage == ()
    summary = soundstage.run({**GRID, "datasets": ["toy[tracks=20]"]}, tmp_path)
    assert (summary.cached, summary.ran) == (kept, 60 - kept)


def soundstage_files_written():
    import soundstage.results.files

    return soundstage.results.files._written


def test_a_damaged_cell_is_told_of_and_run_again(tmp_path, toys):
    from soundstage.running.listener import Silence

    class Told(Silence):
        sentences: list[str] = []

        def noticed(self, sentence):
            self.sentences.append(sentence)

    grid = {**GRID, "datasets": ["toy"]}
    soundstage.run(grid, tmp_path)
    file = sorted((tmp_path / "cells").rglob("*.parquet"))[2]
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    summary = soundstage.run(grid, tmp_path, listener=Told())
    assert summary.ran == 1
    assert len(Told.sentences) == 1
    assert file.name in Told.sentences[0]
    assert set(soundstage.load(tmp_path)["status"]) == {"ok"}


@pytest.mark.parametrize("number", [errno.EROFS, errno.ESTALE])
@pytest.mark.parametrize(
    ("what", "after"), [("grids", 0), ("runs", 0), ("runs", 1), ("cells", 0), ("cells", 2), ("estimates", 3)]
)
def test_a_folder_that_cannot_be_written_any_more_ends_the_run_with_a_sentence_and_the_same_command_goes_on(
    tmp_path, toys, monkeypatch, number, what, after
):
    moved, count = os.replace, 0

    def refusing(source, target):
        nonlocal count
        if Path(target).relative_to(tmp_path).parts[0] == what:
            count += 1
            if count > after:
                raise OSError(number, os.strerror(number))
        moved(source, target)

    grid = {**GRID, "datasets": ["toy"], "separators": ["truth", "nothing"]}
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refusing)
        with pytest.raises(StorageError, match=re.escape(os.strerror(number)) + ".*run the same command again"):
            soundstage.run(grid, tmp_path, keep=["estimates"])
    assert count > after
    assert Store(tmp_path).damage == ()
    assert Store(tmp_path).writer() is None
    summary = soundstage.run(grid, tmp_path, keep=["estimates"])
    assert (summary.cached + summary.ran, summary.troubled) == (4, 0)
    assert set(soundstage.load(tmp_path)["status"]) == {"ok"}


@pytest.mark.parametrize("number", [errno.EROFS, errno.ESTALE])
def test_a_sign_that_cannot_be_renewed_or_removed_ends_no_run(tmp_path, toys, monkeypatch, number):
    unlinked, refused = Path.unlink, []

    def refusing(self, missing_ok=False):
        if self.name == "running.json":
            refused.append(self)
            raise OSError(number, os.strerror(number))
        unlinked(self, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refusing)
        assert soundstage.run({**GRID, "datasets": ["toy"]}, tmp_path).ran == 6
    assert refused
    assert soundstage.run({**GRID, "datasets": ["toy"]}, tmp_path).cached == 6
