"""Claims: scores that others measured, read from their files and kept as ordinary results that say so.

What a claim is of (data set, rendering, separator, track) is what its file or its importer says. All claims of a
results folder make one grid, so that one leaderboard compares them; every file's SHA-256 is in their provenance.
"""

from __future__ import annotations

import stat
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from soundstage.contracts import Measure, Role, Score
from soundstage.errors import SoundstageError, storable
from soundstage.results.address import SHORT, address
from soundstage.results.joining import hash_of
from soundstage.results.records import (
    LABELS,
    CellRecord,
    Details,
    MeasureFacts,
    PlanFacts,
    RunFacts,
    SeparatorFacts,
    Stage,
    StoredPlan,
    measure_facts,
    score_rows,
)
from soundstage.results.store import Store

CLAIMED = "claimed"
"""The name of the grid that claims make, their provenance, and the data set of those that do not name one."""

UNKNOWN = "unknown"
"""The spatializer of claims that do not name one."""

ROLES: Mapping[str, Role] = {
    **dict.fromkeys(("ibm", "ibm1", "ibm2", "irm", "irm1", "irm2", "mwf"), "oracle"),
    **dict.fromkeys(("mix", "mixture"), "floor"),
    **dict.fromkeys(("ref", "reference", "references"), "ceiling"),
}
"""What SiSEC's and other campaigns' files call methods that see the references, or do nothing; in any case."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What a claim is said to be of, as any file can hold it; empty where the file is to say it."""

    separator: str = ""
    track: str = ""
    dataset: str = CLAIMED
    spatializer: str = ""
    placement: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        """Spell out what no file can hold: names of files need not be text."""
        for name in ("separator", "track", "dataset", "spatializer", "placement"):
            object.__setattr__(self, name, storable(getattr(self, name)))

    @property
    def cell(self) -> dict[str, Any]:
        """The labels as a plan's cell has them."""
        given = {"dataset": self.dataset, "track": self.track, "placement": self.placement, "seed": self.seed}
        return {**given, "spatializer": self.spatializer or UNKNOWN, "separator": self.separator}

    @property
    def text(self) -> str:
        """As an error names it."""
        of = f", {self.spatializer}" if self.spatializer else ""
        return f"track '{self.track}' of '{self.separator}'{of}"


@dataclass(frozen=True, slots=True)
class ClaimedFile:
    """A file that claims come from. about: what else its format says of how they were made."""

    path: Path
    sha256: str
    format: str
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClaimedScores:
    """One metric's scores of one track. measures: what the file's numbers are, by the scores' names."""

    file: ClaimedFile
    measures: Mapping[str, Measure]
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """What files say of one track. scores: metric → its scores. role: of its separator; None where no file says it.

    notices: what whoever reads the scores should be told, in sentences that other tracks' may share.
    """

    labels: Labels
    scores: Mapping[str, ClaimedScores]
    role: Role | None = None
    notices: tuple[str, ...] = ()

    def score_address(self, metric: str) -> str:
        """The address of one metric's scores: the file's contents, and what they are said to be of."""
        about = {"plugin": metric, "provenance": CLAIMED}
        return address("scores", {**self.labels.cell, "metric": about, "file": self.scores[metric].file.sha256})

    @property
    def score_addresses(self) -> dict[str, str]:
        """The addresses of all metrics' scores, by column of a plan's cells."""
        return {f"score:{metric}": self.score_address(metric) for metric in self.scores}

    @property
    def cell(self) -> str:
        """The address of the cell that holds these scores and no others."""
        return cell_address(self.labels.cell, self.score_addresses)


def cell_address(labels: Mapping[str, Any], scores: Mapping[str, str]) -> str:
    """The address of a cell of claims: its labels and its scores' addresses."""
    return address(CLAIMED, {**{name: labels[name] for name in LABELS}, "scores": dict(scores)})


