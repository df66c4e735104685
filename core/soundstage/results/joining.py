"""One grid of several that differ in their separators alone, as whoever measured one separator each has run them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from soundstage.errors import SoundstageError
from soundstage.results.address import SHORT, plan_hash
from soundstage.results.records import LABELS, PlanFacts, StoredPlan

SCENE = [name for name in LABELS if name != "separator"]
OTHERS = ("datasets", "placements", "spatializers", "metrics")
"""Axes that must be alike."""


def hash_of(cells: pa.Table, revision: int, metrics: Iterable[str]) -> str:
    """The hash that a grid of these cells has."""
    columns = ["cell", *(f"score:{metric}" for metric in metrics)]
    texts = (text or "" for name in columns for text in cells[name].to_pylist())
    return plan_hash([f"revision {revision}", *texts])


def joined(plans: Sequence[StoredPlan]) -> StoredPlan:
    """The grid of all their separators; it has the hash that running it at once gives it.

    Two grids are of the same scenes where a separator that both have has the same cells in both, as `mixture` has: its
    addresses are made of the scenes. Raises SoundstageError where they are not, where grids differ in more than their
    separators, or where one name stands for two separators.
    """
    whole = plans[0]
    for other in plans[1:]:
        whole = _with(whole, other)
    return whole


def _with(one: StoredPlan, other: StoredPlan) -> StoredPlan:
    _check_alike(one.facts, other.facts)
    name = one.facts["name"]
    columns = ["cell", *(f"score:{metric}" for metric in one.facts["metrics"])]
    held = {_key(row, LABELS): _key(row, columns) for row in one.cells.to_pylist()}
    scenes = {_key(row, SCENE) for row in one.cells.to_pylist()}
    shared, more = set(), []
    for row in other.cells.to_pylist():
        labels, scene = _key(row, LABELS), _key(row, SCENE)
        if labels not in held:
            more.append(row)
        elif held[labels] != _key(row, columns):
            raise SoundstageError(
                f"grid '{name}': '{row['separator']}' on {row['track']} is one thing in {one.facts['hash'][:SHORT]} and"
                f" another in {other.facts['hash'][:SHORT]}; it is another separator of that name, or its data, version"
                " or metrics are others"
            )
        else:
            shared.add(scene)
    if lost := [scene for scene in _scenes(other) if scene not in shared]:
        what = "which only one of them has" if lost[0] not in scenes else "on which they share no separator"
        raise SoundstageError(
            f"grid '{name}': nothing shows that {one.facts['hash'][:SHORT]} and {other.facts['hash'][:SHORT]} are of"
            f" the same scenes, as {lost[0][1]}, {what}; run one separator in both, such as mixture"
        )
    cells = pa.concat_tables([one.cells, pa.Table.from_pylist(more, one.cells.schema)]) if more else one.cells
    facts = _facts(one.facts, other.facts)
    digest = hash_of(cells, facts["revision"], facts["metrics"])
    return StoredPlan(cells, {**facts, "hash": digest, "id": f"{name}-{digest[:SHORT]}"})


def _scenes(plan: StoredPlan) -> Iterable[tuple[Any, ...]]:
    return dict.fromkeys(_key(row, SCENE) for row in plan.cells.to_pylist())


def _key(row: dict[str, Any], names: Iterable[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def _check_alike(one: PlanFacts, other: PlanFacts) -> None:
    axes = [{kind: facts.get("axes", {}).get(kind) for kind in OTHERS} for facts in (one, other)]
    pairs = [
        ("revision", one["revision"], other["revision"]),
        *((kind, axes[0][kind], axes[1][kind]) for kind in OTHERS),
        ("measures", one["metrics"], other["metrics"]),
        ("seeds", one.get("seeds"), other.get("seeds")),
        ("excerpt", one.get("excerpt"), other.get("excerpt")),
    ]
    for what, mine, theirs in pairs:
        if mine != theirs:
            raise SoundstageError(
                f"grid '{one['name']}': {one['hash'][:SHORT]} and {other['hash'][:SHORT]} cannot be one, for they"
                f" differ in their {what} too"
            )
    for name in one["separators"].keys() & other["separators"].keys():
        if one["separators"][name] != other["separators"][name]:
            raise SoundstageError(f"grid '{one['name']}': two folders say different things of separator '{name}'")


def _facts(one: PlanFacts, other: PlanFacts) -> PlanFacts:
    """What both say; of what is said twice, such as where data lie, the first counts."""
    found: PlanFacts = {**one, "separators": {**one["separators"], **other["separators"]}}
    axes = {kind: list(names) for kind, names in one.get("axes", {}).items()}
    axes["separators"] = list(
        dict.fromkeys((*axes.get("separators", ()), *other.get("axes", {}).get("separators", ())))
    )
    found["axes"] = axes
    if "recipe" in one and "recipe" in other:
        mine, theirs = one["recipe"], other["recipe"]
        entries = {
            kind: {**theirs["entries"].get(kind, {}), **mine["entries"].get(kind, {})}
            for kind in dict.fromkeys((*mine["entries"], *theirs["entries"]))
        }
        names = dict.fromkeys((*mine["grid"].get("separators", ()), *theirs["grid"].get("separators", ())))
        grid = {**theirs["grid"], **mine["grid"], "separators": list(names)}
        found["recipe"] = {"entries": entries, "grid": grid, "parts": {**theirs["parts"], **mine["parts"]}}
    return found
