"""`soundstage status`: how a run goes, seen from another terminal or machine."""

from __future__ import annotations

from pathlib import Path

import click

from soundstage.cli.options import results_folder, which_grid
from soundstage.cli.saying import say, say_lines


@click.command("status")
@results_folder
@which_grid
@click.option("--errors", is_flag=True, help="Everything that went wrong, with where in the code it came up.")
def command(results: Path | str, grid: str, errors: bool) -> None:
    """Say how many cells of the folder RESULTS are done, failed and left, and what is being run now and by whom."""
    from soundstage.report.text import duration
    from soundstage.results.loading import load_states
    from soundstage.results.locking import STALE_S
    from soundstage.results.store import Store
    from soundstage.running.heartbeat import progress

    store = Store(results)
    plan = store.plan(grid)
    facts, states = plan.facts, load_states(store, plan)
    counts = {name: states.count(name) for name in ("ok", "failed", "left")}
    say(f"{facts['name']} · revision {facts['revision']} · {facts['hash'][:8]}: {len(states)} cells")
    say(f"{counts['ok']} done, {counts['failed']} with trouble, {counts['left']} left")
    for sentence in store.damage:
        say(sentence)
    if errors:
        _show_errors(results, grid)
        return
    writer = store.writer()
    if writer is None:
        say("nobody writes there now")
        return
    if not writer.is_alive:
        say(
            f"{writer} ended without a word, last heard of {duration(writer.silent_s)} ago;"
            " the same command goes on from there"
        )
        return
    quiet = f"; not heard of for {duration(writer.silent_s)}" if writer.silent_s > STALE_S / 2 else ""
    say(f"written by {writer}{quiet}")
    found = progress(writer.facts, writer.beat)
    if found is None:
        return
    say(
        f"this run: {found.done} done, {found.failed} with trouble, {found.left} left, for"
        f" {duration(found.elapsed_s)}; {found.speed:.3g} s of audio a second"
        + (f"; about {duration(found.left_s)} left" if found.left_s is not None else "")
    )
    for worker, title, seconds in found.working:
        say(f"  worker {worker}: {title}, for {duration(seconds)}")


def _show_errors(results: Path | str, grid: str) -> None:
    """Each trouble once: in how many cells it came up, in which first, and its traceback."""
    from soundstage.report.text import counted
    from soundstage.results.loading import load_results

    rows = load_results(results, grid).rows
    rows = rows[~rows["status"].isin(["ok", "skipped"])]
    for (status, _), same in rows.groupby(["status", "note"], sort=False, observed=True):
        first = same.iloc[0]
        at = " · ".join(str(first[name]) for name in ("track", "placement", "spatializer", "separator") if first[name])
        say(f"{status} in {counted(len(same), 'cell')}, first: {at}", bold=True)
        say_lines(first["note"])
        say_lines(first["error"] if first["error"] != first["note"] else "")
    if not len(rows):
        say("nothing went wrong")
