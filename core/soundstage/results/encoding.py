"""The files that cells lie in: one file a cell when it is committed, later many cells in a segment of two files.

    cells/ab/<address>-<version>-<hash>.parquet    one cell: its rows, its record in the metadata
    segments/<hash>-records.parquet                one row a cell: address, version, statuses, record
    segments/<hash>-rows.parquet                   the rows of those cells; named by the records file, and written first

Every file is written once, and its name holds the SHA-256 of its contents. Of two versions of a cell the higher counts.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soundstage.results.files import Files
from soundstage.results.records import METADATA, OK, ROWS, CellRecord, brief, record_of, record_text

TEXTS = tuple(field.name for field in ROWS if field.type == pa.string())
COSTS = ("real_time_factor", "peak_mb", "gpu_peak_mb")
"""What separating took; segments that were packed before it was measured lack these."""

STATES = ("separation", "error", "assigned", "troubled", "notices", *COSTS)
"""What readers need of every cell, so that records need not be parsed."""

SUFFIX = ".parquet"
OTHER = "its hash is not the one it was written with"
HASH = 32
"""Characters of a hash in a file's name."""


CELLS_PER_SEGMENT = 4096
"""Cells in a segment at most, and so lost at once to one bad byte, until they are run again."""

MANY_ROWS = 400_000
"""Rows of a segment at which it is closed, so that packing needs little memory."""


class Damaged(Exception):
    """A file that is not what was written, or that cannot be read.

    said: what is wrong with it, as a sentence goes on after its name.
    """

    def __init__(self, file: str, why: str, unread: bool = False) -> None:
        super().__init__(f"{file}: {why}")
        self.file = file
        self.said = f"cannot be read ({why})" if unread else f"is not what was written ({why})"


def contents_of(files: Files, name: str) -> bytes:
    """The contents of a file. Raises FileNotFoundError, and Damaged where it is there and cannot be read."""
    try:
        return files.read(name)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreadable(name, error) from None


def unreadable(name: str, error: OSError) -> Damaged:
    """What is said of a file that the system does not let us read."""
    return Damaged(name, error.strerror or str(error), unread=True)


@dataclass(frozen=True, slots=True)
class LooseName:
    """What a loose file's name says: the cell's address, which version of it this is, and the hash of the contents."""

    file: str
    address: str
    version: int
    digest: str

    @classmethod
    def of(cls, file: str) -> LooseName | None:
        """The parts of the name; None where it is not a cell's."""
        address, _, rest = file.rpartition("/")[2].removesuffix(SUFFIX).partition("-")
        version, _, digest = rest.partition("-")
        if not file.endswith(SUFFIX) or not address or not version.isdecimal() or not digest:
            return None
        return cls(file, address, int(version), digest)


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Many cells packed into two files."""

    file: str
    """The records file, by its path in the results folder."""

    rows_file: str
    """The rows file."""

    addresses: Sequence[str]
    """Of each cell."""

    versions: Sequence[int]
    """Of each cell; of two versions of a cell the higher counts."""

    row_counts: Sequence[int]
    """How many rows each cell has."""

    states: pa.Table
    """The columns STATES, one row a cell."""

    contents: bytes
    """The bytes of the records file; the records in it are parsed when they are asked for."""

    def briefs(self, ordinals: Sequence[int]) -> Iterator[CellRecord]:
        """The cells of these ordinals as `brief` has them; records are parsed where something went wrong, not else."""
        troubled = self.states["troubled"].to_pylist()
        try:
            scores = _parsed(self.contents, ["scores"])["scores"].to_pylist()
        except (pa.ArrowException, KeyError) as error:
            raise Damaged(self.file, f"it cannot be read: {_first_line(error)}") from None
        texts = self.record_texts() if any(troubled[ordinal] for ordinal in ordinals) else ()
        for ordinal in ordinals:
            if troubled[ordinal]:
                yield brief(record_of(texts[ordinal]))
            else:
                yield CellRecord(self.addresses[ordinal], OK, dict.fromkeys(scores[ordinal], OK))

    def record_texts(self) -> Sequence[str]:
        """Every cell's record as JSON."""
        texts: list[str] = _parsed(self.contents, ["record"])["record"].to_pylist()
        return texts


def digest(contents: bytes) -> str:
    """The part of the SHA-256 that file names hold."""
    return hashlib.sha256(contents).hexdigest()[:HASH]


def encode_cell(record: CellRecord, rows: pa.Table, version: int) -> tuple[str, bytes]:
    """The name and contents of a loose file."""
    contents = parquet(rows.replace_schema_metadata({METADATA: record_text(record).encode()}))
    address = record.address
    return f"cells/{address[:2]}/{address}-{version}-{digest(contents)}{SUFFIX}", contents


