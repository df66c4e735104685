"""The metric `cues`: how far the interaural cues of a source move, each by the most robust reading of it we know.

It stands beside `interaural`, which is the binaural paper's: there the ITD is GCC-PHAT's, and level is one number a
track. Here energy and coherence decide what counts (`itd`), cues are compared in each frame and ERB band
(`bands`), and where the scene was rendered with HRIRs, ITD and ILD become an angle (`angle`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from soundstage.audio import Samples
from soundstage.contracts import Measure, Score, Scorer
from soundstage_metrics import validate
from soundstage_metrics.bit_depth import unranked_where_faint
from soundstage_metrics.claims import DIFFUSE, NOT_CUES, PLACES
from soundstage_metrics.cues.angle import Azimuth, Directions, frontal_directions, track_azimuth
from soundstage_metrics.cues.bands import coherence_error, level_error, phase_error
from soundstage_metrics.cues.frames import CueFrames, cue_frames
from soundstage_metrics.cues.itd import MIN_COHERENCE, RobustItd, audible, frame_itds, summary

if TYPE_CHECKING:
    from soundstage.scene import Scene

_NAN = float("nan")
_NOWHERE = Azimuth(_NAN, _NAN, _NAN)


@dataclass(frozen=True, slots=True, eq=False)
class SourceCues:
    """The cues of one signal; `heard`: (frames,), the frames that ITD and azimuth may be read from."""

    frames: CueFrames
    heard: NDArray[np.bool_]
    itd: RobustItd
    azimuth: Azimuth


class Cues:
    """Robust ITD error, band-wise ILD and IPD error, IACC error and angular error of whole tracks.

    ITD and azimuth of reference and estimate are both read from the frames audible in the reference. ITD_valid_share is
    how many percent of them have a coherent ITD in the estimate: it says what ITD_error rests on, not how good it is
    (mono has 100), and wide stereo has a low one in the reference already. The angular error is between apparent
    azimuths, in the frontal half-plane (see `angle`). It needs a scene rendered with HRIRs, and is NaN where these do
    not tell azimuths more than 15° apart at the frequencies of the source, as of a bass to the side. A source that is
    silent in the scene or the estimate, or one ear of it, gets NaN and a note (but a share of 0 where the estimate is);
    so does what no frame gives. So do the ITD and the angle of a source that moves, which has not one of them.
    """

    compares_channels = True
    revision = 2
    measures = {
        "ITD_error": Measure(
            "µs",
            higher_is_better=False,
            label="ΔITD robust",
            decimals=0,
            follows=PLACES,
            ignores=("ild", *NOT_CUES),
        ),
        "ITD_valid_share": Measure(
            "%", higher_is_better=True, headline=False, follows=DIFFUSE, ignores=("image", *NOT_CUES)
        ),
        "ILD_error": Measure(
            "dB",
            higher_is_better=False,
            headline=False,
            follows=("rotate", "ild", "swap", "mono"),
            ignores=("itd", "invert_one", *NOT_CUES),
        ),
        "IPD_error": Measure(
            "°",
            higher_is_better=False,
            headline=False,
            follows=(*PLACES, "invert_one"),
            ignores=("ild", *NOT_CUES),
        ),
        "IACC_error": Measure(
            "1",
            higher_is_better=False,
            headline=False,
            follows=DIFFUSE,
            ignores=("itd", "ild", "swap", *NOT_CUES),
        ),
        "angular_error": Measure(
            "°",
            higher_is_better=False,
            label="Δangle",
            follows=("rotate", "itd", "ild", "swap", "mono"),
            ignores=NOT_CUES,
        ),
    }

    def prepare(self, scene: Scene) -> Scorer:
        """A scorer that holds the references' cues and what the HRIRs say of every direction."""
        directions, no_angle = _directions(scene)
        expected = {
            source: _reference_cues(signal, scene.rate, directions) for source, signal in scene.references.items()
        }

        def scores(estimates: Mapping[str, Samples]) -> Iterator[Score]:
            for source, estimate in estimates.items():
                found = _errors(expected[source], estimate, scene.rate, directions, no_angle)
                if nowhere := validate.why_nowhere(scene, source):
                    found |= dict.fromkeys(("ITD_error", "angular_error"), (_NAN, nowhere))
                for name, (value, note) in found.items():
                    yield Score(source, name, value, note=note)

        return unranked_where_faint(scene, scores)


