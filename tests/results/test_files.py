"""Nothing outside a results folder is read, written or removed, whatever lies in it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os

import numpy as np
import pytest
from click.testing import CliRunner

import soundstage
from soundstage.cli import cli
from soundstage.errors import SoundstageError, StorageError
from soundstage.results import estimates
from soundstage.results.files import LocalFiles
from soundstage.results.merge import merge
from soundstage.results.store import Store

GRID = {"name": "toys", "datasets": ["toy"], "spatializers": ["flat"], "separators": ["truth"], "metrics": ["error"]}


@pytest.fixture
def out(toys, tmp_path):
    """A results folder with kept estimates."""
    soundstage.run(GRID, tmp_path / "out", keep=["estimates"])
    return tmp_path / "out"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a\\..\\x", "a\0b", ""])
def test_a_name_that_leads_out_is_refused(tmp_path, name):
    files = LocalFiles(tmp_path / "out")
    for act in (files.read, files.remove, lambda name: files.write(name, b"x")):
        with pytest.raises(SoundstageError, match="is no name of a file of a results folder"):
            act(name)
    assert not list(tmp_path.rglob("x"))


@pytest.mark.parametrize("folder", [".partial", "estimates", "segments", "cells", "grids", "runs", "damaged"])
def test_links_below_the_folder_are_refused_and_what_they_point_to_is_left_alone(toys, out, tmp_path, folder):
    private = tmp_path / "private"
    private.mkdir()
    (private / "diary.txt").write_text("dear diary")
    if (out / folder).exists():
        (out / folder).rename(tmp_path / "moved")
    (out / folder).symlink_to(private)
    grid = {**GRID, "metrics": ["error", "other_error"], "separators": ["truth", "noisy"]}
    if folder == "damaged":  # nothing is looked for there until something is
        broken = next((out / "grids").iterdir())
        broken.write_bytes(broken.read_bytes()[:-1])
    with pytest.raises(SoundstageError, match="is a link"):
        soundstage.run(grid, out, keep=["estimates"])
    for act in (lambda: merge(tmp_path / "merged", [out]), lambda: merge(out, [tmp_path / "merged"])):
        with contextlib.suppress(SoundstageError):
            act()
    assert [file.name for file in private.iterdir()] == ["diary.txt"]
    assert (private / "diary.txt").read_text() == "dear diary"


def test_kept_estimates_that_name_files_elsewhere_are_not_taken_over(out, tmp_path):
    victim = tmp_path / "victim.txt"
    victim.write_text("mine")
    facts = next((out / "estimates").rglob("estimates.json"))
    content = b"theirs"
    (out.parent / "payload").write_bytes(content)
    told = json.loads(facts.read_text())
    for name in ("../../../victim.txt", str(victim), "../payload", "..", "a/b.wav", "0-x-\0.wav"):
        told["sources"]["bass"] = {"file": name, "sha256": hashlib.sha256(content).hexdigest()}
        facts.write_text(json.dumps(told))
        merged = merge(tmp_path / "merged", [out])
        assert merged.estimates <= 1
        assert victim.read_text() == "mine"
        assert Store(out).estimates(facts.parent.name) is None


def test_a_special_file_is_not_read(tmp_path):
    (tmp_path / "cells").mkdir()
    os.mkfifo(tmp_path / "cells" / "pipe")
    files = LocalFiles(tmp_path)
    assert files.names("cells") == ["cells/pipe"]
    with pytest.raises(OSError, match="no regular file"):
        files.read("cells/pipe")


def test_a_folder_that_is_gone_midway_is_an_error_and_not_made_anew(tmp_path):
    files = LocalFiles(tmp_path / "out")
    files.prepare()
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="the folder is gone, removed or renamed"):
        files.write("cells/a", b"x")
    assert not (tmp_path / "out").exists()


def test_partial_as_a_file_is_a_sentence(tmp_path):
    (tmp_path / ".partial").write_text("")
    with (
        pytest.raises(SoundstageError, match="is a file where a folder of Soundstage's own belongs"),
        Store(tmp_path).writing(),
    ):
        raise AssertionError


def test_what_no_record_names_is_removed_by_who_holds_the_lock_alone(out):
    store = Store(out)
    (address,) = {file.parent.name for file in (out / "estimates").rglob("estimates.json")} & {store.addresses()[0]}
    litter = out / "estimates" / address / "0-bass-0000000000000000.wav"
    litter.write_bytes(b"left by a killed worker")
    store.save_estimates(address, {"bass": np.zeros((2, 9))}, 8000, {})
    assert litter.exists()
    with Store(out).writing():
        pass
    assert not litter.exists()
    assert list(Store(out).estimates(address)[0]) == ["bass"]


def test_the_longest_name_of_a_source_can_be_kept(tmp_path):
    store = Store(tmp_path)
    name = "ö" * 300 + "/..\\" + "x" * 245
    store.save_estimates("ab", {name: np.ones((2, 9))}, 8000, {})
    assert list(store.estimates("ab")[0]) == [name]


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.EROFS, "Make it writable and"), (errno.EIO, "Look after the disk and"), (errno.ENOSPC, "Make room and")],
)
def test_what_cannot_be_kept_is_said_with_what_helps(tmp_path, monkeypatch, number, remedy):
    def refusing(*paths):
        raise OSError(number, os.strerror(number))

    files = LocalFiles(tmp_path)
    files.prepare()
    monkeypatch.setattr(os, "replace", refusing)
    with pytest.raises(StorageError, match=f"{remedy} run the same command again"):
        files.write("cells/a", b"x")


LEADING_OUT = ["../../../victim.txt", "/etc/hostname", "..", ".", "", "0-bass-0123456789abcdef.wav/../x", "0-x-\0.wav"]
LEADING_OUT += ["0-bass-0123456789ABCDEF.wav", "0-bass-0123456789abcdef.wav\n", "c:0-bass-0123456789abcdef.wav"]


@pytest.mark.parametrize("name", LEADING_OUT)
def test_a_kept_file_has_a_plain_name_or_is_none(out, tmp_path, name):
    facts = sorted((out / "estimates").rglob("estimates.json"))[0]
    address, told = facts.parent.name, json.loads(facts.read_text())
    victim = tmp_path / "victim.txt"
    victim.write_text("mine")
    told["sources"]["bass"] = {"file": name, "sha256": hashlib.sha256(b"mine").hexdigest()}
    facts.write_text(json.dumps(told))
    files, target = LocalFiles(out), LocalFiles(tmp_path / "target")
    target.prepare()
    assert estimates.load(files, address) is None
    (sentence,) = estimates.damaged(files, address)
    assert "which is no name of a kept estimate" in sentence
    with pytest.raises(ValueError, match="no name of a kept estimate"):
        estimates.copy(files, target, address)
    assert not list((tmp_path / "target").rglob("*"))
    estimates.tidy(files)
    assert victim.read_text() == "mine"


@pytest.mark.parametrize("what", ["estimates.json", "0-*.wav"])
def test_a_kept_file_that_is_a_link_is_not_read_and_not_copied(out, tmp_path, what):
    folder = sorted((out / "estimates").iterdir())[0]
    (file,) = folder.glob(what)
    secret = tmp_path / "secret"
    file.rename(secret)
    file.symlink_to(secret)
    assert estimates.load(LocalFiles(out), folder.name) is None
    with pytest.raises(SoundstageError, match="is a link"):
        merge(tmp_path / "merged", [out])
    assert not [one for one in (tmp_path / "merged").rglob("*") if one.name == file.name and folder.name in str(one)]


def one_below(out, what):
    return sorted(out.glob(what))[0]


@pytest.mark.parametrize(
    "what", ["cells/*", "cells/*/*", "grids/*", "runs/*", "estimates/*", "estimates/*/*.wav", "segments/*", ".lock"]
)
def test_links_deeper_below_are_refused_by_every_verb(out, tmp_path, what):
    if what == "segments/*":
        Store(out).compact()
    moved = tmp_path / "moved"
    place = one_below(out, what)
    place.rename(moved)
    place.symlink_to(moved)
    held = {file: file.read_bytes() for file in [moved, *moved.rglob("*")] if file.is_file()}
    refused = 0
    for line in (
        ["run", tmp_path / "grid.toml", "--out", out, "--keep", "estimates"],
        ["merge", out, tmp_path / "other"],
        ["merge", tmp_path / "merged", out],
        ["verify", out, "--recompute", "0"],
        ["leaderboard", out],
        ["status", out],
    ):
        (tmp_path / "grid.toml").write_text(
            "[grids.toys]\ndatasets = ['toy']\nspatializers = ['flat']\nseparators = ['truth', 'noisy']\n"
            "metrics = ['error', 'other_error']\n"
        )
        if not (tmp_path / "other").exists():
            soundstage.run({**GRID, "separators": ["nothing"]}, tmp_path / "other", keep=["estimates"])
        done = CliRunner().invoke(cli, [str(word) for word in line])
        assert done.exception is None or isinstance(done.exception, (SoundstageError, SystemExit)), line
        refused += "is a link" in done.output + str(done.exception)
    assert refused
    assert place.is_symlink()
    assert {file: file.read_bytes() for file in [moved, *moved.rglob("*")] if file.is_file()} == held


@pytest.mark.parametrize("folder", ["segments", "cells", "grids", "estimates"])
@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO])
def test_a_folder_that_cannot_be_looked_into_any_more_is_a_sentence(out, monkeypatch, folder, number):
    scan = os.scandir

    def refusing(path):
        if os.path.basename(path) == folder:
            raise OSError(number, os.strerror(number))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(SoundstageError, match=f"{folder}: cannot be looked into .{os.strerror(number)}"):
        soundstage.run({**GRID, "separators": ["noisy"]}, out, keep=["estimates"])
