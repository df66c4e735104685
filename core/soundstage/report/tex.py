"""Text as pdfLaTeX can print it, whatever names hold: nothing in it is a command, and nothing is lost unsaid.

Letters with accents, Greek letters and common signs become the commands that make them. What no font of pdfLaTeX has
(emoji, scripts that are not Latin or Greek) and what would command a terminal or turn the direction of writing is spelt
out as its code point: `[U+1F600]`.
"""

from __future__ import annotations

import math
import re
import unicodedata

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
}
"""What LaTeX would take for a command, or its fonts print as something else."""

LIGATURES = frozenset("-,'")
"""Of these two in a row would become another sign."""

SIGNS = {
    "–": "--",
    "—": "---",
    "‘": "`{}",
    "’": "'{}",
    "“": "``{}",
    "”": "''{}",
    "…": r"\ldots{}",
    "\u00a0": "~",
    "µ": r"$\mu$",
    "°": r"\textdegree{}",
    "·": r"\textperiodcentered{}",
    "×": r"$\times$",
    "±": r"$\pm$",
    "−": "$-$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "≈": r"$\approx$",
    "→": r"$\rightarrow$",
    "←": r"$\leftarrow$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "†": r"\dag{}",
    "§": r"\S{}",
    "©": r"\textcopyright{}",
    "£": r"\pounds{}",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
    "¡": "!`",
    "¿": "?`",
}

GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi"
    " omega"
)
"""Small letters that are commands of mathematics."""

CAPITALS = "gamma delta theta lambda xi pi sigma upsilon phi psi omega"
"""Capitals that look like no Latin one, which are commands too."""

ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0323": "d",
    "\u0327": "c",
    "\u0331": "b",
}

LONG = 40
"""A longer word may break; of longer names a table has several lines."""


def tex(text: object) -> str:
    """The text as LaTeX that prints it. A word longer than LONG may break in many places."""
    plain = unicodedata.normalize("NFC", str(text))
    found, before = [], ""
    for word in re.split("( )", plain):
        for at, letter in enumerate(word):
            found.append(_letter(letter, before))
            before = letter
            if len(word) > LONG and (not letter.isalnum() or not letter.isascii() or at % 10 == 9):
                found.append(r"\allowbreak{}")
    return "".join(found)


def _letter(letter: str, before: str) -> str:
    if letter == " ":
        return r"\ " if before in ("", " ") else " "
    if letter in LIGATURES:
        return f"{{}}{letter}" if before == letter else letter
    if letter in SPECIAL:
        return SPECIAL[letter]
    if letter in SIGNS:
        return SIGNS[letter]
    if " " < letter <= "~":
        return letter
    return _accented(letter) or _greek(letter) or spelt(letter)


def _accented(letter: str) -> str:
    """A Latin letter with one accent as the command that makes it; empty for anything else."""
    parts = unicodedata.normalize("NFD", letter)
    if len(parts) == 2 and parts[0].isascii() and parts[0].isalpha() and parts[1] in ACCENTS:
        base = {"i": r"\i", "j": r"\j"}.get(parts[0], parts[0]) if parts[1] not in "\u0323\u0327\u0331" else parts[0]
        return f"\\{ACCENTS[parts[1]]}{{{base}}}"
    return ""


def _greek(letter: str) -> str:
    """A Greek letter as the command that makes it; empty for anything else."""
    kind, _, word = unicodedata.name(letter, "").removeprefix("GREEK ").partition(" LETTER ")
    word = word.lower().replace("lamda", "lambda")
    if kind == "SMALL" and word in GREEK.split():
        return f"$\\{word}$"
    return f"$\\{word.capitalize()}$" if kind == "CAPITAL" and word in CAPITALS.split() else ""


def spelt(letter: str) -> str:
    """The code point of a letter that no font has."""
    return f"[U+{ord(letter):04X}]"


def tex_number(text: str) -> str:
    """A number that is written out already, with a minus sign of its own; – for none."""
    if text == "–":
        return "--"
    return f"$-${text[1:]}" if text.startswith("-") else text


def tex_value(value: float, decimals: int) -> str:
    """A number with so many decimals, zero without a sign."""
    if math.isnan(value):
        return "--"
    text = f"{value:.{decimals}f}"
    return tex_number(text.removeprefix("-") if float(text) == 0.0 else text)


def sentence_tex(text: str) -> str:
    """A sentence of ours as LaTeX: like `tex`, with minus signs before numbers, and p-values on one line."""
    signed = re.sub(r"(?<![\w.{}-])-(?=\d)", "$-$", tex(text))
    return re.sub(r"\bp (=|\\textless\{\}) (?=\d)", r"p~\1~", signed)


def label(*words: str) -> str:
    """What a table is referred to by: lower-case letters, digits and hyphens alone."""
    plain = unicodedata.normalize("NFKD", "-".join(word for word in words if word))
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60] or "table"
