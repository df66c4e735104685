"""What Soundstage says when it cannot go on: one sentence with the place and the remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable


class SoundstageError(Exception):
    """Something a user can act on; the message says what was wrong, where, and what to do."""


class StorageError(SoundstageError):
    """What was made cannot be kept: the disk is full, or gone. It ends a run, whatever cell it was at."""


class UnknownName(SoundstageError):
    """A name that nothing is registered under. broken: sentences on what did not register all that it holds."""

    def __init__(self, what: str, name: str, known: Iterable[str], broken: Iterable[str] = ()) -> None:
        known = sorted(known)
        why = "".join(f"\nit may be one of what is broken here: {sentence}" for sentence in broken)
        super().__init__(f"unknown {what} '{name}'{suggestion(name, known)}{why}")
        self.name = name


class NotInstalled(SoundstageError):
    """Something that can be had is not there: a package, weights, an environment. The message says how to get it."""


class BadOption(SoundstageError):
    """An option that cannot be what it was given.

    option: the parameter's name. text: the sentence, with {} where the option's name stands: a caller from Python reads
    the parameter's, the command line puts its flag there.
    """

    def __init__(self, option: str, text: str) -> None:
        super().__init__(text.replace("{}", option))
        self.option, self.text = option, text

    def __reduce__(self) -> tuple[type[BadOption], tuple[str, str]]:
        return BadOption, (self.option, self.text)


class ConsentMissing(SoundstageError):
    """Somebody else's code would run, and nobody here has agreed to that."""


class DataMissing(SoundstageError):
    """An entry is about files that users have, and nobody has said where they lie."""


class OutOfMemory(SoundstageError):
    """A stage needed more memory than there is."""


class Crashed(SoundstageError):
    """A process died while it worked on a cell."""


def text_of(error: BaseException) -> str:
    """What an exception says; one that cannot say it, for a plugin may raise anything, is said to be so."""
    try:
        return str(error)
    except Exception:
        return "(what it says cannot be had: its text raises)"


def meant(name: str, known: Iterable[str]) -> str | None:
    """The known name that is written so, or else so but for its case; None where none is, or where several are."""
    known = dict.fromkeys(known)
    if name in known:
        return name
    near = [one for one in known if one.casefold() == name.casefold()]
    return near[0] if len(near) == 1 else None


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


LONGEST_TEXT = 20_000
"""Characters that are kept of a text that a plugin says, half of them from its end."""

_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and newline, lone surrogates, and what turns the direction of the text around it."""


def storable(text: str) -> str:
    """The text as any file and any terminal can take it.

    Lone surrogates, NUL, terminal escapes and changes of direction stand as Python would write them, so that nothing
    obeys what a name or an exception says. What is longer than LONGEST_TEXT is cut in the middle.
    """
    if len(text) > LONGEST_TEXT:
        half = LONGEST_TEXT // 2
        text = f"{text[:half]} […] {text[-half:]}"
    return _HARMFUL.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)
