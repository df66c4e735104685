"""One cell: spatialize, separate, score. Pure functions of their arguments, and every array checked on its way."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from soundstage.audio import Samples, as_samples, fit_length, read_only, resample
from soundstage.contracts import NEEDS, SKIPPED, CellName, Measure, Score, Scorer
from soundstage.draw import Draw
from soundstage.errors import Crashed, NotInstalled, OutOfMemory, SoundstageError, suggestion
from soundstage.excerpt import Excerpt
from soundstage.scene import Placement, Scene, Track
from soundstage.sources import ACCOMPANIMENT, complete, wanted


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """What a separator made of a scene: source → (2, samples), and facts for the provenance."""

    images: Mapping[str, Samples]
    details: Mapping[str, Any]


@contextmanager
def named_as(where: str) -> Iterator[None]:
    """Makes whatever a plugin raises begin with the plugin and the track."""
    try:
        yield
    except SoundstageError as error:
        said = where.rpartition(", ")[2]  # plugins name the track too, for those who call them directly
        text = str(error).removeprefix(said).lstrip(",: ")
        kind = type(error) if isinstance(error, (NotInstalled, OutOfMemory, Crashed)) else SoundstageError
        raise kind(f"{where}: {text}") from error
    except (Exception, SystemExit) as error:
        kind = OutOfMemory if _is_out_of_memory(error) else SoundstageError
        raise kind(f"{where}: {type(error).__name__}: {error}") from error


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: Python's, numpy's, or torch's, which has exceptions of its own for GPU and CPU."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "DefaultCPUAllocator: can't allocate" in str(error)
    )


def extent(dataset: Any, name: str, track_id: str) -> tuple[int, int]:
    """A track's rate in Hz and its samples, from headers where the dataset can tell. Raises SoundstageError."""
    if hasattr(dataset, "extent"):
        with named_as(f"dataset '{name}', track '{track_id}'"):
            rate, samples = dataset.extent(track_id)
        return int(rate), int(samples)
    return _extent_of(load_track(dataset, name, track_id))


def load_excerpt(
    dataset: Any, name: str, track_id: str, entry: str, excerpt: Excerpt, chunk: int | None
) -> tuple[Track, dict[str, Any]]:
    """The excerpt of a track, checked, and where it lies, for the provenance. entry: the dataset's registry name.

    Where the dataset can read parts no more is decoded than the part, or than what the search for the loudest takes.
    """
    reads_parts = hasattr(dataset, "load_part")
    whole = None if reads_parts and hasattr(dataset, "extent") else load_track(dataset, name, track_id)
    rate, samples = _extent_of(whole) if whole else extent(dataset, name, track_id)
    if chunk is not None:
        start, stop = excerpt.chunks(rate, samples)[chunk]
    else:

        def stems(first: int, end: int) -> Mapping[str, Samples]:
            if whole is not None:
                return {source: stem[:, first:end] for source, stem in whole.stems.items()}
            return _checked_track(lambda: dataset.load_part(track_id, first, end), name, track_id).stems

        start, stop = excerpt.window(entry, track_id, rate, samples, stems)
    if whole is not None:
        part = _cut(whole, start, stop)
    else:
        part = _checked_track(lambda: dataset.load_part(track_id, start, stop), name, track_id)
    facts: dict[str, Any] = {"start_s": start / rate, "seconds": (stop - start) / rate, "where": excerpt.where}
    if stop - start < round(excerpt.seconds * rate):
        facts["note"] = f"shorter than the {excerpt.seconds:g} s asked for"
    return part, facts


def blocks(dataset: Any, name: str, track_id: str, seconds: int) -> Iterator[Track]:
    """The track in consecutive parts of so many seconds, each checked; in one where the dataset cannot read parts."""
    if not hasattr(dataset, "load_part") or not hasattr(dataset, "extent"):
        yield load_track(dataset, name, track_id)
        return
    rate, samples = extent(dataset, name, track_id)
    for start in range(0, samples, seconds * rate):
        stop = min(start + seconds * rate, samples)
        yield _checked_track(partial(dataset.load_part, track_id, start, stop), name, track_id)


