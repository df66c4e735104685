"""Whose fault it is: whatever a plugin raises begins with the plugin and the track."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from soundstage.errors import Crashed, NotInstalled, OutOfMemory, SoundstageError, text_of
from soundstage.pipeline.ctrl_c import is_the_users, noted


@contextmanager
def named_as(where: str) -> Iterator[None]:
    """Makes whatever a plugin raises begin with the plugin and the track. Only the user's Ctrl-C passes."""
    with noted():
        try:
            yield
        except SoundstageError as error:
            said = where.rpartition(", ")[2]  # plugins name the track too, for those who call them directly
            text = text_of(error).removeprefix(said).lstrip(",: ")
            kind = type(error) if isinstance(error, (NotInstalled, OutOfMemory, Crashed)) else SoundstageError
            raise kind(f"{where}: {text}") from error
        except BaseException as error:
            if is_the_users(error):
                raise
            kind = OutOfMemory if is_out_of_memory(error) else SoundstageError
            raise kind(f"{where}: {type(error).__name__}: {text_of(error)}") from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: Python's, numpy's, or torch's, which has exceptions of its own for GPU and CPU."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "DefaultCPUAllocator: can't allocate" in text_of(error)
    )
