"""Published results: tables of papers as facts, one TOML a publication, with citation, protocol and place.

    [protocol]             data, datasets, split, tracks, excerpt, aggregation, note: how the numbers came about
    [measures.NAME]        same, near ("metric.measure" here), unit, decimals, note
    [renderings.NAME]      summary, sources, spatializers, near, params, placements, placement_params: a condition that
                           the publication tested under, and which scenes here are rendered alike
    [models.NAME]          summary, separators: the names that its weights go by here; trained_on: what it learnt from
    [[tables]]             where, columns (rendering, model, source, then measures), rows

An empty or absent source is the value over all sources; nan is what the source of the numbers does not have. Numbers
are kept as they are written, because that is how they are shown. `decimals` is how many the source prints of a measure
at most: 9.7 in a table with two stands for 9.70. Where it is absent each number's own count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from soundstage.errors import SoundstageError, UnknownName, suggestion
from soundstage.heard import Heard, fault_of_stated, heard
from soundstage.leaderboard.protocols import PROTOCOLS
from soundstage.shipped import shipped
from soundstage.toml import Table, parse, read
from soundstage.variants import parse_variant

LABELS = ("rendering", "model", "source")
"""Columns of a table that are no measures."""

_AND = "; "
"""Between the places of a line that several tables print."""


@dataclass(frozen=True, slots=True)
class PublishedMeasure:
    """A measure as it was published. same, near: (metric or variant, measure) here that is the same quantity, or comes
    near it."""

    name: str
    same: tuple[str, str] | None = None
    near: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    decimals: int | None = None
    note: str = ""


class Printed(float):
    """A number as a table prints it. text: how it is written there, without underscores."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str = "0") -> Printed:
        """The number that the text says. Raises ValueError where it says none."""
        made = super().__new__(cls, text)
        made.text = text.replace("_", "")
        return made

    @property
    def decimals(self) -> int:
        """How many places behind the point its text says something of; 1.5e-3 has four."""
        exponent = Decimal(self.text).as_tuple().exponent
        return max(0, -exponent) if isinstance(exponent, int) else 0


@dataclass(frozen=True, slots=True)
class Condition:
    """A way the publication's scenes were made, which its TOML calls a rendering.

    spatializers: entries or plugins here that make them alike; near: that come near it. params: what their parameters
    have to be for that. placements: entries or plugins here that place the sources alike; placement_params: what a
    placement's parameters have to be for its scenes to be compared at all. sources: what a mixture holds, and a value
    over all sources is over.
    """

    name: str
    summary: str = ""
    sources: tuple[str, ...] = ()
    spatializers: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    placements: tuple[str, ...] = ()
    placement_params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Model:
    """A published model and the separators here that hold its weights. trained_on: what it learnt from, in the words of
    soundstage.heard; None where that is not stated.
    """

    name: str
    summary: str = ""
    separators: tuple[str, ...] = ()
    trained_on: tuple[str, ...] | None = None

    def goes_by(self, name: str) -> bool:
        """Whether a separator of that name is this model; case does not matter."""
        return name.casefold() in {known.casefold() for known in (self.name, *self.separators)}


@dataclass(frozen=True, slots=True)
class PublishedLine:
    """One line of a table. source: empty where it is over all of them. values: measure → value, none of them NaN."""

    condition: str
    model: str
    source: str
    values: Mapping[str, Printed]
    where: str


@dataclass(frozen=True, slots=True)
class Publication:
    """All of one publication's tables. aggregation: a protocol's name, empty where the source does not say; tracks: 0
    where it does not say; excerpt: whether parts of the songs were scored; datasets: entries here that hold the same
    songs; split: which of theirs, empty where it is not said."""

    name: str
    title: str
    citation: str
    url: str
    data: str
    datasets: tuple[str, ...]
    split: str
    tracks: int
    excerpt: bool
    aggregation: str
    note: str
    measures: Mapping[str, PublishedMeasure]
    conditions: Mapping[str, Condition]
    models: Mapping[str, Model]
    lines: tuple[PublishedLine, ...]

    @property
    def places(self) -> tuple[str, ...]:
        """Where its tables stand, each once."""
        of_lines = [line.where.split(_AND) for line in self.lines]
        first = [places[0] for places in of_lines]  # a line of two tables is listed among those of the first
        return tuple(dict.fromkeys([*first, *(place for places in of_lines for place in places)]))

    def model(self, name: str) -> Model:
        """What is known of a model; its name alone where nothing more is."""
        return self.models.get(name, Model(name))

    def trained_on_them(self, model: str) -> Heard:
        """Whether a model was trained on the songs that it was scored on there, as it is stated."""
        songs = [f"{name}:{self.split}" if self.split else name for name in self.datasets]
        return heard(self.model(model).trained_on, songs)


