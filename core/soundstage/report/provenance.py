"""How results were made, as lines of text: grid, seeds, plugins, weights, versions and machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from soundstage.results.records import PlanFacts, RunFacts, StoredPlan
from soundstage.results.runs import damaged
from soundstage.results.store import Store

HARDWARE = (
    *("host", "platform", "machine", "processor", "cpus", "memory_gb", "gpus"),
    *("python", "workers", "scorers", "blas_threads", "started", "ended"),
)
TOLD = ("weights", "sha256", "hash", "checkpoint", "model", "device")


def runs_of(store: Store, plan: PlanFacts) -> dict[str, RunFacts]:
    """The records of the runs of that grid, by their ids."""
    return {run: facts for run, facts in store.runs().items() if facts.get("grid", {}).get("hash") == plan["hash"]}


def provenance_lines(store: Store, plan: StoredPlan) -> Iterator[str]:
    """What a paper needs to say how a grid's results were made, for people."""
    runs: Mapping[str, Mapping[str, Any]] = runs_of(store, plan.facts)
    facts = plan.facts
    made = facts.get("recipe", {})
    yield f"{facts['name']} · revision {facts['revision']} · {facts['hash']}"
    seeds = ", ".join(map(str, facts.get("seeds", [])))
    yield f"planned {facts['created']}; {plan.cells.num_rows} cells; seeds {seeds}"
    for key, values in made.get("grid", facts.get("axes", {})).items():
        if isinstance(values, list) and key != "seeds":
            yield f"{key}: {', '.join(map(str, values))}"
    for name, part in made.get("parts", {}).items():
        yield ""
        yield name
        for key, value in part.items():
            yield from _about(key, value)
    details: dict[tuple[str, str], None] = {}
    separators = dict(zip(plan.cells["cell"].to_pylist(), plan.cells["separator"].to_pylist(), strict=True))
    for address, record in store.records(list(separators)).items():
        for key, value in record.separation.details.items():
            if any(word in key for word in TOLD):
                details[f"{separators[address]}: {key}", str(value)] = None
    if details:
        yield ""
        yield "what separators told of their weights and devices"
        yield from (f"  {name} = {value}" for name, value in details)
    for run, about in sorted(runs.items()):
        yield ""
        yield f"run {run}"
        yield "  " + ", ".join(f"{key} {_listed(about[key])}" for key in HARDWARE if about.get(key) not in (None, []))
        for label, given in sorted(about.get("isolated", {}).items()):
            yield f"  {label} in a process of its own, given {', '.join(given)}"
        yield "  " + ", ".join(f"{name} {version}" for name, version in sorted(about.get("versions", {}).items()))
    yield from store.damage
    yield from damaged(store.files)


def _listed(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _about(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield f"  {key}: {name} = {one}"
    else:
        yield f"  {key}: {value}"
