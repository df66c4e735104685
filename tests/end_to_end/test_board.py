"""The board of `examples/board`, end to end on one machine: who is honest is shown, who edits a number is caught."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml

import soundstage
from soundstage.results.encoding import digest, parquet
from soundstage.results.store import Store

pytestmark = pytest.mark.heavy

WORKFLOWS = ("submission.yml", "publish.yml")


class Board:
    """A clone of the board, and the commands that its workflows run."""

    def __init__(self, path, root):
        self.path = path
        self.measured = {}  # separator → its results, as whoever submits it measures them
        shutil.copytree(root / "examples" / "board", path)
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("Begin the board")

    def git(self, *words):
        who = ["-c", "user.name=board", "-c", "user.email=board@example.org"]
        done = subprocess.run(["git", *who, *words], cwd=self.path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, message):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def make(self, *words):
        command = ["make", "--silent", f"PYTHON={sys.executable}", *words]
        own = {**os.environ, "OMP_NUM_THREADS": "1", "SOUNDSTAGE_CACHE": str(self.path.parent / "cache")}
        done = subprocess.run(command, cwd=self.path, capture_output=True, text=True, check=False, env=own)
        return done.returncode, done.stdout + done.stderr

    def submit(self, name, separator, measure=True):
        """Somebody's branch with a submission; main is checked out again by `merged`."""
        self.git("checkout", "--quiet", "-b", name, "main")
        folder = self.path / "submissions" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "submission.toml").write_text(f'separator = "{separator}"\n')
        if measure:
            if separator not in self.measured:
                status, said = self.make("run", f"NAME={name}")
                assert status == 0, said
                self.measured[separator] = self.path.parent / f"measured-{separator}"
                shutil.copytree(folder / "results", self.measured[separator])
            shutil.copytree(self.measured[separator], folder / "results", dirs_exist_ok=True)
        self.commit(f"Submit {name}")
        return folder / "results"

    def merged(self, name):
        """What the pull request's workflow checks out: main with the branch merged, on a branch of its own."""
        self.git("checkout", "--quiet", "-B", f"merge-{name}", "main")
        self.git("merge", "--quiet", "--no-ff", "--message", f"Merge {name}", name)
        return self.git("rev-parse", "HEAD")

    def check(self, name):
        return self.make("check", "BASE=main", f"SEED={self.merged(name)}")

    def take(self, name):
        self.git("checkout", "--quiet", "main")
        self.git("merge", "--quiet", "--ff-only", f"merge-{name}")


@pytest.fixture(scope="module")
def board(root, tmp_path_factory):
    """A board with its baseline and an honest submission merged."""
    pytest.importorskip("plotly", reason="the site needs plotly: pip install 'soundstage[report]'")
    found = Board(tmp_path_factory.mktemp("board") / "board", root)
    status, said = found.make("run", "NAME=baseline")
    assert status == 0, said
    found.commit("Measure the baseline")
    found.submit("ada", "adress")
    status, said = found.check("ada")
    assert status == 0, said
    assert "ada: taken" in said
    assert "9 computed again" in said
    found.take("ada")
    return found


def edited(results, fit):
    """Add 3 dB to one score of the submitter's own; fit: give the file the hash that fits."""
    plan = Store(results).plan()
    own = {row["cell"] for row in plan.cells.to_pylist() if row["separator"] not in ("reference", "mixture")}
    file = next(file for file in sorted((results / "cells").rglob("*.parquet")) if file.name.split("-")[0] in own)
    table = pq.read_table(file)
    at = table.column_names.index("value")
    better = pa.array([value + 3.0 if n == 0 else value for n, value in enumerate(table["value"].to_pylist())])
    table = table.set_column(at, table.schema.field(at), pc.cast(better, table.schema.field(at).type))
    contents = parquet(table)
    name = file.name
    if fit:
        name = f"{file.stem.rpartition('-')[0]}-{digest(contents)}{file.suffix}"
        file.unlink()
    file.with_name(name).write_bytes(contents)


def test_a_number_that_was_edited_is_caught_by_its_files_hash(board):
    edited(board.submit("mallory", "duet"), fit=False)
    board.commit("Look better")
    status, said = board.check("mallory")
    assert status != 0
    assert "refused: soundstage verify:" in said
    assert "is not what was written" in said


def test_a_number_that_was_edited_with_hashes_that_fit_is_caught_by_computing_it_again(board):
    results = board.submit("trudy", "duet")
    edited(results, fit=True)
    board.commit("Look better, and look well")
    assert soundstage.open(results).status().damage == ()
    status, said = board.check("trudy")
    assert status != 0
    assert re.search(r"duet: sdr: SDR of \w+ is [-\d.]+ and [-\d.]+, stored and computed again", said), said
    assert "trudy: taken" not in said


