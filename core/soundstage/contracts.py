"""What plugin authors implement. Every contract is a plain class; nothing needs to be inherited.

The constructor's keyword parameters are the plugin's parameters: their names, annotations (`int`, `float`, `str`,
`bool`, `Path`, `Literal[…]`, `tuple[str, …]`, and `Mapping[str, …]`, which only a TOML entry can give) and defaults are
what `soundstage show` prints and what a grid may set. Constructing is cheap; heavy imports and weights belong in
`load`.

Optional on every plugin class:

- `revision`: a number or string to change whenever the plugin's numbers change; it is part of every result's address.
  Where it is absent the hash of the source file of the class stands in for it.
- `left_out_at_default`: parameters that came after results were stored. While one has its default, which must compute
  what was computed before it came, no address holds it, so that those results stay the same ones.
- `out_of_address`: parameters that say where and not what is computed, such as a device; no address holds them.
- `refusals`: of a spatializer, parameters that say what it refuses or gives notice of, and nothing of what it renders:
  spatializers that differ in them and in their files alone are heads to compare.
- `files(…)`: the files whose contents the result depends on. Their hashes are part of the address; paths never are.

What a plugin must be able to do is a protocol (`Dataset`, `Separator`, …); what it may be able to do besides is a
protocol of its own (`ReadsParts`, `LoadsWeights`, …), and the harness asks with `isinstance`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    from soundstage.audio import Samples
    from soundstage.draw import Draw
    from soundstage.scene import Placement, Scene, Track

Kind = Literal["datasets", "placements", "spatializers", "separators", "metrics"]
KINDS: tuple[Kind, ...] = ("datasets", "placements", "spatializers", "separators", "metrics")
SCENE_KINDS: tuple[Kind, ...] = ("datasets", "placements", "spatializers")
"""What a scene is made of."""

Need = Literal["sources", "source_count", "references", "gain", "placement", "cell", "renderer"]
NEEDS: tuple[Need, ...] = ("sources", "source_count", "references", "gain", "placement", "cell", "renderer")

Role = Literal["separator", "floor", "oracle", "ceiling"]


class Dataset(Protocol):
    """Lists track ids without reading audio; loads one track.

    What else it may be able to do: `NamesFilesOfTracks`, `KnowsExtents`, `KnowsSources`, `ReadsParts`, `ChecksItself`.
    Two attributes are read where they are there. `split_folder`: the folder, `train` or `test`, that its songs go to
    when they are written in MUSDB18-HQ's layout; without it the parameter `split` names the folder, and without that it
    is `test`. `lengths`: what it makes of a song's files where they differ in length, `shortest` or `longest`; then
    that is no finding.
    """

    def track_ids(self) -> Sequence[str]:
        """The ids of all tracks, each once, in a stable order."""

    def load(self, track_id: str) -> Track:
        """One track. Raises SoundstageError naming the track and the file where it cannot be had as declared."""


@runtime_checkable
class NamesFilesOfTracks(Protocol):
    """A dataset that knows which files a track is made of: their contents become part of its results' addresses."""

    def files(self, track_id: str) -> Sequence[Path]:
        """The files of the track that are there."""


@runtime_checkable
class KnowsExtents(Protocol):
    """A dataset that knows how long a track is without decoding it."""

    def extent(self, track_id: str) -> tuple[int, int]:
        """The track's rate in Hz and its samples, from headers. Raises as `load` does."""


@runtime_checkable
class KnowsSources(Protocol):
    """A dataset that knows a track's sources without reading audio: what an entry makes of a model's stems besides
    taking them by their names is part of the addresses of scenes alone on which it changes something.
    """

    def source_names(self, track_id: str) -> Sequence[str]:
        """The names of the stems that `load` gives the track. Raises as `load` does."""


@runtime_checkable
class ReadsParts(KnowsExtents, Protocol):
    """A dataset that decodes a part of a track alone; this is how excerpts are read. Of others the whole is loaded."""

    def load_part(self, track_id: str, start: int, stop: int) -> Track:
        """Exactly the samples of `load` from `start` to before `stop`."""


