"""What an analysis needs beside each score: where the source sat, how near the next was, how long it all took."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from soundstage.results.records import CellRecord
from soundstage.scene import SceneFacts, signed_azimuth
from soundstage.sources import ACCOMPANIMENT

if TYPE_CHECKING:
    import pandas

OF_CELL = ("gain", "duration_s", "real_time_factor", "peak_memory_mb", "peak_gpu_memory_mb")
OF_SOURCE = ("azimuth", "azimuth_told", "elevation", "nearest_deg")


def with_circumstances(rows: pandas.DataFrame, records: Mapping[str, CellRecord]) -> pandas.DataFrame:
    """The rows with the columns OF_SOURCE and OF_CELL, NaN where nothing is known or nothing was placed, and `written`.

    rows: with `cell` and `source`. Azimuths and elevations are in degrees within (−180, 180], 90 is left; nearest_deg
    is the angle to the nearest other source of the scene, as seen from the listener.
    """
    import pandas as pd

    cells, cell_names = pd.factorize(rows["cell"])
    sources, source_names = pd.factorize(rows["source"])
    of_cell = np.full((len(cell_names) + 1, len(OF_CELL)), math.nan)
    of_source = np.full((len(cell_names) + 1, len(source_names) + 1, len(OF_SOURCE)), math.nan)
    for at, address in enumerate(cell_names):
        record = records.get(str(address))
        if record is None:
            continue
        of_cell[at] = _of_cell(record)
        placed = angles(record.scene)
        for column, source in enumerate(source_names):
            of_source[at, column] = placed.get(str(source), math.nan)
    found: dict[str, Any] = {name: of_source[cells, sources, at] for at, name in enumerate(OF_SOURCE)}
    found |= {name: of_cell[cells, at] for at, name in enumerate(OF_CELL)}
    return with_written(rows.assign(**found), records)


def with_written(rows: pandas.DataFrame, records: Mapping[str, CellRecord]) -> pandas.DataFrame:
    """The rows with the column `written`: what was done to a source's stem when others wrote it to a file, as far as it
    shows, with semicolons between; "" where nothing does.

    rows: with `cell` and `source`.
    """
    texts = {address: _written(record.separation.details.get("written")) for address, record in records.items()}
    pairs = zip(rows["cell"].astype(str), rows["source"].astype(str), strict=True)
    return rows.assign(written=[texts.get(cell, {}).get(source, "") for cell, source in pairs])


def with_gains(rows: pandas.DataFrame, records: Mapping[str, CellRecord]) -> pandas.DataFrame:
    """The rows with the columns `at`, "best-gain" where the estimate was multiplied by the number that brings it
    nearest the reference and else "as-is", and `gain`, that number and else 1.

    rows: with `cell` and `source`.
    """
    gains = {address: record.separation.details.get("best_gain") for address, record in records.items()}
    cells, sources = rows["cell"].astype(str), rows["source"].astype(str)
    at = ["best-gain" if gains.get(cell) is not None else "as-is" for cell in cells]
    found = [(gains.get(cell) or {}).get(source, 1.0) for cell, source in zip(cells, sources, strict=True)]
    return rows.assign(at=at, gain=found)


def _written(told: object) -> dict[str, str]:
    """Source → its phrases."""
    if not isinstance(told, Mapping):
        return {}
    return {source: "; ".join(map(str, one.values())) for source, one in told.items() if isinstance(one, Mapping)}


def _of_cell(record: CellRecord) -> list[float]:
    cost = [math.nan if value is None else value for value in record.cost]
    return [float(record.scene.get("gain", math.nan)), record.audio_s or math.nan, *cost]


def angles(scene: SceneFacts) -> dict[str, tuple[float, float, float, float]]:
    """Source → azimuth, azimuth told, elevation, degrees to the nearest other source; empty where nothing is placed.

    An accompaniment that is the sum of others has no place. Nor has a source that moves, and then nobody has a nearest.
    """
    azimuths, elevations = scene.get("azimuths") or {}, scene.get("elevations") or {}
    told = scene.get("told") or {}
    places = {source: (float(angle), float(elevations.get(source, 0.0))) for source, angle in azimuths.items()}
    found = {}
    moves = scene.get("moves", {})
    for source, (azimuth, elevation) in places.items():
        if source in moves:
            found[source] = (math.nan, math.nan, elevation, math.nan)
            continue
        others = [place for other, place in places.items() if other not in (source, ACCOMPANIMENT)]
        nearest = min((apart((azimuth, elevation), place) for place in others if not moves), default=math.nan)
        found[source] = (signed_azimuth(azimuth), signed_azimuth(told.get(source, azimuth)), elevation, nearest)
    return found


def apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The angle in degrees between two directions (azimuth, elevation)."""
    ways = [_way(*np.radians(direction)) for direction in (one, other)]
    # From the chord: arccos loses half the digits where directions are near each other.
    chord = float(np.linalg.norm(ways[0] - ways[1]))
    return math.degrees(2.0 * math.asin(min(1.0, chord / 2.0)))


def _way(azimuth: float, elevation: float) -> Any:
    level = math.cos(elevation)
    return np.array([level * math.cos(azimuth), level * math.sin(azimuth), math.sin(elevation)])
