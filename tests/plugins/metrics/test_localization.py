"""The metric `localization`: from where a source is heard, its closed forms, and where it has none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from soundstage.pipeline.scenes import spatialize
from soundstage.pipeline.scores import ONE_CHANNEL, prepare, score
from soundstage.pipeline.separate import Estimates
from soundstage.scene import HrirTable, Placement, Scene, Track
from soundstage_datasets.sketches import Sketches
from soundstage_metrics import hooks
from soundstage_metrics.claims import EVERYTHING
from soundstage_metrics.localization import Localization, heard_azimuths, minimum_audible_angle_deg
from soundstage_metrics.localization.directions import hrir_directions, lateral_deg
from soundstage_metrics.localization.frames import frame_bounds
from soundstage_spatializers.hrir import Hrir
from soundstage_spatializers.panning import Panning, panning_gains

RATE = 44100
HEAD = Hrir()
ERRORS = ("localization_error", "beyond_MAA", "split", "width_error")


def noise(seconds=0.7, seed=0, rate=RATE):
    """Pink: about as loud in every band."""
    white = np.random.default_rng(seed).standard_normal(round(seconds * rate))
    spectrum = np.fft.rfft(white) / np.sqrt(np.arange(len(white) // 2 + 1) + 10.0)
    pink = np.fft.irfft(spectrum, len(white))
    return 0.1 * pink / pink.std()


def scene_of(azimuth, source=None, spatializer=None, rate=RATE, elevation=0.0):
    """A scene of a voice at that azimuth, and drums at −60°."""
    source = noise(rate=rate) if source is None else source
    drums = np.resize(noise(0.7, 1, rate), len(source))
    track = Track("song", rate, {"vocals": source[np.newaxis], "drums": drums[np.newaxis]})
    placement = Placement({"vocals": azimuth, "drums": -60.0}, {"vocals": elevation})
    return spatialize(spatializer or HEAD, "x", track, placement)


def image(azimuth, source=None, **options):
    """What the ears get of a source there."""
    return scene_of(azimuth, source, **options).references["vocals"]


def rows_of(scene, estimates, metric=None):
    """The rows as the harness checks them."""
    metric = metric or Localization()
    scorer = prepare(metric, "localization", "song", scene)
    rows = score(scorer, metric.measures, "localization", "song", Estimates(estimates, {}))
    return {(row.source, row.name, row.frame): row for row in rows}


def values(scene, estimate, metric=None):
    """The values of the voice's whole-track rows."""
    rows = rows_of(scene, {"vocals": estimate}, metric)
    return {name: rows["vocals", name, None].value for name in Localization.measures}


def notes(scene, estimate, metric=None):
    rows = rows_of(scene, {"vocals": estimate}, metric)
    return {name: rows["vocals", name, None].note for name in Localization.measures}


def own(scene):
    return values(scene, scene.references["vocals"])


def test_it_is_registered_with_two_headlines():
    targets = {}
    hooks.register_metrics(lambda name, target, **facts: targets.update({name: target}))
    assert targets["localization"] == "soundstage_metrics.localization:Localization"
    headlines = [name for name, measure in Localization.measures.items() if measure.headline]
    assert headlines == ["localization_error", "beyond_MAA"]


def test_a_perfect_estimate_has_no_error_at_all_whatever_its_gain():
    scene = scene_of(30.0)
    for gain in (1.0, -1.0, 0.37, 1e-4):
        found = values(scene, gain * scene.references["vocals"])
        assert [found[name] for name in ERRORS] == [0.0] * 4
        assert found["heard_share"] == 100.0


@pytest.mark.parametrize("azimuth", [-80.0, -33.0, 0.0, 7.0, 45.0, 71.0])
def test_noise_is_heard_where_it_was_put(azimuth):
    scene = scene_of(azimuth)
    found = heard_azimuths(scene.references["vocals"], RATE, scene.hrirs)
    assert found.azimuth == pytest.approx(azimuth, abs=1.0)
    assert found.told().all()
    assert not found.split.any()
    assert own(scene)["placement_error"] < 1.0


