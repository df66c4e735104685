"""Records of runs: what ran where, with which versions; each holds its own name and hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from soundstage.results.files import Files
from soundstage.results.records import RunFacts, run_facts, run_text


def save_run(files: Files, run: str, facts: RunFacts) -> None:
    """Put the record of a run there. Raises StorageError."""
    about: RunFacts = {**facts, "id": run}
    files.write(f"runs/{run}.json", run_text({**about, "sha256": _digest(about)}).encode())


def runs(files: Files) -> dict[str, RunFacts]:
    """The record of every run that is what was written, by its id."""
    found = {}
    for file in files.names("runs"):
        facts = _read(files, file)
        if facts is not None:
            found[_run_of(file)] = facts
    return found


def damaged(files: Files) -> Iterator[str]:
    """A sentence for each record that is not what was written."""
    for file in files.names("runs"):
        if _read(files, file) is None:
            yield f"{files.place}/{file} {_what_is_wrong(files, file)}; do not cite it"


def _read(files: Files, file: str) -> RunFacts | None:
    """The record in that file; None where it is not what was written, or that of another run."""
    try:
        facts = run_facts(files.read(file))
    except (OSError, ValueError):
        return None
    whole = facts.get("sha256") == _digest(facts) and facts.get("id", _run_of(file)) == _run_of(file)
    return facts if whole else None


def _what_is_wrong(files: Files, file: str) -> str:
    try:
        files.read(file)
    except FileNotFoundError:
        return "is gone"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    return "is not what was written (its hash differs)"


def _run_of(file: str) -> str:
    return file.removeprefix("runs/").removesuffix(".json")


def _digest(facts: RunFacts) -> str:
    kept = {key: value for key, value in facts.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
