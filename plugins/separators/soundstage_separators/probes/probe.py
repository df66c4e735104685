"""The probe: a separator that returns the references with one known thing done to them.

No model, and no competitor: an oracle whose degradation is known, so that what a metric says of it says what the metric
is worth. `soundstage audiometry` runs them all; docs/audiometry.md lists them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from soundstage.contracts import NOTHING, Degradation
from soundstage.errors import SoundstageError
from soundstage_separators.probes import added, coding, image, signal

if TYPE_CHECKING:
    from soundstage.audio import Samples
    from soundstage.contracts import Need, Renderer, Role

OfImages = Literal["rotate", "itd", "ild", "widen", "narrow", "swap", "mono", "invert_one"]
OfSignals = Literal["none", "gain", "delay", "invert", "lowpass", "reverb", "bleed", "bleed_here"]
OfArtefacts = Literal["residual", "musical", "quantise", "vorbis", "opus", "dropouts"]
Kind = Literal[OfImages, OfSignals, OfArtefacts]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What a probe works on: one source's image (2, samples) at the mixture's level, and what lies around it."""

    image: Samples
    others: Callable[[], Samples]
    """The sum of the other sources' images."""

    others_here: Callable[[], Samples]
    """The same, all of them rendered to where this source is."""

    rotated: Callable[[float], Samples]
    """This source, rendered so many degrees further to the left."""

    rate: int
    seed: int
    """Of chance: another for each source, the same for all steps."""


Does = Callable[[Source, float], "Samples"]


@dataclass(frozen=True, slots=True)
class Way:
    """A kind of probe. steps: the least and the greatest that it takes; none where it has no steps.

    renders: whether it needs the scene's own renderer.
    """

    family: str
    does: Does
    unit: str = ""
    steps: tuple[float, float] | None = None
    worse: Literal["more", "less"] = "more"
    renders: bool = False


WAYS: Mapping[str, Way] = {
    NOTHING: Way("none", lambda one, _: signal.quantised(one.image, 16.0)),
    "rotate": Way("image", lambda one, step: one.rotated(step), "°", (-180.0, 180.0), renders=True),
    "itd": Way("image", lambda one, step: image.left_leading(one.image, step, one.rate), "µs", (0.0, 1e6)),
    "ild": Way("image", lambda one, step: image.left_louder(one.image, step), "dB", (-200.0, 200.0)),
    "widen": Way("image", lambda one, step: image.with_width(one.image, 1.0 + step / 100.0), "%", (0.0, 1e6)),
    "narrow": Way("image", lambda one, step: image.with_width(one.image, 1.0 - step / 100.0), "%", (0.0, 100.0)),
    "swap": Way("image", lambda one, _: image.swapped(one.image)),
    "mono": Way("image", lambda one, _: image.mono(one.image)),
    "invert_one": Way("image", lambda one, _: image.left_inverted(one.image)),
    "gain": Way("level", lambda one, step: signal.gained(one.image, step), "dB", (-200.0, 200.0)),
    "delay": Way("time", lambda one, step: signal.delayed(one.image, round(step)), "samples", (0.0, 1e9)),
    "invert": Way("polarity", lambda one, _: signal.inverted(one.image)),
    "bleed": Way("sources", lambda one, step: _with(one, one.others(), step), "dB", (-200.0, 200.0)),
    "bleed_here": Way(
        "sources", lambda one, step: _with(one, one.others_here(), step), "dB", (-200.0, 200.0), renders=True
    ),
    "residual": Way(
        "artefacts",
        lambda one, step: _with(one, added.noise(one.image.shape[1], one.seed), step),
        "dB",
        (-200.0, 200.0),
    ),
    "musical": Way(
        "artefacts", lambda one, step: signal.with_holes(one.image, step / 100.0, one.seed), "%", (0.0, 100.0)
    ),
    "quantise": Way("artefacts", lambda one, step: signal.quantised(one.image, step), "bits", (1.0, 32.0), "less"),
    "vorbis": Way("artefacts", lambda one, step: coding.coded(one.image, one.rate, "vorbis", step), "", (0.0, 1.0)),
    "opus": Way("artefacts", lambda one, step: coding.coded(one.image, one.rate, "opus", step), "", (0.0, 1.0)),
    "dropouts": Way("artefacts", lambda one, step: signal.with_gaps(one.image, step, one.rate), "ms", (0.0, 500.0)),
    "lowpass": Way(
        "tone", lambda one, step: signal.low_passed(one.image, step, one.rate), "Hz", (1.0, 1e6), worse="less"
    ),
    "reverb": Way(
        "room", lambda one, step: _with(one, added.room(one.image, one.rate, one.seed), step), "dB", (-200.0, 200.0)
    ),
}


