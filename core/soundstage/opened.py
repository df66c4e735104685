"""What Python users hold: a results folder, opened, and a grid, planned; both show themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundstage.contracts import KINDS
from soundstage.leaderboard.board import Coverage
from soundstage.planning.plan import Plan
from soundstage.planning.request import plan_of
from soundstage.report.text import counted, printable
from soundstage.results.files import location
from soundstage.results.records import StoredPlan
from soundstage.results.store import Store
from soundstage.variants import parse_variant

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from soundstage.report.shown import Answer, Board, Comparison


class Told(ABC):
    """Shows itself as lines of text, in a terminal and in a notebook alike."""

    __slots__ = ()

    @abstractmethod
    def lines(self) -> list[str]:
        """What it says, a line each."""

    def __repr__(self) -> str:
        return "\n".join(map(printable, self.lines()))

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"


@dataclass(frozen=True, slots=True, repr=False)
class Status(Told):
    """How far a grid's results have come, in cells: planned in all; done, with all metrics; troubled, where something
    went wrong; left, of which something was not run. separators: of each, the cells that are done, of those planned.
    """

    title: str
    planned: int
    done: int
    troubled: int
    left: int
    separators: Mapping[str, Coverage]
    damage: tuple[str, ...] = ()
    """A sentence for each file that is not what was written."""

    @property
    def is_whole(self) -> bool:
        """Whether every planned cell is done."""
        return self.done == self.planned

    def lines(self) -> list[str]:
        """What it says, a line each."""
        holes = [f"{name}: {of.done} of {of.planned} done" for name, of in self.separators.items() if not of.is_whole]
        head = f"{self.title}: {counted(self.planned, 'cell')}"
        return [head, f"{self.done} done, {self.troubled} with trouble, {self.left} left", *holes, *self.damage]


class ResultsFolder(Told):
    """A results folder, opened: what `soundstage.open` gives.

    path: the folder, or a URL. grid: of which grid everything is, by name or hash; empty for the newest. What is asked
    for is read from the folder then and there, so that while a run goes on each answer is the latest.
    """

    __slots__ = ("grid", "path")

    def __init__(self, path: str | Path, grid: str = "") -> None:
        self.path = location(path)
        self.grid = grid
        Store(self.path).plan(grid)

    def grids(self) -> list[str]:
        """The grids that the folder holds, as `NAME-HASH`, the oldest first; each opens with `open(path, grid=…)`."""
        return [str(plan.facts["id"]) for plan in Store(self.path).plans()]

    def board(
        self,
        *,
        by: Sequence[str] | None = None,
        metrics: Sequence[str] = (),
        rank_by: str = "",
        protocol: str = "soundstage",
        published: str = "",
        over: str = "",
        cost: bool = False,
    ) -> Board:
        """The leaderboard: one row a separator, one value a measure over tracks and sources, floors and oracles apart.

        by: a table for each source, spatializer, dataset, placement or seed; by default spatializer and placement,
        where there are several; empty for one table. metrics: metrics or measures to show, by default every headline
        measure. rank_by: a shown measure, by default the first. protocol: how scores become values. published: a
        publication whose rows are set beside, with differences. over: a separator whose scores are taken off all
        others'. cost: set real-time factor and peak memory beside. Values are in the unit of their column. Raises
        SoundstageError for names that the results or the registry don't have.
        """
        from soundstage.leaderboard.build import make_leaderboard
        from soundstage.leaderboard.published.comparison import set_beside
        from soundstage.leaderboard.published.tables import find_publication
        from soundstage.report.shown import Board
        from soundstage.results.loading import load_results

        results = load_results(self.path, self.grid)
        board = make_leaderboard(
            results, by=by, metrics=metrics, rank_by=rank_by, protocol=protocol, over=over, cost=cost
        )
        return Board.of(set_beside(board, find_publication(published), results) if published else board)

    def rows(self) -> pandas.DataFrame:
        """Every score as a tidy DataFrame, frames included: what `soundstage.load` gives, with the same columns."""
        from soundstage.api import load

        return load(self.path, self.grid)

    def compare(
        self,
        one: str,
        other: str,
        *,
        by: Sequence[str] | None = None,
        metrics: Sequence[str] = (),
        protocol: str = "soundstage",
    ) -> Comparison:
        """Two separators song by song: by how much one beats the other, how surely, and on which songs.

        by, metrics, protocol: as for `board`. `frame()` of what comes back is the DataFrame of `soundstage.compare`.
        Raises SoundstageError for names that the results don't have, and for a separator against itself.
        """
        from soundstage.leaderboard.versus import versus
        from soundstage.report.shown import Comparison
        from soundstage.results.loading import load_results

        results = load_results(self.path, self.grid)
        return Comparison.of(versus(results, one, other, by=by, metrics=metrics, protocol=protocol))

    def which(
        self,
        *,
        source: str = "",
        device: str = "",
        below_real_time: bool = False,
        max_cost: float | None = None,
        licences: Collection[str] = (),
        metric: str = "",
        by: Sequence[str] | None = None,
        protocol: str = "soundstage",
        top: int | None = None,
        registry: Collection[str | Path] = (),
    ) -> Answer:
        """Which separators suit: those that have what is asked for, best first, and why the others have not.

        source: of which the scores count, all by default. device: cpu, cuda or mps, where costs were measured.
        below_real_time: separating takes less time than the audio lasts. max_cost: the greatest real-time factor, in
        seconds of separating a second of audio. licences: any of them will do, as the registry here, and the TOML files
        of `registry` with it, state it of code and weights. metric: a measure to rank by. by, protocol: as for `board`.
        top: how many of each table. Costs are medians over cells, those of the machines that the results are of. Raises
        SoundstageError for names that the results don't have.
        """
        from soundstage.leaderboard.which import Asked, select
        from soundstage.report.shown import Answer
        from soundstage.results.loading import load_results

        results = load_results(self.path, self.grid)
        found = select(
            Store(self.path),
            results,
            Asked(source, device, max_cost, below_real_time, tuple(licences)),
            licences=licences_of(results.facts["separators"], registry),
            by=by,
            metric=metric,
            protocol=protocol,
            top=top,
        )
        return Answer.of(found)

    def figures(
        self,
        *,
        by: Sequence[str] | None = None,
        metrics: Sequence[str] = (),
        rank_by: str = "",
        protocol: str = "soundstage",
    ) -> dict[str, Figure]:
        """The figures of `soundstage figures` as matplotlib's, by name, in a paper's style; nothing is written.

        by, metrics, rank_by, protocol: as for `board`. What has no data has no figure. They belong to no window:
        `figure.savefig("boxes.pdf")` writes one. Raises NotInstalled, a SoundstageError, without matplotlib.
        """
        from soundstage.report.figures.write import make_figures

        return make_figures(self.path, by=by, metrics=metrics, rank_by=rank_by, protocol=protocol, grid=self.grid)

    def status(self) -> Status:
        """How many cells are done, with trouble and left, of each separator too."""
        store = Store(self.path)
        return _status(store, store.plan(self.grid))

    def provenance(self) -> str:
        """How the numbers were made, as text: grid, seeds, plugins, parameters, weights, versions and machines."""
        from soundstage.report.provenance import provenance_lines

        store = Store(self.path)
        return "\n".join(map(printable, provenance_lines(store, store.plan(self.grid))))

    def lines(self) -> list[str]:
        """What it says, a line each."""
        store = Store(self.path)
        plan = store.plan(self.grid)
        others = [name for name in self.grids() if name != plan.facts["id"]]
        more = [f"other grids here: {', '.join(others)}"] if others else []
        return [f"{self.path}", *_status(store, plan).lines(), *more]


def _status(store: Store, plan: StoredPlan) -> Status:
    from soundstage.results.loading import load_states

    facts, states = plan.facts, load_states(store, plan)
    names = plan.cells["separator"].to_pylist()
    planned, done = Counter(names), Counter(name for name, state in zip(names, states, strict=True) if state == "ok")
    return Status(
        title=f"{facts['name']} · revision {facts['revision']} · {facts['hash'][:8]}",
        planned=len(states),
        done=states.count("ok"),
        troubled=states.count("failed"),
        left=states.count("left"),
        separators={name: Coverage(done[name], planned[name]) for name in planned},
        damage=store.damage,
    )


@dataclass(frozen=True, slots=True, repr=False)
class PlannedGrid(Told, Plan):
    """A grid's plan, showing itself as a summary. `cells` are the cells to fill, each with its address."""

    def lines(self) -> list[str]:
        """What it says, a line each."""
        grid = self.grid
        scenes = {cell.scene.address for cell in self.cells}
        tracks = {(cell.scene.dataset.label, cell.scene.track_name) for cell in self.cells}
        made = [
            f"{grid.name} · revision {grid.revision} · {self.hash[:8]}: {counted(len(self.cells), 'cell')},"
            f" {counted(len(scenes), 'scene')} of {counted(len(tracks), 'track')}",
            *(f"{kind}: {', '.join(grid.axes[kind])}" for kind in KINDS if grid.axes.get(kind)),
            f"seeds: {', '.join(map(str, grid.seeds))}",
        ]
        problems: dict[str, int] = {}
        for cell in self.cells:
            problem = cell.problem or cell.scene.problem
            if problem is not None:
                problems[problem.error] = problems.get(problem.error, 0) + 1
        made += [f"cannot be run, {counted(count, 'cell')}: {why}" for why, count in problems.items()]
        lost = {label: metric.problem for label, metric in self.metrics.items() if metric.problem is not None}
        return [*made, *(f"cannot be scored with {label}: {problem.error}" for label, problem in lost.items())]


