"""What is kept of a cell, of a grid and of a run: their shapes, each written and read here alone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, NotRequired, TypedDict, cast, get_args

import pyarrow as pa
import pyarrow.compute as pc

from soundstage.contracts import Degradation, Measure, Role, Score
from soundstage.errors import storable
from soundstage.results.shape import shaped
from soundstage.scene import SceneFacts

Status = Literal["ok", "failed", "timeout", "oom", "crashed", "skipped", "not-installed"]
"""How separation or a metric went. `skipped`: it had nothing to work on, since something before it went wrong."""

STATUSES: tuple[Status, ...] = get_args(Status)

LABELS = ("dataset", "track", "placement", "spatializer", "seed", "separator")
"""The columns of a plan's cells that say what a cell is."""

ROWS = pa.schema(
    [
        ("score", pa.string()),
        ("source", pa.string()),
        ("name", pa.string()),
        ("unit", pa.string()),
        ("value", pa.float64()),
        ("frame", pa.int32()),
        ("note", pa.string()),
        ("ranked", pa.bool_()),
    ]
)
METADATA = b"soundstage"
"""The key of our facts in a Parquet file's metadata."""


class Details(TypedDict, total=False):
    """What is known of how a stage went. A separator may tell more, under keys of its own."""

    made_by: Mapping[str, Any]  # the separator's identity, as it went into the address
    killed_from_outside: bool  # somebody else killed its worker, which is no evidence against it
    separated_s: float  # seconds that separating took, loading the model and rendering the scene left out
    peak_mb: float  # megabytes that the worker and its processes held at most meanwhile
    gpu_peak_mb: float  # megabytes that torch held at most on a GPU meanwhile
    kept: bool  # the estimates were kept by an earlier run, and nothing was separated
    resampled: dict[str, Any]  # from and to (Hz), where the separator has a rate of its own
    derived: dict[str, list[str]]  # a source that is the sum of others → those
    notices: list[str]  # what whoever reads the scores should be told
    best_gain: dict[str, float]  # source → what its estimate was multiplied by, where that was asked for
    written: dict[str, dict[str, str]]  # source → kind → what was done to a stem that others wrote to a file
    assigned: dict[str, Any]  # how unnamed outputs were given to the sources
    ran_on: Mapping[str, Any]  # the machine, where that is another one than the run's
    environment: dict[str, str]  # versions in a separator script's environment
    provenance: str  # "claimed", where somebody else measured the scores
    files: dict[str, dict[str, str]]  # of claims: metric → the file that they come from, and its SHA-256


def told_details(own: Details, told: Mapping[str, Any]) -> Details:
    """The harness's own details with what a separator tells besides, which JSON must be able to hold.

    What the separator tells under a key of ours counts: it comes through `pipeline.separate`, which writes ours last.
    """
    return cast("Details", {**own, **told})


@dataclass(frozen=True, slots=True)
class Stage:
    """How separation or one metric went."""

    status: Status
    error: str = ""
    """A sentence, where it is not ok."""

    traceback: str = ""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    details: Details = field(default_factory=Details)

    run: str = ""
    """The id of the run in which, where the record's own is another."""

    def __post_init__(self) -> None:
        """Whatever a plugin said can be stored and shown."""
        object.__setattr__(self, "error", storable(self.error))
        object.__setattr__(self, "traceback", storable(self.traceback))

    @property
    def is_ok(self) -> bool:
        """Whether it came to its end."""
        return self.status == "ok"

    @property
    def was_killed_from_outside(self) -> bool:
        """Whether somebody else killed its worker, which is no evidence against it."""
        return self.details.get("killed_from_outside", False)

    @property
    def went_wrong(self) -> bool:
        """Whether it is itself at fault; what was skipped is not."""
        return self.status not in ("ok", "skipped")


@dataclass(frozen=True, slots=True)
class CellRecord:
    """One cell's statuses and provenance."""

    address: str
    separation: Stage
    scores: Mapping[str, Stage] = field(default_factory=dict)
    """Score address → how it went."""

    scene: SceneFacts = field(default_factory=SceneFacts)
    """What rendering found out; empty where nothing was rendered."""

    run: str = ""
    """The id of the run that separated it."""

    @property
    def is_troubled(self) -> bool:
        """Whether any stage is not ok."""
        return not self.separation.is_ok or any(not stage.is_ok for stage in self.scores.values())

    def is_ok(self, score: str) -> bool:
        """Whether that score is there."""
        return score in self.scores and self.scores[score].is_ok

    @property
    def notices(self) -> list[str]:
        """What whoever reads the scores should be told of the scene, and of how its estimates came about."""
        said = (self.scene.get("details", {}).get("notices"), self.separation.details.get("notices"))
        return [str(one) for told in said if isinstance(told, list) for one in told]

    @property
    def cost(self) -> tuple[float | None, float | None, float | None]:
        """The real-time factor of separating (seconds a second of audio), and the peaks of memory and of the GPU's, in
        MB; None where it was not measured."""
        details = self.separation.details
        if not self.separation.is_ok or "separated_s" not in details:
            return None, None, None
        factor = _number(details["separated_s"]) / self.audio_s if self.audio_s else None
        peak, gpu = (_number(details[key]) if key in details else None for key in ("peak_mb", "gpu_peak_mb"))
        return factor, peak, gpu

    @property
    def audio_s(self) -> float:
        """Seconds of audio that the cell went through; 0 where no scene was rendered."""
        return self.scene["samples"] / self.scene["rate"] if "samples" in self.scene and "rate" in self.scene else 0.0


