"""Fills a results folder: skips what is done, runs the rest, and commits every cell the moment it is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from soundstage.errors import NotInstalled
from soundstage.planning.jobs import Job, check_only, chosen, jobs_left
from soundstage.planning.plan import CellSpec, Plan, Problem
from soundstage.planning.stored import stored
from soundstage.results.records import CellRecord, Stage, brief, joined
from soundstage.results.store import Store
from soundstage.running.executors import executor_of
from soundstage.running.executors.contract import OnStart
from soundstage.running.executors.starting import refuse_in_a_starting_worker, refuse_where_no_worker_starts
from soundstage.running.heartbeat import Pulse
from soundstage.running.isolated import isolated
from soundstage.running.listener import Listener, Silence
from soundstage.running.options import RunOptions
from soundstage.running.provenance import provenance, run_id
from soundstage.running.worker import Settings

MOST_NOTICES = 20
"""Notices of scenes that are told as they come; the leaderboard and the records have all."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to, in cells: planned in all, found done, run now; of all planned, those with a metric that is
    not ok (troubled), and those with one that is (usable). earlier, now: what went wrong in cells found done
    and in those run now, each sentence once. left: cells that lack something and were not asked for. again: the
    statuses of what went wrong earlier, as `--retry` takes them. crashed: the titles of the cells that took their
    workers with them; killed: of those whose workers somebody else killed every time, which the next run tries again.
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
    crashed: tuple[str, ...] = ()
    killed: tuple[str, ...] = ()


def run_plan(
    plan: Plan, out: Path | str, options: RunOptions | None = None, listener: Listener | None = None
) -> Summary:
    """Run what the store lacks of a plan and commit it cell by cell.

    Raises SoundstageError where the folder cannot hold results, or another process writes there, or the disk is full,
    or the grid has nothing of what `options.only` names.
    """
    options, listener = options or RunOptions(), listener or Silence()
    check_only(plan, options.only)
    refuse_in_a_starting_worker()
    if options.runs_in != "inline" and not options.scheduler:
        refuse_where_no_worker_starts()
    store = Store(out)
    with store.writing(options.wait, listener.noticed) as lease:
        store.save_plan(stored(plan))
        held = store.briefs([cell.address for cell in plan.cells])
        todo = jobs_left(plan, held, options.retry)
        jobs = chosen(todo, options.only, options.limit)
        listener.planned(plan, jobs, len(todo) - len(jobs))
        if options.keep:
            _say_what_is_not_kept(plan, todo, store, listener)
        if jobs:
            apart = isolated(plan) if options.isolate else ()
            if readers := [label for label, needs in apart if "references" in needs]:
                listener.noticed(
                    f"{', '.join(readers)}: given copies of the references, as declared, in processes of their own; the"
                    " other separators are isolated from them"
                )
            settings = Settings.of(out, run_id(), options, apart)
            pulse = Pulse(plan, len(jobs), settings.run)
            lease.tell = pulse.facts
            started = datetime.now(UTC)
            store.save_run(settings.run, provenance(plan, options.workers, started, None, apart, options.scorers))
            jobs = _with_environments(jobs, listener)
            execute = executor_of(options.runs_in, options.workers, options.scheduler, options.scorers)
            told: set[str] = set()
            with closing(execute(jobs, settings, _both(pulse.started, listener.started))) as outcomes:
                for outcome in outcomes:
                    store.commit(outcome.record, outcome.rows)
                    address = outcome.record.address
                    held[address] = joined(held.get(address), brief(outcome.record))
                    pulse.finished(outcome)
                    for sentence in outcome.record.notices:
                        if sentence not in told and len(told) < MOST_NOTICES:
                            told.add(sentence)
                            listener.noticed(f"track '{outcome.job.cell.scene.track_name}': {sentence}")
                    listener.finished(outcome)
                    lease.check()
            ended = provenance(plan, options.workers, started, datetime.now(UTC), apart, options.scorers)
            ended["cells_there"] = len(held)
            store.save_run(settings.run, ended)
    usable = sum(_any_ok(cell.scores, held.get(cell.address)) for cell in plan.cells)
    troubled = sum(not _all_ok(cell.scores, held[cell.address]) for cell in plan.cells if cell.address in held)
    grid = plan.grid
    ran = {job.cell.address for job in jobs}
    earlier = _reasons([cell for cell in plan.cells if cell.address not in ran], held)
    now = _reasons([cell for cell in plan.cells if cell.address in ran], held)
    counts = (len(plan.cells), len(plan.cells) - len(todo), len(jobs), troubled, usable)
    again = _statuses([cell for cell in plan.cells if cell.address not in ran], held)
    left = len(todo) - len(jobs)
    lost = _crashed(plan.cells, held)
    return Summary(grid.name, grid.revision, plan.hash, out, *counts, earlier, now, left, again, *lost)


