"""A track becomes a scene: placed, rendered, and every array checked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from soundstage.audio import as_samples, read_only
from soundstage.contracts import PlacementRule, Spatializer
from soundstage.draw import Draw
from soundstage.errors import SoundstageError
from soundstage.pipeline.blame import named_as
from soundstage.pipeline.facts import plain_facts
from soundstage.scene import Placement, Scene, Track


def place(rule: PlacementRule, name: str, dataset: str, track: Track, seed: int) -> Placement:
    """Where the track's sources sit. The draw knows seed, dataset, track and placement and nothing else."""
    with named_as(f"placement '{name}', track '{track.id}'"):
        found = rule.place(track.id, tuple(track.stems), Draw(seed, dataset, track.id, name))
    if not isinstance(found, Placement):
        raise SoundstageError(
            f"placement '{name}', track '{track.id}': place() returned {type(found).__name__}, not a Placement"
        )
    missing = [source for source in track.stems if source not in found.azimuths]
    if missing:
        raise SoundstageError(f"placement '{name}', track '{track.id}': no azimuth for {', '.join(missing)}")
    angles = {**found.azimuths, **found.elevations, **found.told}
    wrong = [source for source, angle in angles.items() if not np.isfinite(float(angle))]
    if wrong:
        raise SoundstageError(f"placement '{name}', track '{track.id}': no finite angle for {', '.join(wrong)}")
    return found


def spatialize(spatializer: Spatializer, name: str, track: Track, placement: Placement | None) -> Scene:
    """The rendered scene, checked. Raises SoundstageError naming the spatializer and the track."""
    where = f"spatializer '{name}', track '{track.id}'"
    with named_as(where):
        scene = spatializer.render(track, placement)
    if not isinstance(scene, Scene):
        raise SoundstageError(f"{where}: render() returned {type(scene).__name__}, not a Scene")
    if set(scene.references) != set(track.stems):
        raise SoundstageError(f"{where}: rendered {sorted(scene.references)} of the stems {sorted(track.stems)}")
    mixture = read_only(as_samples(scene.mixture, f"{where}, mixture"))
    references = {
        source: read_only(as_samples(reference, f"{where}, source '{source}'", length=mixture.shape[1]))
        for source, reference in scene.references.items()
    }
    if not isinstance(scene.gain, (int, float, np.floating)) or not np.isfinite(scene.gain):
        raise SoundstageError(f"{where}: the gain is {scene.gain!r}, not a finite number")
    if int(scene.rate) != scene.rate or int(scene.latency) != scene.latency:
        raise SoundstageError(f"{where}: rate {scene.rate!r} and latency {scene.latency!r} must be whole numbers")
    return replace(
        scene,
        rate=int(scene.rate),
        mixture=mixture,
        references=references,
        gain=float(scene.gain),
        latency=int(scene.latency),
        details=plain_facts(scene.details, f"{where}: details"),
    )
