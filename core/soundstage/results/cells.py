"""The cells of a results folder: committed one by one, packed into segments, read in bulk. Hides where each lies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa

from soundstage.errors import StorageError
from soundstage.results import encoding
from soundstage.results.encoding import Damaged, LooseName, Segment, as_dictionaries
from soundstage.results.files import Files
from soundstage.results.index import Index, to_rewrite
from soundstage.results.records import ROWS, CellRecord, brief, joined, joined_rows, record_of

LOOSE = 1024
"""Cells that may lie in files of their own while a run goes on."""

OPEN = 4
"""Segments whose rows are kept in memory for reading and joining single cells."""

LOOKS = 5
"""How often a reader looks again where a writer moved what it was about to read."""

Found = TypeVar("Found")


class Cells:
    """The cells below `files`. damage: file → a sentence for each that was found not to be what was written."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.damage: dict[str, str] = {}
        self._index: Index | None = None
        self._segments: dict[str, Segment] = {}
        self._open: dict[str, tuple[Sequence[str], Callable[[int], pa.Table]]] = {}

    def refresh(self) -> None:
        """Look again at what is there when it is next asked for."""
        self._index = None

    def commit(self, record: CellRecord, rows: pa.Table) -> None:
        """Put a cell's record and rows there whole; scores of an earlier commit that this one lacks are kept.

        Raises StorageError where there is no room; then what was there is there still.
        """
        index = self._looked()
        address = record.address
        held = self._cell(address)
        if held is not None:
            rows, record = joined_rows(held[1], rows, held[0], record), joined(held[0], record)
        earlier = list(index.loose.get(address, []))
        name, contents = encoding.encode_cell(record, rows, index.version(address) + 1)
        self.files.write(name, contents)
        written = LooseName.of(name)
        assert written is not None
        for loose in earlier:
            self.files.remove(loose.file)
            index.drop_loose(loose)
        index.add_loose(written)
        if len(index.loose) > LOOSE:
            self.compact()

    def commit_many(self, cells: Sequence[tuple[CellRecord, pa.Table]]) -> None:
        """Put many cells there, all or none, in place of what was there of them. Raises StorageError."""
        index = self._looked()
        versioned = [(record, index.version(record.address) + 1) for record, _ in cells]
        self._write_segment(versioned, [rows for _, rows in cells])
        self.refresh()

    def cell(self, address: str) -> tuple[CellRecord, pa.Table] | None:
        """A cell's record and rows; None where it is not there, or not whole."""
        return self._reading(lambda: self._cell(address))

    def addresses(self) -> list[str]:
        """Every cell that is there."""
        return self._reading(lambda: self._looked().addresses())

    def file(self, address: str) -> str:
        """The segment that holds a cell, so that what lies together can be read together; empty where none does."""
        found = self._looked().place(address)
        return found[0].file if found else ""

    def records(self, addresses: Collection[str] | None = None) -> dict[str, CellRecord]:
        """The records of these cells, or of all, as far as they are there and whole."""
        return self._reading(lambda: self._records(addresses))

    def briefs(self, addresses: Collection[str]) -> dict[str, CellRecord]:
        """How each of these cells went, as `records.brief` has it, as far as they are there and whole."""
        return self._reading(lambda: self._briefs(addresses))

    def contents(self, addresses: Collection[str] | None = None) -> tuple[pa.Table, pa.Table]:
        """What readers need of these cells, or of all, in two tables.

        One row a cell: address and STATES (status and error of separation, whether sources were assigned, whether any
        stage is not ok). And all rows as ROWS, texts as dictionaries.
        """
        return self._reading(lambda: self._contents(addresses))

    def compact(self, above: int = 0) -> None:
        """Move cells in files of their own into segments, where there are more than `above`. Raises StorageError."""
        if len(self._looked().loose) <= above:
            return
        for segment in [self._looked().segments[number] for number in to_rewrite(self._looked())]:
            self._whole(segment)
        index = self._looked()
        old = to_rewrite(index)
        batch: list[tuple[CellRecord, int, pa.Table]] = []
        for cell in self._to_pack(index, old):
            batch.append(cell)
            if (
                len(batch) == encoding.CELLS_PER_SEGMENT
                or sum(rows.num_rows for *_, rows in batch) >= encoding.MANY_ROWS
            ):
                self._pack(index, batch)
                batch = []
        self._pack(index, batch)
        for segment in [index.segments[number] for number in old]:
            self.files.remove(segment.file)
            self.files.remove(segment.rows_file)
        self.refresh()

    def _to_pack(self, index: Index, old: Sequence[int]) -> Iterator[tuple[CellRecord, int, pa.Table]]:
        for number in old:
            segment, live = index.segments[number], index.live(number)
            texts, tables = self._opened(segment)
            for ordinal in np.flatnonzero(live).tolist():
                yield record_of(texts[ordinal]), segment.versions[ordinal], tables(ordinal)
        for address in list(index.loose):
            name = index.newest_loose(address)
            found = self._loose_cell(index, name) if name else None
            if name and found:
                yield found[0], name.version, found[1]

    def _pack(self, index: Index, batch: Sequence[tuple[CellRecord, int, pa.Table]]) -> None:
        """Write a segment; then remove the loose files that it makes needless."""
        if not batch:
            return
        self._write_segment([(record, version) for record, version, _ in batch], [rows for *_, rows in batch])
        for record, *_ in batch:
            for name in index.loose.get(record.address, []):
                self.files.remove(name.file)

    def _write_segment(self, cells: Sequence[tuple[CellRecord, int]], tables: Sequence[pa.Table]) -> None:
        for name, contents in encoding.encode_segment(cells, tables):
            self.files.write(name, contents)
        self.files.settle(["segments"])

    # looking

    def _looked(self) -> Index:
        """The index; made where there is none."""
        if self._index is None:
            listed = {name for _ in range(2) for folder in ("cells", "segments") for name in self.files.names(folder)}
            found: dict[str, Segment] = {}
            for name in sorted(listed):
                if name.startswith("segments/") and name.endswith(f"-records{encoding.SUFFIX}"):
                    segment = self._segments.get(name) or self._segment(name, listed)
                    if segment is not None and not {segment.file, segment.rows_file} & self.damage.keys():
                        found[name] = segment
            self._segments = found
            cells = (LooseName.of(file) for file in sorted(listed) if file.startswith("cells/"))
            loose = [name for name in cells if name is not None]
            self._index = Index(loose, list(found.values()))
            for one in loose:
                if one.file in self.damage:
                    self._index.drop_loose(one)
        return self._index

    def _segment(self, file: str, listed: Collection[str]) -> Segment | None:
        try:
            segment = encoding.decode_records(file, encoding.contents_of(self.files, file))
            if segment.rows_file not in listed:
                raise Damaged(file, f"{segment.rows_file}, which holds its rows, is missing")
        except FileNotFoundError:
            return None
        except Damaged as error:
            self._note(error)
            return None
        return segment

    def _note(self, error: Damaged) -> None:
        self.damage[error.file] = (
            f"{self.files.place}/{error.file} {error.said}; its cells count as not there and will be run again"
        )

    def _reading(self, read: Callable[[], Found]) -> Found:
        """What `read` finds; where a writer moved files meanwhile, or one is damaged, the index is made again."""
        looks = 0
        while True:
            try:
                return read()
            except FileNotFoundError:
                looks += 1
                if looks == LOOKS:
                    raise
            except Damaged as error:
                self._note(error)
            self.refresh()

    def _loose_cell(self, index: Index, name: LooseName) -> tuple[CellRecord, pa.Table] | None:
        """A loose file's record and rows; None where it is damaged, and then the index has forgotten it."""
        try:
            return encoding.decode_cell(name, encoding.contents_of(self.files, name.file))
        except Damaged as error:
            self._note(error)
            index.drop_loose(name)
            return None

    def _cell(self, address: str) -> tuple[CellRecord, pa.Table] | None:
        index = self._looked()
        while name := index.newest_loose(address):
            found = self._loose_cell(index, name)
            if found is not None:
                return found
        place = index.place(address)
        if place is None:
            return None
        segment, ordinal = place
        texts, tables = self._opened(segment)
        return record_of(texts[ordinal]), tables(ordinal)

    def _opened(self, segment: Segment) -> tuple[Sequence[str], Callable[[int], pa.Table]]:
        """The records of a segment, and the rows of each cell by its ordinal. The last few segments are kept open."""
        if segment.file not in self._open:
            rows = self._whole(segment).select(ROWS.names)
            starts = np.cumsum([0, *segment.row_counts]).tolist()

            def cut(ordinal: int) -> pa.Table:
                return rows.slice(starts[ordinal], segment.row_counts[ordinal]).cast(ROWS)

            self._open[segment.file] = (segment.record_texts(), cut)
            while len(self._open) > OPEN:
                del self._open[next(iter(self._open))]
        return self._open[segment.file]

    def _whole(self, segment: Segment) -> pa.Table:
        return encoding.decode_rows(segment.rows_file, encoding.contents_of(self.files, segment.rows_file))

    def _records(self, addresses: Collection[str] | None) -> dict[str, CellRecord]:
        found, in_segments = self._places(addresses if addresses is not None else self._looked().addresses())
        for segment, ordinals in in_segments:
            texts = segment.record_texts()
            found |= {segment.addresses[ordinal]: record_of(texts[ordinal]) for ordinal in ordinals}
        return found

    def _briefs(self, addresses: Collection[str]) -> dict[str, CellRecord]:
        loose, in_segments = self._places(addresses)
        found = {address: brief(record) for address, record in loose.items()}
        for segment, ordinals in in_segments:
            found |= {record.address: record for record in segment.briefs(ordinals)}
        return found

    def _places(
        self, addresses: Collection[str]
    ) -> tuple[dict[str, CellRecord], Collection[tuple[Segment, list[int]]]]:
        """The records of those that lie loose; of the others the segments, with their ordinals in it."""
        index = self._looked()
        loose: dict[str, CellRecord] = {}
        in_segments: dict[str, tuple[Segment, list[int]]] = {}
        for address in addresses:
            while name := index.newest_loose(address):
                cell = self._loose_cell(index, name)
                if cell is not None:
                    loose[address] = cell[0]
                    break
            if address not in loose and (place := index.place(address)):
                in_segments.setdefault(place[0].file, (place[0], []))[1].append(place[1])
        return loose, in_segments.values()

    def _contents(self, addresses: Collection[str] | None) -> tuple[pa.Table, pa.Table]:
        index = self._looked()
        wanted = None if addresses is None else set(addresses)
        cells, tables = [], []
        loose = []
        for address in list(index.loose):
            while (wanted is None or address in wanted) and (name := index.newest_loose(address)):
                cell = self._loose_cell(index, name)
                if cell is not None:
                    loose.append(cell[0])
                    tables.append(as_dictionaries(cell[1]))
                    break
        own_addresses = pa.array([record.address for record in loose], pa.string())
        cells.append(pa.table({"address": own_addresses, **encoding.states(loose)}))
        for number, segment in enumerate(index.segments):
            live = index.live(number)
            if wanted is not None:
                live &= np.fromiter((address in wanted for address in segment.addresses), bool, len(live))
            if not live.any():
                continue
            rows = self._whole(segment)
            own = segment.states.add_column(0, "address", pa.array(segment.addresses, pa.string()))
            if not live.all():
                own = own.filter(pa.array(live))
                rows = rows.filter(pa.array(live[rows["cell"].to_numpy()]))
            cells.append(own)
            tables.append(rows.select(ROWS.names))
        empty = as_dictionaries(ROWS.empty_table())
        return pa.concat_tables(cells), pa.concat_tables([table.cast(empty.schema) for table in [empty, *tables]])

    def check(self, again: bool = True) -> None:
        """Compare every file with the hash in its name, and note what is damaged.

        again: read each; else a local file that was right before, and has not been touched since, still is.
        """
        index = self._looked()
        expected = [(segment.rows_file, encoding.named_digest(segment.rows_file)) for segment in index.segments]
        loose = {name.file: name for names in index.loose.values() for name in names}
        expected += [(file, name.digest) for file, name in loose.items()]
        for file, digest in expected:
            try:
                if not self.files.digest(file, again).startswith(digest):
                    self._note(Damaged(file, encoding.OTHER))
                    if file in loose:
                        index.drop_loose(loose[file])
            except FileNotFoundError:
                continue  # a writer has packed it into another one
            except OSError as error:
                self._note(encoding.unreadable(file, error))
                if file in loose:
                    index.drop_loose(loose[file])
        self.files.remember()

    def set_aside(self) -> None:
        """Move what is damaged out of the way, so that it is reported once. Only for who holds the lock.

        What a killed writer left is removed where the lock is one that nobody else can hold: elsewhere another writer
        may be packing now.
        """
        self.refresh()
        self.check(again=False)
        if not self.damage and self.files.is_exclusive:
            self._tidy()
        broken = set(self.damage)
        for segment in self._looked().segments:
            if segment.rows_file in broken:
                broken.add(segment.file)
        for file in broken:
            try:
                self.files.set_aside(file)
            except FileNotFoundError:
                continue
            except (OSError, StorageError):
                if file in self.damage:
                    self.damage[file] += ". It cannot be moved to `damaged` either; remove it, or make it readable"
        self.refresh()

    def _tidy(self) -> None:
        """Remove what a writer was killed before it could remove: rows of no segment, and older versions."""
        index = self._looked()
        named = {segment.rows_file for segment in index.segments}
        for file in self.files.names("segments"):
            if file.endswith(f"-rows{encoding.SUFFIX}") and file not in named:
                self.files.remove(file)
        for address, names in index.loose.items():
            newest = index.newest_loose(address)
            for name in names:
                if newest is None or name.file != newest.file:
                    self.files.remove(name.file)