@pytest.mark.parametrize("first", [-85.0, -41.0, 12.0])
def test_every_source_of_a_song_is_heard_within_two_degrees_of_its_place_or_at_none(first):
    song = Sketches().load("amber-street")
    stems = {name: stem[:, : 2 * RATE] for name, stem in song.stems.items()}
    places = {name: first + 33.0 * index for index, name in enumerate(stems)}
    scene = spatialize(HEAD, "hrir", Track("song", RATE, stems), Placement(places))
    rows = rows_of(scene, scene.references)
    for name, azimuth in places.items():
        error = rows[name, "placement_error", None].value
        assert error < 2.0 or (name == "bass" and abs(azimuth) > 60.0 and math.isnan(error)), (name, azimuth)


@pytest.mark.parametrize("azimuth", [0.0, 37.0, -64.0])
def test_a_planted_rotation_is_the_error_and_a_larger_one_a_larger_error(azimuth):
    scene, inwards = scene_of(azimuth), -1.0 if azimuth > 0 else 1.0
    steps = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0)
    found = [values(scene, image(azimuth + inwards * step))["localization_error"] for step in steps]
    assert found == pytest.approx(steps, abs=1.0)
    assert np.all(np.diff(found) > 0.2)


def test_a_swap_of_the_ears_is_heard_on_the_other_side():
    scene = scene_of(40.0)
    assert values(scene, scene.references["vocals"][::-1])["localization_error"] == pytest.approx(80.0, abs=0.5)


def test_a_mono_downmix_is_heard_in_the_middle():
    scene = scene_of(40.0)
    mono = np.tile(scene.references["vocals"].mean(axis=0), (2, 1))
    assert values(scene, mono)["localization_error"] == pytest.approx(40.0, abs=0.5)


def test_left_and_right_are_alike():
    scene, mirrored, other = scene_of(35.0), scene_of(-35.0), image(20.0)
    leaky = other + 0.02 * np.random.default_rng(3).standard_normal(other.shape)
    assert values(mirrored, leaky[::-1]) == pytest.approx(values(scene, leaky), abs=1e-6, nan_ok=True)


def test_the_order_of_estimates_does_not_matter_and_exchanged_sources_show():
    scene = scene_of(30.0)
    estimates = dict(scene.references)
    assert repr(sorted(rows_of(scene, estimates).items(), key=str)) == repr(
        sorted(rows_of(scene, dict(reversed(estimates.items()))).items(), key=str)
    )
    rows = rows_of(scene, {"vocals": estimates["drums"], "drums": estimates["vocals"]})
    for source in estimates:
        assert rows[source, "localization_error", None].value == pytest.approx(90.0, abs=1.0)


def test_a_step_below_the_minimum_audible_angle_is_not_counted_and_one_above_is():
    for azimuth, turn, share in ((0.0, 0.6, 0.0), (0.0, 2.0, 100.0), (-75.0, 3.0, 0.0), (-75.0, 10.0, 100.0)):
        assert values(scene_of(azimuth), image(azimuth + turn))["beyond_MAA"] == share, (azimuth, turn)


def test_the_minimum_audible_angle_is_mills():
    assert minimum_audible_angle_deg(np.array([0.0, 30.0, -60.0, 75.0, 90.0])).tolist() == [1.0, 1.5, 3.0, 7.0, 7.0]


def shadowed() -> HrirTable:
    """The sphere, with ears that hear the upper octaves less from behind, the farther one more so."""
    table = scene_of(0.0).hrirs
    assert table is not None
    low, high = butter(2, 3000, output="sos", fs=RATE), np.array([0.5, 0.15])
    responses = table.responses.copy()
    for index, azimuth in enumerate(table.azimuths.tolist()):
        if abs(azimuth) > 90.0:
            gains = high if azimuth > 0 else high[::-1]
            dull = sosfiltfilt(low, responses[index], axis=1)
            responses[index] = dull + gains[:, None] * (responses[index] - dull)
    return HrirTable(table.azimuths, table.elevations, responses)


