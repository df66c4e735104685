"""Fills a results folder: skips what is done, runs the rest, and commits every cell the moment it is done."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from soundstage.errors import NotInstalled, SoundstageError, suggestion
from soundstage.planning.jobs import Job, Only, check_only, chosen, jobs_left
from soundstage.planning.plan import CellSpec, Plan, Problem
from soundstage.planning.stored import stored
from soundstage.results.records import STATUSES, CellRecord, RunFacts, Stage, joined
from soundstage.results.store import Store
from soundstage.running.executors import EXECUTORS, executor_of
from soundstage.running.executors.contract import OnStart
from soundstage.running.heartbeat import Pulse
from soundstage.running.listener import Listener, Silence
from soundstage.running.provenance import provenance, run_id
from soundstage.running.worker import Settings

DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


OK = Stage("ok")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to, in cells: planned in all, found done, run now; of all planned, those with a metric that is
    not ok (troubled), and those with one that is (usable). earlier, now: what went wrong in cells found done
    and in those run now, each sentence once. left: cells that lack something and were not asked for. again: the
    statuses of what went wrong earlier, as `--retry` takes them.
    """

    grid: str
    revision: int
    hash: str
    out: Path | str
    planned: int
    cached: int
    ran: int
    troubled: int
    usable: int
    earlier: tuple[str, ...]
    now: tuple[str, ...]
    left: int = 0
    again: tuple[str, ...] = ()


def run_plan(
    plan: Plan,
    out: Path | str,
    *,
    workers: int = 1,
    keep_estimates: bool = False,
    retry: Collection[str] = (),
    device: str = "auto",
    timeout_s: float | None = None,
    memory_limit: int | None = None,
    executor: str = "",
    scheduler: str = "",
    listener: Listener | None = None,
    only: Only | None = None,
    limit: int | None = None,
    wait: bool = False,
) -> Summary:
    """Run what the store lacks of a plan and commit it cell by cell.

    workers: 1 runs in this process, more in a pool. retry: statuses to run again; what has been installed since always
    is. device: where separators load. timeout_s, memory_limit: the seconds that a cell may take and the bytes that its
    worker may hold; they need a process that can be killed, so one worker too is then a pool. executor: one of
    EXECUTORS, by default what workers and limits ask for. scheduler: the address of Dask's; none for a local cluster.
    only: which part of the grid; limit: how many cells at most. wait: for who writes to the folder. Raises
    SoundstageError where the folder cannot hold results, or another process writes there, or the disk is full.
    """
    listener = listener or Silence()
    limited = timeout_s is not None or memory_limit is not None
    executor = executor or ("dask" if scheduler else "processes" if workers > 1 or limited else "inline")
    if executor not in EXECUTORS:
        raise SoundstageError(f"unknown executor '{executor}'{suggestion(executor, EXECUTORS)}")
    if executor == "inline" and (workers > 1 or limited):
        raise SoundstageError(
            "--executor inline has one worker and can kill nothing; leave out --workers and the limits"
        )
    if scheduler and executor != "dask":
        raise SoundstageError("--scheduler goes with --executor dask")
    if workers < 1:
        raise SoundstageError(f"--workers must be 1 or more, not {workers}")
    if timeout_s is not None and not timeout_s > 0:
        raise SoundstageError(f"--timeout must be more than 0 seconds, not {timeout_s:g}")
    if memory_limit is not None and memory_limit <= 0:
        raise SoundstageError(f"--memory-limit must be more than 0 bytes, not {memory_limit}")
    if not all(DEVICE.fullmatch(one) for one in device.split(",")):
        raise SoundstageError(f"unknown device '{device}'; known: auto, cpu, cuda, cuda:N, mps")
    for status in retry:
        if status not in STATUSES:
            raise SoundstageError(f"unknown status '{status}'{suggestion(status, STATUSES)}")
    check_only(plan, only)
    store = Store(out)
    with store.writing(wait, listener.noticed) as lease:
        store.save_plan(stored(plan))
        held = {address: _gist(record) for address, record in store.records(_addresses(plan)).items()}
        todo = jobs_left(plan, held, retry)
        jobs = chosen(todo, only, limit)
        listener.planned(plan, jobs, len(todo) - len(jobs))
        if jobs:
            settings = Settings(out, run_id(), keep_estimates, device, timeout_s, memory_limit)
            pulse = Pulse(plan, len(jobs), settings.run)
            lease.tell = pulse.facts
            started = datetime.now(UTC)
            store.save_run(settings.run, provenance(plan, workers, started, None))
            jobs = _with_environments(jobs, listener)
            execute = executor_of(executor, workers, scheduler)
            with closing(execute(jobs, settings, _both(pulse.started, listener.started))) as outcomes:
                for outcome in outcomes:
                    store.commit(outcome.record, outcome.rows)
                    address = outcome.record.address
                    held[address] = joined(held.get(address), _gist(outcome.record))
                    pulse.finished(outcome)
                    listener.finished(outcome)
                    lease.check()
            ended: RunFacts = {**provenance(plan, workers, started, datetime.now(UTC)), "cells_there": len(held)}
            store.save_run(settings.run, ended)
    usable = sum(_any_ok(cell.scores, held.get(cell.address)) for cell in plan.cells)
    troubled = sum(not _all_ok(cell.scores, held[cell.address]) for cell in plan.cells if cell.address in held)
    grid = plan.grid
    ran = {job.cell.address for job in jobs}
    earlier = _reasons([cell for cell in plan.cells if cell.address not in ran], held)
    now = _reasons([cell for cell in plan.cells if cell.address in ran], held)
    counts = (len(plan.cells), len(plan.cells) - len(todo), len(jobs), troubled, usable)
    again = _statuses([cell for cell in plan.cells if cell.address not in ran], held)
    return Summary(grid.name, grid.revision, plan.hash, out, *counts, earlier, now, len(todo) - len(jobs), again)