def licences_of(separators: Collection[str], registry: Collection[str | Path] = ()) -> dict[str, str]:
    """What the registry says of the licences of separators: of the code, and of weights that have another; empty for
    those that it does not know. registry: TOML files that extend it."""
    from soundstage.catalogue.registry import Registry

    known = Registry.load([Path(file) for file in registry])
    found = {}
    for label in separators:
        name = parse_variant(label)[0]
        if name not in known.names("separators"):
            continue
        entry = known.entry("separators", name)
        stated = [entry.licence, entry.weights.licence if entry.weights else ""]
        found[label] = " · ".join(dict.fromkeys(text for text in stated if text and text != "not stated"))
        if "not stated" in stated:
            found[label] = ""
    return found


def open(path: str | Path, grid: str = "") -> ResultsFolder:
    """Open a results folder: its board, rows, comparisons, figures, status and provenance.

    path: the folder that `run` filled, or a URL of an object store. grid: a name or hash where the folder holds several
    grids; the newest by default. Raises SoundstageError where the folder holds no results, or no grid of that name.
    """
    return ResultsFolder(path, grid)


def plan(
    grid: str | Path | Mapping[str, Any],
    *,
    data: Mapping[str, str | Path] | None = None,
    registry: Collection[str | Path] = (),
) -> PlannedGrid:
    """What `run` would run: the grid's cells, each with its address, and why some cannot be run. Nothing is run.

    grid, data, registry: as for `run`. Tracks are listed and files hashed, but no audio is read. Raises SoundstageError
    where a name is wrong, or where a lock file's grid would not be what was locked.
    """
    made = plan_of(grid, data=data, registry=registry)
    return PlannedGrid(**{field.name: getattr(made, field.name) for field in fields(made)})
