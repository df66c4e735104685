"""What flows through a cell: a track, where its sources sit, and the scene that rendering makes of both."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from soundstage.errors import SoundstageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from soundstage.audio import Samples


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One song: named stems of equal length at one rate.

    stems: source name → float64 array (channels, samples), one or two channels.
    mixture: the dataset's own mixture, (2, samples) or (1, samples), where it has one.
    lossy: name of each of its files that was coded lossily → the coding (Vorbis, Opus, MPEG Layer III, …).
    fitted: name of each of its files that was cut, or went on in silence, to the song's length → its own, in samples.
    """

    id: str
    rate: int
    stems: Mapping[str, Samples]
    mixture: Samples | None = None
    lossy: Mapping[str, str] = field(default_factory=dict)
    fitted: Mapping[str, int] = field(default_factory=dict)


def signed_azimuth(azimuth: float) -> float:
    """The azimuth in degrees brought to (−180, 180]."""
    wrapped = azimuth % 360.0
    return wrapped - 360.0 if wrapped > 180.0 else wrapped


@dataclass(frozen=True, slots=True)
class Motion:
    """The way of a moving source: straight from one azimuth to the next, which are not wrapped at ±180 degrees.

    seconds: ascending, from 0, the start of the scene. azimuths: in degrees, counter-clockwise; from 170 to 190 goes by
    way of the back. repeats: whether it begins again after the last, which is then where the first is; otherwise the
    source stays there. Raises ValueError where these do not fit.
    """

    seconds: tuple[float, ...]
    azimuths: tuple[float, ...]
    repeats: bool = False

    def __post_init__(self) -> None:
        if len(self.seconds) != len(self.azimuths) or len(self.seconds) < 2:
            raise ValueError("a motion has two or more times, and an azimuth for each")
        if not all(map(math.isfinite, (*self.seconds, *self.azimuths))):
            raise ValueError("a motion has times and azimuths that are no numbers")
        if self.seconds[0] != 0.0 or any(one >= other for one, other in itertools.pairwise(self.seconds)):
            raise ValueError("the times of a motion begin at 0 and ascend")
        if self.repeats and abs(signed_azimuth(self.azimuths[-1] - self.azimuths[0])) > 1e-6:
            raise ValueError("a motion that repeats ends where it began")

    def azimuth(self, seconds: ArrayLike) -> NDArray[np.float64]:
        """The azimuth in degrees, not wrapped, at each of these times: (times,) in seconds from the scene's start."""
        import numpy as np

        times = np.asarray(seconds, dtype=np.float64)
        if self.repeats:
            times = times % self.seconds[-1]
        return np.interp(times, self.seconds, self.azimuths)

    def turned(self, degrees: float) -> Motion:
        """The same way, further to the left by so many degrees."""
        return Motion(self.seconds, tuple(azimuth + degrees for azimuth in self.azimuths), self.repeats)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where each source sits, in degrees counter-clockwise: 0 in front, +90 left (AES69).

    panning: how an azimuth becomes a panning angle, `half` (α = azimuth / 2) or `same` (α = azimuth).
    told: the azimuths that separators which need the placement are told, where those are not the true ones.
    motions: the ways of the sources that move; such a source's azimuth is the one at which it starts.
    """

    azimuths: Mapping[str, float]
    elevations: Mapping[str, float] = field(default_factory=dict)
    panning: Literal["half", "same"] = "half"
    told: Mapping[str, float] = field(default_factory=dict)
    motions: Mapping[str, Motion] = field(default_factory=dict)

    def as_told(self) -> Placement:
        """What an informed separator gets to know: the same, the told azimuths in place of the true ones."""
        return Placement({**self.azimuths, **self.told}, self.elevations, self.panning, motions=self.motions)

    def turned(self, degrees: float) -> Placement:
        """Every source further to the left by so many degrees, those that move too."""
        return replace(
            self,
            azimuths={source: azimuth + degrees for source, azimuth in self.azimuths.items()},
            motions={source: motion.turned(degrees) for source, motion in self.motions.items()},
        )

    def elevation(self, source: str) -> float:
        """The source's elevation in degrees, 0 unless given."""
        return self.elevations.get(source, 0.0)

    def panning_angle(self, source: str) -> float:
        """The source's panning angle α in degrees, positive to the left; ±45 is hard left and right.

        Raises SoundstageError for a source that moves: it has no one angle.
        """
        if source in self.motions:
            raise SoundstageError(f"'{source}' moves, so it has no one panning angle; place it at rest")
        return self.panning_angle_at(self.azimuths[source])

    def panning_angle_at(self, azimuth: float) -> float:
        """The panning angle α of an azimuth."""
        signed = signed_azimuth(azimuth)
        return signed / 2 if self.panning == "half" else signed