@runtime_checkable
class ChecksItself(Protocol):
    """A dataset that knows what `soundstage check` cannot see: what is missing, what is not as it was published.

    The harness itself goes through `files` and compares the headers of each track's files.
    """

    def check(self) -> Iterable[Finding]:
        """What there is, and what is wrong."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that checking a dataset has found, in a sentence.

    track, file: where, as far as it is about one. wrong: False where it only says what is there.
    """

    text: str
    track: str = ""
    file: Path | None = None
    wrong: bool = True


@runtime_checkable
class NamesFiles(Protocol):
    """A placement rule, spatializer or metric that depends on files; without it, on the files among its parameters."""

    def files(self) -> Sequence[Path]:
        """The files."""


class PlacementRule(Protocol):
    """Says where each source of a track sits. It may be one that `NamesFiles`."""

    def place(self, track_id: str, sources: Sequence[str], draw: Draw) -> Placement:
        """A placement of every source; all chance comes from `draw`."""


class Spatializer(Protocol):
    """Turns a track and a placement into a scene, deterministically. It may be one that `NamesFiles`.

    The mixture is the scene's gain times the sum of its references, and the harness checks that. Only where `details`
    have `mixture_minus_sum_db` (None for none) may it differ, by that: a dataset's own mixture.

    Optional: `uses_placement = False` where neither placement nor seed matters; then there is one scene a track, and
    `placement` is None.
    """

    def render(self, track: Track, placement: Placement | None) -> Scene:
        """The scene."""


@dataclass(frozen=True, slots=True, eq=False)
class Renderer:
    """The scene's own track and its own spatializer, for oracles that put sources elsewhere.

    placement: where the sources truly sit. images: renders the track to another placement, source → (2, samples), at
    the references' level, rate and length.
    """

    placement: Placement
    images: Callable[[Placement], Mapping[str, Samples]]


@dataclass(frozen=True, slots=True)
class Degradation:
    """The one thing that a probe does to the references, and how much of it.

    kind: its name, as in `rotate`. family: what it changes, which kinds may share, as in `image`. step: how much, in
    `unit`. worse: whether more of that is worse, or less, as of bits. mirrored: whether it is the twin that does to the
    right what the other does to the left. A probe that changes nothing that anybody could hear, such as rounding to 16
    bits, is of the kind NOTHING: what a metric cannot tell from that, it does not tell.
    """

    kind: str
    family: str
    step: float
    unit: str
    worse: Literal["more", "less"] = "more"
    mirrored: bool = False


NOTHING = "none"


@dataclass(frozen=True, slots=True)
class CellName:
    """What a cell is called; for separators that look something up, such as precomputed estimates."""

    dataset: str
    track: str
    placement: str
    spatializer: str
    seed: int


class Separator(Protocol):
    """Turns a mixture into estimates, one two-channel image per source.

    What else it may be able to do: `LoadsWeights`, `NamesFilesOfCells`. Optional class or instance attributes:

    - `needs`: names out of NEEDS that `separate` wants as keyword arguments; nothing else is handed over. `sources`:
      the names wanted. `source_count`: how many there are. `references`: source → (2, samples). `gain`: see Scene.
      `placement`: a Placement, with the azimuths that the placement rule lets separators know. `cell`: a CellName.
      `renderer`: a Renderer, None where the spatializer places nothing; no other process can be given one.
    - `sources`: the names it can return; None (default) means whatever the scene has (then it needs `sources` or more).
    - `rate`: its native rate in Hz; the mixture is resampled to it and the estimates back, and that is recorded. None
      (default) means any.
    - `details`: facts for the provenance, JSON values, read after `separate`: the device, what was loaded.
    - `named = False`: `separate` returns a sequence of unnamed images; core assigns them to the sources by the best
      SI-SDR permutation and marks the row.
    - `may_lack = True`: `separate` may leave out sources; their rows are skipped. Not for models, which declare
      `sources`.
    - `keeps_image = False`: it never meant to leave its sources where they are, as a model of one channel or one that
      pans anew; the checks of `soundstage.testing` do not hold it to that, and scores are what they are.
    - `from_files = True`: others wrote what `separate` returns, to files; what that did to it (a gain, a delay, …) is
      looked for and said beside the numbers.
    - `distinguishes`: of a separator that looks its cells up, the attributes of CellName that tell them apart. A grid
      in which another attribute varies is refused, for two scenes would be given the same estimates.
    - `trained_on`: what a model learnt from, in the words of `soundstage.heard`: a data set by the name that grids call
      it, a split of one (`musdb18hq:train`), `more` for songs that nobody can list, `not` before what was none of it;
      an empty tuple for what learns from nothing. None (default): not stated. A registry entry's goes before it.
    - `role`: `separator` (default), `floor`, `oracle` or `ceiling`; what needs `references` or `renderer` is at least
      an oracle.
    - `degradation`: of a probe, the Degradation that it is; see docs/audiometry.md.
    """

    def separate(
        self, mixture: Samples, rate: int, *nothing: Any, **needed: Any
    ) -> Mapping[str, Samples] | Sequence[Samples]:
        """The estimates of a mixture of shape (2, samples) at `rate` Hz, each (2, samples).

        Of keyword arguments it is given those that it declares in `needs`, and of others none.
        """