def _extent_of(track: Track) -> tuple[int, int]:
    return track.rate, next(iter(track.stems.values())).shape[1]


def _cut(track: Track, start: int, stop: int) -> Track:
    stems = {source: stem[:, start:stop] for source, stem in track.stems.items()}
    mixture = None if track.mixture is None else track.mixture[:, start:stop]
    return replace(track, stems=stems, mixture=mixture)


def load_track(dataset: Any, name: str, track_id: str) -> Track:
    """The track, checked: one or two channels a stem, equal lengths, finite. Raises SoundstageError saying where."""
    return _checked_track(lambda: dataset.load(track_id), name, track_id)


def _checked_track(load: Callable[[], Any], name: str, track_id: str) -> Track:
    where = f"dataset '{name}', track '{track_id}'"
    with named_as(where):
        track = load()
    if not isinstance(track, Track):
        raise SoundstageError(f"{where}: load() returned {type(track).__name__}, not a Track")
    if not track.stems:
        raise SoundstageError(f"{where} has no stems; add at least one audio file a source")
    lengths = set()
    arrays = {f"stem '{source}'": stem for source, stem in track.stems.items()}
    if track.mixture is not None:
        arrays["mixture"] = track.mixture
    for what, array in arrays.items():
        channels = np.shape(array)[0] if np.ndim(array) == 2 else 0
        if channels not in (1, 2):
            raise SoundstageError(f"{where}, {what}: shape {np.shape(array)} where one or two channels were expected")
        as_samples(array, f"{where}, {what}", channels=channels)
        lengths.add(np.shape(array)[1])
    if len(lengths) > 1:
        found = ", ".join(f"{what} {np.shape(array)[1]}" for what, array in arrays.items())
        raise SoundstageError(f"{where}: stems of unequal length ({found} samples); cut or pad them to one length")
    if lengths == {0}:
        raise SoundstageError(f"{where}: the stems hold no samples")
    return track


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


def separate(separator: Any, name: str, scene: Scene, cell: CellName) -> Estimates:
    """What the separator makes of the scene's mixture, checked, at the scene's rate and length.

    The separator gets a copy of the mixture and what it declared in `needs`, nothing else. Unnamed outputs are assigned
    by the best SI-SDR permutation. Sources it does not declare are left out; `accompaniment` is derived, see
    soundstage.sources. Raises SoundstageError naming the separator, the track and the shape where what comes back is
    wrong.
    """
    where = f"separator '{name}', track '{cell.track}'"
    length = scene.mixture.shape[1]
    rate = getattr(separator, "rate", None) or scene.rate
    details: dict[str, Any] = {}
    mixture = resample(scene.mixture, scene.rate, rate).copy()
    if rate != scene.rate:
        details["resampled"] = {"from": scene.rate, "to": rate, "by": "soxr VHQ, and back"}
    needed = _needed(separator, scene, cell, rate)
    with named_as(where):
        found = separator.separate(mixture, rate, **needed)
    named = bool(getattr(separator, "named", True))
    sources: tuple[str, ...] = ()
    if named:
        images, sources = _named(found, separator, scene, where)
    else:
        images = _unnamed(found, where)
    at_rate = mixture.shape[1]
    checked = {key: as_samples(image, f"{where}, source '{key}'", length=at_rate) for key, image in images.items()}
    if named:
        checked, summands = complete(checked, sources)
        if summands:
            details["derived"] = {ACCOMPANIMENT: list(summands)}
    if rate != scene.rate:
        checked = {key: fit_length(resample(image, rate, scene.rate), length) for key, image in checked.items()}
    if not named:
        checked, mean = assign(checked, scene.references)
        details["assigned"] = {"by": "best SI-SDR permutation", "mean_si_sdr_db": round(mean, 3)}
    return Estimates(
        {key: read_only(image) for key, image in checked.items()}, {**getattr(separator, "details", {}), **details}
    )


def _needed(separator: Any, scene: Scene, cell: CellName, rate: int) -> dict[str, Any]:
    """What the separator declared it needs. References come at the separator's rate, like the mixture."""
    needed: dict[str, Any] = {}
    for need in getattr(separator, "needs", ()):
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
        elif need == "cell":
            needed[need] = cell
        else:
            raise SoundstageError(f"unknown need '{need}'; the needs are {', '.join(NEEDS)}")
    return needed