def _say_what_is_not_kept(plan: Plan, todo: Sequence[Job], store: Store, listener: Listener) -> None:
    """Estimates are kept when they are made: those of cells that are done would have to be made again."""
    left = {job.cell.address for job in todo}
    kept = store.kept_estimates()
    done = [cell for cell in plan.cells if not cell.problem and cell.address not in left | kept]
    if done:
        listener.noticed(
            f"{len(done)} of the cells are done and their estimates were not kept; to have those too, run again with"
            " ok among the statuses to retry, or into another folder"
        )


def _both(first: OnStart, second: OnStart) -> OnStart:
    def started(job: Job, worker: int) -> None:
        first(job, worker)
        second(job, worker)

    return started


def _with_environments(jobs: Sequence[Job], listener: Listener) -> list[Job]:
    """The jobs, the environments of their scripts made now: later it would count as a cell's time.

    What cannot be made is the problem of its cells, or of its metric.
    """
    from soundstage.isolation import environment
    from soundstage.isolation.script import read_script

    problems: dict[tuple[str, str], Problem | None] = {}
    for job in jobs:
        metrics = [metric.choice for metric in job.metrics.values() if not metric.problem]
        for choice in [*([] if job.cell.problem else [job.cell.separator]), *metrics]:
            which = choice.kind, choice.label
            if which in problems or choice.plugin.script is None:
                continue
            problems[which] = None
            script = read_script(choice.plugin.script, choice.plugin.pins)
            try:
                if environment.interpreter(script) is None:
                    listener.preparing(f"making the environment of {choice.label}, once")
                    environment.make(script)
            except NotInstalled as error:
                problems[which] = Problem("not-installed", f"{choice.kind[:-1]} '{choice.label}': {error}")
    return [_with_problems(job, problems) for job in jobs]


def _with_problems(job: Job, problems: Mapping[tuple[str, str], Problem | None]) -> Job:
    cell, metrics = job.cell, job.metrics
    if problem := problems.get(("separators", cell.separator.label)):
        cell = replace(cell, problem=problem)
    lost = {label: problems.get(("metrics", label)) for label in metrics}
    if any(lost.values()):
        metrics = {label: replace(one, problem=one.problem or lost[label]) for label, one in metrics.items()}
    return Job(cell, metrics) if cell is not job.cell or metrics is not job.metrics else job


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


def _crashed(cells: Sequence[CellSpec], held: Mapping[str, CellRecord]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The titles of the cells that crashed by themselves, and of those whose workers somebody else killed."""
    found: dict[bool, list[str]] = {False: [], True: []}
    for cell in cells:
        stages = [stage for stage in _troubles([cell], held) if stage.status == "crashed"]
        if stages:
            found[all(stage.was_killed_from_outside for stage in stages)].append(cell.title)
    return tuple(found[False]), tuple(found[True])


def _reasons(cells: Sequence[CellSpec], held: Mapping[str, CellRecord]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(stage.error for stage in _troubles(cells, held)))


def _statuses(cells: Sequence[CellSpec], held: Mapping[str, CellRecord]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(stage.status for stage in _troubles(cells, held)))
