"""`soundstage provenance`: how the numbers were made, for people and as a lock file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundstage.cli.options import pairs, results_folder, which_grid
from soundstage.cli.saying import say
from soundstage.errors import SoundstageError

if TYPE_CHECKING:
    from soundstage.results.records import RunFacts, StoredPlan
    from soundstage.results.store import Store


@click.command("provenance")
@results_folder
@which_grid
@click.option(
    "--lock",
    type=click.Path(path_type=Path),
    default=None,
    help="Write a TOML that `soundstage run` makes it from again.",
)
@click.option(
    "--data", multiple=True, callback=pairs, metavar="NAME=PATH", help="Where files lie now, for --lock. Repeatable."
)
def command(results: Path | str, grid: str, lock: Path | None, data: dict[str, Path]) -> None:
    """Print how the results in the folder RESULTS were made: grid, seeds, plugins, weights, versions and machines."""
    from soundstage.planning.lock import lock_text
    from soundstage.report.provenance import provenance_lines, runs_of
    from soundstage.results.store import Store

    store = Store(results)
    plan = store.plan(grid)
    runs = runs_of(store, plan.facts)
    if lock is not None:  # before anything is printed, which may fail
        none: RunFacts = {}
        latest = max(runs.values(), key=lambda facts: str(facts.get("started")), default=none)
        versions = {**latest.get("versions", {}), **({"python": latest["python"]} if "python" in latest else {})}
        text = lock_text(plan.facts, versions, _environments(store, plan), data)
        try:
            lock.write_text(text, encoding="utf-8")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise SoundstageError(f"{lock}: cannot be written ({why}); choose another --lock") from None
    for line in provenance_lines(store, plan):
        say(line)
    if lock is not None:
        say(f"{lock} written; run it with: soundstage run {lock}", err=True)


def _environments(store: Store, plan: StoredPlan) -> dict[tuple[str, str], dict[str, str]]:
    """Kind and name of a script → the versions in its environment, as the latest run of it recorded them."""
    from soundstage.variants import parse_variant

    entries = plan.facts.get("recipe", {"entries": {}})["entries"]
    cells = {cell["cell"]: cell for cell in plan.cells.to_pylist()}
    found: dict[tuple[str, str], tuple[str, dict[str, str]]] = {}
    for address, record in store.records(list(cells)).items():
        stages = [("separators", cells[address]["separator"], record.separation)]
        scores = [(label, record.scores.get(cells[address][f"score:{label}"] or "")) for label in plan.facts["metrics"]]
        stages += [("metrics", label, stage) for label, stage in scores if stage is not None]
        for kind, label, stage in stages:
            name, run = parse_variant(label)[0], stage.run or record.run
            held = stage.details.get("environment")
            is_script = "script" in entries.get(kind, {}).get(name, {})
            if is_script and isinstance(held, dict) and run >= found.get((kind, name), ("",))[0]:
                found[kind, name] = run, {key: str(value) for key, value in held.items()}
    return {which: versions for which, (_, versions) in found.items()}
