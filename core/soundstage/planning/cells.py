"""From a grid to its cells: every track, placement, spatializer and separator crossed, each with its address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from soundstage.cache import FileHashes
from soundstage.catalogue.registry import Choice, Registry
from soundstage.contracts import KINDS, SCENE_KINDS, Kind, KnowsSources, NamesFilesOfTracks
from soundstage.errors import DataMissing, SoundstageError, storable
from soundstage.pipeline.excerpt import Excerpt
from soundstage.pipeline.tracks import extent
from soundstage.planning.built import Built, build, measures, separator_facts, trouble, with_remedy
from soundstage.planning.distinct import check_distinct
from soundstage.planning.grid import Grid
from soundstage.planning.identity import declared_files
from soundstage.planning.plan import CellSpec, MetricSpec, Plan, Problem, SceneSpec
from soundstage.results.address import address, plan_hash
from soundstage.sources import AS_NAMED, Combined

UNLISTED = "(its tracks cannot be listed)"
"""Stands for the tracks of a dataset that raises when it is asked for them, so that the loss is seen everywhere."""


MOST_TRACKS = 1_000_000
"""Tracks of a dataset; one that lists more has lost count."""


def make_plan(
    grid: Grid,
    registry: Registry,
    hashes: FileHashes | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Plan:
    """Resolve every name of the grid and list its cells, scene by scene.

    Raises SoundstageError where a name, a parameter or a dataset's root is wrong. What is wrong with one track or one
    plugin, whatever it raises, becomes the problem of its cells. progress: told what is being read.
    """
    hashes = hashes or FileHashes()
    built = {kind: [build(choice, hashes) for choice in choices] for kind, choices in _chosen(grid, registry).items()}
    _check_usable(built)
    metrics: dict[str, MetricSpec] = {}
    measured_by: dict[str, Mapping[str, Any]] = {}
    for one in built["metrics"]:
        label = one.choice.label
        measured_by[label], problem = _own_identity(one, hashes)
        metrics[label] = MetricSpec(one.choice, measures(one.instance), problem)
    scenes = list(_scenes(grid, built, hashes, progress))
    check_distinct(scenes, {one.choice.label: one.instance for one in built["separators"]})
    sources = _KnownSources(built["datasets"])
    cells = [_cell(scene, one, measured_by, hashes, sources) for scene in scenes for one in built["separators"]]
    hashes.save()
    if not cells:
        raise SoundstageError(f"grid '{grid.name}' has no cells: its datasets hold no tracks")
    everything = [text for cell in cells for text in (cell.address, *cell.scores.values())]
    return Plan(
        grid,
        cells,
        metrics,
        {one.choice.label: separator_facts(one) for one in built["separators"]},
        plan_hash([f"revision {grid.revision}", *everything]),
        {f"{kind} {one.choice.label}": [*one.known.values()] for kind in built for one in built[kind]},
    )


def make_scenes(grid: Grid, registry: Registry, hashes: FileHashes | None = None) -> list[SceneSpec]:
    """The scenes of a grid, track by track; its separators and metrics are not looked at.

    Raises SoundstageError as `make_plan` does.
    """
    hashes = hashes or FileHashes()
    chosen = _chosen(grid, registry, SCENE_KINDS)
    built = {kind: [build(choice, hashes) for choice in choices] for kind, choices in chosen.items()}
    _check_usable(built)
    scenes = list(_scenes(grid, built, hashes, lambda text: None))
    hashes.save()
    if not scenes:
        raise SoundstageError(f"grid '{grid.name}' has no scenes: its datasets hold no tracks")
    return scenes


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


def _check_usable(built: Mapping[Kind, Sequence[Built]]) -> None:
    """Raise SoundstageError where there can be no scene at all; one unusable plugin among others is its cells' own."""
    for kind in SCENE_KINDS:
        broken = [one for one in built[kind] if one.problem]
        if broken and len(broken) == len(built[kind]):
            assert broken[0].problem
            raise SoundstageError(f"{broken[0].called} cannot be used: {broken[0].problem.error}")