@dataclass(frozen=True, slots=True, eq=False)
class HrirTable:
    """The HRIRs of the horizontal plane that a scene was rendered with, for metrics that turn cues into angles.

    azimuths, elevations: (directions,) in degrees, counter-clockwise, azimuths ascending within (−180, 180].
    responses: (directions, 2, taps) at the scene's rate, left ear first.
    """

    azimuths: NDArray[np.float64]
    elevations: NDArray[np.float64]
    responses: NDArray[np.float64]


class SceneFacts(TypedDict, total=False):
    """What a cell's record keeps of its scene. Empty where the scene could not be rendered.

    rate: Hz. samples: of the mixture. gain: the mixture is this factor times the sum of the references. latency:
    samples by which rendering delayed everything. azimuths: source → degrees, counter-clockwise: 90 is left; None where
    nothing is placed. elevations: source → degrees. panning: how an azimuth becomes a panning angle. moves: source →
    seconds, azimuths, repeats, of sources that move; see `Motion`. told: azimuths in degrees that informed separators
    are told, where they are not the true ones. details: what the spatializer says of its work. excerpt: which part of
    the track it is, where it is not the whole.
    """

    rate: int
    samples: int
    gain: float
    latency: int
    azimuths: dict[str, float] | None
    elevations: dict[str, float] | None
    panning: Literal["half", "same"] | None
    moves: dict[str, dict[str, Any]]
    told: dict[str, float]
    details: dict[str, Any]
    excerpt: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A two-channel mixture and the two-channel image of every source in it.

    mixture: float64 (2, samples). references: source name → float64 (2, samples).
    gain: the mixture is gain × the sum of the references (but for a dataset's own mixture, see details).
    latency: samples by which rendering delayed every source alike, mixture and references together.
    details: facts about the rendering that belong in the provenance; JSON values only. `notices`, a list of sentences,
    is what whoever reads the scores should be told; `mixture_minus_sum_db` is how far a dataset's own mixture is from
    the sum of the references, in dB relative to the mixture; `moves` names the sources that it moves, which must be all
    that the placement moves.
    hrirs: the horizontal plane of the HRIR set that rendered it, where one did.
    """

    rate: int
    mixture: Samples
    references: Mapping[str, Samples]
    placement: Placement | None = None
    gain: float = 1.0
    latency: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)
    hrirs: HrirTable | None = None

    def facts(self) -> SceneFacts:
        """What rendering found out, for the provenance. Azimuths are in degrees, counter-clockwise: 90 is left."""
        placement = self.placement
        return {
            "rate": self.rate,
            "samples": int(self.mixture.shape[1]),
            "gain": self.gain,
            "latency": self.latency,
            "azimuths": _degrees(placement.azimuths) if placement else None,
            "elevations": {source: float(placement.elevation(source)) for source in self.references}
            if placement
            else None,
            "panning": placement.panning if placement else None,
            **(
                {"moves": {source: asdict(way) for source, way in placement.motions.items()}}
                if placement and placement.motions
                else {}
            ),
            **({"told": _degrees(placement.told)} if placement and placement.told else {}),
            "details": dict(self.details),
        }


def _degrees(angles: Mapping[str, float]) -> dict[str, float]:
    return {source: float(angle) for source, angle in angles.items()}
