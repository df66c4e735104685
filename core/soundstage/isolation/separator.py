"""The class that stands for a separator script: a separator like any other, its work done in another process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundstage.errors import SoundstageError
from soundstage.isolation.process import ScriptProcess
from soundstage.isolation.script import read_script
from soundstage.isolation.scripted import Scripted, made_class

if TYPE_CHECKING:
    from soundstage.audio import Samples
    from soundstage.contracts import CellName

FACTS = ("sources", "rate", "needs", "named", "role", "trained_on")
"""What a script says that its class says too."""


class ScriptSeparator(Scripted):
    """A separator script."""

    sources: Sequence[str] | None = None
    rate: int | None = None

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._device = "auto"
        self._process: ScriptProcess | None = None

    def load(self, device: str) -> None:
        """Start the script and have it load. Raises NotInstalled, Crashed, or what the script says."""
        self._device = device
        process, reply = self.started("separator", device)
        if reply["sources"] is not None:
            self.sources = tuple(reply["sources"])
        if reply["rate"] is not None:
            self.rate = reply["rate"]
        self._process = process

    def files(self, cell: CellName | None) -> list[Path]:
        """The files that it depends on, whatever the cell; see Scripted.own_files."""
        return self.own_files()

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


def script_class(path: Path, pins: Sequence[str] = ()) -> type[ScriptSeparator]:
    """The separator class of a script: its constructor takes what the script's load() takes. Raises SoundstageError."""
    script = read_script(path, pins)
    facts = {name: script.constants[name] for name in FACTS if name in script.constants}
    return made_class(script, ScriptSeparator, facts)
