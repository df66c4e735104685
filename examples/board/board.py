"""The board's steps, the same on any machine and in CI: run, check, record, site. `make help` lists them.

Only `run` and `check` run what submitters bring. `record` and `site` read results, which are data.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

import soundstage
from soundstage import SoundstageError

GRID = "board"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,38}")
REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.+!]*")
SEPARATOR = re.compile(r"[A-Za-z0-9_.+-]+(\[[^\[\]\n]*\])?")
KEYS = {"separator", "requirement", "contact"}
MOST_BYTES = 200_000_000

SUBMISSIONS, MEASURED, BUILD = Path("submissions"), Path("measured"), Path("build")


class Refused(Exception):
    """Why a submission is not taken, as a sentence."""


def submission(name: str) -> dict[str, Any]:
    """What a submission says of itself, checked."""
    if not NAME.fullmatch(name):
        raise Refused(f"{name!r} is no name for a submission: small letters, digits and hyphens, 39 at most")
    folder = SUBMISSIONS / name
    if not (folder / "submission.toml").is_file():
        raise Refused(f"{folder} has no submission.toml; README.md says what it holds")
    size = 0
    for file in folder.rglob("*"):
        if file.is_symlink() or not (file.is_file() or file.is_dir()):
            raise Refused(f"{file} is a link or no regular file; leave it out")
        size += file.stat().st_size if file.is_file() else 0
    if size > MOST_BYTES:
        raise Refused(f"{folder} holds {size / 1e6:.0f} MB; {MOST_BYTES / 1e6:.0f} MB is the most, without estimates")
    try:
        table = tomllib.loads((folder / "submission.toml").read_text(encoding="utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Refused(f"{folder / 'submission.toml'} cannot be read: {error}") from None
    if unknown := sorted(table.keys() - KEYS):
        raise Refused(f"{folder / 'submission.toml'} holds {', '.join(unknown)}; it takes {', '.join(sorted(KEYS))}")
    for key, form in (("separator", SEPARATOR), ("requirement", REQUIREMENT)):
        value = table.get(key, "" if key == "requirement" else None)
        if not isinstance(value, str) or (value and not form.fullmatch(value)) or (key == "separator" and not value):
            how = "NAME==VERSION" if key == "requirement" else "one separator, as a grid calls it"
            raise Refused(f"{folder / 'submission.toml'}: {key} = {value!r} is not {how}")
    return table


def grid_file(separator: str) -> Path:
    """The board's grid with that separator too, as a file beside it, so that its paths hold."""
    table = tomllib.loads(Path("board.toml").read_text(encoding="utf-8"))
    grid = table["grids"][GRID]
    grid["separators"] = list(dict.fromkeys([*grid["separators"], separator]))
    file = Path(f"grid-{hashlib.sha256(separator.encode()).hexdigest()[:12]}.toml")
    file.write_text(tomli_w.dumps(table), encoding="utf-8")
    return file


