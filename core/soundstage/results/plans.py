"""Stored plans; the name of each one's file holds the hash of its contents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from soundstage.errors import SoundstageError, suggestion
from soundstage.results.encoding import HASH, SUFFIX, digest, parquet
from soundstage.results.files import Files
from soundstage.results.records import METADATA, StoredPlan

ATTEMPTS = 3
"""How often a plan is looked for while other runs replace the files that were listed."""


class _ReplacedMeanwhile(SoundstageError):
    pass


def files_of(files: Files) -> list[str]:
    """The files of all plans."""
    return [name for name in files.names("grids") if name.endswith(SUFFIX)]


def save(files: Files, plan_id: str, plan: StoredPlan) -> None:
    """Put a plan there, created now. Raises StorageError."""
    put(files, plan_id, StoredPlan(plan.cells, {**plan.facts, "created": datetime.now(UTC).isoformat()}))


def put(files: Files, plan_id: str, plan: StoredPlan) -> None:
    """Put a plan there as it is. Raises StorageError."""
    contents = parquet(plan.cells.replace_schema_metadata({METADATA: json.dumps(plan.facts).encode()}))
    written = f"grids/{plan_id}.{digest(contents)}{SUFFIX}"
    files.write(written, contents)
    for file in files_of(files):
        if file != written and _named(file)[0] == plan_id:
            files.remove(file)


def _named(file: str) -> tuple[str, str]:
    """The id and the hash in a plan's file name; no hash in files of releases before 0.2."""
    stem = file.rpartition("/")[2].removesuffix(SUFFIX)
    plan_id, dot, digest = stem.rpartition(".")
    return (plan_id, digest) if dot and re.fullmatch(f"[0-9a-f]{{{HASH}}}", digest) else (stem, "")


def find(files: Files, wanted: str) -> StoredPlan:
    """The newest plan of that name, id or hash; of all where none is wanted. Raises SoundstageError."""
    for _ in range(ATTEMPTS - 1):
        try:
            return _find(files, wanted)
        except _ReplacedMeanwhile:
            continue
    return _find(files, wanted)


def _find(files: Files, wanted: str) -> StoredPlan:
    facts, broken = {}, []
    for file in files_of(files):
        try:
            facts[file] = _facts(files, file)
        except SoundstageError as error:
            broken.append(error)
    if broken and not facts:
        raise broken[0]
    if wanted:
        names = {about["id"] for about in facts.values()} | {about["name"] for about in facts.values()}
        facts = {
            file: about for file, about in facts.items() if wanted in (about["id"], about["name"], about["hash"][:8])
        }
        if not facts:
            raise SoundstageError(f"{files.place} holds no grid '{wanted}'{suggestion(wanted, names)}")
    return read(files, max(facts, key=lambda file: str(facts[file]["created"])))


def every(files: Files) -> list[StoredPlan]:
    """Every plan that can be read, each as it was last put there, oldest first."""
    found: dict[str, StoredPlan] = {}
    for file in files_of(files):
        try:
            plan = read(files, file)
        except SoundstageError:
            continue
        other = found.get(plan.facts["id"])
        if other is None or str(other.facts["created"]) < str(plan.facts["created"]):
            found[plan.facts["id"]] = plan
    return sorted(found.values(), key=lambda plan: str(plan.facts["created"]))


def read(files: Files, file: str) -> StoredPlan:
    """The plan in that file. Raises SoundstageError where it cannot be read."""
    facts = _facts(files, file)
    try:
        return StoredPlan(pq.read_table(pa.BufferReader(files.read(file))), facts)
    except (pa.ArrowException, OSError) as error:
        raise _not_a_plan(files, file, error) from None


def _facts(files: Files, file: str) -> dict[str, Any]:
    try:
        schema = pq.read_schema(pa.BufferReader(files.read(file)))
        facts: dict[str, Any] = json.loads(schema.metadata[METADATA])
        if not {"id", "name", "hash", "created"} <= facts.keys():
            raise KeyError("id, name, hash or created")
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise _not_a_plan(files, file, error) from None
    return facts


def _not_a_plan(files: Files, file: str, error: Exception) -> SoundstageError:
    if isinstance(error, FileNotFoundError):
        return _ReplacedMeanwhile(f"{files.place}/{file}: another run has just replaced it; try again")
    reason = str(error).partition("\n")[0]
    return SoundstageError(
        f"{files.place}/{file}: not a plan of Soundstage ({reason}); delete it and run the grid again"
    )


def damaged(files: Files) -> Iterator[str]:
    """A sentence for each plan that is not what was written."""
    for file in files_of(files):
        try:
            read(files, file)
            whole = _named(file)[1] == digest(files.read(file))
        except SoundstageError as error:
            yield str(error)
            continue
        if not whole:
            yield f"{files.place}/{file} is not what was written (its hash differs); run its grid again"
