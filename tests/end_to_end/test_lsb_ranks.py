"""What is ranked does not hang on the last bit of the stems: ±1 LSB of noise in them changes no places.

A metric is held to it by a line in METRICS. Estimates stay as they are; the references get noise as another rounding
or dither of the same files would have given them.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from soundstage.audio import Samples, read_audio
from soundstage.contracts import Metric, Spatializer
from soundstage.scene import Placement, Scene, Track
from soundstage_datasets.musdb18hq import Musdb18hq
from soundstage_metrics.bsseval import BssEval
from soundstage_metrics.community import Community
from soundstage_metrics.cues import Cues
from soundstage_metrics.energies import Energies
from soundstage_metrics.interaural import Interaural
from soundstage_metrics.leakage import Leakage
from soundstage_metrics.localization import Localization
from soundstage_metrics.sdr import Sdr, SiSdr
from soundstage_metrics.spauq import Spauq, SpauqPublished
from soundstage_separators.adress import Adress
from soundstage_separators.duet import Duet
from soundstage_separators.oracles import Ibm, Irm, Mwf
from soundstage_spatializers.hrir import Hrir
from soundstage_spatializers.original import Original
from soundstage_spatializers.panning import Panning

pytestmark = pytest.mark.heavy

METRICS: dict[str, Metric] = {"spauq": Spauq(), "spauq_published": SpauqPublished()}
EVERY_METRIC: dict[str, Metric] = METRICS | {
    "sdr": Sdr(),
    "si_sdr": SiSdr(),
    "interaural": Interaural(),
    "cues": Cues(),
    "bsseval": BssEval(),
    "community": Community(),
    "localization": Localization(),
    "energies": Energies(),
    "leakage": Leakage(),
}
OF_PUBLISHED: dict[str, Metric] = EVERY_METRIC | {
    "localization": Localization(law="panning"),
    "energies": Energies(sources=("bass", "guitar", "piano", "strings")),
}
OTHERS = [name for name in EVERY_METRIC if name not in METRICS]
everywhere = pytest.mark.parametrize("metric", METRICS)

LSB = 2.0**-15
DRAWS = (0, 1, 2)
SECONDS = 6
KEMAR = Path("/usr/share/libmysofa/MIT_KEMAR_normal_pinna.sofa")
SPATIALIZERS = ("original", "ku100", "kemar", "sphere", "panning")
AZIMUTHS = {"vocals": 0.0, "drums": 40.0, "bass": 330.0, "other": 290.0}

Estimates = Mapping[str, Mapping[str, Samples]]
Tables = dict[str, dict[tuple[str, str], dict[str, float]]]
"""Measure → (scene, source) → entry → value, of ranked values alone."""


def noisy(scene: Scene, draw: int) -> Scene:
    """The scene with up to one step of 16 bits added to every sample of its references."""
    rng = np.random.default_rng(draw)
    references = {
        name: reference + LSB * rng.integers(-1, 2, reference.shape) if reference.any() else reference
        for name, reference in scene.references.items()
    }
    return replace(scene, references=references)


def estimates_of(scene: Scene) -> Estimates:
    """What needs no weights makes of a scene."""
    mixture, rate, references = scene.mixture, scene.rate, scene.references
    images = Duet().separate(mixture, rate, source_count=len(references))
    return {**continuous(scene), "duet": dict(zip(references, images, strict=True))}


def continuous(scene: Scene) -> Estimates:
    """The estimates in which nothing is chosen, as DUET and ADRESS choose the directions that they take for sources."""
    mixture, rate, references = scene.mixture, scene.rate, scene.references
    return {
        "mixture": dict.fromkeys(references, mixture),
        "irm": Irm().separate(mixture, rate, references=references),
        "ibm": Ibm().separate(mixture, rate, references=references, gain=scene.gain),
        "mwf": Mwf().separate(mixture, rate, references=references),
    }


def tables(metric: Metric, scenes: Mapping[str, tuple[Scene, Estimates]]) -> Tables:
    found: Tables = {}
    for name, (scene, estimates) in scenes.items():
        scorer = metric.prepare(scene)
        for entry, images in estimates.items():
            for row in scorer(images):
                if row.frame is None:
                    rows = found.setdefault(row.name, {}).setdefault((name, row.source), {})
                    if row.ranked and row.value == row.value:
                        rows[entry] = row.value
    return found


def averages(rows: Mapping[tuple[str, str], Mapping[str, float]], entries: int) -> dict[str, float]:
    """As a leaderboard has it: the median over the scores that every entry has."""
    return medians([values for values in rows.values() if len(values) == entries])


def medians(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Entry → median over rows that each have every entry."""
    return {entry: statistics.median(values[entry] for values in rows) for entry in (rows[0] if rows else ())}