def _both(first: OnStart, second: OnStart) -> OnStart:
    def started(job: Job, worker: int) -> None:
        first(job, worker)
        second(job, worker)

    return started


def _addresses(plan: Plan) -> list[str]:
    return [cell.address for cell in plan.cells]


def _gist(record: CellRecord) -> CellRecord:
    """What a run needs to remember of a cell, so that its memory does not grow with what cells are told."""
    scores = {address: _brief(stage) for address, stage in record.scores.items()}
    return CellRecord(record.address, _brief(record.separation), scores)


def _brief(stage: Stage) -> Stage:
    return OK if stage.is_ok else Stage(stage.status, stage.error)


def _with_environments(jobs: Sequence[Job], listener: Listener) -> list[Job]:
    """The jobs, the environments of their separator scripts made now: later it would count as a cell's time.

    What cannot be made is the problem of its cells.
    """
    from soundstage.isolation import environment
    from soundstage.isolation.script import read_script

    problems: dict[str, Problem | None] = {}
    for job in jobs:
        choice = job.cell.separator
        if choice.label in problems or job.cell.problem or choice.plugin.script is None:
            continue
        problems[choice.label] = None
        script = read_script(choice.plugin.script)
        try:
            if environment.interpreter(script) is None:
                listener.preparing(f"making the environment of {choice.label}, once")
                environment.make(script)
        except NotInstalled as error:
            problems[choice.label] = Problem("not-installed", f"separator '{choice.label}': {error}")
    return [
        replace(job, cell=replace(job.cell, problem=problem))
        if (problem := problems.get(job.cell.separator.label))
        else job
        for job in jobs
    ]


def _any_ok(scores: Mapping[str, str], record: CellRecord | None) -> bool:
    stages = record.scores if record else {}
    return any(address in stages and stages[address].is_ok for address in scores.values())


def _all_ok(scores: Mapping[str, str], record: CellRecord | None) -> bool:
    stages = record.scores if record else {}
    return all(stages[address].is_ok for address in scores.values() if address in stages)


def _troubles(cells: Sequence[CellSpec], held: Mapping[str, CellRecord]) -> Iterator[Stage]:
    """The stages of these cells that went wrong; what was skipped because of it is left out."""
    for cell in cells:
        record = held.get(cell.address)
        if record is not None:
            scores = [record.scores[address] for address in cell.scores.values() if address in record.scores]
            yield from (stage for stage in (record.separation, *scores) if stage.went_wrong)


def _reasons(cells: Sequence[CellSpec], held: Mapping[str, CellRecord]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(stage.error for stage in _troubles(cells, held)))


def _statuses(cells: Sequence[CellSpec], held: Mapping[str, CellRecord]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(stage.status for stage in _troubles(cells, held)))
