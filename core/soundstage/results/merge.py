"""Results of many machines in one folder: by address, so that a cell measured twice is one, and a conflict is seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from soundstage.errors import SoundstageError
from soundstage.results import estimates, runs
from soundstage.results.encoding import CELLS_PER_SEGMENT, MANY_ROWS
from soundstage.results.joining import joined
from soundstage.results.records import ROWS, CellRecord, RunFacts, Stage, StoredPlan, of_run
from soundstage.results.store import Store

TOLERANCE = 1e-9
"""How far apart, absolutely and relative to the value, two values of one score may be and count as equal."""

KEY = ["score", "source", "name", "frame"]
SHOWN = 5

Prefer = Literal["", "first", "last"]


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge came to, as counts."""

    cells: int
    """Cells in the merged folder."""

    new: int
    """Those of them that it lacked before."""

    plans: int
    """Plans taken over."""

    runs: int
    """Records of runs taken over."""

    estimates: int
    """Cells whose kept estimates were taken over."""

    conflicts: tuple[str, ...]
    """A sentence for each score that had two values."""


def merge(
    out: str | Path,
    sources: Sequence[str | Path],
    prefer: Prefer = "",
    wait: bool = False,
    notice: Callable[[str], None] = lambda text: None,
    join: bool = False,
) -> Merged:
    """Take the results of the folders `sources` into `out`, which may hold some already.

    A stage that is ok somewhere counts, wherever it failed. Two values of one score that differ by more than TOLERANCE
    are a conflict: nothing is written then, unless `prefer` says whether the first holder counts (`out` comes before
    the sources, in their order) or the last. Killed at any instant, it is finished by doing it again. notice: told whom
    it waits for, and which files are damaged, whose cells do not count. join: make one grid of those of one name that
    differ in their separators alone; see `joining`. Raises SoundstageError.
    """
    stores = [Store(source).open_existing() for source in sources]
    target = Store(out)
    if any(store.path == target.path for store in stores):
        raise SoundstageError(f"{target.path} is both read and written; name another folder to merge into")
    with target.writing(wait, notice):
        for store in stores:
            store.cells.check()
            store.plans()
            for sentence in (*store.damage, *runs.damaged(store.files)):
                notice(sentence)
        conflicts = [sentence for store in stores for sentence in _conflicts([target, *stores], store)]
        if conflicts and not prefer:
            more = f"; and {len(conflicts) - SHOWN} more" if len(conflicts) > SHOWN else ""
            raise SoundstageError(
                f"{len(conflicts)} scores have two values: {'; '.join(conflicts[:SHOWN])}{more}. Nothing was merged;"
                " choose with --prefer first or --prefer last"
            )
        whole = _joined_plans([target, *stores]) if join else []
        before = len(target.addresses())
        for store in stores:
            _take_cells(target, store, prefer)
        counts = [_take_plans(target, stores), _take_runs(target, stores)]
        counts.append(_take_estimates(target, stores, notice))
        for plan in whole:
            target.save_plan(plan)
        after = len(target.addresses())
    return Merged(after, after - before, counts[0], counts[1], counts[2], tuple(conflicts))


def _conflicts(stores: Sequence[Store], store: Store) -> Iterator[str]:
    """A sentence for each score of the store that an earlier one of the stores has another value of."""
    earlier = stores[: stores.index(store)]
    for other in earlier:
        theirs = set(other.addresses())
        for address in _side_by_side(other, store):
            if address in theirs:
                yield from _between(other, store, address)


def _side_by_side(first: Store, second: Store) -> list[str]:
    """The second one's cells in an order in which both are read with few changes of file."""
    return sorted(second.addresses(), key=lambda address: (first.cells.file(address), second.cells.file(address)))


def _between(first: Store, second: Store, address: str) -> Iterator[str]:
    left, right = first.cell(address), second.cell(address)
    if left is None or right is None:
        return
    (one, a), (two, b) = left, right
    for score in one.scores:
        if score in two.scores and one.scores[score].is_ok and two.scores[score].is_ok:
            different = differing(of_score(a, score), of_score(b, score))
            if different:
                yield (
                    f"cell {address[:12]}, {different}, in {first.path} ({_provenance(first, one, score)})"
                    f" and in {second.path} ({_provenance(second, two, score)})"
                )


def differing(a: pa.Table, b: pa.Table, tolerance: float = TOLERANCE) -> str:
    """What differs first between two tables of rows of one score; empty where they are alike within the tolerance."""
    if a.equals(b):
        return ""
    left, right = _keyed(a), _keyed(b)
    for key in left.keys() | right.keys():
        x, y = left.get(key), right.get(key)
        name = f"{key[2]} of {key[1]}" + (f", frame {key[3]}" if key[3] is not None else "")
        if x is None or y is None:
            return f"{name} is in one of them alone"
        if not (x == y or abs(x - y) <= tolerance * (1 + abs(y)) or (math.isnan(x) and math.isnan(y))):
            return f"{name} is {x!r} and {y!r}"
    return ""