def _named(found: Any, separator: Any, scene: Scene, where: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The images that are needed, and the sources that are wanted of them."""
    if not isinstance(found, Mapping):
        raise SoundstageError(f"{where}: returned {type(found).__name__}, not a mapping of source to array")
    declared = getattr(separator, "sources", None)
    expected = wanted(tuple(scene.references), declared)
    needed = list(expected)
    if declared is not None and any(source not in declared for source in expected):
        needed = list(declared)  # the accompaniment is a sum of what the model has
    missing = [source for source in needed if source not in found]
    if missing:
        raise SoundstageError(
            f"{where}: no estimate of {', '.join(missing)}; it returned {', '.join(map(str, found)) or 'nothing'}."
            " Return every source it declares, or declare `sources`"
        )
    if not expected:
        raise SoundstageError(
            f"{where}: it separates {', '.join(declared or ())}, and the track has {', '.join(scene.references)}"
        )
    known = set(scene.references) | set(declared or ())
    for source in found:
        if source not in known:
            raise SoundstageError(
                f"{where}: returned '{source}', which was not asked for{suggestion(str(source), known)}"
            )
    return {source: found[source] for source in needed}, expected


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
    table = np.array(
        [[_bounded_si_sdr(references[source], images[output]) for output in outputs] for source in sources]
    )
    rows, columns = linear_sum_assignment(table, maximize=True)
    order = sorted(zip(rows.tolist(), columns.tolist(), strict=True))
    return {sources[row]: images[outputs[column]] for row, column in order}, float(table[rows, columns].mean())


def _bounded_si_sdr(reference: Samples, estimate: Samples) -> float:
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


def prepare(metric: Any, name: str, track: str, scene: Scene) -> Scorer:
    """The metric's scorer of estimates of this scene. Raises SoundstageError naming the metric and the track."""
    with named_as(f"metric '{name}', track '{track}'"):
        scorer: Scorer = metric.prepare(scene)
    return scorer


def skipped(measures: Mapping[str, Measure], name: str, scene: Scene, estimates: Estimates) -> list[Score]:
    """A row without a value for every measure of a source of the scene that the separator does not have."""
    return [
        Score(source, measure, math.nan, note=f"{SKIPPED}{name} separates no {source}", ranked=False)
        for source in scene.references
        if source not in estimates.images
        for measure in measures
    ]


def score(scorer: Scorer, measures: Mapping[str, Measure], name: str, track: str, estimates: Estimates) -> list[Score]:
    """The metric's rows for these estimates, checked against what it declares. Raises SoundstageError naming it."""
    where = f"metric '{name}', track '{track}'"
    with named_as(where):
        rows = list(scorer(estimates.images))
    rows = [_checked(row, where) for row in rows]
    seen = set()
    for row in rows:
        if row.name not in measures:
            raise SoundstageError(
                f"{where}: returned '{row.name}', which it does not declare{suggestion(row.name, measures)}"
            )
        if row.source not in estimates.images:
            raise SoundstageError(f"{where}: returned a score of '{row.source}', which was not estimated")
        if math.isnan(row.value) and not row.note:
            raise SoundstageError(f"{where}, source '{row.source}': {row.name} is NaN without a reason; give a note")
        if math.isinf(row.value):
            raise SoundstageError(f"{where}, source '{row.source}': {row.name} is infinite; return NaN and a reason")
        key = (row.source, row.name, row.frame)
        if key in seen:
            raise SoundstageError(f"{where}: returned {row.name} of '{row.source}', frame {row.frame}, twice")
        seen.add(key)
    for source, measure in itertools.product(estimates.images, measures):
        if (source, measure, None) not in seen:
            raise SoundstageError(
                f"{where}: no whole-track {measure} of '{source}'; return NaN and a reason where there is none"
            )
    return rows


def _checked(row: Any, where: str) -> Score:
    if not isinstance(row, Score):
        raise SoundstageError(f"{where}: returned {type(row).__name__}, not Score")
    return replace(row, value=float(row.value))
