"""museval's JSON, both ways: frame scores of BSS Eval as one file a track, and such files as claims.

The layout is that of museval 0.4.1's TrackStore: {"targets": [{"name": "vocals", "frames": [{"time": 0.0, "duration":
1.0, "metrics": {"SDR": …, "ISR": …, "SIR": …, "SAR": …}}, …]}, …]}, with the bare word NaN where a frame has no value.
Files lie where its MethodStore looks for them: METHOD/test/TRACK.json.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import statistics
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from soundstage.contracts import Measure, Role, Score
from soundstage.errors import SoundstageError, storable, suggestion
from soundstage.names import decoded, encoded
from soundstage.results.exchange.claims import CLAIMED, Claim, ClaimedFile, ClaimedScores, Labels, read_bytes
from soundstage.results.exchange.values import NO_VALUE, Numeral, claimed_value
from soundstage.results.loading import Results
from soundstage.sources import ACCOMPANIMENT, VOCALS

if TYPE_CHECKING:
    import pandas

MEASURES = ("SDR", "ISR", "SIR", "SAR")
FRAME_S = 1.0
"""museval's window and hop, and those of the metric `bsseval`."""

SUBSETS = ("test", "train")
"""Folders that museval puts between a method's name and its files."""

SCENE = ("dataset", "placement", "spatializer", "seed")

METRIC = "bsseval"

TWO_SOURCES = (
    "scored against the accompaniment alone, two sources, which took the place of the score among the stems: about"
    " 0.2 dB more SDR"
)
"""Of vocals in a file that holds `accompaniment` beside the stems, as 17 of SiSEC 2018's submissions do."""


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
        return Path(*map(encoded, parts), f"{encoded(self.track)}.json")


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
        scene = ", ".join(f"{name} {label[name]}" for name in varying if label[name] != "")
        role = results.facts["separators"][str(label["separator"])]["role"]
        about = {name: int(str(text)) if name == "seed" else str(text) for name, text in label.items()}
        track = _track(of_track, {"metric": metric, "role": role, **about})
        text = json.dumps(track, indent=2, ensure_ascii=False)
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


