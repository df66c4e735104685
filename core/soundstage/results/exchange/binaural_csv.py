"""The CSV of the binaural separation paper (Namballa et al. 2025): one value a track and source, read as claims.

Two kinds of file, twins of one model and rendering: `title,source,SSR,SRR,cost,shift,scale` and
`title,source,diff_ITD,diff_ILD`. Model and rendering stand in the name: spauq_2025-03-24_umxhq_binaural.csv.
SSR and SRR are those of the SPAUQ package, so they become scores of `spauq_published`. ITD is in µs, the rest in dB.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from soundstage.contracts import Measure, Score
from soundstage.errors import SoundstageError, suggestion
from soundstage.results.exchange.claims import CLAIMED, Claim, ClaimedFile, ClaimedScores, Labels, read_bytes
from soundstage.results.exchange.values import Numeral, claimed_value

SOURCES = ("bass", "drums", "other", "vocals")
NAME = re.compile(r"(?:spauq|interaural)_(?:\d{4}-\d{2}-\d{2}_)?(?P<model>.+)_(?P<rendering>binaural|stereo)")
UNNAMED = "its name is not KIND_DATE_MODEL_binaural.csv or …_stereo.csv"
FORMAT = "binaural-mss CSV"

COLUMNS: Mapping[str, Mapping[str, tuple[str, Measure]]] = {
    "spauq_published": {
        "SSR": ("SSR", Measure("dB", higher_is_better=True)),
        "SRR": ("SRR", Measure("dB", higher_is_better=True)),
    },
    "interaural": {
        "diff_ITD": ("ITD_difference", Measure("µs", higher_is_better=False, label="ΔITD", decimals=0)),
        "diff_ILD": ("ILD_difference", Measure("dB", higher_is_better=False, label="ΔILD")),
    },
}
"""Metric → column → its measure here."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of such a file. number: where it begins, the header being 1. texts: column → text."""

    number: int
    title: str
    source: str
    texts: Mapping[str, str]


def is_paper_csv(file: Path) -> bool:
    """Whether a file goes by such a name; how a folder's files are told from its other tables."""
    return file.suffix.lower() == ".csv" and file.name.startswith(("spauq_", "interaural_"))


def lacking_options(file: Path, labels: Labels) -> tuple[str, ...]:
    """The options that must say what a file is of, because neither its name nor the labels do."""
    if NAME.fullmatch(file.stem):
        return ()
    given = {"--separator": labels.separator, "--spatializer": labels.spatializer}
    return tuple(option for option, text in given.items() if not text)


def read_paper_csv(file: Path, labels: Labels) -> list[Claim]:
    """The claims of a file, one a track. labels: what they are of; what is empty there comes from the file's name.

    Raises SoundstageError naming the file and the line: no such column, unknown source, no number, a track twice; or
    naming the options where the file's name says neither model nor rendering.
    """
    lines = read_lines(file)
    lacking = lacking_options(file, labels)
    if lacking:
        raise SoundstageError(f"{file}: {UNNAMED}; say with {' and '.join(lacking)} what it is of")
    if found := NAME.fullmatch(file.stem):
        labels = replace(
            labels,
            separator=labels.separator or found["model"],
            spatializer=labels.spatializer or found["rendering"],
        )
    source = ClaimedFile(file, hashlib.sha256(read_bytes(file)).hexdigest(), FORMAT)
    held = [metric for metric, columns in COLUMNS.items() if set(columns) <= set(lines[0].texts)]
    claims = []
    for title in dict.fromkeys(line.title for line in lines):
        of_title = [line for line in lines if line.title == title]
        scores = {metric: _scores(source, metric, of_title) for metric in held}
        claims.append(Claim(replace(labels, track=title), scores))
    return claims


def read_lines(file: Path) -> list[Line]:
    """The lines of a file, each with a title, a known source and every column of the header. Raises SoundstageError."""
    try:
        text = read_bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SoundstageError(f"{file}: not UTF-8 text ({error}); save it as a CSV in UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = next(_records(reader, file), (1, []))[1]
    _check_header(header, file)
    lines: list[Line] = []
    first: dict[tuple[str, str], int] = {}
    for number, record in _records(reader, file):
        if len(record) != len(header):
            raise SoundstageError(
                f"{file}, line {number}: has {len(record)} fields where the header has {len(header)}; correct it there"
            )
        texts = dict(zip(header, record, strict=True))
        line = Line(number, texts["title"], texts["source"], texts)
        if line.source not in SOURCES:
            hint = suggestion(line.source, SOURCES)
            raise SoundstageError(f"{file}, line {number}: unknown source '{line.source}'{hint}")
        other = first.setdefault((line.title, line.source), number)
        if other != number:
            raise SoundstageError(
                f"{file}, line {number}: track '{line.title}', {line.source} stands in line {other} already; keep one"
            )
        lines.append(line)
    if not lines:
        raise SoundstageError(f"{file}: has a header and no lines; there is nothing to import")
    for line in lines:
        for columns in COLUMNS.values():
            for column in columns:
                if column in line.texts:
                    _number(line, column, file)
    return lines


def _records(reader: Iterator[list[str]], file: Path) -> Iterator[tuple[int, list[str]]]:
    """The records that are not empty, each with the line it begins in."""
    while True:
        number = reader.line_num + 1  # type: ignore[attr-defined]
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise SoundstageError(f"{file}, line {number}: not valid CSV ({error}); correct it there") from None
        if record:
            yield number, record


def _check_header(header: Sequence[str], file: Path) -> None:
    metrics = [columns for columns in COLUMNS.values() if set(columns) & set(header)]
    wanted = ["title", "source", *(column for columns in metrics for column in columns)]
    lacking = [column for column in wanted if column not in header]
    if lacking or not metrics:
        what = f"no column '{lacking[0]}'" if lacking else "no column with scores"
        raise SoundstageError(
            f"{file}, line 1: {what} among {', '.join(header) or 'none'}; the columns are title, source and either SSR,"
            " SRR or diff_ITD, diff_ILD"
        )


def _scores(file: ClaimedFile, metric: str, lines: Sequence[Line]) -> ClaimedScores:
    columns = COLUMNS[metric]
    scores = []
    for line in lines:
        for column, (name, _) in columns.items():
            value, reason = _number(line, column, file.path)
            scores.append(Score(line.source, name, value, note=f"{CLAIMED}; {reason}" if reason else CLAIMED))
    return ClaimedScores(file, dict(columns.values()), tuple(scores))


def _number(line: Line, column: str, file: Path) -> tuple[float, str]:
    """A column's number, or NaN and the reason; an empty field has no value, as pandas reads it."""
    return claimed_value(Numeral(line.texts[column].strip()), f"{file}, line {line.number}: {column}")
