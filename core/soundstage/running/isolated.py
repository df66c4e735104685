"""A plugin's separator in a process of its own, for `run --isolate`: it gets the mixture and what was planned, no more.

Its class is never imported where scenes are rendered, so that there is nothing of them that it could reach.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from soundstage.audio import Samples
from soundstage.catalogue.registry import Choice
from soundstage.errors import SoundstageError
from soundstage.isolation.process import ServingProcess
from soundstage.planning.plan import Plan

START = "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); from soundstage.running.host import main; main()"
"""The import path travels by hand: the variables that it may come from do not."""

Isolated = tuple[tuple[str, tuple[str, ...]], ...]
"""Pairs of a separator's label and what it is given besides the mixture, as it declared when the run was planned."""


def isolated(plan: Plan) -> Isolated:
    """The separators of a plan that are put in processes of their own: all but scripts, which are in some already."""
    scripts = {cell.separator.label for cell in plan.cells if cell.separator.script or cell.separator.plugin.script}
    return tuple((label, facts.needs) for label, facts in plan.separators.items() if label not in scripts)


class IsolatedSeparator:
    """A separator like any other, its work done in another process. needs: what it is given; it gets no say in that."""

    sources: Sequence[str] | None = None
    rate: int | None = None
    named = True
    may_lack = False
    from_files = False

    def __init__(self, choice: Choice, needs: Sequence[str]) -> None:
        self.needs = tuple(needs)
        self.details: dict[str, Any] = {}
        self._choice = choice
        self._device = "auto"
        self._process: ServingProcess | None = None

    def load(self, device: str) -> None:
        """Start the process and build and load the separator there. Raises NotInstalled, Crashed, or what it says."""
        self._device = device
        path = [os.path.abspath(entry) for entry in sys.path]
        command = [sys.executable, "-I", "-c", START, json.dumps(path)]
        process = ServingProcess(command, f"separator '{self._choice.label}'", "its process")
        try:
            reply, _ = process.ask({"do": "load", "choice": _pickled(self._choice), "device": device}, {})
        except BaseException:
            process.close()
            raise
        self.sources, self.rate = reply["sources"], reply["rate"]
        self.named, self.may_lack = reply["named"] is True, reply["may_lack"] is True
        self.from_files = reply["from_files"] is True
        self._process = process

    def separate(self, mixture: Samples, rate: int, **needed: Any) -> Any:
        """What the separator returns for the mixture (2, samples); one whose process died is started again first."""
        if "renderer" in needed:
            raise SoundstageError("needs a renderer, which no other process can be given; run it without --isolate")
        if self._process is None or not self._process.alive:
            self.load(self._device)
        assert self._process is not None
        references: Mapping[str, Samples] = needed.pop("references", {})
        arrays = {"mixture": mixture, **{f"ref:{source}": one for source, one in references.items()}}
        request = {"do": "separate", "rate": rate, "needed": _pickled(needed), "references": "references" in self.needs}
        reply, images = self._process.ask(request, arrays)
        if "rubbish" in reply:
            wanted = "a mapping of source to array" if self.named else "a sequence of (2, samples) images"
            raise SoundstageError(f"returned {reply['rubbish']}, not {wanted}")
        self.details = {**reply["details"], "isolated": True}
        return images if reply["keys"] is None else dict(zip(reply["keys"], images, strict=True))


def _pickled(value: object) -> str:
    """For the process, which believes us; nothing of what it answers is ever unpickled."""
    return base64.b64encode(pickle.dumps(value)).decode()
