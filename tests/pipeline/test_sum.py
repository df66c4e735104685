"""What a spatializer promises and the harness checks: the mixture is gain × the sum of the references."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from soundstage.errors import SoundstageError
from soundstage.pipeline.scenes import spatialize
from soundstage.scene import Scene, Track
from soundstage_spatializers.original import Original

RNG = np.random.default_rng(4)
STEMS = {name: 0.1 * RNG.normal(size=(2, 70_000)) for name in ("bass", "drums", "vocals")}
TRACK = Track("song 1", 8000, STEMS)


class Rendering:
    """Gives the scene that it was made with."""

    def __init__(self, mixture, references=STEMS, gain=1.0, **details):
        self.scene = Scene(8000, mixture, references, gain=gain, details=details)

    def render(self, track, placement):
        return self.scene


def total(references=STEMS):
    return sum(references.values())


def rendered(rendering, track=TRACK):
    return spatialize(rendering, "mine", track, None)


@pytest.mark.parametrize("gain", [1.0, 0.25, -2.0, np.float64(3.0), 1e-170])
def test_an_honest_gain_is_taken(gain):
    rendered(Rendering(gain * total(), gain=gain))


def test_single_precision_is_honest():
    references = {name: stem.astype(np.float32) for name, stem in STEMS.items()}
    mixture = (references["bass"] + references["drums"]) + references["vocals"]
    rendered(Rendering(np.float32(0.3) * mixture, references, gain=0.3))


@pytest.mark.parametrize(
    ("mixture", "gain", "says"),
    [
        (total() / 2, 1.0, "differ by 0.0 dB"),
        (total(), 0.5, "differ by -6.0 dB"),
        (total() - STEMS["bass"], 1.0, "dB relative to the mixture"),
        (total()[::-1], 1.0, "dB relative to the mixture"),
        (np.roll(total(), 1, axis=1), 1.0, "dB relative to the mixture"),
        (total() * (1 + 1e-5), 1.0, "differ by -100.0 dB"),
        (np.clip(total(), -0.3, 0.3), 1.0, "dB relative to the mixture"),
        (np.zeros((2, 70_000)), 1.0, "the mixture is silent"),
        (total(), float("nan"), "gain is nan, not a finite"),
        (total(), None, "gain is None, not a finite"),
    ],
)
def test_a_mixture_that_is_something_else_is_refused(mixture, gain, says):
    with pytest.raises(SoundstageError, match=says) as caught:
        rendered(Rendering(mixture, gain=gain))
    assert str(caught.value).startswith("spatializer 'mine', track 'song 1': ")


def test_a_click_in_the_last_block_is_found():
    mixture = total()
    mixture[1, -1] += 0.01
    with pytest.raises(SoundstageError, match="not gain"):
        rendered(Rendering(mixture))


def test_levels_whose_squares_vanish_or_overflow_are_compared_all_the_same():
    for scale in (1e-170, 1e170):
        stems = {name: scale * stem for name, stem in STEMS.items()}
        rendered(Rendering(total(stems), stems))
        with pytest.raises(SoundstageError, match=r"differ by -6\.0 dB"):
            rendered(Rendering(2 * total(stems), stems))


def test_references_that_cancel_leave_their_rounding():
    stems = {"a": STEMS["bass"] / 3, "b": STEMS["bass"] / 7, "c": -STEMS["bass"] * (1 / 3 + 1 / 7)}
    rendered(Rendering(stems["c"] + stems["b"] + stems["a"], stems), replace(TRACK, stems=stems))
    rendered(Rendering(np.zeros((2, 70_000)), stems), replace(TRACK, stems=stems))


def test_silence_is_the_sum_of_silence():
    silent = {name: np.zeros((2, 5)) for name in STEMS}
    rendered(Rendering(np.zeros((2, 5)), silent), replace(TRACK, stems=silent))


@pytest.mark.parametrize("mixture", [total() + 1e-3 * RNG.normal(size=(2, 70_000)), np.tanh(total()), 0.7 * total()])
def test_a_datasets_own_mixture_records_how_far_it_is_from_the_sum(mixture):
    scene = rendered(Original(), replace(TRACK, mixture=mixture))
    assert -60 < scene.details["mixture_minus_sum_db"] < 0
    np.testing.assert_array_equal(scene.mixture, mixture)


def test_a_datasets_own_mixture_may_be_silent_or_equal():
    rendered(Original(), replace(TRACK, mixture=np.zeros((2, 70_000))))
    rendered(Original(), replace(TRACK, mixture=total()))
    rendered(Original(), TRACK)


@pytest.mark.parametrize("recorded", [None, -200.0, 0.0, "far"])
def test_a_record_of_another_deviation_excuses_nothing(recorded):
    with pytest.raises(SoundstageError, match="record what it is"):
        rendered(Rendering(0.7 * total(), mixture_minus_sum_db=recorded))
