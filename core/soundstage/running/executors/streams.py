"""Standard input, output and error of this process, kept as they are whatever a plugin does to them."""

from __future__ import annotations

import contextlib
import io
import os
import sys

NUMBERS = (0, 1, 2)


class StandardStreams:
    """Knows what the three were when it was made, and restores those that a plugin has closed or replaced.

    A descriptor that is closed would be the next file's that anybody opens, and whatever prints would write there.
    """

    def __init__(self) -> None:
        self._kept: dict[int, int] = {}
        self._files: dict[int, tuple[int, int]] = {}
        for number in NUMBERS:
            found = _file(number)
            if found is not None:
                self._kept[number] = os.dup(number)  # beyond the reach of whoever closes 0, 1 and 2
                self._files[number] = found
        self._streams = (sys.stdin, sys.stdout, sys.stderr)

    def restore(self) -> None:
        """Put back what is not as it was."""
        for number, kept in self._kept.items():
            if _file(number) != self._files[number]:
                with contextlib.suppress(OSError):  # a plugin that closed ours too
                    os.dup2(kept, number)
        sys.stdin, sys.stdout, sys.stderr = self._streams
        for name, number in (("stdout", 1), ("stderr", 2)):
            stream = getattr(sys, name)
            if stream is not None and stream.closed and number in self._kept:
                raw = open(number, "wb", closefd=False)  # noqa: SIM115  (it lasts as long as the process)
                fresh = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)
                setattr(sys, name, fresh)
        self._streams = (sys.stdin, sys.stdout, sys.stderr)

    def close(self) -> None:
        """Let go of what was kept."""
        for kept in self._kept.values():
            with contextlib.suppress(OSError):
                os.close(kept)


def _file(number: int) -> tuple[int, int] | None:
    """Which file the descriptor is; None where it is closed."""
    try:
        about = os.fstat(number)
    except OSError:
        return None
    return about.st_dev, about.st_ino
