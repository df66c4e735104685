"""Which scenes to listen to: of each separator its best, its middling and its worst, and the one with its worst second.

A scene's value is the mean over its sources of what the protocol makes of each, so that one number orders scenes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from soundstage.contracts import CellName
from soundstage.errors import SoundstageError, meant, suggestion
from soundstage.leaderboard.board import Column
from soundstage.leaderboard.choice import finite, ranking_column, separator_meant, shown_columns
from soundstage.leaderboard.protocols import CELL, DEFAULT, find_protocol
from soundstage.results.examples import Curve, Example
from soundstage.results.loading import Results
from soundstage.results.records import PlanFacts

if TYPE_CHECKING:
    import pandas

SCENE = CELL[:-1]
"""What one scene is told apart by."""


def choose(
    results: Results,
    *,
    rank_by: str = "",
    metrics: Sequence[str] = (),
    protocol: str = DEFAULT,
    tracks: Sequence[str] = (),
    separators: Sequence[str] = (),
) -> tuple[Example, ...]:
    """The scenes to listen to, in the order of the grid, each once with every reason for it.

    tracks: take every scene of these songs, and no others. separators: whose best and worst; by default every separator
    that is no floor, oracle or ceiling, or all where there is none. rank_by, metrics, protocol: as for
    `make_leaderboard`. Raises SoundstageError for names that the results don't have.
    """
    facts = results.facts
    column = ranking_column(shown_columns(facts, metrics), rank_by)
    names = [separator_meant(facts, name) for name in separators] or _competing(facts)
    rows = finite(results.rows[results.rows["status"] == "ok"])
    framed = _framed(rows, facts, column)
    reasons: dict[CellName, list[tuple[str, str]]] = {}
    if tracks:
        for scene in _of_tracks(results.cells, tracks):
            reasons[scene] = [(name, "chosen by name") for name in names]
    else:
        whole = find_protocol(protocol).track_scores(rows)
        whole = whole[(whole["metric"] == column.metric) & (whole["name"] == column.name)]
        whole = whole[whole["ranked"] & whole["value"].notna()]
        for name in names:
            for scene, why in _picked(whole[whole["separator"] == name], column, name):
                reasons.setdefault(scene, []).append((name, why))
            found = _worst_second(framed, name)
            if found:
                reasons.setdefault(found[0], []).append((name, found[1]))
    order = {scene: place for place, scene in enumerate(_scenes(results.cells))}
    curves = _curves_of(framed, set(reasons))
    return tuple(
        Example(
            scene,
            tuple(dict.fromkeys(why for _, why in reasons[scene])),
            tuple(dict.fromkeys(name for name, _ in reasons[scene])),
            tuple(curves.get(scene, ())),
        )
        for scene in sorted(reasons, key=lambda scene: order[scene])
    )


def _competing(facts: PlanFacts) -> list[str]:
    """The separators that are compared; all, where every one is a floor, an oracle or a ceiling."""
    every = list(facts["separators"])
    return [name for name in every if facts["separators"][name]["role"] == "separator"] or every


def _scene(key: Sequence[object]) -> CellName:
    dataset, track, placement, spatializer, seed = key
    return CellName(str(dataset), str(track), str(placement), str(spatializer), int(str(seed)))


def _scenes(cells: pandas.DataFrame) -> list[CellName]:
    """The grid's scenes in its order."""
    return [_scene(key) for key in cells[SCENE].drop_duplicates().itertuples(index=False)]


def _of_tracks(cells: pandas.DataFrame, tracks: Sequence[str]) -> Iterator[CellName]:
    known = list(dict.fromkeys(str(track) for track in cells["track"]))
    wanted = set()
    for track in tracks:
        found = meant(track, known)
        if found is None:
            raise SoundstageError(f"the results have no song '{track}'{suggestion(track, known)}")
        wanted.add(found)
    yield from (scene for scene in _scenes(cells) if scene.track in wanted)


def _picked(whole: pandas.DataFrame, column: Column, name: str) -> Iterator[tuple[CellName, str]]:
    """The best, the median and the worst scene of one separator."""
    values = whole.groupby(SCENE, observed=True, sort=False)["value"].mean()
    ordered = values.sort_values(ascending=not column.higher_is_better, kind="stable")
    if not len(ordered):
        return
    places = {"best": 0, "worst": len(ordered) - 1, "median": (len(ordered) - 1) // 2}
    taken: set[int] = set()
    for which, place in places.items():
        if place not in taken:
            taken.add(place)
            value = f"{ordered.iloc[place]:.{column.decimals}f} {column.unit}".strip()
            yield _scene(ordered.index[place]), f"{which} of {name} by {column.label} ({value})"


def _framed(rows: pandas.DataFrame, facts: PlanFacts, first: Column) -> tuple[Column, pandas.DataFrame] | None:
    """The measure whose frames are looked at, and its rows: the ranking one, or else the first shown one with frames,
    or else any."""
    frames = rows[rows["frame"].notna()]
    if not len(frames):
        return None
    every = shown_columns(facts, list(facts["metrics"]))
    headline = shown_columns(facts) if _has_headline(facts) else ()
    for column in (first, *headline, *every):
        found = frames[(frames["metric"] == column.metric) & (frames["name"] == column.name)]
        if len(found):
            return column, found.assign(value=found["value"].astype(float).where(found["ranked"]))
    return None


def _has_headline(facts: PlanFacts) -> bool:
    return any(measure["headline"] for measures in facts["metrics"].values() for measure in measures.values())


def _worst_second(framed: tuple[Column, pandas.DataFrame] | None, name: str) -> tuple[CellName, str] | None:
    """The scene with the separator's worst frame."""
    if framed is None:
        return None
    column, frames = framed
    own = frames[(frames["separator"] == name) & frames["value"].notna()]
    if not len(own):
        return None
    at = own["value"].idxmin() if column.higher_is_better else own["value"].idxmax()
    return _scene([own.at[at, key] for key in SCENE]), f"the worst second of {name} by {column.label}"


def _curves_of(framed: tuple[Column, pandas.DataFrame] | None, wanted: set[CellName]) -> dict[CellName, list[Curve]]:
    """The frames of every estimate of the wanted scenes."""
    found: dict[CellName, list[Curve]] = {}
    if framed is None:
        return found
    column, frames = framed
    frames = frames[frames["track"].isin([scene.track for scene in wanted])]
    for key, own in frames.groupby([*CELL, "separator"], observed=True, sort=False):
        scene = _scene(key[:-2])
        if scene in wanted:
            values = [float("nan")] * (int(own["frame"].max()) + 1)
            for frame, value in zip(own["frame"], own["value"], strict=True):
                values[int(frame)] = float(value)
            curve = Curve(str(key[-1]), str(key[-2]), column.label, column.unit, column.higher_is_better, tuple(values))
            found.setdefault(scene, []).append(curve)
    return found
