"""A plan as a results folder keeps it: labels and addresses, and what readers must know of the plugins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from soundstage.catalogue.parameters import Parameter, constructor_parameters
from soundstage.catalogue.registry import Choice
from soundstage.planning.lock import recipe
from soundstage.planning.plan import Plan
from soundstage.results.records import PlanFacts, SeparatorFacts, Setting, StoredPlan, degradation_facts, measure_facts


def stored(plan: Plan) -> StoredPlan:
    """The plan as the store keeps it: labels and addresses, and what the leaderboard must know of the plugins."""
    names = [cell.scene.name for cell in plan.cells]
    columns: dict[str, list[Any]] = {"cell": [cell.address for cell in plan.cells]}
    for name in ("dataset", "track", "placement", "spatializer"):
        columns[name] = [getattr(cell, name) for cell in names]
    columns["separator"] = [cell.separator.label for cell in plan.cells]
    columns["seed"] = [name.seed for name in names]
    for label in plan.metrics:
        columns[f"score:{label}"] = [cell.scores[label] for cell in plan.cells]
    facts: PlanFacts = {
        "id": plan.id,
        "name": plan.grid.name,
        "revision": plan.grid.revision,
        "hash": plan.hash,
        "summary": plan.grid.summary,
        "citation": plan.grid.citation,
        "axes": {kind: list(texts) for kind, texts in plan.grid.axes.items()},
        "seeds": list(plan.grid.seeds),
        "separators": _separators(plan),
        "metrics": {
            label: {name: measure_facts(measure) for name, measure in metric.measures.items()}
            for label, metric in plan.metrics.items()
        },
        "settings": {
            "datasets": _settings(cell.scene.dataset for cell in plan.cells),
            "placements": _settings(cell.scene.placement for cell in plan.cells if cell.scene.placement),
            "spatializers": _settings(cell.scene.spatializer for cell in plan.cells),
        },
        "excerpt": plan.grid.excerpt.parts if plan.grid.excerpt else None,
        "recipe": recipe(plan),
    }
    return StoredPlan(pa.table(columns), facts)


def _separators(plan: Plan) -> dict[str, SeparatorFacts]:
    """What readers must know of each separator. What its entry states that it was trained on goes before its class."""
    choices = {cell.separator.label: cell.separator for cell in plan.cells}
    found: dict[str, SeparatorFacts] = {}
    for label, facts in plan.separators.items():
        stated = choices[label].trained_on if label in choices else None
        stated = facts.trained_on if stated is None else stated
        found[label] = {
            "role": facts.role,
            "blind": facts.is_blind,
            "named": facts.named,
            "needs": list(facts.needs),
            "trained_on": None if stated is None else list(stated),
        }
        if facts.degradation is not None:
            found[label]["degradation"] = degradation_facts(facts.degradation)
    return found


def _settings(choices: Iterable[Choice]) -> dict[str, Setting]:
    """What each label stands for: the plugin and all its parameters, a given path as "file"."""
    found: dict[str, Setting] = {}
    for label, choice in {choice.label: choice for choice in choices}.items():
        known = _parameters(choice)
        values = {name: parameter.default for name, parameter in known.items()} | dict(choice.params)
        values = {name: "file" if isinstance(value, Path) else value for name, value in values.items()}
        found[label] = {"plugin": choice.plugin.name, "parameters": values}
        if refusals := getattr(_loaded(choice), "refusals", ()):
            found[label]["refusals"] = list(refusals)
        if choice.songs:
            found[label]["songs"] = choice.songs
    return found


def _loaded(choice: Choice) -> object:
    """What the plugin is built by; None where its module cannot be imported here."""
    try:
        return choice.plugin.load()
    except Exception:
        return None


def _parameters(choice: Choice) -> Mapping[str, Parameter]:
    """The plugin's parameters; none where its module cannot be imported here."""
    try:
        return constructor_parameters(choice.plugin.load())
    except Exception:
        return {}
