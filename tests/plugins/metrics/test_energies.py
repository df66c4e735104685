"""The metric `energies`: closed forms of bleed, gain, rotation and noise on scenes that have no noise of their own."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pytest

from soundstage.pipeline.scenes import spatialize
from soundstage.pipeline.scores import prepare, score
from soundstage.pipeline.separate import Estimates
from soundstage.scene import Placement, Scene, Track
from soundstage_metrics import hooks
from soundstage_metrics.bit_depth import quantised
from soundstage_metrics.bsseval import BssEval
from soundstage_metrics.energies import Energies, bases, error_energies
from soundstage_metrics.energies.products import ShiftedProducts
from soundstage_spatializers.hrir import Hrir
from soundstage_spatializers.panning import Panning

RATE = 8000
AZIMUTHS = {"vocals": 0.0, "drums": 50.0, "bass": -35.0}
PARTS = ("image_error", "interference", "artefacts")
everywhere = pytest.mark.parametrize("rendering", ["panning", "hrir"])


def db(energy):
    return 10 * math.log10(energy)


def coloured(seed, seconds=3.0):
    """A source with a spectrum and notes of its own."""
    rng = np.random.default_rng(seed)
    white = rng.standard_normal(round(seconds * RATE))
    spectrum = np.fft.rfft(white)
    frequencies = np.fft.rfftfreq(len(white), 1 / RATE)
    spectrum *= 1 / np.sqrt(1 + (frequencies / (300.0 * (1 + seed))) ** 2)
    loudness = 0.6 + 0.4 * np.sin(2 * np.pi * (1 + 0.37 * seed) * np.arange(len(white)) / RATE)
    found = np.fft.irfft(spectrum, len(white)) * loudness
    return 0.1 * found / found.std()


@lru_cache
def scene_of(rendering, vocals=0.0):
    stems = {name: coloured(seed)[np.newaxis] for seed, name in enumerate(AZIMUTHS)}
    spatializer = {"panning": Panning(), "hrir": Hrir()}[rendering]
    return spatialize(spatializer, rendering, Track("song", RATE, stems), Placement({**AZIMUTHS, "vocals": vocals}))


def rows_of(scene, estimates, metric=None):
    """The rows as the harness checks them."""
    metric = metric or Energies()
    scorer = prepare(metric, "energies", "song", scene)
    rows = score(scorer, metric.measures, "energies", "song", Estimates(estimates, {}))
    return {(row.source, row.name, row.frame): row for row in rows}


def values(scene, estimate):
    """The voice's whole-track values by measure; no value is −80."""
    rows = rows_of(scene, {"vocals": estimate})
    found = {name: rows["vocals", name, None] for name in Energies().measures}
    return {name.removeprefix("interference_from_"): -80.0 if row.note else row.value for name, row in found.items()}


def level(scene, source):
    """A source's energy in dB of the voice's."""
    return db(np.sum(scene.references[source] ** 2) / np.sum(scene.references["vocals"] ** 2))


def test_it_is_registered_and_declares_a_row_for_each_named_source():
    targets = {}
    hooks.register_metrics(lambda name, target, **facts: targets.update({name: target}))
    assert targets["energies"] == "soundstage_metrics.energies:Energies"
    named = Energies(sources=("guitar", "piano")).measures
    assert list(named) == [*PARTS, "interference_from_guitar", "interference_from_piano"]
    assert [name for name, measure in named.items() if measure.headline] == list(PARTS)


@everywhere
def test_the_parts_add_up_to_the_error(rendering):
    scene, rng = scene_of(rendering), np.random.default_rng(5)
    shape = scene.mixture.shape
    for estimate in (scene.mixture, 0.3 * scene.mixture + 0.05 * rng.standard_normal(shape), np.zeros(shape)):
        found = error_energies(scene.references, "vocals", estimate, RATE)
        total = found.image + found.artefacts + sum(found.interference.values())
        np.testing.assert_allclose(total, found.error, rtol=1e-9)
        assert found.error.sum() == pytest.approx(np.sum((estimate - scene.references["vocals"]) ** 2), rel=1e-9)
        assert found.reference.sum() == pytest.approx(np.sum(scene.references["vocals"] ** 2), rel=1e-9)


@everywhere
@pytest.mark.parametrize("gain", [0.9, 1.5, -1.0])
def test_a_gain_is_image_error_and_nothing_else(rendering, gain):
    scene = scene_of(rendering)
    found = values(scene, gain * scene.references["vocals"])
    assert found["image_error"] == pytest.approx(20 * math.log10(abs(gain - 1)), abs=1e-4)
    assert max(found[name] for name in found if name != "image_error") < found["image_error"] - 50


