"""The checks of separators."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from soundstage.audio import Samples
from soundstage.errors import SoundstageError
from soundstage.running.meter import metered
from soundstage.scene import Scene
from soundstage.testing.material import RATE, SOURCES, Songs, scene_of
from soundstage.testing.measuring import difference_db, ild_db, itd_us, level_db
from soundstage.testing.results import Failed, Skipped, check
from soundstage.testing.watched import Bench, Watched
from soundstage.testing.workers import same_in_a_worker

EQUAL_DB = -100.0
"""Estimates that are no further apart are the same: sums in single precision may be in another order."""

LENGTHS = (1, 2, 100, 4095, RATE // 2 + 1)
"""Samples."""

LONG_S, LONGEST_S = 10, 600

SILENT_DBFS = -50.0
LOUD_DB = 26.0
FLAT = 20
"""Samples at one and the same peak, from which on a signal was clipped."""

QUIETER_DB = 24.0

HEARD_DB = -20.0
"""Of the source: what is quieter is no estimate whose image can be measured."""

ITD_US, ILD_DB = 70.0, 2.5
"""How far the image of a source alone may move: three samples, and what a broad mask does."""

CALLS = 6

PEEKED_S = 0.8


@check("separators", gate=True)
def builds(bench: Bench) -> str:
    """It is built and loaded as a run builds it, and what it declares can be read."""
    bench.subject.check_usable()
    about = bench.about
    told = [f"needs {', '.join(about.needs)}"] if about.needs else []
    told += [f"separates {', '.join(about.sources)}"] if about.sources else []
    told += [f"at {about.rate} Hz"] if about.rate else []
    return "; ".join(told)


@check("separators", gate=True)
def estimates(bench: Bench) -> str:
    """A second of music comes back as one finite, floating-point image (2, samples) for each source."""
    found = bench.estimates(bench.scene())
    return ", ".join(found.images)


@check("separators")
def sources(bench: Bench) -> str:
    """It copes with scenes of other sources, more or fewer, than it was tried on first."""
    bench.leave_out_look_ups()
    own = bench.about.sources
    tried = ((*own, "marimba"),) if own else (SOURCES[:2], ("marimba", "flute", "harp"))
    for these in tried:
        try:
            bench.estimates(bench.scene(sources=these))
        except SoundstageError as error:
            if own:
                raise
            raise Failed(
                f'it fails with {", ".join(these)}; take the sources that there are, as in `needs = ("sources",)`, or'
                f" declare those that it has in `sources` ({error})"
            ) from error
    return "; ".join(", ".join(these) for these in tried)


@check("separators")
def rates(bench: Bench) -> str:
    """Mixtures at other rates come back at those: it takes any, or declares its own."""
    bench.leave_out_look_ups()
    for rate in (16000, 48000):
        try:
            bench.estimates(bench.scene(rate=rate))
        except SoundstageError as error:
            if bench.about.rate is not None:
                raise
            raise Failed(f"{error} (at {rate} Hz); declare the rate it was made for, as in `rate = {RATE}`") from error
    own = bench.about.rate
    return f"resampled to its {own} Hz and back" if own else "16 and 48 kHz"


@check("separators")
def lengths(bench: Bench) -> str:
    """Whatever the length, from one sample on, the estimates are as long as the mixture."""
    bench.leave_out_look_ups()
    longest = LONGEST_S if bench.thorough else LONG_S
    for samples in (*LENGTHS, LONG_S * RATE):
        try:
            bench.estimates(bench.scene(samples=samples))
        except SoundstageError as error:
            raise Failed(
                f"it fails with a mixture of {samples} sample{'s' if samples > 1 else ''}; pad what is too short for"
                f" it, and cut the estimates to the mixture's length ({error})"
            ) from error
    if not bench.thorough:
        return f"1 sample to {longest} s; ten minutes are left out, --thorough tries them"
    bench.estimates(_long(bench))
    return f"1 sample to {longest // 60} minutes"


def _long(bench: Bench) -> Scene:
    """Ten minutes in which one source plays, so that the references take no memory beyond the mixture's."""
    first, *others = bench.sources
    whole = scene_of(Songs((first,), seconds=LONGEST_S))
    silence = np.broadcast_to(0.0, whole.mixture.shape)
    return replace(whole, references={first: whole.mixture, **dict.fromkeys(others, silence)})


