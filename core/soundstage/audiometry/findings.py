"""What is wrong with a measure: rules that know no metric, no source and no probe by name.

Each rule looks at one kind of probe on one source's scores; what it finds is put together over kinds and sources.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from soundstage.audiometry.card import Card, Curve, Finding, Rule

STILL = 0.002
"""Of the span: what moves no more than this scores as perfect."""

MOVED = 0.1
"""Of the span: what it claims to ignore and moves more than this with."""

SLIGHT = 0.25
"""Of the span: what the mildest step of something it claims nothing about may not move it by."""

UNSTEADY = 0.9
"""Spearman's ρ, below which it does not follow."""

JUMPS = 0.15
"""Smoothness, below which one step holds nearly all the way."""

LOPSIDED = 0.02
"""Of the span, between mirror images."""

BETTER = 0.01
"""Of the span, above the perfect estimate."""


def findings(card: Card, mirror: tuple[float, str]) -> tuple[Finding, ...]:
    """All that is wrong, the gravest first. mirror: the difference of mirror images, and the kind it shows with."""
    found = [*_empty(card)]
    for rule, holds in RULES.items():
        found += _by_rule(card, rule, holds)
    if card.span > 0.0 and mirror[0] > LOPSIDED * card.span:
        text = f"differs by {shown(card, mirror[0])} between mirror images, at worst with {mirror[1]}"
        found.append(Finding("lopsided", (mirror[1],), (), text))
    return tuple(found)


def shown(card: Card, value: float) -> str:
    """A value with its unit, where it has one."""
    unit = "" if card.unit == "1" else card.unit
    return f"{value + 0.0:.{card.decimals}f} {unit}".strip().replace("-", "−")


def step_text(curve: Curve, step: float) -> str:
    """A kind at a step: `rotate 10°`, `gain 3 dB`, `swap`."""
    if not curve.has_steps:
        return curve.kind
    unit = curve.unit if curve.unit == "°" else f" {curve.unit}"
    return f"{curve.kind} {step:g}{unit}".rstrip().replace("-", "−")


# rules: whether one holds of a curve


def _is_blind(card: Card, curve: Curve) -> bool:
    worst = max(map(abs, curve.lost))
    return card.claims(curve.kind, curve.family) != "ignores" and worst <= STILL * card.span


def _moves(card: Card, curve: Curve) -> bool:
    return card.claims(curve.kind, curve.family) == "ignores" and curve.lost[-1] > MOVED * card.span


def _is_slight(card: Card, curve: Curve) -> bool:
    says_nothing = not card.claims(curve.kind, curve.family) and bool(card.follows)
    return says_nothing and len(curve.steps) > 2 and curve.lost[0] > SLIGHT * card.span


def _is_unsteady(card: Card, curve: Curve) -> bool:
    follows = card.claims(curve.kind, curve.family) == "follows"
    return follows and curve.monotony < UNSTEADY and not _is_blind(card, curve)


def _jumps(card: Card, curve: Curve) -> bool:
    follows = card.claims(curve.kind, curve.family) == "follows"
    moves = max(curve.lost) - min(curve.lost) > MOVED * card.span
    return follows and len(curve.steps) > 3 and moves and curve.smoothness < JUMPS


def _loses(card: Card, curve: Curve) -> bool:
    return max(curve.without) > card.without + 0.25


def _is_better(card: Card, curve: Curve) -> bool:
    return min(curve.lost) < -BETTER * card.span


Holds = Callable[[Card, Curve], bool]

RULES: Mapping[Rule, Holds] = {
    "blind": _is_blind,
    "moves": _moves,
    "slight": _is_slight,
    "unsteady": _is_unsteady,
    "better": _is_better,
    "loses": _loses,
    "jumps": _jumps,
}


def _by_rule(card: Card, rule: Rule, holds: Holds) -> Iterator[Finding]:
    """One finding for each set of sources that the rule holds on, with all kinds that it holds for there."""
    if not card.span > 0.0:
        return
    heard = {source for source in card.sources if _has_values(card, source)}
    by_sources: dict[tuple[str, ...], list[str]] = {}
    for whole in card.curves:
        where = tuple(source for source in card.sources if _holds(card, source, whole.kind, holds))
        if where:
            by_sources.setdefault(where, []).append(whole.kind)
    for where, kinds in by_sources.items():
        everywhere = set(where) == heard
        said = [_said(card, rule, kind, where) for kind in kinds]
        text = SENTENCES[rule].format(", ".join(said), perfect=shown(card, card.ceiling))
        sources = () if everywhere else where
        yield Finding(rule, tuple(kinds), sources, text + (f" on {', '.join(where)}" if sources else ""))


def _holds(card: Card, source: str, kind: str, holds: Holds) -> bool:
    curve = card.curve(kind, source)
    return curve is not None and not all(map(math.isnan, curve.lost)) and holds(card, _known(curve))


def _has_values(card: Card, source: str) -> bool:
    return any(not math.isnan(lost) for curve in card.by_source[source] for lost in curve.lost)


def _known(curve: Curve) -> Curve:
    """The curve without the steps that have no value."""
    kept = [at for at, lost in enumerate(curve.lost) if not math.isnan(lost)]

    def of(values: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(values[at] for at in kept)

    return replace(curve, steps=of(curve.steps), value=of(curve.value), lost=of(curve.lost), told=of(curve.told))


SENTENCES: Mapping[Rule, str] = {
    "blind": "scores as perfect: {}",
    "moves": "claims to ignore, and moves from {perfect} with: {}",
    "slight": "moved far from {perfect} by the mildest step of: {}",
    "unsteady": "does not follow step by step: {}",
    "better": "scores better than the perfect estimate: {}",
    "loses": "loses its value with: {}",
    "jumps": "goes nearly all its way in one step of: {}",
}


def _said(card: Card, rule: Rule, kind: str, where: Iterable[str]) -> str:
    """What a rule found of a kind, with the source on which it shows most."""
    curves = [curve for source in where if (curve := card.curve(kind, source))]
    curves = [_known(curve) for curve in curves]
    if rule == "slight":
        worst = max(curves, key=lambda curve: curve.lost[0])
        return f"{step_text(worst, worst.steps[0])} ({_to(card, worst.lost[0])})"
    if rule == "unsteady":
        least = min(curve.monotony for curve in curves)
        return f"{kind} (ρ {least:.2f})"
    if rule == "better":
        best = min(curves, key=lambda curve: min(curve.lost))
        at = best.lost.index(min(best.lost))
        return f"{step_text(best, best.steps[at])} (by {shown(card, -best.lost[at])})"
    if rule == "loses":
        most = max(max(curve.without) for curve in curves)
        return f"{kind} ({most:.0%} without)"
    if rule == "jumps":
        return kind
    worst = max(curves, key=lambda curve: curve.lost[-1])
    text = step_text(worst, worst.steps[-1])
    return text if rule == "blind" else f"{text} ({_to(card, worst.lost[-1])})"


def _to(card: Card, lost: float) -> str:
    return f"to {shown(card, card.ceiling - lost if card.higher_is_better else card.ceiling + lost)}"


def _empty(card: Card) -> Iterator[Finding]:
    if card.without > 0.0:
        text = f"has no value for {card.without:.0%} of the perfect estimates: {card.reason}"
        yield Finding("empty", (), (), text)
