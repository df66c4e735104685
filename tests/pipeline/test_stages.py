"""One cell: what goes in, what may come out, and the sentence for everything else."""

from __future__ import annotations

import numpy as np
import pytest

from soundstage.contracts import CellName, Measure, Score
from soundstage.errors import SoundstageError
from soundstage.pipeline.declared import declared
from soundstage.pipeline.scenes import place, renderer, spatialize
from soundstage.pipeline.scores import score
from soundstage.pipeline.separate import Estimates, assign, separate
from soundstage.pipeline.tracks import load_track
from soundstage.scene import Placement, Scene, Track, signed_azimuth

NAME = CellName("toy", "song 1", "line", "gains", 0)


@pytest.fixture
def toy(toys):
    import soundstage_toys

    return soundstage_toys


def make_scene(rate=8000, sources=("bass", "drums", "vocals"), seconds=0.5, seed=0):
    rng = np.random.default_rng(seed)
    references = {source: 0.1 * rng.standard_normal((2, int(rate * seconds))) for source in sources}
    return Scene(rate, sum(references.values()), references)


def separated(separator, scene=None):
    return separate(separator, "model", scene or make_scene(), NAME)


def test_a_blind_separator_gets_the_mixture_and_nothing_else(toy):
    assert set(separated(toy.Peeking()).images) == set(toy.SOURCES)


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("shape", r"source 'bass': shape \(2, 3999\) where \(2, 4000\) was expected"),
        ("mono", r"source 'bass': shape \(4000,\) where \(2, 4000\)"),
        ("missing", "no estimate of bass; it returned drums, vocals"),
        ("extra", "returned 'vocalz', which was not asked for; did you mean 'vocals'"),
        ("nan", "source 'bass': 8000 samples are NaN or infinite"),
        ("list", "returned list, not a mapping"),
    ],
)
def test_what_a_separator_gets_wrong_is_a_sentence_with_its_name_and_the_track(toy, how, sentence):
    with pytest.raises(SoundstageError, match=sentence) as error:
        separated(toy.Misbehaving(how))
    assert str(error.value).startswith("separator 'model', track 'song 1'")


def test_a_separator_that_edits_its_input_spoils_no_other(toy):
    scene = make_scene()
    before = scene.mixture.copy()
    separated(toy.Misbehaving("edits"), scene)
    np.testing.assert_array_equal(scene.mixture, before)


def test_integers_are_refused_and_float32_is_taken(toy):
    class Typed:
        needs = ("sources",)

        def __init__(self, dtype):
            self.dtype = dtype

        def separate(self, mixture, rate, *, sources):
            return {source: mixture.astype(self.dtype) for source in sources}

    assert separated(Typed(np.float32)).images["bass"].dtype == np.float64
    with pytest.raises(SoundstageError, match="floating-point samples"):
        separated(Typed(np.int16))
    with pytest.raises(SoundstageError, match="real numbers"):
        separated(Typed(np.complex128))


def test_sources_that_the_model_does_not_have_are_left_out_and_never_zero(toy):
    assert list(separated(toy.Partial()).images) == ["vocals"]
    with pytest.raises(SoundstageError, match="it separates piano, vocals, and the track has bass"):
        separated(toy.Partial(), make_scene(sources=("bass",)))


def test_unnamed_outputs_go_to_the_sources_that_they_fit_best(toy):
    scene = make_scene()
    found = separated(toy.Shuffled(), scene)
    for source, image in found.images.items():
        np.testing.assert_array_equal(image, scene.references[source])
    assert found.details["assigned"]["mean_si_sdr_db"] == 100.0


def test_fewer_unnamed_outputs_leave_the_sources_left_over_out(toy):
    scene = make_scene()
    found = separated(toy.Shuffled(drop=1), scene)
    assert sorted(found.images) == ["bass", "drums"]
    np.testing.assert_array_equal(found.images["drums"], scene.references["drums"])


def test_more_unnamed_outputs_lose_the_worst():
    scene = make_scene()
    rng = np.random.default_rng(5)
    outputs = {f"output {i}": rng.standard_normal((2, 4000)) for i in range(3)}
    outputs |= scene.references
    found, mean = assign(outputs, scene.references)
    assert mean == 100.0
    for source, image in found.items():
        np.testing.assert_array_equal(image, scene.references[source])


def test_assignment_survives_silent_references_and_outputs():
    scene = make_scene()
    references = {**scene.references, "vocals": np.zeros((2, 4000))}
    outputs = {"a": np.zeros((2, 4000)), "b": scene.references["drums"], "c": scene.references["bass"]}
    found, _ = assign(outputs, references)
    assert found["drums"] is outputs["b"]
    assert found["bass"] is outputs["c"]


def test_a_model_with_a_rate_of_its_own_gets_that_rate_and_it_is_recorded(toy):
    rng = np.random.default_rng(0)
    time = np.arange(8000) / 8000
    references = {
        "bass": np.sin(2 * np.pi * 200 * time) * np.ones((2, 1)) * 0.1,
        "drums": 0.001 * rng.standard_normal((2, 8000)),
    }
    scene = Scene(8000, sum(references.values()), references)

    class At:
        rate = 11025
        needs = ("sources",)

        def separate(self, mixture, rate, *, sources):
            assert rate == 11025
            assert mixture.shape == (2, 11025)
            return dict.fromkeys(sources, mixture)

    found = separated(At(), scene)
    assert found.details["resampled"] == {"from": 8000, "to": 11025, "by": "soxr VHQ, and back"}
    assert found.images["bass"].shape == (2, 8000)
    np.testing.assert_allclose(found.images["bass"][:, 200:-200], scene.mixture[:, 200:-200], atol=2e-3)


