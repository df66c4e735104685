"""A separator or a metric at work in a process of its own, kept alive over many tracks, spoken to over a pipe."""

from __future__ import annotations

import json
import math
import os
import struct
import subprocess
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from soundstage.errors import Crashed, NotInstalled, OutOfMemory, SoundstageError
from soundstage.isolation import environment
from soundstage.isolation.script import Script
from soundstage.isolation.surroundings import surroundings

SERVER = Path(__file__).with_name("server.py")
KEPT_BYTES = 16_384
"""Of what a script prints, for the error that may follow."""

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
TENSORFLOW_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
MAX_HEADER_BYTES = 1 << 26
MAX_ARRAY_BYTES = 1 << 34
MAX_DIMENSIONS = 32
"""What any numpy can hold."""


class ServingProcess:
    """One running server. `ask` sends a request and gives the reply; whatever is printed is kept, not shown.

    called: what it runs, as errors name it. what: as they say whose process it is.
    """

    def __init__(self, command: Sequence[str], called: str, what: str, threads: int = 1) -> None:
        """Start it, with no variables of ours but those that computing needs."""
        self.called, self._what = called, what
        variables = surroundings() | dict.fromkeys((*THREADS, *TENSORFLOW_THREADS), str(threads))
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(list(command), stdin=pipe, stdout=pipe, stderr=pipe, env=variables)
        weakref.finalize(self, _end, self._process)
        self._said = bytearray()
        assert self._process.stderr is not None
        self._listener = threading.Thread(target=_listen, args=(self._process.stderr, self._said), daemon=True)
        self._listener.start()

    def ask(
        self, request: Mapping[str, Any], arrays: Mapping[str, np.ndarray[Any, Any]]
    ) -> tuple[dict[str, Any], list[Any]]:
        """The reply's header and arrays.

        Raises OutOfMemory, NotInstalled or SoundstageError with what was raised there, its traceback as a note; Crashed
        where the process died.
        """
        self._said.clear()
        try:
            self._send(request, arrays)
            header, found = self._receive()
        except (BrokenPipeError, EOFError, ConnectionError):
            raise Crashed(self._last_words()) from None
        if "error" in header:
            kind = OutOfMemory if header.get("memory") else NotInstalled if header.get("missing") else SoundstageError
            error = kind(str(header["error"]))
            error.add_note(f"In {self.called}:\n{header.get('trace', '')}")
            raise error
        return header, found

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it."""
        _end(self._process)

    def _send(self, request: Mapping[str, Any], arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        stream = self._process.stdin
        assert stream is not None
        contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        about = [{"name": name, "dtype": array.dtype.str, "shape": array.shape} for name, array in contiguous.items()]
        text = json.dumps({**request, "arrays": about}).encode()
        stream.write(struct.pack("<Q", len(text)) + text)
        for array in contiguous.values():
            stream.write(array.data)
        stream.flush()

    def _receive(self) -> tuple[dict[str, Any], list[Any]]:
        size = struct.unpack("<Q", self._read(8))[0]
        try:
            if size > MAX_HEADER_BYTES:
                raise ValueError(f"it announces {size} bytes")
            header = json.loads(self._read(size))
            arrays = [(np.dtype(about["dtype"]), tuple(about["shape"])) for about in header.pop("arrays")]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self.close()  # nobody knows what follows in the pipe
            raise SoundstageError(f"{self._what} answered what is no reply ({error})") from None
        return header, [self._array(dtype, shape) for dtype, shape in arrays]

    def _array(self, dtype: np.dtype[Any], shape: tuple[Any, ...]) -> np.ndarray[Any, Any]:
        sizes = all(isinstance(size, int) and 0 <= size <= MAX_ARRAY_BYTES for size in shape)
        if (
            not sizes
            or len(shape) > MAX_DIMENSIONS
            or dtype.kind not in "fiuc"
            or math.prod(shape) * dtype.itemsize > MAX_ARRAY_BYTES
        ):
            self.close()
            raise SoundstageError(f"{self._what} answered an array of {dtype} with shape {shape}")
        data = self._read(math.prod(shape) * dtype.itemsize)
        return np.frombuffer(data, dtype).reshape(shape)

    def _read(self, size: int) -> bytes:
        stream = self._process.stdout
        assert stream is not None
        data = stream.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def _last_words(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._listener.join(2)
        code = self._process.poll()
        _end(self._process)
        how = "it closed its pipe" if code is None else f"signal {-code}" if code < 0 else f"exit code {code}"
        words = self._said.decode(errors="replace").strip()
        return f"{self._what} died ({how})" + (f"; it last said: {words[-300:]}" if words else "")


class ScriptProcess(ServingProcess):
    """One running script."""

    def __init__(self, script: Script, threads: int = 1) -> None:
        """Start the script's interpreter, its environment made first where need be. Raises NotInstalled."""
        python = environment.make(script)
        command = [str(python), "-I", str(SERVER), str(script.path)]
        super().__init__(command, script.path.name, "the script's process", threads)


def _listen(stream: IO[bytes], said: bytearray) -> None:
    """Keep the end of what is printed, so that the script never waits for a reader."""
    with suppress(ValueError, OSError):
        while chunk := os.read(stream.fileno(), 65_536):
            said += chunk
            del said[:-KEPT_BYTES]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.close()
