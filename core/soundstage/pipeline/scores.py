"""Estimates become scores, and every row is checked."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, SupportsFloat

import numpy as np

from soundstage.contracts import SKIPPED, Measure, Metric, Score, Scorer
from soundstage.errors import SoundstageError, storable, suggestion
from soundstage.pipeline.blame import named_as
from soundstage.pipeline.facts import plain_facts
from soundstage.pipeline.separate import Estimates
from soundstage.scene import Scene

ONE_CHANNEL = "the song is mono: with one channel there is nothing between channels to measure"
"""Why a metric that compares channels has no value."""


def prepare(metric: Metric, name: str, track: str, scene: Scene) -> Scorer:
    """The metric's scorer of estimates of this scene. Raises SoundstageError naming the metric and the track."""
    if scene.details.get("channels") == 1 and getattr(metric, "compares_channels", False) is True:
        return lambda estimates: [
            Score(source, measure, math.nan, note=ONE_CHANNEL, ranked=False)
            for source, measure in itertools.product(estimates, metric.measures)
        ]
    with named_as(f"metric '{name}', track '{track}'"):
        return metric.prepare(scene)


def told_by(scorer: Scorer, name: str) -> dict[str, Any]:
    """The facts in a scorer's `details`, where it has such, for the provenance. Raises SoundstageError."""
    return plain_facts(getattr(scorer, "details", None), f"metric '{name}': details")


def skipped(measures: Mapping[str, Measure], name: str, scene: Scene, estimates: Estimates) -> list[Score]:
    """A row without a value for every measure of a source of the scene that the separator does not have."""
    return [
        Score(source, measure, math.nan, note=f"{SKIPPED}{name} separates no {source}", ranked=False)
        for source in scene.references
        if source not in estimates.images
        for measure in measures
    ]


def score(scorer: Scorer, measures: Mapping[str, Measure], name: str, track: str, estimates: Estimates) -> list[Score]:
    """The metric's rows for these estimates, checked against what it declares. Raises SoundstageError naming it."""
    where = f"metric '{name}', track '{track}'"
    with named_as(where):
        rows = list(scorer(estimates.images))
    rows = [_checked(row, where) for row in rows]
    seen = set()
    for row in rows:
        if row.name not in measures:
            raise SoundstageError(
                f"{where}: returned '{row.name}', which it does not declare{suggestion(row.name, measures)}"
            )
        if row.source not in estimates.images:
            raise SoundstageError(f"{where}: returned a score of '{row.source}', which was not estimated")
        if math.isnan(row.value) and not row.note:
            raise SoundstageError(f"{where}, source '{row.source}': {row.name} is NaN without a reason; give a note")
        if math.isinf(row.value):
            raise SoundstageError(f"{where}, source '{row.source}': {row.name} is infinite; return NaN and a reason")
        key = (row.source, row.name, row.frame)
        if key in seen:
            raise SoundstageError(f"{where}: returned {row.name} of '{row.source}', frame {row.frame}, twice")
        seen.add(key)
    for source, measure in itertools.product(estimates.images, measures):
        if (source, measure, None) not in seen:
            raise SoundstageError(
                f"{where}: no whole-track {measure} of '{source}'; return NaN and a reason where there is none"
            )
    return rows


def _checked(row: Any, where: str) -> Score:
    if not isinstance(row, Score):
        raise SoundstageError(f"{where}: returned {type(row).__name__}, not Score")
    where = f"{where}, source {row.source!r}, {row.name!r}"
    for what, text in (("source", row.source), ("name", row.name), ("note", row.note)):
        if not isinstance(text, str):
            raise SoundstageError(f"{where}: the {what} is {text!r}, not a text")
    if isinstance(row.value, (str, bytes)) or not isinstance(row.value, SupportsFloat):
        raise SoundstageError(f"{where}: the value is {row.value!r}, not a number")
    if not isinstance(row.ranked, (bool, np.bool_)):
        raise SoundstageError(f"{where}: ranked is {row.ranked!r}, neither True nor False")
    try:
        value = float(row.value)
    except (TypeError, ValueError, OverflowError) as error:
        raise SoundstageError(f"{where}: the value is no number that 64 bits hold ({error})") from None
    return replace(
        row,
        value=value,
        frame=None if row.frame is None else _frame(row.frame, where),
        note=storable(row.note),
        ranked=bool(row.ranked),
    )


def _frame(frame: Any, where: str) -> int:
    if isinstance(frame, (bool, np.bool_)) or not isinstance(frame, (int, np.integer)) or not 0 <= frame < 2**31:
        raise SoundstageError(
            f"{where}: the frame is {frame!r}; give a whole number from 0, or None for the whole track"
        )
    return int(frame)
