"""museval's JSON, both ways: frame scores of BSS Eval as one file a track, and such files as claimed results.

The layout is that of museval 0.4.1's TrackStore: {"targets": [{"name": "vocals", "frames": [{"time": 0.0, "duration":
1.0, "metrics": {"SDR": …, "ISR": …, "SIR": …, "SAR": …}}, …]}, …]}, with the bare word NaN where a frame has no value.
Files lie where its MethodStore looks for them: METHOD/test/TRACK.json.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from soundstage.address import SHORT, address, plan_hash
from soundstage.contracts import Measure, Score
from soundstage.errors import SoundstageError, suggestion
from soundstage.results import Results
from soundstage.store import CellRecord, Stage, Store, StoredPlan, score_rows

if TYPE_CHECKING:
    import pandas

MEASURES = ("SDR", "ISR", "SIR", "SAR")
FRAME_S = 1.0
"""museval's window and hop, and those of the metric `bsseval`."""

SUBSETS = ("test", "train")
"""Folders that museval puts between a method's name and its files."""

SCENE = ("dataset", "placement", "spatializer", "seed")
CLAIMED = "claimed"
"""The name of the grid that claims make, and their provenance."""

METRIC = "bsseval"


@dataclass(frozen=True, slots=True)
class TrackFile:
    """One track's scores as museval's JSON. scene: empty where the results have one rendering alone."""

    scene: str
    separator: str
    track: str
    text: str

    @property
    def path(self) -> Path:
        """SCENE/SEPARATOR/test/TRACK.json; what no file can be called is percent-encoded."""
        parts = [self.scene, self.separator, SUBSETS[0]] if self.scene else [self.separator, SUBSETS[0]]
        return Path(*map(_file_name, parts), f"{_file_name(self.track)}.json")


def museval_files(results: Results, *, separator: str = "", metric: str = "") -> Iterator[TrackFile]:
    """The frame scores of each track and separator, in museval's layout and at full precision.

    separator: this one alone. metric: which metric, where several have museval's four measures. A frame that must not
    be ranked on is written as NaN, because museval has no flags. A track without frames has no file. Raises
    SoundstageError where the results have no such separator or metric.
    """
    names = list(results.facts["separators"])
    if separator and separator not in names:
        raise SoundstageError(f"the results have no separator '{separator}'{suggestion(separator, names)}")
    metric = _metric(results.facts["metrics"], metric)
    rows = results.rows
    rows = rows[(rows["metric"] == metric) & rows["frame"].notna() & rows["name"].isin(MEASURES)]
    if separator:
        rows = rows[rows["separator"] == separator]
    varying = [name for name in SCENE if results.cells[name].nunique() > 1]
    for key, of_track in rows.groupby([*SCENE, "separator", "track"], sort=False, observed=True):
        label = dict(zip([*SCENE, "separator", "track"], key, strict=True))
        scene = ", ".join(f"{name} {label[name]}" for name in varying)
        text = json.dumps(_track(of_track, metric), indent=2, ensure_ascii=False)
        yield TrackFile(scene, str(label["separator"]), str(label["track"]), text)


