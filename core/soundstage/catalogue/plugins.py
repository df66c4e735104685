"""Discovery: which plugins are installed, from which distributions, and what is wrong with the broken ones."""

from __future__ import annotations

import importlib
import importlib.util
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any

import pluggy

from soundstage import hooks
from soundstage.contracts import KINDS, Kind
from soundstage.errors import SoundstageError, UnknownName

GROUP = "soundstage"


@dataclass(frozen=True, slots=True)
class Plugin:
    """One registered plugin. Holding it imports nothing; `load` imports its module."""

    kind: Kind
    name: str
    target: str
    distribution: str
    version: str
    summary: str
    requires: tuple[str, ...] = ()
    extra: str = ""
    wraps: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    citation: str = ""
    licence: str = ""

    def missing(self) -> list[str]:
        """The required modules that are not importable here, found without importing them."""
        return [module for module in self.requires if not _is_importable(module)]

    def unusable(self) -> str:
        """Why the plugin cannot be used here, with the remedy; empty where it can."""
        missing = self.missing()
        if not missing:
            return ""
        return f"needs {', '.join(missing)}" + (f": pip install '{self.extra}'" if self.extra else "")

    @property
    def script(self) -> Path | None:
        """The separator script that the plugin is, where it is one; found without importing its package."""
        if not self.target.endswith(".py"):
            return None
        package, colon, path = self.target.partition(":")
        if not colon or len(package) == 1:  # a path, perhaps with a drive
            return Path(self.target)
        found = importlib.util.find_spec(package)
        if found is None or not found.submodule_search_locations:
            raise SoundstageError(
                f"separator '{self.name}' of {self.distribution}: there is no package {package}; correct {self.target}"
            )
        return Path(found.submodule_search_locations[0]) / path

    def load(self) -> type[Any]:
        """The plugin's class. Raises what importing it raises, or SoundstageError where the class is not there."""
        if self.script is not None:
            from soundstage.isolation.separator import script_class

            return script_class(self.script)
        module_name, _, attribute = self.target.partition(":")
        module = importlib.import_module(module_name)
        try:
            found = getattr(module, attribute)
        except AttributeError:
            raise SoundstageError(
                f"{self.kind[:-1]} '{self.name}' of {self.distribution}: module {module_name} has no '{attribute}';"
                f" correct the import path it registers"
            ) from None
        return found  # type: ignore[no-any-return]

    def wrapped_versions(self) -> dict[str, str]:
        """The versions of the distributions whose numbers the plugin passes on."""
        return {name: _version(name) for name in self.wraps}


@dataclass(slots=True)
class Catalogue:
    """Everything that is registered: plugins by kind and name, names claimed twice, and broken distributions."""

    plugins: dict[Kind, dict[str, Plugin]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    clashes: dict[tuple[Kind, str], list[Plugin]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, plugin: Plugin) -> None:
        """Add a plugin; a name that another plugin holds becomes a clash and neither is usable under it."""
        held = self.plugins[plugin.kind]
        clash = self.clashes.get((plugin.kind, plugin.name))
        if clash is not None:
            clash.append(plugin)
        elif plugin.name in held:
            self.clashes[plugin.kind, plugin.name] = [held.pop(plugin.name), plugin]
        else:
            held[plugin.name] = plugin

    def get(self, kind: Kind, name: str) -> Plugin:
        """The plugin of that name. Raises UnknownName, or SoundstageError naming both claimants of a clash."""
        if (kind, name) in self.clashes:
            raise SoundstageError(clash_sentence(kind, name, self.clashes[kind, name]))
        try:
            return self.plugins[kind][name]
        except KeyError:
            raise UnknownName(kind[:-1], name, self.plugins[kind]) from None

    def all_problems(self) -> list[str]:
        """A sentence for every broken distribution and every clash."""
        return self.problems + [clash_sentence(kind, name, found) for (kind, name), found in self.clashes.items()]


def clash_sentence(kind: Kind, name: str, plugins: Sequence[Plugin]) -> str:
    """Who claims the name, and what to do."""
    owners = " and ".join(f"{plugin.distribution} ({plugin.target})" for plugin in plugins)
    return f"{kind[:-1]} '{name}' is registered by {owners}; uninstall one, or ask its author for another name"


def discover() -> Catalogue:
    """What is installed in group `soundstage`, walked entry point by entry point.

    A plugin that fails to import or to register is reported with its distribution's name and the rest go on. (pluggy's
    own loader drops the second of two same-named entry points and stops at the first ImportError.)
    """
    catalogue = Catalogue()
    found = entry_points(group=GROUP)
    for point in sorted(
        found, key=lambda point: (_distribution(point)[0].lower() != GROUP, _distribution(point)[0], point.name)
    ):
        distribution, release = _distribution(point)
        try:
            plugins = registrations(point.load(), distribution, release)
        except Exception as error:
            where = _innermost_line(error)
            catalogue.problems.append(
                f"plugin '{point.name}' of {distribution} {release} is broken: {type(error).__name__}: {error}{where};"
                f" update or uninstall {distribution}"
            )
            continue
        for plugin in plugins:
            catalogue.add(plugin)
    return catalogue


def registrations(module: object, distribution: str, release: str) -> list[Plugin]:
    """What the hooks of one plugin module register."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hooks)
    manager.register(module)
    manager.check_pending()
    found: list[Plugin] = []
    for kind in KINDS:

        def register(name: str, target: str, *, summary: str, kind: Kind = kind, **facts: Any) -> None:
            for sequence in ("requires", "wraps", "required"):
                facts[sequence] = tuple(facts.get(sequence, ()))
            found.append(Plugin(kind, name, target, distribution, release, summary, **facts))

        getattr(manager.hook, f"register_{kind}")(register=register)
    return found


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist is not None else ("an unnamed distribution", "")


def _innermost_line(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({frames[-1].filename.rsplit('/', 1)[-1]}, line {frames[-1].lineno})" if frames else ""


@cache
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def _is_importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
