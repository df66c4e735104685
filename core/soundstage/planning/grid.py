"""A declared grid: what is crossed with what."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from soundstage import toml
from soundstage.catalogue.entries import SCRIPTED, Defaults, checked_name
from soundstage.catalogue.registry import Registry
from soundstage.contracts import KINDS, Kind
from soundstage.errors import SoundstageError, UnknownName, suggestion
from soundstage.pipeline.excerpt import Excerpt
from soundstage.planning.tracks import Tracks, read_excerpt, read_tracks
from soundstage.toml import Table, below

LOCKED_KEYS = ("hash", "parts", "made_with", "data")


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


def read_grid(
    name: str,
    table: Mapping[str, Any],
    base: Path | None,
    needed: Collection[Kind] = KINDS,
    *,
    source: str = "",
    defaults: Defaults | None = None,
) -> Grid:
    """The grid that a TOML table declares. needed: the axes it must have; one that it lacks of the others is empty.

    source: the file that it stands in, for errors. defaults: what stands in where it says nothing; those shipped, where
    none are given. Raises SoundstageError naming the grid and the key.
    """
    checked_name(name, "a grid", source or f"grid '{name}'")
    whole = Table(table, source or f"grid '{name}'", below("grids", name) if source else "")
    axes: dict[Kind, tuple[str, ...]] = {}
    for kind in KINDS:
        if kind not in table and kind not in needed:
            whole.asked.append(kind)
            axes[kind] = ()
            continue
        usual = (defaults or Registry.shipped_defaults()).placements if kind == "placements" else ()
        axes[kind] = whole.names(kind, default=usual)
    seeds = whole.wholes("seeds", [0])
    revision = whole.whole("revision", 1)
    summary, citation, start = whole.text("summary"), whole.text("citation"), whole.text("base")
    tracks, excerpt = read_tracks(whole), read_excerpt(whole)
    locked = {key: whole.text(key) if key == "hash" else whole.parameters(key) for key in LOCKED_KEYS if key in table}
    whole.asked += LOCKED_KEYS
    whole.close()
    return Grid(name, revision, axes, seeds, summary, citation, Path(start) if start else base, tracks, excerpt, locked)


def find_grid(request: str | Path, registry: Registry, needed: Collection[Kind] = KINDS) -> Grid:
    """The grid called `request`: a name in the registry, or a TOML file that declares one grid.

    The entries of such a file extend the registry. `file.toml:name` picks one of several grids. needed: see
    `read_grid`. Raises SoundstageError.
    """
    text = str(request)
    if text in registry.grids:
        return _of(registry, text, needed)
    path, _, wanted = text.partition(".toml:") if ".toml:" in text else (text, "", "")
    file = Path(f"{path}.toml" if wanted else path)
    if file.suffix != ".toml" and not file.is_file():
        raise UnknownName("grid", text, registry.grids)
    table = toml.read(file)
    registry.extend(table, str(file), file.absolute().parent)
    _find_scripts_beside(registry, table, file.absolute().parent)
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
    return _of(registry, wanted or names[0], needed)


def _find_scripts_beside(registry: Registry, table: Mapping[str, Any], folder: Path) -> None:
    """Take the scripts of a lock file that are not where they were from beside it."""
    grids = table.get("grids", {})
    if not any(isinstance(grid, Mapping) and "hash" in grid for grid in grids.values()):
        return
    for kind in SCRIPTED:
        for name in table.get(kind, {}):
            entry = registry.entries[kind][name]
            if entry.script is not None and not entry.script.exists() and (folder / entry.script.name).is_file():
                registry.entries[kind][name] = replace(entry, script=folder / entry.script.name)


def _of(registry: Registry, name: str, needed: Collection[Kind]) -> Grid:
    found = registry.grids[name]
    return read_grid(name, found.table, found.base, needed, source=found.source, defaults=registry.defaults)
