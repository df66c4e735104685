"""Discovery: which plugins are installed, from which distributions, and what is wrong with the broken ones."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.util
import io
import re
import traceback
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any

import pluggy

from soundstage import hooks
from soundstage.catalogue.commands import Command
from soundstage.catalogue.importable import missing_of
from soundstage.contracts import KINDS, Kind
from soundstage.errors import SoundstageError, UnknownName, suggestion, text_of
from soundstage.names import fault
from soundstage.toml import shown

GROUP = "soundstage"

COMMANDS = "commands"
"""What the hook for verbs registers; these are no kind of plugin, for no grid names them."""

HOOKS = tuple(f"register_{kind}" for kind in (*KINDS, COMMANDS))

SEQUENCES = ("requires", "wraps", "required", "takes", "sections")
"""Facts that are several."""

MARK = f"{GROUP}_impl"
"""What `hookimpl` leaves on a function."""


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
    takes: tuple[str, ...] = ()
    """Of a separator that makes entries of files: the endings of their names."""

    citation: str = ""
    licence: str = ""
    pins: tuple[str, ...] = ()
    """Of a script: requirements that its environment must meet besides its own."""

    def missing(self) -> list[str]:
        """The required modules that are not importable here, found without importing them."""
        return missing_of(self.requires)

    def unusable(self) -> str:
        """Why the plugin cannot be used here, with the remedy; empty where it can."""
        missing = self.missing()
        if not missing:
            return ""
        return f"needs {', '.join(missing)}" + (f": pip install '{self.extra}'" if self.extra else "")

    @property
    def script(self) -> Path | None:
        """The script that the plugin is, where it is one; found without importing its package."""
        if not self.target.endswith(".py"):
            return None
        package, colon, path = self.target.partition(":")
        if not colon or len(package) == 1:  # a path, perhaps with a drive
            return Path(self.target)
        try:
            found = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            found = None
        if found is None or not found.submodule_search_locations:
            raise SoundstageError(
                f"{self.kind[:-1]} '{self.name}' of {self.distribution}: there is no package {package};"
                f" correct {self.target}"
            )
        return Path(found.submodule_search_locations[0]) / path

    def load(self) -> type[Any]:
        """The plugin's class. Raises what importing it raises, or SoundstageError where the class is not there."""
        if self.script is not None:
            if self.kind == "metrics":
                from soundstage.isolation.metric import metric_class

                return metric_class(self.script, self.pins)
            from soundstage.isolation.separator import script_class

            return script_class(self.script, self.pins)
        module_name, _, attribute = self.target.partition(":")
        module = importlib.import_module(module_name)
        found = getattr(module, attribute, None)
        if not isinstance(found, type):
            what = f"has no '{attribute}'" if found is None else f"has '{attribute}', which is not a class"
            raise SoundstageError(
                f"{self.kind[:-1]} '{self.name}' of {self.distribution}: module {module_name} {what};"
                f" correct the import path it registers"
            )
        return found

    def wrapped_versions(self) -> dict[str, str]:
        """The versions of the distributions whose numbers the plugin passes on."""
        return {name: _version(name) for name in self.wraps}