def _number(value: Any) -> float:
    """A number that was stored; NaN where something else was."""
    return float(value) if isinstance(value, (int, float)) else math.nan


class SeparatorFacts(TypedDict):
    """What readers of a plan must know of a separator."""

    role: Role
    blind: bool  # it saw the mixture alone
    named: bool  # its outputs have names; else they were assigned by the references
    needs: list[str]  # what it asked for besides the mixture
    claimed: NotRequired[bool]  # others measured it
    said: NotRequired[bool]  # of claims: a file says the role, which else goes by the name
    trained_on: NotRequired[list[str] | None]  # the songs it learnt from, see soundstage.heard; None: not stated
    degradation: NotRequired[DegradationFacts]  # of probes


class DegradationFacts(TypedDict):
    """What a probe does: see `soundstage.contracts.Degradation`."""

    kind: str
    family: str
    step: float
    unit: str
    worse: Literal["more", "less"]
    mirrored: bool


class MeasureFacts(TypedDict):
    """What a measure is: see `soundstage.contracts.Measure`."""

    unit: str
    higher_is_better: bool
    headline: bool
    label: str
    decimals: NotRequired[int]
    follows: NotRequired[list[str]]
    ignores: NotRequired[list[str]]


class Setting(TypedDict):
    """What a label of the grid stands for."""

    plugin: str
    parameters: dict[str, Any]  # all of them, a path as "file"
    refusals: NotRequired[list[str]]  # of a spatializer: which of them say what is refused and not what is rendered
    songs: NotRequired[str]  # of a data set: which songs it holds, where its entry says so, see soundstage.heard


class Recipe(TypedDict):
    """What makes the plan again; see soundstage.planning.lock."""

    entries: dict[str, dict[str, dict[str, Any]]]  # kind → entry → as a registry writes it
    grid: dict[str, Any]  # as TOML writes it
    parts: dict[str, dict[str, Any]]  # `KIND LABEL` → what went into the addresses of that plugin


class PlanFacts(TypedDict):
    """A grid as it was planned."""

    id: str  # its name and short hash, as the file is called
    name: str
    revision: int
    hash: str  # of every address in it
    created: NotRequired[str]  # ISO 8601, when it was put there
    summary: NotRequired[str]
    citation: NotRequired[str]
    axes: NotRequired[dict[str, list[str]]]  # kind → labels
    seeds: NotRequired[list[int]]
    separators: dict[str, SeparatorFacts]  # by label
    metrics: dict[str, dict[str, MeasureFacts]]  # label → its measures
    settings: NotRequired[dict[str, dict[str, Setting]]]  # kind → label → what it stands for
    excerpt: NotRequired[dict[str, Any] | None]  # which part of each track, None for all of it
    recipe: NotRequired[Recipe]


class GridName(TypedDict):
    """Which grid a run was of."""

    name: str
    revision: int
    hash: str


