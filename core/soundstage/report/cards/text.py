"""What cards say in every form: headings, shares, steps, sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from soundstage.audiometry.card import Audiometry, Card, Curve
from soundstage.audiometry.findings import step_text
from soundstage.report.text import printable

NONE = "–"

HEADINGS = ("responsive", "selective", "smooth", "mirrored", "perfect", "floor", "no value", "s/min")
EXPLAINED = (
    "Responsive: how monotonically it gets worse with the steps of what it claims to follow (Spearman's ρ, 1 at best)."
    " Selective: 1 less the share of its span that what it claims to ignore moves it by, at worst. Smooth: 1 where all"
    " steps share its way evenly, 0 where one holds it all. Mirrored: 1 where mirror images score alike. Perfect and"
    " floor: its value for the references themselves, and for the mixture. No value: share of perfect estimates. s/min:"
    " seconds of processor time a minute of audio, for each further separator of a scene. A step is told from none"
    " where it, and every greater one, scores worse than the references rounded to 16 bits in 95 % of the scores."
)


def title(card: Card) -> str:
    """The measure with its metric, unit and better end: `spauq SSR (dB ↑)`."""
    unit = f"{card.unit} " if card.unit and card.unit != "1" else ""
    return printable(f"{card.metric} {card.label} ({unit}{'↑' if card.higher_is_better else '↓'})")


def share(value: float) -> str:
    """A number from −1 to 1 with two decimals."""
    return NONE if math.isnan(value) else f"{value + 0.0:.2f}".replace("-", "−")


def value(card: Card, number: float) -> str:
    """A value of the measure without its unit."""
    return NONE if math.isnan(number) else f"{number + 0.0:.{card.decimals}f}".replace("-", "−")


def summary(card: Card) -> list[str]:
    """What stands below HEADINGS."""
    floors = [number for number in card.floors.values() if not math.isnan(number)]
    cost = card.cost.further
    return [
        share(card.responsive),
        share(card.selective),
        share(card.smooth),
        share(card.mirrored),
        value(card, card.ceiling),
        value(card, floors[0] if floors else math.nan),
        "0 %" if card.without == 0.0 else f"{card.without:.0%}".replace("%", " %"),
        NONE if math.isnan(cost) else f"{cost:.2g}",
    ]


def smallest(curve: Curve | None) -> str:
    """The smallest step that is told from none: `2°`, `yes` of a kind without steps, – where none is."""
    if curve is None or curve.smallest is None:
        return NONE
    if not curve.has_steps:
        return "yes"
    at = f"{curve.smallest:g}{'' if curve.unit in ('°', '%') else ' '}{curve.unit}".rstrip().replace("-", "−")
    return f"≤ {at}" if curve.smallest == curve.steps[0] and curve.unit not in ("Hz", "bits") else at


def told_sentence(card: Card) -> str:
    """What the measure tells of what it claims to follow; of everything where it claims nothing."""
    wanted = [
        curve
        for curve in card.curves
        if card.claims(curve.kind, curve.family) == "follows" or not (card.follows or card.ignores)
    ]
    said = [f"{curve.kind} {smallest(curve)}" if curve.has_steps else curve.kind for curve in wanted if _tells(curve)]
    missed = [curve.kind for curve in wanted if not _tells(curve)]
    parts = [f"tells from none: {', '.join(said)}"] if said else []
    parts += [f"does not{'' if said else ' tell from none'}: {', '.join(missed)}"] if missed else []
    return printable("; ".join(parts))


def _tells(curve: Curve) -> bool:
    return curve.smallest is not None


def claims_sentence(card: Card) -> str:
    """What it claims."""
    if not card.follows and not card.ignores:
        return "claims nothing: held to every probe"
    follows, ignores = (", ".join(names) or "nothing" for names in (card.follows, card.ignores))
    lost = f"; of these, {', '.join(card.unprobed)} is not probed here" if card.unprobed else ""
    return printable(f"claims to follow {follows}; to ignore {ignores}{lost}")


def stepped(found: Audiometry, families: Sequence[str] = ()) -> list[Curve]:
    """One curve for each kind that has steps, in the grid's order; of these families where some are named."""
    kinds: dict[str, Curve] = {}
    for card in found.cards:
        for curve in card.curves:
            if curve.has_steps and (not families or curve.family in families):
                kinds.setdefault(curve.kind, curve)
    return list(kinds.values())


def families(found: Audiometry) -> list[str]:
    """The families of the grid's probes, in its order."""
    return list(dict.fromkeys(curve.family for card in found.cards for curve in card.curves))


def response_rows(card: Card) -> Iterator[list[str]]:
    """Of each kind: its name, what is claimed of it, its steps and the values there, and the smallest step told."""
    for curve in card.curves:
        claim = card.claims(curve.kind, curve.family) or NONE
        steps = [step_text(curve, step).removeprefix(curve.kind).strip() for step in curve.steps]
        course = [
            f"{step}: {value(card, number)}" if step else value(card, number)
            for step, number in zip(steps, curve.value, strict=True)
        ]
        yield [curve.kind, claim, " · ".join(course).replace("-", "−"), smallest(curve)]


def head(found: Audiometry) -> str:
    """What was measured on."""
    return printable(f"{found.grid}: {found.scenes} scenes, {found.seconds:.0f} s of audio")