def test_a_track_is_checked_before_anything_uses_it(toy):
    for fault, sentence in {
        "five channels": r"stem 'bass': shape \(5, 2000\) where one or two channels",
        "unequal": "stems of unequal length",
        "nan": "stem 'bass': 1 samples are NaN",
    }.items():
        with pytest.raises(SoundstageError, match=sentence) as error:
            load_track(toy.Toy(fault=fault), "toy", "song 1")
        assert "dataset 'toy', track 'song 1'" in str(error.value)
    with pytest.raises(SoundstageError, match="has no stems"):
        load_track(toy.Toy(stems=0), "toy", "song 1")


def test_a_placement_must_place_every_source(toy):
    class Half:
        def place(self, track_id, sources, draw):
            return Placement({sources[0]: 0.0})

    track = toy.Toy().load("song 0")
    with pytest.raises(SoundstageError, match="placement 'half', track 'song 0': no azimuth for drums, vocals"):
        place(Half(), "half", "toy", track, 0)


def test_placements_depend_on_seed_dataset_track_and_rule_alone(toy):
    track = toy.Toy().load("song 0")
    here = place(toy.Line(), "line", "toy", track, 0)
    reordered = Track(track.id, track.rate, dict(reversed(track.stems.items())))
    assert place(toy.Line(), "line", "toy", reordered, 0).azimuths == here.azimuths
    others = [place(toy.Line(), "line", "toy", track, seed).azimuths for seed in range(1, 9)]
    assert any(other != here.azimuths for other in others)


def test_a_scene_cannot_be_changed_once_it_is_rendered(toy):
    scene = spatialize(toy.Flat(), "flat", toy.Toy().load("song 0"), None)
    with pytest.raises(ValueError, match="read-only"):
        scene.references["bass"][0, 0] = 1


def test_azimuths_wrap_to_plus_minus_180():
    assert [signed_azimuth(a) for a in (0, 90, 180, 270, 350, -90, 360)] == [0, 90, 180, -90, -10, -90, 0]
    placement = Placement({"a": 270.0}, panning="half")
    assert placement.panning_angle("a") == -45
    assert Placement({"a": -30.0}, panning="same").panning_angle("a") == -30


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("undeclared", "returned 'scorr', which it does not declare; did you mean 'score'"),
        ("nan", "score is NaN without a reason"),
        ("infinite", "score is infinite"),
        ("unknown", "a score of 'piano', which was not estimated"),
        ("twice", "returned score of 'bass', frame None, twice"),
        ("silent", "no whole-track score of 'bass'"),
    ],
)
def test_what_a_metric_gets_wrong_is_a_sentence_with_its_name_and_the_track(toy, how, sentence):
    scene = make_scene()
    scorer = toy.Misscoring(how).prepare(scene)
    with pytest.raises(SoundstageError, match=sentence) as error:
        score(scorer, toy.Misscoring.measures, "quality", "song 1", Estimates(scene.references, {}))
    assert str(error.value).startswith("metric 'quality', track 'song 1'")


def test_scores_are_floats_whatever_the_metric_returns():
    scene = make_scene(sources=("bass",))
    rows = score(
        lambda _: [Score("bass", "x", np.float32(0.5))],
        {"x": Measure("", True)},
        "m",
        "t",
        Estimates(scene.references, {}),
    )
    assert type(rows[0].value) is float


def test_an_informed_separator_gets_the_angles_it_is_to_be_told_and_nothing_of_the_true_ones():
    class Informed:
        needs = ("placement",)
        sources = ("a",)

        def separate(self, mixture, rate, *, placement):
            assert placement.azimuths == {"a": 33.0}
            assert placement.told == {}
            return {"a": mixture}

    import numpy as np

    from soundstage.contracts import CellName
    from soundstage.scene import Placement, Scene

    image = np.ones((2, 10))
    scene = Scene(8000, image, {"a": image}, Placement({"a": 30.0}, told={"a": 33.0}))
    separate(Informed(), "informed", scene, CellName("d", "t", "p", "s", 0))


class Turning:
    needs = ("renderer",)
    sources = ("a",)

    def __init__(self, rate=None):
        self.rate = rate
        self.given = None

    def separate(self, mixture, rate, *, renderer):
        self.given = renderer
        if renderer is None:
            return {"a": mixture}
        return dict(renderer.images(Placement({"a": renderer.placement.azimuths["a"] + 20.0})))


@pytest.mark.parametrize("rate", [None, 4000])
def test_who_needs_a_renderer_is_an_oracle_and_is_rendered_the_scenes_track_elsewhere(toy, rate):
    spatializer, track = toy.Gains(), Track("t", 8000, {"a": np.random.default_rng(0).standard_normal((1, 800))})
    placement = Placement({"a": 30.0}, told={"a": 33.0})
    scene = spatialize(spatializer, "gains", track, placement)
    turning = Turning(rate)
    assert declared(turning).role == "oracle"
    found = separate(turning, "turning", scene, NAME, renderer=renderer(spatializer, "gains", lambda: track, placement))
    there = spatialize(spatializer, "gains", track, Placement({"a": 50.0})).references["a"]
    assert found.images["a"].shape == there.shape
    assert turning.given.placement is placement
    if rate is None:
        np.testing.assert_array_equal(found.images["a"], there)


def test_where_nothing_is_placed_there_is_no_renderer(toy):
    scene = make_scene(sources=("a",))
    turning = Turning()
    separate(
        turning, "turning", scene, NAME, renderer=renderer(toy.Gains(), "gains", lambda: Track("t", 8000, {}), None)
    )
    assert turning.given is None
