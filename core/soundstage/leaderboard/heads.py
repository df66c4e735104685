"""How much of a score depends on the head: scenes that differ in the files of their spatializer alone, song by song."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from soundstage.leaderboard import statistics
from soundstage.leaderboard.board import FEWEST, Column, Heads, Spread
from soundstage.leaderboard.protocols import CELL, Aggregation
from soundstage.results.records import PlanFacts

if TYPE_CHECKING:
    import pandas

    from soundstage.leaderboard.statistics import Floats


SONG = ["dataset", "track"]


def head_families(facts: PlanFacts) -> list[tuple[str, ...]]:
    """The spatializers that are one but for the files they render with: heads, or rooms. Families of two and more.

    What a spatializer refuses is no part of what it renders.
    """
    settings = facts.get("settings", {}).get("spatializers", {})
    files = {
        (setting["plugin"], name)
        for setting in settings.values()
        for name, value in setting["parameters"].items()
        if value == "file"
    }
    families: dict[str, list[str]] = {}
    for label, setting in settings.items():
        plugin, given = setting["plugin"], setting["parameters"]
        of_files = {name for name in given if (plugin, name) in files}
        if of_files:
            other = of_files.union(setting.get("refusals", ()))
            alike = sorted((name, repr(value)) for name, value in given.items() if name not in other)
            families.setdefault(repr((plugin, alike)), []).append(label)
    return [tuple(labels) for labels in families.values() if len(labels) > 1]


def heads_of(
    rows: pandas.DataFrame, facts: PlanFacts, columns: Sequence[Column], how: Aggregation
) -> tuple[Heads, ...]:
    """What each separator's scores make of each family of heads. rows: a track's scores, as boards average them."""
    return tuple(found for labels in head_families(facts) if (found := _of_family(rows, labels, columns, how)))


def _of_family(
    rows: pandas.DataFrame, labels: tuple[str, ...], columns: Sequence[Column], how: Aggregation
) -> Heads | None:
    rows = rows[rows["spatializer"].isin(labels) & rows["ranked"] & rows["value"].notna()]
    spreads: dict[str, dict[Column, Spread]] = {}
    songs = {}
    for column in columns:
        of_column = rows[(rows["metric"] == column.metric) & (rows["name"] == column.name)]
        keys = [key for key in CELL if key != "spatializer"]
        table = of_column.pivot(index=keys, columns=["separator", "spatializer"], values="value")
        common = table.dropna(axis="index", how="any")
        songs[column] = len(common.groupby(level=SONG)) if len(common) else 0
        for separator in dict.fromkeys(common.columns.get_level_values("separator")) if len(common) else ():
            of_heads = common[separator].reindex(columns=list(labels))
            if not of_heads.isna().any(axis=None):
                spreads.setdefault(str(separator), {})[column] = _spread(of_heads, how)
    return Heads(labels, spreads, songs) if spreads else None


def _spread(of_heads: pandas.DataFrame, how: Aggregation) -> Spread:
    """of_heads: a row each score, a column each head, no holes."""
    of_songs = of_heads.groupby(level=SONG).mean().to_numpy(np.float64)
    value, interval = spread_over_heads(of_songs)
    return Spread(value, interval, _told(how.over_tracks(of_heads)))


def _told(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}


def spread_over_heads(values: Floats) -> tuple[float, tuple[float, float] | None]:
    """How far heads are apart within a song, and its 95 % interval over songs; None where there are too few.

    values: (songs, heads), one score each. Of each song the standard deviation over heads (n − 1), and of these the
    mean m: what songs differ in is no part of it. The interval is m · exp(±t·e/m), Student's t with e the standard
    error of m, on a scale of ratios because spreads are skewed and never below zero. It holds what it promises where
    songs have one spread, from five songs and two heads on, and 91 to 94 % where songs' own spreads differ twofold
    (benchmarks/intervals.py). NaN where no number can hold it.
    """
    from scipy import stats

    with np.errstate(over="ignore", invalid="ignore"):
        each = np.std(values, axis=1, ddof=1)
        value = float(np.mean(each))
        if not math.isfinite(value):
            return math.nan, None
        songs = len(each)
        if songs < FEWEST:
            return value, None
        error = float(np.std(each, ddof=1)) / math.sqrt(songs)
    if value == 0.0 or not math.isfinite(error):
        return value, (0.0, 0.0) if value == 0.0 else None
    reach = math.exp(float(stats.t.ppf(0.5 + statistics.LEVEL / 2, songs - 1)) * error / value)
    return value, (value / reach, value * reach)
