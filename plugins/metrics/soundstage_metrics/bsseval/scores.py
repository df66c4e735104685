"""BSS Eval v4 and v3 for images: SDR, ISR, SIR and SAR per source and frame, as museval 0.4.1 computes them.

Sources: Vincent, Gribonval & Févotte, Performance measurement in blind audio source separation, IEEE TASLP 2006;
Vincent et al., First stereo audio source separation evaluation campaign, ICA 2007; Stöter, Liutkus & Ito, The 2018
signal separation evaluation campaign, LVA/ICA 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundstage.audio import Samples
from soundstage.contracts import Measure, Score, Scorer
from soundstage_metrics import validate
from soundstage_metrics.bsseval.filters import Projector, Signals, filters, frame_energies, prepare

if TYPE_CHECKING:
    from soundstage.scene import Scene

Floats = NDArray[np.float64]
Version = Literal["v4", "v3"]
NAMES = ("SDR", "ISR", "SIR", "SAR")

LIMIT_DB = 100.0
"""Where the rows of the harness end, up and down."""

SINGULAR = (
    "singular references: noise-free panned or HRIR-filtered mono leaves the filters undetermined;"
    " bsseval[references=int16] scores against 16-bit references as the published pipelines did"
)


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
    A source that is silent throughout is NaN and the others are scored without it (museval raises). Where the
    references leave the filters undetermined (see `SINGULAR`) only SDR is given and ISR, SIR and SAR are NaN. A perfect
    estimate is +inf.

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
        scores[:, heard] = _track_scorer(s, r.shape[1], frames, version)(x, range(len(heard)))
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


def _silent(signals: Signals, channels: int) -> bool:
    """Whether the channels of any source sum to silence: what museval leaves a frame out for."""
    return any(
        validate.is_silent(np.sum(signals[at : at + channels], axis=0)) for at in range(0, len(signals), channels)
    )


def _scored(
    projector: Projector, estimates: Signals, sources: Sequence[int], frames: Sequence[tuple[int, int]]
) -> Floats:
    """(4, estimates, frames) in dB, of estimates of these of the projector's sources."""
    references, channels = projector.references, projector.channels
    scores = np.full((4, len(sources), len(frames)), np.nan)
    usable = [
        index
        for index, (start, stop) in enumerate(frames)
        if not _silent([signal[start:stop] for signal in references], channels)
        and not _silent([signal[start:stop] for signal in estimates], channels)
    ]
    if not usable:
        return scores
    chosen = [frames[index] for index in usable]
    targets = [references[source * channels + channel] for source in sources for channel in range(channels)]
    power, error = np.zeros((2, len(sources), len(usable)))
    for at, (s, e) in enumerate(zip(targets, estimates, strict=True)):
        for column, (start, stop) in enumerate(chosen):
            power[at // channels, column] += np.dot(s[start:stop], s[start:stop])
            difference = e[start:stop] - s[start:stop]
            error[at // channels, column] += np.dot(difference, difference)
    scores[0][:, usable] = _db(power, error)
    if projector.is_singular:
        return scores
    every, own = filters(projector, estimates, sources)
    energies = frame_energies(references, estimates, sources, every, own, chosen)
    spatial, target, interference, explained, artefacts = energies
    for index, (part, rest) in enumerate(((power, spatial), (target, interference), (explained, artefacts)), start=1):
        scores[index][:, usable] = _db(part, rest)
    return scores


def _db(numerator: Floats, denominator: Floats) -> Floats:
    """10·log10 of the ratio, +inf where there is nothing to divide by."""
    with np.errstate(divide="ignore"):
        positive = np.where(denominator == 0, 1.0, denominator)
        return np.where(denominator == 0, np.inf, 10 * np.log10(numerator / positive))


def _track_scorer(
    references: Signals, channels: int, frames: Sequence[tuple[int, int]], version: Version
) -> Callable[[Signals, Sequence[int]], Floats]:
    """A function of (estimate signals, which sources they are of) that gives (4, estimates, frames) in dB."""
    if version == "v4":
        projector = prepare(references, channels)
        return lambda estimates, sources: _scored(projector, estimates, sources, frames)

    def framewise(estimates: Signals, sources: Sequence[int]) -> Floats:
        found = np.full((4, len(sources), len(frames)), np.nan)
        for index, (start, stop) in enumerate(frames):
            s, e = ([signal[start:stop] for signal in signals] for signals in (references, estimates))
            if not _silent(s, channels) and not _silent(e, channels):
                found[:, :, index] = _scored(prepare(s, channels), e, sources, [(0, stop - start)])[:, :, 0]
        return found

    return framewise


class BssEval:
    """SDR, ISR, SIR and SAR per 1 s frame, and their medians over the frames that have a value. See `bss_eval`.

    version: `v4` (512-tap filters of the whole track) or `v3` (of each frame). references: `as_given`, or `int16`,
    which rounds and clips the references to 16 bits first, as pipelines that went through WAV files did; without that,
    noise-free panned and HRIR scenes give SDR alone and NaN with the reason for the others. Values are bounded to
    ±100 dB. A source that is silent in the scene gets NaN and a note, and the others are scored without it; all sources
    of the scene count as interference, whether or not they were estimated.
    """

    revision = 1
    measures = {
        "SDR": Measure("dB", higher_is_better=True),
        "ISR": Measure("dB", higher_is_better=True),
        "SIR": Measure("dB", higher_is_better=True),
        "SAR": Measure("dB", higher_is_better=True),
    }

    def __init__(self, *, version: Version = "v4", references: Literal["as_given", "int16"] = "as_given") -> None:
        self._version: Version = version
        self._references = references

    def prepare(self, scene: Scene) -> Scorer:
        """A scorer that holds the factored references."""
        references = {name: self._rounded(reference) for name, reference in scene.references.items()}
        heard = [name for name, reference in references.items() if not validate.is_silent(reference)]
        signals = [channel for name in heard for channel in references[name]]
        frames = _frames(scene.mixture.shape[1], scene.rate, 1.0, 1.0)
        score_all = _track_scorer(signals, 2, frames, self._version) if heard and frames else None

        def scores(estimates: Mapping[str, Samples]) -> Iterator[Score]:
            for name in estimates:
                if name not in heard or not frames:
                    reason = "shorter than one frame of 1 s" if name in heard else "the reference is silent"
                    yield from (Score(name, measure, float("nan"), note=reason) for measure in NAMES)
            scored = [name for name in heard if name in estimates]
            if not scored or score_all is None:
                return
            of = [heard.index(name) for name in scored]
            found = score_all([channel for name in scored for channel in estimates[name]], of)
            for index, name in enumerate(scored):
                yield from _rows(name, found[:, index])

        return scores

    def _rounded(self, reference: Samples) -> Samples:
        if self._references == "as_given":
            return reference
        return np.clip(np.round(reference * 32768.0), -32768, 32767) / 32768.0


def _rows(name: str, found: Floats) -> Iterator[Score]:
    """The rows of one source, from (4, frames)."""
    for measure, values in zip(NAMES, found, strict=True):
        bounded = np.clip(values, -LIMIT_DB, LIMIT_DB)
        is_singular = measure != "SDR" and np.isnan(values).all() and not np.isnan(found[0]).all()
        reason = SINGULAR if is_singular else "a reference or estimate is silent in every frame"
        kept = bounded[~np.isnan(bounded)]
        yield Score(
            name, measure, float(np.median(kept)) if len(kept) else float("nan"), note="" if len(kept) else reason
        )
        for frame, value in enumerate(bounded.tolist()):
            note = "" if value == value else SINGULAR if is_singular else "a reference or estimate is silent here"
            yield Score(name, measure, value, frame=frame, note=note)
