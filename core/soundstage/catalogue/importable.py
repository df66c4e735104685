"""Whether modules are there, found without importing them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable


def missing_of(modules: Iterable[str]) -> list[str]:
    """Those of the modules that cannot be imported here."""
    return [module for module in modules if not _is_importable(module)]


def _is_importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except KeyboardInterrupt:
        raise
    except BaseException:  # a package above it was imported for this, and may do anything
        return False
