"""A scene's mixture becomes estimates: the separator is given what it declared and nothing else, and what comes back
is checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from soundstage.audio import Samples, as_samples, fit_length, read_only, resample
from soundstage.audio_files import fold
from soundstage.contracts import CellName, Renderer, Separator
from soundstage.errors import SoundstageError, suggestion
from soundstage.pipeline.blame import named_as
from soundstage.pipeline.declared import Declared, declared
from soundstage.pipeline.facts import plain_facts
from soundstage.pipeline.written import sentences, traces
from soundstage.scene import Placement, Scene
from soundstage.sources import ACCOMPANIMENT, AS_NAMED, VOCALS, Combined, complete, rest_of, wanted


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """What a separator made of a scene."""

    images: Mapping[str, Samples]
    """Source → samples, (2, samples)."""

    details: Mapping[str, Any]
    """What the separator tells of how it did that, for the provenance."""


def separate(
    separator: Separator,
    name: str,
    scene: Scene,
    cell: CellName,
    combined: Combined = AS_NAMED,
    renderer: Renderer | None = None,
) -> Estimates:
    """What the separator makes of the scene's mixture, checked, at the scene's rate and length.

    The separator gets a copy of the mixture and what it declared in `needs`, nothing else. Unnamed outputs are assigned
    by the best SI-SDR permutation. Sources it does not declare are left out; `accompaniment` is derived, see
    soundstage.sources. combined: what its entry declares that its stems make. renderer: what it is handed where it
    needs one. Raises SoundstageError naming the separator, the track and the shape where what comes back is wrong.
    """
    where = f"separator '{name}', track '{cell.track}'"
    length = scene.mixture.shape[1]
    combined = combined.on(scene.references)
    with named_as(where):
        about = declared(separator)
    if combined and (not about.named or about.may_lack or about.sources is None):
        raise SoundstageError(f"{where}: its entry combines stems, and it does not declare which it has")
    rate = about.rate or scene.rate
    details: dict[str, Any] = {}
    derived: dict[str, list[str]] = {}
    mixture = resample(scene.mixture, scene.rate, rate).copy()
    if rate != scene.rate:
        details["resampled"] = {"from": scene.rate, "to": rate, "by": "soxr VHQ, and back"}
    needed = _needed(about, scene, cell, rate, renderer)
    with named_as(where):
        found = separator.separate(mixture, rate, **needed)
    sources: tuple[str, ...] = ()
    if about.named:
        spelling = _spelling(scene)
        about, found = _spelt(about, found, spelling)
        combined = combined.spelt(spelling)
        images, sources = _named(found, about, combined, scene, where)
    else:
        images = _unnamed(found, where)
    at_rate = mixture.shape[1]
    checked = {key: as_samples(image, f"{where}, source '{key}'", length=at_rate) for key, image in images.items()}
    told = plain_facts(getattr(separator, "details", None), f"{where}: details")
    notices = told.get("notices")
    notices = [*(notices if isinstance(notices, list) else [])]
    if about.from_files and about.named and rate == scene.rate:
        details["written"] = traces(checked, scene)
        notices += sentences(details["written"])
    if about.named:
        checked, derived = complete(checked, sources, combined)
    if rate != scene.rate:
        checked = {key: fit_length(resample(image, rate, scene.rate), length) for key, image in checked.items()}
    if combined.rest in sources:
        checked[combined.rest] = scene.mixture - checked[combined.rest]
        derived[combined.rest] = ["mixture", *(f"-{source}" for source in images)]
    if derived:
        details["derived"] = derived
    if not about.named:
        checked, mean = assign(checked, scene.references)
        details["assigned"] = {"by": "best SI-SDR permutation", "mean_si_sdr_db": round(mean, 3)}
    if combined:
        notices += _combined(derived, combined)
    if notices:
        details["notices"] = notices
    whole = {key: read_only(np.ascontiguousarray(image)) for key, image in checked.items()}
    return Estimates(whole, {**told, **details})


def _combined(derived: Mapping[str, Sequence[str]], combined: Combined) -> Iterator[str]:
    """What readers of the scores are told of the stems that the entry combines."""
    for source in combined.sums:
        if source in derived:
            yield f"its {source} is the sum of its {' and '.join(derived[source])}, as its entry declares"
    if combined.rest in derived:
        taken = [source.removeprefix("-") for source in derived[combined.rest][1:]]
        yield f"its {combined.rest} is the mixture without its {' and '.join(taken)}"


def _needed(about: Declared, scene: Scene, cell: CellName, rate: int, renderer: Renderer | None) -> dict[str, Any]:
    """What the separator declared it needs. References come at the separator's rate, like the mixture."""
    needed: dict[str, Any] = {}
    for need in about.needs:
        if need == "sources":
            needed[need] = tuple(scene.references)
        elif need == "source_count":
            needed[need] = len(scene.references)
        elif need == "references":
            needed[need] = {
                source: resample(reference, scene.rate, rate).copy() for source, reference in scene.references.items()
            }
        elif need == "gain":
            needed[need] = scene.gain
        elif need == "placement":
            needed[need] = None if scene.placement is None else scene.placement.as_told()
        elif need == "renderer":
            needed[need] = None if renderer is None else _at_rate(renderer, scene.rate, rate)
        else:
            needed[need] = cell
    return needed