@check("separators")
def silence(bench: Bench) -> str:
    """Silence comes back as silence."""
    bench.leave_out_look_ups()
    found = bench.estimates(bench.scene(gain=0.0))
    loudest = max((level_db(image), source) for source, image in found.images.items())
    if loudest[0] > SILENT_DBFS:
        raise Failed(
            f"of a silent mixture it makes {loudest[1]} of {loudest[0]:.0f} dB of full scale; return zeros where there"
            " is nothing (dividing by the mixture's level amplifies nothing to something)"
        )
    return ""


@check("separators")
def loud(bench: Bench) -> str:
    """A mixture far beyond full scale comes back whole, not clipped at ±1."""
    bench.leave_out_look_ups()
    found = bench.estimates(bench.scene(gain=10.0 ** (LOUD_DB / 20.0)))
    for source, image in found.images.items():
        peak = float(np.max(np.abs(image)))
        flat = int(np.count_nonzero(np.abs(image) >= peak * (1.0 - 1e-9))) if peak > 0.0 else 0
        if flat >= FLAT:
            raise Failed(
                f"{flat} samples of its {source} are at exactly ±{peak:.4g}: it clips; leave samples beyond ±1 as they"
                " are, or scale the mixture down before and the estimates up after"
            )
    return f"peaks of {float(np.max(np.abs(bench.scene(gain=10.0 ** (LOUD_DB / 20.0)).mixture))):.1f}"


@check("separators")
def level(bench: Bench) -> str:
    """A quieter mixture gives quieter estimates; of a scene with a gain a ceiling gives what is in the mixture."""
    bench.leave_out_look_ups()
    loud, quiet = bench.estimates(bench.scene()), bench.estimates(bench.scene(gain=10.0 ** (-QUIETER_DB / 20.0)))
    heard = [source for source, image in loud.images.items() if level_db(image) > SILENT_DBFS]
    for source in heard:
        fell = level_db(loud.images[source]) - level_db(quiet.images[source])
        if fell < QUIETER_DB / 2.0:
            raise Failed(
                f"its {source} falls by {fell:.0f} dB where the mixture falls by {QUIETER_DB:.0f}: it returns its own"
                " level; multiply the estimates by what the mixture was divided by"
            )
    if bench.about.role == "ceiling":
        scene = bench.scene()
        halved = replace(scene, gain=0.5, mixture=0.5 * scene.mixture)
        for source, image in bench.estimates(halved).images.items():
            if difference_db([0.5 * scene.references[source]], [image]) > EQUAL_DB:
                raise Failed(
                    f"of a scene of gain 0.5 its {source} is not half the reference; need `gain` and multiply by it"
                )
    return ""


@check("separators")
def same_again(bench: Bench) -> str:
    """The same mixture gives the same estimates, again and from a new instance."""
    scene = bench.scene()
    first = bench.raw(scene)
    for what, again in (
        ("called again", bench.raw(scene)),
        ("made anew", bench.raw(scene, bench.instance(fresh=True))),
    ):
        apart = _apart(first, again)
        if apart > EQUAL_DB:
            raise Failed(
                f"{what} it returns something else for the same mixture, {apart:.0f} dB apart; draw chance from a seed"
                " that is a parameter, and switch dropout and the like off (model.eval())"
            )
    return "bit by bit" if all(map(np.array_equal, first, again)) else f"{apart:.0f} dB apart"


@check("separators")
def order(bench: Bench) -> str:
    """What it was given before changes nothing: there is no state between tracks, and no array is used twice."""
    bench.leave_out_look_ups()
    one, other = bench.scene(), bench.scene("second")
    instance = bench.instance(fresh=True)
    alone = [array.copy() for array in bench.raw(other, instance)]
    instance = bench.instance(fresh=True)
    before = bench.raw(one, instance)
    kept = [array.copy() for array in before]
    after = bench.raw(other, instance)
    if _apart(kept, before) > EQUAL_DB:
        raise Failed(
            "the estimates of one track change when it is given the next: it returns an array that it writes into"
            " again; return a copy"
        )
    apart = _apart(alone, after)
    if apart > EQUAL_DB:
        raise Failed(
            f"after another track it returns something else for the same mixture, {apart:.0f} dB apart; keep nothing"
            " in `self` of one call that the next reads"
        )
    return ""


@check("separators")
def inputs_unchanged(bench: Bench) -> str:
    """It does not write into what it is handed."""
    watched = Watched(bench.instance())
    bench.estimates(bench.scene(), watched)
    if watched.written:
        raise Failed(f"it writes into the {watched.written[0]} that it is handed; work on a copy of it")
    return ""