def _keyed(rows: pa.Table) -> dict[tuple[Any, ...], float]:
    keys = zip(*(rows[name].to_pylist() for name in KEY), strict=True)
    return dict(zip(keys, rows["value"].to_pylist(), strict=True))


def of_score(rows: pa.Table, score: str) -> pa.Table:
    """The rows of one score."""
    return rows.filter(pa.compute.equal(rows["score"], score))


def _provenance(store: Store, record: CellRecord, score: str) -> str:
    run = record.scores[score].run or record.run
    facts: RunFacts = store.runs().get(run, {})
    versions = ", ".join(f"{name} {version}" for name, version in sorted(facts.get("versions", {}).items()))
    return f"run {run or 'unknown'} on {facts.get('host', 'an unknown host')}: {versions or 'versions unknown'}"


def _take_cells(target: Store, store: Store, prefer: Prefer) -> None:
    """Take over the cells in batches that are each whole or not there; a cell that would not change is passed over."""
    batch: list[tuple[CellRecord, pa.Table]] = []
    for address in _side_by_side(target, store):
        found = _joined(target, store, address, prefer)
        if found is not None:
            batch.append(found)
        if len(batch) == CELLS_PER_SEGMENT or sum(rows.num_rows for _, rows in batch) >= MANY_ROWS:
            target.commit_many(batch)
            batch = []
    if batch:
        target.commit_many(batch)


def _joined(target: Store, store: Store, address: str, prefer: Prefer) -> tuple[CellRecord, pa.Table] | None:
    """The cell as it should be in the target; None where it is so already."""
    found, there = store.cell(address), target.cell(address)
    if found is None or there is None:
        return found
    (new, theirs), (held, ours) = found, there
    taken = {score for score, stage in new.scores.items() if _is_better(stage, held.scores.get(score))}
    if prefer == "last":
        ok = [score for score, stage in new.scores.items() if stage.is_ok and score not in taken]
        taken |= {score for score in ok if differing(of_score(ours, score), of_score(theirs, score))}
    separated = _is_better(new.separation, held.separation)
    if not taken and not separated:
        return None
    base = new if separated or prefer == "last" else held
    scores = {score: of_run(stage, held, base.run) for score, stage in held.scores.items()}
    scores |= {score: of_run(new.scores[score], new, base.run) for score in taken}
    which = pa.array(sorted(taken), pa.string())
    kept = ours.filter(pa.compute.invert(pa.compute.is_in(ours["score"], which)))
    rows = pa.concat_tables([kept, theirs.filter(pa.compute.is_in(theirs["score"], which))])
    return CellRecord(address, base.separation, scores, base.scene, base.run), rows.cast(ROWS)


def _is_better(new: Stage, held: Stage | None) -> bool:
    return held is None or (new.is_ok and not held.is_ok)


def _take_plans(target: Store, stores: Sequence[Store]) -> int:
    held = {plan.facts["id"]: plan.facts.get("created", "") for plan in target.plans()}
    taken = 0
    for plan in (plan for store in stores for plan in store.plans()):
        if plan.facts.get("created", "") > held.get(plan.facts["id"], ""):
            taken += plan.facts["id"] not in held
            held[plan.facts["id"]] = plan.facts.get("created", "")
            target.put_plan(plan)
    return taken


def _joined_plans(stores: Sequence[Store]) -> list[StoredPlan]:
    """One grid of each name of which there are several. Raises SoundstageError where they cannot be one."""
    by_name: dict[str, dict[str, StoredPlan]] = {}
    for plan in (plan for store in stores for plan in store.plans()):
        by_name.setdefault(plan.facts["name"], {}).setdefault(plan.facts["hash"], plan)
    return [joined([*plans.values()]) for plans in by_name.values() if len(plans) > 1]


def _take_runs(target: Store, stores: Sequence[Store]) -> int:
    held = {*target.runs()}
    taken = 0
    for store in stores:
        for run in store.runs():
            if run not in held:
                held.add(run)
                target.files.write(f"runs/{run}.json", store.files.read(f"runs/{run}.json"))
                taken += 1
    return taken


def _take_estimates(target: Store, stores: Sequence[Store], notice: Callable[[str], None]) -> int:
    held = {*estimates.kept(target.files)}
    taken = 0
    for store in stores:
        for address in estimates.kept(store.files):
            wrong = [] if address in held else list(estimates.damaged(store.files, address))
            for sentence in wrong:
                notice(f"{store.path}/{sentence}")
            if address not in held and not wrong:
                held.add(address)
                estimates.copy(store.files, target.files, address)
                taken += 1
    return taken
