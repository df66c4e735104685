"""Sentences typed by hand: numbers that they claim of separators and measures that they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from soundstage.report.paper.known import Known, Mentioned
from soundstage.report.paper.reading import plain
from soundstage.report.paper.tables import Counts
from soundstage.report.paper.tokens import Token, as_number, decimals, is_any, is_rounded, sentences, tokens_of
from soundstage.report.tex import tex

COMPARES = re.compile(
    r"\b(?:beats?|better|worse|ahead|outperforms?|exceeds?|gains?|loses?|improves?|than)\b", re.IGNORECASE
)
HEDGED = re.compile(
    r"(?:more than|less than|fewer than|over|under|at least|at most|below|above|up to|within|exceeding|[<>≤≥±]"
    r"|(?:threshold|limit|cap|criterion|margin|step|range) (?:of|at))\s*$"
)
P_VALUE = re.compile(r"\bp\s?(=|<|>|≥|≤)\s?$")
COUNT = re.compile(r"\s?(?:out of|of|/)\s?(?:the\s|all\s)?(\d+)\s(?:songs|tracks)\b")


@dataclass(slots=True)
class Uncounted:
    """Counts what was counted already."""

    count: int = 0


def claims(part: str, known: Known, seen: set[int], counts: Counts) -> Iterator[tuple[Token, str]]:
    """Numbers of a paragraph that the results do not have. seen: places of those looked at already."""
    around: Mentioned | None = None
    for start, sentence in sentences(part):
        tokens = [token for token in tokens_of(sentence) if start + token.start not in seen]
        about = known.mentioned(sentence) if tokens else None
        if about is None or not (about.separators or about.columns):
            continue
        for token in tokens:
            right = _wrong(sentence, token, about, known, counts)
            if right and around is None:
                around = known.mentioned(part)
            if right and around is not None and not set(around.separators) <= set(about.separators):
                # Who is meant may stand in a sentence before.
                wider = replace(about, separators=tuple({*around.separators, *about.separators}))
                right = _wrong(sentence, token, wider, known, Uncounted()) and right
            if right:
                yield Token(token.text, start + token.start, start + token.end), right


def _wrong(sentence: str, token: Token, about: Mentioned, known: Known, counts: Counts) -> str:
    """What is wrong with a number of a sentence; empty where nothing is, or where it claims nothing."""
    before, after = sentence[: token.start], sentence[token.end :]
    if as_number(token.text) is None:
        return ""
    compared = Mentioned(about.separators, about.columns or known.board.columns, about.sections, about.has_source)
    sign = P_VALUE.search(before)
    if sign:
        return _wrong_p(sign[1], token, compared, known, counts) if about.separators else ""
    if COUNT.match(after) or re.search(r"\d\s?(?:out of|of|/)\s?(?:the\s|all\s)?$", before):
        return _wrong_count(sentence, token, compared, known, counts) if about.separators else ""
    if re.search(r"\[-?[\d.]+, ?$|\[$", before) and re.match(r"\]|, ?[-\d.]+\]", after):
        return _wrong_interval(sentence, token, about, known, counts)
    return _wrong_value(sentence, token, about, known, counts)


def _wrong_p(sign: str, token: Token, about: Mentioned, known: Known, counts: Counts) -> str:
    values = list(known.p_values(about))
    bound = as_number(token.text) or 0.0
    counts.count += 1
    if sign == "=":
        fine = is_any(token.text, values)
    else:
        fine = any(value < bound if sign in "<≤" else value >= bound for value in values)
    told = ", ".join(dict.fromkeys(f"{value:.2g}" for value in values[:9])) or "none"
    return "" if fine else f"p of {', '.join(about.separators)} is {told}"


def _wrong_count(sentence: str, token: Token, about: Mentioned, known: Known, counts: Counts) -> str:
    """Of `34 of 50 songs`, each number: that there are so many songs, and that one is better on so many of them."""
    match = re.search(r"(\d+)\s?(?:out of|of|/)\s?(?:the\s|all\s)?(\d+)\s(?:songs|tracks)\b", sentence)
    if match is None or token.start not in (match.start(1), match.start(2)):
        return ""
    counts.count += 1
    found = dict.fromkeys(known.counts(about))
    typed, at = (int(match[1]), int(match[2])), int(token.start != match.start(1))
    nearest = max(found, key=lambda pair: 2 * (typed[1] == pair[1]) + (typed[0] == pair[0]), default=None)
    if nearest is not None and (typed in found or typed[at] == nearest[at]):
        return ""
    told = ", ".join(f"{count} of {songs}" for count, songs in list(found)[:9]) or "nothing to compare"
    return f"for {', '.join(about.separators)} the counts are {told}"


def _wrong_interval(sentence: str, token: Token, about: Mentioned, known: Known, counts: Counts) -> str:
    every = re.finditer(r"\[(-?[\d.]+), ?(-?[\d.]+)\]", sentence)
    match = next((found for found in every if found.start() <= token.start < found.end()), None)
    if match is None or not about.separators or not about.columns:
        return ""
    counts.count += 1
    found = list(known.intervals(about))
    typed, at = match.groups(), int(token.start != match.start(1))
    nearest = max(found, key=lambda ends: sum(map(is_rounded, typed, ends)), default=None)
    if nearest is not None and is_rounded(typed[at], nearest[at]):
        return ""
    places = decimals(typed[at])
    told = ", ".join(f"[{low:.{places}f}, {high:.{places}f}]" for low, high in found[:6]) or "none"
    return f"the intervals of {', '.join(about.separators)} are {told}"


def _wrong_value(sentence: str, token: Token, about: Mentioned, known: Known, counts: Counts) -> str:
    before, after = sentence[: token.start], sentence[token.end :]
    if HEDGED.search(before):
        return ""
    every = about.columns or (known.board.columns if COMPARES.search(sentence) and about.separators else ())
    with_unit = [
        column for column in every if column.unit and re.match(rf"\s?{re.escape(_unit(column.unit))}(?!\w)", after)
    ]
    beside = [column for column in about.columns if _is_beside(column.label, before)]
    columns = tuple(dict.fromkeys([*with_unit, *(beside if not _has_other_unit(after) else [])]))
    separators = about.separators or (tuple(known.separators) if set(beside) & set(columns) else ())
    if not columns or not separators:
        return ""
    counts.count += 1
    meant = Mentioned(separators, columns, about.sections, about.has_source)
    values = list(known.values(meant))
    if is_any(token.text, values) or is_any(token.text, known.differences(meant)):
        return ""
    places = columns[0].decimals
    told = ", ".join(dict.fromkeys(f"{value:.{places}f}" for value in values[:9])) or "not there"
    return f"{', '.join(column.label for column in columns)} of {', '.join(separators[:4])} is {told}"


def _unit(unit: str) -> str:
    return plain(tex(unit)).text


def _is_beside(label: str, before: str) -> bool:
    """Whether the words before a number end in the label, or say that it is so much."""
    name = re.escape(_unit(label))
    return re.search(rf"{name}\s?(?:of|=|is|was|:|reaches|at|≈|≤|≥)?\s?$", before) is not None


def _has_other_unit(after: str) -> bool:
    """Whether a word or a sign that could be a unit follows."""
    return re.match(r"\s?(?:%|°|Hz|kHz|ms|s\b|songs|tracks|seconds|μs|dB)", after) is not None
