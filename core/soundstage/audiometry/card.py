"""Cards: what is known of a measure, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Curve:
    """How a measure responds to one kind of probe, over all scores or those of one source. Values are in its unit."""

    kind: str
    family: str
    unit: str
    """Of the steps."""

    steps: tuple[float, ...]
    """The mildest first; one, which means nothing, of a kind that is whole or not at all."""

    value: tuple[float, ...]
    """The median at each step."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    """The least and the greatest."""

    lost: tuple[float, ...]
    """The median of how much worse than the perfect estimate in the same scene it is."""

    told: tuple[float, ...]
    """In which share of the scores each step is told from none."""

    without: tuple[float, ...]
    """Which share has no value at each step."""

    smallest: float | None
    """The smallest step that it tells from none, as all greater ones, in 95 % of the scores."""

    monotony: float
    """From −1 to 1; see audiometry.statistics, as for smoothness."""

    smoothness: float

    @property
    def has_steps(self) -> bool:
        """Whether there is more of it and less."""
        return len(self.steps) > 1 or bool(self.unit)


Rule = Literal["blind", "moves", "slight", "unsteady", "jumps", "empty", "loses", "better", "lopsided"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a measure, by a rule that holds for every measure; see audiometry.findings."""

    rule: Rule
    kinds: tuple[str, ...]
    sources: tuple[str, ...]
    """On which sources; empty for all."""

    text: str
    """A sentence without a subject: `scores swap as perfect`."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of processor time a minute of audio, all sources of a scene together."""

    first: float
    """For the first separator of a scene."""

    further: float


@dataclass(frozen=True, slots=True)
class Card:
    """What a measure is worth. Shares are from 0 to 1; NaN where nothing is known."""

    metric: str
    name: str
    label: str
    unit: str
    higher_is_better: bool
    decimals: int
    follows: tuple[str, ...]
    ignores: tuple[str, ...]
    """What it claims to move with and to stay still for: kinds of probes, or their families."""

    unprobed: tuple[str, ...]
    """What it claims something of that the grid has no probe of."""

    scores: int
    """How many perfect estimates were scored."""

    sources: tuple[str, ...]
    ceiling: float
    """The median for the perfect estimate."""

    floors: Mapping[str, float]
    """The median for each floor."""

    span: float
    """From the ceiling to the worst that a probe which it should follow, or a floor, makes of it."""

    without: float
    """Which share of the perfect estimates has no value, and the reason given most often."""

    reason: str
    doubted: float
    """Which share of the perfect estimates has a value that must not be ranked on."""

    curves: tuple[Curve, ...]
    by_source: Mapping[str, tuple[Curve, ...]]
    responsive: float
    """The mean monotony over what it claims to follow."""

    selective: float
    """1 less the share of its span that it moves at worst with what it claims to ignore."""

    smooth: float
    """The mean smoothness over what it claims to follow."""

    mirrored: float
    """1 less the share of its span by which a score and that of the mirrored probe in the mirrored scene differ."""

    cost: Cost
    findings: tuple[Finding, ...] = field(default=())

    def claims(self, kind: str, family: str) -> Literal["follows", "ignores", ""]:
        """What it claims of a kind; what it says of the kind itself goes before what it says of its family."""
        for named in (kind, family):
            if named in self.follows:
                return "follows"
            if named in self.ignores:
                return "ignores"
        return ""

    def curve(self, kind: str, source: str = "") -> Curve | None:
        """Its response to that kind, over all scores or those of one source."""
        curves: Sequence[Curve] = self.by_source.get(source, ()) if source else self.curves
        return next((curve for curve in curves if curve.kind == kind), None)


@dataclass(frozen=True, slots=True)
class Audiometry:
    """The cards of a grid."""

    grid: str
    """Its name, revision and short hash."""

    scenes: int
    seconds: float
    """Of audio, all scenes together."""

    cards: tuple[Card, ...]
    failed: tuple[str, ...] = ()
    """A sentence for each probe or metric that came to nothing somewhere."""
