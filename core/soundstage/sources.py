"""Sources, mapped between models and data by name; `accompaniment` is what is left without the vocals."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soundstage.audio import Samples
    from soundstage.scene import Scene

VOCALS = "vocals"
ACCOMPANIMENT = "accompaniment"


@dataclass(frozen=True, slots=True)
class Combined:
    """What an entry declares that a model's stems make, besides being taken by their names."""

    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Source → the stems that it is the sum of, where the scene has the source; of those, such as the scene has
    itself stay what they are."""

    rest: str = ""
    """The source that is the mixture without all that the model returns; empty where none is."""

    def __bool__(self) -> bool:
        return bool(self.sums or self.rest)

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Combined:
        """As `written` has it."""
        return cls({source: tuple(stems) for source, stems in written.get("sums", {}).items()}, written.get("rest", ""))

    @property
    def written(self) -> dict[str, Any]:
        """As an address, a registry and JSON hold it."""
        sums = {source: list(stems) for source, stems in self.sums.items()}
        return ({"sums": sums} if sums else {}) | ({"rest": self.rest} if self.rest else {})

    def on(self, scene: Collection[str] | None) -> Combined:
        """What of it has a say on a scene of these sources; all of it where they are not known."""
        if scene is None or not self:
            return self
        from soundstage.audio_files import fold  # brings numpy, and who lists entries needs none

        there = {fold(source) for source in scene}
        sums = {}
        for source, stems in self.sums.items():
            own = tuple(stem for stem in stems if fold(stem) == fold(source) or fold(stem) not in there)
            if fold(source) in there and any(fold(stem) != fold(source) for stem in own):
                sums[source] = own
        is_derived = self.rest == ACCOMPANIMENT and bool(rest_of(scene))
        return Combined(sums, self.rest if is_derived or fold(self.rest) in there else "")

    def spelt(self, spelling: Callable[[str], str]) -> Combined:
        """With sources spelt so."""
        sums = {spelling(source): tuple(map(spelling, stems)) for source, stems in self.sums.items()}
        return Combined(sums, spelling(self.rest) if self.rest else "")

    def made_of(self, own: Collection[str]) -> tuple[str, ...]:
        """The sources there are of a model of these stems. Raises ValueError, with a phrase, where they do not fit."""
        for source, stems in self.sums.items():
            lacking = [stem for stem in stems if stem not in own]
            if lacking:
                raise ValueError(f"its entry sums {' + '.join(stems)} as {source}, and it has no {', '.join(lacking)}")
        if self.rest in own:
            raise ValueError(f"its entry calls the rest {self.rest}, which it separates itself")
        if self.rest == ACCOMPANIMENT and set(own) != {VOCALS}:
            raise ValueError(
                f"its entry calls the rest {ACCOMPANIMENT}, which is the mixture without the {VOCALS} alone, and it"
                f" separates {', '.join(own)}"
            )
        return tuple(dict.fromkeys([*own, *self.sums, *([self.rest] if self.rest else [])]))


AS_NAMED = Combined()
"""Nothing is combined: stems are taken by their names."""


def rest_of(sources: Collection[str]) -> tuple[str, ...]:
    """The sources that make the accompaniment: all but the vocals; none where it is no sum of others."""
    if ACCOMPANIMENT in sources or VOCALS not in sources:
        return ()
    return tuple(source for source in sources if source != VOCALS)


def wanted(scene: Collection[str], declared: Collection[str] | None) -> tuple[str, ...]:
    """The sources to estimate: the scene's that the model has, its own accompaniment or a sum included.

    A model of vocals and accompaniment, on a scene of several instruments, is asked for those two.
    """
    if declared is None:
        return tuple(scene)
    own = [source for source in scene if source in declared]
    if ACCOMPANIMENT in scene and ACCOMPANIMENT not in own and rest_of(declared):
        own.append(ACCOMPANIMENT)
    if ACCOMPANIMENT in declared and rest_of(scene) and own == [VOCALS]:
        own.append(ACCOMPANIMENT)
    return tuple(own)


def complete(
    images: Mapping[str, Samples], sources: Collection[str], combined: Combined = AS_NAMED
) -> tuple[dict[str, Samples], dict[str, list[str]]]:
    """The images of the sources, and the summands of each that is a sum of others.

    Sums are those declared, and the accompaniment where it is wanted and not among the images. What is called the rest
    is the sum of all images here, which the mixture is yet to be less by.
    """
    derived = {source: list(stems) for source, stems in combined.sums.items() if source in sources}
    if ACCOMPANIMENT in sources and rest_of(images):
        derived[ACCOMPANIMENT] = list(rest_of(images))
    summed = {**derived, **({combined.rest: list(images)} if combined.rest in sources else {})}
    return {
        source: _sum(images, summed[source]) if source in summed else images[source]
        for source in sources
        if source in summed or source in images
    }, derived


def _sum(images: Mapping[str, Samples], summands: Collection[str]) -> Samples:
    first, *others = summands
    return sum((images[source] for source in others), images[first].copy())


def scored(scene: Scene, estimated: Collection[str]) -> Scene:
    """The scene to score estimates of these sources against.

    Where they hold an accompaniment that the scene lacks, its references are the vocals and the sum of the others.
    """
    if ACCOMPANIMENT not in estimated or ACCOMPANIMENT in scene.references:
        return scene
    summands = rest_of(scene.references)
    total = sum((scene.references[source] for source in summands[1:]), scene.references[summands[0]].copy())
    total.flags.writeable = False
    return replace(scene, references={VOCALS: scene.references[VOCALS], ACCOMPANIMENT: total})