@runtime_checkable
class LoadsWeights(Protocol):
    """A separator with something to load before the first `separate`, once a worker."""

    def load(self, device: str) -> None:
        """Load weights. device: auto, cpu, cuda, cuda:N or mps."""


@runtime_checkable
class NamesFilesOfCells(Protocol):
    """A separator that depends on files: weights, or for one cell the precomputed files."""

    def files(self, cell: CellName | None) -> Sequence[Path]:
        """The files; cell: which cell, None for those that no cell in particular needs."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a separator can do with files that somebody has."""

    params: Mapping[str, Any]
    """Its parameters with which it uses them."""

    files: Sequence[str]
    """Those of the parameters that name one of these files each."""

    rivals: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Other readings of the files that the files do not exclude: a phrase (`a hop of 441`) → parameters in place."""

    doubts: Sequence[str] = ()
    """Phrases on what in the files is at odds."""


class MakesEntries(Protocol):
    """A separator's class that makes registry entries of files that people have. It is registered with `takes`."""

    @classmethod
    def offer(cls, files: Sequence[Path], params: Mapping[str, Any]) -> Offer:
        """What it can do with these files. params: those that the user gives. Nothing of the files is run.

        Raises SoundstageError where they are not one model's, and says why.
        """


@dataclass(frozen=True, slots=True)
class Measure:
    """What one value of a metric is.

    headline: whether it is a column of the leaderboard unless others are asked for. label: the column's short name
    where it differs from the measure's (`ΔITD`). decimals: how many of a value tables show, which is no part of any
    address: at most 15, and as many as a reader can tell apart. follows, ignores: the kinds or families of probes
    (see Degradation) that it claims to move with and to stay still for; `soundstage audiometry` holds it to that.
    """

    unit: str
    higher_is_better: bool
    headline: bool = True
    label: str = ""
    decimals: int = 2
    follows: tuple[str, ...] = ()
    ignores: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if type(self.decimals) is not int or not 0 <= self.decimals <= 15:
            raise ValueError(f"decimals of a measure are {self.decimals!r}; give a whole number from 0 to 15")
        for name, claim in (("follows", self.follows), ("ignores", self.ignores)):
            if not isinstance(claim, tuple) or not all(isinstance(one, str) for one in claim):
                raise ValueError(f'{name} of a measure is {claim!r}; give a tuple of names, as in ("image", "gain")')


@dataclass(frozen=True, slots=True)
class Score:
    """One value of one measure. frame is None for the whole track.

    value: NaN where there is no honest value; then `note` says why.
    ranked: False where the value is shown but must not be ranked on; then `note` says why.
    """

    source: str
    name: str
    value: float
    frame: int | None = None
    note: str = ""
    ranked: bool = True


SKIPPED = "skipped: "
"""How the note of a score begins that has no value because the separator does not have the source."""

Scorer = Callable[["Mapping[str, Samples]"], Iterable[Score]]


class Metric(Protocol):
    """Scores estimates against a scene, in two steps so that work on the references is done once a scene.

    It may be one that `NamesFiles`. Optional: `compares_channels = True` where it measures what lies between the
    channels; then it has no values on a scene that was one channel to begin with, and is not asked for them.
    """

    @property
    def measures(self) -> Mapping[str, Measure]:
        """Name → Measure of everything that the scorer may return; a class attribute will do."""

    def prepare(self, scene: Scene) -> Scorer:
        """A scorer of estimates (source → (2, samples)) of that scene; keep what depends on the references in it.

        The estimates may lack sources that the separator does not have; score the others.
        """
