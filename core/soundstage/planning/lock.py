"""How to make a plan again: the grid with every entry it uses, as a stored plan keeps it and as a lock file writes it.

A lock file is a grid's TOML that needs no other: exact entries and variants, seeds, the hash that the plan must have,
and beneath it what went into that hash, so that a run that would be another one can say why.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundstage.catalogue.roots import key_of
from soundstage.contracts import KINDS
from soundstage.errors import SoundstageError
from soundstage.results.records import PlanFacts, Recipe
from soundstage.variants import parse_variant

if TYPE_CHECKING:
    from soundstage.catalogue.registry import Choice, Registry
    from soundstage.planning.plan import Plan

LISTED = 8
"""Files of one plugin whose hashes are listed one by one; of more only one hash for all."""


def recipe(plan: Plan) -> Recipe:
    """What makes the plan again: entries (kind → name → plugin and parameters), the grid's table, and its parts.

    Paths in it are absolute: they are where this run's data and scripts lay, and `--data` gives others. Weights are
    those that `soundstage fetch` gets.
    """
    choices = choices_of(plan)
    entries: dict[str, dict[str, dict[str, Any]]] = {}
    base = None
    moved: dict[str, str] = {}
    for choice in choices:
        given = parse_variant(choice.label)[1]
        entry = entries.setdefault(choice.kind, {}).setdefault(choice.entry, {})
        entry |= _bare(choice)
        elsewhere = {*given, *(choice.weights.parameters if choice.weights else [])}
        values = {name: value for name, value in choice.params.items() if name not in elsewhere and value is not None}
        own = {name: _plain(value) for name, value in values.items()}
        if own:
            entry.setdefault("params", {}).update(own)
        moved |= {key_of(choice.label, name): str(path) for name, path in choice.moved.items()}
        if any(isinstance(choice.params.get(name), Path) for name in given):
            base = str((plan.grid.base or Path()).absolute())
    grid: dict[str, Any] = {"revision": plan.grid.revision}
    grid |= {key: text for key in ("summary", "citation") if (text := getattr(plan.grid, key))}
    grid |= {"base": base} if base else {}
    grid |= {"data": moved} if moved else {}
    for kind in KINDS:
        used = list(dict.fromkeys(choice.label for choice in choices if choice.kind == kind))
        if used:
            grid[kind] = used
    grid |= {"tracks": plan.grid.tracks.written} if plan.grid.tracks else {}
    grid |= {"excerpt": plan.grid.excerpt.parts} if plan.grid.excerpt else {}
    grid["seeds"] = list(plan.grid.seeds)
    return {"entries": entries, "grid": grid, "parts": parts(plan)}


def _bare(choice: Choice) -> dict[str, Any]:
    """An entry without its parameters."""
    made: dict[str, Any] = {"script": str(choice.script)} if choice.script else {"plugin": choice.plugin.name}
    if choice.data:
        made["data"] = choice.data
    if choice.weights:
        made["weights"] = choice.weights.written
    if choice.pins:
        made["environment"] = dict(pin.split("==", 1) for pin in choice.pins)
    made |= choice.combined.written
    made |= {} if choice.trained_on is None else {"trained_on": list(choice.trained_on)}
    made |= {"songs": choice.songs} if choice.songs else {}
    made |= {"sha256": dict(choice.sha256)} if choice.sha256 else {}
    return made


def parts(plan: Plan) -> dict[str, dict[str, Any]]:
    """`KIND LABEL` → plugin, revision, wrapped versions, parameters, and hashes of what went into its addresses."""
    return {name: _part(identities) for name, identities in plan.identities.items() if identities}


def _part(identities: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first = identities[0]
    texts = sorted(json.dumps(one, sort_keys=True, default=str) for one in identities)
    files = {name: digest for one in identities for name, digest in one.get("files", {}).items()}
    part = {
        key: _plain(first[key])
        for key in ("plugin", "revision", "wraps", "parameters", "sums", "rest")
        if first.get(key)
    }
    count = sum(len(one.get("files", {})) for one in identities)
    if count and len(files) == count <= LISTED:
        part["files"] = files
    elif count:
        part["file_count"] = count
    return {**part, "sha256": hashlib.sha256("\n".join(texts).encode()).hexdigest()}


def choices_of(plan: Plan) -> list[Choice]:
    """What the plan is made of, each once, in the order of its cells."""
    found: dict[tuple[str, str], Choice] = {}
    for cell in plan.cells:
        scene = cell.scene
        for choice in (scene.dataset, scene.placement, scene.spatializer, cell.separator):
            if choice is not None:
                found[choice.kind, choice.label] = choice
    return [*found.values(), *(metric.choice for metric in plan.metrics.values())]


def plan_again(name: str, made: Recipe, data: Mapping[str, Path], registry: Registry) -> Plan:
    """The plan that the recipe makes here and now; the registry is extended by it.

    data: where files lie, if not where they lay. Raises SoundstageError.
    """
    from soundstage.planning.cells import make_plan
    from soundstage.planning.grid import read_grid

    registry.extend(made["entries"], "the stored plan", None)
    for roots in (made["grid"].get("data", {}), data):
        registry.set_roots(roots)
    return make_plan(read_grid(name, made["grid"], None, defaults=registry.defaults), registry)


def lock_text(
    facts: PlanFacts,
    versions: Mapping[str, str],
    environments: Mapping[tuple[str, str], Mapping[str, str]] | None = None,
    data: Mapping[str, str | Path] | None = None,
) -> str:
    """The lock file of a stored plan's facts. versions: package → version that it was run with.

    environments: kind and name → the versions in its script's environment, which then is made with these again. data:
    where files lie now, as `--data` says it. Raises SoundstageError where the plan was stored without a recipe.
    """
    made = facts.get("recipe")
    if not made:
        raise SoundstageError(
            f"grid '{facts['name']}' was stored without what makes it again; run it once more, which computes nothing"
        )
    import tomli_w

    header = (
        f"# {' '.join(facts['name'].split())}, revision {facts['revision']}, as it was run: {len(made['parts'])} parts,"
        f" hash {facts['hash'][:8]}.\n"
        "# `soundstage run THIS_FILE` runs it again if it is still the same, and says what differs if it is not.\n"
        "# Paths are where the files lay; --data NAME=PATH says of any of them where it lies now. A script that lies\n"
        "# beside this file is found.\n\n"
    )
    grid = {**made["grid"], "hash": facts["hash"], "made_with": dict(versions), "parts": made["parts"]}
    roots = {**grid.pop("data", {}), **{key: str(Path(path).absolute()) for key, path in (data or {}).items()}}
    grid |= {"data": roots} if roots else {}
    entries = {kind: dict(sorted(found.items())) for kind, found in made["entries"].items()}
    for (kind, name), found in (environments or {}).items():
        entries[kind][name] = {**entries[kind][name], "environment": dict(found)}
    return header + tomli_w.dumps(_plain({**entries, "grids": {facts["name"]: grid}}))


def check_locked(plan: Plan) -> None:
    """Raises SoundstageError that says what differs, where the plan's grid was locked and is not what it was."""
    expected = plan.grid.locked.get("hash")
    if not expected or expected == plan.hash:
        return
    different = list(differences(plan.grid.locked.get("parts", {}), parts(plan)))
    different += [f"{choice.kind[:-1]} {choice.label}: {lost}" for choice in choices_of(plan) for lost in choice.lost()]
    raise SoundstageError(
        f"grid '{plan.grid.name}' is not what was locked: its hash is {plan.hash[:8]} and was {expected[:8]};"
        f" {'; '.join(different) or 'its parts are the same, so its cells are others'}."
        " Bring back what it was, or remove `hash` from the lock file to run it as it is now"
    )


def differences(was: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """A phrase for each part that is not what it was."""
    now = json.loads(json.dumps(now))
    for name in dict.fromkeys([*was, *now]):
        if name not in now or name not in was:
            yield f"{name} is {'new' if name in now else 'not there'}"
        elif was[name].get("sha256") != now[name]["sha256"]:
            yield f"{name}: " + (", ".join(_changed(was[name], now[name])) or "its files have other contents")


def _changed(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key in ("plugin", "revision", "file_count", "sums", "rest"):
        if was.get(key) != now.get(key):
            yield f"{key.replace('_', ' ')} was {was.get(key)}, is {now.get(key)}"
    for key, what in (("wraps", ""), ("parameters", "parameter "), ("files", "file ")):
        before, after = was.get(key, {}), now.get(key, {})
        for name in dict.fromkeys([*before, *after]):
            if before.get(name) != after.get(name):
                values = f" was {before.get(name)}, is {after.get(name)}" if key != "files" else " has other contents"
                yield f"{what}{name}{values}"


def _plain(value: Any) -> Any:
    """The value as TOML can hold it; what is None is left out."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items() if one is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value if isinstance(value, (bool, int, float, str)) else str(value)