def _own_identity(one: Built, hashes: FileHashes) -> tuple[dict[str, Any], Problem | None]:
    """The identity of a plugin whose files depend on no track or cell, and what keeps it from having one."""
    return _identity(one, partial(declared_files, one.instance, one.called), hashes, one.called)


def _identity(
    one: Built, files: Callable[[], Sequence[Path]], hashes: FileHashes, where: str, combined: Combined = AS_NAMED
) -> tuple[dict[str, Any], Problem | None]:
    found: list[dict[str, Any]] = []
    problem = trouble(lambda: found.append(one.identity(files, hashes, combined)), where)
    if problem:
        told = replace(problem, error=with_remedy(one.choice, problem.error))
        return {"plugin": one.choice.plugin.name, "parameters": {}, "unusable": "files"}, told
    return found[0], one.problem


# scenes


def _scenes(
    grid: Grid, built: Mapping[Kind, Sequence[Built]], hashes: FileHashes, progress: Callable[[str], None]
) -> Iterator[SceneSpec]:
    listed = [_track_ids(dataset) for dataset in built["datasets"]]
    problems = [problem for _, problem in listed if problem]
    if problems and len(problems) == len(listed):
        raise SoundstageError(problems[0].error)
    if grid.tracks is not None:
        grid.tracks.check([track for tracks, _ in listed for track in tracks])
    spatializers = [(one, *_own_identity(one, hashes)) for one in built["spatializers"]]
    placements = [(one, *_own_identity(one, hashes)) for one in built["placements"]]
    for dataset, (tracks, unlisted) in zip(built["datasets"], listed, strict=True):
        if grid.tracks is not None and not unlisted:
            tracks = grid.tracks.of(dataset.choice.entry, tracks)
        for track in tracks:
            progress(f"{dataset.choice.label}: {track}")
            for part in _parts(grid.excerpt, dataset, track, unlisted, hashes):
                yield from _crossed(part, spatializers, placements, grid.seeds)


@dataclass(frozen=True, slots=True)
class _Part:
    """A track, or a part of it: what the address holds of it, and what a scene's specification says of it."""

    dataset: Choice
    track: str
    address: Mapping[str, Any]
    problem: Problem | None
    excerpt: Excerpt | None = None
    chunk: int | None = None
    name: str = ""

    def scene(
        self, scene: str, placement: Choice | None, spatializer: Choice, seed: int, problem: Problem | None
    ) -> SceneSpec:
        """One of its scenes; scene: the address. problem: of the plugins that make it."""
        what = (self.dataset, self.track, placement, spatializer, seed)
        return SceneSpec(scene, *what, self.problem or problem, self.excerpt, self.chunk, self.name)


def _crossed(
    part: _Part,
    spatializers: Sequence[tuple[Built, dict[str, Any], Problem | None]],
    placements: Sequence[tuple[Built, dict[str, Any], Problem | None]],
    seeds: Sequence[int],
) -> Iterator[SceneSpec]:
    """The scenes of a track: under every spatializer, placement and seed."""
    for spatializer, made_by, unusable in spatializers:
        rendering = {**part.address, "spatializer": made_by}
        if not getattr(spatializer.instance, "uses_placement", True):
            scene = address("scene", {**rendering, "placement": None})
            yield part.scene(scene, None, spatializer.choice, 0, unusable)
            continue
        for placement, placed_by, unplaced in placements:
            for seed in seeds:
                placed = {**placed_by, "seed": seed, "dataset": part.dataset.entry}
                scene = address("scene", {**rendering, "placement": placed})
                yield part.scene(scene, placement.choice, spatializer.choice, seed, unusable or unplaced)


def _track_ids(dataset: Built) -> tuple[list[str], Problem | None]:
    """The dataset's tracks; where it cannot list them one that stands for all, and why."""
    if dataset.problem:
        return [UNLISTED], dataset.problem
    tracks: list[str] = []
    problem = trouble(lambda: tracks.extend(_listed(dataset.instance)), dataset.called)
    if problem:
        return [UNLISTED], replace(problem, error=with_remedy(dataset.choice, problem.error))
    return tracks, None


