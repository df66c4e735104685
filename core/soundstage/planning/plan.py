"""From a grid to its cells: every track, placement, spatializer and separator crossed, each with its address."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from soundstage.cache import FileHashes
from soundstage.catalogue.registry import Choice, Registry
from soundstage.contracts import KINDS, NEEDS, SCENE_KINDS, CellName, Kind, Measure, Need, Role
from soundstage.errors import DataMissing, NotInstalled, SoundstageError
from soundstage.pipeline.excerpt import Excerpt
from soundstage.pipeline.tracks import extent
from soundstage.planning.grid import Grid
from soundstage.planning.identity import declared_files, identity
from soundstage.results.address import SHORT, address, plan_hash
from soundstage.results.records import Status

BLIND_NEEDS = frozenset({"sources", "source_count"})
"""What a blind separator may ask for. Who is told which cell it is may look anything up: nobody knows what it saw."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a stage cannot run, known before anything runs."""

    status: Status
    error: str
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class SceneSpec:
    """What a scene is made of. placement is None where the spatializer uses none.

    excerpt: the part of the track, None for all of it; chunk: which of its chunks, None where it is not cut into them;
    part: what its name says of that.
    """

    address: str
    dataset: Choice
    track: str
    placement: Choice | None
    spatializer: Choice
    seed: int
    problem: Problem | None = None
    excerpt: Excerpt | None = None
    chunk: int | None = None
    part: str = ""

    @property
    def track_name(self) -> str:
        """The track as results name it; a chunk of one is a track of its own."""
        return self.track + self.part

    @property
    def name(self) -> CellName:
        """The scene's coordinates in the grid, as labels."""
        placement = self.placement.label if self.placement else ""
        return CellName(self.dataset.label, self.track_name, placement, self.spatializer.label, self.seed)


@dataclass(frozen=True, slots=True)
class CellSpec:
    """One scene and one separator. scores: metric label → address of its scores. made_by: the separator's identity,
    with the versions it wraps and the hashes of its weights.
    """

    address: str
    scene: SceneSpec
    separator: Choice
    scores: Mapping[str, str]
    problem: Problem | None = None
    made_by: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What a person reads while it runs."""
        return f"{self.scene.track_name} · {self.scene.spatializer.label} · {self.separator.label}"


@dataclass(frozen=True, slots=True)
class SeparatorFacts:
    """What the leaderboard needs to know of a separator."""

    role: Role = "separator"
    needs: tuple[Need, ...] = ()
    named: bool = True

    @property
    def is_blind(self) -> bool:
        """Whether it saw the mixture alone."""
        return self.role == "separator" and set(self.needs) <= BLIND_NEEDS


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A metric of the grid and what it measures; `measures` is empty where the plugin cannot be had."""

    choice: Choice
    measures: Mapping[str, Measure]
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All cells of a grid. hash: of every address, so it names the cells and the data they were run on. identities:
    `KIND LABEL` → what went into the addresses of that plugin: revision, versions, parameters, hashes of files."""

    grid: Grid
    cells: Sequence[CellSpec]
    metrics: Mapping[str, MetricSpec]
    separators: Mapping[str, SeparatorFacts]
    hash: str
    identities: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Name and short hash, as the store files it."""
        return f"{self.grid.name}-{self.hash[:SHORT]}"


@dataclass(slots=True)
class _Built:
    """A chosen plugin, built once for planning, or why that failed."""

    choice: Choice
    instance: Any = None
    problem: Problem | None = None
    known: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)


