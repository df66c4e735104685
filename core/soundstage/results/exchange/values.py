"""The gate that every claimed value passes: a finite number, or NaN and what the file really says."""

from __future__ import annotations

import math
import re

from soundstage.errors import SoundstageError

NUMERAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?(?:inf(?:inity)?|nan)", re.IGNORECASE | re.ASCII)
LONGEST = 24
"""Letters of a number that a note repeats."""

NO_VALUE = "no value in the file"
NOT_FINITE = ", which is no finite value"
"""How the reason ends that says what a file has in place of a finite number."""


class Numeral(str):
    """A number as a file writes it, not yet read."""

    __slots__ = ()


def claimed_value(written: object, where: str) -> tuple[float, str]:
    """What a file claims as a score: a finite value and no reason, or NaN and the reason.

    written: a Numeral, empty where a table has an empty field; None where a file says null. where: what an error begins
    with. Raises SoundstageError where it is anything else, or no number: text, true, a list.
    """
    if written is None or written == "":
        return math.nan, NO_VALUE
    if not isinstance(written, Numeral):
        raise SoundstageError(f"{where} is {_short(repr(written))}, not a number; correct it")
    if not NUMERAL.fullmatch(written):
        raise SoundstageError(f"{where} is '{_short(written)}', not a number; correct it")
    value = float(written)
    if math.isnan(value):
        return math.nan, NO_VALUE
    if math.isinf(value):
        return math.nan, f"the file says {_short(written)}{NOT_FINITE}"
    return value, ""


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
