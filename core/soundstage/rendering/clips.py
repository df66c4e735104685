"""Clips of a grid's scenes to listen to: mixture, references, and what every separator made of them, side by side.

Kept estimates are used where there are any. Of the others the scene is rendered and separated again, from the stored
plan planned again; only cells whose addresses are still the stored ones count: what is heard is what was scored.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np

from soundstage.audio import Samples
from soundstage.catalogue.registry import Choice, Registry
from soundstage.contracts import CellName
from soundstage.errors import ConsentMissing, SoundstageError, StorageError, storable
from soundstage.planning.consent import check_consent, own_scripts
from soundstage.planning.lock import differences, parts, plan_again
from soundstage.planning.plan import CellSpec, SceneSpec
from soundstage.rendering.clip_files import ClipFiles, Form
from soundstage.rendering.cue_traces import Trace, trace
from soundstage.results.examples import Curve, Example
from soundstage.results.records import StoredPlan
from soundstage.results.store import Store
from soundstage.running.workbench import Workbench, discarding
from soundstage.running.worker import KeptEstimates, Worker
from soundstage.scene import Scene, signed_azimuth
from soundstage.sources import scored

WORST = 10
"""Of each separator, so many of its worst seconds are listed."""

_LOUD_STEP_S = 0.1


class Clips(TypedDict):
    """What there is to listen to of a scene: ids of files, each `<id>.js` in the folder of clips."""

    mixture: str
    references: dict[str, str]  # source → id
    estimates: dict[str, dict[str, str]]  # separator → source → id
    residuals: NotRequired[dict[str, dict[str, str]]]  # the same, where they cannot be had from the two others


class WorstSecond(TypedDict):
    """A frame with one of a separator's worst values within the clip."""

    separator: str
    source: str
    at_s: float  # from the beginning of the clip to that of the frame
    value: float


class FrameCurve(TypedDict):
    """A measure's frames within the clip; None where a frame has no value that counts."""

    separator: str
    source: str
    at_s: list[float]  # where each frame begins, which may be before the clip does
    values: list[float | None]


class Measured(TypedDict):
    """The measure that curves and worst seconds are of."""

    label: str
    unit: str
    higher_is_better: bool


class Listening(TypedDict):
    """One scene's clip, as the page is given it. Names are as data and plugins have them: untrusted text."""

    id: str  # "clip-1", …: for the page
    dataset: str
    track: str
    placement: str
    spatializer: str
    seed: int
    why: list[str]
    about: list[str]  # the separators that the scene is an example of
    rate: int  # Hz, of the files
    start_s: float  # where in the scene the clip begins
    seconds: float
    azimuths: dict[str, float] | None  # degrees, 0 in front, 90 left; None where nothing is placed
    elevations: dict[str, float] | None
    gain: float  # the mixture is this times the sum of the references
    sources: list[str]
    separators: list[str]
    clips: Clips
    scale: dict[str, float]  # id → what decoded samples are multiplied by to be at their true level
    traces: dict[str, Trace]  # id → cues of references and estimates
    measure: Measured | None
    curves: list[FrameCurve]
    worst: list[WorstSecond]


@dataclass(frozen=True, slots=True)
class Heard:
    """What can be listened to. notes: a sentence for each thing that cannot, and why."""

    listening: tuple[Listening, ...]
    notes: tuple[str, ...]


