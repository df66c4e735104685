"""What Soundstage says when it cannot go on: one sentence with the place and the remedy."""

from __future__ import annotations

from collections.abc import Iterable


class SoundstageError(Exception):
    """Something a user can act on; the message says what was wrong, where, and what to do."""


class StorageError(SoundstageError):
    """What was made cannot be kept: the disk is full, or gone. It ends a run, whatever cell it was at."""


class UnknownName(SoundstageError):
    """A name that nothing is registered under."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        super().__init__(f"unknown {what} '{name}'{suggestion(name, known)}")
        self.name = name


class NotInstalled(SoundstageError):
    """Something that can be had is not there: a package, weights, an environment. The message says how to get it."""


class DataMissing(SoundstageError):
    """An entry is about files that users have, and nobody has said where they lie."""


class OutOfMemory(SoundstageError):
    """A stage needed more memory than there is."""


class Crashed(SoundstageError):
    """A process died while it worked on a cell."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """A phrase that names the nearest of the known names, or lists them."""
    import difflib

    known = list(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        return f"; did you mean '{near[0]}'?"
    if not known:
        return "; there is none"
    return f"; known: {', '.join(known)}"