def test_a_change_from_front_to_back_is_a_flip_and_no_error():
    table = shadowed()

    def there(azimuth):
        pair = table.responses[int(np.flatnonzero(table.azimuths == azimuth)[0])]
        return np.stack([np.convolve(noise(), ear) for ear in pair])

    scene = Scene(RATE, there(30.0), {"vocals": there(30.0)}, Placement({"vocals": 30.0}), hrirs=table)
    rear = heard_azimuths(there(150.0), RATE, table)
    assert rear.azimuth == pytest.approx(150.0, abs=1.0)
    assert rear.rear.all()
    found = values(scene, there(150.0))
    assert found["flips"] == 100.0
    assert found["localization_error"] < 1.0
    assert values(scene, there(40.0))["flips"] == 0.0


def test_a_sphere_cannot_tell_front_from_back_and_says_so():
    scene = scene_of(150.0)
    found = heard_azimuths(scene.references["vocals"], RATE, scene.hrirs)
    assert found.azimuth == pytest.approx(30.0, abs=1.0)
    assert not found.rear_told.any()
    assert own(scene)["placement_error"] < 1.0
    assert math.isnan(own(scene)["flips"])
    assert "behind the listener" in notes(scene, scene.references["vocals"])["flips"]


def test_an_image_with_its_treble_elsewhere_is_split():
    scene = scene_of(50.0)
    low = butter(8, 1200, output="sos", fs=RATE)
    here, there = (sosfiltfilt(low, image(azimuth), axis=1) for azimuth in (50.0, -50.0))
    apart = here + image(-50.0) - there
    assert values(scene, apart)["split"] == 100.0
    assert values(scene, image(40.0))["split"] == 0.0


def test_apparent_width_is_what_incoherence_makes_of_it():
    scene = scene_of(0.0)
    reference = scene.references["vocals"]
    apart = np.stack([np.resize(noise(seed=seed), reference.shape[1]) for seed in (7, 8)])
    # Equal ears and as much of what they do not share: the coherence is ½.
    found = values(scene, reference + apart * np.sqrt(np.mean(reference**2) / np.mean(apart**2)))
    assert found["width_error"] == pytest.approx(0.5, abs=0.12)


def test_an_elevated_source_is_on_the_cone_of_its_lateral_angle():
    scene = scene_of(60.0, elevation=40.0)
    lateral = math.degrees(math.asin(math.sin(math.radians(60)) * math.cos(math.radians(40))))
    found = heard_azimuths(scene.references["vocals"], RATE, scene.hrirs)
    assert found.azimuth == pytest.approx(lateral, abs=2.0)
    assert own(scene)["placement_error"] < 2.0


def test_a_low_tone_to_the_side_is_heard_nowhere_in_particular_and_in_front_exactly():
    tone = 0.3 * np.sin(2 * np.pi * 80 * np.arange(RATE) / RATE) * np.hanning(RATE)
    assert own(scene_of(10.0, tone))["placement_error"] < 2.0
    scene = scene_of(85.0, tone)
    assert math.isnan(own(scene)["localization_error"])
    assert "are alike to the ear" in notes(scene, scene.references["vocals"])["localization_error"]


def test_ears_that_fit_no_direction_are_heard_nowhere():
    scene = scene_of(20.0, sosfiltfilt(butter(4, 300, output="sos", fs=RATE), noise()))
    inverted = scene.references["vocals"] * [[1.0], [-1.0]]
    assert math.isnan(values(scene, inverted)["localization_error"])
    assert "is heard at one place in" in notes(scene, inverted)["localization_error"]