def write_museval(files: Sequence[TrackFile], folder: Path, *, flat: bool = False) -> list[Path]:
    """Write the files below the folder; flat: straight into folder/test, for files of one separator. Returns the paths.

    Raises SoundstageError where a file cannot be written.
    """
    written = []
    for file in files:
        path = folder / (Path(*file.path.parts[-2:]) if flat else file.path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8")
        except OSError as error:
            raise SoundstageError(f"{path}: cannot be written ({error.strerror}); choose another --out") from None
        written.append(path)
    return written


def _metric(metrics: Mapping[str, Mapping[str, Any]], wanted: str) -> str:
    able = [label for label, measures in metrics.items() if set(MEASURES) <= set(measures)]
    if wanted and wanted not in able:
        raise SoundstageError(f"no metric '{wanted}' with {', '.join(MEASURES)}{suggestion(wanted, able)}")
    if not able:
        raise SoundstageError(
            f"the results have no metric with {', '.join(MEASURES)}, which is what museval's files hold; run the grid"
            f" with metric '{METRIC}'"
        )
    if not wanted and len(able) > 1:
        raise SoundstageError(f"museval's files hold one metric; pick {' or '.join(able)} with --metric")
    return wanted or able[0]


def _track(rows: pandas.DataFrame, metric: str) -> dict[str, Any]:
    values = rows["value"].astype(float).where(rows["ranked"])
    table = rows.assign(value=values).pivot(index=["source", "frame"], columns="name", values="value")
    targets = []
    for source in rows["source"].unique():
        of_source = table.loc[source]
        of_source = of_source.reindex(range(int(of_source.index.max()) + 1), columns=list(MEASURES))
        frames = [
            {"time": frame * FRAME_S, "duration": FRAME_S, "metrics": {name: float(line[name]) for name in MEASURES}}
            for frame, line in zip(of_source.index, of_source.to_dict("records"), strict=True)
        ]
        targets.append({"name": str(source), "frames": frames})
    return {"targets": targets, "soundstage": {"metric": metric, "cell": str(rows["cell"].iloc[0])}}


def _file_name(text: str) -> str:
    encoded = "".join(f"%{ord(letter):02X}" if letter in "/\\\0" else letter for letter in text)
    return f"%2E{encoded[1:]}" if encoded.startswith(".") else encoded


@dataclass(frozen=True, slots=True)
class Claim:
    """What one file says of one track. frames: target → one mapping of MEASURES a frame, NaN where there is none."""

    separator: str
    track: str
    file: Path
    sha256: str
    version: str
    frames: Mapping[str, Sequence[Mapping[str, float]]]

    @property
    def cell(self) -> str:
        """The address: the file's contents, and whose and which track's they are said to be."""
        parts = {"format": "museval", "separator": self.separator, "track": self.track, "file": self.sha256}
        return address(CLAIMED, parts)

    @property
    def score(self) -> str:
        """The address of the scores."""
        return address("scores", {"estimates": self.cell, "metric": {"plugin": METRIC, "provenance": CLAIMED}})


def import_museval(paths: Sequence[Path], out: Path | str, separator: str = "") -> list[Claim]:
    """Keep museval's files as claimed results in the folder `out`, beside the claims that are there already.

    paths: files, or folders that hold them at any depth. separator: whose scores they are; by default the name of the
    folder that a file lies in, `test` and `train` passed over. Returns the new claims. Raises SoundstageError where a
    file is not museval's, or two files speak of one track of one separator.
    """
    claims = [read_museval(file, separator or _method(file)) for file in _found(paths)]
    by_name: dict[tuple[str, str], Claim] = {}
    for claim in claims:
        other = by_name.setdefault((claim.separator, claim.track), claim)
        if other is not claim:
            raise SoundstageError(
                f"{other.file} and {claim.file} are both track '{claim.track}' of '{claim.separator}'; import one, or"
                " name their separators apart with --separator"
            )
    run = f"{CLAIMED}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    store = Store(out)
    with store.writing():
        cells = _joined(store, by_name)
        store.save_run(run, _run_record(claims))
        for claim in claims:
            details = {"provenance": CLAIMED, "file": claim.file.name, "sha256": claim.sha256}
            record = CellRecord(claim.cell, Stage("ok", details=details), {claim.score: Stage("ok")}, run=run)
            store.commit(record, score_rows((claim.score, "dB", score) for score in _scores(claim)))
        plan = _plan(cells)
        store.save_plan(plan.facts["id"], plan)
    return claims


def read_museval(file: Path, separator: str) -> Claim:
    """What a file of museval says. Raises SoundstageError, naming the file, where it is not one."""
    try:
        content = file.read_bytes()
        parsed = json.loads(content)
    except OSError as error:
        raise SoundstageError(f"{file}: cannot be read ({error.strerror}); check the path") from None
    except (ValueError, RecursionError) as error:
        raise SoundstageError(f"{file}: not valid JSON ({error}); write it again with museval") from None
    where = f"{file}: not a museval file:"
    targets = parsed.get("targets") if isinstance(parsed, dict) else None
    if not isinstance(targets, list) or not targets:
        raise SoundstageError(f"{where} it has no list of 'targets'")
    frames: dict[str, list[dict[str, float]]] = {}
    for target in targets:
        name = target.get("name") if isinstance(target, dict) else None
        listed = target.get("frames") if isinstance(target, dict) else None
        if not isinstance(name, str) or not name or not isinstance(listed, list):
            raise SoundstageError(f"{where} a target needs a 'name' and a list of 'frames'")
        if name in frames:
            raise SoundstageError(f"{where} target '{name}' stands twice in it")
        frames[name] = [_frame(frame, f"{where} target '{name}', frame {index}") for index, frame in enumerate(listed)]
    version = parsed.get("museval_version")
    digest = hashlib.sha256(content).hexdigest()
    return Claim(separator, file.stem, file, digest, version if isinstance(version, str) else "", frames)


def _frame(frame: Any, where: str) -> dict[str, float]:
    metrics = frame.get("metrics") if isinstance(frame, dict) else None
    if not isinstance(metrics, dict):
        raise SoundstageError(f"{where} has no 'metrics'")
    values = {}
    for name in MEASURES:
        value = metrics.get(name, "")
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise SoundstageError(f"{where} has no number for {name}" + (f", but {value!r}" if name in metrics else ""))
        values[name] = math.nan if value is None or math.isinf(value) else float(value)
    return values


def _scores(claim: Claim) -> Iterator[Score]:
    """The frames, and for the whole track their median, as museval aggregates them."""
    for target, frames in claim.frames.items():
        for name in MEASURES:
            values = [frame[name] for frame in frames]
            known = [value for value in values if not math.isnan(value)]
            if known:
                yield Score(target, name, statistics.median(known), note=CLAIMED)
            else:
                yield Score(target, name, math.nan, note=f"{CLAIMED}; the file has no value in any frame")
            for index, value in enumerate(values):
                yield Score(target, name, value, index, "no value in the file" if math.isnan(value) else "")


def _found(paths: Sequence[Path]) -> list[Path]:
    """The files, each once, those of a folder in the order of their names."""
    found: dict[Path, None] = {}
    for path in paths:
        files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
        if not files:
            raise SoundstageError(f"{path} holds no .json file; give museval's files or folders of them")
        found |= {file.absolute(): None for file in files}
    return list(found)


def _method(file: Path) -> str:
    """The name of the folder that a file lies in, subsets passed over."""
    return next((part.name for part in file.parents if part.name and part.name not in SUBSETS), "museval")


def _joined(store: Store, new: Mapping[tuple[str, str], Claim]) -> list[dict[str, Any]]:
    """The cells of the new claims and of those that the folder holds already."""
    cells = []
    if any(plan.facts["name"] == CLAIMED for plan in store.plans()):
        cells = store.plan(CLAIMED).cells.to_pylist()
    held = {(cell["separator"], cell["track"]): cell["cell"] for cell in cells}
    for key, claim in new.items():
        if key in held and held[key] != claim.cell:
            raise SoundstageError(
                f"{claim.file}: {store.path} holds other scores of track '{claim.track}' of '{claim.separator}'; give"
                " another --separator or --out"
            )
        if key not in held:
            labels = {"dataset": CLAIMED, "track": claim.track, "placement": "", "spatializer": "unknown", "seed": 0}
            scores = {f"score:{METRIC}": claim.score}
            cells.append({"cell": claim.cell, **labels, "separator": claim.separator, **scores})
    return cells


def _plan(cells: Sequence[Mapping[str, Any]]) -> StoredPlan:
    """The plan of all claims. Nobody knows here what their separators saw, so none counts as blind."""
    digest = plan_hash(["revision 1", *(cell[key] for cell in cells for key in ("cell", f"score:{METRIC}"))])
    separators = list(dict.fromkeys(cell["separator"] for cell in cells))
    facts = {
        "id": f"{CLAIMED}-{digest[:SHORT]}",
        "name": CLAIMED,
        "revision": 1,
        "hash": digest,
        "summary": "Scores that others measured, imported from museval's files",
        "citation": "",
        "axes": {
            "datasets": [CLAIMED],
            "placements": [],
            "spatializers": ["unknown"],
            "separators": separators,
            "metrics": [METRIC],
        },
        "seeds": [0],
        "separators": {
            name: {"role": "separator", "blind": False, "named": True, "needs": [], "claimed": "museval JSON"}
            for name in separators
        },
        "metrics": {METRIC: {name: asdict(Measure("dB", higher_is_better=True)) for name in MEASURES}},
    }
    return StoredPlan(pa.Table.from_pylist([dict(cell) for cell in cells]), facts)


def _run_record(claims: Sequence[Claim]) -> dict[str, Any]:
    """What is known of where the numbers come from: the files."""
    return {
        "provenance": CLAIMED,
        "format": "museval JSON",
        "imported": datetime.now(UTC).isoformat(),
        "files": [
            {
                "file": claim.file.name,
                "sha256": claim.sha256,
                "separator": claim.separator,
                "track": claim.track,
                "museval_version": claim.version,
            }
            for claim in claims
        ],
    }