def decode_cell(name: LooseName, contents: bytes) -> tuple[CellRecord, pa.Table]:
    """The record and rows of a loose file. Raises Damaged."""
    if digest(contents) != name.digest:
        raise Damaged(name.file, OTHER)
    try:
        with pq.ParquetFile(pa.BufferReader(contents)) as file:
            table = file.read(use_threads=False).cast(ROWS)
            record = record_of(file.schema_arrow.metadata[METADATA])
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise Damaged(name.file, f"it cannot be read: {_first_line(error)}") from None
    if record.address != name.address:
        raise Damaged(name.file, "it holds another cell")
    return record, table.replace_schema_metadata(None)


def encode_segment(cells: Sequence[tuple[CellRecord, int]], tables: Sequence[pa.Table]) -> list[tuple[str, bytes]]:
    """The names and contents of a segment's files, in the order in which they must be written.

    cells: records and versions. tables: their rows.
    """
    counts = [table.num_rows for table in tables]
    rows = pa.concat_tables([table.cast(ROWS) for table in tables])
    ordinals = pa.array(np.repeat(np.arange(len(cells), dtype=np.int32), counts))
    rows_contents = parquet(rows.replace_schema_metadata(None).append_column("cell", ordinals))
    rows_digest = digest(rows_contents)
    columns: dict[str, Any] = {
        "address": [record.address for record, _ in cells],
        "version": pa.array([version for _, version in cells], pa.int32()),
        "rows": pa.array(counts, pa.int32()),
        **states([record for record, _ in cells]),
        "scores": pa.array([list(record.scores) for record, _ in cells], pa.list_(pa.string())),
        "record": [record_text(record) for record, _ in cells],
    }
    contents = parquet(pa.table(columns).replace_schema_metadata({METADATA: rows_digest.encode()}))
    return [
        (f"segments/{rows_digest}-rows{SUFFIX}", rows_contents),
        (f"segments/{digest(contents)}-records{SUFFIX}", contents),
    ]


def states(records: Sequence[CellRecord]) -> dict[str, pa.Array]:
    """The columns STATES of these records."""
    return {
        "separation": pa.array([record.separation.status for record in records], pa.string()),
        "error": pa.array([record.separation.error for record in records], pa.string()),
        "assigned": pa.array(["assigned" in record.separation.details for record in records], pa.bool_()),
        "troubled": pa.array([record.is_troubled for record in records], pa.bool_()),
        "notices": pa.array(["\n".join(record.notices) for record in records], pa.string()),
        **{name: pa.array([record.cost[at] for record in records], pa.float64()) for at, name in enumerate(COSTS)},
    }


def decode_records(file: str, contents: bytes) -> Segment:
    """The segment of a records file. Raises Damaged."""
    if digest(contents) != named_digest(file):
        raise Damaged(file, OTHER)
    try:
        table = _parsed(contents, ["address", "version", "rows", *STATES])
        for name in set(COSTS) - set(table.column_names):
            table = table.append_column(name, pa.nulls(table.num_rows, pa.float64()))
        rows_digest = table.schema.metadata[METADATA].decode()
        return Segment(
            file,
            f"segments/{rows_digest}-rows{SUFFIX}",
            table["address"].to_numpy().tolist(),
            table["version"].to_numpy().tolist(),
            table["rows"].to_numpy().tolist(),
            table.select(list(STATES)).replace_schema_metadata(None),
            contents,
        )
    except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise Damaged(file, f"it cannot be read: {_first_line(error)}") from None


def named_digest(file: str) -> str:
    """The hash in the name of a segment's file."""
    return file.rpartition("/")[2].partition("-")[0]


def check_rows(file: str, contents: bytes) -> None:
    """Raises Damaged where the contents are not what a rows file was written with."""
    if digest(contents) != named_digest(file):
        raise Damaged(file, OTHER)


def decode_rows(file: str, contents: bytes) -> pa.Table:
    """ROWS, texts as dictionaries, and `cell`, the ordinal of each row's cell in the segment. Raises Damaged."""
    check_rows(file, contents)
    try:
        return pq.read_table(pa.BufferReader(contents), read_dictionary=list(TEXTS), use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise Damaged(file, f"it cannot be read: {_first_line(error)}") from None


def as_dictionaries(rows: pa.Table) -> pa.Table:
    """ROWS with its texts as dictionaries."""
    for index, name in enumerate(ROWS.names):
        if name in TEXTS:
            rows = rows.set_column(index, name, pc.dictionary_encode(rows[name]))
    return rows


def parquet(table: pa.Table) -> bytes:
    """The table as a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", store_schema=True)
    return sink.getvalue()


def _parsed(contents: bytes, columns: Sequence[str]) -> pa.Table:
    return pq.read_table(pa.BufferReader(contents), columns=list(columns), use_threads=False)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
