"""Numbers in a plain text: where they stand, and whether one is another rounded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

UNIT = r"dB|μs|ms|°|degrees"
NUMBER = re.compile(
    r"‹[^›]*›"
    r"|(?<![\w.-])(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8}(?!\w)"
    rf"|(?:(?<![\w.)\]–])[-+])?(?<![\w.])\d+(?:,\d{{3}})*(?:\.\d+)*(?:[eE][-+]?\d+)?(?={UNIT}|(?!\w))"
)
"""A number, the first eight characters of a hash, or the raised letters of a group."""


HOLE = "\x06"
"""Stands in a skeleton for a number."""


@dataclass(frozen=True, slots=True)
class Token:
    """A number as it is written. start, end: where in its text."""

    text: str
    start: int
    end: int


def tokens_of(text: str) -> list[Token]:
    """The numbers of a text, in their order."""
    return [Token(match[0], match.start(), match.end()) for match in NUMBER.finditer(text)]


def skeleton(text: str) -> tuple[str, list[Token]]:
    """The text with a HOLE in place of each number, and the numbers with their places in the text."""
    return NUMBER.sub(HOLE, text), tokens_of(text)


def as_number(text: str) -> float | None:
    """The number that is written; None where it is none, as a version or a hash."""
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def decimals(text: str) -> int:
    """How many decimals are written."""
    return len(text.partition(".")[2]) if "e" not in text.lower() else 12


def is_rounded(text: str, value: float) -> bool:
    """Whether what is written is the value, rounded to as many decimals as it has."""
    number = as_number(text)
    reach = 0.5 * 10.0 ** -decimals(text)
    return number is not None and abs(number - value) <= reach * (1.0 + 1e-9) + 1e-12 * abs(value)


def is_any(text: str, values: Iterable[float]) -> bool:
    """Whether what is written is any of the values, rounded."""
    return any(is_rounded(text, value) for value in values)


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """The sentences of a paragraph, each with where it begins."""
    at = 0
    for match in re.finditer(r"(?<=[.!?;]) (?=[A-ZΔ§\"(])", text):
        yield at, text[at : match.start()]
        at = match.end()
    yield at, text[at:]
