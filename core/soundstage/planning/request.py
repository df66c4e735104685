"""What a caller asks for, a grid by name, by file or as a mapping, becomes a plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from soundstage.catalogue.registry import Registry
from soundstage.contracts import KINDS, Kind
from soundstage.planning.cells import make_plan
from soundstage.planning.grid import Grid, find_grid, read_grid
from soundstage.planning.lock import check_locked
from soundstage.planning.plan import Plan


def plan_of(
    grid: str | Path | Mapping[str, Any],
    *,
    data: Mapping[str, str | Path] | None = None,
    registry: Collection[str | Path] = (),
) -> Plan:
    """The plan of a grid: its cells and their addresses; nothing is run. The arguments are those of `run`.

    Raises SoundstageError where a name is wrong, or where a lock file's grid would not be what was locked.
    """
    plan = make_plan(*resolved(grid, data, registry))
    check_locked(plan)
    return plan


def resolved(
    grid: str | Path | Mapping[str, Any],
    data: Mapping[str, str | Path] | None,
    registry: Collection[str | Path],
    needed: Collection[Kind] = KINDS,
) -> tuple[Grid, Registry]:
    """The grid that is meant, with the axes it needs, and the registry that its names are found in."""
    known = Registry.load([Path(file) for file in registry])
    if isinstance(grid, Mapping):
        table = dict(grid)
        found = read_grid(str(table.pop("name", "custom")), table, None, needed, defaults=known.defaults)
    else:
        found = find_grid(grid, known, needed)
    for roots in (found.locked.get("data", {}), data or {}):
        known.set_roots(roots)
    return found, known
