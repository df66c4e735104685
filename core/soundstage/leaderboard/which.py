"""Which separators suit: what is asked of source, device, cost and licence, and the best of those that have it.

Who is left out is left out before anything is ranked, so that the others are compared on the scores that they share.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

from soundstage.errors import SoundstageError, meant, suggestion
from soundstage.heard import Heard
from soundstage.leaderboard.board import Column, Coverage, Row, Section, Value
from soundstage.leaderboard.build import make_leaderboard
from soundstage.leaderboard.choice import shown_columns, tables_asked_for
from soundstage.leaderboard.protocols import DEFAULT, Aggregation
from soundstage.results.loading import Results
from soundstage.results.records import CellRecord, RunFacts
from soundstage.results.store import Store

if TYPE_CHECKING:
    import pandas

NOT_TOLD = "not told"
"""The device of a cell whose separator says nothing of it, on a machine that has more than a processor."""

USELESS = {"ceiling": "is the ceiling", "oracle": "is an oracle, which needs the references", "floor": "is a floor"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for. Empty, and None, asks for nothing."""

    source: str = ""
    device: str = ""
    """Where the costs were measured: cpu, cuda or mps."""

    most: float | None = None
    """The real-time factor that must not be exceeded, in seconds of separating a second of audio."""

    below_real_time: bool = False
    licences: tuple[str, ...] = ()
    """Any of them will do, in any case: MIT, Apache-2.0, …"""

    @property
    def text(self) -> str:
        """The question in words."""
        parts = [f"for {self.source}" if self.source else "for all sources"]
        parts += [f"on {self.device}"] if self.device else []
        parts += ["below real time"] if self.below_real_time else []
        parts += [f"at a real-time factor of {self.most:g} at most"] if self.most is not None else []
        parts += [f"under {' or '.join(self.licences)}"] if self.licences else []
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Took:
    """What separating took on one device, over the cells that ran there."""

    device: str
    cells: int
    real_time_factor: float | None
    """Seconds of separating a second of audio, median over cells; the greatest of any. None where not measured."""

    slowest: float | None
    peak_mb: float | None
    machines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pick:
    """A separator that has what is asked for. tied: whether it cannot be told apart from the first; None for the first
    itself, and where there are too few songs to say."""

    separator: str
    rank: int
    value: Value
    ranks: tuple[int, int] | None
    group: str
    tied: bool | None
    took: tuple[Took, ...]
    licence: str
    needs: tuple[str, ...]
    coverage: Coverage
    trained_on_them: Heard | str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A separator that has not, and why."""

    separator: str
    why: str


@dataclass(frozen=True, slots=True)
class Picks:
    """One table. group: what it is of, empty for all. songs: of how many songs its values are. more: how many picks
    there are beyond those asked for; tied_more: how many of these cannot be told apart from the first."""

    group: Mapping[str, str]
    picks: tuple[Pick, ...]
    left_out: tuple[LeftOut, ...]
    songs: int
    more: int
    tied_more: int


@dataclass(frozen=True, slots=True)
class Selection:
    """The answer. tables: one for each of what the grid differs in; left_out: who is in none of them; notes: what the
    numbers cannot promise."""

    title: str
    asked: Asked
    column: Column | None
    protocol: Aggregation | None
    tables: tuple[Picks, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing has what is asked for."""
        return not any(table.picks for table in self.tables)


