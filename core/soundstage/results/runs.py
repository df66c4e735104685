"""Records of runs: what ran where, with which versions; each holds its own hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from soundstage.results.files import Files


def save_run(files: Files, run: str, facts: Mapping[str, Any]) -> None:
    """Put the record of a run there. Raises StorageError."""
    about = {**facts, "sha256": _facts_digest(facts)}
    files.write(f"runs/{run}.json", json.dumps(about, indent=1, sort_keys=True).encode())


def runs(files: Files) -> dict[str, Mapping[str, Any]]:
    """The record of every run that can be read, by its id."""
    found = {}
    for file in files.names("runs"):
        try:
            found[file.removeprefix("runs/").removesuffix(".json")] = json.loads(files.read(file))
        except (OSError, ValueError):
            continue
    return found


def damaged(files: Files) -> Iterator[str]:
    """A sentence for each record that is not what was written."""
    for file in files.names("runs"):
        try:
            facts = json.loads(files.read(file))
            whole = facts.get("sha256") == _facts_digest(facts)
        except (OSError, ValueError, AttributeError):
            whole = False
        if not whole:
            yield f"{files.place}/{file} is not what was written (its hash differs); do not cite it"


def _facts_digest(facts: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in facts.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