def read_bytes(file: Path) -> bytes:
    """The contents of a file of claims. Raises SoundstageError where it cannot be read, or is no regular file."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise SoundstageError(f"{file}: is no regular file, so nothing is read from it; give a file or a folder")
        return file.read_bytes()
    except OSError as error:
        raise SoundstageError(f"{file}: cannot be read ({error.strerror}); check the path") from None


def merged(claims: Iterable[Claim]) -> list[Claim]:
    """One claim a track: files with different metrics of one track become one cell.

    Raises SoundstageError where two files hold the same metric of one track.
    """
    found: dict[Labels, Claim] = {}
    for claim in claims:
        held = found.get(claim.labels, Claim(claim.labels, {}))
        for metric in held.scores.keys() & claim.scores.keys():
            first, second = held.scores[metric].file.path, claim.scores[metric].file.path
            raise SoundstageError(
                f"{first} and {second} are both {claim.labels.text}; import one, or import each by itself and tell"
                " them apart with --separator or --spatializer"
            )
        notices = tuple(dict.fromkeys([*held.notices, *claim.notices]))
        scores = {**held.scores, **claim.scores}
        found[claim.labels] = replace(claim, scores=scores, role=held.role or claim.role, notices=notices)
    return list(found.values())


def keep_claims(claims: Sequence[Claim], out: Path | str) -> list[Claim]:
    """Keep claims as results in the folder `out`, joined with those that are there, and return them, one a track.

    Metrics that a later import adds to a track come into its cell. Raises SoundstageError, and keeps nothing, where the
    folder holds other scores of a track, or two files speak of the same.
    """
    claims = merged(claims)
    store = Store(out)
    with store.writing():
        _keep(store, claims)
    return claims


def _keep(store: Store, claims: Sequence[Claim]) -> None:
    earlier = store.plan(CLAIMED) if any(plan.facts["name"] == CLAIMED for plan in store.plans()) else None
    metrics: dict[str, dict[str, MeasureFacts]] = dict(earlier.facts["metrics"]) if earlier else {}
    for claim in claims:
        for metric, scores in claim.scores.items():
            metrics.setdefault(metric, {name: measure_facts(measure) for name, measure in scores.measures.items()})
    cells = {_key(cell): cell for cell in earlier.cells.to_pylist()} if earlier else {}
    known: Mapping[str, SeparatorFacts] = earlier.facts["separators"] if earlier else {}
    roles: dict[str, Role] = {name: about["role"] for name, about in known.items() if about.get("said")}
    roles |= {claim.labels.separator: claim.role for claim in claims if claim.role}
    joined = [(claim, _joined(claim, cells.get(_key(claim.labels.cell)), store.path)) for claim in claims]
    run = f"{CLAIMED}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    store.save_run(run, _run_record(claims))
    for claim, cell in joined:
        _commit(store, claim, cell, cells.get(_key(cell)), run)
        cells[_key(cell)] = cell
    plan = _plan(list(cells.values()), metrics, roles)
    store.save_plan(plan)


def _key(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(cell[name] for name in LABELS)


def _joined(claim: Claim, held: Mapping[str, Any] | None, out: object) -> dict[str, Any]:
    """The claim's cell, with the scores that the folder holds of it already."""
    scores = {name: found for name, found in (held or {}).items() if name.startswith("score:") and found}
    for metric in claim.scores:
        column = f"score:{metric}"
        if scores.get(column, claim.score_address(metric)) != claim.score_address(metric):
            raise SoundstageError(
                f"{claim.scores[metric].file.path}: {out} holds other scores of {claim.labels.text}; give another"
                " --separator or --out"
            )
    scores |= claim.score_addresses
    labels = claim.labels.cell
    scores = dict(sorted(scores.items()))
    return {"cell": cell_address(labels, scores), **labels, **scores}


def _commit(store: Store, claim: Claim, cell: Mapping[str, Any], held: Mapping[str, Any] | None, run: str) -> None:
    """Put the claim's scores there, and with them those of the cell that it takes the place of."""
    files = {
        metric: {"file": scores.file.path.name, "sha256": scores.file.sha256} for metric, scores in claim.scores.items()
    }
    notices = list(claim.notices)
    tables: list[pa.Table] = []
    stages: dict[str, Stage] = {}
    if held and held["cell"] != cell["cell"]:
        record = store.record(held["cell"])
        if record is not None:
            tables.append(store.rows(held["cell"]))
            stages |= record.scores
            files = {**record.separation.details.get("files", {}), **files}
            notices = list(dict.fromkeys([*record.notices, *notices]))
    for metric, scores in claim.scores.items():
        where = claim.score_address(metric)
        stages[where] = Stage("ok")
        tables.append(score_rows((where, scores.measures[score.name].unit, score) for score in scores.scores))
    details: Details = {"provenance": CLAIMED, "files": files}
    if notices:
        details["notices"] = notices
    store.commit(CellRecord(cell["cell"], Stage("ok", details=details), stages, run=run), pa.concat_tables(tables))


def role_of(separator: str) -> Role:
    """What a claimed separator is by its name alone, a variant by that of its entry."""
    return ROLES.get(separator.partition("[")[0].strip().casefold(), "separator")


def _plan(
    cells: Sequence[Mapping[str, Any]],
    metrics: Mapping[str, dict[str, MeasureFacts]],
    roles: Mapping[str, Role],
) -> StoredPlan:
    """The plan of all claims. Nobody knows here what their separators saw, so none counts as blind.

    roles: of the separators of which a file says it; the others' names do.
    """
    columns = [f"score:{metric}" for metric in metrics]
    table = pa.table({name: [cell.get(name) for cell in cells] for name in ("cell", *LABELS, *columns)})
    digest = hash_of(table, 1, metrics)
    axes = {name: list(dict.fromkeys(cell[name] for cell in cells)) for name in LABELS}
    facts: PlanFacts = {
        "id": f"{CLAIMED}-{digest[:SHORT]}",
        "name": CLAIMED,
        "revision": 1,
        "hash": digest,
        "summary": "Scores that others measured, imported from their files",
        "citation": "",
        "axes": {
            "datasets": axes["dataset"],
            "placements": [label for label in axes["placement"] if label],
            "spatializers": axes["spatializer"],
            "separators": axes["separator"],
            "metrics": list(metrics),
        },
        "seeds": axes["seed"],
        "separators": {
            name: {
                "role": roles.get(name) or role_of(name),
                "said": name in roles,
                "blind": False,
                "named": True,
                "needs": [],
                "claimed": True,
            }
            for name in axes["separator"]
        },
        "metrics": dict(metrics),
    }
    return StoredPlan(table, facts)


def _run_record(claims: Sequence[Claim]) -> RunFacts:
    """What is known of where the numbers come from: the files."""
    files: dict[str, dict[str, Any]] = {}
    for claim in claims:
        for scores in claim.scores.values():
            file = scores.file
            about = {"file": file.path.name, "sha256": file.sha256, "format": file.format, **file.about}
            of = {"separator": claim.labels.separator, "spatializer": claim.labels.spatializer or UNKNOWN}
            held = files.setdefault(str(file.path), {**about, **of, "dataset": claim.labels.dataset, "tracks": []})
            held["tracks"].append(claim.labels.track)
    return {"provenance": CLAIMED, "imported": datetime.now(UTC).isoformat(), "files": list(files.values())}
