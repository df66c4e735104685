"""A file of a results folder that cannot be read costs what lies in it: it is named, and the same command mends it."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

import soundstage
from soundstage.cli import cli
from soundstage.errors import SoundstageError
from soundstage.results.files import LocalFiles
from soundstage.results.store import Store

GRID = {
    "name": "study",
    "datasets": ["toy[tracks=2]"],
    "spatializers": ["flat"],
    "separators": ["truth", "nothing"],
    "metrics": ["error"],
}
KINDS = ["cells/*/*", "segments/*-records.parquet", "segments/*-rows.parquet", "grids/*", "runs/*"]
KINDS += ["estimates/*/estimates.json", "estimates/*/0-*.wav"]


@pytest.fixture
def filled(toys, tmp_path) -> Path:
    """A folder with a packed grid, and another whose cells lie loose."""
    out = tmp_path / "out"
    soundstage.run({**GRID, "name": "earlier", "separators": ["truth"]}, out, keep=["estimates"])
    Store(out).compact()
    soundstage.run(GRID, out)
    return out


def in_a_folders_place(file: Path) -> None:
    """Put a folder with something in it where the file was."""
    file.unlink()
    file.mkdir()
    (file / "somebody's.txt").write_text("kept")


def invoke(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, (SystemExit, SoundstageError)):
        raise done.exception
    return done.exit_code, done.output + (str(done.exception) if done.exception else "")


def every_verb(out: Path, tmp_path: Path) -> dict[str, str]:
    """What each verb that reads results says of them; none ends in a traceback."""
    verbs = {
        "leaderboard": ["leaderboard", out],
        "status": ["status", out, "--errors"],
        "verify": ["verify", out, "--recompute", "0"],
        "provenance": ["provenance", out],
        "merge": ["merge", tmp_path / "merged", out],
    }
    return {name: invoke(*words)[1] for name, words in verbs.items()}


def first(out: Path, kind: str) -> Path:
    return sorted(out.glob(kind))[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["a folder", "an I/O error", "no permission"])
def test_what_cannot_be_read_is_named_and_the_same_command_mends_it(filled, tmp_path, monkeypatch, kind, how):
    expected = soundstage.load(filled)[["track", "separator", "value"]]
    file = first(filled, kind)
    if how == "a folder":
        in_a_folders_place(file)
    else:
        number = errno.EIO if how == "an I/O error" else errno.EACCES
        opened = io.open

        def refusing(name, *arguments, **options):
            if str(name).endswith(file.name) and "r" in (arguments or ("r",))[0]:
                raise OSError(number, os.strerror(number))
            return opened(name, *arguments, **options)

        monkeypatch.setattr(io, "open", refusing)
    said = every_verb(filled, tmp_path)
    assert file.name in said["verify"]
    assert file.name in said["merge"]
    assert not kind.startswith("runs") or file.name in said["provenance"]
    soundstage.run(GRID, filled, retry=[] if kind.startswith("cells") else ["failed"])
    soundstage.run({**GRID, "name": "earlier", "separators": ["truth"]}, filled, keep=["estimates"])
    soundstage.run(GRID, filled)
    found = soundstage.load(filled, "study")[["track", "separator", "value"]]
    order = ["track", "separator"]
    assert found.sort_values(order).values.tolist() == expected.sort_values(order).values.tolist()
    if how == "a folder" and not kind.startswith(("runs", "estimates")):
        (kept,) = (filled / "damaged").rglob("somebody's.txt")
        assert kept.read_text() == "kept"


def test_what_cannot_be_moved_aside_either_is_said_with_the_remedy_and_the_others_go_on(filled, monkeypatch):
    file = first(filled, "cells/*/*")
    in_a_folders_place(file)

    def refused(self, name):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(LocalFiles, "set_aside", refused)
    notices: list[str] = []
    with Store(filled).writing(notice=notices.append):
        pass
    (notice,) = notices
    assert file.name in notice
    assert notice.endswith("remove it, or make it readable")


def test_a_folder_that_cannot_be_looked_into_is_one_sentence(filled, monkeypatch):
    scan = os.scandir

    def refusing(folder):
        if Path(folder).name == "segments":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(SoundstageError, match=r"segments: cannot be looked into .*make the folder readable"):
        Store(filled).addresses()


def test_a_pipe_in_a_files_place_hangs_nobody(filled, tmp_path):
    file = first(filled, "cells/*/*")
    file.unlink()
    os.mkfifo(file)
    assert file.name in every_verb(filled, tmp_path)["verify"]
    soundstage.run(GRID, filled)
    assert set(soundstage.load(filled)["status"]) == {"ok"}