def command(*words: object) -> str:
    """Run soundstage, saying so; what it prints. Raises Refused where it ends with anything but 0."""
    shown = " ".join(map(str, words))
    print(f"$ soundstage {shown}", flush=True)
    found = subprocess.run(
        [sys.executable, "-m", "soundstage", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(found.stdout, end="", flush=True)
    if found.returncode:
        raise Refused(f"soundstage {words[0]}: {found.stdout.strip() or 'ended without a word'}")
    return found.stdout


def install(requirement: str) -> None:
    """Install what brings a separator; only what is built already, so that installing runs nothing of it."""
    words = ["install", "--quiet", "--only-binary=:all:", "--requirement", "requirements.txt", requirement]
    found = subprocess.run([sys.executable, "-m", "pip", *words], check=False)
    if found.returncode:
        raise Refused(f"{requirement} cannot be installed; it takes a wheel on the package index")


def run(name: str, out: Path) -> None:
    """Measure a submission."""
    command("run", grid_file(submission(name)["separator"]), "--out", out, "--isolate", "--quiet")


def check_files(name: str, results: Path) -> None:
    """Refuse results that are not what was written. Nothing is run."""
    command("verify", results, "--recompute", 0)
    grids = soundstage.open(results).grids()
    if len(grids) != 1:
        raise Refused(
            f"{name}: its results hold {len(grids)} grids; they take one, the board's: start in an empty folder"
        )


def check(name: str, seed: str, recompute: int) -> None:
    """Refuse a submission whose files are damaged, whose grid is another, or whose numbers do not come out again."""
    said = submission(name)
    if said.get("requirement"):
        install(said["requirement"])
    results = SUBMISSIONS / name / "results"
    if not results.is_dir():
        results = MEASURED / name / "results"
        run(name, results)
    check_files(name, results)
    planned = soundstage.plan(grid_file(said["separator"]))
    try:
        held = soundstage.open(results, planned.hash)
    except SoundstageError:
        raise Refused(
            f"{name}: its results are not of this board's grid with {said['separator']}, as it is planned here;"
            f" `make run NAME={name}` measures it"
        ) from None
    if left := held.status().left:
        raise Refused(f"{name}: {left} of {held.status().planned} cells have not been run; the same command goes on")
    number = int(hashlib.sha256(f"{seed} {name}".encode()).hexdigest(), 16) % 2**31
    told = command("verify", results, "--grid", planned.hash, "--recompute", recompute, "--seed", number)
    if recompute and "nothing was computed again" in told:
        raise Refused(f"{name}: nothing of it could be computed again, so nothing of it counts")


def changed(base: str, by_hosts: bool) -> list[str]:
    """The submissions that differ from that commit, all where there is none. Only hosts change other files too."""
    known = subprocess.run(["git", "rev-parse", "--quiet", "--verify", f"{base}^{{commit}}"], capture_output=True)
    if known.returncode:
        return sorted(file.parent.name for file in SUBMISSIONS.glob("*/submission.toml"))
    words = ["git", "diff", "--name-only", "-z", f"{base}...HEAD"]
    files = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split("\0")[:-1]
    inside = [file.split("/") for file in files if file.startswith(f"{SUBMISSIONS}/") and file.count("/") > 1]
    others = [file for file in files if file.split("/") not in inside]
    names = sorted({parts[1] for parts in inside})
    if names and others and not by_hosts:
        raise Refused(f"besides submissions this changes {', '.join(others)}, which is the hosts' alone")
    return [name for name in names if (SUBMISSIONS / name).is_dir()]


def record() -> None:
    """Take what `check` measured for submissions without results, as data."""
    for folder in sorted(MEASURED.glob("*/results")):
        name = folder.parent.name
        submission(name)
        check_files(name, folder)
        shutil.move(folder, SUBMISSIONS / name / "results")
        print(f"{name}: its results are the board's own measurement")


def site() -> None:
    """Merge every submission that has results, and make the site."""
    shutil.rmtree(BUILD, ignore_errors=True)
    told = sorted(SUBMISSIONS.glob("*/submission.toml"))
    folders = [file.parent / "results" for file in told if (file.parent / "results").is_dir()]
    if not folders:
        raise Refused("no submission has results; begin with make run NAME=baseline")
    for folder in folders:
        submission(folder.parent.name)
        check_files(folder.parent.name, folder)
    command("merge", BUILD / "results", *folders, "--join")
    command("report", BUILD / "results", "--out", BUILD / "site", "--clips", "none")
    shown = soundstage.open(BUILD / "results")
    (BUILD / "site" / "board.csv").write_text(shown.board().text("csv") + "\n", encoding="utf-8")
    print(shown.status())


def main() -> int:
    """Do one step; 1 where something is refused, with a sentence."""
    os.chdir(Path(__file__).resolve().parent)
    parser = argparse.ArgumentParser(description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("run").add_argument("name")
    checking = steps.add_parser("check")
    checking.add_argument("names", nargs="*")
    checking.add_argument("--base", default="origin/main")
    checking.add_argument("--by-hosts", action="store_true", help="other files may have changed too")
    checking.add_argument("--seed", required=True)
    checking.add_argument("--recompute", type=int, default=20)
    for name in ("record", "site"):
        steps.add_parser(name)
    asked = parser.parse_args()
    try:
        if asked.step == "run":
            run(asked.name, SUBMISSIONS / asked.name / "results")
        elif asked.step == "check":
            names = asked.names or changed(asked.base, asked.by_hosts)
            print(f"to check: {', '.join(names) or 'nothing'}", flush=True)
            for name in names:
                check(name, asked.seed, asked.recompute)
                print(f"{name}: taken", flush=True)
        else:
            {"record": record, "site": site}[asked.step]()
    except (Refused, SoundstageError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