def select(
    store: Store,
    results: Results,
    asked: Asked,
    *,
    licences: Mapping[str, str],
    by: Sequence[str] | None = None,
    metric: str = "",
    protocol: str = DEFAULT,
    top: int | None = None,
) -> Selection:
    """The separators of a grid's results that have what is asked for, best first, and why the others have not.

    licences: of each separator, as the registry states it; empty where it does not. by: as for the leaderboard. metric:
    a measure, or a metric whose first measure it is; by default the leaderboard's first. top: how many of each table.
    Raises SoundstageError for names that the results don't have.
    """
    facts = results.facts
    asked = replace(asked, source=_source(results, asked.source))
    took = _took(store, results)
    left: list[LeftOut] = []
    kept: list[str] = []
    for name, about in facts["separators"].items():
        why = USELESS.get(about["role"], "") or _why_not(asked, took.get(name, ()), licences.get(name, ""))
        if why:
            left.append(LeftOut(name, why))
        else:
            kept.append(name)
    title = f"{facts['name']} · revision {facts['revision']} · {facts['hash'][:8]}"
    groups = tables_asked_for(results.cells, by)
    if not kept:
        return Selection(title, asked, None, None, (), tuple(left), ())
    first = shown_columns(facts, [metric] if metric else ())[0]
    board = make_leaderboard(
        _of(results, kept),
        by=[*(group for group in groups if group != "source"), *(["source"] if asked.source else [])],
        metrics=[metric or first.metric],
        rank_by=f"{first.metric}.{first.name}",
        protocol=protocol,
    )
    column = board.ranked_by
    tables = []
    for section in board.sections:
        if section.group.get("source", asked.source) == asked.source:
            suits = {name: tuple(one for one in took.get(name, ()) if _is_on(one, asked.device)) for name in kept}
            needs = {name: tuple(facts["separators"][name].get("needs", ())) for name in kept}
            tables.append(_picks(section, column, suits, licences, needs, top))
    shown = {pick.separator for table in tables for pick in table.picks}
    notes = tuple(_notes(asked, took, [name for name in kept if name in shown], results))
    return Selection(title, asked, column, board.protocol, tuple(tables), tuple(left), notes)


def _source(results: Results, wanted: str) -> str:
    if not wanted:
        return ""
    known = [str(source) for source in results.rows["source"].dropna().unique() if source]
    found = meant(wanted, known)
    if not found:
        raise SoundstageError(f"the results have no source '{wanted}'{suggestion(wanted, known)}")
    return found


def _of(results: Results, separators: Collection[str]) -> Results:
    """The results of these separators alone."""

    def own(frame: pandas.DataFrame) -> pandas.DataFrame:
        rows = frame[frame["separator"].isin(list(separators))]
        return rows.assign(separator=rows["separator"].cat.remove_unused_categories())

    known = {name: results.facts["separators"][name] for name in separators}
    return replace(
        results, facts={**results.facts, "separators": known}, cells=own(results.cells), rows=own(results.rows)
    )


def _picks(
    section: Section,
    column: Column,
    took: Mapping[str, tuple[Took, ...]],
    licences: Mapping[str, str],
    needs: Mapping[str, tuple[str, ...]],
    top: int | None,
) -> Picks:
    ranked = [row for row in section.rows if row.rank is not None]
    first = ranked[0] if ranked else None
    picks = tuple(
        Pick(
            separator=row.separator,
            rank=row.rank or 0,
            value=row.values[column],
            ranks=row.standing.ranks if row.standing else None,
            group=row.group,
            tied=_tied(row, first),
            took=took[row.separator],
            licence=licences.get(row.separator, ""),
            needs=needs[row.separator],
            coverage=row.coverage,
            trained_on_them=row.trained_on_them,
        )
        for row in ranked
    )
    left = tuple(LeftOut(row.separator, _unranked(row, column)) for row in section.rows if row.rank is None)
    group = {key: value for key, value in section.group.items() if key != "source"}
    kept, more = picks[:top], picks[len(picks[:top]) :]
    return Picks(group, kept, left, section.scores[column].songs, len(more), sum(pick.tied is True for pick in more))


def _tied(row: Row, first: Row | None) -> bool | None:
    if first is None or row is first or not row.group:
        return None
    return bool(set(row.group) & set(first.group))


def _unranked(row: Row, column: Column) -> str:
    if row.is_apart:
        return "was trained on these songs, so its scores here promise nothing"
    return f"has no score of {column.label} that the others have too"


def _why_not(asked: Asked, took: Sequence[Took], licence: str) -> str:
    """Why a separator has not what is asked for; empty where it has."""
    if asked.licences and not _is_under(licence, asked.licences):
        return f"its licence is {licence}" if licence else "its licence is not stated in the registry here"
    here = [one for one in took if _is_on(one, asked.device)]
    if asked.device and not here:
        return _elsewhere(asked.device, took)
    if not asked.below_real_time and asked.most is None:
        return ""
    known = [one.real_time_factor for one in here if one.real_time_factor is not None]
    if not known:
        return "what separating takes was not measured"
    if asked.below_real_time and min(known) >= 1.0:
        return f"takes {min(known):.2g} times as long as the audio lasts"
    if asked.most is not None and min(known) > asked.most:
        return f"its real-time factor is {min(known):.2g}"
    return ""


