"""The class that stands for a separator script: a separator like any other, its work done in another process."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from soundstage.errors import SoundstageError
from soundstage.isolation.process import ScriptProcess
from soundstage.isolation.script import Script, read_script

if TYPE_CHECKING:
    from soundstage.audio import Samples
    from soundstage.contracts import CellName


_DEVICE = inspect.Parameter("device", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=str | None)


class ScriptSeparator:
    """A separator script. Its parameters are those of the script's load(); its `device` goes before the run's."""

    script: ClassVar[Script]
    sources: Sequence[str] | None = None
    rate: int | None = None

    def __init__(self, **params: Any) -> None:
        self._own_device: str | None = params.pop("device", None)
        self._params = params
        self._device = "auto"
        self._process: ScriptProcess | None = None
        self.details: dict[str, Any] = {}

    def load(self, device: str) -> None:
        """Start the script and have it load. Raises NotInstalled, Crashed, or what the script says."""
        self._device = self._own_device or device
        process = ScriptProcess(self.script)
        values = {name: str(value) if isinstance(value, Path) else value for name, value in self._params.items()}
        paths = [name for name, value in self._params.items() if isinstance(value, Path)]
        request = {"do": "load", "params": values, "paths": paths, "device": self._device}
        request["dependencies"] = list(self.script.dependencies)
        try:
            reply, _ = process.ask(request, {})
        except BaseException:
            process.close()
            raise
        if reply["sources"] is not None:
            self.sources = tuple(reply["sources"])
        if reply["rate"] is not None:
            self.rate = reply["rate"]
        self.details = {"environment": {"python": reply["python"], **reply["versions"]}, **reply["details"]}
        self._process = process

    def files(self, cell: CellName | None) -> list[Path]:
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

    def separate(self, mixture: Samples, rate: int, **needed: Any) -> Any:
        """What the script returns for the mixture (2, samples); a script that died is started again first."""
        if self._process is None or not self._process.alive:
            self.load(self._device)
        assert self._process is not None
        arrays: dict[str, Any] = {"mixture": mixture}
        plain: dict[str, Any] = {}
        for name, value in needed.items():
            if name == "renderer":
                raise SoundstageError("needs a renderer, which no other process can be given; make it a plugin")
            if name == "references":
                arrays |= {f"ref:{source}": reference for source, reference in value.items()}
            else:
                plain[name] = _plain(value)
        request = {"do": "separate", "rate": rate, "needed": plain, "wanted": list(needed)}
        reply, images = self._process.ask(request, arrays)
        if "rubbish" in reply:
            raise SoundstageError(f"separate() returned {reply['rubbish']}, not a mapping of source to array")
        self.details |= reply["details"]
        return images if reply["keys"] is None else dict(zip(reply["keys"], images, strict=True))


def _counts(path: Path) -> bool:
    return not any(part.startswith(".") for part in path.parts) and not path.name.endswith((".part", ".part.json"))


def _plain(value: Any) -> Any:
    """A need as JSON holds it."""
    if value is None or isinstance(value, (int, float, str)):
        return value
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else asdict(value)


def script_class(path: Path, pins: Sequence[str] = ()) -> type[ScriptSeparator]:
    """The separator class of a script: its constructor takes what the script's load() takes. Raises SoundstageError."""
    script = read_script(path, pins)
    parameters = [parameter for parameter in script.parameters if parameter.name != "device"]
    if len(parameters) < len(script.parameters):  # its own, where it is given, goes before the run's
        parameters.append(_DEVICE)

    def __init__(self: ScriptSeparator, **params: Any) -> None:
        ScriptSeparator.__init__(self, **params)

    receiver = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    __init__.__signature__ = inspect.Signature([receiver, *parameters])  # type: ignore[attr-defined]
    __init__.__annotations__ = {
        parameter.name: parameter.annotation for parameter in parameters if parameter.annotation is not parameter.empty
    }
    facts = {name: value for name, value in script.constants.items() if name not in ("revision", "files")}
    names = {"__init__": __init__, "__doc__": script.summary, "script": script, "revision": script.revision}
    names |= {"out_of_address": ("device",), **facts}
    return type(f"Script_{path.stem}", (ScriptSeparator,), names)
