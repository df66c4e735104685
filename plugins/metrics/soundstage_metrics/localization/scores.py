"""The metric `localization`: from where a source is heard in an estimate, against from where it is heard in the scene.

The error is against the reference *as heard*, frame by frame, and not against the placement: whatever the head that
rendered the scene cannot tell apart, or renders from the nearest direction that was measured, is in both alike, so that
a perfect estimate has no error on any head. How far the reference itself is heard from its place is a value of its own,
`placement_error`, alike for every separator: what the other values can be trusted to.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundstage.audio import Samples
from soundstage.contracts import Measure, Score, Scorer
from soundstage_metrics import validate
from soundstage_metrics.bit_depth import unranked_where_faint
from soundstage_metrics.claims import DIFFUSE, EVERYTHING, NOT_CUES, PLACES
from soundstage_metrics.cues.angle import ILD_JND_DB
from soundstage_metrics.cues.frames import PHASE_HZ
from soundstage_metrics.localization.acuity import between_loudspeakers_deg, minimum_audible_angle_deg
from soundstage_metrics.localization.directions import Directions, hrir_directions, lateral_deg, panning_directions
from soundstage_metrics.localization.frames import EarFrames, ear_frames, frame_bounds
from soundstage_metrics.localization.place import IPD_JND_DEG, Heard, heard
from soundstage_metrics.spauq.gate import sounding

if TYPE_CHECKING:
    from soundstage.scene import HrirTable, Scene

GATE_DB = 40.0
"""Frames this far below the source's loudest are not asked where they are heard."""

LEAST_SHARE = 0.25
"""A track has a value where this share of the frames in which the reference sounds is heard at one place."""

_SILENT, _ESTIMATE_SILENT = "the reference is silent here", "the estimate is silent here"
_NOT_TOLD = "directions more than 15° apart sound alike here"
_NOWHERE = (
    "the scene was rendered neither with HRIRs of the horizontal plane nor by panning: nothing says from where it is"
    " heard"
)


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """What is heard of one signal; `sounds`: (frames,), where the reference, or this estimate, is no silence."""

    frames: EarFrames
    heard: Heard
    sounds: NDArray[np.bool_]

    @property
    def lateral(self) -> NDArray[np.float64]:
        """Where each frame is heard, (frames,) in degrees, mirrored to the front."""
        return lateral_deg(self.heard.azimuth)


def heard_azimuths(signal: ArrayLike, rate: float, hrirs: HrirTable) -> Heard:
    """Where each frame of a signal is heard through a head: see `Heard` and `heard`.

    signal: (2, samples) at `rate` Hz; see `validate`. hrirs: the head's, at the same rate. Raises ValueError where the
    signal is unusable or shorter than one frame of 250 ms, the rate below 3 kHz, or the set has fewer than two
    directions in front.

    >>> from soundstage.scene import HrirTable
    >>> left = np.array([[0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    >>> middle = np.array([[0.0, 1.5, 0.0, 0.0], [0.0, 1.5, 0.0, 0.0]])
    >>> table = HrirTable(np.array([-40.0, 0.0, 40.0]), np.zeros(3), np.stack([left[::-1], middle, left]))
    >>> noise = 0.1 * np.random.default_rng(0).standard_normal(11027)
    >>> np.abs(heard_azimuths(np.stack([2 * noise[2:], noise[:-2]]), 44100, table).azimuth).round().tolist()
    [40.0]
    """
    x = validate.signal(signal, channels=2)
    directions = hrir_directions(hrirs, rate)
    if not frame_bounds(x.shape[1], rate):
        raise ValueError(f"{x.shape[1]} samples are shorter than one frame of 0.25 s")
    return heard(ear_frames(x, rate), directions, rate)


