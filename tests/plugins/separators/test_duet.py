"""DUET: sources found by level and delay between the channels."""

from __future__ import annotations

import numpy as np
import pytest

from soundstage.errors import SoundstageError
from soundstage_metrics.sdr import si_sdr
from soundstage_separators import duet as module
from soundstage_separators.duet import Duet

RATE = 44100


def pan(mono, degrees, delay=0):
    """A source, panned, whose right channel is `delay` samples late, or whose left is -delay."""
    angle = np.radians(degrees)
    return np.stack(
        [
            np.sin(np.pi / 4 + angle) * np.roll(mono, max(0, -delay)),
            np.sin(np.pi / 4 - angle) * np.roll(mono, max(0, delay)),
        ]
    )


def tones(frequencies, seconds=1.0):
    time = np.arange(int(seconds * RATE)) / RATE
    return 0.1 * sum(np.sin(2 * np.pi * frequency * time) for frequency in frequencies)


def noise(seed, size=RATE):
    return np.random.default_rng(seed).normal(size=size)


@pytest.mark.parametrize("degrees", [-45, -40, -20, -5, 0, 5, 30, 45])
def test_a_lone_source_comes_back_in_its_place_at_its_level(degrees):
    source = pan(noise(0), degrees)
    first, *others = Duet().separate(source, RATE, source_count=3)
    np.testing.assert_allclose(first, source, atol=0.02 * np.abs(source).max())
    assert si_sdr(source, first, joint=True) > 30
    assert all(np.linalg.norm(other) < 0.02 * np.linalg.norm(source) for other in others)


@pytest.mark.parametrize("delay", [-30, -10, 20])
def test_a_lone_source_with_a_delay_comes_back_with_it(delay):
    # Delays are found to 10 µs: this many degrees of phase only matter high up.
    low = np.convolve(noise(0), np.hanning(64), "same")
    source = pan(low, 10, delay)
    first, *_ = Duet().separate(source, RATE, source_count=1)
    assert si_sdr(source, first, joint=True) > 20


def test_sources_at_one_level_are_told_apart_by_delay():
    sources = [
        pan(tones([100, 320, 900]), 0, -20),
        pan(tones([150, 430, 1300]), 0, 0),
        pan(tones([210, 550, 2100]), 0, 25),
    ]
    images = Duet().separate(sum(sources), RATE, source_count=3)
    assert all(max(si_sdr(source, image, joint=True) for image in images) > 10 for source in sources)


def test_sources_told_apart_by_level_are_separated_hard_panned_ones_too():
    sources = [
        pan(tones(tone), degrees)
        for degrees, tone in {-45: [100, 3000], -10: [170, 5000], 5: [290, 7000], 45: [450, 9000]}.items()
    ]
    images = Duet().separate(sum(sources), RATE, source_count=4)
    assert all(max(si_sdr(source, image, joint=True) for image in images) > 20 for source in sources)


def test_images_sum_to_the_mixture_where_sources_do_not_overlap():
    mixture = pan(tones([100, 3000]), -45) + pan(tones([290, 7000]), 20)
    images = Duet().separate(mixture, RATE, source_count=2)
    assert si_sdr(mixture, sum(images), joint=True) > 25


@pytest.mark.parametrize("max_delay_us", [0.0, 100.0, 800.0])
@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize(
    "mixture",
    [
        np.zeros((2, 9000)),
        np.tile(noise(0, 9000), (2, 1)),
        np.stack([noise(0, 9000), noise(1, 9000)]),
        np.outer([1, -1], noise(0, 9000)),
        np.outer([0, 1], noise(0, 9000)),
        np.ones((2, 1)),
        np.full((2, 9000), 1e-160),
    ],
    ids=["silence", "mono", "noise", "out of phase", "one channel", "one sample", "all but silence"],
)
def test_there_are_always_as_many_finite_images_as_asked_for(mixture, count, max_delay_us):
    images = Duet(max_delay_us=max_delay_us).separate(mixture, RATE, source_count=count)
    assert [image.shape for image in images] == [mixture.shape] * count
    assert all(np.isfinite(image).all() for image in images)


def test_a_long_track_is_heard_in_every_nth_frame_with_the_same_outcome(monkeypatch):
    sources = [pan(tones([100, 3000], 3.0), -45), pan(tones([290, 7000], 3.0), 20)]
    whole = Duet().separate(sum(sources), RATE, source_count=2)
    monkeypatch.setattr(module, "MOST_VOTERS", 1500)
    for one, other in zip(whole, Duet().separate(sum(sources), RATE, source_count=2), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


def test_a_window_too_short_to_hear_delays_is_refused_with_a_remedy():
    with pytest.raises(SoundstageError, match="take a longer window or a smaller max_delay_us"):
        Duet(window=32, hop=16).separate(noise(0).reshape(2, -1), RATE, source_count=2)


@pytest.mark.parametrize("parameters", [{"p": -1}, {"q": float("nan")}, {"max_delay_us": -1}, {"window": 4}])
def test_parameters_without_meaning_are_refused(parameters):
    with pytest.raises(SoundstageError, match="expected"):
        Duet(**parameters)
