"""What `soundstage new` writes: named after the plugin, whole or not at all, and the examples are made of it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

import soundstage
from soundstage.catalogue.registry import Registry
from soundstage.cli import cli
from soundstage.contracts import KINDS
from soundstage.errors import SoundstageError
from soundstage.scaffold.names import LONGEST, check_name, class_of
from soundstage.scaffold.write import SCRIPTS, write_distribution, write_script


@pytest.fixture(scope="module")
def known():
    return Registry.load()


def contents(folder):
    """Path below the folder → bytes, of every file; what Python and tools leave behind is none of it."""
    left = {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", "results"}
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(below): file.read_bytes() for file in files if not left & {*(below := file.relative_to(folder)).parts}}


@pytest.mark.parametrize(
    ("example", "arguments"),
    [
        ("soundstage-plugin-example", ["separator", "example"]),
        ("separator-script", ["separator", "midside", "--script"]),
        ("metric-script", ["metric", "levels", "--script"]),
    ],
)
def test_the_examples_are_what_is_written(root, tmp_path, example, arguments):
    """Write one anew with `soundstage new … --out examples/…` where this fails."""
    result = CliRunner().invoke(cli, ["new", *arguments, "--out", str(tmp_path / "new")], catch_exceptions=False)
    assert result.exit_code == 0
    assert contents(tmp_path / "new") == contents(root / "examples" / example)


@pytest.mark.parametrize("kind", KINDS)
def test_a_distribution_is_whole_and_named_after_the_plugin(kind, known, tmp_path):
    folder = write_distribution(kind, "my-own_1", tmp_path / "new", known)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == "soundstage-plugin-my-own-1"
    assert project["entry-points"] == {"soundstage": {"my-own_1": "soundstage_plugin_my_own_1"}}
    package = folder / "src" / "soundstage_plugin_my_own_1"
    assert f"class MyOwn1{kind[:-1].capitalize()}:" in (package / f"{kind[:-1]}.py").read_text(encoding="utf-8")
    assert (package / "py.typed").exists()
    for name in ("README.md", "grid.toml", ".gitignore", ".github/workflows/ci.yml", f"tests/test_{kind[:-1]}.py"):
        assert (folder / name).is_file(), name
    for name, text in contents(folder).items():
        assert b"$" not in text.replace(b"${{ matrix.python }}", b"") or name.endswith(".wav"), name
        assert "PACKAGE" not in name
        assert not name.endswith(".template")


@pytest.mark.parametrize("kind", KINDS)
def test_every_line_fits_whatever_the_plugin_is_called(kind, known, tmp_path):
    folder = write_distribution(kind, "n" * LONGEST, tmp_path / "new", known)
    for file in folder.rglob("*.py"):
        assert max(map(len, file.read_text(encoding="utf-8").splitlines()), default=0) <= 120, file


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("MidSide", "'midside' would do"),
        ("mid side", "'mid-side' would do"),
        ("3d", "'d' would do"),
        ("mid--side", "'mid-side' would do"),
        ("-x", "'x' would do"),
        ("../../x", "'x' would do"),
        ("x" * (LONGEST + 1), f"'{'x' * LONGEST}' would do"),
        ("con", "take another"),
        ("größe", "'gr-e' would do"),
        ("", "take another"),
        ("x\n", "'x' would do"),
    ],
)
def test_what_no_module_can_be_called_is_refused_with_a_name_that_would_do(name, instead, known):
    with pytest.raises(SoundstageError, match=f"cannot be called so.*; {instead}$"):
        check_name("separators", name, known)
    if "would do" in instead:
        check_name("separators", instead.split("'")[1], known)


@pytest.mark.parametrize("name", ["none", "score", "path", "class", "samples", "placement"])
def test_no_name_makes_a_class_that_hides_another(name):
    assert class_of(name, "metric") == f"{name.capitalize()}Metric"


def test_a_name_that_is_taken_is_refused_with_its_owner(known, tmp_path):
    for kind, name, holder in (
        ("separators", "mixture", "separator 'mixture' already, of soundstage"),
        ("separators", "umxhq", "separator 'umxhq' already, of the registry"),
        ("metrics", "panning", "spatializer 'panning' already, of soundstage"),
    ):
        for write in (write_distribution, write_script):
            with pytest.raises(SoundstageError, match=f"there is a {holder}; take another name"):
                write(kind, name, tmp_path / "new", known)
    assert not (tmp_path / "new").exists()


def test_two_kinds_cannot_share_a_distribution_that_is_installed(known, tmp_path, monkeypatch):
    info = tmp_path / "soundstage_plugin_mine-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: soundstage-plugin-mine\nVersion: 2.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SoundstageError, match=r"soundstage-plugin-mine 2\.0 is installed already"):
        write_distribution("metrics", "mine", tmp_path / "new", known)


def test_a_folder_that_is_there_stays_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("soundstage-plugin-mine").mkdir()
    Path("soundstage-plugin-mine", "thesis.txt").write_text("years of work")
    for arguments in ([], ["--out", "soundstage-plugin-mine/thesis.txt"]):
        result = CliRunner().invoke(cli, ["new", "separator", "mine", *arguments])
        assert isinstance(result.exception, SoundstageError)
        assert "is there already, and nothing in it was touched; name another with --out" in str(result.exception)
    assert contents(tmp_path) == {"soundstage-plugin-mine/thesis.txt": b"years of work"}


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_can_run_apart_becomes_a_script(kind, known, tmp_path):
    if kind in SCRIPTS:
        folder = write_script(kind, "mine", tmp_path / "new", known)
        assert sorted(contents(folder)) == ["mine.py", "registry.toml"]
    else:
        with pytest.raises(SoundstageError, match="cannot be a script, separators and metrics can"):
            write_script(kind, "mine", tmp_path / "new", known)
        assert not (tmp_path / "new").exists()


def test_the_three_commands_to_type_next_are_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(cli, ["new", "dataset", "mysongs"], catch_exceptions=False).output.splitlines()
    assert said[1:] == [
        "  cd soundstage-plugin-mysongs && pip install -e '.[dev]'",
        "  pytest && soundstage check mysongs --data mysongs=songs",
        "  soundstage run grid.toml && soundstage leaderboard results/grid",
    ]
    arguments = ["new", "metric", "mine", "--script", "--out", "a b"]
    said = CliRunner().invoke(cli, arguments, catch_exceptions=False).output.splitlines()
    assert said[1:] == [
        "  cd 'a b' && soundstage check mine --registry registry.toml",
        "  soundstage run registry.toml",
        "  soundstage leaderboard results/registry",
    ]


def test_a_new_dataset_has_songs_to_read(known, tmp_path):
    folder = write_distribution("datasets", "mysongs", tmp_path / "new", known)
    result = CliRunner().invoke(
        cli, ["check", "folder", "--data", f"folder={folder / 'songs'}", "--decode"], catch_exceptions=False
    )
    assert "2 tracks" in result.output
    assert "nothing is wrong" in result.output


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_is_found_and_its_grid_can_be_planned(kind, known, tmp_path, monkeypatch):
    name = f"my{kind[:-1]}"
    folder = write_distribution(kind, name, tmp_path / "new", known)
    info = folder / "src" / f"soundstage_plugin_{name}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: soundstage-plugin-{name}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[soundstage]\n{name} = soundstage_plugin_{name}\n")
    monkeypatch.syspath_prepend(str(folder / "src"))
    found = Registry.load()
    assert found.catalogue.all_problems() == []
    assert found.catalogue.plugins[kind][name].distribution == f"soundstage-plugin-{name}"
    planned = CliRunner().invoke(cli, ["run", str(folder / "grid.toml"), "--dry-run"], catch_exceptions=False)
    assert planned.exit_code == 0
    assert name in planned.output


@pytest.mark.heavy
@pytest.mark.parametrize(("kind", "name"), [("separators", "myown"), ("metrics", "myown")])
def test_a_new_script_runs_in_an_environment_of_its_own_and_is_on_the_board(
    kind, name, known, tmp_path, lasting_environments
):
    folder = write_script(kind, name, tmp_path / "new", known)
    summary = soundstage.run(folder / "registry.toml", tmp_path / "out")
    assert summary.now == ()
    frame = soundstage.load(tmp_path / "out")
    own = frame[frame[kind[:-1]] == name]
    assert set(own["status"]) <= {"ok", "skipped"}
    assert "ok" in set(own["status"])
    result = CliRunner().invoke(cli, ["leaderboard", str(tmp_path / "out")], catch_exceptions=False)
    assert name in result.output
