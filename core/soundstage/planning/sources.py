"""The sources of a plugin: its whole package, for a class is seldom alone, and what changed in them unannounced."""

from __future__ import annotations

import hashlib
import importlib.machinery
import inspect
import os
import sys
import weakref
from collections.abc import Iterable
from pathlib import Path

from soundstage.cache import changed_sources
from soundstage.catalogue.registry import Choice
from soundstage.errors import SoundstageError

SUFFIXES = tuple(importlib.machinery.SOURCE_SUFFIXES + importlib.machinery.EXTENSION_SUFFIXES)
"""Of files that Python imports: sources, and what was compiled from some."""

_KNOWN: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()
"""A class that was imported stays what it was, whatever happens to its file since."""


def root(plugin_class: type) -> Path:
    """The folder of the outermost package that holds the class, or its file where no package does.

    A namespace, which distributions share, is no such package. Raises SoundstageError where the class has no file.
    """
    names = plugin_class.__module__.split(".")
    for depth in range(1, len(names) + 1):
        module = sys.modules.get(".".join(names[:depth]))
        if getattr(module, "__path__", None) and getattr(module, "__file__", None):
            return Path(module.__file__).parent  # type: ignore[union-attr, arg-type]
    try:
        return Path(inspect.getfile(plugin_class))
    except (OSError, TypeError):
        raise SoundstageError(_without_revision(plugin_class)) from None


def sources(plugin_class: type) -> str:
    """The SHA-256 of the names and contents of everything in the class's package that Python imports.

    Raises SoundstageError where the class has no file that can be read.
    """
    if plugin_class not in _KNOWN:
        place = root(plugin_class)
        try:
            _KNOWN[plugin_class] = _hash(place)
        except OSError:
            raise SoundstageError(_without_revision(plugin_class)) from None
    return _KNOWN[plugin_class]


def _hash(place: Path) -> str:
    if not place.is_dir():
        return hashlib.sha256(place.read_bytes()).hexdigest()
    files = [Path(folder) / name for folder, _, names in os.walk(place) for name in names if name.endswith(SUFFIXES)]
    digests = sorted(
        f"{file.relative_to(place).as_posix()} {hashlib.sha256(file.read_bytes()).hexdigest()}"
        for file in files
        if file.is_file()
    )
    return hashlib.sha256("\n".join(digests).encode("utf-8", "surrogateescape")).hexdigest()


def _without_revision(plugin_class: type) -> str:
    return f"{plugin_class.__module__}.{plugin_class.__name__} declares no `revision`; add one"


def unannounced(choices: Iterable[Choice]) -> list[str]:
    """A sentence for each package whose sources are not those that its plugins were last run with here, while their
    revisions and its version are. Said once: what it is now is known from then on.
    """
    found: dict[str, tuple[str, Choice, Path]] = {}
    for choice in {choice.plugin.target: choice for choice in choices if choice.script is None}.values():
        try:
            plugin_class = choice.plugin.load()
            declared = vars(plugin_class).get("revision")
            if declared is not None:
                name = f"{choice.plugin.distribution} {choice.plugin.version}, {choice.plugin.target}, {declared}"
                found[name] = (sources(plugin_class), choice, root(plugin_class))
        except (Exception, SystemExit):
            continue  # the plan says what is wrong with it
    by_package: dict[Path, list[Choice]] = {}
    for name in changed_sources({name: digest for name, (digest, _, _) in found.items()}):
        by_package.setdefault(found[name][2], []).append(found[name][1])
    return [
        f"the sources in {place} are not those of the last run, and the revision of"
        f" {', '.join(sorted({choice.plugin.name for choice in changed}))} is: results of before are taken for theirs;"
        " raise `revision` where the numbers are others now"
        for place, changed in by_package.items()
    ]