class RunFacts(TypedDict, total=False):
    """What ran where. Claims have `provenance`, `imported` and `files` instead of a machine."""

    id: str  # the run's
    grid: GridName
    seeds: list[int]
    versions: dict[str, str]  # distribution → version
    python: str
    platform: str
    machine: str
    processor: str | None
    memory_gb: float
    gpus: list[str]
    host: str
    cpus: int | None
    workers: int
    scorers: int  # besides the workers, where those only separate
    blas_threads: int
    isolated: dict[str, list[str]]  # separators that ran in processes of their own, and all that they were given
    started: str  # ISO 8601
    ended: str | None  # None while it runs, or where it was killed
    cells_there: int  # of its grid, when it ended
    provenance: str  # "claimed"
    imported: str  # ISO 8601
    files: list[dict[str, Any]]  # of claims
    sha256: str  # of all this but itself


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A grid as it was planned."""

    cells: pa.Table
    """Columns `cell` (its address), LABELS, and `score:METRIC` for each metric (the score's address, or null)."""

    facts: PlanFacts


def record_text(record: CellRecord) -> str:
    """The record as JSON."""
    return json.dumps(asdict(record), sort_keys=True)


def record_of(text: str | bytes) -> CellRecord:
    """The record that the JSON holds. Raises ValueError where it holds none."""
    try:
        facts = _parsed(text)
        stages = {str(score): _stage(stage) for score, stage in facts["scores"].items()}
        record = CellRecord(facts["address"], _stage(facts["separation"]), stages, facts["scene"], facts["run"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no record of a cell ({type(error).__name__}: {error})") from None
    if not isinstance(record.address, str) or not isinstance(record.run, str):
        raise ValueError("its address or run is no text")
    shaped(record.scene, SceneFacts, "its scene")
    return record


def _stage(facts: Mapping[str, Any]) -> Stage:
    """Checked by hand: a folder holds tens of thousands of them."""
    stage = Stage(**facts)
    if stage.status not in STATUSES:
        raise ValueError(f"a stage has the status {stage.status!r}")
    numbers = type(stage.wall_s) in (int, float) and type(stage.cpu_s) in (int, float)
    if not numbers or not isinstance(stage.details, dict) or not isinstance(stage.run, str):
        raise ValueError("a stage's times, details or run are not what they should be")
    return stage


def measure_facts(measure: Measure) -> MeasureFacts:
    """What a plan keeps of a measure."""
    return {
        "unit": measure.unit,
        "higher_is_better": measure.higher_is_better,
        "headline": measure.headline,
        "label": measure.label,
        "decimals": measure.decimals,
        "follows": list(measure.follows),
        "ignores": list(measure.ignores),
    }


def degradation_facts(degradation: Degradation) -> DegradationFacts:
    """What a plan keeps of what a probe does."""
    return {
        "kind": degradation.kind,
        "family": degradation.family,
        "step": float(degradation.step),
        "unit": degradation.unit,
        "worse": degradation.worse,
        "mirrored": degradation.mirrored,
    }


def plan_text(facts: PlanFacts) -> str:
    """The facts of a plan as JSON."""
    return json.dumps(facts)


def plan_facts(text: str | bytes) -> PlanFacts:
    """The facts of a plan that the JSON holds. Raises ValueError where it holds none."""
    return shaped(_parsed(text), PlanFacts, "the plan")


def run_text(facts: RunFacts) -> str:
    """The record of a run as JSON."""
    return json.dumps(facts, indent=1, sort_keys=True)


def run_facts(text: str | bytes) -> RunFacts:
    """The record of a run that the JSON holds. Raises ValueError where it holds none."""
    return shaped(_parsed(text), RunFacts, "the run's record")


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


OK = Stage("ok")


def brief(record: CellRecord) -> CellRecord:
    """The record without what only readers of that one cell want, so that memory does not grow with what cells tell."""
    scores = {address: _brief(stage) for address, stage in record.scores.items()}
    return CellRecord(record.address, _brief(record.separation), scores)


def _brief(stage: Stage) -> Stage:
    return OK if stage.is_ok else Stage(stage.status, stage.error, details=_kept_of(stage.details))


def _kept_of(details: Details) -> Details:
    return {"killed_from_outside": details["killed_from_outside"]} if "killed_from_outside" in details else {}


def joined(held: CellRecord | None, new: CellRecord) -> CellRecord:
    """The new record, with the scores of the held one that it lacks; what was ok stays, whatever went wrong since.

    Where separating again went wrong, what it was for has the status of that, and the record stays that of the run
    whose estimates were scored.
    """
    if held is None:
        return new
    scores = {score: of_run(stage, held, new.run) for score, stage in held.scores.items()}
    if held.separation.is_ok and not new.separation.is_ok:
        lost = replace(new.separation, details=_kept_of(new.separation.details), run=new.run)
        scores = {score: of_run(stage, held, held.run) for score, stage in held.scores.items()}
        scores |= {score: lost for score in new.scores if not held.is_ok(score)}
        return replace(held, scores=scores)
    scores |= {score: stage for score, stage in new.scores.items() if stage.is_ok or not held.is_ok(score)}
    return replace(new, scores=scores)


def of_run(stage: Stage, held: CellRecord, run: str) -> Stage:
    """The stage, with its run said where the record will be of another."""
    return replace(stage, run=stage.run or (held.run if held.run != run else ""))


def joined_rows(held: pa.Table, rows: pa.Table, before: CellRecord, new: CellRecord) -> pa.Table:
    """The rows of a new record, and the held rows of the scores that it does not replace; before: the held record."""
    replaced = {score for score, stage in new.scores.items() if stage.is_ok or not before.is_ok(score)}
    kept = held.filter(pc.invert(pc.is_in(held["score"], pa.array(sorted(replaced), pa.string()))))
    return pa.concat_tables([kept, rows])


def score_rows(rows: Iterable[tuple[str, str, Score]]) -> pa.Table:
    """A table of (score address, unit, Score)."""
    columns: dict[str, list[Any]] = {name: [] for name in ROWS.names}
    for address, unit, score in rows:
        for name, value in zip(
            ROWS.names,
            (address, score.source, score.name, unit, score.value, score.frame, score.note, score.ranked),
            strict=True,
        ):
            columns[name].append(value)
    return pa.table(columns, schema=ROWS)
