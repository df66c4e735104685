"""Whether a separator was trained on the songs of a table, by what the stored plan says of both."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from soundstage.heard import Heard, heard, of_all

if TYPE_CHECKING:
    from soundstage.results.records import PlanFacts


def songs_of(facts: PlanFacts, dataset: str) -> tuple[str, ...]:
    """The names that the songs of a data set's label go by, with their split where it has one."""
    entry = dataset.partition("[")[0].strip()
    setting = facts.get("settings", {}).get("datasets", {}).get(dataset)
    if setting is None:
        return (entry,)
    if setting.get("songs"):
        return (setting["songs"],)
    split = setting["parameters"].get("split")
    names = dict.fromkeys((entry, setting["plugin"]))
    return tuple(f"{name}:{split}" if isinstance(split, str) and split else name for name in names)


def trained_on_them(facts: PlanFacts, separator: str, datasets: Collection[str]) -> Heard | Literal[""]:
    """Whether the separator was trained on songs of any of these data sets; empty for what is no separator: oracles
    and floors. Folders of before it was kept state nothing.
    """
    about = facts["separators"][separator]
    if about["role"] != "separator":
        return ""
    stated = about.get("trained_on")
    return of_all([heard(stated, songs_of(facts, dataset)) for dataset in datasets])