def in_both(
    before: Mapping[tuple[str, str], Mapping[str, float]],
    after: Mapping[tuple[str, str], Mapping[str, float]],
    entries: tuple[int, int],
    decimals: int,
) -> tuple[dict[str, float], dict[str, float]]:
    """The averages of both, as tables print them, over the scores that all so many entries of each have ranked.

    What noise sets is in no rank; where the files have more of it, less more moves a score, and it may come back.
    """
    keys = [key for key in before if (len(before[key]), len(after[key])) == entries]
    was, now = (medians([rows[key] for key in keys]) for rows in (before, after))
    return _printed(was, decimals), _printed(now, decimals)


def _printed(values: Mapping[str, float], decimals: int) -> dict[str, float]:
    return {entry: round(value, decimals) for entry, value in values.items()}


def swaps(before: Mapping[str, float], after: Mapping[str, float]) -> list[tuple[str, str]]:
    """The pairs of entries that have changed places."""
    return [
        (one, other)
        for one, other in itertools.combinations(sorted(before.keys() & after.keys()), 2)
        if (before[one] - before[other]) * (after[one] - after[other]) < 0
    ]


@pytest.fixture(scope="module")
def songs(shared: Path) -> list[Track]:
    dataset = Musdb18hq(shared / "real" / "musdb18hq-layout")
    return [dataset.load_part(track, 0, SECONDS * dataset.extent(track)[0]) for track in dataset.track_ids()]


@pytest.fixture(scope="module", params=SPATIALIZERS)
def scenes(request: pytest.FixtureRequest, shared: Path, songs: list[Track]) -> dict[str, tuple[Scene, Estimates]]:
    which: str = request.param
    if which == "kemar" and not KEMAR.is_file():
        pytest.skip(f"no {KEMAR}; Debian's libmysofa1 has it")
    hrtf = {"ku100": shared / "real" / "sadie-ku100" / "44K_16bit", "kemar": KEMAR}.get(which)
    spatializers: dict[str, Spatializer] = {"original": Original(), "panning": Panning()}
    spatializer = spatializers.get(which) or Hrir(hrtf)
    placement = Placement(AZIMUTHS)
    rendered = {song.id: spatializer.render(song, None if which == "original" else placement) for song in songs}
    return {f"{which} {song}": (scene, estimates_of(scene)) for song, scene in rendered.items()}


@everywhere
def test_one_bit_in_the_stems_changes_no_places_on_real_songs(
    scenes: dict[str, tuple[Scene, Estimates]], metric: str
) -> None:
    before = tables(METRICS[metric], scenes)
    for draw in DRAWS:
        after = tables(METRICS[metric], {name: (noisy(one[0], draw), one[1]) for name, one in scenes.items()})
        for measure, rows in before.items():
            entries = len(next(iter(scenes.values()))[1])
            assert not swaps(averages(rows, entries), averages(after[measure], entries)), (draw, measure)


def noisy_where_it_sounds(scene: Scene, draw: int) -> Scene:
    """Like `noisy`, but silence stays silence, second by second, as in another rounding of it; the mixture follows.

    BSS Eval has no value in a second in which any reference is digitally silent, so noise there would make another song
    of it.
    """
    found = noisy(scene, draw)
    for name, reference in scene.references.items():
        if found.references[name] is reference:  # it is silent throughout
            continue
        for start in range(0, reference.shape[1], scene.rate):
            second = slice(start, start + scene.rate)
            if np.abs(reference[:, second]).max() < LSB / 2:
                found.references[name][:, second] = reference[:, second]
    mixture = sum(found.references.values(), np.zeros_like(scene.mixture))
    return replace(found, mixture=mixture)


BY_LAGS = ("interaural", "cues")