def _with(one: Source, what: Samples, level_db: float) -> Samples:
    return one.image + added.at_level(what, one.image, level_db)


class Probe:
    """The references at the mixture's level with one thing done to each, by so much.

    kind: what is done. step: how much, in the kind's own unit; 0 for a kind that is whole or not at all. mirrored: to
    the right what it does to the left, and the other way round.
    """

    revision = 1
    role: Role = "oracle"

    def __init__(self, *, kind: Kind, step: float = 0.0, mirrored: bool = False) -> None:
        """Raises SoundstageError for a step that the kind does not take."""
        if kind not in get_args(Kind):
            raise SoundstageError(f"probe '{kind}' is unknown; the probes are {', '.join(WAYS)}")
        way = WAYS[kind]
        low, high = way.steps or (0.0, 0.0)
        if not low <= step <= high:
            takes = f"takes a step from {low:g} to {high:g} {way.unit}".rstrip() if way.steps else "takes no step"
            raise SoundstageError(f"probe '{kind}': step={step:g}; it {takes}")
        if kind == "delay" and step != round(step):
            raise SoundstageError(f"probe 'delay': step={step:g}; give a whole number of samples")
        self._kind, self._step, self._way, self._mirrored = kind, step, way, mirrored
        self.needs: tuple[Need, ...] = ("references", "gain", "renderer") if way.renders else ("references", "gain")
        self.degradation = Degradation(kind, way.family, step, way.unit, way.worse, mirrored)

    def separate(
        self,
        mixture: Samples,
        rate: int,
        *,
        references: Mapping[str, Samples],
        gain: float,
        renderer: Renderer | None = None,
    ) -> dict[str, Samples]:
        """The degraded references (2, samples). Raises SoundstageError where the scene's sources were not placed and
        are to be elsewhere.
        """
        if self._way.renders and renderer is None:
            raise SoundstageError(
                f"probe '{self._kind}' puts sources elsewhere, and this scene's were not placed; take a spatializer"
                " that places them"
            )
        images = {source: reference * gain for source, reference in references.items()}
        around = _Around(images, gain, rate, renderer)
        return {source: self._done(around.of(source)) for source in images}

    def _done(self, one: Source) -> Samples:
        """To the source; its twin by exchanging the channels before and after."""
        if not self._mirrored:
            return np.asarray(self._way.does(one, self._step), np.float64)
        turned = replace(
            one,
            image=image.swapped(one.image),
            others=lambda: image.swapped(one.others()),
            others_here=lambda: image.swapped(one.others_here()),
            rotated=lambda degrees: image.swapped(one.rotated(-degrees)),
        )
        return image.swapped(np.asarray(self._way.does(turned, self._step), np.float64))


class _Around:
    """The scene that a source lies in."""

    def __init__(self, images: Mapping[str, Samples], gain: float, rate: int, renderer: Renderer | None) -> None:
        self._images, self._gain, self._rate, self._renderer = images, gain, rate, renderer
        self._rotated: dict[float, Mapping[str, Samples]] = {}

    def of(self, source: str) -> Source:
        """What a probe is given of one source."""
        return Source(
            self._images[source],
            lambda: self._sum_but(source, self._images),
            lambda: self._others_here(source),
            lambda degrees: self._turned(degrees)[source] * self._gain,
            self._rate,
            zlib.crc32(source.encode()),
        )

    def _sum_but(self, source: str, images: Mapping[str, Samples]) -> Samples:
        return sum((one for name, one in images.items() if name != source), np.zeros_like(self._images[source]))

    def _others_here(self, source: str) -> Samples:
        assert self._renderer is not None
        placement = self._renderer.placement
        here = placement.azimuths[source]
        elevations = dict.fromkeys(placement.azimuths, placement.elevation(source))
        way = placement.motions.get(source)
        moved = replace(
            placement,
            azimuths=dict.fromkeys(placement.azimuths, here),
            elevations=elevations,
            motions={} if way is None else dict.fromkeys(placement.azimuths, way),
        )
        return self._sum_but(source, self._renderer.images(moved)) * self._gain

    def _turned(self, degrees: float) -> Mapping[str, Samples]:
        """Every source further to the left by so many degrees; rendered once for all of them."""
        assert self._renderer is not None
        if degrees not in self._rotated:
            self._rotated[degrees] = self._renderer.images(self._renderer.placement.turned(degrees))
        return self._rotated[degrees]