def _is_on(took: Took, device: str) -> bool:
    return not device or took.device.partition(":")[0] == device


def _elsewhere(device: str, took: Sequence[Took]) -> str:
    others = [one.device for one in took]
    if not others:
        return "has separated nothing here"
    if NOT_TOLD in others:
        return "does not tell on which device it ran, on a machine that may have a GPU"
    return f"ran on {', '.join(others)} and not on {device}"


def _is_under(licence: str, wanted: Iterable[str]) -> bool:
    """Whether every licence that is stated, of code and of weights, is one of the wanted."""
    stated = [part.partition(";")[0].strip().casefold() for part in licence.split(" · ")]
    return bool(licence) and all(part in {word.casefold() for word in wanted} for part in stated)


def _took(store: Store, results: Results) -> dict[str, tuple[Took, ...]]:
    """What separating took, of each separator on each device."""
    plan = store.plan(results.facts["id"])
    names = dict(zip(plan.cells["cell"].to_pylist(), plan.cells["separator"].to_pylist(), strict=True))
    runs = store.runs()
    cells: dict[str, dict[str, list[tuple[CellRecord, str]]]] = {}
    for address, record in store.records(list(names)).items():
        if record.separation.is_ok:
            facts: RunFacts = runs.get(record.separation.run or record.run, {})
            device = _device(record, facts)
            cells.setdefault(names[address], {}).setdefault(device, []).append((record, _machine(facts, device)))
    return {
        name: tuple(_summed(device, found) for device, found in by_device.items()) for name, by_device in cells.items()
    }


def _summed(device: str, cells: Sequence[tuple[CellRecord, str]]) -> Took:
    costs = [record.cost for record, _ in cells]
    factors = [cost[0] for cost in costs if cost[0] is not None and math.isfinite(cost[0])]
    peaks = [cost[1] for cost in costs if cost[1] is not None and math.isfinite(cost[1])]
    return Took(
        device=device,
        cells=len(cells),
        real_time_factor=median(factors) if factors else None,
        slowest=max(factors, default=None),
        peak_mb=max(peaks, default=None),
        machines=tuple(sorted({machine for _, machine in cells})),
    )


def _device(record: CellRecord, run: RunFacts) -> str:
    """Where a cell was separated: what the separator tells; else a processor, where the machine has nothing else."""
    told = record.separation.details.get("device")
    if isinstance(told, str) and told:
        return told
    if (record.cost[2] or 0.0) > 0.0:
        return "cuda"
    return "cpu" if run.get("gpus") == [] else NOT_TOLD


def _machine(run: RunFacts, device: str) -> str:
    """What a reader must know of the machine to judge a cost."""
    if run.get("provenance") == "claimed" or not run:
        return "an unknown machine"
    gpus = "; ".join(run.get("gpus", ()))
    processor = run.get("processor") or run.get("machine") or "an unknown processor"
    of = gpus if device.startswith("cuda") and gpus else f"{processor}, {run.get('cpus') or '?'} cores"
    workers = run.get("workers", 1)
    return f"{of}{f', {workers} workers at once' if workers > 1 else ''}"


def _notes(asked: Asked, took: Mapping[str, Sequence[Took]], shown: Sequence[str], results: Results) -> Iterator[str]:
    """What the costs, licences and scores do not promise."""
    where: dict[str, list[str]] = {}
    for name in shown:
        for one in took.get(name, ()):
            if _is_on(one, asked.device) and one.real_time_factor is not None:
                for machine in one.machines:
                    where.setdefault(machine, []).append(name)
    if where:
        told = "; ".join(
            machine if len(where) == 1 else f"{', '.join(dict.fromkeys(names))} on {machine}"
            for machine, names in where.items()
        )
        yield (
            "RTF: seconds of separating a second of audio, median over cells (slowest of any in brackets), loading the"
            f" model and rendering left out; each cell measured once, on {told}. Another machine has others."
        )
    if len(where) > 1:
        yield "They were not all timed on one machine, so their costs are not comparable as they stand."
    claimed = [name for name in shown if results.facts["separators"][name].get("claimed")]
    if claimed:
        yield f"claimed, not measured here: the scores of {', '.join(claimed)} were imported from files"
    if asked.licences:
        yield "Licences are those of code and weights as the registry here states them; what is not stated is left out."
