"""A declared grid: what is crossed with what."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soundstage.catalogue.registry import Registry, read_toml
from soundstage.contracts import KINDS, Kind
from soundstage.errors import SoundstageError, UnknownName, suggestion
from soundstage.pipeline.excerpt import Excerpt
from soundstage.planning.tracks import Tracks, read_excerpt, read_tracks

LOCKED_KEYS = ("hash", "parts", "made_with")
GRID_KEYS = (*KINDS, "seeds", "tracks", "excerpt", "revision", "summary", "citation", "base", *LOCKED_KEYS)


@dataclass(frozen=True, slots=True)
class Grid:
    """datasets × placements × spatializers × separators × metrics, as written; base: where its relative paths start.

    tracks: which of each dataset; None is all. excerpt: which part of each track; None is the whole.
    locked: what a lock file says its plan must be; see soundstage.planning.lock.
    """

    name: str
    revision: int
    axes: Mapping[Kind, tuple[str, ...]]
    seeds: tuple[int, ...] = (0,)
    summary: str = ""
    citation: str = ""
    base: Path | None = None
    tracks: Tracks | None = None
    excerpt: Excerpt | None = None
    locked: Mapping[str, Any] = field(default_factory=dict)


def read_grid(name: str, table: Mapping[str, Any], base: Path | None, needed: Collection[Kind] = KINDS) -> Grid:
    """The grid that a TOML table declares. needed: the axes it must have; one that it lacks of the others is empty.

    Raises SoundstageError naming the grid and the key.
    """
    where = f"grid '{name}'"
    for key in table:
        if key not in GRID_KEYS:
            raise SoundstageError(f"{where} has an unknown key '{key}'{suggestion(key, GRID_KEYS)}")
    axes: dict[Kind, tuple[str, ...]] = {}
    for kind in KINDS:
        if kind not in table and kind not in needed:
            axes[kind] = ()
            continue
        values = table.get(kind, ["frontal"] if kind == "placements" else None)
        if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
            raise SoundstageError(f'{where}: {kind} must be a list of names, as in {kind} = ["…"]')
        if len(set(values)) < len(values):
            twice = next(value for value in values if values.count(value) > 1)
            raise SoundstageError(f"{where}: '{twice}' stands twice in {kind}; remove one")
        axes[kind] = tuple(values)
    seeds = table.get("seeds", [0])
    if not isinstance(seeds, list) or not seeds or not all(type(seed) is int and seed >= 0 for seed in seeds):
        raise SoundstageError(f"{where}: seeds must be a list of whole numbers from 0, as in seeds = [0]")
    if len(set(seeds)) < len(seeds):
        raise SoundstageError(f"{where}: a seed stands twice in seeds; remove one")
    revision = table.get("revision", 1)
    if type(revision) is not int:
        raise SoundstageError(f"{where}: revision must be a whole number, not {revision!r}")
    for key in ("summary", "citation", "base", "hash"):
        if not isinstance(table.get(key, ""), str):
            raise SoundstageError(f"{where}: {key} must be a text")
    for key in ("parts", "made_with"):
        if not isinstance(table.get(key, {}), Mapping):
            raise SoundstageError(f"{where}: {key} must be a table, as `soundstage provenance --lock` writes it")
    start = Path(table["base"]) if table.get("base") else base
    locked = {key: table[key] for key in LOCKED_KEYS if key in table}
    texts = (table.get("summary", ""), table.get("citation", ""))
    tracks, excerpt = read_tracks(table.get("tracks"), where), read_excerpt(table.get("excerpt"), where)
    return Grid(name, revision, axes, tuple(seeds), *texts, start, tracks, excerpt, locked)


def find_grid(request: str | Path, registry: Registry, needed: Collection[Kind] = KINDS) -> Grid:
    """The grid called `request`: a name in the registry, or a TOML file that declares one grid.

    The entries of such a file extend the registry. `file.toml:name` picks one of several grids. needed: see
    `read_grid`. Raises SoundstageError.
    """
    text = str(request)
    if text in registry.grids:
        return read_grid(text, *registry.grids[text], needed)
    path, _, wanted = text.partition(".toml:") if ".toml:" in text else (text, "", "")
    file = Path(f"{path}.toml" if wanted else path)
    if file.suffix != ".toml" and not file.is_file():
        raise UnknownName("grid", text, registry.grids)
    table = read_toml(file)
    base = file.absolute().parent
    registry.extend(table, str(file), base)
    names = list(table.get("grids", {}))
    if wanted and wanted not in names:
        raise SoundstageError(f"{file} declares no grid '{wanted}'{suggestion(wanted, names)}")
    if not wanted and len(names) != 1:
        found = (
            f"declares {len(names)} grids ({', '.join(names)}); pick one with {file}:NAME"
            if names
            else "declares no grid; add [grids.NAME]"
        )
        raise SoundstageError(f"{file} {found}")
    name = wanted or names[0]
    return read_grid(name, table["grids"][name], base, needed)
