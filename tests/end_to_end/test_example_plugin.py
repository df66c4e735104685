"""The example distribution, really installed, is listed, run and ranked like a built-in."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def target(root, tmp_path_factory):
    """A folder into which pip installed the example, from a copy so that the repository stays clean."""
    import shutil

    folder = tmp_path_factory.mktemp("example")
    source = shutil.copytree(root / "examples" / "soundstage-plugin-example", folder / "source")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--target", str(folder / "target"), str(source)], check=True)
    return folder / "target"


@pytest.fixture(scope="module")
def soundstage(target, tmp_path_factory):
    """The command line with the example installed beside Soundstage."""
    paths = os.pathsep.join([str(target), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    environment = {**os.environ, "PYTHONPATH": paths, "SOUNDSTAGE_CACHE": str(tmp_path_factory.mktemp("cache"))}

    def run(*arguments):
        command = [sys.executable, "-c", "from soundstage.cli import main; main()", *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, text=True, env=environment, encoding="utf-8")
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


def test_its_separator_is_listed(soundstage):
    listed = soundstage("list")
    assert "What sits in the middle for the vocals, the rest for the others" in listed
    assert "problem" not in listed
    assert "focus: float = 1.0" in soundstage("show", "example")


@pytest.mark.parametrize("workers", [1, 2])
def test_it_runs_in_a_grid_and_is_on_the_leaderboard(soundstage, root, tmp_path, workers):
    grid = root / "examples" / "soundstage-plugin-example" / "grid.toml"
    soundstage("run", grid, "--out", tmp_path, "--workers", workers)
    board = json.loads(soundstage("leaderboard", tmp_path, "--format", "json", "--by", "source"))
    (section,) = [section for section in board["sections"] if section["group"]["source"] == "vocals"]
    rows = {row["separator"]: row for row in section["rows"]}
    assert rows["example"]["rank"] == 1
    assert rows["example"]["coverage"] == {"done": 3, "planned": 3}


def test_without_it_installed_the_grid_says_what_is_unknown(root, tmp_path):
    grid = root / "examples" / "soundstage-plugin-example" / "grid.toml"
    command = [
        sys.executable,
        "-c",
        "from soundstage.cli import main; main()",
        "run",
        str(grid),
        "--out",
        str(tmp_path),
    ]
    result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert result.returncode == 1
    assert "unknown separator 'example'" in result.stderr
