"""Sources, mapped between models and data by name; `accompaniment` is what is left without the vocals."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from soundstage.audio import Samples
from soundstage.scene import Scene

VOCALS = "vocals"
ACCOMPANIMENT = "accompaniment"


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


def complete(images: Mapping[str, Samples], sources: Collection[str]) -> tuple[dict[str, Samples], tuple[str, ...]]:
    """The images of the sources, the accompaniment summed where it is wanted and not among them, and its summands."""
    found = {source: images[source] for source in sources if source in images}
    summands = rest_of(images) if ACCOMPANIMENT in sources else ()
    if summands:
        found[ACCOMPANIMENT] = sum((images[source] for source in summands[1:]), images[summands[0]].copy())
    return found, summands


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
