"""Stored plans; the name of each one's file holds the hash of its contents, which is compared whenever it is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from soundstage.errors import SoundstageError, suggestion
from soundstage.names import encoded
from soundstage.results.address import SHORT
from soundstage.results.encoding import HASH, OTHER, SUFFIX, Damaged, contents_of, digest, parquet
from soundstage.results.files import Files
from soundstage.results.records import LABELS, METADATA, StoredPlan, plan_facts, plan_text

LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)

ATTEMPTS = 3
"""How often a plan is looked for while other runs replace the files that were listed."""


class Plans:
    """The plans of a results folder."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.damage: dict[str, str] = {}
        """File → a sentence, for each that was found not to be what was written."""

    def names(self) -> list[str]:
        """The files of all plans."""
        return [name for name in self.files.names("grids") if name.endswith(SUFFIX)]

    def save(self, plan: StoredPlan) -> None:
        """Put a plan there as the newest: created now, or just after one whose clock was ahead. Raises StorageError."""
        created = max([datetime.now(UTC), *(_created(other) + MOMENT for other in self.every())])
        self.put(replace(plan, facts={**plan.facts, "created": created.isoformat()}))

    def put(self, plan: StoredPlan) -> None:
        """Put a plan there as it is, in place of what was there under its id. Raises StorageError."""
        contents = parquet(plan.cells.replace_schema_metadata({METADATA: plan_text(plan.facts).encode()}))
        written = f"grids/{encoded(plan.facts['id'])}.{digest(contents)}{SUFFIX}"
        self.files.write(written, contents)
        for file in self.names():
            if file != written and _named(file)[0] == encoded(plan.facts["id"]):
                self.files.remove(file)
                self.damage.pop(file, None)

    def find(self, wanted: str = "") -> StoredPlan:
        """The newest plan of that name, id or hash (SHORT characters of it or more); of all where none is wanted.

        Raises SoundstageError where there is none, or where the one that is wanted is not what was written.
        """
        found = [plan for plan in self.every() if not wanted or _goes_by(plan, wanted)]
        if found:
            return found[-1]
        lost = [sentence for file, sentence in self.damage.items() if not wanted or _may_be(file, wanted)]
        if lost:
            raise SoundstageError(lost[0])
        names = {name for plan in self.every() for name in (plan.facts["id"], plan.facts["name"])}
        raise SoundstageError(f"{self.files.place} holds no grid '{wanted}'{suggestion(wanted, names)}")

    def every(self) -> list[StoredPlan]:
        """Every plan that can be read, each as it was last put there, oldest first; of the others `damage` tells."""
        for _ in range(ATTEMPTS):
            try:
                return self._every()
            except FileNotFoundError:
                continue
        return self._every()

    def _every(self) -> list[StoredPlan]:
        found: dict[str, StoredPlan] = {}
        self.damage = {}
        for file in self.names():
            try:
                plan = _decoded(file, contents_of(self.files, file))
            except Damaged as error:
                self.damage[file] = (
                    f"{self.files.place}/{file} {error.said}, so its grid is not shown; run the grid again, which puts"
                    " it there anew"
                )
                continue
            other = found.get(plan.facts["id"])
            if other is None or _created(other) < _created(plan):
                found[plan.facts["id"]] = plan
        return sorted(found.values(), key=_created)

    def set_aside(self) -> None:
        """Move what is damaged out of the way. Only for who holds the lock."""
        self.every()
        for file in self.damage:
            try:
                self.files.set_aside(file)
            except FileNotFoundError:
                continue
            except OSError:
                self.damage[file] += ". It cannot be moved to `damaged` either; remove it, or make it readable"


def _decoded(file: str, contents: bytes) -> StoredPlan:
    """The plan in a file. Raises Damaged."""
    if _named(file)[1] != digest(contents):
        raise Damaged(file, OTHER)
    try:
        table = pq.read_table(pa.BufferReader(contents), use_threads=False)
        plan = StoredPlan(table.replace_schema_metadata(None), plan_facts(table.schema.metadata[METADATA]))
        _check_columns(plan)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise Damaged(file, f"it cannot be read: {str(error).partition(chr(10))[0]}") from None
    return plan


def _check_columns(plan: StoredPlan) -> None:
    """Raises ValueError where a column is missing or is not of texts."""
    texts: Sequence[str] = ("cell", *LABELS, *(f"score:{metric}" for metric in plan.facts["metrics"]))
    for name in texts:
        if name not in plan.cells.column_names:
            raise ValueError(f"it has no column {name}")
        kind = plan.cells.schema.field(name).type
        if not (pa.types.is_integer(kind) if name == "seed" else pa.types.is_string(kind) or pa.types.is_null(kind)):
            raise ValueError(f"its column {name} is of {kind}")


def _created(plan: StoredPlan) -> datetime:
    """When it was put there; long ago where it does not say so in a way that we would write."""
    try:
        found = datetime.fromisoformat(plan.facts.get("created", ""))
    except ValueError:
        return LONG_AGO
    return found if found.tzinfo is not None and found.year < 9999 else LONG_AGO


def _goes_by(plan: StoredPlan, wanted: str) -> bool:
    facts = plan.facts
    return wanted in (facts["id"], facts["name"]) or (len(wanted) >= SHORT and facts["hash"].startswith(wanted))


def _may_be(file: str, wanted: str) -> bool:
    """Whether a damaged file, of which there is the name alone, may hold the plan that goes by that."""
    stem, text = _named(file)[0], encoded(wanted)
    name, _, short = stem.rpartition("-")
    return text in (stem, name) or stem.startswith(f"{text}.") or (len(wanted) >= SHORT and short == wanted[:SHORT])


def _named(file: str) -> tuple[str, str]:
    """The id and the hash in a plan's file name; no hash where it is no name of ours."""
    stem = file.rpartition("/")[2].removesuffix(SUFFIX)
    plan_id, _, found = stem.rpartition(".")
    return (plan_id, found) if re.fullmatch(f"[0-9a-f]{{{HASH}}}", found) else (stem, "")
