"""Writes the scenes of a grid to disk as a data set in MUSDB18-HQ's layout, song by song, and goes on where it stopped.

    DIR/[spatializer/][placement/][seed-N/][dataset/]<split>/<song>/{mixture,vocals,…}.wav and metadata.json

The folders in brackets are there where the grid has several of their kind; `dataset` where two share a split.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from soundstage.cache import FileHashes
from soundstage.catalogue.parameters import constructor_parameters
from soundstage.catalogue.registry import Choice, Registry
from soundstage.errors import SoundstageError
from soundstage.planning.cells import make_scenes
from soundstage.planning.grid import Grid
from soundstage.planning.identity import declared_files, identity
from soundstage.planning.plan import SceneSpec
from soundstage.rendering.folder import (
    PARTIALS,
    Format,
    checked_format,
    clipped_samples,
    foreign,
    is_written,
    read_metadata,
    remove_partials,
)
from soundstage.rendering.songs import OnStart, Song, SongOutcome, Writer
from soundstage.results.address import address
from soundstage.running.executors.starting import refuse_in_a_starting_worker
from soundstage.variants import parse_variant

DEFAULT_SPLIT = "test"
"""Where the songs of a dataset without splits go, so that any reader of MUSDB18-HQ finds them."""


class Listener(Protocol):
    """Told how a render goes."""

    def planned(self, grid: Grid, songs: Sequence[Song], todo: Sequence[Song]) -> None:
        """These are the songs, and these are left to write."""

    def started(self, song: Song, worker: int) -> None:
        """A worker begins a song."""

    def finished(self, outcome: SongOutcome) -> None:
        """A song is in its place, or could not be rendered."""


class Silence:
    """Says nothing."""

    def planned(self, grid: Grid, songs: Sequence[Song], todo: Sequence[Song]) -> None:
        """Nothing."""

    def started(self, song: Song, worker: int) -> None:
        """Nothing."""

    def finished(self, outcome: SongOutcome) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a render came to, counted in song folders."""

    grid: str
    """The grid's name."""

    revision: int
    """The grid's revision."""

    out: Path
    """The data set's folder."""

    planned: int
    """Songs of the grid."""

    kept: int
    """Those found there already, as they should be."""

    written: int
    """Those written now."""

    clipped: Mapping[Path, Mapping[str, int]]
    """Song's folder → file → samples clipped, of all songs that are there."""

    failed: Mapping[Path, str]
    """Song's folder → why it could not be made."""


def render_grid(
    grid: Grid,
    registry: Registry,
    out: Path,
    *,
    form: str = "float32",
    workers: int = 1,
    listener: Listener | None = None,
) -> Rendered:
    """Write the songs of a grid that `out` lacks; a song that is there with the same address and format is kept.

    Raises SoundstageError where nothing can be rendered, where two songs would share a folder, or where a folder holds
    files that Soundstage did not write. One song that cannot be rendered stops no other.
    """
    refuse_in_a_starting_worker()
    listener = listener or Silence()
    wanted = checked_format(form)
    if workers < 1:
        raise SoundstageError(f"--workers must be 1 or more, not {workers}")
    hashes = FileHashes()
    songs = _songs(grid, make_scenes(grid, registry, hashes), hashes)
    todo: list[Song] = []
    clipped: dict[Path, Mapping[str, int]] = {}
    for song in songs:
        folder = out / song.folder
        metadata = read_metadata(folder)
        stranger = foreign(folder, metadata)
        if stranger:
            raise SoundstageError(
                f"{folder} holds {stranger}, which Soundstage did not write; move it away or choose another --out"
            )
        if metadata is not None and is_written(folder, metadata, song.scene.address, wanted):
            clipped[song.folder] = clipped_samples(metadata)
        else:
            todo.append(song)
    listener.planned(grid, songs, todo)
    failed = {}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SoundstageError(f"{out}: cannot hold a data set ({error.strerror}); choose another --out") from None
    try:
        for outcome in _outcomes(todo, out, wanted, workers, listener.started):
            if outcome.error:
                failed[outcome.song.folder] = outcome.error
            else:
                clipped[outcome.song.folder] = outcome.clipped
            listener.finished(outcome)
    finally:
        remove_partials(out / PARTIALS, {song.scene.address for song in songs})
    clipped = {folder: files for folder, files in clipped.items() if files}
    counts = (len(songs), len(songs) - len(todo), len(todo) - len(failed))
    return Rendered(grid.name, grid.revision, out, *counts, clipped, failed)


def _outcomes(songs: Sequence[Song], out: Path, form: Format, workers: int, on_start: OnStart) -> Iterator[SongOutcome]:
    """Render and write all songs."""
    if workers > 1 and len(songs) > 1:
        from soundstage.rendering.pool import in_processes

        yield from in_processes(by_track(songs), out, form, workers, on_start)
        return
    writer = Writer(out, form)
    for song in songs:
        on_start(song, 0)
        yield writer.write(song)


def by_track(songs: Sequence[Song]) -> list[list[Song]]:
    """The songs in groups that share a track, which a worker then loads once."""
    return [list(group) for _, group in groupby(songs, lambda song: (song.scene.dataset.label, song.scene.track_name))]


# which folder


