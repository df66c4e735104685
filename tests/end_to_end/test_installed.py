"""Installed from its sdist, with no repository around: the demo, a plugin of one's own of each kind, every extra."""

from __future__ import annotations

import json
import sys
import tomllib

import pytest

import installed
from soundstage.contracts import KINDS

pytestmark = pytest.mark.heavy

TOOLS = ("mypy", "pytest", "ruff")


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    """The wheel that the source distribution of this checkout makes."""
    folder = tmp_path_factory.mktemp("wheel")
    return installed.wheel(installed.sdist(root, folder), folder)


@pytest.fixture(scope="module")
def ours(wheel, tmp_path_factory):
    """Installed for the Python that runs this, with what a new plugin is checked by."""
    return installed.Environment.made(tmp_path_factory.mktemp("ours") / "own", sys.executable, wheel, *TOOLS)


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_demo_and_a_plugin_run_on_every_python(version, wheel, tmp_path):
    python = installed.interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} is here; `uv python install {version}` brings one")
    own = installed.Environment.made(tmp_path / "own", python, wheel, "pytest")
    where = own.said("python", "-c", "import soundstage, sys; print(sys.version, soundstage.__file__)")
    assert where.startswith(f"{version}.")
    assert str(own.folder) in where
    own.said("soundstage", "run", "demo", "--limit", 3)
    board = json.loads(own.said("soundstage", "leaderboard", "results/demo", "--format", "json"))
    rows = [row for section in board["sections"] for row in section["rows"]]
    assert sum(row["coverage"]["done"] for row in rows) == 3
    assert {row["coverage"]["planned"] for row in rows} == {3}
    own.said("soundstage", "new", "placement", "mine")
    folder = own.folder / "soundstage-plugin-mine"
    own.install("--no-deps", "--editable", folder)
    assert " passed" in own.said("python", "-m", "pytest", "-q", folder=folder)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_of_each_kind_works_at_once(kind, ours):
    one = kind[:-1]
    printed = ours.said("soundstage", "new", one, f"my{one}")
    folder = ours.folder / f"soundstage-plugin-my{one}"
    ours.install("--no-deps", "--editable", folder)
    assert " passed" in ours.said("pytest", "-q", folder=folder)
    ours.said("ruff", "check", ".", folder=folder)
    ours.said("ruff", "format", "--check", ".", folder=folder)
    ours.said("mypy", "--strict", "--cache-dir", ours.folder / "mypy", folder=folder)
    listed = ours.said("soundstage", "list")
    assert f"my{one}" in listed
    assert "problem" not in listed
    (check,) = [line.partition(" && soundstage ")[2] for line in printed.splitlines() if "soundstage check" in line]
    ours.said("soundstage", *check.split(), folder=folder)
    ours.said("soundstage", "run", "grid.toml", folder=folder)
    board = json.loads(ours.said("soundstage", "leaderboard", "results/grid", "--format", "json", folder=folder))
    rows = [row for section in board["sections"] for row in section["rows"]]
    assert rows
    assert all(row["coverage"]["done"] == row["coverage"]["planned"] > 0 for row in rows)
    assert f"my{one}" in json.dumps(board)


TINY = """
[grids.tiny]
datasets     = ["sketches"]
spatializers = ["original"]
separators   = ["mixture"]
metrics      = ["sdr"]
"""

EXTRAS = {
    "browser": ("python", "-c", "import playwright.sync_api"),
    "dask": ("soundstage", "run", "tiny.toml", "--executor", "dask", "--workers", "1"),
    "dev": ("mypy", "--version"),
    "docs": ("zensical", "--version"),
    "peers": ("python", "-c", "import museval"),
    "report": ("soundstage", "figures", "results/tiny", "--out", "figures"),
    "test": ("python", "-m", "pytest", "--version"),
}
"""Extra → a command that fails without it."""

OPENUNMIX = """
import torch
from soundstage_separators import openunmix
with openunmix._importable_torchaudio():  # which is not, beside a torch for CPUs
    from openunmix import model
"""

WITH_TORCH = {
    "demucs": ("python", "-c", "import demucs.api, torch"),
    "mss": ("python", "-c", "import pymss_core, torch"),
    "openunmix": ("python", "-c", OPENUNMIX),
    "train": ("soundstage", "train", "--help"),
}


def test_every_extra_is_tried(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert {*EXTRAS, *WITH_TORCH} == {*project["optional-dependencies"]}


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_brings_what_it_is_for(extra, wheel, tmp_path):
    own = installed.Environment.made(tmp_path / "own", sys.executable, f"{wheel}[{extra}]")
    (own.folder / "tiny.toml").write_text(TINY)
    if extra == "report":
        own.said("soundstage", "run", "tiny.toml")
    own.said(*EXTRAS[extra])


def test_the_extras_with_torch_go_together(root, wheel, tmp_path):
    """In one environment, with the torch that constraints.txt has, for each would bring it again."""
    (torch,) = [line for line in (root / "constraints.txt").read_text().splitlines() if line.startswith("torch==")]
    own = installed.Environment.made(tmp_path / "own", sys.executable, wheel)
    wanted = [f"{wheel}[{','.join(WITH_TORCH)}]", torch]
    if "nvidia" in own.install("--dry-run", *wanted):
        pytest.skip("no index that is asked here has a torch without a GPU's libraries, which take gigabytes")
    own.install(*wanted)
    for command in WITH_TORCH.values():
        own.said(*command)
    listed = own.said("soundstage", "list")
    assert "pip install" not in listed
