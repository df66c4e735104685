"""Audio that processes share: a scene, or what was made of it, written once and mapped by whoever needs it.

The memory has no name and belongs to the process that makes it. So it is gone when that ends, however it ends, and
nobody has to tidy up after the dead; what others have mapped they keep until they let go of it.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import tempfile
from collections.abc import Sequence

import numpy as np

from soundstage.audio import Samples, read_only
from soundstage.errors import OutOfMemory


class Sheet:
    """Memory for other processes to write to and read from, by its path, while this process holds it.

    Where the system has no memory without a name (it is not Linux), a temporary file takes its place.
    """

    def __init__(self) -> None:
        self._file = ""
        if hasattr(os, "memfd_create"):
            self._descriptor = os.memfd_create("soundstage")
            self.path = f"/proc/{os.getpid()}/fd/{self._descriptor}"
        else:
            self._descriptor, self._file = tempfile.mkstemp(prefix="soundstage-")
            self.path = self._file

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)
        if self._file:
            with contextlib.suppress(OSError):
                os.unlink(self._file)


def write_shared(path: str, arrays: Sequence[Samples]) -> None:
    """Write arrays of one shape (2, samples) there, in place of what was there. Raises OutOfMemory."""
    try:
        with open(path, "wb") as sheet:
            for array in arrays:
                sheet.write(np.ascontiguousarray(array).data)
    except OSError as error:
        raise OutOfMemory(f"there is no room to hand audio to another process ({error.strerror})") from None


def read_shared(path: str, count: int) -> list[Samples]:
    """The arrays that were written there, (2, samples) each, read-only like a scene's own.

    They are not copied. Whoever finds a way to write into them writes into a copy of this process alone.
    """
    with open(path, "rb") as sheet:
        mapped = mmap.mmap(sheet.fileno(), 0, access=mmap.ACCESS_COPY)
    return [read_only(array) for array in np.frombuffer(mapped, dtype=np.float64).reshape(count, 2, -1)]
