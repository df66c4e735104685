"""Writes the leaderboard in README.md: runs the demo and takes what `soundstage leaderboard` prints of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import blocks

PAGE = blocks.ROOT / "README.md"
NAME = "leaderboard"
WIDTH = 110
SHOWN = "spatializer: hrir"
"""The part of the demo's leaderboard that the page shows."""

METRICS = ("sdr", "spauq", "interaural")
OUT = "results/demo"


def soundstage(*arguments: str, folder: Path) -> str:
    """What a command prints in a terminal of WIDTH columns that knows no colours. Raises SystemExit where it fails."""
    terminal = {"TTY_COMPATIBLE": "1", "TERM": "dumb", "COLUMNS": str(WIDTH), "LINES": "50"}
    command = [sys.executable, "-c", "from soundstage.cli import main; main()", *arguments]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **terminal}, capture_output=True, text=True, encoding="utf-8"
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return "\n".join(line.rstrip() for line in done.stdout.splitlines())


def run_demo(folder: Path, *options: str) -> None:
    """Run the demo, or the part of it that the options choose."""
    soundstage("run", "demo", "--out", OUT, *options, folder=folder)


def command() -> list[str]:
    """The words of the command whose output is shown."""
    return ["leaderboard", OUT, *(word for metric in METRICS for word in ("--metric", metric))]


def printed(folder: Path) -> list[str]:
    """The shown part of the leaderboard, its title first. Raises SystemExit where it is not there."""
    title, *parts = soundstage(*command(), folder=folder).split("\n\nspatializer: ")
    for part in parts:
        if f"spatializer: {part}".startswith(SHOWN):
            table, _, _ = f"spatializer: {part}".partition("\nProtocol ")
            return [title, "", *table.rstrip().splitlines()]
    raise SystemExit(f"the leaderboard has no table '{SHOWN}'")


def text(folder: Path) -> str:
    """The block."""
    return "\n".join(["```console", f"$ soundstage {' '.join(command())}", *printed(folder), "```"]) + "\n"


def main() -> int:
    """Write the block."""
    with tempfile.TemporaryDirectory() as folder:
        run_demo(Path(folder), "--workers", "2")
        blocks.put(PAGE, NAME, text(Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