def publications() -> dict[str, Publication]:
    """What is shipped, by name."""
    files = sorted(shipped("published_tables", "published").iterdir(), key=lambda file: file.name)
    texts = {file.name: file.read_text(encoding="utf-8") for file in files if file.name.endswith(".toml")}
    return {name.removesuffix(".toml"): read_publication(text, name) for name, text in texts.items()}


def find_publication(wanted: str) -> Publication:
    """The shipped publication of that name, or a TOML file of one's own. Raises UnknownName with the nearest name."""
    if not wanted.endswith(".toml"):
        known = publications()
        if wanted not in known:
            raise UnknownName("publication", wanted, known)
        return known[wanted]
    if not Path(wanted).exists():
        raise SoundstageError(f"{wanted}: no such file; give a publication's name or a TOML file")
    return _publication(read(Path(wanted), Printed), wanted)


def read_publication(text: str, file: str) -> Publication:
    """The publication that a TOML text holds. file: what it is called in errors.

    Raises SoundstageError with the file, the key and the fix where something is missing, unknown or malformed.
    """
    return _publication(parse(text, file, parse_float=Printed), file)


def _publication(found: Mapping[str, Any], file: str) -> Publication:
    table = Table(found, file)
    protocol = table.table("protocol", required=True)
    measures = {name: _measure(name, facts) for name, facts in table.tables("measures")}
    conditions = {name: _condition(name, facts) for name, facts in table.tables("renderings")}
    models = {name: _model(name, facts) for name, facts in table.tables("models")}
    aggregation = protocol.text("aggregation", required=True)
    if aggregation and aggregation not in PROTOCOLS:
        protocol.refuse("aggregation", f"'{aggregation}' is no protocol{suggestion(aggregation, PROTOCOLS)}")
    publication = Publication(
        name=Path(file).stem,
        title=table.text("title", required=True),
        citation=table.text("citation", required=True),
        url=table.text("url"),
        data=protocol.text("data", required=True),
        datasets=protocol.texts("datasets"),
        split=protocol.text("split"),
        tracks=protocol.whole("tracks"),
        excerpt=protocol.flag("excerpt"),
        aggregation=aggregation,
        note=protocol.text("note"),
        measures=measures,
        conditions=conditions,
        models=models,
        lines=_lines(table.list_of_tables("tables"), measures, conditions),
    )
    for closed in (protocol, table):
        closed.close()
    _check_models(publication, file)
    return publication


def _measure(name: str, table: Table) -> PublishedMeasure:
    same = table.text("same")
    is_declared = "decimals" in table.left
    decimals = table.whole("decimals")
    made = PublishedMeasure(
        name,
        _pair(table, "same", same) if same else None,
        tuple(_pair(table, "near", text) for text in table.texts("near")),
        table.text("unit", required=True),
        decimals if is_declared else None,
        table.text("note"),
    )
    table.close()
    return made


def _pair(table: Table, key: str, text: str) -> tuple[str, str]:
    metric, _, measure = text.rpartition(".")  # a variant's values may hold dots too
    try:
        parse_variant(metric)
    except SoundstageError:
        metric = ""
    if not metric or not measure:
        table.refuse(key, f"'{text}' is no measure; write metric.measure, such as bsseval.SDR")
    return metric, measure


def _condition(name: str, table: Table) -> Condition:
    made = Condition(
        name,
        table.text("summary"),
        table.texts("sources", required=True),
        table.texts("spatializers"),
        table.texts("near"),
        table.parameters("params"),
        table.texts("placements"),
        table.parameters("placement_params"),
    )
    table.close()
    return made


def _model(name: str, table: Table) -> Model:
    stated = table.texts("trained_on") if "trained_on" in table.left else None
    if trouble := fault_of_stated(stated or ()):
        table.refuse("trained_on", trouble)
    table.asked.append("trained_on")
    made = Model(name, table.text("summary"), table.texts("separators"), stated)
    table.close()
    return made