def _track(rows: pandas.DataFrame, about: Mapping[str, Any]) -> dict[str, Any]:
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
    return {"targets": targets, "soundstage": {**about, "cell": str(rows["cell"].iloc[0])}}


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame of a target: measure → value, and why there is none."""

    values: Mapping[str, tuple[float, str]]


def is_museval(file: Path) -> bool:
    """Whether a file is shaped as museval's are, malformed inside or not; how a folder's files are told from others.

    A file that holds no JSON is one where it has their words in it: it may have been cut off. Raises SoundstageError
    where it cannot be read.
    """
    content = read_bytes(file)
    try:
        parsed = _parsed(content)
    except (ValueError, RecursionError):
        return b'"targets"' in content and b'"frames"' in content
    targets = parsed.get("targets") if isinstance(parsed, dict) else None
    return isinstance(targets, list) and any(isinstance(one, dict) and "frames" in one for one in targets)


def _parsed(content: bytes) -> Any:
    """The JSON with its numbers as they are written. Raises ValueError or RecursionError."""
    return json.loads(content, parse_float=Numeral, parse_int=Numeral, parse_constant=Numeral)


def read_museval(file: Path, labels: Labels) -> Claim:
    """What a file of museval says. Raises SoundstageError, naming the file, where it is not one.

    labels: what the claim is of. What they leave open a file that was exported from results says itself, as long as it
    is called as it was; else the separator is the folder that the file lies in, and the track its name.
    """
    content = read_bytes(file)
    try:
        parsed = _parsed(content)
    except (ValueError, RecursionError) as error:
        raise SoundstageError(f"{file}: not valid JSON ({error}); write it again with museval") from None
    where = f"{file}: not a museval file:"
    targets = parsed.get("targets") if isinstance(parsed, dict) else None
    if not isinstance(targets, list) or not targets:
        raise SoundstageError(f"{where} it has no list of 'targets'")
    frames: dict[str, list[_Frame]] = {}
    for target in targets:
        name = target.get("name") if isinstance(target, dict) else None
        listed = target.get("frames") if isinstance(target, dict) else None
        if type(name) is not str or not name or not isinstance(listed, list):
            raise SoundstageError(f"{where} a target needs a 'name' and a list of 'frames'")
        name = storable(name)
        if name in frames:
            raise SoundstageError(f"{where} target '{name}' stands twice in it")
        frames[name] = [_frame(frame, f"{where} target '{name}', frame {index}") for index, frame in enumerate(listed)]
    version = parsed.get("museval_version")
    about = {"museval_version": storable(version) if isinstance(version, str) else ""}
    exported = parsed.get("soundstage")
    exported = exported if isinstance(exported, dict) else {}
    measures = dict.fromkeys(MEASURES, Measure("dB", higher_is_better=True))
    source = ClaimedFile(file, hashlib.sha256(content).hexdigest(), "museval JSON", about)
    role = exported.get("role")
    said = next((known for known in get_args(Role) if known == role), None)
    scores = tuple(_scores(frames))
    two_sourced = has_two_sourced_vocals(frames) and not exported
    if two_sourced:
        scores = tuple(
            replace(score, note="; ".join(filter(None, (score.note, TWO_SOURCES)))) if score.source == VOCALS else score
            for score in scores
        )
    return Claim(
        _labels(file, labels, exported),
        {METRIC: ClaimedScores(source, measures, scores)},
        role=said,
        notices=(f"vocals: {TWO_SOURCES}",) if two_sourced else (),
    )


def has_two_sourced_vocals(targets: Collection[str]) -> bool:
    """Whether a file's vocals are those of a second evaluation: museval scores vocals and accompaniment by themselves,
    and writes both into the file of the stems, over the vocals among four.
    """
    return {VOCALS, ACCOMPANIMENT} < set(targets)


def _labels(file: Path, labels: Labels, exported: Mapping[str, Any]) -> Labels:
    said = {
        name: text
        for name, text in exported.items()
        if isinstance(text, str) and (type(text) is str) != (name == "seed")
    }
    folder, separator, track = _method(file), said.get("separator", ""), said.get("track", "")
    called = decoded if exported else str  # other programs write a % as it is
    found = {
        "separator": separator if separator and encoded(separator) == folder else called(folder),
        "track": track if track and encoded(track) == file.stem else called(file.stem),
        "spatializer": said.get("spatializer", ""),
    }
    seed = said.get("seed", "")
    return replace(
        labels,
        separator=labels.separator or found["separator"],
        track=found["track"],
        spatializer=labels.spatializer or found["spatializer"],
        dataset=said.get("dataset") or CLAIMED if labels.dataset == CLAIMED else labels.dataset,
        placement=labels.placement or said.get("placement", ""),
        seed=int(seed) if re.fullmatch(r"-?[0-9]{1,18}", seed) else labels.seed,
    )


def _frame(frame: Any, where: str) -> _Frame:
    metrics = frame.get("metrics") if isinstance(frame, dict) else None
    if not isinstance(metrics, dict):
        raise SoundstageError(f"{where} has no 'metrics'")
    values = {}
    for name in MEASURES:
        if name not in metrics:
            raise SoundstageError(f"{where} has no number for {name}")
        values[name] = claimed_value(_written(metrics[name]), f"{where}: {name}")
    return _Frame(values)


def _written(value: Any) -> Any:
    """The value as the gate takes it; an empty text is a text here, and no empty field."""
    return [value] if value == "" else value


def _scores(of_targets: Mapping[str, Sequence[_Frame]]) -> Iterator[Score]:
    """The frames, and for the whole track the median of those that have a value, as museval aggregates them."""
    for target, frames in of_targets.items():
        for name in MEASURES:
            values = [frame.values[name] for frame in frames]
            known = [value for value, _ in values if not math.isnan(value)]
            infinite = [reason for _, reason in values if reason not in ("", NO_VALUE)]
            if known:
                # Halves, because the sum of two huge values is infinite.
                whole = 2.0 * statistics.median(value / 2.0 for value in known)
                lost = f"; {len(infinite)} of {len(values)} frames left out: {infinite[0]}" if infinite else ""
                yield Score(target, name, whole, note=f"{CLAIMED}{lost}")
            else:
                what = f"no finite value in any frame: {infinite[0]}" if infinite else "no value in any frame"
                yield Score(target, name, math.nan, note=f"{CLAIMED}; the file has {what}")
            for index, (value, reason) in enumerate(values):
                yield Score(target, name, value, index, reason)


def _method(file: Path) -> str:
    """The name of the folder that a file lies in, subsets passed over."""
    return next((part.name for part in file.parents if part.name and part.name not in SUBSETS), "museval")
