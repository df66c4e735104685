"""What makes a plugin's numbers what they are, and so a part of the address of every result that it had a hand in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soundstage.catalogue.parameters import constructor_parameters
from soundstage.catalogue.registry import Choice
from soundstage.contracts import CellName, NamesFiles, NamesFilesOfCells
from soundstage.errors import SoundstageError
from soundstage.planning.sources import root, sources


def identity(
    choice: Choice, plugin_class: type, files: Mapping[str, str], combined: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What makes a plugin's numbers what they are: name, revision, wrapped versions, parameters, contents of its files.

    Path parameters stand as "file": their contents are in `files`, and a path is no part of a result. combined: of a
    separator, what its entry has its stems make, where that has a say; absent where it has none.
    """
    parameters = constructor_parameters(plugin_class)
    values: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if name in getattr(plugin_class, "out_of_address", ()):
            continue
        value = choice.params.get(name, parameter.default)
        if name in getattr(plugin_class, "left_out_at_default", ()) and value == parameter.default:
            continue
        values[name] = "file" if parameter.is_path and value is not None else _held(value)
    return {
        "plugin": choice.plugin.name,
        "revision": revision(plugin_class),
        "wraps": choice.plugin.wrapped_versions(),
        "parameters": values,
        "files": dict(files),
        **(combined or {}),
    }


def _held(value: Any) -> Any:
    """A parameter's value as an address holds it; an infinity, which only a class's default can be, is a text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return [_held(one) for one in value] if isinstance(value, (list, tuple)) else value


def revision(plugin_class: type) -> str:
    """The class's declared numerics revision; the hash of its package's sources where it declares none.

    A revision that the class has from a base in another package says nothing of the class's own package: both count.
    """
    declarer = next((one for one in plugin_class.__mro__ if vars(one).get("revision") is not None), None)
    if declarer is None:
        return f"source {sources(plugin_class)}"
    declared = str(vars(declarer)["revision"])
    if declarer is plugin_class or root(declarer) == root(plugin_class):
        return declared
    return f"{declared}, source {sources(plugin_class)}"


def declared_files(instance: object, what: str, cell: CellName | None = None) -> list[Path]:
    """The files a plugin says its results depend on; without `files`, the files among its Path parameters.

    cell: which one they are for, of a separator.
    """
    if isinstance(instance, NamesFilesOfCells) and cell is not None:
        return [Path(file) for file in instance.files(cell)]
    if isinstance(instance, NamesFiles):
        return [Path(file) for file in instance.files()]
    found = []
    for name, parameter in constructor_parameters(type(instance)).items():
        value = getattr(instance, name, None) if parameter.is_path else None
        if isinstance(value, Path):
            if not _is_file(value):
                raise SoundstageError(f"{what}: '{name}' is {value}, which is not a file; give a file, or add `files`")
            found.append(value)
    return found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file system takes
        return False
