"""What is shipped: one wheel with six packages, the registry and published results."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import zipfile

import pytest

import installed

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
    ours = [name for name in names if not name.endswith(".template")]
    assert not [name for name in ours if "tests" in name or "toys" in name]


@pytest.fixture(scope="module")
def sdist(root, tmp_path_factory):
    """The source distribution, built from this checkout."""
    return installed.sdist(root, tmp_path_factory.mktemp("sdist"))


def test_the_sdist_makes_the_same_wheel(wheel, sdist, tmp_path):
    ours, theirs = zipfile.ZipFile(wheel), zipfile.ZipFile(installed.wheel(sdist, tmp_path))
    assert sorted(ours.namelist()) == sorted(theirs.namelist())
    for name in ours.namelist():
        assert ours.read(name) == theirs.read(name), name


def test_the_sdist_carries_the_tests_and_nothing_that_git_ignores(root, sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"tests/conftest.py", "constraints.txt", "docs/plugins.md", "LICENSE"} <= names
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no checkout, and git cannot say what it knows")
    others = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"], cwd=root, capture_output=True, text=True, check=True
    )
    assert names - {*listed.stdout.splitlines(), *others.stdout.splitlines()} == {"PKG-INFO"}


def test_the_wheel_carries_the_templates_of_new_plugins_as_they_are(root, wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".template")}
    templates = (root / "core" / "soundstage" / "scaffold" / "templates").rglob("*.template")
    assert names == {file.relative_to(root / "core").as_posix() for file in templates}
    assert "soundstage/scaffold/templates/distribution/dot-github/workflows/ci.yml.template" in names


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
