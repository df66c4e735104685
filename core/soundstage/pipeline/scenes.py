"""A track becomes a scene: placed, rendered, and every array checked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from soundstage.audio import as_samples, read_only
from soundstage.draw import Draw
from soundstage.errors import SoundstageError
from soundstage.pipeline.blame import named_as
from soundstage.scene import Placement, Scene, Track


def place(rule: Any, name: str, dataset: str, track: Track, seed: int) -> Placement:
    """Where the track's sources sit. The draw knows seed, dataset, track and placement and nothing else."""
    with named_as(f"placement '{name}', track '{track.id}'"):
        found = rule.place(track.id, tuple(track.stems), Draw(seed, dataset, track.id, name))
    missing = [source for source in track.stems if source not in found.azimuths]
    if missing:
        raise SoundstageError(f"placement '{name}', track '{track.id}': no azimuth for {', '.join(missing)}")
    return found  # type: ignore[no-any-return]


def spatialize(spatializer: Any, name: str, track: Track, placement: Placement | None) -> Scene:
    """The rendered scene, checked. Raises SoundstageError naming the spatializer and the track."""
    where = f"spatializer '{name}', track '{track.id}'"
    with named_as(where):
        scene = spatializer.render(track, placement)
    if set(scene.references) != set(track.stems):
        raise SoundstageError(f"{where}: rendered {sorted(scene.references)} of the stems {sorted(track.stems)}")
    mixture = read_only(as_samples(scene.mixture, f"{where}, mixture"))
    references = {
        source: read_only(as_samples(reference, f"{where}, source '{source}'", length=mixture.shape[1]))
        for source, reference in scene.references.items()
    }
    return replace(scene, mixture=mixture, references=references)  # type: ignore[no-any-return]
