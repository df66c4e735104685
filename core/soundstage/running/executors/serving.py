"""A worker's side: it makes what it works with, says that it is ready, and answers one message after the other."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import struct
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from soundstage.errors import StorageError, text_of
from soundstage.isolation.server import die_with_parent
from soundstage.pipeline.ctrl_c import hear_nothing
from soundstage.running.executors.streams import StandardStreams

READY, STAGE, DONE, FAILED, UNSTORED = b"R", b"S", b"D", b"F", b"U"
"""What a frame says: that work may come; what is begun; an answer; what went wrong; that a disk is full."""

HEADER = struct.Struct("<cQ")
"""Begins a frame: what it says, and the bytes that follow."""

Work = Callable[[Any], Any]
Make = Callable[[int, Callable[[str], None]], Work]
"""Makes what answers messages, given the worker's number and what is to be told of each stage that begins."""

PR_SET_CHILD_SUBREAPER = 36


def serve(line: Connection, make: Make, number: int) -> None:
    """Answer until the other end is closed."""
    descriptor = line.fileno()
    os.set_inheritable(descriptor, False)
    os.register_at_fork(after_in_child=line.close)  # a child must not answer for us, nor keep the line open
    die_with_parent()
    adopt_orphans()
    hear_nothing()
    streams = StandardStreams()

    def tell(what: bytes, content: bytes = b"") -> None:
        _write(descriptor, HEADER.pack(what, len(content)))
        _write(descriptor, content)

    work = make(number, lambda stage: tell(STAGE, stage.encode(errors="replace")))
    streams.restore()
    tell(READY)
    while (message := _message(descriptor)) is not None:
        try:
            what, content = DONE, pickle.dumps(work(pickle.loads(message)))
        except StorageError as error:
            what, content = UNSTORED, str(error).encode(errors="replace")
        except BaseException as error:
            what, content = FAILED, f"{type(error).__name__}: {text_of(error)}".encode(errors="replace")
        streams.restore()
        tell(what, content)


def adopt_orphans() -> None:
    """Let what a plugin starts and abandons be this process's child, so that whoever ends this one finds it (Linux)."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _write(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _message(descriptor: int) -> bytes | None:
    """The next message; None where the other end is gone."""
    size = _read(descriptor, 8)
    return None if size is None else _read(descriptor, int.from_bytes(size, "little"))


def _read(descriptor: int, size: int) -> bytes | None:
    found = bytearray()
    while len(found) < size:
        part = os.read(descriptor, size - len(found))
        if not part:
            return None
        found += part
    return bytes(found)