def _songs(grid: Grid, scenes: Sequence[SceneSpec], hashes: FileHashes) -> list[Song]:
    """Every scene with its folder and facts."""
    spatializers = _level([scene.spatializer for scene in scenes])
    placements = _level([scene.placement for scene in scenes if scene.placement])
    distinct = {scene.dataset.label: scene.dataset for scene in scenes}
    splits = {label: split_of(dataset) for label, dataset in distinct.items()}
    datasets = _dataset_level(distinct, splits)
    described: dict[tuple[str, str], Mapping[str, Any]] = {}

    def description(choice: Choice) -> Mapping[str, Any]:
        key = (choice.kind, choice.label)
        if key not in described:
            described[key] = _description(choice, hashes)
        return described[key]

    songs: dict[Path, Song] = {}
    for scene in scenes:
        levels = [spatializers[scene.spatializer.label]]
        if scene.placement:
            levels += [placements[scene.placement.label], f"seed-{scene.seed}" if len(grid.seeds) > 1 else ""]
        split = splits[scene.dataset.label]
        levels += [datasets[scene.dataset.label], _folder_name(split), _folder_name(scene.track_name)]
        folder = Path(*filter(None, levels))
        if folder in songs:
            other = songs[folder].scene
            if other.dataset.label != scene.dataset.label:
                raise SoundstageError(
                    f"'{scene.track_name}' of {other.dataset.label} and of {scene.dataset.label} would both be written"
                    f" to {folder}; leave one of the two out"
                )
            raise SoundstageError(
                f"tracks '{other.track_name}' and '{scene.track_name}' would both be written to {folder}; rename one"
            )
        facts = {
            "scene": scene.address,
            "track": scene.track_name,
            "split": split,
            "dataset": description(scene.dataset),
            "spatializer": description(scene.spatializer),
            "placement": description(scene.placement) if scene.placement else None,
            "seed": scene.seed if scene.placement else None,
            "soundstage": version("soundstage"),
        }
        songs[folder] = Song(scene, folder, facts)
    return list(songs.values())


def split_of(dataset: Choice) -> str:
    """The folder of a dataset's songs: its `split_folder`, else its parameter `split`, `test` where that is no text."""
    parameter = constructor_parameters(dataset.plugin.load()).get("split")
    split = dataset.params.get("split", parameter.default) if parameter else DEFAULT_SPLIT
    split = getattr(dataset.build(), "split_folder", split)
    return split if isinstance(split, str) and split else DEFAULT_SPLIT


def _dataset_level(datasets: Mapping[str, Choice], splits: Mapping[str, str]) -> dict[str, str]:
    """Label → folder: none while no two datasets share a split, else the entry, else the variant.

    Splits of one dataset that share a folder are one dataset there: train and validation of MUSDB18-HQ.
    """
    homes = {(splits[label], choice.entry, _besides_split(choice)) for label, choice in datasets.items()}
    if len({split for split, _, _ in homes}) == len(homes):
        return dict.fromkeys(datasets, "")
    if len({(split, entry) for split, entry, _ in homes}) == len(homes):
        return {label: _folder_name(choice.entry) for label, choice in datasets.items()}
    return _level(list(datasets.values()))


def _besides_split(choice: Choice) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, repr(value)) for name, value in choice.params.items() if name != "split"))


def _level(choices: Sequence[Choice]) -> dict[str, str]:
    """Label → folder, none where there is but one label."""
    labels = list(dict.fromkeys(choice.label for choice in choices))
    if len(labels) < 2:
        return dict.fromkeys(labels, "")
    names = {label: _variant_name(label) for label in labels}
    shared = {name for name in names.values() if list(names.values()).count(name) > 1}
    return {label: f"{name}-{labels.index(label) + 1}" if name in shared else name for label, name in names.items()}


def _variant_name(label: str) -> str:
    """A variant as a folder's name that needs no quoting: `hrir-hrtf=44K_16bit,level=published`."""
    name, given = parse_variant(label)
    text = ",".join(f"{key}={value.rstrip('/').rpartition('/')[2]}" for key, value in given.items())
    return re.sub(r"[^\w.+=,-]+", "_", f"{name}-{text}" if text else name)


def _folder_name(text: str) -> str:
    """The text as one visible folder's name, itself unless it holds what a folder's name cannot."""
    name = re.sub(r"[/\\\x00-\x1f]", "_", text)
    return f"_{name[1:]}" if name.startswith(".") else name


# what the metadata says


def _description(choice: Choice, hashes: FileHashes) -> Mapping[str, Any]:
    """What made a part of the scene: plugin, revision, parameters, and one hash of its files; no path.

    The hash is the file's own SHA-256 where there is one file, else that of all names and hashes together.
    """
    instance = choice.build()
    files: Mapping[str, str] = {}
    if choice.kind != "datasets":  # a dataset's files are a track's, and part of the scene's address
        files = hashes.of(declared_files(instance, f"{choice.kind[:-1]} '{choice.label}'"))
    found = {"entry": choice.entry, **identity(choice, type(instance), {})}
    if files:
        whole = next(iter(files.values())) if len(files) == 1 else address("files", {"files": dict(files)})
        return {**found, "files": {"count": len(files), "sha256": whole}}
    del found["files"]
    return found
