"""Verbs that plugins bring: named in discovery, imported when they are used."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from soundstage.catalogue.importable import missing_of
from soundstage.errors import NotInstalled, SoundstageError, text_of


@dataclass(frozen=True, slots=True)
class Command:
    """One registered verb. Holding it imports nothing; `load` imports its module."""

    name: str
    target: str
    distribution: str
    version: str
    summary: str
    requires: tuple[str, ...] = ()
    extra: str = ""
    sections: tuple[str, ...] = ()

    def load(self) -> object:
        """What the import path leads to.

        Raises NotInstalled where what it requires is not there, and SoundstageError where it cannot be imported.
        """
        if missing := missing_of(self.requires):
            remedy = f": pip install '{self.extra}'" if self.extra else "; install it"
            raise NotInstalled(f"soundstage {self.name} needs {', '.join(missing)}{remedy}")
        module, _, attribute = self.target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (Exception, SystemExit) as error:
            raise SoundstageError(
                f"soundstage {self.name} of {self.distribution} cannot be used ({type(error).__name__}:"
                f" {' '.join(text_of(error).split())}); correct, update or uninstall {self.distribution}"
            ) from error