def write_clips(
    path: str | Path,
    folder: Path,
    examples: Sequence[Example],
    *,
    grid: str = "",
    separators: Sequence[str] = (),
    seconds: float = 10.0,
    form: Form = "flac",
    device: str = "auto",
    data: Mapping[str, Path] | None = None,
    registry: Collection[str | Path] = (),
    trust: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> Heard:
    """Write the clips of these scenes of the results folder into `folder`, and say what they are.

    separators: whose estimates, by label; all by default. seconds: how long a clip is, around the worst second of the
    separators that the scene is an example of, or else the loudest. form: `flac`, from which a page makes residuals by
    itself, or `opus`, half the size, residuals included. grid, device, data, registry, trust: as `soundstage verify`
    takes them. Nothing is written into the results folder. Whatever keeps a clip from being made costs that clip and is
    said. Raises SoundstageError where the folder holds no such grid, StorageError where clips cannot be written.
    """
    store = Store(path).open_existing()
    stored = store.plan(grid)
    making = _Making(store, ClipFiles(Path(folder), form), seconds, device, trust)
    try:
        scenes = making.planned(stored, data or {}, registry)
    except StorageError:
        raise
    except SoundstageError as error:
        return Heard((), (f"nothing can be listened to: {error}",))
    listening: list[Listening] = []
    for example in examples:
        cells = scenes.get(example.scene, [])
        if separators:
            cells = [cell for cell in cells if cell.separator.label in separators]
        progress(f"clips of {example.scene.track} · {example.scene.spatializer}")
        made = making.listening(example, cells, f"clip-{len(listening) + 1}")
        if made is not None:
            listening.append(made)
    return Heard(tuple(listening), tuple(dict.fromkeys(making.notes)))


@dataclass(slots=True)
class _Making:
    """Clips being made."""

    store: Store
    files: ClipFiles
    seconds: float
    device: str
    trust: bool
    notes: list[str] = field(default_factory=list)
    _scripts: Collection[str] = ()
    _worker: Worker = field(init=False)

    def __post_init__(self) -> None:
        bench = Workbench(self.device, discarding)
        self._worker = Worker(bench, "clips", KeptEstimates(self.store.path))

    def planned(
        self, stored: StoredPlan, data: Mapping[str, Path], registry: Collection[str | Path]
    ) -> dict[CellName, list[CellSpec]]:
        """The scenes of the grid, each with its cells, planned again. Raises SoundstageError."""
        name = stored.facts["name"]
        recipe = stored.facts.get("recipe")
        if not recipe:
            raise SoundstageError(f"grid '{name}' was stored without what makes it again, as others' scores are")
        known = Registry.load([Path(file) for file in registry])
        self._scripts = own_scripts(known)
        plan = plan_again(name, recipe, data, known)
        addresses = set(stored.cells["cell"].to_pylist())
        scenes: dict[CellName, list[CellSpec]] = {}
        for cell in plan.cells:
            if cell.address in addresses:
                scenes.setdefault(cell.scene.name, []).append(cell)
        if any(cell.address not in addresses for cell in plan.cells):
            changed = "; ".join(differences(recipe["parts"], parts(plan))) or "its cells are others"
            self.notes.append(f"what is not here what was run has no clips: {changed}")
        return scenes

    def listening(self, example: Example, cells: Sequence[CellSpec], name: str) -> Listening | None:
        """One scene's clips; None, and a note, where it cannot be rendered."""
        where = f"{example.scene.track} · {example.scene.spatializer}"
        if not cells:
            self.notes.append(f"{where}: no clips, for nothing of it is here what was run")
            return None
        try:
            scene = self._scene(cells[0].scene)
        except StorageError:
            raise
        except Exception as error:
            self.notes.append(storable(f"{where}: no clips, for it cannot be rendered: {error}"))
            return None
        length, rate = scene.mixture.shape[1], scene.rate
        start, stop = _window(example, scene, self.seconds)
        references = _cut(scene.references, start, stop)
        made: dict[str, dict[str, Samples]] = {}
        for cell in cells:
            images = self._estimates(cell)
            if images:  # of which no more than the clip is held: whole songs of many models take gigabytes
                made[cell.separator.label] = _cut(images, start, stop)
                if any(source not in references for source in images):
                    references |= _cut(scored(scene, images).references, start, stop)
        clips, traces = self._written(scene.mixture[:, start:stop], references, made, scene.gain, rate)
        seconds = length / rate
        curves = [curve for curve in example.curves if curve.separator in made]
        placed = scene.placement
        return {
            "id": name,
            "dataset": example.scene.dataset,
            "track": example.scene.track,
            "placement": example.scene.placement,
            "spatializer": example.scene.spatializer,
            "seed": example.scene.seed,
            "why": list(example.why),
            "about": list(example.about),
            "rate": self.files.rate(rate),
            "start_s": round(start / rate, 3),
            "seconds": round((stop - start) / rate, 3),
            "azimuths": {s: round(signed_azimuth(a), 2) for s, a in placed.azimuths.items()} if placed else None,
            "elevations": {s: round(placed.elevation(s), 2) for s in placed.azimuths} if placed else None,
            "gain": scene.gain,
            "sources": list(references),
            "separators": list(made),
            "clips": clips,
            "scale": {file: self.files.scale[file] for file in sorted(_files(clips))},
            "traces": traces,
            "measure": _measured(curves),
            "curves": [_within(curve, seconds, start / rate, stop / rate) for curve in curves],
            "worst": list(_worst(curves, seconds, start / rate, stop / rate)),
        }

    def _written(
        self,
        mixture: Samples,
        references: Mapping[str, Samples],
        made: Mapping[str, Mapping[str, Samples]],
        gain: float,
        rate: int,
    ) -> tuple[Clips, dict[str, Trace]]:
        """The clips of one scene, written, and the cues of references and estimates."""
        traces: dict[str, Trace] = {}

        def written(image: Samples) -> str:
            file = self.files.write(image, rate)
            if file not in traces:
                traces[file] = trace(image, rate)
            return file

        pairs = {
            label: {source: image for source, image in images.items() if source in references}
            for label, images in made.items()
        }
        clips: Clips = {
            "mixture": self.files.write(mixture, rate),
            "references": {source: written(image) for source, image in references.items()},
            "estimates": {
                label: {source: written(image) for source, image in images.items()} for label, images in pairs.items()
            },
        }
        if self.files.form == "opus":
            clips["residuals"] = {
                label: {
                    source: self.files.write(image - gain * references[source], rate)
                    for source, image in images.items()
                }
                for label, images in pairs.items()
            }
        return clips, traces

    def _scene(self, spec: SceneSpec) -> Scene:
        """The rendered scene. Raises SoundstageError, and what a plugin raises."""
        if spec.problem:
            raise SoundstageError(spec.problem.error)
        self._agreed([choice for choice in (spec.dataset, spec.placement, spec.spatializer) if choice is not None])
        with self._worker.bench.one_thread():
            return self._worker.bench.scene(spec)

    def _estimates(self, cell: CellSpec) -> Mapping[str, Samples] | None:
        """What the separator made of the scene; None, and a note, where that cannot be had."""
        label = cell.separator.label
        kept = KeptEstimates(self.store.path).of(cell)
        if kept is not None:
            return kept.images
        try:
            self._agreed([cell.separator])
        except ConsentMissing as error:
            self.notes.append(storable(f"{label}: no clips where its estimates were not kept: {error}"))
            return None
        found = self._worker.separated(cell)
        if found.estimates is None:
            self.notes.append(f"{label}: no clips of {cell.scene.track_name}: {found.stage.error}")
            return None
        return found.estimates.images

    def _agreed(self, choices: Sequence[Choice]) -> None:
        """Raise ConsentMissing where one of them would run code that nobody here has agreed to."""
        if not self.trust:
            check_consent(choices, self._scripts, self.store.path, "the stored grid")


def _cut(images: Mapping[str, Samples], start: int, stop: int) -> dict[str, Samples]:
    """The part of each, its own copy, so that the whole can go."""
    return {source: image[:, start:stop].copy() for source, image in images.items()}


def _window(example: Example, scene: Scene, seconds: float) -> tuple[int, int]:
    """First and last sample of the clip: around the worst second of whom it is about, else of anybody's, else where
    the mixture is loudest."""
    rate, length = scene.rate, scene.mixture.shape[1]
    wanted = min(length, round(seconds * rate))
    about = [curve for curve in example.curves if curve.separator in example.about] or example.curves
    worst = [(curve, frames[0]) for curve in about if (frames := curve.worst_first())]
    if worst:
        sign = 1.0 if worst[0][0].higher_is_better else -1.0
        curve, frame = min(worst, key=lambda one: sign * one[0].values[one[1]])
        step = curve.step_s(length / rate)
        start = round((frame + 0.5) * step * rate) - wanted // 2
    else:
        start = _loudest(scene.mixture, rate, wanted)
    start = max(0, min(start, length - wanted))
    return start, start + wanted


def _loudest(mixture: Samples, rate: int, wanted: int) -> int:
    """Where the loudest part of so many samples begins, to a tenth of a second."""
    energy = np.concatenate([[0.0], np.cumsum(np.sum(mixture**2, axis=0))])
    starts = np.arange(0, mixture.shape[1] - wanted + 1, max(1, round(_LOUD_STEP_S * rate)))
    return int(starts[np.argmax(energy[starts + wanted] - energy[starts])])


def _files(clips: Clips) -> set[str]:
    """Every file that is named."""
    by_separator = [*clips["estimates"].values(), *clips.get("residuals", {}).values()]
    return {clips["mixture"], *clips["references"].values(), *(one for of in by_separator for one in of.values())}


def _measured(curves: Sequence[Curve]) -> Measured | None:
    if not curves:
        return None
    first = curves[0]
    return {"label": first.label, "unit": first.unit, "higher_is_better": first.higher_is_better}


def _inside(curve: Curve, seconds: float, start: float, stop: float) -> Iterator[tuple[int, float]]:
    """The frames of which at least half lies between start and stop, each with where it begins."""
    step = curve.step_s(seconds)
    for frame in range(len(curve.values)):
        if start <= (frame + 0.5) * step <= stop:
            yield frame, frame * step


def _within(curve: Curve, seconds: float, start: float, stop: float) -> FrameCurve:
    frames = list(_inside(curve, seconds, start, stop))
    values = [curve.values[frame] for frame, _ in frames]
    return {
        "separator": curve.separator,
        "source": curve.source,
        "at_s": [round(at - start, 3) for _, at in frames],
        "values": [None if np.isnan(value) else round(value, 3) for value in values],
    }


def _worst(curves: Sequence[Curve], seconds: float, start: float, stop: float) -> Iterator[WorstSecond]:
    """Of each separator its worst frames within the clip, the worst first."""
    for separator in dict.fromkeys(curve.separator for curve in curves):
        found: list[WorstSecond] = []
        for curve in curves:
            if curve.separator == separator:
                inside = dict(_inside(curve, seconds, start, stop))
                found += [
                    {
                        "separator": separator,
                        "source": curve.source,
                        "at_s": round(max(0.0, inside[frame] - start), 3),
                        "value": round(curve.values[frame], 3),
                    }
                    for frame in curve.worst_first()
                    if frame in inside
                ]
        sign = 1.0 if curves[0].higher_is_better else -1.0
        yield from sorted(found, key=lambda one: sign * one["value"])[:WORST]
