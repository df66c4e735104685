"""BSS Eval v4 and v3 for images: SDR, ISR, SIR and SAR per source and frame, as museval 0.4.1 computes them.

Sources: Vincent, Gribonval & Févotte, Performance measurement in blind audio source separation, IEEE TASLP 2006;
Vincent et al., First stereo audio source separation evaluation campaign, ICA 2007; Stöter, Liutkus & Ito, The 2018
signal separation evaluation campaign, LVA/ICA 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from soundstage.audio import Samples
from soundstage.contracts import Measure, Score, Scorer
from soundstage_metrics import validate
from soundstage_metrics.bit_depth import MOVED_DB, quantised
from soundstage_metrics.bsseval.track import Floats, Found, Track, Version, bounded
from soundstage_metrics.claims import EVERYTHING, FILTERED

if TYPE_CHECKING:
    from soundstage.scene import Scene

NAMES = ("SDR", "ISR", "SIR", "SAR")

REMEDY = "bsseval[references=int16] scores against 16-bit references as the published pipelines did"
FAINT = "the reference is no louder than that where the median lies"
STANDS_ALONE = "another estimate is silent in every frame, where museval has no value for any source"


def bss_eval(
    references: ArrayLike,
    estimates: ArrayLike,
    rate: float,
    version: Version = "v4",
    window: float | None = 1.0,
    hop: float | None = 1.0,
) -> tuple[Floats, Floats, Floats, Floats]:
    """SDR, ISR, SIR and SAR in dB, each (sources, frames).

    references, estimates: (sources, channels, samples) at `rate` Hz; estimates are cut or padded with zeros to the
    references' length, as museval does. window, hop: seconds; None is the whole track. version: `v4` finds the 512-tap
    filters once on the whole track, `v3` on each frame. There are ⌊(N − W + H) / H⌋ frames; the tail is dropped. A
    frame in which the channels of any reference or estimate sum to silence (`validate.SILENCE`) is NaN for all sources.
    A source that is silent throughout is NaN and the others are scored without it (museval raises). Where that leaves
    no frame at all, as an estimate that is silent throughout does, each source has the frames in which all references
    and its own estimate sound. Where the references leave the filters undetermined (noise-free panned or HRIR-filtered
    mono, an empty band) only SDR is given and ISR, SIR and SAR are NaN. A perfect estimate has 100 dB or more.

    Raises ValueError where the arrays or parameters are unusable.

    >>> noise = np.random.default_rng(0).standard_normal((2, 2, 16000))
    >>> sdr, isr, sir, sar = bss_eval(noise, 0.9 * noise + 0.1 * noise[::-1], 8000)
    >>> sdr.shape, sdr.round(1).tolist()
    ((2, 2), [[16.9, 17.1], [17.0, 17.1]])
    """
    r, e = _checked(references, estimates)
    heard = [source for source in range(len(r)) if not validate.is_silent(r[source])]
    frames = _frames(r.shape[2], rate, window, hop)
    scores = np.full((4, len(r), len(frames)), np.nan)
    if version not in ("v4", "v3"):
        raise ValueError(f"version is 'v4' or 'v3', not {version!r}")
    if heard and frames:
        s, x = ([channel for source in heard for channel in signals[source]] for signals in (r, e))
        scores[:, heard] = Track(s, r.shape[1], frames, version).scores(x, range(len(heard))).decibels
    return scores[0], scores[1], scores[2], scores[3]


def _checked(references: ArrayLike, estimates: ArrayLike) -> tuple[Floats, Floats]:
    r, e = np.asarray(references), np.asarray(estimates)
    if r.ndim != 3 or e.ndim != 3 or 0 in r.shape or r.shape[:2] != e.shape[:2]:
        raise ValueError(
            f"references of shape {r.shape} and estimates of {e.shape} where equal (sources, channels, samples) were"
            " expected"
        )
    r = np.stack([validate.signal(source, f"reference {index}") for index, source in enumerate(r)])
    out = np.zeros_like(r)
    for index, source in enumerate(e[:, :, : r.shape[2]] if e.shape[2] else ()):
        out[index, :, : source.shape[1]] = validate.signal(source, f"estimate {index}")
    return r, out


def _frames(samples: int, rate: float, window: float | None, hop: float | None) -> list[tuple[int, int]]:
    """Start and stop of every frame."""
    width = samples if window is None else round(window * rate)
    step = samples if hop is None else round(hop * rate)
    if rate <= 0 or width < 1 or step < 1:
        raise ValueError(f"rate {rate}, window {window} and hop {hop} must be positive")
    return [(index * step, index * step + width) for index in range(max(0, (samples - width + step) // step))]


class BssEval:
    """SDR, ISR, SIR and SAR per 1 s frame, and their medians over the frames that have a value. See `bss_eval`.

    version: `v4` (512-tap filters of the whole track) or `v3` (of each frame). references: `as_given`, or `int16`,
    which rounds and clips references and estimates alike to 16 bits first, to the nearest step, as pipelines that went
    through files did (WAV files that soundfile wrote are rounded down: 0.1–2.3 dB of SIR). Values are bounded to
    ±100 dB. A source that is silent in the scene gets NaN and a note, and the others are scored without it; all sources
    of the scene count as interference, whether or not they were estimated. Where an estimate that is silent in every
    frame leaves none by museval's rule, the others are scored without it, with a note.

    Noise-free panned and HRIR scenes, and bands that are empty to the last bit, give SDR alone and NaN with the reason
    for the others. Where the references are not as bad as that, but noise of ±1 step of the files (see `bit_depth`)
    decides more than 0.5 dB of ISR, SIR or SAR in a loud frame or in the one that is the median, or where the reference
    is no louder than that noise in the frames in which the median of any of the four lies, the track's value is "set by
    the bit depth": it has a note and is not ranked. Frames are not marked.
    """

    revision = 3
    measures = {
        "SDR": Measure("dB", higher_is_better=True, follows=EVERYTHING),
        "ISR": Measure("dB", higher_is_better=True, follows=FILTERED, ignores=("sources", "artefacts")),
        "SIR": Measure("dB", higher_is_better=True, follows=("sources",), ignores=(*FILTERED, "artefacts")),
        "SAR": Measure("dB", higher_is_better=True, follows=("artefacts",), ignores=(*FILTERED, "sources")),
    }

    def __init__(self, *, version: Version = "v4", references: Literal["as_given", "int16"] = "as_given") -> None:
        self._version: Version = version
        self._quantised = quantised if references == "int16" else lambda samples: samples

    def prepare(self, scene: Scene) -> Scorer:
        """A scorer that holds the factored references."""
        references = {name: self._quantised(reference) for name, reference in scene.references.items()}
        heard = [name for name, reference in references.items() if not validate.is_silent(reference)]
        signals = [channel for name in heard for channel in references[name]]
        frames = _frames(scene.mixture.shape[1], scene.rate, 1.0, 1.0)
        track = Track(signals, 2, frames, self._version) if heard and frames else None

        def scores(estimates: Mapping[str, Samples]) -> Iterator[Score]:
            for name in estimates:
                if name not in heard or not frames:
                    reason = "shorter than one frame of 1 s" if name in heard else "the reference is silent"
                    yield from (Score(name, measure, float("nan"), note=reason) for measure in NAMES)
            scored = [name for name in heard if name in estimates]
            if not scored or track is None:
                return
            of = [heard.index(name) for name in scored]
            found = track.scores([channel for name in scored for channel in self._quantised(estimates[name])], of)
            for index, name in enumerate(scored):
                yield from _rows(name, found, index, lambda: track.why(scene.rate, tuple(heard)), track.bits)

        return scores


def _rows(name: str, found: Found, index: int, why: Callable[[], str], bits: int) -> Iterator[Score]:
    """The rows of one source. why: what of the references leaves filters open, asked only where it has to be said."""
    sdr = found.decibels[0, index]
    moves = (0.0, *found.moved[:, index])
    for measure, values, moved, lifted in zip(
        NAMES, found.decibels[:, index], moves, found.lifted[:, index], strict=True
    ):
        is_singular = np.isnan(values).all() and not np.isnan(sdr).all()
        kept = bounded(values[~np.isnan(values)])
        is_faint = lifted > MOVED_DB
        is_noise = bool(len(kept)) and (moved > MOVED_DB or is_faint)
        if is_singular:
            note = f"singular references ({why()}) leave the filters undetermined; {REMEDY}"
        elif not len(kept):
            note = "the estimate" if found.stands_alone and found.references_sound else "a reference or estimate"
            note += " is silent in every frame"
        else:
            set_by = (
                f"set by the bit depth: {bits}-bit noise moves it by more than {MOVED_DB:g} dB"
                f" ({FAINT if is_faint else why()})"
                if is_noise
                else ""
            )
            note = "; ".join(filter(None, [set_by, STANDS_ALONE if found.stands_alone else ""]))
        yield Score(
            name, measure, float(np.median(kept)) if len(kept) else float("nan"), note=note, ranked=not is_noise
        )
        for frame, value in enumerate(bounded(values).tolist()):
            reason = "singular references" if is_singular else "a reference or estimate is silent here"
            yield Score(name, measure, value, frame=frame, note="" if value == value else reason)