def make_plan(
    grid: Grid,
    registry: Registry,
    hashes: FileHashes | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Plan:
    """Resolve every name of the grid and list its cells, scene by scene.

    Raises SoundstageError where a name, a parameter or a dataset's root is wrong. What is wrong with one track, one
    separator or one metric becomes the problem of its cells. progress: told what is being read.
    """
    hashes = hashes or FileHashes()
    built = {kind: [_build(choice, hashes) for choice in choices] for kind, choices in _chosen(grid, registry).items()}
    _check_usable(built)
    separators = {one.choice.label: _separator_facts(one) for one in built["separators"]}
    metrics = {
        one.choice.label: MetricSpec(one.choice, dict(getattr(one.instance, "measures", {})), one.problem)
        for one in built["metrics"]
    }
    cells = []
    for scene in _scenes(grid, built, hashes, progress):
        for one in built["separators"]:
            cells.append(_cell(scene, one, built["metrics"], hashes))
    hashes.save()
    if not cells:
        raise SoundstageError(f"grid '{grid.name}' has no cells: its datasets hold no tracks")
    everything = [text for cell in cells for text in (cell.address, *cell.scores.values())]
    identities = {f"{kind} {one.choice.label}": [*one.known.values()] for kind in built for one in built[kind]}
    return Plan(grid, cells, metrics, separators, plan_hash([f"revision {grid.revision}", *everything]), identities)


def _chosen(grid: Grid, registry: Registry, kinds: Sequence[Kind] = KINDS) -> dict[Kind, list[Choice]]:
    """What the grid's names mean. Raises DataMissing for everything at once that has to be had first."""
    found: dict[Kind, list[Choice]] = {kind: [] for kind in kinds}
    missing = []
    for kind in kinds:
        for text in grid.axes[kind]:
            try:
                found[kind].append(registry.choose(kind, text, grid.base))
            except DataMissing as error:
                missing.append(str(error))
    if missing:
        raise DataMissing("\n".join(dict.fromkeys(missing)))
    return found


def make_scenes(grid: Grid, registry: Registry, hashes: FileHashes | None = None) -> list[SceneSpec]:
    """The scenes of a grid, track by track; its separators and metrics are not looked at.

    Raises SoundstageError as `make_plan` does.
    """
    hashes = hashes or FileHashes()
    chosen = _chosen(grid, registry, SCENE_KINDS)
    built = {kind: [_build(choice, hashes) for choice in choices] for kind, choices in chosen.items()}
    _check_usable(built)
    scenes = _scenes(grid, built, hashes, lambda text: None)
    hashes.save()
    if not scenes:
        raise SoundstageError(f"grid '{grid.name}' has no scenes: its datasets hold no tracks")
    return scenes


def _check_usable(built: Mapping[Kind, Sequence[_Built]]) -> None:
    """Raise SoundstageError where there can be no scene at all."""
    for kind in SCENE_KINDS:
        for one in built[kind]:
            if one.problem:
                raise SoundstageError(f"{kind[:-1]} '{one.choice.label}' cannot be used: {one.problem.error}")


def _build(choice: Choice, hashes: FileHashes) -> _Built:
    reason = choice.plugin.unusable()
    if choice.weights and choice.folder and not reason:
        reason = choice.weights.sentence(choice.entry, choice.folder)
    if reason:
        return _Built(choice, problem=Problem("not-installed", f"{_called(choice)} {reason}"))
    try:
        instance = choice.build()
    except NotInstalled as error:
        return _Built(choice, problem=Problem("not-installed", f"{_called(choice)}: {error}"))
    except SoundstageError as error:
        raise SoundstageError(f"{_called(choice)}: {error}") from None
    except ModuleNotFoundError as error:
        sentence = f"{_called(choice)} of {choice.plugin.distribution} needs the module {error.name}; install it"
        return _Built(choice, problem=Problem("not-installed", sentence, traceback.format_exc()))
    except (Exception, SystemExit) as error:
        sentence = f"{_called(choice)} of {choice.plugin.distribution} cannot be built: {type(error).__name__}: {error}"
        return _Built(choice, problem=Problem("failed", sentence, traceback.format_exc()))
    try:
        if choice.weights and choice.folder:
            choice.weights.check(choice.folder, hashes.one)
    except SoundstageError as error:
        return _Built(choice, problem=Problem("failed", f"{_called(choice)}: {error}"))
    return _Built(choice, instance)


def _called(choice: Choice) -> str:
    return f"{choice.kind[:-1]} '{choice.label}'"


def _separator_facts(one: _Built) -> SeparatorFacts:
    instance = one.instance
    if instance is None:
        return SeparatorFacts()
    needs = tuple(getattr(instance, "needs", ()))
    for need in needs:
        if need not in NEEDS:
            raise SoundstageError(
                f"{_called(one.choice)} declares an unknown need '{need}'; the needs are {', '.join(NEEDS)}"
            )
    role = getattr(instance, "role", "separator")
    if role == "separator" and "references" in needs:
        role = "oracle"
    return SeparatorFacts(role, needs, bool(getattr(instance, "named", True)))


def _identity(one: _Built, hashes: FileHashes, *arguments: Any) -> dict[str, Any]:
    """The plugin's part of an address; remembered where its files depend on nothing."""
    if one.instance is None:
        assert one.problem is not None
        params = {name: str(value) for name, value in one.choice.params.items()}
        return {"plugin": one.choice.plugin.name, "parameters": params, "unusable": one.problem.status}
    files = tuple(str(file) for file in declared_files(one.instance, _called(one.choice), *arguments))
    if files not in one.known:
        from pathlib import Path

        one.known[files] = identity(one.choice, type(one.instance), hashes.of([Path(file) for file in files]))
    return one.known[files]


def _scenes(
    grid: Grid, built: Mapping[Kind, Sequence[_Built]], hashes: FileHashes, progress: Callable[[str], None]
) -> list[SceneSpec]:
    scenes = []
    listed = [list(dataset.instance.track_ids()) for dataset in built["datasets"]]
    if grid.tracks is not None:
        grid.tracks.check([track for tracks in listed for track in tracks])
    for dataset, tracks in zip(built["datasets"], listed, strict=True):
        if grid.tracks is not None:
            tracks = grid.tracks.of(dataset.choice.entry, tracks)
        for track in tracks:
            progress(f"{dataset.choice.label}: {track}")
            problem, source = None, {}
            try:
                files = getattr(dataset.instance, "files", None)
                of_track = hashes.of([*files(track)]) if files else {}
                source = dataset.known[track,] = identity(dataset.choice, type(dataset.instance), of_track)
            except SoundstageError as error:
                problem = Problem("failed", f"{_called(dataset.choice)}, track '{track}': {error}")
            cuts: list[_Cut] = [_Cut({}, None, "")]
            if grid.excerpt is not None and problem is None:
                cuts, problem = _cuts(grid.excerpt, dataset, track)
            for cut in cuts:
                parts = {"dataset": source, "track": track, **cut.parts}
                for spatializer in built["spatializers"]:
                    rendering = {**parts, "spatializer": _identity(spatializer, hashes)}
                    more = (problem, grid.excerpt, cut.chunk, cut.name)
                    if not getattr(spatializer.instance, "uses_placement", True):
                        rendering["placement"] = None
                        scene = address("scene", rendering)
                        scenes.append(SceneSpec(scene, dataset.choice, track, None, spatializer.choice, 0, *more))
                        continue
                    for placement in built["placements"]:
                        for seed in grid.seeds:
                            rendering["placement"] = {
                                **_identity(placement, hashes),
                                "seed": seed,
                                "dataset": dataset.choice.entry,
                            }
                            scene = address("scene", rendering)
                            choices = (dataset.choice, track, placement.choice, spatializer.choice)
                            scenes.append(SceneSpec(scene, *choices, seed, *more))
    return scenes


@dataclass(frozen=True, slots=True)
class _Cut:
    """A part of a track: what the address holds of it, which chunk it is, and what its name says."""

    parts: Mapping[str, Any]
    chunk: int | None
    name: str


def _cuts(excerpt: Excerpt, dataset: _Built, track: str) -> tuple[list[_Cut], Problem | None]:
    """The parts of a track. A random excerpt depends on the entry's name as well: chance knows it."""
    parts = {**excerpt.parts, **({"dataset": dataset.choice.entry} if excerpt.where == "random" else {})}
    if excerpt.where != "chunks":
        return [_Cut({"excerpt": parts}, None, "")], None
    try:
        rate, samples = extent(dataset.instance, dataset.choice.label, track)
    except SoundstageError as error:
        return [_Cut({"excerpt": parts}, None, "")], Problem("failed", str(error))
    return [
        _Cut({"excerpt": {**parts, "chunk": number}}, number, f" [{start / rate:g}-{stop / rate:g} s]")
        for number, (start, stop) in enumerate(excerpt.chunks(rate, samples))
    ], None


def _cell(scene: SceneSpec, separator: _Built, metrics: Sequence[_Built], hashes: FileHashes) -> CellSpec:
    problem = scene.problem or separator.problem
    arguments = (scene.name,) if hasattr(separator.instance, "files") else ()
    try:
        made_by = _identity(separator, hashes, *arguments)
    except SoundstageError as error:
        status: Status = "not-installed" if isinstance(error, NotInstalled) else "failed"
        problem = problem or Problem(status, f"{_called(separator.choice)}, track '{scene.track_name}': {error}")
        made_by = {"plugin": separator.choice.plugin.name, "parameters": {}, "unusable": "files"}
    cell = address("estimates", {"scene": scene.address, "separator": made_by})
    scores = {
        one.choice.label: address("scores", {"estimates": cell, "metric": _identity(one, hashes)}) for one in metrics
    }
    return CellSpec(cell, scene, separator.choice, scores, problem, made_by)
