"""The command line in this process: what a person types, what is printed, and how it ends, without starting Python."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from soundstage.cli import _status


@contextlib.contextmanager
def _in(folder: Path | None) -> Iterator[None]:
    with contextlib.chdir(folder) if folder is not None else contextlib.nullcontext():
        yield


def soundstage(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command line, in folder `cwd`; its streams are files, no terminal."""
    words = ["soundstage", *map(str, arguments)]
    out, error = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", words),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(error),
        _in(cwd),
    ):
        status = _status()
    return subprocess.CompletedProcess(words, status, out.getvalue(), error.getvalue())