@pytest.mark.parametrize("name", OTHERS)
def test_one_bit_changes_no_places_among_what_the_other_metrics_rank(
    scenes: dict[str, tuple[Scene, Estimates]], name: str
) -> None:
    """Each estimate as it was, and oracles and floor made anew.

    Not anew by lags: one bit in a mixture moves what a mask leaves of a band that holds little, and GCC-PHAT, which
    whitens it, takes its lag from there (docs/metrics.md). Nor by `flips`, for which half-plane a frame is heard in
    rests on treble that may hold little: a binary mask keeps other bins of that.
    Of a panned scene phases are right to 0.003° whatever made them: a table prints a tie.
    Rendered scenes leave BSS Eval's filters open but for what 16 bits leave, so they are scored as published ones were,
    one song of them.
    """
    is_bss_eval_of_rendering = name == "bsseval" and not any(scene.startswith("original") for scene in scenes)
    metric = BssEval(references="int16") if is_bss_eval_of_rendering else EVERY_METRIC[name]
    if name == "localization" and any(scene.startswith("original") for scene in scenes):
        pytest.skip("songs' own mixes are heard through no head")
    compared = 0
    for song, (scene, made) in list(scenes.items())[: 1 if is_bss_eval_of_rendering else None]:
        images = Adress().separate(scene.mixture, scene.rate, source_count=len(scene.references))
        estimates = {**made, "adress": dict(zip(scene.references, images, strict=True))}
        before = tables(metric, {song: (scene, estimates)})
        compared += sum(len(values) == len(estimates) for rows in before.values() for values in rows.values())
        for draw in DRAWS:
            other = noisy_where_it_sounds(scene, draw)
            anew = {f"{entry} anew": images for entry, images in continuous(other).items()}
            after = tables(metric, {song: (other, {**estimates, **anew})})
            for measure, rows in before.items():
                counts = len(estimates), len(estimates) + len(anew)
                held = in_both(rows, after[measure], counts, metric.measures[measure].decimals)
                assert not swaps(*held), (song, draw, measure)
                if name in BY_LAGS or measure == "flips":
                    continue
                remade = {entry: held[1].get(f"{entry} anew", value) for entry, value in held[1].items()}
                assert not swaps(held[0], remade), (song, draw, measure, "anew")
    assert compared, "nothing was ranked"


@pytest.mark.parametrize("metric", OF_PUBLISHED)
def test_one_bit_in_the_stems_changes_no_places_of_published_estimates(shared: Path, metric: str) -> None:
    """SpaIn-Net's own demo: panned in 16 bits, where the published SSR of four models is their files' last bit."""
    folder = shared / "real" / "spain-net-task1"
    models, sources = ("bs", "d1", "d1_n", "df"), ("bass", "guitar", "piano", "strings")

    def excerpt(model: str) -> dict[str, Samples]:
        return {source: read_audio(folder / model / f"{source}.flac")[0][:, : SECONDS * 44100] for source in sources}

    references = excerpt("gt")
    scene = Scene(44100, sum(references.values(), np.zeros_like(references["bass"])), references)
    estimates = {model: excerpt(model) for model in models}
    before = tables(OF_PUBLISHED[metric], {"demo": (scene, estimates)})
    ranked = {measure: averages(rows, len(models)) for measure, rows in before.items()}
    assert "SSR" not in ranked or set(ranked["SSR"]) == (set() if metric == "spauq_published" else set(models))
    for draw in DRAWS:
        after = tables(OF_PUBLISHED[metric], {"demo": (noisy(scene, draw), estimates)})
        for measure, rows in before.items():
            decimals = OF_PUBLISHED[metric].measures[measure].decimals
            held = in_both(rows, after[measure], (len(models), len(models)), decimals)
            assert not swaps(*held), (draw, measure)


def test_what_the_last_bit_decides_is_flagged_and_what_it_does_not_is_not(
    scenes: dict[str, tuple[Scene, Estimates]],
) -> None:
    """Panned scenes are, HRIR scenes and the songs' own mixes are not; silence is another reason."""
    notes = {
        (name.split()[0], row.note.partition(":")[0])
        for name, (scene, estimates) in scenes.items()
        for images in estimates.values()
        for row in METRICS["spauq_published"].prepare(scene)(images)
        if row.frame is None and "silent" not in row.note
    }
    (which,) = {name for name, _ in notes}
    if which == "panning":
        assert "set by 16-bit noise" in {note for _, note in notes}
    else:
        assert notes == {(which, "")}
