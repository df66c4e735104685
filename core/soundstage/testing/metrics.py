"""The checks of metrics."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from soundstage.contracts import Score
from soundstage.errors import SoundstageError
from soundstage.pipeline.fingerprint import fingerprint
from soundstage.testing.cards import response_of
from soundstage.testing.degraded import DEGRADED, SOURCES, STEPS_DB, Bench, values
from soundstage.testing.material import RATE, mirrored
from soundstage.testing.results import Failed, Skipped, check
from soundstage.testing.workers import same_in_a_worker

SHARE = 0.01
"""Of what a measure spans here: what is within it is no difference."""

LOPSIDED = 0.02

EQUAL = 1e-9
"""Relative; of a sum in another order."""

LENGTHS = (1, 100, RATE // 10)


@check("metrics", gate=True)
def builds(bench: Bench) -> str:
    """It is built as a run builds it, and what it declares can be read."""
    bench.subject.check_usable()
    try:
        found = bench.measures
    except SoundstageError as error:
        raise Failed(f"it {error}") from error
    unitless = [name for name, measure in found.items() if not measure.unit]
    if unitless:
        raise Failed(f"{unitless[0]} has no unit; name one, as Measure('dB', …), or '1' for a number that has none")
    return ", ".join(
        f"{name} ({measure.unit}, {'higher' if measure.higher_is_better else 'lower'} is better)"
        for name, measure in found.items()
    )


@check("metrics", gate=True)
def scores(bench: Bench) -> str:
    """Every measure has one row of a whole track for each source, finite or NaN with a reason."""
    try:
        rows = bench.perfect()
    except SoundstageError as error:
        _say_read_only(error)
        raise
    valued = sorted({row.name for row in rows if row.frame is None and not math.isnan(row.value)})
    return "perfect estimates have " + (f"values of {', '.join(valued)}" if valued else "no values")


def _say_read_only(error: SoundstageError) -> None:
    if "read-only" in str(error):
        raise Failed(
            f"it writes into the arrays that it is handed, which are read-only ({error}); work on copies of them"
        ) from error


@check("metrics")
def identity(bench: Bench) -> str:
    """Nothing scores better than perfect estimates."""
    goal, spans = values(bench.perfect()), bench.spans()
    told = []
    for name, measure in bench.measures.items():
        own = [value for key, value in goal.items() if key[0] == name and not math.isnan(value)]
        told += [f"{name} {np.median(own):.{measure.decimals}f} {measure.unit}"] if own else []
        for what, step, key, value in _all_degraded(bench, name):
            better = value - goal[key] if measure.higher_is_better else goal[key] - value
            if better > SHARE * spans[name] + EQUAL * abs(value):
                raise Failed(
                    f"{name} of {key[1]} is {goal[key]:.4g} for the reference itself and {value:.4g} with {what}"
                    f" ({step:g}); it declares that {'higher' if measure.higher_is_better else 'lower'} is better: turn"
                    " that round, or give the reference the best value there is"
                )
            if math.isnan(goal[key]) and not math.isnan(value):
                raise Failed(
                    f"{name} of {key[1]} has no value for the reference itself and {value:.4g} with {what}; give a"
                    " perfect estimate the best value, bounded where it would be infinite"
                )
    if not told:
        raise Skipped("no measure has a value of this scene")
    return f"at best {', '.join(told)}"


@check("metrics")
def direction(bench: Bench) -> str:
    """Each measure gets worse, in the direction it declares, with something that is wrong with estimates."""
    goal, spans, told, still = values(bench.perfect()), bench.spans(), [], list[str]()
    for name, measure in bench.measures.items():
        if all(math.isnan(value) for key, value in goal.items() if key[0] == name):
            continue
        sign = -1.0 if measure.higher_is_better else 1.0
        falls = []
        for what, (_, steps) in DEGRADED.items():
            ladder = [[goal[key] for key in goal if key[0] == name]]
            for step in steps:
                found = bench.degraded(what, step)
                ladder.append([found[key] for key in goal if key[0] == name])
            means = [sign * float(np.nanmedian(values)) for values in ladder if not np.all(np.isnan(values))]
            rises = [after - before for before, after in itertools.pairwise(means)]
            if rises and sum(rises) > SHARE * spans[name] and min(rises) >= -SHARE * spans[name]:
                falls.append(what)
        if not falls and measure.headline:
            still.append(name)
        told += [] if falls else [f"{name}, which is no column of the leaderboard, by nothing"]
        told += [f"{name} by {' and '.join(falls)}"] if falls else []
    if still:
        raise Failed(
            f"{', '.join(still)} gets worse with nothing, step by step: not with {', '.join(DEGRADED)}; compare the"
            " estimate with the reference, and declare the direction in which it gets better"
        )
    if not told:
        raise Skipped("no measure has a value of this scene")
    return "; ".join(told)


def _all_degraded(bench: Bench, name: str) -> Iterator[tuple[str, float, tuple[str, str], float]]:
    for what, (_, steps) in DEGRADED.items():
        for step in steps:
            for key, value in bench.degraded(what, step).items():
                if key[0] == name:
                    yield what, step, key, value


@check("metrics")
def permutation(bench: Bench) -> str:
    """The order in which sources are handed over changes nothing."""
    scene = bench.scene
    images = DEGRADED["noise"][0](scene.references, STEPS_DB[1])
    turned = replace(scene, references=dict(list(scene.references.items())[::-1]))
    first, backwards = bench.scores(images), dict(list(images.items())[::-1])
    for again in (bench.scores(backwards), bench.scores(images, bench.prepared(turned))):
        if trouble := _differing(first, again):
            raise Failed(
                f"with the sources in another order {trouble}; look sources up by name, in estimates and in"
                " scene.references, never by their place"
            )
    return ""


@check("metrics")
def lacking_sources(bench: Bench) -> str:
    """Estimates may lack sources that a separator does not have; the others are scored."""
    images = DEGRADED["noise"][0](bench.scene.references, STEPS_DB[1])
    images.pop(SOURCES[1])
    try:
        bench.scores(images)
    except SoundstageError as error:
        raise Failed(f"without an estimate of {SOURCES[1]}: {error}; go through `estimates`, not the scene") from error
    return ""


@check("metrics")
def mirror(bench: Bench) -> str:
    """With left and right exchanged in scene and estimates alike, all values are the same."""
    scene = mirrored(bench.scene)
    scorer, spans = bench.prepared(scene), bench.spans()
    for what, step in (("an image pulled to the left", 3.0), ("noise", STEPS_DB[1])):
        images = DEGRADED[what][0](bench.scene.references, step)
        found = values(bench.scores({source: image[::-1] for source, image in images.items()}, scorer))
        for key, value in bench.degraded(what, step).items():
            if math.isnan(value) and math.isnan(found[key]):
                continue
            apart = abs(value - found[key])
            if not apart <= LOPSIDED * spans[key[0]] + EQUAL * abs(value):
                raise Failed(
                    f"{key[0]} of {key[1]}, with {what}, is {value:.4g}, and {found[key]:.4g} with left and right"
                    " exchanged in scene and estimate; treat both channels alike (sum over both, take no one for the"
                    " reference)"
                )
    return ""


@check("metrics")
def silence(bench: Bench) -> str:
    """Silent estimates, silent references and a silent scene get values, or NaN with a reason."""
    references = bench.scene.references
    quiet = np.zeros_like(bench.scene.mixture)
    bench.scores(dict.fromkeys(references, quiet))
    bench.scores({**references, SOURCES[0]: np.stack([references[SOURCES[0]][0], quiet[1]])})
    one = bench.scene_of(alone=SOURCES[1])
    bench.scores(one.references, bench.prepared(one))
    bench.scores({source: references[source] for source in one.references}, bench.prepared(one))
    none = bench.scene_of(gain=0.0)
    bench.scores(none.references, bench.prepared(none))
    return ""


@check("metrics")
def lengths(bench: Bench) -> str:
    """Scenes too short for it, from one sample on, get NaN with a reason, not an error."""
    for samples in LENGTHS:
        scene = bench.scene_of(samples=samples)
        noisy = DEGRADED["noise"][0](scene.references, STEPS_DB[1])
        try:
            bench.scores(noisy, bench.prepared(scene))
        except SoundstageError as error:
            raise Failed(
                f"of a scene of {samples} sample{'s' if samples > 1 else ''}: {error}; where a track is too short"
                " return NaN and a note that says so"
            ) from error
    return ""


@check("metrics")
def same_again(bench: Bench) -> str:
    """Scored again, after other estimates, and by a scorer prepared anew, the values are the same."""
    images = DEGRADED["noise"][0](bench.scene.references, STEPS_DB[1])
    scorer = bench.prepared()
    first = bench.scores(images, scorer)
    bench.scores(DEGRADED["another level"][0](bench.scene.references, -12.0), scorer)
    for what, fresh in (("scored again after other estimates", False), ("prepared anew", True)):
        again = bench.scores(images, bench.prepared(fresh=True) if fresh else scorer)
        if trouble := _differing(first, again):
            raise Failed(
                f"{what} {trouble}; let the scorer keep only what depends on the references, change nothing of it while"
                " scoring, and draw no chance"
            )
    return ""


@check("metrics")
def inputs_unchanged(bench: Bench) -> str:
    """It writes neither into the scene nor into the estimates."""
    scene = bench.scene_of()
    images = {source: image + 0.0 for source, image in scene.references.items()}
    taken, before = fingerprint(scene), {source: image.copy() for source, image in images.items()}
    try:
        bench.scores(images, bench.prepared(scene))
    except SoundstageError as error:
        _say_read_only(error)
        raise
    changed = [source for source, image in images.items() if not np.array_equal(image, before[source])]
    if changed or fingerprint(scene) != taken:
        what = f"the estimate of {changed[0]}" if changed else "the scene"
        raise Failed(f"it writes into {what}, which other metrics are handed after it; work on copies")
    return ""


@check("metrics")
def response(bench: Bench) -> str:
    """It moves with what it claims to follow; its response to known degradations is its card."""
    return response_of(bench)


@check("metrics")
def worker(bench: Bench) -> str:
    """A worker process builds it and scores alike."""
    return same_in_a_worker(bench.subject, measures=dict(bench.measures))


def _differing(first: list[Score], again: list[Score]) -> str:
    """The first value that differs, as a phrase; empty where none does."""
    held = {(row.source, row.name, row.frame): row.value for row in first}
    found = {(row.source, row.name, row.frame): row.value for row in again}
    if set(held) != set(found):
        return "there are other rows"
    for key, value in held.items():
        apart = abs(value - found[key])
        if math.isnan(value) and math.isnan(found[key]):
            continue
        if not apart <= EQUAL * max(1.0, abs(value)):
            where = "" if key[2] is None else f" in frame {key[2]}"
            return f"{key[1]} of {key[0]}{where} is {found[key]:.6g} in place of {value:.6g}"
    return ""
