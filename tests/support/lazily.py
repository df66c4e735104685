"""Modules that take long to import, imported when they are first used: collecting a heavy test is no reason to."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Lazily:
    """Stands for a module of that name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)