class Localization:
    """From where each source is heard in an estimate, against from where it is heard in the scene.

    In frames of 250 ms, through the HRIRs that rendered the scene; of panned scenes panning angles are compared. A
    frame counts where reference and estimate are heard at one place each. Front and back are mirror images to ITD and
    ILD, so errors are between lateral angles, and a change of half-plane is counted apart, where both are told.

    localization_error: the median error in degrees. beyond_MAA: how many percent of frames lie farther off than the
    minimum audible angle (of panned scenes between loudspeakers at ±30°). flips: how many percent change from front to
    back or from back to front. split: how many percent of the estimate's frames are heard at two places, where the
    reference is at one. width_error: the median change of 1 − IACC, the mean of the octaves 500 Hz, 1 and 2 kHz:
    apparent width. heard_share: how many percent of the reference's frames count. placement_error: how far the
    reference itself is heard from where the scene has it, alike for every separator.

    law: `scene` hears each scene as it was rendered; `panning` takes every scene for panned mono sources, as in stereo
    stems whose angles are not known. gate: in dB below the reference's loudest frame, where it sounds. What is silent,
    shorter than a frame, or heard at one place in less than a quarter of the frames, is NaN and says why.
    """

    compares_channels = True
    revision = 1
    measures = {
        "localization_error": Measure("°", higher_is_better=False, label="Δheard", follows=PLACES, ignores=NOT_CUES),
        "beyond_MAA": Measure(
            "%", higher_is_better=False, label="beyond MAA", decimals=0, follows=PLACES, ignores=NOT_CUES
        ),
        "flips": Measure("%", higher_is_better=False, headline=False, ignores=NOT_CUES),
        "split": Measure("%", higher_is_better=False, headline=False, ignores=NOT_CUES),
        "width_error": Measure("1", higher_is_better=False, headline=False, follows=DIFFUSE, ignores=NOT_CUES),
        "heard_share": Measure("%", higher_is_better=True, headline=False, follows=DIFFUSE, ignores=NOT_CUES),
        "placement_error": Measure("°", higher_is_better=False, headline=False, ignores=EVERYTHING),
    }

    def __init__(self, *, law: Literal["scene", "panning"] = "scene", gate: float = GATE_DB) -> None:
        """See the class."""
        if law not in ("scene", "panning"):
            raise ValueError(f"metric 'localization': law '{law}' is unknown; take 'scene' or 'panning'")
        self._law, self._gate = law, gate

    def prepare(self, scene: Scene) -> Scorer:
        """A scorer that holds where the references are heard."""
        directions, nowhere = self._directions(scene)
        expected = {
            source: _reference(signal, scene.rate, directions, self._gate) if directions else nowhere
            for source, signal in scene.references.items()
        }
        places = {source: _lateral_place(scene, source, directions) for source in scene.references}

        def scores(estimates: Mapping[str, Samples]) -> Iterator[Score]:
            for source, estimate in estimates.items():
                reference = expected[source]
                found = (
                    reference if isinstance(reference, str) else _image(estimate, scene.rate, directions, "estimate")
                )
                if isinstance(reference, str) or isinstance(found, str):
                    yield from (Score(source, name, math.nan, note=str(found)) for name in self.measures)
                else:
                    yield from _rows(source, reference, found, directions, places[source])

        return unranked_where_faint(scene, scores)

    def _directions(self, scene: Scene) -> tuple[Directions | None, str]:
        """From where the scene may be heard, or why nothing says so."""
        try:
            if self._law == "panning" or "panning_angles_deg" in scene.details:
                return panning_directions(scene.rate), ""
            return (None, _NOWHERE) if scene.hrirs is None else (hrir_directions(scene.hrirs, scene.rate), "")
        except ValueError as error:
            return None, str(error)


def _lateral_place(scene: Scene, source: str, directions: Directions | None) -> float:
    """The lateral angle that the scene has the source at, or its panning angle; NaN where it has none."""
    if directions is None or scene.placement is None or source in scene.placement.motions:
        return math.nan
    if directions.loudspeakers:
        return float(scene.placement.panning_angle(source))
    azimuth, elevation = np.radians([scene.placement.azimuths[source], scene.placement.elevation(source)])
    return math.degrees(math.asin(math.sin(azimuth) * math.cos(elevation)))


def _image(signal: Samples, rate: int, directions: Directions | None, what: str) -> Image | str:
    """What is heard of a signal, or why nothing is."""
    assert directions is not None
    silent = validate.silent_channels(signal)
    if len(silent) == len(signal):
        return f"the {what} is silent"
    if silent and not directions.loudspeakers:
        return f"the {validate.channel_list(silent)} of the {what} is silent"
    if not (bounds := frame_bounds(signal.shape[1], rate)):
        return f"the {what} is shorter than one frame of 0.25 s"
    frames = ear_frames(signal, rate)
    return Image(frames, heard(frames, directions, rate), sounding(signal, bounds))


def _reference(signal: Samples, rate: int, directions: Directions, gate: float) -> Image | str:
    image = _image(signal, rate, directions, "reference")
    if isinstance(image, str):
        return image
    sounds = sounding(signal, frame_bounds(signal.shape[1], rate), gate) & ~np.isnan(image.heard.azimuth)
    if not sounds.any():
        return "the reference has nothing audible between 50 Hz and 16 kHz"
    return Image(image.frames, image.heard, sounds)


