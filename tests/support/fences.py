"""The fenced blocks of pages: what language each is in, and what is said of it in comments above it.

<!-- not run: needs a GPU -->       it is not run; its commands are still read
<!-- file: study.toml -->           it is the contents of that file
<!-- first:                         what the reader has by then, run as a shell script before the block
soundstage run demo --out results/study
-->
<!-- heavy: trains a network -->    anywhere in a page: its blocks are run with the heavy tests
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHELLS = ("sh", "console")
"""`sh` holds commands, `console` holds commands after `$` and what they print; `…` stands for any part of that."""

RUN = (*SHELLS, "python", "toml")
SHOWN = ("text", "json", "yaml", "latex")
"""Languages of blocks that are to be read only."""

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=indent)``` *$", re.DOTALL | re.MULTILINE
)
COMMENTS = re.compile(r"(?:<!--(?:(?!-->).)*-->\s*)+\Z", re.DOTALL)
COMMENT = re.compile(r"<!--\s*(not run|file|first):\s*(.*?)\s*-->", re.DOTALL)
HEAVY = re.compile(r"<!--\s*heavy:\s*\S.*?-->", re.DOTALL)

NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class Block:
    """One fenced block. not_run: why it is not run; file: what file it is; first: a script to run before it."""

    page: Path
    line: int
    language: str
    text: str
    not_run: str = ""
    file: str = ""
    first: str = ""

    @property
    def where(self) -> str:
        """Page and line, as people say it."""
        return f"{self.page.name}, line {self.line}"


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page in their order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        above = COMMENTS.search(text[: fence.start()])
        said = {name.replace(" ", "_"): value for name, value in COMMENT.findall(above[0] if above else "")}
        indent = len(fence["indent"])
        inside = "".join(line[indent:] for line in fence["text"].splitlines(keepends=True))
        line = text.count("\n", 0, fence.start()) + 1
        found.append(Block(page, line, fence["language"].strip(), inside, **said))
    return found


def is_heavy(page: Path) -> bool:
    """Whether the page's blocks take long."""
    return HEAVY.search(page.read_text(encoding="utf-8")) is not None


def steps(block: Block) -> list[tuple[str, str]]:
    """The commands of a block of a shell, each with what it prints; of `sh` one script that prints what it likes."""
    if block.language == "sh":
        return [(block.text, "")]
    found: list[tuple[str, str]] = []
    for line in block.text.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif found and found[-1][0].endswith("\\\n") and not found[-1][1]:
            found[-1] = (found[-1][0] + line.removeprefix("> "), "")
        elif found:
            found[-1] = (found[-1][0], found[-1][1] + line)
        else:
            raise AssertionError(f"{block.where}: a block of the language console begins with $ and a command")
    return found


def commands(script: str) -> Iterator[list[str]]:
    """The simple commands of a script, as words. What lies in here-documents is not among them."""
    script = re.sub(r"<<\s*(['\"]?)(\w+)\1.*?^\2$", "", script, flags=re.DOTALL | re.MULTILINE)
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.commenters = ""
        words: list[str] = []
        target = False
        for word in lexer:
            if word.startswith("#"):
                break
            if target or (set(word) <= set("<>&") and set(word) & set("<>")):  # where to, or from where
                target = not target
            elif set(word) <= set("();<>|&"):
                yield words
                words = []
            else:
                words.append(word)
        yield words


class Shell:
    """A shell in a folder, whose working folder and exported variables are kept from one script to the next."""

    def __init__(self, folder: Path, columns: int = 110) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        self.state = folder / "state"
        terminal = {"TTY_COMPATIBLE": "1", "TERM": "dumb", "COLUMNS": str(columns), "LINES": "50"}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.environment = {**os.environ, **terminal, "PATH": path, "OMP_NUM_THREADS": "1"}

    def run(self, script: str) -> tuple[int, str]:
        """The exit status, and what was printed to both streams."""
        state = shlex.quote(str(self.state))
        whole = (
            f"[ -f {state} ] && . {state}\nset -eo pipefail\n"
            f'trap \'{{ export -p; printf "cd %q\\n" "$PWD"; }} > {state}\' EXIT\n{script}'
        )
        done = subprocess.run(
            ["bash", "-c", whole],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=600,
            check=False,
        )
        return done.returncode, done.stdout

    @property
    def here(self) -> Path:
        """Its working folder."""
        found = re.search(r"^cd (.+)$", self.state.read_text(), re.MULTILINE) if self.state.exists() else None
        return Path(shlex.split(found[1])[0]) if found else self.folder


def run_blocks(blocks: list[Block], folder: Path) -> int:
    """Run a page's blocks in their order; how many were. Raises AssertionError naming the first that goes wrong."""
    shell = Shell(folder)
    names: dict[str, Any] = {"__name__": "__main__"}
    ran = 0
    for block in blocks:
        if block.first:
            status, printed = shell.run(block.first)
            assert status == 0, f"{block.where}: what comes first ends with {status}:\n{block.first}\n{printed}"
        if block.file:
            file = shell.here / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
        elif block.not_run or block.language not in RUN:
            continue
        elif block.language in SHELLS:
            for script, expected in steps(block):
                status, printed = shell.run(script)
                assert status == 0, f"{block.where} ends with {status}:\n{script}\n{printed}"
                if expected.strip():
                    assert alike(expected, printed), f"{block.where}: {script}prints\n{printed}\nand not\n{expected}"
        elif block.language == "python":
            before, path = Path.cwd(), list(sys.path)
            try:
                os.chdir(shell.here)
                exec(compile(block.text, block.where, "exec"), names)
            except Exception as error:
                raise AssertionError(f"{block.where}: {type(error).__name__}: {error}") from error
            finally:
                os.chdir(before)
                sys.path[:] = path
        ran += 1
    return ran


def alike(expected: str, printed: str) -> bool:
    """Whether a command prints what a page says. `…` is anything, white space is one, last digits may differ."""
    expected, printed = " ".join(expected.split()), " ".join(printed.split())
    pattern, numbers = "", []
    for part in re.split(r"(…|-?\d+(?:\.\d+)?)", expected):
        if part == "…":
            pattern += r".*?"
        elif NUMBER.fullmatch(part):
            numbers.append(part)
            pattern += r"(-?\d+(?:\.\d+)?)"
        else:
            pattern += re.escape(part)
    found = re.fullmatch(pattern, printed)
    return found is not None and all(map(near, numbers, found.groups()))


def near(one: str, other: str) -> bool:
    """Whether two numbers differ by no more than one in the last digit; whole numbers not at all."""
    places = len(one.partition(".")[2])
    return one == other if not places else abs(float(one) - float(other)) <= 1.01 * 10.0**-places
