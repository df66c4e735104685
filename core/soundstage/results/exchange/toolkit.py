"""The training toolkit's table of pretrained models (its docs/pretrained_models.md), read as claims.

Markdown tables with the columns Model Type, Instruments, Metrics (SDR), Config, Checkpoint. A model's metrics are means
over songs that are not listed: `SDR vocals: 10.17`, or by data set
`MUSDB test avg: 9.32 (bass: 8.63, drums: 10.89 vocals: 10.69 other: 7.06)<br> Multisong avg: …`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from soundstage.contracts import Measure, Score
from soundstage.errors import SoundstageError, storable
from soundstage.results.exchange.claims import CLAIMED, Claim, ClaimedFile, ClaimedScores, Labels, read_bytes
from soundstage.results.exchange.values import Numeral, claimed_value

FORMAT = "training toolkit's table"
METRIC = "community"
MEASURES = {
    "sdr": Measure("dB", higher_is_better=True, label="SDR joint"),
    "l1_freq": Measure("of 100", higher_is_better=True),
}
SPELLINGS = {"SDR": "sdr", "L1Freq": "l1_freq"}
ALL_SONGS = "mean over all songs"
"""Stands for the track."""

COLUMNS = ("Model Type", "Instruments", "Metrics (SDR)")
_LINK = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")
_BY_SOURCE = re.compile(r"(?P<data>[^:()]*?)\s*(?:avg:\s*(?P<mean>[\d.]+))?\s*\((?P<values>[^)]*)\)")
_VALUE = re.compile(r"(?P<source>[^\W\d][\w ]*?):\s*(?P<value>-?\d+(?:\.\d+)?|-{2,})")
_ALONE = re.compile(r"(?P<measure>SDR|L1Freq)(?:\s+(?P<source>\w+))?:\s*(?P<value>-?\d+(?:\.\d+)?)")
_MEASURED_ON = re.compile(r"Metrics measured on (?P<data>.+?)(?: Dataset)?\.?\s*$", re.IGNORECASE)
_TRAINED_ON = re.compile(r"trained only on (?P<data>\S+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    """One model of the table. data: which songs its lone values are of; trained_on: what its section says of that."""

    number: int
    model: str
    checkpoint: str
    instruments: tuple[str, ...]
    metrics: str
    data: str = ""
    trained_on: str = ""


def is_toolkit_table(content: bytes) -> bool:
    """Whether a file's contents hold such a table."""
    return all(column.encode() in content for column in COLUMNS)


def read_toolkit_table(file: Path, labels: Labels) -> tuple[list[Claim], list[str]]:
    """The claims of the table, one a model and data set, and what whoever reads them should be told, in sentences.

    Models of one name are told apart by their checkpoints. labels: what the claims are of; a separator named there is
    the only model that is taken. A model whose metrics are of no known form is left out, and it is said. Raises
    SoundstageError naming the file where no model is left.
    """
    content = read_bytes(file)
    source = ClaimedFile(file, hashlib.sha256(content).hexdigest(), FORMAT)
    lines = _lines(content.decode("utf-8", errors="replace"))
    names = Counter(line.model for line in lines)
    claims: list[Claim] = []
    told: list[str] = []
    without = unstated = 0
    for line in lines:
        model = line.model if names[line.model] == 1 else f"{line.model} · {line.checkpoint}"
        if labels.separator and model != labels.separator:
            continue
        where = f"{file}, line {line.number}"
        try:
            found = list(_claims(line, replace(labels, separator=storable(model)), source, where))
        except SoundstageError as error:
            told.append(f"skipped {error}")
            continue
        without += not found
        unstated += bool(found) and not line.trained_on
        told += _unlike(line, where)
        claims += found
    if not claims:
        raise SoundstageError(f"{file}: no model with metrics in its tables of {', '.join(COLUMNS)}")
    told.append(
        f"{file}: means over songs of the joint-channel SDR, and no song by itself: no intervals, no tests, and another"
        " protocol than medians over frames or songs"
    )
    data = sorted({claim.labels.dataset for claim in claims})
    data = ["songs that it does not name" if one == CLAIMED else one for one in data]
    if len(data) > 1:
        told.append(f"{file}: unequal songs: values are of {', '.join(data)}, and compare within one of these alone")
    if unstated:
        told.append(f"{file}: training songs: of {unstated} models the table does not say what they were trained on")
    if without:
        told.append(f"{file}: {without} models have no metrics")
    return claims, told


