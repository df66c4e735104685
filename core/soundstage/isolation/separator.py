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


class ScriptSeparator:
    """A separator script. Its constructor's parameters are those of the script's load(), but for `device`."""

    script: ClassVar[Script]
    sources: Sequence[str] | None = None
    rate: int | None = None

    def __init__(self, **params: Any) -> None:
        self._params = params
        self._device = "auto"
        self._process: ScriptProcess | None = None
        self.details: dict[str, Any] = {}

    def load(self, device: str) -> None:
        """Start the script and have it load. Raises NotInstalled, Crashed, or what the script says."""
        self._device = device
        process = ScriptProcess(self.script)
        values = {name: str(value) if isinstance(value, Path) else value for name, value in self._params.items()}
        paths = [name for name, value in self._params.items() if isinstance(value, Path)]
        dependencies = [
            text.split("==")[0].split(">")[0].split("<")[0].strip().lower() for text in self.script.dependencies
        ]
        request = {"do": "load", "params": values, "paths": paths, "device": device, "dependencies": dependencies}
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
        """The files that its path parameters name, and those in the folders that they name."""
        found: list[Path] = []
        for name, value in self._params.items():
            if not isinstance(value, Path):
                continue
            if value.is_file():
                found.append(value)
            elif value.is_dir():
                found += sorted(path for path in value.rglob("*") if path.is_file())
            else:
                raise SoundstageError(f"{name} is {value}, which is neither a file nor a folder; correct the path")
        return found

    def separate(self, mixture: Samples, rate: int, **needed: Any) -> Any:
        """What the script returns for the mixture (2, samples); a script that died is started again first."""
        if self._process is None or not self._process.alive:
            self.load(self._device)
        assert self._process is not None
        arrays: dict[str, Any] = {"mixture": mixture}
        plain: dict[str, Any] = {}
        for name, value in needed.items():
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


def _plain(value: Any) -> Any:
    """A need as JSON holds it."""
    if value is None or isinstance(value, (int, float, str)):
        return value
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else asdict(value)


def script_class(path: Path) -> type[ScriptSeparator]:
    """The separator class of a script: its constructor takes what the script's load() takes. Raises SoundstageError."""
    script = read_script(path)
    parameters = [parameter for parameter in script.parameters if parameter.name != "device"]

    def __init__(self: ScriptSeparator, **params: Any) -> None:
        ScriptSeparator.__init__(self, **params)

    receiver = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    __init__.__signature__ = inspect.Signature([receiver, *parameters])  # type: ignore[attr-defined]
    __init__.__annotations__ = {
        parameter.name: parameter.annotation for parameter in parameters if parameter.annotation is not parameter.empty
    }
    facts = {name: value for name, value in script.constants.items() if name != "revision"}
    names = {"__init__": __init__, "__doc__": script.summary, "script": script, "revision": script.revision, **facts}
    return type(f"Script_{path.stem}", (ScriptSeparator,), names)
