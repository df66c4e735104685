"""Checking a folder runs nothing that the folder brings, unless that is asked for."""

from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner

import soundstage
from soundstage.cli import cli
from soundstage.errors import ConsentMissing
from soundstage.isolation import environment
from soundstage.isolation.script import read_script
from soundstage.planning.request import plan_of
from soundstage.planning.stored import stored
from soundstage.results.store import Store
from soundstage.running.verify import verify

SCRIPT = """
# /// script
# requires-python = ">=3.9"
# dependencies = ["numpy", "a-package-that-would-be-fetched"]
# ///
from pathlib import Path

Path(r"{mark}").touch()


def load():
    return lambda mixture, rate: dict(vocals=mixture)


sources = ("vocals",)
revision = 1
"""


@pytest.fixture
def hostile(toys, tmp_path):
    """A results folder whose stored grid names a script; the script has never been run."""
    script = tmp_path / "separator.py"
    script.write_text(SCRIPT.format(mark=tmp_path / "mark"))
    (tmp_path / "own.toml").write_text(f"[separators.theirs]\nscript = '{script}'\n")
    grid = {"name": "g", "datasets": ["toy"], "spatializers": ["flat"], "separators": ["noisy"], "metrics": ["error"]}
    soundstage.run(grid, tmp_path / "out")
    store = Store(tmp_path / "out")
    plan = store.plan()
    recipe = plan.facts["recipe"]
    recipe["entries"]["separators"]["noisy"] = {"script": str(script)}
    store.save_plan(plan)
    return tmp_path


def test_a_script_that_a_folder_names_is_not_run(hostile):
    found = verify(hostile / "out", recompute=3)
    assert "is the script" in found.refused
    assert "--trust" in found.refused
    assert found.recomputed == 0
    assert not (hostile / "mark").exists()


def test_the_files_are_checked_all_the_same(hostile):
    file = next((hostile / "out" / "cells").rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-3])
    done = CliRunner().invoke(cli, ["verify", str(hostile / "out")])
    assert done.exit_code == 1
    assert "is not what was written" in done.output
    assert "nothing was computed again: separator 'noisy' of the stored grid is the script" in done.output


def test_who_asked_for_cells_to_be_computed_again_is_not_told_that_all_is_well_where_none_was(hostile):
    done = CliRunner().invoke(cli, ["verify", str(hostile / "out")])
    assert done.exit_code == 1
    assert "nothing was computed again" in done.output
    assert CliRunner().invoke(cli, ["verify", str(hostile / "out"), "--recompute", "0"]).exit_code == 0


def test_files_of_the_folder_itself_are_not_loaded(toys, tmp_path):
    (tmp_path / "model.th").write_bytes(b"0123456789")
    (tmp_path / "own.toml").write_text(
        f"[separators.w]\nplugin = 'weighty'\nparams = {{ folder = '{tmp_path}' }}\n[grids.g]\ndatasets = ['toy']\n"
        "spatializers = ['flat']\nseparators = ['w']\nmetrics = ['error']\n"
    )
    soundstage.run(tmp_path / "own.toml", tmp_path)
    found = verify(tmp_path, recompute=1)
    assert "lies in the results folder itself" in found.refused
    assert (verify(tmp_path, recompute=1, trust=True).recomputed, found.wrong) == (1, ())


def test_what_ones_own_registry_knows_runs_without_asking(hostile):
    from soundstage.catalogue.registry import Registry
    from soundstage.planning.consent import own_scripts

    assert len(own_scripts(Registry.load([hostile / "own.toml"]))) == 1 + len(own_scripts(Registry.load()))


def test_a_run_whose_record_is_gone_or_is_anothers_is_named(toys, tmp_path):
    grid = {"name": "g", "datasets": ["toy"], "spatializers": ["flat"], "separators": ["noisy"], "metrics": ["error"]}
    soundstage.run(grid, tmp_path)
    (record,) = (tmp_path / "runs").iterdir()
    moved = record.rename(record.with_name("another.json"))
    wrong = verify(tmp_path).wrong
    assert any("another.json is not what was written" in one for one in wrong)
    assert any("which had a hand in 2 cells, is gone" in one for one in wrong)
    moved.unlink()
    assert len(verify(tmp_path).wrong) == 1