def _at_rate(renderer: Renderer, scene_rate: int, rate: int) -> Renderer:
    def images(placement: Placement) -> dict[str, Samples]:
        found = renderer.images(placement)
        return {source: resample(image, scene_rate, rate).copy() for source, image in found.items()}

    return Renderer(renderer.placement, images)


def _named(
    found: Any, about: Declared, combined: Combined, scene: Scene, where: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The images that are needed, and the sources that are wanted of them."""
    if not isinstance(found, Mapping):
        raise SoundstageError(f"{where}: returned {type(found).__name__}, not a mapping of source to array")
    if about.may_lack:
        return _partial(found, scene, where)
    try:
        sources = combined.made_of(about.sources or ()) if combined else about.sources
    except ValueError as error:
        raise SoundstageError(f"{where}: {error}; correct its entry") from None
    expected = wanted(tuple(scene.references), sources)
    needed = list(expected)
    if about.sources is not None and (combined or any(source not in about.sources for source in expected)):
        needed = list(about.sources)  # what is a sum is one of what the model has
    missing = [source for source in needed if source not in found]
    if missing:
        raise SoundstageError(
            f"{where}: no estimate of {', '.join(missing)}; it returned {', '.join(map(str, found)) or 'nothing'}."
            " Return every source it declares, or declare `sources`"
        )
    if not expected:
        raise SoundstageError(
            f"{where}: it separates {', '.join(about.sources or ())}, and the track has {', '.join(scene.references)}"
        )
    known = set(scene.references) | set(about.sources or ())
    for source in found:
        if source not in known:
            raise SoundstageError(
                f"{where}: returned '{source}', which was not asked for{suggestion(str(source), known)}"
            )
    return {source: found[source] for source in needed}, expected


def _partial(found: Mapping[Any, Any], scene: Scene, where: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """As `_named`, of a separator that may lack some of the scene's sources: those that it returned."""
    known = [*scene.references]
    if rest_of(known) and set(found) == {VOCALS, ACCOMPANIMENT}:
        known = [VOCALS, ACCOMPANIMENT]
    for source in found:
        if source not in known:
            raise SoundstageError(f"{where}: returned '{source}', which was not asked for")
    if not found:
        raise SoundstageError(f"{where}: returned no estimate of {', '.join(scene.references)}; return one at least")
    sources = tuple(source for source in known if source in found)
    return {source: found[source] for source in sources}, sources


def _spelling(scene: Scene) -> Callable[[Any], Any]:
    """Spells a source as the scene does: `vocals` is its `Vocals`, if it has no other."""
    spelt: dict[str, str] = {}
    for source in scene.references:
        spelt[fold(source)] = source if fold(source) not in spelt else ""

    def of(name: Any) -> Any:
        return name if not isinstance(name, str) or name in scene.references else spelt.get(fold(name)) or name

    return of


def _spelt(about: Declared, found: Any, spelling: Callable[[Any], Any]) -> tuple[Declared, Any]:
    """What is declared and returned, with sources spelt as the scene spells them."""
    if not isinstance(found, Mapping):
        return about, found
    sources = None if about.sources is None else tuple(map(spelling, about.sources))
    return replace(about, sources=sources), {spelling(name): image for name, image in found.items()}


def _unnamed(found: Any, where: str) -> dict[str, Any]:
    if isinstance(found, Mapping):
        found = list(found.values())
    if not isinstance(found, Sequence) and np.ndim(found) != 3:
        raise SoundstageError(f"{where}: returned {type(found).__name__}, not a sequence of (2, samples) images")
    if not len(found):
        raise SoundstageError(f"{where}: returned no image at all")
    return {f"output {index + 1}": image for index, image in enumerate(found)}


def assign(images: Mapping[str, Samples], references: Mapping[str, Samples]) -> tuple[dict[str, Samples], float]:
    """Unnamed images given to the sources so that the mean SI-SDR over channels and sources is best.

    Where there are fewer images than sources the sources left over get none; more, and the worst images are dropped.
    Returns source → image and the mean SI-SDR in dB of that assignment, each pair's bounded to ±100 dB.
    """
    from scipy.optimize import linear_sum_assignment

    outputs, sources = list(images), list(references)
    table = np.array([[bounded_si_sdr(references[source], images[output]) for output in outputs] for source in sources])
    rows, columns = linear_sum_assignment(table, maximize=True)
    order = sorted(zip(rows.tolist(), columns.tolist(), strict=True))
    return {sources[row]: images[outputs[column]] for row, column in order}, float(table[rows, columns].mean())


def bounded_si_sdr(reference: Samples, estimate: Samples) -> float:
    """Channel-mean SI-SDR in dB within ±100; channels whose reference is silent do not count."""
    values = []
    for s, e in zip(reference, estimate, strict=True):
        energy = float(s @ s)
        if energy == 0.0:
            continue
        projected = float(s @ e) ** 2 / energy
        residual = max(float(e @ e) - projected, 0.0)
        ratio = projected / residual if residual else (math.inf if projected else 0.0)
        values.append(10 * math.log10(min(max(ratio, 1e-10), 1e10)))
    return sum(values) / len(values) if values else -100.0
