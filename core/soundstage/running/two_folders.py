"""Scores of one folder of stems against another: a grid of one dataset and one separator, run here and not kept."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from soundstage.audio_files import (
    ACCOMPANIMENTS,
    audio_folders,
    fold,
    holds_audio,
    listing,
    names_source,
    song_folders,
    stem_name,
)
from soundstage.catalogue.registry import Registry
from soundstage.errors import SoundstageError, storable
from soundstage.planning.cells import make_plan
from soundstage.planning.grid import read_grid
from soundstage.results.circumstances import with_gains, with_written
from soundstage.results.loading import Results, load_results
from soundstage.results.store import Store
from soundstage.running.listener import Listener, Silence
from soundstage.running.runner import run_plan

AS_IS = "as-is"
STRICT = "strict"
LENGTHS = (STRICT, "shortest", "longest")
"""What becomes of a song's references where they differ in length."""

LEVELS = (AS_IS, "best-gain")
"""At which level estimates are scored: as the files are, or besides after one least-squares gain a stem."""


def score_folders(
    reference: Path,
    estimate: Path,
    metrics: Sequence[str] = (),
    registry: Collection[str | Path] = (),
    listener: Listener | None = None,
    at: str = AS_IS,
    lengths: str = STRICT,
) -> Results:
    """The results of scoring `estimate` against `reference`; see soundstage.score. The separator is `estimate`, and at
    its best gain a second one.

    Raises SoundstageError where a folder or a metric is not there, or no song can be scored; then with the reason.
    """
    listener = listener or Silence()
    if at not in LEVELS:
        raise SoundstageError(f"at cannot be '{at}'; it takes {' or '.join(LEVELS)}")
    if lengths not in LENGTHS:
        raise SoundstageError(f"lengths cannot be '{lengths}'; it takes {' or '.join(LENGTHS)}")
    for role, folder in (("references", reference), ("estimates", estimate)):
        if not folder.is_dir():
            raise SoundstageError(
                f"{folder}: no such folder of {role}; give one song's folder of stems, or one with a sub-folder a song"
            )
    is_one_song = holds_audio(reference, 0)
    estimate = _root_meant(reference, estimate, is_one_song, listener)
    known = Registry.load([Path(file) for file in registry])
    usual = known.defaults
    layout = "{source}" if is_one_song else "{track}/{source}"
    of_references = {"root": str(reference.absolute())} | ({} if lengths == STRICT else {"lengths": lengths})
    entries = {
        "datasets": {"references": {"plugin": usual.dataset, "params": of_references}},
        "separators": {
            "estimate": {
                "plugin": usual.separator,
                "params": {"root": str(estimate.absolute()), "layout": layout, "partial": True},
            }
        },
    }
    known.extend(entries, "soundstage.score", None)
    grid = {
        "datasets": ["references"],
        "spatializers": [usual.spatializer],
        "separators": ["estimate"] if at == AS_IS else ["estimate", f"estimate[at={at}]"],
        "metrics": list(metrics) or _default_metrics(known),
    }
    plan = make_plan(read_grid("score", grid, None, defaults=usual), known)
    for track in dict.fromkeys(cell.scene.track for cell in plan.cells if not cell.problem):
        song = (reference, estimate) if is_one_song else (reference / track, estimate / track)
        for sentence in _unscored(*song):
            listener.noticed(storable(f"track '{track}': {sentence}"))
    with tempfile.TemporaryDirectory(prefix="soundstage-score-") as kept:
        summary = run_plan(plan, Path(kept), listener=listener)
        if not summary.usable:
            raise SoundstageError(next(iter(summary.now), "nothing could be scored"))
        results = load_results(Path(kept))
        records = Store(Path(kept)).records(results.rows["cell"].unique())
        rows = with_written(results.rows, records)
        return replace(results, rows=rows if at == AS_IS else with_gains(rows, records))


def _root_meant(reference: Path, estimate: Path, is_one_song: bool, listener: Listener) -> Path:
    """The folder that the estimates start from: the given one, or the one below it where alone there are some.

    Raises SoundstageError where they lie higher than the references, or in several places: with the folder to give.
    """
    if is_one_song:
        if holds_audio(estimate, 0):
            return estimate
        places = list(audio_folders(estimate))
        right = [place for place in places if fold(place.name) == fold(reference.absolute().name)]
        what = "stems of one song"
    else:
        songs = {fold(name): name for name in song_folders(reference)[0]}
        own = [fold(place.name) for place in listing(estimate).folders if holds_audio(place, 0)]
        if not songs or set(own) & set(songs) or _holds_flat(estimate, songs.values()):
            return estimate
        if holds_audio(estimate, 0):
            raise SoundstageError(
                f"{estimate}: no estimates of the songs of {reference}, for it holds one song's stems itself; give"
                f" --reference {reference / songs.get(fold(estimate.absolute().name), next(iter(songs.values())))}"
            )
        places = list(audio_folders(estimate))
        right = [place.parent for place in places if fold(place.name) in songs]
        right += [place for place in places if _holds_flat(place, songs.values())]
        what = "a sub-folder a song, called as among the references"
    right = list(dict.fromkeys(right))
    if len(right) == 1:
        listener.noticed(storable(f"the estimates are those in {right[0]}"))
        return right[0]
    right = right or list(dict.fromkeys(places))
    if not right:
        raise SoundstageError(f"{estimate}: no estimates, not even one audio file; give the folder that holds {what}")
    raise SoundstageError(
        f"{estimate}: no estimates where they were looked for, {what}; there is audio below:"
        f" give --estimate {' or --estimate '.join(map(str, right[:3]))}"
    )


def _holds_flat(folder: Path, tracks: Collection[str]) -> bool:
    """Whether the folder itself holds stems that are called TRACK_(Stem)_MODEL after one of the tracks."""
    said = [stem_name(file.stem) for file in listing(folder).audio]
    return any(one.is_of(track) for one in said if one is not None for track in tracks)


def _unscored(reference: Path, estimate: Path) -> Iterator[str]:
    """Sentences about the audio in a song's folder of estimates that nothing will be scored of."""
    if not estimate.is_dir() or not reference.is_dir():
        return
    found = listing(estimate)
    known = {fold(file.stem) for file in listing(reference).audio}
    names = {file.name: said.stem if (said := stem_name(file.stem)) else file.stem for file in found.audio}
    if {one for one in known for name in names.values() if names_source(name, one)} == {"vocals"}:
        known |= set(ACCOMPANIMENTS)  # scored against the sum of the others
    extra = [file for file, name in names.items() if not any(names_source(name, one) for one in known)]
    if extra:
        yield f"no reference is called as {', '.join(extra)} in {estimate}, so of that there are no scores"
    if found.unread:
        yield f"{', '.join(file.name for file in found.unread)} in {estimate} is not read; convert it to WAV or FLAC"


def _default_metrics(known: Registry) -> list[str]:
    installed = known.names("metrics")
    found = [
        name
        for name in known.defaults.metrics
        if name in installed and not known.unusable(known.entry("metrics", name))
    ]
    if not found:
        raise SoundstageError("none of the default metrics is installed; name others with --metric NAME")
    return found