def test_an_easier_grid_is_no_submission(board):
    results = board.submit("walter", "duet", measure=False)
    text = (board.path / "board.toml").read_text()
    (board.path / "easier.toml").write_text(text.replace("seconds = 2", "seconds = 1"))
    command = [
        sys.executable,
        "-m",
        "soundstage",
        "run",
        str(board.path / "easier.toml"),
        "--out",
        str(results),
        "--quiet",
    ]
    subprocess.run(command, check=True)
    (board.path / "easier.toml").unlink()
    board.commit("Submit another grid")
    status, said = board.check("walter")
    assert status != 0
    assert "its results are not of this board's grid with duet" in said


def test_a_pull_request_that_changes_the_board_too_is_refused(board):
    board.submit("oscar", "duet", measure=False)
    with (board.path / "board.py").open("a") as file:
        file.write("\nprint('all is well')\n")
    board.commit("Help")
    status, said = board.check("oscar")
    assert status != 0
    assert "besides submissions this changes board.py, which is the hosts' alone" in said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('separator = "adress; rm -rf"\n', "is not one separator"),
        ('separator = "adress"\nrequirement = "x @ https://example.org/x.whl"\n', "is not NAME==VERSION"),
        ('separator = "adress"\nrequirement = "--index-url==1"\n', "is not NAME==VERSION"),
        ('separator = "adress"\nscript = "x.py"\n', "holds script; it takes contact, requirement, separator"),
        ("separator = \n", "cannot be read"),
    ],
)
def test_what_a_submission_says_is_checked_before_anything_runs(board, text, why):
    board.git("checkout", "--quiet", "main")
    folder = board.path / "submissions" / "odd"
    folder.mkdir()
    try:
        (folder / "submission.toml").write_text(text)
        done = subprocess.run(
            [sys.executable, "board.py", "check", "odd", "--seed", "x"],
            cwd=board.path,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        shutil.rmtree(folder)
    assert done.returncode == 1
    assert why in done.stderr
    assert "$ soundstage" not in done.stdout


def test_who_brings_a_name_alone_is_measured_and_all_are_shown(board):
    board.submit("eve", "duet", measure=False)
    status, said = board.check("eve")
    assert status == 0, said
    assert (board.path / "measured" / "eve" / "results").is_dir()
    board.take("eve")
    status, said = board.make("record")
    assert status == 0, said
    assert "eve: its results are the board's own measurement" in said
    board.commit("Record what the board has measured")
    status, said = board.make("site")
    assert status == 0, said
    page = (board.path / "build" / "site" / "data" / "report.js").read_text(encoding="utf-8")
    assert (board.path / "build" / "site" / "index.html").is_file()
    assert all(name in page for name in ("adress", "duet", "mixture"))
    shown = soundstage.open(board.path / "build" / "results")
    assert shown.status().is_whole
    assert {row.separator for row in shown.board().sections[0].rows} == {"reference", "mixture", "adress", "duet"}
    assert "adress" in (board.path / "build" / "site" / "board.csv").read_text()


def jobs(root, workflow):
    found = yaml.safe_load((root / "examples" / "board" / ".github" / "workflows" / workflow).read_text())
    return found, found["jobs"]


def test_no_job_that_runs_submitters_code_may_write_or_knows_a_secret(root):
    for workflow in WORKFLOWS:
        whole, found = jobs(root, workflow)
        assert whole["permissions"] == {}
        assert "pull_request_target" not in json.dumps(whole[True])  # YAML reads `on` as a truth
        assert "secrets." not in json.dumps(whole)
        for name, job in found.items():
            runs = " ".join(step.get("run", "") for step in job["steps"])
            writes = {key for key, value in job["permissions"].items() if value == "write"}
            if "make check" in runs or "make run" in runs:
                assert not writes, f"{workflow}: {name}"
                checkout = next(step for step in job["steps"] if "checkout" in step.get("uses", ""))
                assert checkout["with"]["persist-credentials"] is False
            assert "${{" not in runs, "what a pull request chooses would be run by the shell"
            assert all(re.search(r"@[0-9a-f]{40}$", step["uses"]) for step in job["steps"] if "uses" in step)
    assert jobs(root, "submission.yml")[1].keys() == {"check"}
    assert jobs(root, "publish.yml")[1]["record"]["needs"] == "check"
