"""Published rows beside one's own: which line stands beside which table, Δ, and where the protocols differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from soundstage.claims import CLAIMED
from soundstage.parameters import parse_variant
from soundstage.protocols import PROTOCOLS, Protocol
from soundstage.published import Model, Publication, PublishedLine, PublishedMeasure, Rendering

if TYPE_CHECKING:
    import pandas

    from soundstage.leaderboard import Column, Leaderboard, Row, Section
    from soundstage.results import Results


@dataclass(frozen=True, slots=True)
class Difference:
    """One's own row minus the published one. values: as many as columns, NaN where either has none."""

    separator: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A published line. values: as many as columns, NaN where it has none. differences: the own rows of that model."""

    model: str
    rendering: str
    source: str
    where: str
    values: tuple[float, ...]
    differences: tuple[Difference, ...]


def set_beside(board: Leaderboard, publication: Publication, results: Results) -> Leaderboard:
    """The leaderboard with the publication's rows in every table whose scenes it rendered alike.

    A table gets the lines of its source, or those over all sources where it is over all. Ranks, values and marks stay
    as they are. Every difference between the two protocols that is known becomes a note.
    """
    measures = _columns_measures(board.columns, publication.measures.values())
    sections, notes = [], [_source(publication)]
    for section in board.sections:
        made, said = _beside(section, board, publication, results, measures)
        sections.append(made)
        notes += said
    if any(section.published for section in sections):
        notes += _of_measures(board.columns, measures)
        notes += _of_data(publication, results)
        if publication.note:
            notes.append(f"{publication.name}: {publication.note}")
    notes = [*board.notes, *dict.fromkeys(notes)]
    return replace(board, sections=tuple(sections), notes=tuple(notes), publication=publication.name)


def _beside(
    section: Section,
    board: Leaderboard,
    publication: Publication,
    results: Results,
    measures: Sequence[PublishedMeasure | None],
) -> tuple[Section, list[str]]:
    """The section with its published rows, and what must be said of them."""
    cells = _cells(results.cells, section.group)
    rendered = [str(label) for label in cells["spatializer"].unique()]
    renderings = [one for one in publication.renderings.values() if _renders(one, rendered, results.facts)]
    source = section.group.get("source", "")
    rows, notes = [], []
    for rendering in renderings:
        lines = [line for line in publication.lines if (line.rendering, line.source) == (rendering.name, source)]
        sources = _sources(results.rows, section.group)
        comparable = bool(source) or sources == set(rendering.sources)
        found = [_row(line, publication.model(line.model), section.rows, measures, comparable) for line in lines]
        found = [row for row in found if not all(map(math.isnan, row.values))]
        if not found:
            continue
        rows += found
        if not comparable:
            notes.append(
                f"{rendering.name}: published over {', '.join(rendering.sources)}, this table is over"
                f" {', '.join(sorted(sources))}; so there is no Δ"
            )
        notes += _of_rendering(rendering, rendered, results.facts)
        notes += _of_aggregation(publication, board.protocol, one_source=bool(source))
    if not rows:
        notes.append(_nothing(publication, board, rendered, renderings, source, measures))
    return replace(section, published=tuple(rows)), notes


def _row(
    line: PublishedLine,
    model: Model,
    rows: Sequence[Row],
    measures: Sequence[PublishedMeasure | None],
    comparable: bool,
) -> PublishedRow:
    values = tuple(line.values.get(measure.name, math.nan) if measure else math.nan for measure in measures)
    own = [row for row in rows if model.goes_by(_name(row.separator))] if comparable else []
    differences = [
        Difference(row.separator, tuple(mine - theirs for mine, theirs in zip(row.values, values, strict=True)))
        for row in own
    ]
    known = tuple(one for one in differences if not all(map(math.isnan, one.values)))
    return PublishedRow(line.model, line.rendering, line.source, line.where, values, known)


def _columns_measures(
    columns: Sequence[Column], published: Iterable[PublishedMeasure]
) -> tuple[PublishedMeasure | None, ...]:
    """For each column the published measure that stands in it: the same quantity, or else the nearest shown."""
    shown = [(_name(column.metric), column.name) for column in columns]
    found: dict[int, PublishedMeasure] = {}
    for measure in published:
        for wanted in (measure.same,) if measure.same in shown else measure.near:
            if wanted in shown:
                found |= {index: measure for index, pair in enumerate(shown) if pair == wanted}
                break
    return tuple(found.get(index) for index in range(len(columns)))


def _name(label: str) -> str:
    """The entry that a label of the grid is a variant of."""
    return parse_variant(label)[0]


def _cells(cells: pandas.DataFrame, group: Mapping[str, str]) -> pandas.DataFrame:
    for name, value in group.items():
        if name in cells.columns:
            cells = cells[cells[name].astype(str) == value]
    return cells


def _sources(rows: pandas.DataFrame, group: Mapping[str, str]) -> set[str]:
    return {str(source) for source in _cells(rows, group)["source"].dropna().unique()}


def _setting(facts: Mapping[str, Any], kind: str, label: str) -> Mapping[str, Any]:
    """The plugin and parameters of a label; empty where the plan does not hold them, as for claims."""
    found: Mapping[str, Any] = facts.get("settings", {}).get(kind, {}).get(label, {})
    return found


def _names(facts: Mapping[str, Any], kind: str, label: str) -> set[str]:
    """What a label may be known by: its entry and its plugin."""
    return {_name(label), *([str(_setting(facts, kind, label)["plugin"])] if _setting(facts, kind, label) else [])}


def _renders(rendering: Rendering, labels: Sequence[str], facts: Mapping[str, Any]) -> bool:
    alike = {*rendering.spatializers, *rendering.near}
    return bool(labels) and all(_names(facts, "spatializers", label) & alike for label in labels)


def _source(publication: Publication) -> str:
    return (
        f"published: {publication.citation}; rows as printed, never ranked; Δ is the row here minus the published one"
    )


def _of_rendering(rendering: Rendering, labels: Sequence[str], facts: Mapping[str, Any]) -> Iterator[str]:
    about = f" ({rendering.summary})" if rendering.summary else ""
    for label in labels:
        if not _names(facts, "spatializers", label) & set(rendering.spatializers):
            yield f"{rendering.name}{about}: {label} comes near that rendering but is another"
            continue
        held = _setting(facts, "spatializers", label).get("parameters", {})
        wanted = rendering.params or {}
        other = {name: held[name] for name, value in wanted.items() if name in held and held[name] != value}
        if other:
            theirs = ", ".join(f"{name} = {wanted[name]}" for name in other)
            ours = ", ".join(f"{name} = {value if value is not None else 'none'}" for name, value in other.items())
            yield f"{rendering.name}{about}: published with {theirs}; {label} here has {ours}"


def _of_aggregation(publication: Publication, here: Protocol, one_source: bool) -> Iterator[str]:
    if not publication.aggregation:
        yield f"{publication.name} does not say how its values were averaged; here: {here.text}"
        return
    there = PROTOCOLS[publication.aggregation]
    alike = (there.frames, there.tracks) == (here.frames, here.tracks)
    if not alike or not (one_source or there.sources == here.sources):
        yield (
            f"{publication.name} averages as protocol {there.name} ({there.text}), this table as {here.name};"
            f" --protocol {there.name} averages alike"
        )


def _of_measures(columns: Sequence[Column], measures: Sequence[PublishedMeasure | None]) -> Iterator[str]:
    other: dict[tuple[str, str], list[str]] = {}
    for column, measure in zip(columns, measures, strict=True):
        if measure is None:
            continue
        if measure.note:
            yield f"{column.label}: {measure.note}"
        if measure.same is None or measure.same[0] == column.metric:
            continue
        other.setdefault((measure.same[0], column.metric), []).append(column.label)
    for (theirs, ours), labels in other.items():
        what = "with other parameters" if _name(ours) == theirs else "another definition (docs/metrics.md)"
        yield f"{', '.join(labels)}: published as {theirs}, measured here as {ours}, {what}"


def _of_data(publication: Publication, results: Results) -> Iterator[str]:
    labels = [str(label) for label in results.cells["dataset"].unique()]
    known = [label for label in labels if label != CLAIMED]
    other = [
        label for label in known if not _names(results.facts, "datasets", label) & set(publication.datasets or labels)
    ]
    tracks = len(results.cells[["dataset", "track"]].drop_duplicates())
    if other or (publication.tracks and tracks != publication.tracks):
        theirs = f", {publication.tracks} tracks" if publication.tracks else ""
        yield f"published on {publication.data}{theirs}; here {', '.join(labels)}, {tracks} track{'s' * (tracks != 1)}"


def _nothing(
    publication: Publication,
    board: Leaderboard,
    rendered: Sequence[str],
    renderings: Sequence[Rendering],
    source: str,
    measures: Sequence[PublishedMeasure | None],
) -> str:
    """Why a table has no published rows beside it, and what to do where something can be done."""
    if not any(measures):
        there = ", ".join(publication.measures)
        shown = ", ".join(column.label for column in board.columns)
        return f"{publication.name} has {there}, and nothing that stands beside {shown}"
    if not renderings:
        alike = "; ".join(
            f"{one.name}: {', '.join((*one.spatializers, *one.near))}" for one in publication.renderings.values()
        )
        apart = "; --by spatializer keeps renderings apart" if len(rendered) > 1 else ""
        return f"{publication.name} has no rendering like {', '.join(rendered)} ({alike}){apart}"
    return f"{publication.name} has no values for {f'source {source}' if source else 'all sources together'} here"
