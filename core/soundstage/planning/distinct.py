"""Whether every scene is given estimates of its own: of separators that look up which cell they are asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from soundstage.contracts import CellName
from soundstage.errors import SoundstageError
from soundstage.planning.plan import SceneSpec

AXES = ("dataset", "track", "spatializer", "placement", "seed")
"""The attributes of CellName, in the order in which a person would tell two scenes apart."""


def check_distinct(scenes: Sequence[SceneSpec], separators: Mapping[str, object]) -> None:
    """Raise SoundstageError where a separator would look the same estimates up for two scenes.

    separators: label → instance; asked are those that say what they distinguish, see soundstage.contracts.Separator.
    """
    for label, instance in separators.items():
        told = getattr(instance, "distinguishes", None)
        if not isinstance(told, (frozenset, set, tuple, list)):
            continue
        known = [axis for axis in AXES if axis in told]
        first: dict[tuple[object, ...], CellName] = {}
        for scene in scenes:
            name = scene.name
            other = first.setdefault(tuple(getattr(name, axis) for axis in known), name)
            differing = [axis for axis in AXES if getattr(other, axis) != getattr(name, axis)]
            if differing:
                axis = differing[0]
                raise SoundstageError(
                    f"separator '{label}': it would give the same estimates for {axis} '{getattr(other, axis)}' and for"
                    f" {axis} '{getattr(name, axis)}' (track '{name.track}'); tell them apart by {{{axis}}} in its"
                    f" layout, or give each a grid of its own"
                )
