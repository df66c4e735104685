"""Nothing outside a results folder is read, written or removed, whatever lies in it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os

import numpy as np
import pytest

import soundstage
from soundstage.errors import SoundstageError, StorageError
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
