"""What stands for a script, whatever it is of: its parameters, its files, its process."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from soundstage.errors import SoundstageError
from soundstage.isolation.process import ScriptProcess
from soundstage.isolation.script import Script

_DEVICE = inspect.Parameter("device", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=str | None)


class Scripted:
    """A script's stand-in. Its parameters are those of the script's load(); its `device` goes before the run's."""

    script: ClassVar[Script]

    def __init__(self, **params: Any) -> None:
        self._own_device: str | None = params.pop("device", None)
        self._params = params
        self.details: dict[str, Any] = {}

    def started(self, kind: str, device: str) -> tuple[ScriptProcess, Mapping[str, Any]]:
        """A process in which the script has loaded, and what it said of itself.

        kind: what load() returns. Raises NotInstalled, Crashed, or what the script says.
        """
        process = ScriptProcess(self.script)
        values = {name: str(value) if isinstance(value, Path) else value for name, value in self._params.items()}
        paths = [name for name, value in self._params.items() if isinstance(value, Path)]
        request = {"do": "load", "kind": kind, "params": values, "paths": paths, "device": self._own_device or device}
        request["dependencies"] = list(self.script.dependencies)
        try:
            reply, _ = process.ask(request, {})
        except BaseException:
            process.close()
            raise
        self.details = {"environment": {"python": reply["python"], **reply["versions"]}, **reply["details"]}
        return process, reply

    def own_files(self) -> list[Path]:
        """The files that its path parameters name, and those in the folders that they name; or what its `files` say.

        Hidden files, and what a download has left half done, do not count.
        """
        places = {name: value for name, value in self._params.items() if isinstance(value, Path)}
        for name, value in places.items():
            if not value.exists():
                raise SoundstageError(f"{name} is {value}, which is neither a file nor a folder; correct the path")
        if templates := self.script.constants.get("files"):
            places = self._declared(templates)
        found: list[Path] = []
        for value in places.values():
            inside = sorted(path for path in value.rglob("*") if path.is_file() and _counts(path.relative_to(value)))
            found += [value] if value.is_file() else inside
        return found

    def _declared(self, templates: Sequence[str]) -> dict[str, Path]:
        """The paths that the script's `files` name, with the values of its parameters."""
        defaults = {parameter.name: parameter.default for parameter in self.script.parameters}
        values = {**defaults, **self._params}
        try:
            return {template: Path(template.format_map(values)) for template in templates}
        except (KeyError, ValueError, IndexError) as error:
            raise SoundstageError(
                f"{self.script.path}: its files = {tuple(templates)} name no parameter of load() ({error}); correct it"
            ) from None


def _counts(path: Path) -> bool:
    return not any(part.startswith(".") for part in path.parts) and not path.name.endswith((".part", ".part.json"))


def made_class(script: Script, base: type[Scripted], facts: Mapping[str, Any]) -> type[Any]:
    """A class for the script: its constructor takes what the script's load() takes. facts: its attributes besides."""
    parameters = [parameter for parameter in script.parameters if parameter.name != "device"]
    if len(parameters) < len(script.parameters):  # its own, where it is given, goes before the run's
        parameters.append(_DEVICE)

    def __init__(self: Scripted, **params: Any) -> None:
        base.__init__(self, **params)

    receiver = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    __init__.__signature__ = inspect.Signature([receiver, *parameters])  # type: ignore[attr-defined]
    __init__.__annotations__ = {
        parameter.name: parameter.annotation for parameter in parameters if parameter.annotation is not parameter.empty
    }
    names = {"__init__": __init__, "__doc__": script.summary, "script": script, "revision": script.revision}
    names |= {"out_of_address": ("device",), **facts}
    return type(f"Script_{script.path.stem}", (base,), names)
