"""The checks of placement rules."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from soundstage.errors import SoundstageError
from soundstage.pipeline.scenes import place
from soundstage.scene import Placement, Track
from soundstage.testing import subject
from soundstage.testing.material import RATE, SOURCES, TRACKS
from soundstage.testing.results import Failed, check
from soundstage.testing.workers import same_in_a_worker

SEEDS = 24
FEW = 0.25
"""Which share of the seeds may at least be expected to give a placement of their own."""

CROWDS = (1, 2, 4, 6)
"""Sources in a track."""


class Bench(subject.Bench):
    """What the checks of a placement rule share."""

    def placed(
        self, track: str = TRACKS[0], sources: Sequence[str] = SOURCES, seed: int = 0, fresh: bool = False
    ) -> Placement:
        """Where the sources of a track sit, by the harness's own function."""
        stems = {source: np.zeros((1, 1)) for source in sources}
        return place(self.instance(fresh), self.subject.name, "kit", Track(track, RATE, stems), seed)


@check("placements", gate=True)
def builds(bench: Bench) -> str:
    """It is built as a run builds it."""
    bench.subject.check_usable()
    return ""


@check("placements", gate=True)
def every_source(bench: Bench) -> str:
    """Every source of a track gets a finite azimuth."""
    found = bench.placed()
    _check_range(found)
    return ", ".join(f"{source} {azimuth:.0f}°" for source, azimuth in found.azimuths.items())


@check("placements")
def any_sources(bench: Bench) -> str:
    """It places one source as well as six, whatever they are called; or says in a sentence that it cannot."""
    names = ("vocals", "drums", "bass", "other", "marimba", "flute (2)")
    refused = ""
    for count in CROWDS:
        try:
            _check_range(bench.placed(sources=names[:count]))
        except SoundstageError as error:
            if not isinstance(
                error.__cause__, SoundstageError
            ):  # the rule's own sentence is an answer, a fault is none
                raise Failed(f"{error}; place any number of sources by any names") from error
            refused = refused or str(error)
    return f"refused: {refused}" if refused else ""


@check("placements")
def same_again(bench: Bench) -> str:
    """The same draw gives the same placement, from a new instance and after other tracks; all chance is the draw's."""
    state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002  (the rule may use it)
    try:
        found = []
        for seed in (1, 2):
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            found.append(bench.placed(fresh=True))
            bench.placed(TRACKS[1], seed=seed)
            found.append(bench.placed())
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)  # noqa: NPY002
    if any(one != found[0] for one in found):
        raise Failed(
            "the same draw gives different placements; take all chance from the `draw` that place() is handed, as"
            ' draw.uniform("azimuth of vocals", -90, 90), and keep nothing between calls'
        )
    return ""


@check("placements")
def seeds(bench: Bench) -> str:
    """Seeds and tracks are independent: each gives a placement of its own, or the rule draws nothing at all."""
    by_seed = {repr(bench.placed(seed=seed)) for seed in range(SEEDS)}
    if len(by_seed) == 1:
        return "it draws nothing"
    if len(by_seed) < FEW * SEEDS:
        raise Failed(
            f"{SEEDS} seeds give only {len(by_seed)} placements; draw with draw.unit(), draw.uniform() or"
            " draw.shuffled(), which use the whole seed"
        )
    tracks = {repr(bench.placed(f"track {number}")) for number in range(SEEDS)}
    if len(tracks) < FEW * SEEDS:
        raise Failed(
            f"{SEEDS} tracks have only {len(tracks)} placements of one seed; draw with draw.unit(), draw.uniform() or"
            " draw.shuffled(), which depend on the track too, not with draw.seed alone"
        )
    return f"{len(by_seed)} placements of {SEEDS} seeds"


@check("placements")
def worker(bench: Bench) -> str:
    """A worker process builds it and places alike."""
    return same_in_a_worker(bench.subject)


def _check_range(placement: Placement) -> None:
    beyond = {source: azimuth for source, azimuth in placement.azimuths.items() if not -360.0 <= azimuth <= 360.0}
    if beyond:
        source, azimuth = next(iter(beyond.items()))
        raise Failed(f"the azimuth of {source} is {azimuth:g}; give degrees, counter-clockwise, 0 in front and 90 left")
    high = {source: angle for source, angle in placement.elevations.items() if not -90.0 <= angle <= 90.0}
    if high:
        source, angle = next(iter(high.items()))
        raise Failed(f"the elevation of {source} is {angle:g}; give degrees from -90, below, to 90, above")
