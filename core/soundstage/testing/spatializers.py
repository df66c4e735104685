"""The checks of spatializers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from soundstage.errors import SoundstageError
from soundstage.pipeline.blame import named_as
from soundstage.pipeline.scenes import place, spatialize
from soundstage.pipeline.tracks import load_track
from soundstage.running.workbench import discarding
from soundstage.scene import Motion, Placement, Scene, Track
from soundstage.testing import subject
from soundstage.testing.material import RATE, SOURCES, TRACKS, Fan, Songs
from soundstage.testing.measuring import difference_db, ild_db, itd_us, level_db
from soundstage.testing.results import Failed, Skipped, check
from soundstage.testing.workers import same_in_a_worker

EQUAL_DB = -100.0

AZIMUTHS = (0.0, 20.0, 40.0, 60.0)
FEWEST = 3

AHEAD_US, AHEAD_DB = 150.0, 3.0
"""What a source in front may be off the middle: a measured head is not quite even."""

ASIDE_US, ASIDE_DB = 60.0, 0.5
"""What one at 40 degrees must be off it at least, in one of the two."""

BACK_US, BACK_DB = 46.0, 1.5
"""By how much a cue may go back from one azimuth to the next without a look at the whole."""

STEADY = 0.75
"""Spearman's ρ of a cue and the azimuth; what a room adds to the direct sound makes it rise unevenly."""

