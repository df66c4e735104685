"""Whether a results folder is what was written, and whether its numbers come out again."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundstage.catalogue.registry import Choice, Registry
from soundstage.errors import ConsentMissing, SoundstageError
from soundstage.planning.consent import check_consent, own_scripts
from soundstage.planning.jobs import Job
from soundstage.planning.lock import differences, parts, plan_again
from soundstage.planning.plan import CellSpec, Plan
from soundstage.planning.stored import stored as stored_again
from soundstage.results import estimates, runs
from soundstage.results.merge import differing, of_score
from soundstage.results.records import LABELS, StoredPlan
from soundstage.results.store import Store
from soundstage.running.workbench import Workbench, discarding
from soundstage.running.worker import Worker


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was looked at, as counts, and what is wrong."""

    cells: int
    plans: int
    runs: int
    estimates: int
    recomputed: int
    """Cells rendered, separated and scored anew."""

    wrong: tuple[str, ...]
    """A sentence each; none where everything is as recorded."""

    refused: str = ""
    """Why nothing was computed again, where nobody has agreed to the code that would run."""


def verify(
    path: str | Path,
    *,
    grid: str = "",
    recompute: int = 0,
    seed: int = 0,
    device: str = "auto",
    data: Mapping[str, Path] | None = None,
    registry: Collection[str | Path] = (),
    trust: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> Verdict:
    """Check every file against the hash it was written with, and compute some cells again.

    recompute: how many cells of the grid, drawn with `seed` among those that are ok, to render, separate and score
    again without kept estimates; their values must be what is stored within 1e-9. device: where separators run, for
    the last bits of a GPU are not those of a CPU. grid: which, where there are several;
    it is planned again from what its stored plan says. data, registry: as `soundstage run` takes them, where they are
    not where they were. trust: whether scripts that the folder names, and files in it that plugins load, may run here;
    without it only what the user's own registry knows does. Writes nothing. Raises SoundstageError where the folder
    holds no results or the grid cannot be planned again.
    """
    store = Store(path).open_existing()
    progress("reading every file")
    store.cells.check()
    store.plans()
    wrong = [*store.damage, *runs.damaged(store.files), *_missing(store), *_unrecorded(store)]
    kept = estimates.kept(store.files)
    for address in kept:
        wrong += [f"{store.path}/{sentence}" for sentence in estimates.damaged(store.files, address)]
    recomputed, refused = 0, ""
    stored = store.plan(grid)
    if recompute and not _is_claimed(stored):
        if not stored.facts.get("recipe"):
            raise SoundstageError(
                f"grid '{stored.facts['name']}' was stored without what makes it again, so nothing of it can be"
                " computed again; run it once more, which computes nothing"
            )
        known = Registry.load([Path(file) for file in registry])
        scripts = own_scripts(known)
        plan = plan_again(stored.facts["name"], stored.facts["recipe"], data or {}, known)
        if plan.hash != stored.facts["hash"]:
            changed = "; ".join(differences(stored.facts["recipe"]["parts"], parts(plan))) or "its cells are others"
            wrong.append(f"grid '{stored.facts['name']}' is not here what was run: {changed}")
        else:
            wrong += _otherwise_told(stored, stored_again(plan))
        cells = _drawn(store, plan, recompute, seed)
        try:
            if not trust:
                check_consent(_used(plan), scripts, store.path, "the stored grid")
        except ConsentMissing as error:
            cells, refused = [], str(error)
        recomputed = len(cells)
        worker = Worker(Workbench(device, discarding), run="verify")
        for number, cell in enumerate(cells):
            progress(f"computing {number + 1} of {len(cells)} again: {cell.title}")
            wrong += _compared(store, plan, cell, worker)
    looked = (len(store.addresses()), len(store.plans()), len(store.runs()), len(kept))
    return Verdict(*looked, recomputed, tuple(wrong), refused)


def _otherwise_told(stored: StoredPlan, again: StoredPlan) -> Iterator[str]:
    """A sentence where the stored grid says other things of its cells or plugins than the same grid planned anew: its
    hash is of addresses, and not of the names under which readers find them."""
    columns = ["cell", *LABELS, *(f"score:{metric}" for metric in again.facts["metrics"])]
    there, here = (
        {tuple(row.get(name) for name in columns): row for row in plan.cells.to_pylist()} for plan in (stored, again)
    )
    name = stored.facts["name"]
    for key, row in there.items():
        if key not in here:
            yield (
                f"grid '{name}': the cell {row['cell'][:12]} is not that of {row['separator']} on {row['track']}, under"
                " which names the grid lists it"
            )
            break
    told: dict[str, Any] = {"separator": stored.facts["separators"]}
    known: dict[str, Any] = {"separator": again.facts["separators"]}
    for metric, measures in stored.facts["metrics"].items():
        told[f"measure of {metric},"] = measures
        known[f"measure of {metric},"] = again.facts["metrics"].get(metric, {})
    known = json.loads(json.dumps(known))
    for what, entries in told.items():
        for label, about in entries.items():
            now = known[what].get(label, {})
            for key in sorted(about.keys() & now.keys()):
                if about[key] != now[key]:
                    yield f"grid '{name}': {what} '{label}' is stored with {key} = {about[key]!r}, and has {now[key]!r}"


def _used(plan: Plan) -> list[Choice]:
    """The plugins that computing the plan's cells runs, each once."""
    found = {(metric.choice.kind, label): metric.choice for label, metric in plan.metrics.items()}
    for cell in plan.cells:
        scene = cell.scene
        for choice in (scene.dataset, scene.placement, scene.spatializer, cell.separator):
            if choice is not None:
                found[choice.kind, choice.label] = choice
    return list(found.values())


def _missing(store: Store) -> Iterator[str]:
    """A sentence for each grid of which there are fewer cells than a run has left there, and no file is damaged."""
    if store.damage:
        return
    addresses = set(store.addresses())
    left: dict[str, int] = {}
    for facts in store.runs().values():
        grid = facts["grid"]["hash"] if "grid" in facts else ""
        left[grid] = max(left.get(grid, 0), facts.get("cells_there", 0))
    for plan in store.plans():
        there = sum(address in addresses for address in plan.cells["cell"].unique().to_pylist())
        expected = left.get(plan.facts["hash"], 0)
        if there < expected:
            yield (
                f"grid '{plan.facts['name']}': {expected - there} of the {expected} cells that a run left there are"
                " gone; run it again"
            )


def _unrecorded(store: Store) -> Iterator[str]:
    """A sentence for each run that made cells and has no record, so that nobody can say how."""
    there = {file.removeprefix("runs/").removesuffix(".json") for file in store.files.names("runs")}
    made: dict[str, int] = {}
    for record in store.records().values():
        for run in {record.run, *(stage.run for stage in record.scores.values())} - {""}:
            made[run] = made.get(run, 0) + 1
    for run, cells in made.items():
        if run not in there:
            yield f"{store.path}: the record of run {run}, which had a hand in {cells} cells, is gone; do not cite them"


def _is_claimed(stored: StoredPlan) -> bool:
    """Whether all of it was measured by others, so that there is nothing to run."""
    return all(about.get("claimed") for about in stored.facts["separators"].values())


def _drawn(store: Store, plan: Plan, count: int, seed: int) -> list[CellSpec]:
    """Cells to compute again, in the order of the plan, so that scenes are shared."""
    records = store.records([cell.address for cell in plan.cells])
    able = [
        cell
        for cell in plan.cells
        if cell.problem is None and cell.address in records and records[cell.address].separation.is_ok
    ]
    drawn = set(random.Random(seed).sample(range(len(able)), min(count, len(able))))
    return [cell for index, cell in enumerate(able) if index in drawn]


def _compared(store: Store, plan: Plan, cell: CellSpec, worker: Worker) -> Iterator[str]:
    """A sentence for each stage of a cell that does not come out again."""
    held = store.cell(cell.address)
    if held is None:
        return
    record, rows = held
    ok = {score for score, stage in record.scores.items() if stage.is_ok}
    metrics = {label: metric for label, metric in plan.metrics.items() if cell.scores[label] in ok}
    outcome = worker.run(Job(cell, metrics))
    for name, stage in outcome.troubles:
        yield f"{cell.title}: {name} was ok and is {stage.status} now: {stage.error}"
    for label in metrics:
        score = cell.scores[label]
        if outcome.record.scores[score].is_ok:
            different = differing(of_score(rows, score), of_score(outcome.rows, score))
            if different:
                run = record.scores[score].run or record.run
                yield f"{cell.title}: {label}: {different}, stored and computed again (run {run})"