@pytest.mark.parametrize(("rendering", "margin", "within"), [("panning", 60.0, 0.001), ("hrir", 11.0, 0.4)])
@pytest.mark.parametrize("azimuth", [5.0, 30.0])
def test_a_rotation_is_image_error_and_nothing_else(rendering, margin, within, azimuth):
    """Between ears it needs filters longer than half a millisecond for the last twentieth."""
    scene = scene_of(rendering)
    turned = scene_of(rendering, azimuth).references["vocals"]
    found = values(scene, turned)
    error = db(np.sum((turned - scene.references["vocals"]) ** 2) / np.sum(scene.references["vocals"] ** 2))
    assert found["image_error"] == pytest.approx(error, abs=within)
    most = max(found["image_error"] - margin, -79.9)
    assert max(found[name] for name in found if name != "image_error") < most


@everywhere
@pytest.mark.parametrize("source", ["drums", "bass"])
@pytest.mark.parametrize("bleed", [-6.0, -20.0, -40.0])
def test_bleed_is_interference_from_the_source_it_is_of_and_nothing_else(rendering, source, bleed):
    scene = scene_of(rendering)
    found = values(scene, scene.references["vocals"] + 10 ** (bleed / 20) * scene.references[source])
    expected = bleed + level(scene, source)
    assert found[source] == pytest.approx(expected, abs=0.01)
    assert found["interference"] == pytest.approx(expected, abs=0.01)
    others = [name for name in found if name not in (source, "interference")]
    assert max(found[name] for name in others) < max(expected - 35, -79.9)


def test_bleed_that_takes_the_targets_image_is_interference_from_its_source_too():
    scene = scene_of("panning")
    drums = np.tile(coloured(1), (2, 1)) / math.sqrt(2)
    found = values(scene, scene.references["vocals"] + 0.1 * drums)
    assert found["drums"] == pytest.approx(-20 + level(scene, "drums"), abs=0.05)
    assert max(found["image_error"], found["artefacts"], found["bass"]) < -60


@everywhere
def test_independent_noise_is_artefacts_and_nothing_else(rendering):
    scene = scene_of(rendering)
    noise = np.random.default_rng(3).standard_normal(scene.mixture.shape)
    noise *= 0.1 * np.sqrt(np.sum(scene.references["vocals"] ** 2) / np.sum(noise**2))
    found = values(scene, scene.references["vocals"] + noise)
    assert found["artefacts"] == pytest.approx(-20.0, abs=0.05)
    assert max(found["image_error"], found["interference"]) < -20.0 - 22.0


@everywhere
def test_all_at_once_are_told_apart(rendering):
    scene = scene_of(rendering)
    noise = np.random.default_rng(3).standard_normal(scene.mixture.shape)
    noise *= 0.03 * np.sqrt(np.sum(scene.references["vocals"] ** 2) / np.sum(noise**2))
    found = values(scene, 0.8 * scene.references["vocals"] + 0.1 * scene.references["drums"] + noise)
    assert found["image_error"] == pytest.approx(20 * math.log10(0.2), abs=0.1)
    assert found["drums"] == pytest.approx(-20 + level(scene, "drums"), abs=0.1)
    assert found["artefacts"] == pytest.approx(20 * math.log10(0.03), abs=0.1)
    assert found["bass"] < -45


@everywhere
def test_a_perfect_estimate_is_at_the_floor(rendering):
    scene = scene_of(rendering)
    rows = rows_of(scene, scene.references)
    assert {row.value for row in rows.values() if not row.note} == {-80.0}


@everywhere
def test_neither_a_billionth_of_gain_nor_the_last_bit_moves_what_is_ranked(rendering):
    scene, rng = scene_of(rendering), np.random.default_rng(8)
    noise = 0.003 * rng.standard_normal(scene.mixture.shape)
    estimate = 0.9 * scene.references["vocals"] + 0.1 * scene.references["drums"] + noise
    before = values(scene, estimate)
    moved = values(scene, (1 + 1e-9) * estimate)
    assert moved == pytest.approx(before, abs=1e-4)
    bits = {name: quantised(one + rng.integers(-1, 2, one.shape) / 32768) for name, one in scene.references.items()}
    noisy = values(Scene(RATE, sum(bits.values()), bits), quantised(estimate))
    for name in ("image_error", "interference", "artefacts", "drums"):
        assert noisy[name] == pytest.approx(before[name], abs=0.1), name


def test_it_has_values_where_bss_eval_has_none():
    scene = scene_of("panning")
    estimates = {"vocals": 0.9 * scene.references["vocals"] + 0.1 * scene.references["drums"]}
    rows = list(BssEval().prepare(scene)(estimates))
    assert all(math.isnan(row.value) for row in rows if row.name in ("ISR", "SIR", "SAR") and row.frame is None)
    assert all(math.isfinite(value) for value in values(scene, estimates["vocals"]).values())


