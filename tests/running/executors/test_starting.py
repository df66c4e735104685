"""Where no worker can start, a run is one sentence and leaves no cell; what it needs to start it gets."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from soundstage.results.store import Store

GRID = """{
    "name": "toys", "datasets": ["toy[tracks=2]"], "placements": ["line"], "spatializers": ["flat"],
    "separators": ["nothing", "truth"], "metrics": ["error"],
}"""
UNGUARDED = f"""
import sys, soundstage
soundstage.run({GRID}, sys.argv[1], **eval(sys.argv[2]))
"""
RENDERS = f"""
import sys, soundstage
soundstage.render({GRID}, sys.argv[1], workers=2)
"""
GUARDED = f"""
import sys, soundstage
if __name__ == "__main__":
    soundstage.run({GRID}, sys.argv[1], **eval(sys.argv[2]))
"""
IN_A_POOL = f"""
import multiprocessing, sys, soundstage
def run(out):
    soundstage.run({GRID}, out, **eval(sys.argv[2]))
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.map(run, [sys.argv[1]])
"""


@pytest.fixture(autouse=True)
def _toys(toys):
    """All tests here use the toy plugins."""


def done(tmp_path, text, options, from_input=False, cwd=None):
    script = tmp_path / "study.py"
    script.write_text(text)
    command = [sys.executable, "-" if from_input else str(script), str(tmp_path / "out"), repr(options)]
    given = text if from_input else None
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, cwd=cwd or tmp_path)


@pytest.mark.parametrize(
    ("text", "options"),
    [(UNGUARDED, {"workers": 2}), (UNGUARDED, {"timeout_s": 60.0}), (RENDERS, {})],
    ids=["two workers", "a limit", "render"],
)
def test_a_script_without_a_guard_is_told_to_have_one(tmp_path, text, options):
    result = done(tmp_path, text, options)
    assert result.returncode == 1
    sentence = result.stderr.splitlines()[-1]
    assert "soundstage.errors.SoundstageError: a worker imports the script that started it" in sentence
    assert 'under `if __name__ == "__main__":`, or use workers=1' in sentence
    assert result.stderr.count("Traceback") == 1  # the script's own
    assert not list((tmp_path / "out").glob("cells/*/*"))
    assert not list((tmp_path / "out").glob("test/*"))


def test_a_script_from_standard_input_is_told_to_be_a_file(tmp_path):
    result = done(tmp_path, GUARDED, {"workers": 2}, from_input=True)
    assert "<stdin> is no file: save the script as one, or use workers=1" in result.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()
    assert done(tmp_path, GUARDED, {"workers": 1}, from_input=True).returncode == 0


def test_a_worker_of_another_pool_is_told_that_it_may_start_none(tmp_path):
    result = done(tmp_path, IN_A_POOL, {"workers": 2})
    assert "may start no processes of its own: use workers=1" in result.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()
    assert done(tmp_path, IN_A_POOL, {"workers": 1}).returncode == 0


@pytest.mark.parametrize("module", ["types", "random", "socket", "signal"])
def test_files_of_the_current_folder_are_not_taken_for_pythons_own(tmp_path, module):
    here = tmp_path / "here"
    here.mkdir()
    (here / f"{module}.py").write_text("raise SystemExit('the wrong module')\n")
    result = done(tmp_path, GUARDED, {"workers": 2}, cwd=here)
    assert result.returncode == 0, result.stderr
    assert len(Store(tmp_path / "out").addresses()) == 4
    assert "the wrong module" not in result.stderr


def test_the_module_is_the_command_line(tmp_path):
    (tmp_path / "toys.toml").write_text(
        '[grids.toys]\ndatasets = ["toy"]\nplacements = ["line"]\nspatializers = ["flat"]\n'
        'separators = ["nothing"]\nmetrics = ["error"]\n'
    )
    command = [sys.executable, "-m", "soundstage", "run", "toys.toml", "--workers", "2", "--out", "out"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=dict(os.environ), timeout=120)
    assert result.returncode == 0, result.stderr
    assert "2 cells run" in result.stderr
