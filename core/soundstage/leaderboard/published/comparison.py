"""Published rows beside one's own: which line stands beside which table, Δ, and where the protocols differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from soundstage.leaderboard.board import Difference, Gap, PublishedRow, PublishedValue, is_known
from soundstage.leaderboard.protocols import PROTOCOLS, Aggregation
from soundstage.leaderboard.published.matching import (
    Scenes,
    entry_of,
    is_rendered_alike,
    names_of,
    other_placements,
    placed_otherwise,
    rendered_otherwise,
    scenes_of,
)
from soundstage.leaderboard.published.tables import (
    Condition,
    Printed,
    Publication,
    PublishedLine,
    PublishedMeasure,
)
from soundstage.results.exchange.claims import CLAIMED

if TYPE_CHECKING:
    from soundstage.leaderboard.board import Column, Leaderboard, Row, Section
    from soundstage.results.loading import Results


MIXTURE = "mixture"
"""The separator over whose scores published improvements are."""


def set_beside(board: Leaderboard, publication: Publication, results: Results) -> Leaderboard:
    """The leaderboard with the publication's rows in every table whose scenes it rendered alike.

    A table gets the lines of its source, or those over all sources where it is over all. Ranks, values and marks stay
    as they are. Every difference between the two protocols that is declared and can be seen becomes a note.
    """
    measures = _columns_measures(board.columns, publication.measures.values(), board.over)
    sections, notes = [], [_source(publication)]
    apart: dict[str, str] = {}
    for section in board.sections:
        made, said = _beside(section, board, publication, results, measures, apart)
        sections.append(made)
        notes += said
    stands = {row.condition for section in sections for row in section.published}
    notes += [sentence for condition, sentence in apart.items() if condition not in stands]
    if stands:
        notes += _of_measures({column: measures[column] for column in board.columns if column in measures})
        notes += _of_data(publication, results)
        notes += _of_excerpt(publication, results.facts)
        if publication.note:
            notes.append(f"{publication.name}: {publication.note}")
    notes = [*board.notes, *dict.fromkeys(notes)]
    return replace(board, sections=tuple(sections), notes=tuple(notes), publication=publication.name)


def _beside(
    section: Section,
    board: Leaderboard,
    publication: Publication,
    results: Results,
    measures: Mapping[Column, PublishedMeasure],
    apart: dict[str, str],
) -> tuple[Section, list[str]]:
    """The section with its published rows, and what must be said of them. apart: takes why a condition stands not."""
    scenes = scenes_of(section.group, results)
    alike = [one for one in publication.conditions.values() if is_rendered_alike(one, scenes)]
    conditions = _of_the_mixture([one for one in alike if not placed_otherwise(one, scenes)], scenes)
    reasons = {one.name: placed_otherwise(one, scenes) for one in _of_the_mixture(alike, scenes)}
    reasons = {name: reason for name, reason in reasons.items() if reason and measures}
    source = section.group.get("source", "")
    rows: list[PublishedRow] = []
    notes: list[str] = []
    for condition in conditions:
        lines = [line for line in publication.lines if (line.condition, line.source) == (condition.name, source)]
        comparable = bool(source) or scenes.sources == set(condition.sources)
        found = [_row(line, publication, section.rows, measures, comparable) for line in lines]
        found = [row for row in found if row.values]
        if not found:
            continue
        rows += found
        notes += _of_sources(condition, scenes, source)
        notes += _of_rendering(condition, scenes)
        notes += _of_aggregation(publication, board.protocol, one_source=bool(source))
    apart |= reasons
    if not rows:
        because = list(reasons.values()) if not conditions else []
        notes += because or [_nothing(publication, board, scenes, conditions, source, measures)]
    return replace(section, published=tuple(rows)), notes


def _of_the_mixture(conditions: Sequence[Condition], scenes: Scenes) -> Sequence[Condition]:
    """Those of mixtures of the very same sources, where there are any; else all."""
    return [one for one in conditions if set(one.sources) == scenes.mixture] or conditions


def _row(
    line: PublishedLine,
    publication: Publication,
    rows: Sequence[Row],
    measures: Mapping[Column, PublishedMeasure],
    comparable: bool,
) -> PublishedRow:
    model = publication.model(line.model)
    numbers = {column: line.values[one.name] for column, one in measures.items() if one.name in line.values}
    own = [row for row in rows if model.goes_by(entry_of(row.separator))] if comparable else []
    differences = [Difference(row.separator, _gaps(row, numbers, measures)) for row in own]
    values = {column: PublishedValue(float(number), number.text) for column, number in numbers.items()}
    known = tuple(one for one in differences if one.values)
    stated = publication.trained_on_them(line.model)
    return PublishedRow(line.model, line.condition, line.source, line.where, values, known, stated)


def _gaps(
    row: Row, numbers: Mapping[Column, Printed], measures: Mapping[Column, PublishedMeasure]
) -> dict[Column, Gap]:
    """What is between a row and the published numbers, with the decimals of whichever side has fewer."""
    found = {}
    for column, number in numbers.items():
        if is_known(row.values[column]):
            declared = measures[column].decimals
            decimals = min(column.decimals, number.decimals if declared is None else declared)
            found[column] = Gap(row.values[column].value - float(number), decimals)
    return found


def _columns_measures(
    columns: Sequence[Column], published: Iterable[PublishedMeasure], over: str
) -> dict[Column, PublishedMeasure]:
    """The published measure that stands in a column: the same quantity, or one near it that no column has.

    Over the mixture a column is the improvement of its measure, and goes by its name and an i; over any other
    separator nobody has published anything.
    """
    if over and entry_of(over) != MIXTURE:
        return {}
    shown = {column: (entry_of(column.metric), f"{column.name}i" if over else column.name) for column in columns}
    found: dict[Column, PublishedMeasure] = {}
    for measure in published:
        near = [(entry_of(metric), name) for metric, name in measure.near]
        same = [(entry_of(metric), name) for metric, name in ([measure.same] if measure.same else [])]
        wanted = same if set(same) & set(shown.values()) else near
        found |= {column: measure for column, pair in shown.items() if pair in wanted}
    return found


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"


def _source(publication: Publication) -> str:
    return (
        f"published: {publication.citation}; rows as printed, never ranked; Δ is the row here minus the published one"
    )


def _of_sources(condition: Condition, scenes: Scenes, source: str) -> Iterator[str]:
    theirs = _listed(condition.sources)
    if source and scenes.mixture != set(condition.sources):
        ours = _listed(sorted(scenes.mixture))
        yield f"{condition.name}: {source} was published out of mixtures of {theirs}; here it is out of {ours}"
    elif not source and scenes.sources != set(condition.sources):
        ours = ", ".join(sorted(scenes.sources))
        over = f"this table is over {ours}" if ours else "this table has no scores"
        yield f"{condition.name}: published over {theirs}, {over}; so there is no Δ"


def _of_rendering(condition: Condition, scenes: Scenes) -> Iterator[str]:
    name = f"{condition.name} ({condition.summary})" if condition.summary else condition.name
    for label in scenes.spatializers:
        is_near = not names_of(scenes.facts, "spatializers", label) & set(condition.spatializers)
        if is_near and "settings" in scenes.facts:  # who claims a rendering says which it is, not which it is like
            yield f"{name}: {label} comes near that rendering but {'may be' if condition.params else 'is'} another"
        theirs, ours = rendered_otherwise(condition, scenes, label)
        if theirs:
            yield f"{name}: published with {theirs}; {label} here has {ours}"
    others = ", ".join(other_placements(condition, scenes))
    if others:
        yield f"{name}: published with placement {', '.join(condition.placements)}; here {others}"


def _of_aggregation(publication: Publication, here: Aggregation, one_source: bool) -> Iterator[str]:
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


def _of_measures(measures: Mapping[Column, PublishedMeasure]) -> Iterator[str]:
    noted: dict[str, list[str]] = {}
    other: dict[tuple[str, str], list[str]] = {}
    for column, measure in measures.items():
        if measure.note:
            noted.setdefault(measure.note, []).append(column.label)
        if measure.same is None or measure.same[0] == column.metric:
            continue
        other.setdefault((measure.same[0], column.metric), []).append(column.label)
    for note, labels in noted.items():
        yield f"{', '.join(dict.fromkeys(labels))}: {note}"
    for (theirs, ours), labels in other.items():
        what = "with other parameters" if entry_of(ours) == entry_of(theirs) else "another definition (docs/metrics.md)"
        yield f"{', '.join(labels)}: published as {theirs}, measured here as {ours}, {what}"


def _of_data(publication: Publication, results: Results) -> Iterator[str]:
    labels = [str(label) for label in results.cells["dataset"].unique()]
    known = [label for label in labels if label != CLAIMED]
    other = [
        label for label in known if not names_of(results.facts, "datasets", label) & set(publication.datasets or labels)
    ]
    tracks = len(results.cells[["dataset", "track"]].drop_duplicates())
    if other or (publication.tracks and tracks != publication.tracks):
        theirs = f", {publication.tracks} tracks" if publication.tracks else ""
        yield f"published on {publication.data}{theirs}; here {', '.join(labels)}, {tracks} track{'s' * (tracks != 1)}"


def _of_excerpt(publication: Publication, facts: Mapping[str, Any]) -> Iterator[str]:
    """Whether whole tracks or parts of them were scored, where the plan says it."""
    excerpt = facts.get("excerpt")
    if excerpt and not publication.excerpt:
        ours = f"{excerpt['seconds']:g} s of each track (where = {excerpt['where']})"
        yield f"{publication.name} says nothing of parts of tracks; here {ours} are scored"
    elif publication.excerpt and "excerpt" in facts and not excerpt:
        yield f"{publication.name} scored parts of its tracks; here they are whole"


def _nothing(
    publication: Publication,
    board: Leaderboard,
    scenes: Scenes,
    conditions: Sequence[Condition],
    source: str,
    measures: Mapping[Column, PublishedMeasure],
) -> str:
    """Why a table has no published rows beside it, and what to do where something can be done."""
    if board.over and entry_of(board.over) != MIXTURE:
        return f"{publication.name} has no improvements over {board.over}; leave out --over, or take --over {MIXTURE}"
    if not measures:
        there = _listed(publication.measures)
        shown = _listed(column.label for column in board.columns)
        return f"{publication.name} has {there}, and nothing that stands beside {shown}"
    if not conditions:
        alike = "; ".join(
            f"{one.name}: {_listed((*one.spatializers, *one.near))}" for one in publication.conditions.values()
        )
        apart = "; --by spatializer keeps renderings apart" if len(scenes.spatializers) > 1 else ""
        return f"{publication.name} has no rendering like {_listed(scenes.spatializers)} ({alike}){apart}"
    wanted = {measure.name for measure in measures.values()}
    names = {condition.name for condition in conditions}
    by_source = any(line.source and line.condition in names and wanted & set(line.values) for line in publication.lines)
    remedy = "; --by source shows them" if by_source and not source else ""
    return (
        f"{publication.name} has no values for {f'source {source}' if source else 'all sources together'} here{remedy}"
    )
