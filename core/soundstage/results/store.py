"""Results on disk or in an object store, committed cell by cell; plans, provenance and kept estimates beside them.

    DIR/grids/<name>-<hash>.<sha256>.parquet   the cells of a grid, by label and address
    DIR/cells, DIR/segments                    what was found out about each cell: see soundstage.results.encoding
    DIR/estimates/<address>/                   kept estimates, lossless
    DIR/runs/<id>.json                         what ran where: versions, hardware, times
    DIR/running.json, DIR/.lock                who writes there now: see soundstage.results.locking
    DIR/damaged/                               files that are not what was written, set aside

Files are put there whole, and none is removed before what replaces it is there: a reader, or whoever comes after a
writer that was killed, may find a cell twice and takes the newer one, and never finds it missing.
The store knows addresses, labels and rows, and nothing of plugins.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from soundstage.audio import Samples
from soundstage.errors import SoundstageError
from soundstage.results import estimates, runs
from soundstage.results.cells import Cells
from soundstage.results.files import open_files
from soundstage.results.locking import Holder, Lease, holder, locked
from soundstage.results.plans import Plans
from soundstage.results.records import ROWS, CellRecord, RunFacts, StoredPlan

LOOSE_AT_REST = 64
"""Cells that may lie in files of their own when a run has ended."""


class Store:
    """A results folder: a path, or a URL of an object store (`memory://`, `s3://`, … through fsspec).

    What is there is looked at once, when it is first asked for; `refresh` looks again. One process writes at a time,
    within `writing`; any number may read meanwhile.
    """

    def __init__(self, path: str | Path) -> None:
        self.files = open_files(path)
        self.path = self.files.place
        self.cells = Cells(self.files)
        self._plans = Plans(self.files)

    @property
    def damage(self) -> tuple[str, ...]:
        """A sentence for each file found so far that is not what was written."""
        return (*self._plans.damage.values(), *self.cells.damage.values())

    def open_existing(self) -> Store:
        """Itself, where the folder holds results. Raises SoundstageError where it does not."""
        if not self._plans.names():
            raise SoundstageError(
                f"{self.path} holds no results; make some with: soundstage run GRID --out {self.path}"
            )
        return self

    def prepare(self) -> Store:
        """Itself, its folder made. Raises SoundstageError where that cannot be."""
        self.files.prepare()
        return self

    def refresh(self) -> None:
        """Look again at what is there."""
        self.cells.refresh()

    @contextlib.contextmanager
    def writing(self, wait: bool = False, notice: Callable[[str], None] = lambda text: None) -> Iterator[Lease]:
        """Be the only one who writes there; see `locking.locked`. notice: told what a person should know.

        Files that are not what was written are set aside in `damaged`, so that each is told of once. At the end loose
        cells are packed.
        """
        self.prepare()
        with locked(self.files, wait, notice) as lease:
            self.files.sweep()
            self.cells.set_aside()
            self._plans.set_aside()
            if self.files.is_exclusive:
                estimates.tidy(self.files)
            for sentence in self.damage:
                notice(sentence)
            yield lease
            self.cells.compact(above=LOOSE_AT_REST)

    def writer(self) -> Holder | None:
        """Who writes there, or who did and died at it; None where nobody does."""
        return holder(self.files)

    # cells

    def commit(self, record: CellRecord, rows: pa.Table) -> None:
        """Put a cell's record and rows there whole; scores of an earlier commit that this one lacks are kept.

        Raises StorageError where there is no room; then what was there is there still.
        """
        self.cells.commit(record, rows)

    def commit_many(self, cells: Sequence[tuple[CellRecord, pa.Table]]) -> None:
        """Put many cells there, all or none, in place of what was there of them. Raises StorageError."""
        self.cells.commit_many(cells)

    def compact(self, above: int = 0) -> None:
        """Pack loose cells, where there are more than `above`. Raises StorageError."""
        self.cells.compact(above)

    def addresses(self) -> list[str]:
        """Every cell that is there."""
        return self.cells.addresses()

    def cell(self, address: str) -> tuple[CellRecord, pa.Table] | None:
        """A cell's statuses and provenance, and its rows; None where it is not there, or not whole."""
        return self.cells.cell(address)

    def record(self, address: str) -> CellRecord | None:
        """A cell's statuses and provenance; None where it is not there, or not whole."""
        found = self.cells.cell(address)
        return found[0] if found else None

    def rows(self, address: str) -> pa.Table:
        """A cell's rows; none where it is not there, or not whole."""
        found = self.cells.cell(address)
        return found[1] if found else ROWS.empty_table()

    def records(self, addresses: Collection[str] | None = None) -> dict[str, CellRecord]:
        """The records of these cells, or of all, as far as they are there and whole."""
        return self.cells.records(addresses)

    def briefs(self, addresses: Collection[str]) -> dict[str, CellRecord]:
        """How each of these cells went, as `records.brief` has it, as far as they are there and whole."""
        return self.cells.briefs(addresses)

    def contents(self, addresses: Collection[str] | None = None) -> tuple[pa.Table, pa.Table]:
        """What readers need of these cells, or of all, in two tables.

        One row a cell: address and STATES (status and error of separation, whether sources were assigned, whether any
        stage is not ok). And all their rows as ROWS, texts as dictionaries.
        """
        return self.cells.contents(addresses)

    # plans and runs

    def save_plan(self, plan: StoredPlan) -> None:
        """Put a plan there; the newest is the one that readers get. Raises StorageError."""
        self._plans.save(plan)

    def plan(self, wanted: str = "") -> StoredPlan:
        """The plan of that name, `name-hash` or hash; the newest where none is asked for. Raises SoundstageError."""
        self.open_existing()
        return self._plans.find(wanted)

    def plans(self) -> list[StoredPlan]:
        """Every plan that can be read, oldest first."""
        return self._plans.every()

    def put_plan(self, plan: StoredPlan) -> None:
        """Put a plan there as it is, created when it was. Raises StorageError."""
        self._plans.put(plan)

    def save_run(self, run: str, facts: RunFacts) -> None:
        """Put the provenance of a run there. Raises StorageError."""
        runs.save_run(self.files, run, facts)

    def runs(self) -> dict[str, RunFacts]:
        """The provenance of every run whose record is what was written, by the run's id."""
        return runs.runs(self.files)

    # kept estimates

    def save_estimates(
        self,
        address: str,
        images: Mapping[str, Samples],
        rate: int,
        details: Mapping[str, Any],
        labels: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep a cell's estimates, losslessly, whole or not at all; labels: what the cell is called, for people.

        Raises StorageError.
        """
        estimates.save(self.files, address, images, rate, details, labels or {})

    def kept_estimates(self) -> set[str]:
        """The addresses of the cells whose estimates are kept."""
        return set(estimates.kept(self.files))

    def estimates(self, address: str) -> tuple[dict[str, Samples], dict[str, Any]] | None:
        """Kept estimates and their details; None where there are none or a file is not what was kept."""
        return estimates.load(self.files, address)
