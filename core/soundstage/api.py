"""Soundstage from Python: run a grid, load its results, score a folder of stems."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundstage.errors import SoundstageError
from soundstage.files import location
from soundstage.grid import find_grid, read_grid
from soundstage.plan import Plan, make_plan
from soundstage.recipe import check_locked
from soundstage.registry import Registry
from soundstage.runner import Listener, Summary, run_plan
from soundstage.selection import Only

if TYPE_CHECKING:
    import pandas


def run(
    grid: str | Path | Mapping[str, Any],
    out: str | Path,
    *,
    data: Mapping[str, str | Path] | None = None,
    registry: Collection[str | Path] = (),
    workers: int = 1,
    keep: Collection[str] = (),
    retry: Collection[str] = (),
    listener: Listener | None = None,
    only: Only | None = None,
    limit: int | None = None,
    wait: bool = False,
) -> Summary:
    """Fill a grid and keep its results in the folder `out`; what is there already is not computed again.

    grid: a name in the registry, a TOML file, or a mapping like a TOML grid's (it is called "custom", or what its
    "name" says). data: dataset name → root folder. registry: TOML files that extend the registry. workers: 1 runs in
    this process; more start processes, so call it under `if __name__ == "__main__":`. keep: {"estimates"} keeps what
    the separators made. retry: statuses to run again. Raises SoundstageError where nothing can be run.
    """
    for what in keep:
        if what != "estimates":
            raise SoundstageError(f"cannot keep '{what}'; what can be kept is: estimates")
    plan = plan_of(grid, data=data, registry=registry)
    return run_plan(
        plan,
        location(out),
        workers=workers,
        keep_estimates="estimates" in keep,
        retry=retry,
        listener=listener,
        only=only,
        limit=limit,
        wait=wait,
    )


def plan_of(
    grid: str | Path | Mapping[str, Any],
    *,
    data: Mapping[str, str | Path] | None = None,
    registry: Collection[str | Path] = (),
) -> Plan:
    """The plan of a grid: its cells and their addresses; nothing is run. The arguments are those of `run`.

    Raises SoundstageError where a name is wrong, or where a lock file's grid would not be what was locked.
    """
    known = Registry.load([Path(file) for file in registry])
    if isinstance(grid, Mapping):
        table = dict(grid)
        found = read_grid(str(table.pop("name", "custom")), table, None)
    else:
        found = find_grid(grid, known)
    known.set_roots({name: Path(root) for name, root in (data or {}).items()})
    plan = make_plan(found, known)
    check_locked(plan)
    return plan


def load(path: str | Path, grid: str = "") -> pandas.DataFrame:
    """The results of a grid as a tidy DataFrame, one row a score, frames included.

    Columns: dataset, track, placement, spatializer, seed, separator, metric, source, name, unit, value, frame (NA for
    the whole track), note, ranked, status, error, cell. A separation or a metric that is not ok is a row with its
    status and traceback and no value. grid: a name or hash where the folder holds several; the newest by default.
    Raises SoundstageError where the folder holds no results.
    """
    from soundstage.results import load_results

    rows = load_results(location(path), grid).rows
    texts = rows.columns[rows.dtypes == "category"]
    return rows.assign(**{name: rows[name].astype(rows[name].cat.categories.dtype) for name in texts})


def score(
    reference: str | Path,
    estimate: str | Path,
    *,
    metrics: Collection[str] = (),
    registry: Collection[str | Path] = (),
) -> pandas.DataFrame:
    """The scores of one folder of stems against another as a tidy DataFrame, one row a score, frames included.

    reference, estimate: folders of one layout, either one song's stems (`vocals.wav`, …) or a sub-folder a song; a
    `mixture` among the references is the song's own. metrics: names or variants; by default sdr, si_sdr, spauq
    and bsseval, as far as they are installed. registry: TOML files that extend the registry. Nothing is kept on disk.
    Columns: track, metric, source, name, unit, value, frame (NA for the whole track), note, ranked, status, error. A
    song that cannot be scored is a row with its status and error. Raises SoundstageError where no song can be.
    """
    from soundstage.scoring import score_folders

    return score_folders(Path(reference), Path(estimate), list(metrics), registry).scores
