"""Input that nobody means to give: values altered at any depth, files that are none, and how a command takes them."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from commandline import soundstage

JUNK: tuple[Any, ...] = (
    *(None, True, -1, 1.5, 2**70, "", "ok", "../../x", "\x1b]0;x\x07", "a\x00b", "x" * 10_000),
    *([], {}, [[]], {"a": {}}),
)
MORE_JUNK: tuple[Any, ...] = (
    *(0, 10**400, -(2**63), float("inf"), float("-inf"), float("nan"), 5e-324, 1e308, False),
    *(
        "~nouser",
        "~nouser/x",
        "x" * 300,
        "\ud800",
        "\u202eabc",
        "name[",
        "[x=1]",
        "sdr[x=]",
        "mixture[y=1e999]",
        "a]b[",
    ),
    *(
        "{source:>100000000}",
        "{track.__class__}",
        "{",
        "}",
        "{}",
        "{0}",
        "*",
        "?",
        "CON",
        ".",
        "..",
        "-1",
        "1e999",
        "nan",
    ),
    *(
        "hrir[hrtf=/dev/zero]",
        "folder[root=.]",
        "panning",
        "irm[alpha=1e400]",
        "1" * 400,
        "\n",
        "\t",
        " ",
        "é",
        "e\u0301",
    ),
    {"x": [{"y": [{"z": {}}]}]},
)


BETWEEN = (b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"\\", b"\n", b"9" * 5000, b"[" * 3000, b'{"a":' * 3000)
"""What may get into a file."""


def altered(value: Any, rng: random.Random, junk: Sequence[Any] = JUNK) -> Any:
    """The value, as JSON has it, with one part of it replaced, removed or doubled, at any depth."""
    if isinstance(value, (dict, list)) and value and rng.random() < 0.85:
        key = rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
        changed = dict(value) if isinstance(value, dict) else list(value)
        if rng.random() < 0.15:
            del changed[key]
        else:
            changed[key] = altered(value[key], rng, junk)
        return changed
    return rng.choice(junk)


def toml_text(table: Mapping[str, Any]) -> str:
    """A table as TOML, everything below its keys inline; a text that TOML cannot hold makes it no TOML."""
    return "".join(f"{json.dumps(key)} = {_toml(value)}\n" for key, value in table.items())


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return '""' if value is None else json.dumps(value) if isinstance(value, str) else f"{value}"


def damaged(contents: bytes, rng: random.Random) -> bytes:
    """The contents of a file cut off, with a byte changed, something put between, or gone."""
    at = rng.randrange(len(contents) + 1)
    match rng.randrange(5):
        case 0:
            return contents[:at]
        case 1:
            return contents[:at] + bytes([rng.randrange(256)]) + contents[at + 1 :]
        case 2:
            return contents[:at] + rng.choice(BETWEEN) + contents[at:]
        case 3:
            return b""
    return bytes(rng.randrange(256) for _ in range(100))


def wreck(folder: Path, rng: random.Random) -> None:
    """Put something else in the place of one thing in the folder: a link in a loop, a pipe, a folder, rubbish."""
    paths = sorted(folder.rglob("*"))
    if not paths:
        return
    path = rng.choice(paths)
    contents = path.read_bytes() if path.is_file() and not path.is_symlink() else b"rubbish"
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
    match rng.randrange(9):
        case 0:
            path.symlink_to(path.name)
        case 1:
            path.symlink_to("..", target_is_directory=True)
        case 2:
            os.mkfifo(path)
        case 3:
            path.mkdir()
        case 4:
            path.symlink_to("/dev/zero")
        case 5:
            path.symlink_to("nowhere")
        case 6:
            path.write_bytes(contents)
            path.with_name(f"{path.name}.partial").write_bytes(b"x")
            if not (partial := path.with_name(".partial")).exists():
                partial.write_bytes(b"x")
        case 7:
            path.write_bytes(damaged(contents, rng))


def ended(arguments: Sequence[object], seconds: float = 30.0) -> tuple[int, str]:
    """How a command line ends in this process: its status, and all that it prints.

    Fails where it ends with an exception or not in so many seconds, fails without a word, or prints what commands a
    terminal.
    """
    hung: list[str] = []

    def stop(*_: object) -> None:
        hung.append("it hangs")
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    told = " ".join(map(ascii, arguments))
    try:
        done = soundstage(*arguments)
    except BaseException as error:
        raise AssertionError(f"{told}: ended with {error!r}") from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    status, text = done.returncode, done.stdout + done.stderr
    assert not hung, f"{told}: hangs"
    assert status == 0 or re.search(r"\w", text), f"{told}: status {status} without a word"
    asked = {"--errors", "--traceback"} & set(arguments)
    assert asked or "Traceback" not in text, f"{told}: {text}"
    obeyed = [letter for letter in text if unicodedata.category(letter) in ("Cc", "Cs") and letter != "\n"]
    assert not obeyed, f"{told}: prints {obeyed}"
    return status, text
