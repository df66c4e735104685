"""From a results folder of probes to the cards of its metrics."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from soundstage.audiometry import statistics
from soundstage.audiometry.card import Audiometry, Card, Cost, Curve
from soundstage.audiometry.findings import findings
from soundstage.audiometry.mirrors import mirror_difference, mirrored_scenes
from soundstage.audiometry.responses import NDArrayBool, Responses, Roles, Scene, responses, roles
from soundstage.results.address import SHORT
from soundstage.results.loading import load_results
from soundstage.results.records import CellRecord, StoredPlan
from soundstage.results.store import Store

REASON = 320
"""Letters of a reason; the rest is in the results."""


def make_cards(results: Path | str, grid: str = "") -> Audiometry:
    """The cards of all measures of a grid of probes, the newest one where none is named.

    Raises SoundstageError where there are no results, or the grid has no probes or no ceiling.
    """
    store = Store(results)
    plan, loaded = store.plan(grid), load_results(results, grid)
    known = roles(plan.facts)
    cells = plan.cells.to_pylist()
    records = store.records([cell["cell"] for cell in cells])
    mirrors = mirrored_scenes(_azimuths(cells, records))
    whole = loaded.rows[loaded.rows["frame"].isna() & (loaded.rows["status"] == "ok")]
    costs = {metric: _cost(plan, metric, records) for metric in plan.facts["metrics"]}
    cards = [card(found, known, mirrors, costs[found.metric]) for found in responses(plan.facts, whole, known.ceiling)]
    facts = plan.facts
    heard = {_scene(cell): records[cell["cell"]].audio_s for cell in cells if cell["cell"] in records}
    troubles = loaded.rows[loaded.rows["status"] != "ok"]
    failed = dict.fromkeys(
        f"{separator}: {str(error or note).strip().splitlines()[-1] if (error or note) else 'it came to nothing'}"
        for separator, error, note in zip(troubles["separator"], troubles["error"], troubles["note"], strict=True)
    )
    name = f"{facts['name']}, revision {facts['revision']}, {facts['hash'][:SHORT]}"
    return Audiometry(name, len(heard), float(sum(heard.values())), tuple(cards), tuple(failed))


def card(of: Responses, known: Roles, mirrors: Mapping[Scene, Scene], cost: Cost) -> Card:
    """The card of one measure."""
    about = of.about
    perfect = of.values.get(known.ceiling, np.full(len(of.scores), math.nan))
    usable = np.asarray(~np.isnan(perfect), bool)
    claims = (*about.get("follows", ()), *about.get("ignores", ()))
    probed = {does[what] for does in known.probes.values() for what in ("kind", "family")}
    made = Card(
        metric=of.metric,
        name=of.name,
        label=about["label"] or of.name,
        unit=about["unit"],
        higher_is_better=about["higher_is_better"],
        decimals=about.get("decimals", 2),
        follows=tuple(about.get("follows", ())),
        ignores=tuple(about.get("ignores", ())),
        unprobed=tuple(name for name in claims if name not in probed),
        scores=len(of.scores),
        sources=of.sources,
        ceiling=statistics.median(perfect),
        floors={floor: statistics.median(of.values[floor]) for floor in known.floors if floor in of.values},
        span=math.nan,
        without=statistics.share_without(perfect),
        reason=_reason(of),
        doubted=float(np.mean(of.doubted)) if len(of.doubted) else 0.0,
        curves=_curves(of, known, usable),
        by_source={source: _curves(of, known, usable & of.of(source)) for source in of.sources},
        responsive=math.nan,
        selective=math.nan,
        smooth=math.nan,
        mirrored=math.nan,
        cost=cost,
    )
    made = replace(made, span=_span(made, of, known))
    mirror = mirror_difference(of, known, mirrors)
    follows = [curve for curve in made.curves if made.claims(curve.kind, curve.family) == "follows"]
    made = replace(
        made,
        responsive=_mean([curve.monotony for curve in follows if len(curve.steps) > 2]),
        smooth=_mean([curve.smoothness for curve in follows]),
        selective=_selective(made),
        mirrored=1.0 - min(1.0, mirror[0] / made.span) if made.span > 0.0 else math.nan,
    )
    return replace(made, findings=findings(made, mirror))


def _curves(of: Responses, known: Roles, which: NDArrayBool) -> tuple[Curve, ...]:
    nothing = of.lost(known.nothing, known.ceiling)[which]
    return tuple(_curve(of, known, labels, which, nothing) for labels in known.kinds().values())


def _curve(of: Responses, known: Roles, labels: Sequence[str], which: NDArrayBool, nothing: statistics.Floats) -> Curve:
    does = known.probes[labels[0]]
    none = np.full(len(of.scores), math.nan)
    values = np.stack([of.values.get(label, none)[which] for label in labels], axis=1)
    lost = np.stack([of.lost(label, known.ceiling)[which] for label in labels], axis=1)
    steps = tuple(known.probes[label]["step"] for label in labels)
    there = np.stack([of.there.get(label, none == 0.0)[which] for label in labels], axis=1)
    shares = [
        statistics.told(lost[there[:, step]][:, [step]], nothing[there[:, step]])[0] for step in range(len(labels))
    ]
    first = statistics.smallest_told(shares)
    return Curve(
        kind=does["kind"],
        family=does["family"],
        unit=does["unit"],
        steps=steps,
        value=tuple(statistics.medians(values).tolist()),
        low=_ends(values, np.min),
        high=_ends(values, np.max),
        lost=tuple(statistics.medians(lost).tolist()),
        told=tuple(shares),
        without=tuple(statistics.share_without(values[there[:, step], step]) for step in range(len(labels))),
        smallest=None if first is None else steps[first],
        monotony=statistics.monotony(lost),
        smoothness=statistics.smoothness(lost),
    )


def _ends(values: statistics.Floats, end: Callable[[statistics.Floats], float]) -> tuple[float, ...]:
    """The least or the greatest of each step; NaN where nothing has a value."""
    known = [column[~np.isnan(column)] for column in values.T]
    return tuple(float(end(column)) if len(column) else math.nan for column in known)


def _span(made: Card, of: Responses, known: Roles) -> float:
    """From the ceiling to the worst that what it should follow makes of it; all but what it ignores where it claims to
    follow nothing.
    """
    wanted = [
        max((lost for lost in curve.lost if not math.isnan(lost)), default=math.nan)
        for curve in made.curves
        if made.claims(curve.kind, curve.family) == "follows"
        or (not made.follows and made.claims(curve.kind, curve.family) != "ignores")
    ]
    wanted += [statistics.median(of.lost(floor, known.ceiling)) for floor in known.floors]
    return max((lost for lost in wanted if not math.isnan(lost)), default=math.nan)


def _selective(made: Card) -> float:
    ignored = [curve for curve in made.curves if made.claims(curve.kind, curve.family) == "ignores"]
    moved = [abs(lost) for curve in ignored for lost in curve.lost[-1:] if not math.isnan(lost)]
    return 1.0 - min(1.0, max(moved) / made.span) if moved and made.span > 0.0 else math.nan


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _reason(of: Responses) -> str:
    text = of.reasons.most_common(1)[0][0] if of.reasons else ""
    return text if len(text) <= REASON else f"{text[: REASON - 1]}…"


# what records know


def _scene(cell: Mapping[str, object]) -> Scene:
    return tuple(str(cell[name]) for name in ("dataset", "track", "placement", "spatializer", "seed"))


def _azimuths(
    cells: Sequence[Mapping[str, object]], records: Mapping[str, CellRecord]
) -> dict[Scene, Mapping[str, float]]:
    found: dict[Scene, Mapping[str, float]] = {}
    for cell in cells:
        record = records.get(str(cell["cell"]))
        places = record.scene.get("azimuths") if record else None
        if places:
            found.setdefault(_scene(cell), places)
    return found


def _cost(plan: StoredPlan, metric: str, records: Mapping[str, CellRecord]) -> Cost:
    """What the metric took, a minute of audio; NaN where nothing was scored."""
    spent: dict[Scene, list[float]] = {}
    for cell in cast("list[dict[str, str]]", plan.cells.to_pylist()):
        record = records.get(cell["cell"])
        stage = record.scores.get(cell[f"score:{metric}"]) if record else None
        if record and stage and stage.is_ok and record.audio_s:
            spent.setdefault(_scene(cell), []).append(stage.cpu_s * 60.0 / record.audio_s)
    first = [max(seconds) for seconds in spent.values()]
    every = [second for seconds in spent.values() for second in seconds]
    return Cost(statistics.median(np.array(first)), statistics.median(np.array(every)))
