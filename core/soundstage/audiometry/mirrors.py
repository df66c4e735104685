"""Scenes that are each other's mirror image, by where their sources sit."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from soundstage.audiometry.responses import Responses, Roles, Scene
from soundstage.scene import signed_azimuth


def mirrored_scenes(azimuths: Mapping[Scene, Mapping[str, float]]) -> dict[Scene, Scene]:
    """Each scene → the same track, rendered alike, with every source as far to the other side; where there is one.

    azimuths: of each scene, source → degrees. A scene is a tuple of dataset, track, placement, spatializer and seed.
    """
    found: dict[Scene, Scene] = {}
    for one, places in azimuths.items():
        for other, its in azimuths.items():
            alike = (one[0], one[1], one[3], one[4]) == (other[0], other[1], other[3], other[4])
            if alike and places.keys() == its.keys() and _are_opposite(places, its):
                found[one] = other
                break
    return found


def _are_opposite(places: Mapping[str, float], others: Mapping[str, float]) -> bool:
    return all(abs(signed_azimuth(angle + others[source])) < 1e-6 for source, angle in places.items())


def mirror_difference(of: Responses, roles: Roles, mirrors: Mapping[Scene, Scene]) -> tuple[float, str]:
    """How far a score and that of the mirrored probe in the mirrored scene lie apart, at worst over probes that have
    twins, the median over scores; and the kind of that probe. NaN where there are no twins or no mirrored scenes.
    """
    at = {score: place for place, score in enumerate(of.scores)}
    worst, kind = math.nan, ""
    for label, does in roles.probes.items():
        twin = roles.twin(label)
        if twin is None or label not in of.values or twin not in of.values:
            continue
        apart = [
            abs(of.values[label][place] - of.values[twin][at[mirrors[scene], source]])
            for (scene, source), place in at.items()
            if scene in mirrors and (mirrors[scene], source) in at
        ]
        known = [value for value in apart if not math.isnan(value)]
        if known and not float(np.median(known)) <= worst:
            worst, kind = float(np.median(known)), does["kind"]
    return worst, kind
