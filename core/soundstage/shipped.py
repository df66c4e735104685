"""Files that come with Soundstage: packaged with an installed copy, or the repository's own in an editable install."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path


def shipped(packaged: str, in_repository: str) -> Traversable:
    """The file or folder called `packaged` inside the package, else the one called `in_repository` in the repository.

    Both names are relative: to the package `soundstage`, and to the folder that holds `pyproject.toml`.
    """
    found = resources.files("soundstage") / packaged
    if found.is_file() or found.is_dir():
        return found
    return Path(__file__).resolve().parents[2] / in_repository