def _listed(dataset: Any) -> list[str]:
    tracks = list(islice(dataset.track_ids(), MOST_TRACKS + 1))
    if len(tracks) > MOST_TRACKS:
        raise SoundstageError(f"lists more than {MOST_TRACKS} tracks; give fewer")
    for track in tracks:
        if not isinstance(track, str):
            raise SoundstageError(f"lists {track!r} among its tracks, which is no text; give texts")
    for track, times in Counter(tracks).items():
        if times > 1:
            raise SoundstageError(f"lists track '{storable(track)}' {times} times; give each an id of its own")
    return tracks


def _parts(
    excerpt: Excerpt | None, dataset: Built, track: str, unlisted: Problem | None, hashes: FileHashes
) -> Iterator[_Part]:
    """The track, or the parts of it that an excerpt asks for, each with the files that it is made of."""
    choice, name = dataset.choice, storable(track)
    where = f"{dataset.called}, track '{name}'"
    source: dict[str, Any] = {}
    problem = unlisted
    if not problem and name != track:
        problem = Problem("failed", f"{where}: its name is not text that every file can hold; rename it")
    if not problem:
        names_files = isinstance(dataset.instance, NamesFilesOfTracks)
        files = (lambda: [Path(file) for file in dataset.instance.files(track)]) if names_files else list
        source, problem = _identity(dataset, files, hashes, where)
    if problem and not problem.error.startswith(dataset.called):
        problem = Problem(problem.status, f"{where}: {problem.error}", problem.traceback)
    parts: dict[str, Any] = {"dataset": {} if problem else source, "track": name}
    if excerpt is None or problem:
        yield _Part(choice, name, parts, problem, excerpt)
        return
    # A random excerpt depends on the entry's name as well: chance knows it.
    cut = {**excerpt.parts, **({"dataset": choice.entry} if excerpt.where == "random" else {})}
    if excerpt.where != "chunks":
        yield _Part(choice, name, {**parts, "excerpt": cut}, None, excerpt)
        return
    rate, chunks = 1, list[tuple[int, int]]()

    def cut_up() -> None:
        nonlocal rate
        rate, samples = extent(dataset.instance, choice.label, track)
        chunks.extend(excerpt.chunks(rate, samples))

    problem = trouble(cut_up, where)
    if problem:
        yield _Part(choice, name, {**parts, "excerpt": cut}, problem, excerpt)
        return
    for number, (start, stop) in enumerate(chunks):
        chunk = {**parts, "excerpt": {**cut, "chunk": number}}
        yield _Part(choice, name, chunk, None, excerpt, number, f" [{start / rate:g}-{stop / rate:g} s]")


# cells


class _KnownSources:
    """The sources of tracks, of datasets that know them without reading audio."""

    def __init__(self, datasets: Sequence[Built]) -> None:
        self._datasets = {one.choice.label: one for one in datasets}
        self._known: dict[tuple[str, str], tuple[str, ...] | None] = {}

    def of(self, scene: SceneSpec) -> tuple[str, ...] | None:
        """Those of the scene's track; None where they are not known."""
        key = (scene.dataset.label, scene.track)
        if key not in self._known:
            dataset, found = self._datasets[scene.dataset.label], list[tuple[str, ...]]()
            if scene.problem is None and isinstance(dataset.instance, KnowsSources):
                names = dataset.instance.source_names
                trouble(lambda: found.append(tuple(names(scene.track))), dataset.called)
            self._known[key] = found[0] if found else None
        return self._known[key]


def _cell(
    scene: SceneSpec,
    separator: Built,
    metrics: Mapping[str, Mapping[str, Any]],
    hashes: FileHashes,
    sources: _KnownSources,
) -> CellSpec:
    where = f"{separator.called}, track '{scene.track_name}'"
    files = partial(declared_files, separator.instance, separator.called, scene.name)
    declared = separator.choice.combined
    combined = declared.on(sources.of(scene)) if declared else declared
    made_by, problem = _identity(separator, files, hashes, where, combined)
    cell = address("estimates", {"scene": scene.address, "separator": made_by})
    scores = {label: address("scores", {"estimates": cell, "metric": made}) for label, made in metrics.items()}
    return CellSpec(cell, scene, separator.choice, scores, scene.problem or problem, made_by, combined)