@pytest.mark.parametrize(
    ("reference", "estimate", "note"),
    [
        ([0.0, 0.0], [1.0, 1.0], "the reference is silent"),
        ([1.0, 0.0], [1.0, 1.0], "the right channel of the reference is silent"),
        ([1.0, 1.0], [0.0, 0.0], "the estimate is silent"),
        ([1.0, 1.0], [0.0, 1.0], "the left channel of the estimate is silent"),
    ],
)
def test_silence_gives_rows_without_a_value_that_say_why(reference, estimate, note):
    scene = scene_of(30.0)
    vocals, drums = scene.references["vocals"], scene.references["drums"]
    silent = Scene(
        RATE, scene.mixture, {"vocals": vocals * np.c_[reference], "drums": drums}, scene.placement, hrirs=scene.hrirs
    )
    rows = rows_of(silent, {"vocals": vocals * np.c_[estimate], "drums": drums})
    for name in Localization.measures:
        assert math.isnan(rows["vocals", name, None].value)
        assert rows["vocals", name, None].note == note
    assert rows["drums", "localization_error", None].value == 0.0


def test_frames_in_which_one_is_silent_do_not_count():
    scene = scene_of(30.0, noise(2.0))
    reference, estimate = scene.references["vocals"].copy(), scene.references["vocals"].copy()
    reference[:, : RATE // 2] = 0.0
    estimate[:, RATE:] = 0.0
    half = Scene(RATE, scene.mixture, {"vocals": reference}, scene.placement, hrirs=scene.hrirs)
    rows = rows_of(half, {"vocals": estimate})
    assert rows["vocals", "localization_error", None].value < 0.1
    frames = [row for (_, _, frame), row in sorted(rows.items(), key=str) if frame is not None]
    assert len(frames) == len(frame_bounds(reference.shape[1], RATE))
    assert {row.note for row in frames} == {"", "the reference is silent here", "the estimate is silent here"}
    counted = sum(not row.note for row in frames)
    assert rows["vocals", "heard_share", None].value == pytest.approx(
        100 * counted / sum(row.note != "the reference is silent here" for row in frames)
    )


def test_an_estimate_that_is_silent_wherever_the_reference_sounds_is_heard_nowhere():
    scene = scene_of(30.0, noise(2.0))
    reference, estimate = scene.references["vocals"].copy(), scene.references["vocals"].copy()
    reference[:, RATE:], estimate[:, : RATE * 5 // 4] = 0.0, 0.0
    half = Scene(RATE, scene.mixture, {"vocals": reference}, scene.placement, hrirs=scene.hrirs)
    assert notes(half, estimate)["localization_error"] == "the estimate is silent wherever the reference sounds"
    assert values(half, estimate)["heard_share"] == 0.0


@pytest.mark.parametrize(("azimuth", "to"), [(0.0, 10.0), (30.0, 25.0), (-80.0, 12.5), (90.0, -45.0)])
def test_of_panned_scenes_panning_angles_are_compared(azimuth, to):
    scene = scene_of(azimuth, spatializer=Panning())
    estimate = np.array(panning_gains(to))[:, None] * noise()
    found = values(scene, estimate)
    assert found["localization_error"] == pytest.approx(abs(to - azimuth / 2), abs=0.3)
    assert found["placement_error"] == pytest.approx(0.0, abs=0.3)
    assert math.isnan(found["flips"])


def test_the_error_of_the_reference_is_the_same_for_every_estimate_and_claims_no_more():
    scene = scene_of(30.0)
    own = values(scene, scene.references["vocals"])["placement_error"]
    assert own > 0.0
    for estimate in (image(-60.0), scene.references["vocals"][::-1], np.stack([noise(seed=3)] * 2)):
        assert values(scene, estimate)["placement_error"] == own
    claim = Localization.measures["placement_error"]
    assert not claim.follows
    assert set(claim.ignores) == set(EVERYTHING)


def test_stems_without_a_placement_are_heard_as_panned_where_one_says_so():
    stems = {name: np.array(panning_gains(angle))[:, None] * noise() for name, angle in (("vocals", 20.0), ("bass", 0))}
    scene = Scene(RATE, stems["vocals"] + stems["bass"], stems)
    assert set(notes(scene, stems["vocals"]).values()) == {
        "the scene was rendered neither with HRIRs of the horizontal plane nor by panning: nothing says from where it"
        " is heard"
    }
    found = values(scene, stems["bass"], Localization(law="panning"))
    assert found["localization_error"] == pytest.approx(20.0, abs=0.3)
    assert math.isnan(found["placement_error"])
    with pytest.raises(ValueError, match="law 'stereo' is unknown"):
        Localization(law="stereo")


def test_what_is_shorter_than_a_frame_has_no_value():
    scene = scene_of(30.0, noise(0.1))
    assert set(notes(scene, scene.references["vocals"]).values()) == {
        "the reference is shorter than one frame of 0.25 s"
    }
    with pytest.raises(ValueError, match="shorter than one frame"):
        heard_azimuths(scene.references["vocals"], RATE, scene.hrirs)


@pytest.mark.parametrize("rate", [8000, 48000])
def test_other_rates_hear_the_same_places(rate):
    scene = scene_of(25.0, rate=rate)
    found = values(scene, image(40.0, rate=rate))
    assert found["localization_error"] == pytest.approx(15.0, abs=1.0)
    assert found["placement_error"] < 1.0


def test_a_rate_that_reaches_too_few_frequencies_is_said():
    scene = scene_of(25.0, rate=2000)
    (note,) = set(notes(scene, scene.references["vocals"]).values())
    assert "need at least 3000 Hz" in note


def test_a_song_of_one_channel_has_no_value():
    mono = noise()[np.newaxis].repeat(2, axis=0)
    scene = Scene(RATE, mono, {"vocals": mono}, details={"channels": 1})
    assert set(notes(scene, mono).values()) == {ONE_CHANNEL}


def test_nothing_that_it_is_given_is_changed():
    scene = scene_of(30.0)
    estimate = image(10.0)
    before = estimate.copy(), scene.references["vocals"].copy()
    for array in (estimate, *scene.references.values()):
        array.flags.writeable = False
    values(scene, estimate)
    np.testing.assert_array_equal(estimate, before[0])
    np.testing.assert_array_equal(scene.references["vocals"], before[1])


def test_no_direction_is_made_up_where_a_set_has_wide_gaps():
    table = scene_of(0.0).hrirs
    assert table is not None
    few = np.isin(table.azimuths, [-110.0, -30.0, 0.0, 30.0, 110.0])
    coarse = HrirTable(table.azimuths[few], table.elevations[few], table.responses[few])
    searched = hrir_directions(coarse, RATE)
    assert len(searched.azimuths) == 63  # 61 from −30° to 30°, and two behind
    assert searched.front == 61
    with pytest.raises(ValueError, match="fewer than two directions"):
        hrir_directions(HrirTable(table.azimuths[:1], table.elevations[:1], table.responses[:1]), RATE)


def test_lateral_angles_mirror_what_is_behind_to_the_front():
    assert lateral_deg(np.array([0.0, 90.0, 135.0, 180.0, -170.0])).tolist() == [0.0, 90.0, 45.0, 0.0, -10.0]


def test_a_measured_head_is_heard_all_around(shared):
    head = Hrir(shared / "real" / "sadie-ku100" / "44K_16bit")
    for azimuth in (-160.0, -120.0, -70.0, -20.0, 10.0, 60.0, 80.0, 100.0, 150.0):
        scene = scene_of(azimuth, spatializer=head)
        found = heard_azimuths(scene.references["vocals"], RATE, scene.hrirs)
        assert np.median(found.azimuth) == pytest.approx(azimuth, abs=2.0)
        assert found.rear_told.all()
    behind, front = scene_of(150.0, spatializer=head), image(30.0, spatializer=head)
    assert values(behind, front)["flips"] == 100.0