def test_left_and_right_and_the_order_of_sources_do_not_matter():
    scene, rng = scene_of("hrir"), np.random.default_rng(4)
    estimate = 0.5 * scene.mixture + 0.01 * rng.standard_normal(scene.mixture.shape)
    mirrored = Scene(RATE, scene.mixture[::-1], {name: one[::-1] for name, one in scene.references.items()})
    turned = Scene(RATE, scene.mixture, dict(reversed(scene.references.items())))
    for other, found in ((mirrored, estimate[::-1]), (turned, estimate)):
        assert values(other, found) == pytest.approx(values(scene, estimate), abs=1e-6)


def test_sources_that_are_one_signal_share_what_is_theirs_and_are_not_ranked():
    voice, drums = (np.tile(coloured(seed), (2, 1)) for seed in (0, 1))
    scene = Scene(RATE, voice + 2 * drums, {"vocals": voice, "drums": drums, "other": 2 * drums})
    rows = rows_of(scene, {"vocals": voice + 0.1 * drums})
    for name in ("drums", "other"):
        row = rows["vocals", f"interference_from_{name}", None]
        assert row.value == pytest.approx(-20 + level(scene, "drums") - 10 * math.log10(2), abs=0.05)
        assert not row.ranked
        assert "sound alike through short filters" in row.note
    assert rows["vocals", "artefacts", None].ranked


@pytest.mark.parametrize("bits", [16, 24])
def test_what_is_found_of_a_source_at_its_last_bit_is_not_ranked(bits):
    """Another rounding of a fade to ±1 step is another noise, and what an error has in common with it is chance."""
    rng, step = np.random.default_rng(5), 2.0 ** (1 - bits)
    images = {name: coloured(seed, 8.0) * np.array([[1.0], [0.5]]) for seed, name in enumerate(AZIMUTHS)}
    faded = quantised(images["bass"], bits)
    faded[:, 3 * RATE :] = step * rng.integers(-1, 2, faded[:, 3 * RATE :].shape)
    scene = Scene(RATE, sum(images.values()) - images["bass"] + faded, images | {"bass": faded})
    late = np.arange(8 * RATE) >= 4 * RATE
    drums = images["drums"] + 0.3 * late * rng.standard_normal(faded.shape)
    rows = rows_of(scene, {"drums": drums, "bass": faded + 0.01 * late * images["drums"]})
    note = f"set by {bits}-bit noise: in 5 of 9 frames bass is no louder than that"
    for source, name in (("drums", "interference_from_bass"), ("bass", "image_error")):
        assert (rows[source, name, None].note, rows[source, name, None].ranked) == (note, False), (source, name)
    assert rows["drums", "image_error", None].ranked
    assert rows["bass", "interference_from_drums", None].ranked
    louder = rows_of(scene, {"drums": drums + 0.3 * faded})
    assert louder["drums", "interference_from_bass", None].ranked
    assert all(row.ranked for row in rows_of(scene, dict(scene.references)).values() if row.value == row.value)


def test_what_has_no_value_says_why():
    scene = scene_of("panning")
    silent = Scene(RATE, scene.mixture, {**scene.references, "other": np.zeros_like(scene.mixture)})
    rows = rows_of(
        silent,
        {name: 0.9 * one for name, one in silent.references.items()},
        Energies(sources=("vocals", "other", "kazoo")),
    )
    assert {row.note for (source, _, _), row in rows.items() if source == "other"} == {"the reference is silent"}
    assert rows["vocals", "interference_from_vocals", None].note == "it is the source itself"
    assert rows["vocals", "interference_from_other", None].note == "other is silent"
    assert rows["vocals", "interference_from_kazoo", None].note == "the scene has no kazoo"
    assert rows["vocals", "image_error", None].value == pytest.approx(-20.0, abs=1e-4)


def test_frames_have_values_where_the_source_sounds():
    voice = np.tile(coloured(0, 5.0), (2, 1))
    voice[:, 2 * RATE :] = 0.0
    drums = np.tile(coloured(1, 5.0), (2, 1)) * [[1.0], [0.5]]
    scene = Scene(RATE, voice + drums, {"vocals": voice, "drums": drums})
    rows = rows_of(scene, {"vocals": voice + 0.1 * drums})
    frames = [rows["vocals", "interference", frame] for frame in range(6)]
    assert [bool(row.note) for row in frames] == [False, False, False, True, True, True]
    assert {row.note for row in frames[3:]} == {"the reference is silent here"}
    # What bleeds while the source is silent is part of the track's energy all the same.
    expected = db(0.01 * np.sum(drums**2) / np.sum(voice**2))
    assert rows["vocals", "interference", None].value == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("seconds", "has_value"), [(0.005, False), (0.2, True), (1.1, True)])