def _rows(
    source: str, reference: Image, estimate: Image, directions: Directions | None, place: float
) -> Iterator[Score]:
    assert directions is not None
    sounds = reference.sounds & ~np.isnan(estimate.heard.azimuth)
    expected = reference.sounds & reference.heard.told()
    counted = expected & sounds & estimate.heard.told()
    asked = int(np.count_nonzero(reference.sounds))
    missing = _missing(reference, expected, sounds, counted)
    turned = np.abs(estimate.lateral - reference.lateral)
    both_told = counted & reference.heard.rear_told & estimate.heard.rear_told
    one_half = "in no frame that counts do directions behind the listener sound unlike those in front"
    split = sounds & estimate.heard.split & ~reference.heard.split
    wider = np.abs(estimate.frames.iacc - reference.frames.iacc)
    yield _track(source, "localization_error", _median(turned[counted]), missing)
    yield _track(source, "beyond_MAA", _share(_is_audible(estimate, reference, directions)[counted]), missing)
    yield _track(
        source, "flips", _share((estimate.heard.rear != reference.heard.rear)[both_told]), missing, missing or one_half
    )
    yield _track(source, "split", _share(split[sounds]), "" if sounds.any() else missing)
    yield _track(source, "width_error", _median(wider[sounds]), "" if sounds.any() else missing)
    yield _track(source, "heard_share", 100 * np.count_nonzero(counted) / asked, "")
    told = _too_few(reference, expected, asked)
    yield _track(
        source,
        "placement_error",
        _median(np.abs(reference.lateral[expected] - place)),
        told,
        told or "the scene does not say where its sources are, or this one moves",
    )
    for frame, error in enumerate(turned.tolist()):
        if counted[frame]:
            yield Score(source, "localization_error", round(error, 9), frame)
        else:
            note = _NOT_TOLD if sounds[frame] else _ESTIMATE_SILENT if reference.sounds[frame] else _SILENT
            yield Score(source, "localization_error", math.nan, frame, note)


def _is_audible(estimate: Image, reference: Image, directions: Directions) -> NDArray[np.bool_]:
    """Whether a listener would notice how far the estimate is from the reference: (frames,)."""
    found, expected = estimate.lateral, reference.lateral
    if directions.loudspeakers:
        found, expected = between_loudspeakers_deg(found), between_loudspeakers_deg(expected)
    return np.asarray(np.abs(found - expected) > minimum_audible_angle_deg(expected))


def _missing(
    reference: Image, expected: NDArray[np.bool_], sounds: NDArray[np.bool_], counted: NDArray[np.bool_]
) -> str:
    """Why the track has no error; empty where it has one."""
    asked = int(np.count_nonzero(reference.sounds))
    if few := _too_few(reference, expected, asked):
        return few
    if not sounds.any():
        return "the estimate is silent wherever the reference sounds"
    if np.count_nonzero(counted) < LEAST_SHARE * asked:
        return (
            f"the estimate is heard at one place in {np.count_nonzero(counted)} of the {asked} frames in which the"
            " reference sounds"
        )
    return ""


def _too_few(reference: Image, expected: NDArray[np.bool_], asked: int) -> str:
    """Why the reference is heard nowhere in particular; empty where it is."""
    told = int(np.count_nonzero(expected))
    if told >= LEAST_SHARE * asked:
        return ""
    dull = reference.sounds & ~expected
    low, high = (float(np.median(bound[dull])) for bound in (reference.heard.low, reference.heard.high))
    alike = f"{IPD_JND_DEG:g}° of IPD below {PHASE_HZ / 1000:g} kHz, {ILD_JND_DB:g} dB of ILD"
    return (
        f"where the reference sounds directions from {low:.0f}° to {high:.0f}° are alike to the ear ({alike}) in"
        f" {asked - told} of {asked} frames"
    )


def _track(source: str, name: str, value: float, missing: str, why_not: str = "") -> Score:
    """The value to nine decimals, or NaN and why."""
    # The reference times a gain differs in the last bit, and that must be no error either.
    value = math.nan if missing else round(float(value), 9)
    return Score(source, name, value, note=(missing or why_not) if math.isnan(value) else "")


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if values.size else math.nan


def _share(is_so: NDArray[np.bool_]) -> float:
    return 100 * float(np.mean(is_so)) if is_so.size else math.nan
