"""The score table of a catalogue of separators (audio-separator's models-scores.json), read as claims.

{MODEL_FILE: {"model_name": …, "track_scores": [{"track_name": …, "scores": {STEM: {"SDR": …, "SIR": …, "SAR": …, "ISR":
…}}}, …], "median_scores": {STEM: {…}}, "stems": […], "target_stem": …}, …}: BSS Eval v4 of each track, frames averaged,
and the medians over the tracks, which are worked out again here.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from soundstage.contracts import Measure, Score
from soundstage.errors import SoundstageError, storable
from soundstage.results.exchange.claims import CLAIMED, Claim, ClaimedFile, ClaimedScores, Labels, read_bytes
from soundstage.results.exchange.museval import MEASURES, METRIC
from soundstage.results.exchange.values import Numeral, claimed_value
from soundstage.sources import ACCOMPANIMENT

FORMAT = "separator catalogue JSON"
SPELLINGS = {"instrumental": ACCOMPANIMENT}
"""What the table calls a source → what it is called here."""


def is_catalogue(content: bytes) -> bool:
    """Whether a file's contents are such a table."""
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(parsed, dict) and any(
        isinstance(one, dict) and {"track_scores", "median_scores"} <= one.keys() for one in parsed.values()
    )


def read_catalogue(file: Path, labels: Labels) -> tuple[list[Claim], list[str]]:
    """The claims of a table, one a model and track, and what whoever reads them should be told, in sentences.

    labels: what the claims are of; a separator named there is the only model that is taken. Raises SoundstageError
    naming the file and the model where something is not as the table writes it.
    """
    content = read_bytes(file)
    source = ClaimedFile(file, hashlib.sha256(content).hexdigest(), FORMAT)
    try:
        parsed = json.loads(content, parse_float=Numeral, parse_int=Numeral, parse_constant=Numeral)
    except (ValueError, RecursionError) as error:
        raise SoundstageError(f"{file}: not valid JSON ({error}); fetch it again") from None
    claims: list[Claim] = []
    told: list[str] = []
    empty = []
    for model, about in parsed.items():
        where = f"{file}: {model}"
        tracks = about.get("track_scores") if isinstance(about, dict) else None
        if not isinstance(tracks, list):
            raise SoundstageError(f"{where} has no list of 'track_scores'")
        if labels.separator and model != labels.separator:
            continue
        if not tracks:
            empty.append(model)
            continue
        of_model = [_claim(one, model, source, labels, where) for one in tracks]
        claims += of_model
        told += _unlike(of_model, about.get("median_scores"), where)
    if not claims:
        raise SoundstageError(
            f"{file}: no model with scores of tracks" + f" called {labels.separator}" * bool(labels.separator)
        )
    if empty:
        told.append(f"{file}: {len(empty)} models have no scores, {empty[0]} the first of them")
    return claims, [*told, *_protocols(claims, file)]


def _claim(track: Any, model: str, source: ClaimedFile, labels: Labels, where: str) -> Claim:
    name = track.get("track_name") if isinstance(track, dict) else None
    scores = track.get("scores") if isinstance(track, dict) else None
    if type(name) is not str or not isinstance(scores, dict):
        raise SoundstageError(f"{where}: a track needs a 'track_name' and 'scores'")
    found = []
    for stem, values in scores.items():
        if not isinstance(values, dict):
            raise SoundstageError(f"{where}, {name}, {stem}: has no table of scores")
        for measure in MEASURES:
            if measure in values:
                value, reason = claimed_value(values[measure], f"{where}, {name}, {stem}: {measure}")
                note = f"{CLAIMED}; {reason}" if reason else CLAIMED
                found.append(Score(SPELLINGS.get(stem, storable(stem)), measure, value, note=note))
    measures = dict.fromkeys(MEASURES, Measure("dB", higher_is_better=True))
    of = replace(labels, separator=storable(model), track=storable(name))
    return Claim(of, {METRIC: ClaimedScores(source, measures, tuple(found))})


def _unlike(claims: list[Claim], medians: Any, where: str) -> Iterator[str]:
    """A sentence for each median that the table prints and its own tracks do not give, to the last digit printed."""
    for stem, values in medians.items() if isinstance(medians, Mapping) else ():
        for measure, printed in values.items() if isinstance(values, Mapping) else ():
            own = [
                score.value
                for claim in claims
                for score in claim.scores[METRIC].scores
                if (score.source, score.name) == (SPELLINGS.get(stem, stem), measure) and not math.isnan(score.value)
            ]
            if own and isinstance(printed, Numeral) and not agrees(statistics.median(own), printed):
                yield (
                    f"{where}: prints {printed} as the median {measure} of {stem}, and its {len(own)} tracks have"
                    f" {statistics.median(own):.6g}"
                )


def agrees(value: float, printed: str) -> bool:
    """Whether a value, rounded as the printed number is, gives it to the last digit; halves may go either way."""
    decimals = len(printed.partition(".")[2])
    return abs(value - float(printed)) <= 0.5 * 10.0**-decimals * (1.0 + 1e-6)


def _protocols(claims: list[Claim], file: Path) -> Iterator[str]:
    """What follows for vocals where some models were scored on two sources and some on more."""
    held: dict[str, set[str]] = {}
    for claim in claims:
        held.setdefault(claim.labels.separator, set()).update(score.source for score in claim.scores[METRIC].scores)
    two = [name for name, sources in held.items() if len(sources) <= 2]
    if two and len(two) < len(held):
        yield (
            f"{file}: two protocols: {len(two)} models were scored on one or two sources, {len(held) - len(two)} on"
            " more; ISR, SIR and SAR of vocals are not the same measures there"
        )
