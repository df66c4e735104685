"""What is shipped: one wheel with six packages, the registry and published results."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile

import pytest

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, check=True, cwd=root, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_carries_six_packages_and_the_registry(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    packages = {name.partition("/")[0] for name in names if name.endswith("__init__.py")}
    assert packages == {
        "soundstage",
        "soundstage_datasets",
        "soundstage_spatializers",
        "soundstage_separators",
        "soundstage_metrics",
        "soundstage_training",
    }
    assert "soundstage/registry.toml" in names
    assert "soundstage/report/html/assets/listen.js" in names
    assert "soundstage/published_tables/namballa2025.toml" in names
    assert not [name for name in names if "tests" in name or "toys" in name]


def test_the_unpacked_wheel_runs_a_grid_by_itself(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import sys\n"
        "own = ('core', 'datasets', 'spatializers', 'separators', 'metrics', 'training')\n"
        "sys.path[:] = [path for path in sys.path if not path.endswith(own)]\n"
        f"sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "import soundstage\n"
        f"assert soundstage.__file__.startswith({str(tmp_path / 'site')!r})\n"
        "grid = dict(datasets=['sketches'], spatializers=['original'], separators=['mixture'], metrics=['sdr'])\n"
        f"print(soundstage.run(grid, {str(tmp_path / 'out')!r}).usable)\n"
        "from soundstage.catalogue.registry import shipped_registry\n"
        "assert 'grids.demo' in shipped_registry()\n"
        "from soundstage.leaderboard.published.tables import publications\n"
        "assert 'namballa2025' in publications()\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert result.stdout.strip() == "3"


def test_the_version_stands_in_one_place_and_the_citation_agrees(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert f"version: {project['version']}" in (root / "CITATION.cff").read_text()
    assert f"## {project['version']}" in (root / "CHANGELOG.md").read_text()


def test_the_base_install_has_no_torch(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert not [name for name in project["dependencies"] if name.startswith(("torch", "tensorflow"))]