@dataclass(slots=True)
class Catalogue:
    """Everything that is registered: plugins by kind and name, verbs, and names claimed twice.

    problems: a sentence for each distribution that did not register all that it holds; notices: for what is odd and
    takes nothing away.
    """

    plugins: dict[Kind, dict[str, Plugin]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    clashes: dict[tuple[Kind, str], list[Plugin]] = field(default_factory=dict)
    commands: dict[str, list[Command]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

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

    @property
    def sections(self) -> list[str]:
        """The sections of a registry's TOML that belong to verbs."""
        claimed = (section for held in self.commands.values() for command in held for section in command.sections)
        return list(dict.fromkeys(claimed))

    def get(self, kind: Kind, name: str) -> Plugin:
        """The plugin of that name. Raises UnknownName, or SoundstageError naming both claimants of a clash."""
        if (kind, name) in self.clashes:
            raise SoundstageError(clash_sentence(kind, name, self.clashes[kind, name]))
        try:
            return self.plugins[kind][name]
        except KeyError:
            raise UnknownName(kind[:-1], name, self.plugins[kind], self.problems) from None

    def all_problems(self) -> list[str]:
        """A sentence for every broken distribution, every clash and every oddity."""
        found = [clash_sentence(kind, name, plugins) for (kind, name), plugins in self.clashes.items()]
        verbs = [clash_sentence(COMMANDS, name, held) for name, held in self.commands.items() if len(held) > 1]
        return [*self.problems, *self.notices, *found, *verbs]


def clash_sentence(kind: str, name: str, plugins: Sequence[Plugin | Command]) -> str:
    """Who claims the name, and what to do."""
    owners = " and ".join(f"{plugin.distribution} ({plugin.target})" for plugin in plugins)
    return f"{kind[:-1]} '{name}' is registered by {owners}; uninstall one, or ask its author for another name"


def discover() -> Catalogue:
    """What is installed in group `soundstage`, walked entry point by entry point.

    A plugin that fails to import or to register is reported with its distribution's name and the rest go on. (pluggy's
    own loader drops the second of two same-named entry points and stops at the first ImportError.) What it prints
    meanwhile is reported too, for standard output belongs to the verb.
    """
    catalogue = Catalogue()
    points = entry_points(group=GROUP)
    for point in sorted(
        points, key=lambda point: (_distribution(point)[0].lower() != GROUP, _distribution(point)[0], point.name)
    ):
        distribution, release = _distribution(point)
        whose = f"plugin '{point.name}' of {distribution} {release}".rstrip()
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                module = point.load()
                found, troubles = registrations(module, distribution, release)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            found, troubles = [], [f"{_sentence(error)}{_innermost_line(error)}"]
        catalogue.problems += [
            f"{whose} is broken: {trouble}; correct, update or uninstall {distribution}" for trouble in troubles
        ]
        if said := " ".join(printed.getvalue().split()):
            catalogue.notices.append(f"{whose} prints when it is imported, which nobody asked for: {shown(said)}")
        for one in found:
            if isinstance(one, Command):
                catalogue.commands.setdefault(one.name, []).append(one)
            else:
                catalogue.add(one)
    return catalogue


def registrations(module: object, distribution: str, release: str) -> tuple[list[Plugin | Command], list[str]]:
    """What the hooks of one plugin module register, and a phrase for each thing that is wrong with them.

    What is wrong with one hook, or with one plugin, takes nothing from the others.
    """
    found: list[Plugin | Command] = []
    troubles = list(_hooks_never_called(module))
    called = 0
    for kind in (*KINDS, COMMANDS):
        hook = getattr(module, f"register_{kind}", None)
        if not callable(hook) or not hasattr(hook, MARK):
            continue
        called += 1

        def register(name: str, target: str, *, summary: str, kind: Any = kind, **facts: Any) -> None:
            trouble = _fault(kind, name, target, facts)
            if trouble:
                troubles.append(trouble)
                return
            facts |= {key: tuple(facts[key]) for key in SEQUENCES if key in facts}
            if kind == COMMANDS:
                found.append(Command(name, target, distribution, release, summary, **facts))
            else:
                found.append(Plugin(kind, name, target, distribution, release, summary, **facts))

        manager = pluggy.PluginManager(GROUP)
        manager.add_hookspecs(hooks)
        try:
            manager.register(types.SimpleNamespace(**{f"register_{kind}": hook}), name=distribution)
            getattr(manager.hook, f"register_{kind}")(register=register)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            troubles.append(f"register_{kind}: {_sentence(error)}{_innermost_line(error)}")
    if not called and not troubles:
        troubles.append(f"it has none of the hooks {', '.join(HOOKS)}; its entry point names the wrong module, perhaps")
    return found, troubles


def _hooks_never_called(module: object) -> Iterator[str]:
    """A phrase for each hook that is misspelt or not marked, and would be passed over in silence."""
    for name in dir(module):
        found = getattr(module, name, None)
        if not callable(found):
            continue
        marked = hasattr(found, MARK)
        if name in HOOKS and not marked:
            yield f"{name} is not marked; write @soundstage.hookimpl above it"
        elif name not in HOOKS and marked:
            yield f"{name} is no hook{suggestion(name, HOOKS)}"
        elif name not in HOOKS and difflib.get_close_matches(name, HOOKS, n=1, cutoff=0.85):
            yield f"{name} is no hook{suggestion(name, HOOKS)} A hook has @soundstage.hookimpl above it"


def _fault(kind: str, name: object, target: object, facts: Mapping[str, object]) -> str:
    """What is wrong with the facts that a plugin is registered with, as a phrase; empty where nothing is."""
    one = f"{kind[:-1]} {name!r}"
    if not isinstance(name, str) or fault(name) or set("[]") & set(name):
        why = fault(name) if isinstance(name, str) else ""
        return f"{one} cannot be called so{': ' + why if why else ''}; register takes a plain name"
    if isinstance(target, type):
        path = f"{target.__module__}:{target.__qualname__}"
        return f"{one} is registered with a class; register takes its import path as text, '{path}'"
    if not isinstance(target, str):
        return (
            f"{one} is registered with {shown(target)}; register takes an import path as text, 'package.module:Class'"
        )
    if not target.endswith(".py") and not re.fullmatch(r"[\w.]+:\w+", target):
        module, _, attribute = target.replace(":", ".").rpartition(".")
        return f"{one} is registered with '{target}', which is no import path; write '{module or 'module'}:{attribute}'"
    for key, value in facts.items():
        if key in SEQUENCES and (isinstance(value, str) or not isinstance(value, Iterable)):
            return f"{one} is registered with {key}={value!r}; write {key}=({value!r},)"
    return ""


def _sentence(error: BaseException) -> str:
    """The error as one line."""
    if isinstance(error, SystemExit):
        return f"it ends the program (SystemExit: {error.code})"
    said = " ".join(text_of(error).split())
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _distribution(point: EntryPoint) -> tuple[str, str]:
    """Its name and version, as far as its metadata is there and whole."""
    try:
        name, release = (point.dist.name, point.dist.version) if point.dist is not None else ("", "")
    except Exception:
        name, release = "", ""
    return name or "an unnamed distribution", release or ""


def _innermost_line(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({frames[-1].filename.rsplit('/', 1)[-1]}, line {frames[-1].lineno})" if frames else ""


@cache
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