@check("separators")
def no_peeking(bench: Bench) -> str:
    """Without needing the references it knows nothing of them: with others, and the same mixture, all is the same."""
    about = bench.about
    if {"references", "renderer"} & set(about.needs):
        raise Skipped(f"it declares that it needs {', '.join(about.needs)}, and is ranked as no competitor")
    bench.leave_out_look_ups()
    scene = scene_of(Songs(bench.sources, PEEKED_S))  # alone of its mixture, for whoever looks for it in memory
    first = bench.raw(scene)
    names, images = list(scene.references), list(scene.references.values())
    scene = replace(scene, references=dict(zip(names, [*images[1:], images[0]], strict=True)))
    apart = _apart(first, bench.raw(scene))
    if apart > EQUAL_DB:
        raise Failed(
            f"with other references and the same mixture its estimates change by {apart:.0f} dB, so it looks at them"
            ' unasked; declare needs = ("references",), which makes it an oracle, or do without'
        )
    return "the scene's samples were unchanged after each call, too"


@check("separators")
def image(bench: Bench) -> str:
    """One source alone comes back where it was: its estimate has the ITD and the ILD of the scene's image."""
    bench.leave_out_look_ups()
    instance = bench.instance()
    if getattr(instance, "keeps_image", True) is False:
        raise Skipped("it declares keeps_image = False: where its sources come from is none of its promises")
    if bench.about.degradation is not None:
        raise Skipped("it is a probe, which changes on purpose what it changes")
    measured = [one for source in bench.sources if (one := _moved(bench, source))]
    if not measured:
        raise Skipped("of no source alone did it return enough to measure")
    worst = max(measured, key=lambda one: max(abs(one[1]) / ITD_US, abs(one[2]) / ILD_DB))
    source, itd, ild, told = worst
    if abs(itd) > ITD_US or not abs(ild) <= ILD_DB:
        raise Failed(
            f"{source} alone comes back from elsewhere: {told}; do the same to both channels (one mask for the two,"
            " or a model that sees both), or declare `keeps_image = False` where it was never meant to"
        )
    return f"within {abs(itd):.0f} µs and {abs(ild):.1f} dB, at worst of {source}"


def _moved(bench: Bench, source: str) -> tuple[str, float, float, str] | None:
    """By how many µs and dB the image of a source that plays alone moves, and both as a phrase; None where its estimate
    is too quiet."""
    scene = bench.scene(alone=source)
    found = bench.estimates(scene)
    if source not in found.images:
        return None
    image, goal = found.images[source], scene.references[source]
    if level_db(image) < level_db(goal) + HEARD_DB:
        return None
    itd, ild = itd_us(image, scene.rate), ild_db(image)
    there = itd_us(goal, scene.rate), ild_db(goal)
    told = (
        f"an ITD of {itd:.0f} µs where the scene has {there[0]:.0f}, an ILD of {ild:.1f} dB where it has {there[1]:.1f}"
    )
    return source, math.inf if math.isnan(itd) else itd - there[0], ild - there[1], told


@check("separators")
def nothing_kept(bench: Bench) -> str:
    """Memory does not grow from call to call."""
    bench.leave_out_look_ups()
    scene = bench.scene()
    instance = bench.instance()
    for _ in range(2):
        bench.estimates(scene, instance)
    tracemalloc.start()
    try:
        bench.estimates(scene, instance)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(CALLS):
            bench.estimates(scene, instance)
        grown = (tracemalloc.get_traced_memory()[0] - before) / CALLS
    finally:
        tracemalloc.stop()
    if grown > 0.5 * scene.mixture.nbytes:
        raise Failed(
            f"each call leaves {grown / 1e6:.1f} MB behind; keep nothing of a mixture in `self` or in a cache once"
            " separate() has returned"
        )
    return ""


@check("separators")
def cost(bench: Bench) -> str:
    """What it costs is known: seconds and memory a second of audio."""
    if not bench.looks_up:
        scene = bench.scene(samples=LONG_S * RATE)
        with metered() as spent:
            bench.estimates(scene)
        memory = (
            "" if spent.peak_mb is None else f", {spent.peak_mb:.0f} MB at most for {LONG_S} s, all of this process"
        )
        return f"{spent.seconds / LONG_S:.3f} s a second of audio on {bench.device}{memory}"
    raise Skipped("it computes nothing")


@check("separators")
def worker(bench: Bench) -> str:
    """A worker process builds it, and its estimates there are the same."""
    bench.leave_out_look_ups()
    return same_in_a_worker(bench.subject, bench.device, sources=bench.sources, equal_db=EQUAL_DB)


def _apart(first: Sequence[Samples], other: Sequence[Samples]) -> float:
    """Infinite where shapes or numbers differ."""
    if [one.shape for one in first] != [one.shape for one in other]:
        return math.inf
    return difference_db(first, other)
