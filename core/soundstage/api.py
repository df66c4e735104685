"""Soundstage from Python: run a grid, load its results, write its scenes, score a folder of stems."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from soundstage.contracts import SCENE_KINDS
from soundstage.planning.cells import make_plan
from soundstage.planning.consent import check_lock_file
from soundstage.planning.jobs import Only
from soundstage.planning.lock import choices_of
from soundstage.planning.request import plan_of, resolved
from soundstage.planning.sources import unannounced
from soundstage.results.files import location
from soundstage.running.listener import Listener, Silence
from soundstage.running.options import RunOptions
from soundstage.running.runner import Summary, run_plan

if TYPE_CHECKING:
    import pandas

    from soundstage.rendering.dataset import Listener as RenderListener
    from soundstage.rendering.dataset import Rendered
    from soundstage.report.shown import Cards
    from soundstage.results.loading import Results


def run(
    grid: str | Path | Mapping[str, Any],
    out: str | Path,
    *,
    data: Mapping[str, str | Path] | None = None,
    registry: Collection[str | Path] = (),
    workers: int = 1,
    scorers: int = 0,
    keep: Collection[str] = (),
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
    show_output: bool = False,
    isolate: bool = False,
    trust: bool = False,
) -> Summary:
    """Fill a grid and keep its results in the folder `out`; what is there already is not computed again.

    grid: a name in the registry, a TOML file, or a mapping like a TOML grid's (it is called "custom", or what its
    "name" says). data: dataset name → root folder. registry: TOML files that extend the registry. workers: 1 runs in
    this process; more start processes, so call it under `if __name__ == "__main__":`. scorers: so many more processes
    render scenes for the workers and score what those separate. keep: {"estimates"} keeps what the separators made.
    retry: statuses to run again. device: where separators load: auto, cpu, cuda, cuda:N, mps. timeout_s, memory_limit:
    seconds a cell may take, and bytes its worker may hold, before it is killed. executor: inline, processes or dask;
    scheduler: the address of Dask's, for workers on other machines. only: a part of the grid, axis → names; limit: at
    most so many cells. wait: for another run on the same folder. show_output: let through what plugins print. isolate:
    every separator in a process of its own, which gets the mixture and what it declares. trust: run the separator
    scripts that a lock file names, too. listener: told how the run goes. Raises SoundstageError where nothing can be
    run.
    """
    options = RunOptions(
        workers=workers,
        scorers=scorers,
        keep=tuple(keep),
        retry=tuple(retry),
        device=device,
        timeout_s=timeout_s,
        memory_limit=memory_limit,
        executor=executor,
        scheduler=scheduler,
        only=only or {},
        limit=limit,
        wait=wait,
        show_output=show_output,
        isolate=isolate,
    )
    plan = plan_of(grid, data=data, registry=registry)
    if not trust:
        check_lock_file(plan, registry)
    if listener is not None and type(listener) is not Silence:  # who says nothing leaves it to the next run
        for sentence in unannounced(choices_of(plan)):
            listener.noticed(sentence)
    return run_plan(plan, location(out), options, listener)


def render(
    grid: str | Path | Mapping[str, Any],
    out: str | Path,
    *,
    data: Mapping[str, str | Path] | None = None,
    registry: Collection[str | Path] = (),
    workers: int = 1,
    format: str = "float32",
    listener: RenderListener | None = None,
) -> Rendered:
    """Write the scenes of a grid to the folder `out` as a data set in MUSDB18-HQ's layout, a metadata.json a song.

    A song that is there already, with the same address and format, is kept. grid: as for `run`; its separators and
    metrics are ignored and need not be there. data, registry, workers: as for `run`. format: `float32`, `float64`, or
    `int16`, which clips what lies beyond ±1 and counts it. listener: told how it goes. Raises SoundstageError where
    nothing can be rendered, or where a song's folder holds files that Soundstage did not write; what goes wrong with
    one song is in what comes back.
    """
    from soundstage.rendering.dataset import render_grid

    found, known = resolved(grid, data, registry, SCENE_KINDS)
    return render_grid(found, known, Path(out), form=format, workers=workers, listener=listener)


def load(path: str | Path, grid: str = "") -> pandas.DataFrame:
    """The results of a grid as a tidy DataFrame, one row a score, frames included.

    Columns: dataset, track, placement, spatializer, seed, separator, metric, source, name, unit, value, frame (NA for
    the whole track), note, ranked, status, error, cell; azimuth, azimuth_told (to informed separators) and elevation of
    the source in degrees, 90 is left; nearest_deg, the angle to the nearest other source; the scene's gain (mixture by
    sum of references) and duration_s; real_time_factor (seconds of separation a second of audio), peak_memory_mb (of
    the worker and what it started, while it separated) and peak_gpu_memory_mb (torch's). NaN where that is not known or
    nothing is placed. A separation or a metric that is not ok is a row with its status and traceback and no value.
    path: the folder, or a URL of one. grid: a name or hash where it holds several; the newest by default. Raises
    SoundstageError where the folder holds no results.
    """
    from soundstage.results.circumstances import with_circumstances
    from soundstage.results.loading import load_results
    from soundstage.results.store import Store

    place = location(path)
    rows = load_results(place, grid).rows
    rows = with_circumstances(rows, Store(place).records(rows["cell"].unique()))
    texts = rows.columns[rows.dtypes == "category"]
    return rows.assign(**{name: rows[name].astype(rows[name].cat.categories.dtype) for name in texts})


def compare(
    path: str | Path,
    one: str,
    other: str,
    *,
    metrics: Collection[str] = (),
    protocol: str = "soundstage",
    grid: str = "",
) -> pandas.DataFrame:
    """Two separators of a results folder song by song, as a DataFrame: one row a measure and source ("" is all).

    Rows are for each spatializer and placement where the grid has several. Columns: spatializer, placement (where there
    are several), metric, measure, unit, higher_is_better, source, one, other, value_one, value_other, difference (one −
    other, by the protocol over the differences), low, high (its 95 % interval), scores, songs, better, worse, p_value
    (Wilcoxon over songs; of single sources corrected after Holm), effect (matched-pairs rank-biserial correlation),
    told_apart, songs_needed (to show `worth_showing` at 80 % power). NaN where there are too few songs. path: the
    folder. one, other: separators by name. metrics, protocol: as for the leaderboard. grid: as for `load`. Raises
    SoundstageError for names that the results don't have.
    """
    from soundstage.leaderboard.versus import versus
    from soundstage.report.shown import Comparison
    from soundstage.results.loading import load_results

    found = versus(load_results(location(path), grid), one, other, metrics=list(metrics), protocol=protocol)
    return Comparison.of(found).frame()


def write_report(
    path: str | Path,
    out: str | Path,
    *,
    rank_by: str = "",
    published: str = "",
    grid: str = "",
    clips: Literal["flac", "opus"] | None = "flac",
    songs: Collection[str] = (),
    separators: Collection[str] = (),
    seconds: float = 10.0,
    device: str = "auto",
    data: Mapping[str, str | Path] | None = None,
    registry: Collection[str | Path] = (),
    trust: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> Path:
    """Write the report of a results folder into the folder `out`, one folder of HTML, and give the page to open.

    path: the results folder. rank_by, published, grid: as for the leaderboard. clips: how what can be listened to is
    coded, None for no sound: lossless `flac`, or `opus` at half the size. songs: to listen to; by default the best, the
    median and the worst of each separator that competes. separators: whose estimates; all by default. seconds: how long
    a clip is, around the worst second. device, data, registry, trust: as for `run`, for what was not kept is separated
    again. progress: told what is being done. What cannot be heard is said in the page's fine print. Raises
    SoundstageError where there are no results, where `out` holds anything but an earlier report, and where plotly is
    not installed.
    """
    from soundstage.leaderboard.examples import choose
    from soundstage.rendering.clips import write_clips
    from soundstage.report.html import write

    place = location(path)

    def listen(results: Results, folder: Path) -> tuple[Sequence[Any], Sequence[str]]:
        heard = write_clips(
            place,
            folder,
            choose(results, rank_by=rank_by, tracks=list(songs)),
            grid=grid,
            separators=list(separators),
            seconds=seconds,
            form=clips or "flac",
            device=device,
            data={name: Path(where) for name, where in (data or {}).items()},
            registry=registry,
            trust=trust,
            progress=progress,
        )
        return heard.listening, heard.notes

    progress("averaging")
    makes = listen if clips else None
    return write.write_report(place, Path(out), rank_by=rank_by, published=published, grid=grid, listen=makes)


def score(
    reference: str | Path,
    estimate: str | Path,
    *,
    metrics: Collection[str] = (),
    registry: Collection[str | Path] = (),
    at: Literal["as-is", "best-gain"] = "as-is",
    lengths: Literal["strict", "shortest", "longest"] = "strict",
) -> pandas.DataFrame:
    """The scores of one folder of stems against another as a tidy DataFrame, one row a score, frames included.

    reference, estimate: folders of one layout, either one song's stems (`vocals.wav`, …) or a sub-folder a song; a
    `mixture` among the references is the song's own. metrics: names or variants; by default sdr, si_sdr, spauq
    and bsseval, as far as they are installed. registry: TOML files that extend the registry. Nothing is kept on disk.
    at: `best-gain` scores every estimate a second time, multiplied by the one number that brings it nearest its
    reference by least squares. lengths: what becomes of a song's references where they differ in length: an error, or
    all are cut to the shortest or made as long as the longest with silence at their ends; the estimates have to be as
    long as what comes of it. Columns: track, metric, source, name, unit, value, frame (NA for the whole track), note,
    ranked, status, error, with `at` these two too: at, gain; and written, what whoever wrote the file did to it. A
    song that cannot be scored is a row with its status and error. Raises SoundstageError where no song can be.
    """
    from soundstage.running.two_folders import score_folders

    return score_folders(Path(reference), Path(estimate), list(metrics), registry, at=at, lengths=lengths).scores


def metric_cards(
    metrics: Collection[str] = (),
    out: str | Path = "results/audiometry",
    *,
    grid: str | Path | Mapping[str, Any] = "audiometry",
    datasets: Collection[str] = (),
    spatializers: Collection[str] = (),
    data: Mapping[str, str | Path] | None = None,
    registry: Collection[str | Path] = (),
    workers: int = 1,
    listener: Listener | None = None,
) -> Cards:
    """Measure metrics themselves: how their measures respond to probes, and what is wrong with them, as cards.

    metrics: names or variants, those of the grid by default. out: the results folder; what is there already is not
    computed again. grid: one whose separators are probes, with a ceiling and a separator of the role `floor` if it is
    to have floors. datasets, spatializers: instead of the grid's. data, registry, workers, listener: as for `run`.
    What comes back shows itself, in a terminal and in a notebook. Raises SoundstageError where nothing can be run, or
    where the grid has no probes.
    """
    from soundstage.audiometry.build import make_cards
    from soundstage.report.shown import Cards

    found, known = resolved(grid, data, registry)
    chosen = {"metrics": metrics, "datasets": datasets, "spatializers": spatializers}
    axes = {kind: tuple(chosen.get(kind, ())) or names for kind, names in found.axes.items()}
    plan = make_plan(replace(found, axes=axes), known)
    run_plan(plan, location(out), RunOptions(workers=workers), listener)
    return Cards.of(make_cards(location(out), plan.hash))
