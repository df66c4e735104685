"""`soundstage render` as a process: what it says, what is left when it is killed, and how much memory it takes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from interrupts import heed_interrupts
from soundstage.audio import read_audio

pytestmark = pytest.mark.heavy

GRID = """
[grids.quick]
datasets     = ["toy[tracks={tracks},seconds={seconds}]"]
placements   = ["line"]
spatializers = ["gains"]
"""

MEMORY = """
import resource, sys
import soundstage
if __name__ == "__main__":
    grid = {{"datasets": ["toy[tracks={tracks},seconds=60]"], "placements": ["line"], "spatializers": ["gains"]}}
    rendered = soundstage.render(grid, sys.argv[1], workers=2)
    assert rendered.written == {tracks}
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""The peak of the largest process that it waited for: a worker, in KiB."""


@pytest.fixture(autouse=True)
def _toys(toys):
    """All tests here use the toy plugins, as do the processes they start."""


def command(*arguments):
    return [sys.executable, "-c", "from soundstage.cli import main; main()", "render", *map(str, arguments)]


def render(*arguments):
    return subprocess.run(command(*arguments), capture_output=True, text=True, encoding="utf-8", timeout=300)


def grid_file(tmp_path, tracks=4, seconds=0.25):
    file = tmp_path / "quick.toml"
    file.write_text(GRID.format(tracks=tracks, seconds=seconds))
    return file


def songs(out):
    return sorted((out / "test").iterdir()) if (out / "test").is_dir() else []


def is_whole(folder):
    facts = json.loads((folder / "metadata.json").read_text())
    return all((folder / name).stat().st_size == said["bytes"] for name, said in facts["files"].items())


def test_the_command_says_what_is_to_be_done_and_what_was(tmp_path):
    file = grid_file(tmp_path)
    first = render(file, "--out", tmp_path / "out")
    assert first.returncode == 0, first.stderr
    assert "quick · revision 1: 4 songs, 0 written before, 4 to write" in first.stderr
    assert "4 songs written in" in first.stderr
    again = render(file, "--out", tmp_path / "out", "--workers", "2")
    assert "4 songs, 4 written before, 0 to write" in again.stderr
    assert render(file, "--out", tmp_path / "out", "--quiet").stderr == ""


def test_clipping_is_said_song_by_song_and_never_silent(tmp_path):
    file = tmp_path / "loud.toml"
    file.write_text(GRID.format(tracks=2, seconds=0.25).replace("seconds=0.25", "fault=loud").replace("gains", "flat"))
    loud = render(file, "--out", tmp_path / "out", "--format", "int16")
    assert loud.returncode == 0, loud.stderr
    assert "clipped  test/song 1: samples beyond ±1 in mixture.wav" in loud.stderr
    total = "in 4 files of 2 songs; each song's metadata.json counts them by file"
    assert total in loud.stderr
    assert total in render(file, "--out", tmp_path / "out", "--format", "int16", "--quiet").stderr


def test_a_song_that_fails_is_said_and_the_status_is_not_zero(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text(GRID.format(tracks=3, seconds="0.25,fault=one track"))
    bad = render(file, "--out", tmp_path / "out")
    assert bad.returncode == 1
    assert "Traceback" not in bad.stderr
    assert "failed  test/song 0: dataset" in bad.stderr
    assert "soundstage: 1 of 3 songs could not be rendered; the same command tries them again" in bad.stderr
    assert len(songs(tmp_path / "out")) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("demo",), ("Missing option '--out'",)),
        (("dmeo", "--out", "x"), ("unknown grid 'dmeo'", "did you mean 'demo'")),
        (("songs", "--out", "x"), ("--data musdb18hq=PATH",)),
        (("demo", "--out", "x", "--format", "mp3"), ("'mp3' is not one of 'float32', 'float64', 'int16'",)),
    ],
)
def test_misuse_gets_a_sentence(arguments, words):
    result = render(*arguments)
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.heavy), 2])
@pytest.mark.parametrize("how", ["SIGINT", "SIGKILL", "SIGKILL of the command alone"])
def test_a_render_that_is_stopped_leaves_whole_songs_and_the_same_command_goes_on(tmp_path, workers, how):
    count = 30
    arguments = (grid_file(tmp_path, count, 30), "--out", tmp_path / "out", "--workers", workers)
    process = subprocess.Popen(
        command(*arguments), stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=heed_interrupts
    )
    while not songs(tmp_path / "out"):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    if how == "SIGKILL":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.send_signal(signal.SIGKILL if "SIGKILL" in how else signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    found = songs(tmp_path / "out")
    assert 1 <= len(found) < count
    assert all(map(is_whole, found))
    if how == "SIGINT":
        assert process.returncode == 130
        assert "every song" not in said
        assert "Every song in" in said
        assert not (tmp_path / "out" / ".partial").exists()
    again = render(*arguments)
    assert again.returncode == 0, again.stderr
    assert f"{count} songs, 0 written before" not in again.stderr
    assert len(songs(tmp_path / "out")) == count
    assert all(map(is_whole, songs(tmp_path / "out")))
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["test"]
    untouched = grid_file(tmp_path, 2, 30)
    assert render(untouched, "--out", tmp_path / "fresh").returncode == 0
    for file in (tmp_path / "fresh" / "test").rglob("*.wav"):
        other = tmp_path / "out" / file.relative_to(tmp_path / "fresh")
        np.testing.assert_array_equal(read_audio(file)[0], read_audio(other)[0])


def test_a_worker_takes_no_more_memory_for_ten_songs_than_for_three(tmp_path):
    peaks = {}
    for tracks in (3, 10):
        script = tmp_path / f"of_{tracks}.py"
        script.write_text(MEMORY.format(tracks=tracks))
        result = subprocess.run(
            [sys.executable, str(script), str(tmp_path / str(tracks))], capture_output=True, text=True, timeout=300
        )
        assert result.returncode == 0, result.stderr
        peaks[tracks] = int(result.stdout) / 1024
    one_song = 7 * 2 * 60 * 8000 * 8 / 2**20  # three stems, three images and a mixture
    assert peaks[10] < peaks[3] + one_song / 2, peaks
