"""What is checked: a plugin by its name, its class, what makes it, or an instance."""

from __future__ import annotations

import copy
import importlib
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundstage.cache import FileHashes
from soundstage.catalogue.plugins import Plugin
from soundstage.catalogue.registry import Choice, Registry
from soundstage.contracts import Kind, LoadsWeights
from soundstage.errors import NotInstalled, SoundstageError
from soundstage.pipeline.blame import named_as
from soundstage.planning.built import build
from soundstage.running.workbench import discarding


@dataclass(frozen=True, slots=True)
class Subject:
    """A plugin that is checked. make: builds a new instance. choice: what a worker builds it from; None where no other
    process can, and why stands in `stays_here`.
    """

    kind: Kind
    name: str
    make: Callable[[], Any]
    choice: Choice | None = None
    stays_here: str = ""

    @property
    def called(self) -> str:
        """As an error names it."""
        return f"{self.kind[:-1]} '{self.name}'"

    def built(self, device: str = "cpu") -> Any:
        """A new instance, loaded where it loads. Raises SoundstageError as a run does."""
        with named_as(self.called), discarding():
            instance = self.make()
            if self.kind == "separators" and isinstance(instance, LoadsWeights):
                instance.load(device)
        return instance

    def check_usable(self) -> None:
        """Raise NotInstalled or SoundstageError where a run would not get it built."""
        if self.choice is None or self.stays_here:
            self.built()
            return
        hashes = FileHashes()
        with discarding():
            problem = build(self.choice, hashes).problem
        if problem is not None:
            raise (NotInstalled if problem.status == "not-installed" else SoundstageError)(problem.error)


class Bench:
    """What the checks of a plugin share. Of each kind there is one with what these plugins are tried on besides."""

    def __init__(self, of: Subject, thorough: bool, device: str) -> None:
        self.subject, self.thorough, self.device = of, thorough, device
        self._instance: Any = None

    def instance(self, fresh: bool = False) -> Any:
        """The plugin, loaded where it loads; where fresh a new one, which is shared from then on."""
        if self._instance is None or fresh:
            self._instance = self.subject.built(self.device)
        return self._instance


def subject(kind: Kind, plugin: Any, registry: Registry | Sequence[str | Path] = ()) -> Subject:
    """What is meant. plugin: a name or variant, a class, a function without parameters that makes one, or an instance,
    which is copied. registry: where names are looked up, or TOML files that extend it. Raises SoundstageError.
    """
    if isinstance(plugin, str):
        known = registry if isinstance(registry, Registry) else Registry.load([Path(file) for file in registry])
        plugin = known.choose(kind, plugin)
    if isinstance(plugin, Choice):
        return Subject(kind, plugin.label, plugin.build, plugin)
    if isinstance(plugin, type):
        target = f"{plugin.__module__}:{plugin.__qualname__}"
        choice = Choice(kind, plugin.__name__, plugin.__name__, Plugin(kind, plugin.__name__, target, "", "", ""), {})
        lack = "" if _is_importable(plugin) else f"no other process can import {target}"
        return Subject(kind, plugin.__name__, plugin, choice, lack)
    lack = "it was handed over as an object; name its class or its registered name and a worker can build it"
    if callable(plugin) and not any(
        hasattr(plugin, verb) for verb in ("separate", "prepare", "render", "place", "load")
    ):
        return Subject(kind, getattr(plugin, "__name__", type(plugin).__name__), plugin, None, lack)
    return Subject(kind, type(plugin).__name__, lambda: copy.deepcopy(plugin), None, lack)


def _is_importable(plugin: type) -> bool:
    """Whether another process finds the class where this one has it."""
    top = plugin.__module__.partition(".")[0]
    if top == "__main__" or "." in plugin.__qualname__ or importlib.machinery.PathFinder.find_spec(top) is None:
        return False
    module = sys.modules.get(plugin.__module__) or importlib.import_module(plugin.__module__)
    return getattr(module, plugin.__qualname__, None) is plugin
