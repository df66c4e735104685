"""Which scenes here were made as a publication's: their spatializers, placements and sources, by declaration alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from soundstage.leaderboard.choice import within_group
from soundstage.leaderboard.published.tables import Condition
from soundstage.sources import ACCOMPANIMENT, rest_of
from soundstage.variants import parse_variant

if TYPE_CHECKING:
    from soundstage.results.loading import Results


@dataclass(frozen=True, slots=True)
class Scenes:
    """What a table is of. spatializers, placements: labels; scenes that are not placed have none of the latter.
    sources: what its scenes have scores of, whichever source the table shows. facts: as StoredPlan has them."""

    spatializers: tuple[str, ...]
    placements: tuple[str, ...]
    sources: frozenset[str]
    facts: Mapping[str, Any]

    @property
    def mixture(self) -> frozenset[str]:
        """What their mixtures are made of; an accompaniment beside its parts is but their sum."""
        parts = self.sources - {ACCOMPANIMENT}
        return parts if rest_of(parts) else self.sources


def scenes_of(group: Mapping[str, str], results: Results) -> Scenes:
    """The scenes of the table of a group."""
    cells = within_group(results.cells, group)
    rows = within_group(results.rows, {name: value for name, value in group.items() if name != "source"})
    return Scenes(
        tuple(str(label) for label in cells["spatializer"].unique()),
        tuple(str(label) for label in cells["placement"].unique() if str(label)),
        frozenset(str(source) for source in rows["source"].dropna().unique()),
        results.facts,
    )


def entry_of(label: str) -> str:
    """The entry that a label of the grid is a variant of."""
    return parse_variant(label)[0]


def names_of(facts: Mapping[str, Any], kind: str, label: str) -> set[str]:
    """What a label may be known by: its entry, and its plugin where the plan holds it."""
    setting = _setting(facts, kind, label)
    return {entry_of(label), *([str(setting["plugin"])] if setting else [])}


def _setting(facts: Mapping[str, Any], kind: str, label: str) -> Mapping[str, Any]:
    """The plugin and parameters of a label; empty where the plan does not hold them, as for claims."""
    found: Mapping[str, Any] = facts.get("settings", {}).get(kind, {}).get(label, {})
    return found


def is_rendered_alike(condition: Condition, scenes: Scenes) -> bool:
    """Whether all spatializers of the scenes are declared to render as under that condition, or near it."""
    alike = {*condition.spatializers, *condition.near}
    return bool(scenes.spatializers) and all(
        names_of(scenes.facts, "spatializers", label) & alike for label in scenes.spatializers
    )


def rendered_otherwise(condition: Condition, scenes: Scenes, label: str) -> tuple[str, str]:
    """The parameters in which a spatializer differs from the condition, theirs and ours; empty where in none.

    One that it does not have is passed over.
    """
    held = _setting(scenes.facts, "spatializers", label).get("parameters", {})
    return _unlike({name: value for name, value in condition.params.items() if name in held}, held)


def placed_otherwise(condition: Condition, scenes: Scenes) -> str:
    """Why the condition does not stand beside scenes placed like these, in a sentence; empty where it does.

    A parameter that a placement does not have counts as 0, false or empty. Placements of which the plan holds no
    parameters count as the condition's.
    """
    for label in scenes.placements:
        setting = _setting(scenes.facts, "placements", label)
        if not setting:
            continue
        wanted = condition.placement_params
        theirs, ours = _unlike(wanted, {name: type(value)() for name, value in wanted.items()} | setting["parameters"])
        if theirs:
            remedy = "; --by placement keeps placements apart" if len(scenes.placements) > 1 else ""
            return (
                f"{condition.name}: published with {theirs}, {label} here has {ours}; so it is not set beside{remedy}"
            )
    return ""


def other_placements(condition: Condition, scenes: Scenes) -> Sequence[str]:
    """The placements of the scenes that are not declared to be the condition's; none where it declares none."""
    declared = set(condition.placements)
    return [
        label for label in scenes.placements if declared and not names_of(scenes.facts, "placements", label) & declared
    ]


def _unlike(wanted: Mapping[str, Any], held: Mapping[str, Any]) -> tuple[str, str]:
    """The parameters that are not as wanted, as texts: wanted, and held."""
    other = [name for name, value in wanted.items() if held[name] != value]
    theirs = ", ".join(f"{name} = {wanted[name]}" for name in other)
    ours = ", ".join(f"{name} = {'none' if held[name] is None else held[name]}" for name in other)
    return theirs, ours
