"""A small response card: what a metric's measures make of the probes of the audiometry grid, on the kit's scene."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np

from soundstage.audiometry.build import card
from soundstage.audiometry.card import Card, Cost, Curve
from soundstage.audiometry.responses import Responses, Roles
from soundstage.catalogue.registry import Registry
from soundstage.contracts import NOTHING, CellName, Degradation
from soundstage.pipeline.scenes import renderer
from soundstage.pipeline.separate import separate
from soundstage.results.records import DegradationFacts, MeasureFacts, degradation_facts, measure_facts
from soundstage.testing.degraded import Bench, Values, values
from soundstage.testing.material import Ears
from soundstage.testing.results import Failed, Skipped

GRID = "audiometry"
STILL = 1e-6
"""Relative: what moves no more than this does not move."""

CEILING, KIT = "the references", ("kit", "first", "fan", "ears", "0")


def response_of(bench: Bench) -> str:
    """The cards of the measures in a phrase each; Failed where one moves with nothing that it claims to follow.

    Of measures that claim something the kinds of probes are tried that they claim something of; all with thorough.
    """
    claims = {name for one in bench.measures.values() for name in (*one.follows, *one.ignores)}
    roles, held = _tried(bench, set() if bench.thorough else claims)
    told, blind, still = [], list[str](), list[str]()
    for name, measure in bench.measures.items():
        if all(math.isnan(value) for (own, _), value in held[CEILING].items() if own == name):
            continue
        found = card(_responses(bench, name, measure_facts(measure), held), roles, {}, Cost(math.nan, math.nan))
        followed = [curve for curve in found.curves if found.claims(curve.kind, curve.family) == "follows"]
        if followed and not any(_moves(curve) for curve in followed):
            lacking = f"{name} with {', '.join(curve.kind for curve in followed)}"
            (blind if measure.headline else still).append(lacking)
        told.append(_told(found))
    if blind:
        raise Failed(
            f"it claims to follow what it does not move with: {'; '.join(blind)}; correct `follows` of its Measure, or"
            " what it measures"
        )
    if not told:
        raise Skipped("no measure has a value of this scene")
    told += (
        [f"no column of the leaderboard, and moves here with nothing that it claims to follow: {'; '.join(still)}"]
        if still
        else []
    )
    return "; ".join(told)


def _moves(curve: Curve) -> bool:
    return any(abs(lost) > STILL * max(abs(curve.value[0]), 1.0) for lost in curve.lost if not math.isnan(lost))


def _told(found: Card) -> str:
    """What a card says in a few words; `soundstage audiometry` says the rest, on music."""
    shares = {"responsive": found.responsive, "selective": found.selective}
    known = [f"{what} {share:.2f}" for what, share in shares.items() if not math.isnan(share)]
    count = len(found.findings)
    known += [f"{count} finding{'s' if count > 1 else ''}"] if count else []
    return f"{found.name} {', '.join(known) or 'claims nothing'}"


def _tried(bench: Bench, claims: set[str]) -> tuple[Roles, dict[str, Values]]:
    """The probes of the grid, their kinds or families among those claimed, and what the metric makes of each."""
    known = Registry.load()
    scene, songs = bench.scene, bench.songs
    puts = renderer(Ears(), "of the kit", lambda: songs.load("first"), scene.placement)
    cell = CellName("kit", "first", "fan", "ears", 0)
    probes: dict[str, DegradationFacts] = {}
    found = {CEILING: values(bench.perfect())}
    for label, probe in _probes(known, claims):
        estimates = separate(probe, label, scene, cell, renderer=puts)
        found[label] = values(bench.scores(estimates.images))
        probes[label] = degradation_facts(probe.degradation)
    real = {label: does for label, does in probes.items() if does["kind"] != NOTHING}
    if not real:
        raise Skipped(f"the grid '{GRID}' has no probe of what it claims: {', '.join(sorted(claims))}")
    nothing = next((label for label in probes if label not in real), CEILING)
    return Roles(CEILING, nothing, (), real), found


def _probes(known: Registry, claims: set[str]) -> list[tuple[str, Any]]:
    """Label and instance of the probe that does nothing, and of the mildest, the worst and one between of each kind."""
    kinds: dict[str, list[tuple[str, Any]]] = {}
    for label in known.grids[GRID].table["separators"]:
        probe = known.choose("separators", label).build()
        does: Degradation | None = getattr(probe, "degradation", None)
        if does is None or does.mirrored:
            continue
        if not claims or {does.kind, does.family} & {*claims, NOTHING}:
            kinds.setdefault(does.kind, []).append((label, probe))
    found = []
    for steps in kinds.values():
        places = sorted({0, len(steps) // 2, len(steps) - 1})
        found += [steps[at] for at in places]
    return found


def _responses(bench: Bench, name: str, about: MeasureFacts, held: dict[str, Values]) -> Responses:
    sources = [source for own, source in held[CEILING] if own == name]
    arrays = {
        label: np.array([those.get((name, source), math.nan) for source in sources]) for label, those in held.items()
    }
    rows = {row.source: row for row in bench.perfect() if row.name == name and row.frame is None}
    doubted = np.array([float(not rows[source].ranked and not math.isnan(rows[source].value)) for source in sources])
    reasons = Counter(row.note for row in rows.values() if math.isnan(row.value))
    there = {label: np.ones(len(sources), bool) for label in arrays}
    return Responses(bench.subject.name, name, about, [(KIT, one) for one in sources], arrays, there, doubted, reasons)