def test_a_lock_file_that_names_a_script_is_not_run_without_being_asked_to(toys, tmp_path):
    script = tmp_path / "separator.py"
    script.write_text(SCRIPT.format(mark=tmp_path / "mark"))
    lock = tmp_path / "theirs.lock.toml"
    lock.write_text(
        f"[separators.theirs]\nscript = '{script}'\n[grids.g]\ndatasets = ['toy']\nspatializers = ['flat']\n"
        "separators = ['theirs']\nmetrics = ['error']\n"
    )
    digest = plan_of(lock).hash
    lock.write_text(lock.read_text() + f"hash = '{digest}'\n")
    assert plan_of(lock).hash == digest  # planning runs nothing
    with pytest.raises(ConsentMissing, match="of the lock file is the script"):
        soundstage.run(lock, tmp_path / "out")
    done = CliRunner().invoke(cli, ["run", str(lock), "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, ConsentMissing)
    assert not (tmp_path / "mark").exists()
    assert not (tmp_path / "out").exists()


def usable(script):
    """Its environment is this interpreter, so that it would run at once."""
    folder = environment._folder(read_script(script))
    folder.mkdir(parents=True)
    (folder / "environment.json").write_text(f'{{"python": "{sys.executable}"}}')


def lock_beside(tmp_path, script):
    """A lock file as somebody sends it, its script beside it."""
    lock = tmp_path / "theirs.lock.toml"
    lock.write_text(
        f"[separators.theirs]\nscript = '{script}'\n[grids.g]\ndatasets = ['toy']\nspatializers = ['flat']\n"
        "separators = ['theirs']\nmetrics = ['error']\n"
    )
    lock.write_text(lock.read_text() + f"hash = '{plan_of(lock).hash}'\n")
    return lock


def separator_script(tmp_path):
    script = tmp_path / "separator.py"
    script.write_text(SCRIPT.format(mark=tmp_path / "mark").replace(', "a-package-that-would-be-fetched"', ""))
    usable(script)
    return script


@pytest.mark.parametrize(
    "verb",
    [
        ["render", "{lock}", "--out", "{out}"],
        ["run", "{lock}", "--out", "{out}", "--dry-run"],
        ["run", "{lock}:g", "--out", "{out}"],
        ["run", "{lock}", "--out", "{out}", "--workers", "2"],
        ["run", "{lock}", "--out", "{out}", "--only", "tracks=song 0"],
        ["check", "{lock}"],
        ["list", "{lock}"],
        ["show", "theirs", "--registry", "{lock}"],
        ["fetch", "theirs", "--registry", "{lock}"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("named", ["separator.py", "{folder}/separator.py"])
def test_no_verb_runs_a_script_that_lies_beside_a_lock_file(toys, tmp_path, verb, named):
    separator_script(tmp_path)
    lock = lock_beside(tmp_path, named.format(folder=tmp_path))
    CliRunner().invoke(cli, [word.format(lock=lock, out=tmp_path / "out") for word in verb])
    assert not (tmp_path / "mark").exists()


def test_a_script_beside_a_lock_file_runs_when_told_to(toys, tmp_path):
    lock = lock_beside(tmp_path, separator_script(tmp_path))
    soundstage.run(lock, tmp_path / "out", trust=True)
    assert (tmp_path / "mark").exists()


def test_a_script_of_a_name_that_ones_own_registry_has_is_another_where_its_contents_are(toys, tmp_path):
    (tmp_path / "mine.py").write_text(SCRIPT.format(mark=tmp_path / "mine"))
    (tmp_path / "own.toml").write_text("[separators.theirs]\nscript = 'mine.py'\n")
    script = separator_script(tmp_path)
    lock = lock_beside(tmp_path, script)
    with pytest.raises(ConsentMissing, match="is the script"):
        soundstage.run(lock, tmp_path / "out", registry=[tmp_path / "own.toml"])
    assert not (tmp_path / "mark").exists()
    (tmp_path / "mine.py").write_bytes(script.read_bytes())
    soundstage.run(lock, tmp_path / "out", registry=[tmp_path / "own.toml"])
    assert (tmp_path / "mark").exists()


@pytest.fixture
def listened(toys, tmp_path):
    """A folder whose newest grid names a script, with addresses that fit; its other cells are there."""
    (tmp_path / "own.toml").write_text(f"[separators.theirs]\nscript = '{separator_script(tmp_path)}'\n")
    grid = {"name": "g", "datasets": ["toy"], "spatializers": ["flat"], "separators": ["nothing"], "metrics": ["error"]}
    soundstage.run(grid, tmp_path / "out")
    forged = plan_of({**grid, "separators": ["nothing", "theirs"]}, registry=[tmp_path / "own.toml"])
    Store(tmp_path / "out").save_plan(stored(forged))
    return tmp_path


def test_a_report_runs_no_script_that_its_folder_names_unless_told_to(listened):
    pytest.importorskip("plotly")
    soundstage.write_report(listened / "out", listened / "a", songs=["song 0"])
    assert not (listened / "mark").exists()
    page = "".join(file.read_text() for file in (listened / "a").rglob("*.*") if file.suffix in (".html", ".js"))
    assert "look at it and say --trust" in page
    done = CliRunner().invoke(cli, ["report", str(listened / "out"), "--out", str(listened / "b"), "--song", "song 0"])
    assert done.exit_code == 0, done.output
    assert not (listened / "mark").exists()
    soundstage.write_report(listened / "out", listened / "c", songs=["song 0"], trust=True)
    assert (listened / "mark").exists()


def test_verify_runs_it_neither_by_whatever_name_it_goes(listened):
    for name in ("", "g", Store(listened / "out").plan().facts["hash"]):
        found = verify(listened / "out", grid=name, recompute=5)
        assert "is the script" in found.refused
    assert not (listened / "mark").exists()


@pytest.mark.parametrize("how", ["below", "through a link", "around"])
def test_files_of_the_folder_are_not_loaded_by_whatever_path_they_are_named(toys, tmp_path, how):
    out = tmp_path / "out"
    (out / "weights").mkdir(parents=True)
    (out / "weights" / "model.th").write_bytes(b"0123456789")
    (tmp_path / "link").symlink_to(out / "weights")
    place = {"below": out / "weights", "through a link": tmp_path / "link", "around": tmp_path / "x" / ".." / "out"}[
        how
    ]
    if how == "around":
        (tmp_path / "x").mkdir()
        (out / "model.th").write_bytes(b"0123456789")
    grid = {"name": "g", "datasets": ["toy"], "spatializers": ["flat"], "metrics": ["error"]}
    soundstage.run({**grid, "separators": [f"weighty[folder={place}]"]}, out)
    assert "lies in the results folder itself" in verify(out, recompute=1).refused
