"""The metric `cues` in the harness: rows, notes, and what the scene brings."""

from __future__ import annotations

import math

import numpy as np
import pytest

from soundstage.pipeline.scenes import spatialize
from soundstage.pipeline.scores import prepare, score
from soundstage.pipeline.separate import Estimates
from soundstage.scene import HrirTable, Placement, Scene, Track
from soundstage_metrics import hooks
from soundstage_metrics.cues import Cues
from soundstage_metrics.cues.angle import angular_error_deg
from soundstage_metrics.cues.bands import iacc_error, ild_error_db, ipd_error_deg
from soundstage_metrics.cues.itd import itd_error_us
from soundstage_spatializers.hrir import Hrir
from soundstage_spatializers.panning import Panning

RATE = 44100
ERRORS = ("ITD_error", "ILD_error", "IPD_error", "IACC_error", "angular_error")
PLACEMENT = Placement({"bass": 30.0, "drums": 300.0})


def noise(seconds=1.0, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


TRACK = Track("song", RATE, {"bass": noise()[np.newaxis], "drums": noise(seed=1)[np.newaxis]})


@pytest.fixture(scope="module")
def scene():
    return spatialize(Hrir(), "hrir", TRACK, PLACEMENT)


def rows_of(scene, estimates):
    """The rows as the harness checks them."""
    metric = Cues()
    scorer = prepare(metric, "cues", "song", scene)
    rows = score(scorer, metric.measures, "cues", "song", Estimates(estimates, {}))
    return {(row.source, row.name): row for row in rows}


def test_it_is_registered_with_two_headlines():
    targets = {}
    hooks.register_metrics(lambda name, target, **facts: targets.update({name: target}))
    assert targets["cues"] == "soundstage_metrics.cues:Cues"
    assert [name for name, measure in Cues.measures.items() if measure.headline] == ["ITD_error", "angular_error"]
    assert Cues.revision == 2


def test_a_perfect_estimate_has_no_error_at_all(scene):
    rows = rows_of(scene, {source: reference.copy() for source, reference in scene.references.items()})
    for source in scene.references:
        assert [rows[source, name].value for name in ERRORS] == [0.0] * 5
        assert rows[source, "ITD_valid_share"].value == 100.0
    assert not any(row.note for row in rows.values())


def test_a_scaled_or_inverted_estimate_has_none_either(scene):
    for gain in (-1.0, 0.37, 1e-4):
        rows = rows_of(scene, {"bass": gain * scene.references["bass"]})
        assert [rows["bass", name].value for name in ERRORS] == [0.0] * 5


def test_rows_hold_what_the_functions_return(scene):
    reference, estimate = scene.references["bass"], scene.references["bass"] + 0.5 * scene.references["drums"]
    rows = rows_of(scene, {"bass": estimate})
    expected = {
        "ITD_error": itd_error_us(reference, estimate, RATE),
        "ILD_error": ild_error_db(reference, estimate, RATE),
        "IPD_error": ipd_error_deg(reference, estimate, RATE),
        "IACC_error": iacc_error(reference, estimate, RATE),
        "angular_error": angular_error_deg(reference, estimate, RATE, scene.hrirs),
    }
    for name, value in expected.items():
        assert rows["bass", name].value == pytest.approx(value, abs=1e-9)
        assert value > 0


def test_the_order_of_the_estimates_does_not_matter_and_a_swap_of_sources_shows(scene):
    bass, drums = scene.references["bass"], scene.references["drums"]
    estimates = {"bass": bass + 0.1 * drums, "drums": drums}
    assert rows_of(scene, estimates) == rows_of(scene, dict(reversed(estimates.items())))
    swapped = rows_of(scene, {"bass": drums, "drums": bass})
    assert swapped["bass", "angular_error"].value == pytest.approx(90, abs=1)
    assert swapped["drums", "angular_error"].value == pytest.approx(90, abs=1)


def test_panned_scenes_have_every_cue_but_no_angle():
    scene = spatialize(Panning(), "panning", TRACK, PLACEMENT)
    rows = rows_of(scene, {"bass": scene.references["bass"] * [[1.0], [0.5]]})
    assert rows["bass", "ITD_error"].value == 0.0
    assert rows["bass", "ILD_error"].value == pytest.approx(20 * math.log10(2), abs=1e-8)
    assert math.isnan(rows["bass", "angular_error"].value)
    assert "not rendered with HRIRs" in rows["bass", "angular_error"].note


@pytest.mark.parametrize(
    ("reference", "estimate", "note", "share"),
    [
        ([0.0, 0.0], [1.0, 1.0], "the reference is silent", None),
        ([1.0, 0.0], [1.0, 1.0], "the right channel of the reference is silent", None),
        ([1.0, 1.0], [0.0, 0.0], "the estimate is silent", 0.0),
        ([1.0, 1.0], [0.0, 1.0], "the left channel of the estimate is silent", 0.0),
    ],
)
def test_silence_gives_nan_rows_that_say_why(scene, reference, estimate, note, share):
    bass, drums = scene.references["bass"], scene.references["drums"]
    silent = Scene(RATE, scene.mixture, {"bass": bass * np.c_[reference], "drums": drums}, hrirs=scene.hrirs)
    rows = rows_of(silent, {"bass": bass * np.c_[estimate], "drums": drums})
    for name in Cues.measures:
        assert rows["bass", name].note == note
    for name in ERRORS:
        assert math.isnan(rows["bass", name].value)
        assert rows["drums", name].value == 0.0
    found = rows["bass", "ITD_valid_share"].value
    assert math.isnan(found) if share is None else found == share


@pytest.mark.parametrize("incoherent", ["reference", "estimate"])
def test_ears_without_coherence_have_no_itd_and_no_angle_but_the_rest(scene, incoherent):
    apart, bass = np.stack([noise(seed=4), noise(seed=5)]), scene.references["bass"][:, :RATE]
    signals = {"reference": bass, "estimate": bass, incoherent: apart}
    rows = rows_of(Scene(RATE, bass, {"bass": signals["reference"]}, hrirs=scene.hrirs), {"bass": signals["estimate"]})
    for name in ("ITD_error", "angular_error"):
        assert math.isnan(rows["bass", name].value)
        assert f"no frame of the {incoherent} has an ITD" in rows["bass", name].note
    assert rows["bass", "ITD_valid_share"].value == (0.0 if incoherent == "estimate" else 100.0)
    for name in ("ILD_error", "IPD_error", "IACC_error"):
        assert rows["bass", name].value > 0


def test_a_hiss_has_no_itd_and_no_phase_but_a_level():
    time = np.arange(RATE) / RATE
    hiss = 0.1 * np.sin(2 * np.pi * 9000 * time) * np.hanning(RATE)
    ears = np.stack([hiss, 0.5 * hiss])
    rows = rows_of(Scene(RATE, ears, {"bass": ears}), {"bass": ears[::-1]})
    assert "nothing audible between 100 Hz and 1.5 kHz" in rows["bass", "ITD_error"].note
    assert "nothing audible" in rows["bass", "ITD_valid_share"].note
    assert "no band below 1.5 kHz" in rows["bass", "IPD_error"].note
    assert rows["bass", "ILD_error"].value == pytest.approx(40 * math.log10(2), abs=1e-6)


@pytest.mark.parametrize(("samples", "rate", "note"), [(4000, RATE, "shorter than one frame"), (4000, 2000, "3000 Hz")])
def test_what_is_too_short_or_too_slow_has_no_cues_and_says_so(samples, rate, note):
    ears = np.stack([noise(), noise()])[:, :samples]
    rows = rows_of(Scene(rate, ears, {"bass": ears}), {"bass": ears})
    for name in Cues.measures:
        assert math.isnan(rows["bass", name].value)
        assert note in rows["bass", name].note


def test_a_set_without_a_front_has_no_angle(scene):
    table = HrirTable(np.array([180.0]), np.zeros(1), scene.hrirs.responses[:1])
    bass = scene.references["bass"]
    rows = rows_of(Scene(RATE, bass, {"bass": bass}, hrirs=table), {"bass": bass})
    assert "fewer than two directions" in rows["bass", "angular_error"].note
    assert rows["bass", "ITD_error"].value == 0.0


@pytest.mark.parametrize("ambiguous", ["reference", "estimate"])
def test_where_the_hrirs_tell_no_azimuths_apart_there_is_no_angle_but_the_rest(scene, ambiguous):
    responses = scene.hrirs.responses.copy()
    responses[scene.hrirs.azimuths >= 30] = responses[scene.hrirs.azimuths == 30]
    table = HrirTable(scene.hrirs.azimuths, scene.hrirs.elevations, responses)
    left, right = scene.references["bass"], scene.references["drums"]
    reference, estimate = (left, left + 0.01 * right) if ambiguous == "reference" else (right, left)
    rows = rows_of(Scene(RATE, left + right, {"bass": reference}, hrirs=table), {"bass": estimate})
    assert math.isnan(rows["bass", "angular_error"].value)
    assert f"where the {ambiguous} sounds the HRIRs do not tell azimuths from" in rows["bass", "angular_error"].note
    assert rows["bass", "ITD_error"].value >= 0.0
    assert rows["bass", "ILD_error"].value > 0.0


def test_the_hrirs_of_the_horizontal_plane_come_with_the_scene(scene):
    table = scene.hrirs
    assert table.responses.shape == (72, 2, 256)
    assert (np.diff(table.azimuths) == 5).all()
    assert table.azimuths[-1] == 180.0
    from soundstage_spatializers.hrirs.sphere import sphere_hrir

    for azimuth in (-175, -90, -30, 0, 45, 90, 120, 180):
        index = int(np.flatnonzero(table.azimuths == azimuth)[0])
        np.testing.assert_allclose(table.responses[index], sphere_hrir(azimuth, 0, RATE), atol=1e-12)
    assert Hrir().render(TRACK, PLACEMENT).hrirs is table


def test_a_measured_set_brings_its_own_at_the_rate_of_the_scene(shared):
    spatializer = Hrir(shared / "real" / "sadie-ku100" / "48K_24bit")
    table = spatializer.render(TRACK, PLACEMENT).hrirs
    assert table.azimuths.tolist() == list(range(-170, 181, 10))
    assert not table.elevations.any()
    assert not table.responses.flags.writeable
    left = table.responses[table.azimuths == 90.0][0]
    assert (left[0] ** 2).sum() > 10 * (left[1] ** 2).sum()
    assert spatializer.render(TRACK, PLACEMENT).hrirs is table