def test_short_files(seconds, has_value):
    voice, drums = (np.tile(coloured(seed, seconds), (2, 1)) for seed in (0, 1))
    rows = rows_of(Scene(RATE, voice + drums, {"vocals": voice, "drums": drums}), {"vocals": 0.9 * voice})
    row = rows["vocals", "image_error", None]
    assert row.value == pytest.approx(-20.0, abs=1e-3) if has_value else "shorter than ten filters" in row.note


@everywhere
def test_sources_scored_together_have_the_values_that_each_has_alone(rendering):
    scene = scene_of(rendering)
    estimates = {name: 0.8 * one + 0.1 * scene.mixture for name, one in scene.references.items()}
    together = rows_of(scene, estimates)
    for name, estimate in estimates.items():
        alone = rows_of(scene, {name: estimate})
        assert alone.keys() == {key for key in together if key[0] == name}
        for key, row in alone.items():
            assert row.value == pytest.approx(together[key].value, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("reach", [7, 400])
def test_products_of_shifts_are_those_of_the_definition_whatever_was_in_line_before(reach):
    rng = np.random.default_rng(3)
    products = ShiftedProducts(2, 3, 5000, reach)
    for samples in (5000, 3001, 1):
        left, right = rng.standard_normal((2, samples)), rng.standard_normal((3, samples))
        for signals, take in ((left, products.take_left), (right, products.take_right)):
            for index, signal in enumerate(signals):
                products.line(samples)[:] = signal
                take(index)
        padded = np.pad(right, ((0, 0), (reach, reach)))
        expected = np.stack([left @ padded[:, shift : shift + samples].T for shift in range(2 * reach + 1)], axis=-1)
        np.testing.assert_allclose(products.found(), expected, atol=1e-10)


def test_a_source_that_pauses_takes_no_part_in_the_frames_where_it_does():
    scene = scene_of("panning")
    references = {name: image.copy() for name, image in scene.references.items()}
    references["drums"][:, RATE:] = 0.0
    given = {name: 0.9 * image + 0.05 * references["bass"] for name, image in references.items()}
    paused = error_energies(references, "vocals", given["vocals"], RATE)
    without = {name: image for name, image in references.items() if name != "drums"}
    alone = error_energies(without, "vocals", given["vocals"], RATE)
    for part, other in ((paused.image, alone.image), (paused.interference["bass"], alone.interference["bass"])):
        np.testing.assert_allclose(part[2:], other[2:], rtol=1e-6)
    assert (paused.interference["drums"][2:] == 0.0).all()


def test_another_rate_gives_the_same_closed_forms():
    rng = np.random.default_rng(1)
    voice, drums = 0.1 * rng.standard_normal((2, 2, 44100))
    found = error_energies({"voice": voice, "drums": drums}, "voice", 0.9 * voice + 0.1 * drums, 44100)
    assert db(found.image.sum() / np.sum(voice**2)) == pytest.approx(-20, abs=0.1)
    assert db(found.interference["drums"].sum() / np.sum(drums**2)) == pytest.approx(-20, abs=0.1)


def test_shapes_that_differ_are_an_error_and_nothing_given_is_changed():
    scene = scene_of("panning")
    with pytest.raises(ValueError, match="cut or pad one"):
        error_energies(scene.references, "vocals", scene.mixture[:, 1:], RATE)
    arrays = {name: one.copy() for name, one in scene.references.items()}
    for array in arrays.values():
        array.flags.writeable = False
    values(Scene(RATE, scene.mixture, arrays), arrays["vocals"])
    for name, one in scene.references.items():
        np.testing.assert_array_equal(arrays[name], one)


@pytest.mark.parametrize(("least", "dimensions"), [(0.0101, 12), (0.0099, 11)])
def test_what_sources_share_is_cut_off_and_nothing_else_is(least, dimensions):
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((12, 12)))[0]
    power = np.linspace(least, 2.0, 12)
    kept = turn[:, power > 0.01]
    solver = bases._solver(turn * power @ turn.T)
    assert solver.dimensions == kept.shape[1] == dimensions
    assert isinstance(solver, bases.Cut) == (dimensions == 11)
    within, inverse = solver.explained(np.eye(12))
    np.testing.assert_allclose(inverse, kept / power[power > 0.01] @ kept.T, rtol=0, atol=1e-11)
    np.testing.assert_allclose(within, kept @ kept.T, rtol=0, atol=1e-13)
