"""What makes a plugin's numbers what they are, and so a part of the address of every result that it had a hand in."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soundstage.catalogue.parameters import constructor_parameters
from soundstage.catalogue.registry import Choice
from soundstage.contracts import CellName, NamesFiles, NamesFilesOfCells
from soundstage.errors import SoundstageError


def identity(choice: Choice, plugin_class: type, files: Mapping[str, str]) -> dict[str, Any]:
    """What makes a plugin's numbers what they are: name, revision, wrapped versions, parameters, contents of its files.

    Path parameters stand as "file": their contents are in `files`, and a path is no part of a result.
    """
    parameters = constructor_parameters(plugin_class)
    values: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if name in getattr(plugin_class, "out_of_address", ()):
            continue
        value = choice.params.get(name, parameter.default)
        values[name] = "file" if parameter.is_path and value is not None else value
    return {
        "plugin": choice.plugin.name,
        "revision": revision(plugin_class),
        "wraps": choice.plugin.wrapped_versions(),
        "parameters": values,
        "files": dict(files),
    }


def revision(plugin_class: type) -> str:
    """The class's declared numerics revision; the hash of its source file where it declares none."""
    declared = getattr(plugin_class, "revision", None)
    if declared is not None:
        return str(declared)
    try:
        source = Path(inspect.getfile(plugin_class)).read_bytes()
    except (OSError, TypeError):
        raise SoundstageError(
            f"{plugin_class.__module__}.{plugin_class.__name__} declares no `revision`; add one"
        ) from None
    return "source " + hashlib.sha256(source).hexdigest()


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
            if not value.is_file():
                raise SoundstageError(f"{what}: '{name}' is {value}, which is not a file; give a file, or add `files`")
            found.append(value)
    return found
