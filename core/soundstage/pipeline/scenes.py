"""A track becomes a scene: placed, rendered, and every array checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from soundstage.audio import Samples, as_samples, read_only
from soundstage.contracts import PlacementRule, Renderer, Spatializer
from soundstage.draw import Draw
from soundstage.errors import SoundstageError
from soundstage.pipeline.blame import named_as
from soundstage.pipeline.facts import plain_facts
from soundstage.scene import Placement, Scene, Track

SUM_TOLERANCE: Final = 1e-6
"""Of the mixture's RMS; single precision is within it."""

RECORDED_DB: Final = 0.1
"""How near the recorded deviation of a dataset's own mixture must be to the one found."""

ROUNDING: Final = 1e-12
"""Of the loudest reference's peak."""

TINY: Final = 1e-100
"""What is between this and its inverse can be squared."""

BLOCK: Final = 1 << 14
"""Samples looked at at once, so that they stay where the processor has them at hand."""


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
    moves = set() if placement is None else set(placement.motions) & set(track.stems)
    if still := sorted(moves - set(scene.details.get("moves", ()))):
        raise SoundstageError(
            f"{where}: {', '.join(still)} should move, and details['moves'] does not say that it renders that; place"
            " sources at rest, or take a spatializer that moves them"
        )
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
    found: Scene = replace(
        scene,
        rate=int(scene.rate),
        mixture=mixture,
        references=references,
        gain=float(scene.gain),
        latency=int(scene.latency),
        details=plain_facts(_with_origin(scene, track), f"{where}: details"),
    )
    _check_sum(found, where)
    return found


def renderer(
    spatializer: Spatializer, name: str, track: Callable[[], Track], placement: Placement | None
) -> Renderer | None:
    """What puts the track's sources elsewhere, by the same spatializer; None where it places nothing.

    track: gives the track, and is asked once something is to be put elsewhere.
    """
    if placement is None or not getattr(spatializer, "uses_placement", True):
        return None

    def images(elsewhere: Placement) -> Mapping[str, Samples]:
        return spatialize(spatializer, name, track(), elsewhere).references

    return Renderer(placement, images)


def _check_sum(scene: Scene, where: str) -> None:
    """Raise SoundstageError where the mixture is not gain × the sum of the references, nor as far off as recorded."""
    scale = 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        deviation, mixture = _deviation(scene, scale)
    if not (TINY < mixture < 1.0 / TINY and deviation < 1.0 / TINY):
        scale = max(_peak(scene.mixture), _loudest(scene)) or 1.0  # so that nothing is squared to zero or infinity
        deviation, mixture = _deviation(scene, scale)
    # Where references cancel, their own rounding is what is left of the sum.
    if (
        deviation <= SUM_TOLERANCE * mixture
        or deviation <= SUM_TOLERANCE * mixture + ROUNDING * _loudest(scene) / scale
    ):
        return
    level = 20.0 * np.log10(deviation / mixture) if mixture > 0.0 else np.inf
    says = f"{level:.1f} dB relative to the mixture" if mixture > 0.0 else "and the mixture is silent"
    if "mixture_minus_sum_db" not in scene.details:
        raise SoundstageError(
            f"{where}: the mixture is not gain ({scene.gain:g}) × the sum of the references; they differ by {says}."
            " Render the mixture from the references, or record a dataset's own mixture in"
            " details['mixture_minus_sum_db']"
        )
    recorded = scene.details["mixture_minus_sum_db"]
    if recorded is None and mixture == 0.0:
        return
    if not isinstance(recorded, (int, float)) or not abs(recorded - level) <= RECORDED_DB:
        raise SoundstageError(
            f"{where}: details['mixture_minus_sum_db'] is {recorded!r}, and the mixture differs from gain"
            f" ({scene.gain:g}) × the sum of the references by {says}; record what it is"
        )


def _deviation(scene: Scene, scale: float) -> tuple[float, float]:
    """The RMS of mixture − gain × sum and that of the mixture, both over the scale.

    In blocks, so that a song takes no more memory than it has.
    """
    length = scene.mixture.shape[1]
    energies = np.zeros(2)
    for start in range(0, length, BLOCK):
        mixture = scene.mixture[:, start : start + BLOCK]
        rest = np.zeros(mixture.shape)
        for image in scene.references.values():
            rest -= image[:, start : start + BLOCK]
        rest *= scene.gain
        rest += mixture
        for index, samples in enumerate((rest, mixture)):
            scaled = samples if scale == 1.0 else samples / scale
            energies[index] += sum(float(row @ row) for row in scaled)
    deviation, energy = np.sqrt(energies / (2.0 * max(length, 1)))
    return float(deviation), float(energy)


def _loudest(scene: Scene) -> float:
    """The peak of the terms of the sum."""
    return abs(scene.gain) * max((_peak(image) for image in scene.references.values()), default=0.0)


def _peak(samples: Samples) -> float:
    return float(max(np.max(samples, initial=0.0), -np.min(samples, initial=0.0)))


def _with_origin(scene: Scene, track: Track) -> Any:
    """What the spatializer says of its work, and what is known of the track that it was given."""
    if not isinstance(scene.details, Mapping):
        return scene.details
    origin: dict[str, Any] = {}
    notices = []
    if track.lossy:
        said = ", ".join(f"{file} ({coding})" for file, coding in track.lossy.items())
        origin["lossy"] = dict(track.lossy)
        notices.append(f"made of lossily coded files: {said}")
    if track.fitted:
        said = ", ".join(f"{file} ({samples} samples)" for file, samples in track.fitted.items())
        origin["fitted"] = dict(track.fitted)
        notices.append(f"made of files of unequal length, cut or silent beyond their end: {said}")
    if notices:
        told = scene.details.get("notices")
        origin["notices"] = [*(told if isinstance(told, list) else []), *notices]
    if scene.placement is None and _is_mono(scene, track):
        origin["channels"] = 1
    return {**scene.details, **origin} if origin else scene.details


def _is_mono(scene: Scene, track: Track) -> bool:
    """Whether the track has one channel and rendering has put the same into both."""
    parts = [*track.stems.values(), *([] if track.mixture is None else [track.mixture])]
    images = [scene.mixture, *scene.references.values()]
    return all(np.shape(part)[0] == 1 for part in parts) and all(np.array_equal(*image) for image in images)