def _lines(text: str) -> list[Line]:
    """The models of all tables, each with what the notes of its section say."""
    found: list[Line] = []
    section: list[Line] = []
    columns: list[str] = []
    said: dict[str, str] = {}

    def close() -> None:
        data, trained_on = said.get("data", ""), said.get("trained_on", "")
        found.extend(replace(line, data=data, trained_on=trained_on) for line in section)
        section.clear()
        said.clear()

    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            close()
            columns = []
        elif line.lstrip().startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if set(COLUMNS) <= set(cells):
                columns = cells
            elif columns and len(cells) == len(columns) and not re.fullmatch(r"[:\-\s|]+", line):
                section.append(_line(number, dict(zip(columns, cells, strict=True))))
        elif measured := _MEASURED_ON.search(_plain(line)):
            said["data"] = measured["data"]
        elif trained := _TRAINED_ON.search(line):
            said["trained_on"] = trained["data"]
    close()
    return found


def _line(number: int, cells: dict[str, str]) -> Line:
    model, instruments, metrics = (cells[column] for column in COLUMNS)
    address = _LINK.search(cells.get("Checkpoint", ""))
    checkpoint = address[2].rpartition("/")[2] if address else ""
    return Line(number, _plain(model), checkpoint, tuple(filter(None, re.split(r"\s*/\s*", instruments))), metrics)


def _plain(text: str) -> str:
    """The text without links and with single spaces."""
    return " ".join(_LINK.sub(r"\1", text).split())


def _claims(line: Line, labels: Labels, source: ClaimedFile, where: str) -> Iterator[Claim]:
    note = f"{CLAIMED}; a mean over songs that are not listed"
    heard = (f"trained on {line.trained_on}, as its table says",) if line.trained_on else ()
    for data, scores in _values(line, where):
        known = data or line.data
        of = replace(labels, track=ALL_SONGS, dataset=storable(known) if known else labels.dataset)
        rows = tuple(Score(name, measure, value, note=note) for name, measure, value in scores)
        yield Claim(of, {METRIC: ClaimedScores(source, MEASURES, rows)}, notices=heard)


def _values(line: Line, where: str) -> Iterator[tuple[str, list[tuple[str, str, float]]]]:
    """Data set → source, measure and value, for each that the line has metrics of. Raises SoundstageError."""
    for part in re.split(r"<br\s*/?>", line.metrics):
        part = part.strip()
        if not part.strip("-"):
            continue
        if found := _BY_SOURCE.fullmatch(part):
            values = [(one["source"], "sdr", one["value"]) for one in _VALUE.finditer(found["values"])]
            data = found["data"]
        elif found := _ALONE.fullmatch(part):
            stem = found["source"] or (line.instruments[0] if len(line.instruments) == 1 else "")
            values, data = [(stem, SPELLINGS[found["measure"]], found["value"])], ""
        else:
            values, data = [], ""
        if not values or not all(source for source, _, _ in values):
            raise SoundstageError(f"{where}: the metrics '{part}' of {line.model} are of no form that is known")
        numbers = [(source, measure, value) for source, measure, value in values if value.strip("-")]
        if numbers:
            yield data, [(one, measure, claimed_value(Numeral(value), where)[0]) for one, measure, value in numbers]


def _unlike(line: Line, where: str) -> Iterator[str]:
    """A sentence for each mean over sources that is printed and is not that of the values beside it."""
    for part in re.split(r"<br\s*/?>", line.metrics):
        found = _BY_SOURCE.fullmatch(part.strip())
        values = (
            [float(one["value"]) for one in _VALUE.finditer(found["values"]) if one["value"].strip("-")]
            if found
            else []
        )
        if found and found["mean"] and values and not _is_mean(values, found["mean"]):
            mean = sum(values) / len(values)
            yield f"{where}: {line.model}: prints a mean of {found['mean']}, and its values have {mean:.3f}"


def _is_mean(values: Sequence[float], printed: str) -> bool:
    """Whether the mean of rounded values may be the printed one: each was off by half its last digit at most."""
    step = 10.0 ** -len(printed.partition(".")[2])
    return abs(sum(values) / len(values) - float(printed)) <= step * (1.0 + 1e-6)