def _lines(
    tables: Sequence[Table], measures: Mapping[str, PublishedMeasure], conditions: Mapping[str, Condition]
) -> tuple[PublishedLine, ...]:
    """The lines of all tables; tables that repeat a value are joined, and must agree."""
    lines: dict[tuple[str, str, str], PublishedLine] = {}
    for table in tables:
        where, columns = table.text("where", required=True), table.texts("columns", required=True)
        for column in columns:
            if column not in (*LABELS, *measures):
                table.refuse("columns", f"'{column}' is no measure of the file{suggestion(column, measures)}")
        for label in ("rendering", "model"):
            if label not in columns:
                table.refuse("columns", f'lacks "{label}"; every line needs one')
        for index, row in enumerate(table.take("rows", list, "[[…], […]]", [], required=True)):
            line = _line(table, f"rows[{index}]", columns, row, where)
            _check_decimals(table, f"rows[{index}]", line, measures)
            if line.condition not in conditions:
                hint = suggestion(line.condition, conditions)
                table.refuse(f"rows[{index}]", f'there is no [renderings."{line.condition}"]{hint}')
            sources = conditions[line.condition].sources
            if line.source and line.source not in sources:
                hint = suggestion(line.source, sources)
                table.refuse(f"rows[{index}]", f"'{line.source}' is not among the rendering's sources{hint}")
            key = (line.condition, line.model, line.source)
            lines[key] = _joined(table, f"rows[{index}]", lines[key], line) if key in lines else line
        table.close()
    return tuple(lines.values())


def _line(table: Table, key: str, columns: Sequence[str], row: Any, where: str) -> PublishedLine:
    if not isinstance(row, list) or len(row) != len(columns):
        table.refuse(key, f"must be a list of {len(columns)} entries, one a column ({', '.join(columns)})")
    found = dict(zip(columns, row, strict=True))
    labels = {label: found.pop(label, "") for label in LABELS}
    for label, text in labels.items():
        if not isinstance(text, str) or (label != "source" and not text):
            table.refuse(key, f"its {label} is {text!r}; write a text in quotes")
    values = {name: _number(table, key, name, value) for name, value in found.items()}
    values = {name: value for name, value in values.items() if not math.isnan(value)}
    return PublishedLine(labels["rendering"], labels["model"], labels["source"], values, where)


def _number(table: Table, key: str, name: str, value: Any) -> Printed:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        table.refuse(key, f"its {name} is {value!r}; write a number, or nan where there is none")
    number = value if isinstance(value, Printed) else Printed(str(value))
    if math.isinf(number):
        table.refuse(key, f"its {name} is {number.text}; write a number that is finite, or nan where there is none")
    return number


def _check_decimals(table: Table, key: str, line: PublishedLine, measures: Mapping[str, PublishedMeasure]) -> None:
    for name, value in line.values.items():
        declared = measures[name].decimals
        if declared is not None and value.decimals > declared:
            table.refuse(
                key, f"its {name} is {value.text}, which has more decimals than the {declared} of measures.{name}"
            )


def _joined(table: Table, key: str, held: PublishedLine, line: PublishedLine) -> PublishedLine:
    for name, value in line.values.items():
        if held.values.get(name, value) != value:
            before = f"{held.values[name].text} in “{held.where}”"
            table.refuse(key, f"{name} is {value.text} here and {before}; keep one of the two")
    where = held.where if line.where == held.where else f"{held.where}{_AND}{line.where}"
    return PublishedLine(line.condition, line.model, line.source, {**held.values, **line.values}, where)


def _check_models(publication: Publication, file: str) -> None:
    """Every model is in a table, and no separator is two of them."""
    named = {line.model for line in publication.lines}
    owners: dict[str, str] = {}
    for model in publication.models.values():
        if model.name not in named:
            raise SoundstageError(
                f'{file}: models."{model.name}": no table has such a model{suggestion(model.name, named)}'
            )
        for separator in model.separators:
            other = owners.setdefault(separator.casefold(), model.name)
            if other != model.name:
                raise SoundstageError(
                    f"{file}: models.\"{model.name}\".separators: '{separator}' is {other} already; name it once"
                )