LENGTHS = (1, 100, RATE // 2 + 1)
SPREAD_DB = 20.0


class Bench(subject.Bench):
    """What the checks of a spatializer share."""

    @property
    def places(self) -> bool:
        """Whether it uses placements."""
        return bool(getattr(self.instance(), "uses_placement", True))

    def track(self, name: str = TRACKS[0], **of: Any) -> Track:
        """A song of the kit."""
        return load_track(Songs(**of), "of the kit", name)

    def scene(self, track: Track, azimuths: dict[str, float] | None = None, fresh: bool = False) -> Scene:
        """The track, rendered and checked by the harness's own function."""
        instance, placement = self.instance(fresh), self.placement(track, azimuths)
        with discarding():
            return spatialize(instance, self.subject.name, track, placement)

    def placement(self, track: Track, azimuths: dict[str, float] | None = None) -> Placement | None:
        """Where the track's sources sit; None where it uses no placement."""
        if not self.places:
            return None
        return place(Fan(), "of the kit", "kit", track, 0) if azimuths is None else Placement(azimuths)


@check("spatializers", gate=True)
def builds(bench: Bench) -> str:
    """It is built as a run builds it."""
    bench.subject.check_usable()
    return ""


@check("spatializers", gate=True)
def renders(bench: Bench) -> str:
    """A second of music becomes a scene: an image of each stem, and a mixture of its gain times their sum."""
    scene = bench.scene(bench.track())
    if bench.places and scene.placement is None:
        raise Failed("the scene does not hold the placement it was rendered to; return Scene(…, placement=placement)")
    return f"gain {scene.gain:.3g}, latency {scene.latency} samples"


@check("spatializers")
def any_track(bench: Bench) -> str:
    """It renders mono and stereo stems, one and six of them, from one sample on, at any rate."""
    tried: dict[str, dict[str, Any]] = {
        "stereo stems": {"channels": 2},
        "one stem": {"sources": SOURCES[:1]},
        "six stems": {"sources": (*SOURCES, "marimba", "flute")},
        **{f"stems of length {samples}": {"samples": samples} for samples in LENGTHS},
        **{f"stems at {rate} Hz": {"rate": rate} for rate in (16000, 48000)},
    }
    for what, of in tried.items():
        track = bench.track(**of)
        try:
            scene = bench.scene(track)
        except SoundstageError as error:
            raise Failed(
                f"it fails with {what}; render any number of stems, of one or two channels, at the track's rate and"
                f" length ({error})"
            ) from error
        if scene.rate != track.rate:
            raise Failed(f"a track of {track.rate} Hz became a scene of {scene.rate} Hz; render at the track's rate")
        if scene.mixture.shape[1] < next(iter(track.stems.values())).shape[1]:
            raise Failed("the scene is shorter than the track; keep all of its samples")
    return "mono and stereo, 1 to 6 stems, 1 sample to 1 s, 16 to 48 kHz"


@check("spatializers")
def placement_honoured(bench: Bench) -> str:
    """A source to the left leads and is louder on the left, the more so the further it is aside; and to the right."""
    if not bench.places:
        raise Skipped("it uses no placement")
    cues: dict[float, tuple[float, float]] = {}
    refused = ""
    track = bench.track(sources=SOURCES[:1])
    for azimuth in sorted({*AZIMUTHS, *(-one for one in AZIMUTHS)}):
        try:
            scene = bench.scene(track, {SOURCES[0]: azimuth})
        except SoundstageError as error:
            if not isinstance(error.__cause__, SoundstageError):  # its own sentence is an answer, a fault is none
                raise Failed(
                    f"it fails with a source at {azimuth:g} degrees; render it, or raise soundstage.SoundstageError"
                    f" that says where it can ({error})"
                ) from error
            refused = str(error)
            continue
        image = scene.references[SOURCES[0]]
        cues[azimuth] = itd_us(image, scene.rate), ild_db(image)
    if len(cues) < FEWEST:
        raise Failed(f"of {len(AZIMUTHS) * 2 - 1} azimuths in front it renders {len(cues)}: {refused}")
    if 0.0 in cues and not (abs(cues[0.0][0]) <= AHEAD_US and abs(cues[0.0][1]) <= AHEAD_DB):
        raise Failed(
            f"a source at 0 degrees has an ITD of {cues[0.0][0]:.0f} µs and an ILD of {cues[0.0][1]:.1f} dB; 0 is in"
            " front"
        )
    grows = [_check_sign(cues, which, what, aside, back) for which, what, aside, back in CUES]
    if not any(grows):
        raise Failed(
            "neither the ITD nor the ILD changes with the azimuth; render each stem to where the placement says"
        )
    return " and ".join(f"{what[:3]} grows" for (_, what, _, _), does in zip(CUES, grows, strict=True) if does)


UNHEARD = 1e6
"""Where a cue ends, up and down."""

CUES = ((0, "ITD, µs", ASIDE_US, BACK_US), (1, "ILD, dB", ASIDE_DB, BACK_DB))


def _check_sign(cues: dict[float, tuple[float, float]], which: int, what: str, aside: float, back: float) -> bool:
    """Whether that cue says where sources are; Failed where it says the wrong side or falls."""
    values = {azimuth: pair[which] for azimuth, pair in sorted(cues.items()) if not math.isnan(pair[which])}
    told = ", ".join(f"{value:.1f} at {azimuth:g}°" for azimuth, value in values.items())
    moved = [(azimuth, value) for azimuth, value in values.items() if abs(azimuth) >= 40.0]
    if all(abs(value) < aside for _, value in moved):
        return False
    if wrong := [azimuth for azimuth, value in moved if value * math.copysign(1.0, azimuth) < -aside]:
        raise Failed(
            f"the {what}, positive where the left leads or is louder: {told}; at {wrong[0]:g} degrees it says the other"
            " side; azimuths run counter-clockwise, +90 is left, and the first channel is the left"
        )
    from scipy import stats

    steps = np.clip(list(values.values()), -UNHEARD, UNHEARD)  # the ILD is infinite where one ear hears nothing
    back_most = float(np.max(steps[:-1] - steps[1:]))
    if back_most > back and stats.spearmanr(list(values), steps).statistic < STEADY:
        raise Failed(f"the {what} does not grow with the azimuth: {told}; render each stem to where it is placed")
    return True


@check("spatializers")
def level(bench: Bench) -> str:
    """Levels are consistent: a stem half as loud has half the image, and other stems change nothing of it."""
    track = bench.track()
    whole = bench.scene(track)
    halved = bench.scene(replace(track, stems={source: 0.5 * stem for source, stem in track.stems.items()}))
    for source, reference in whole.references.items():
        apart = difference_db([0.5 * reference], [halved.references[source]])
        if apart > EQUAL_DB:
            raise Failed(
                f"of stems half as loud the image of {source} is not half as loud ({apart:.0f} dB apart); scale no"
                " reference by what it holds, and say in the scene's gain by what the mixture is scaled"
            )
    first = next(iter(track.stems))
    quiet = {source: stem if source == first else np.zeros_like(stem) for source, stem in track.stems.items()}
    alone = bench.scene(replace(track, stems=quiet))
    apart = difference_db([whole.references[first]], [alone.references[first]])
    if apart > EQUAL_DB:
        raise Failed(
            f"the image of {first} changes with what else plays ({apart:.0f} dB apart); render each stem by itself"
        )
    for source, image in alone.references.items():
        if source != first and np.any(image):
            raise Failed(
                f"of a silent stem, {source}, comes an image of {level_db(image):.0f} dB; leave silence silent"
            )
    return ""


@check("spatializers")
def same_again(bench: Bench) -> str:
    """The same track and placement give the same scene, again, after another track and from a new instance."""
    track = bench.track()
    first = bench.scene(track)
    bench.scene(bench.track(TRACKS[1]))
    for what, again in (("rendered again", bench.scene(track)), ("made anew", bench.scene(track, fresh=True))):
        pairs = [(first.mixture, again.mixture)]
        pairs += [(first.references[source], again.references[source]) for source in first.references]
        if any(not np.array_equal(*pair) for pair in pairs) or first.gain != again.gain:
            raise Failed(
                f"{what} the same track and placement give another scene; let it depend on these and the parameters"
                " alone, and draw chance from a seed that is a parameter"
            )
    return "bit by bit"


@check("spatializers")
def inputs_unchanged(bench: Bench) -> str:
    """It does not write into the stems that it is handed."""
    track = bench.track(channels=2)
    before = {source: stem.copy() for source, stem in track.stems.items()}
    with discarding(), named_as(f"spatializer '{bench.subject.name}'"):
        scene = bench.instance().render(track, bench.placement(track))
    for source, stem in track.stems.items():
        if not np.array_equal(stem, before[source]):
            raise Failed(f"it writes into the stem '{source}' that it is handed; work on a copy of it")
        images = map(np.asarray, (scene.references[source], scene.mixture))
        if any(image.flags.writeable and np.shares_memory(stem, image) for image in images):
            raise Failed(
                f"its image of '{source}' is the stem's own memory; return a copy, or a view that cannot be written to"
            )
    return ""


@check("spatializers")
def moving(bench: Bench) -> str:
    """A source that moves is rendered so, or refused; none stands still in silence."""
    if not bench.places:
        raise Skipped("it uses no placement")
    track = bench.track(sources=SOURCES[:2])
    way = Motion((0.0, 1.0), (-30.0, 30.0))
    placement = Placement({SOURCES[0]: -30.0, SOURCES[1]: 20.0}, motions={SOURCES[0]: way})
    try:
        with discarding():
            scene = spatialize(bench.instance(), bench.subject.name, track, placement)
    except SoundstageError as error:
        if not isinstance(error.__cause__, (SoundstageError, type(None))):
            raise Failed(
                "it fails with a source that moves; render the way, or raise soundstage.SoundstageError that says that"
                f" it renders sources at rest alone ({error})"
            ) from error
        return f"refused: {error}"
    image = scene.references[SOURCES[0]]
    parts = np.array_split(image, 4, axis=1)
    cues = [(itd_us(part, scene.rate), ild_db(part)) for part in (parts[0], parts[2])]
    if not (cues[1][0] > cues[0][0] or cues[1][1] > cues[0][1]):
        raise Failed(
            "its details['moves'] names a source that goes from right to left, and neither ITD nor ILD of the image"
            " does; render the way, or leave it out of 'moves'"
        )
    return "rendered"


@check("spatializers")
def worker(bench: Bench) -> str:
    """A worker process builds it and renders alike."""
    return same_in_a_worker(bench.subject)