def _directions(scene: Scene) -> tuple[Directions | None, str]:
    """What the scene's HRIRs say, or why there is no angle."""
    if scene.hrirs is None:
        return None, "the scene was not rendered with HRIRs of the horizontal plane, so its cues have no angle"
    try:
        return frontal_directions(scene.hrirs, scene.rate), ""
    except ValueError as error:
        return None, str(error)


def _frames(signal: Samples, rate: int, what: str) -> CueFrames | str:
    """The signal's frames, or why it has none."""
    silent = validate.silent_channels(signal)
    if len(silent) == len(signal):
        return f"the {what} is silent"
    if silent:
        return f"the {validate.channel_list(silent)} of the {what} is silent"
    try:
        return cue_frames(signal, rate)
    except ValueError as error:
        return f"the {what} has no cues: {error}"


def _reference_cues(signal: Samples, rate: int, directions: Directions | None) -> SourceCues | str:
    """The cues of a reference, or why it has none."""
    frames = _frames(signal, rate, "reference")
    return frames if isinstance(frames, str) else _cues(frames, audible(frames), directions)


def _cues(frames: CueFrames, heard: NDArray[np.bool_], directions: Directions | None) -> SourceCues:
    itds = frame_itds(frames, heard)
    azimuth = _NOWHERE if directions is None else track_azimuth(frames, itds, directions)
    return SourceCues(frames, heard, summary(itds, heard), azimuth)


def _errors(
    expected: SourceCues | str, estimate: Samples, rate: int, directions: Directions | None, no_angle: str
) -> dict[str, tuple[float, str]]:
    """Measure → value, and a note where it is NaN or needs a word."""
    if isinstance(expected, str):
        return dict.fromkeys(Cues.measures, (_NAN, expected))
    inaudible = "" if expected.heard.any() else "the reference has nothing audible between 100 Hz and 1.5 kHz"
    frames = _frames(estimate, rate, "estimate")
    if isinstance(frames, str):
        share = (_NAN, inaudible) if inaudible else (0.0, frames)
        return dict.fromkeys(Cues.measures, (_NAN, frames)) | {"ITD_valid_share": share}
    found = _cues(frames, expected.heard, directions)
    incoherent = inaudible or _incoherent(expected.itd, "reference") or _incoherent(found.itd, "estimate")
    return {
        "ITD_error": _noted(abs(found.itd.itd_us - expected.itd.itd_us), incoherent),
        "ITD_valid_share": _noted(100 * found.itd.valid_share, inaudible),
        "ILD_error": _noted(level_error(expected.frames, frames), "no band is audible in both"),
        "IPD_error": _noted(phase_error(expected.frames, frames), "no band below 1.5 kHz is audible in both"),
        "IACC_error": _noted(coherence_error(expected.frames, frames), "no frame is audible in both"),
        "angular_error": _noted(
            abs(found.azimuth.told - expected.azimuth.told),
            no_angle
            or incoherent
            or _ambiguous(expected.azimuth, "reference")
            or _ambiguous(found.azimuth, "estimate"),
        ),
    }


def _ambiguous(azimuth: Azimuth, what: str) -> str:
    if not azimuth.is_ambiguous:
        return ""
    return (
        f"where the {what} sounds the HRIRs do not tell azimuths from {azimuth.low:.0f}° to {azimuth.high:.0f}° apart"
        " (20 µs of ITD, 1 dB of ILD)"
    )


def _incoherent(itd: RobustItd, what: str) -> str:
    if not math.isnan(itd.itd_us):
        return ""
    return f"no frame of the {what} has an ITD within ±1.25 ms at a coherence of {MIN_COHERENCE:g} or more"


def _noted(value: float, why_not: str) -> tuple[float, str]:
    """The value to nine decimals, and the note only where it is NaN."""
    # The reference times a gain differs in the last bit, and that must be no error either.
    return round(value, 9), why_not if math.isnan(value) else ""
