"""Cards for other programs and pages: Markdown, JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from soundstage.audiometry.card import Audiometry, Card
from soundstage.report.cards import text
from soundstage.report.text import printable


def format_json(found: Audiometry) -> str:
    """Everything as JSON; null where there is no value."""
    return json.dumps(_plain(asdict(found)), indent=1, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def format_markdown(found: Audiometry, level: int = 2) -> str:
    """The cards as Markdown. level: of the headings."""
    mark = "#" * level
    parts = [f"{text.head(found)}.", _summary(found)]
    for family in text.families(found):
        table = _smallest(found, family)
        if table:
            parts += [f"{mark} Smallest steps told from none: {family}", table]
    for curve in text.stepped(found)[:1]:
        parts += [f"{mark} The same by source: {curve.kind}", by_source(found, curve.kind)]
    parts += [f"{mark} Findings", "\n".join(_findings(found))]
    if found.failed:
        parts += [f"{mark} What came to nothing", "\n".join(f"- {_cell(one)}" for one in found.failed)]
    return "\n\n".join(parts) + "\n"


def _summary(found: Audiometry) -> str:
    rows = [[text.title(card), *text.summary(card)] for card in found.cards]
    return table(["measure", *text.HEADINGS], rows)


def _smallest(found: Audiometry, family: str) -> str:
    kinds = text.stepped(found, [family])
    if not kinds:
        return ""
    rows = [
        [text.title(card), *(_marked(card, curve.kind, curve.family) for curve in kinds)]
        for card in found.cards
        if card.without < 1.0
    ]
    return table(["measure", *(f"{curve.kind}{f' ({curve.unit})' if curve.unit else ''}" for curve in kinds)], rows)


def _marked(card: Card, kind: str, family: str) -> str:
    """The smallest step told, in brackets where the measure claims nothing of it or to ignore it."""
    said = text.smallest(card.curve(kind))
    return said if card.claims(kind, family) == "follows" or said == text.NONE else f"({said})"


def by_source(found: Audiometry, kind: str) -> str:
    """The smallest step of that kind which each measure tells from none, over all scores and by source."""
    sources = list(dict.fromkeys(source for card in found.cards for source in card.sources))
    rows = [
        [text.title(card), text.smallest(card.curve(kind)), *(text.smallest(card.curve(kind, one)) for one in sources)]
        for card in found.cards
        if card.without < 1.0
    ]
    return table(["measure", "all", *sources], rows)


def _findings(found: Audiometry) -> Iterator[str]:
    for card in found.cards:
        yield f"- **{_cell(text.title(card))}** {_cell(text.claims_sentence(card))}."
        for one in card.findings:
            # By four, which nests for CommonMark and for Python-Markdown.
            yield f"    - {_cell(printable(one.text))}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, the first column to the left and numbers to the right."""
    lines = [headings, ["---", *["--:" for _ in headings[1:]]], *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(said: str) -> str:
    return said.replace("|", "\\|").replace("<", "&lt;")
