"""ADRess: sources found by the azimuth at which they cancel."""

from __future__ import annotations

import numpy as np
import pytest

from soundstage.errors import SoundstageError
from soundstage_metrics.sdr import si_sdr
from soundstage_separators.adress import Adress, nulls, peak_positions

RATE = 44100


def pan(mono, degrees):
    angle = np.radians(degrees)
    return np.stack([np.sin(np.pi / 4 + angle) * mono, np.sin(np.pi / 4 - angle) * mono])


def tones(frequencies, seconds=1.0):
    time = np.arange(int(seconds * RATE)) / RATE
    return 0.1 * sum(np.sin(2 * np.pi * frequency * time) for frequency in frequencies)


def angle_of(image):
    left, right = np.sqrt((image**2).sum(axis=1))
    return np.degrees(np.arctan2(left, right)) - 45


@pytest.mark.parametrize("degrees", [-45, -40, -20, -5, 0, 5, 30, 45])
def test_a_lone_source_comes_back_in_its_place_at_its_level(degrees):
    source = pan(np.random.default_rng(0).normal(size=RATE), degrees)
    first, *others = Adress().separate(source, RATE, source_count=3)
    np.testing.assert_allclose(first, source, atol=0.02 * np.abs(source).max())
    assert si_sdr(source, first, joint=True) > 40
    assert all(np.linalg.norm(other) < 0.01 * np.linalg.norm(source) for other in others)


def test_sources_apart_in_frequency_and_azimuth_are_separated():
    frequencies = {-45: [400, 3000], -10: [700, 5000], 5: [1100, 7000], 40: [1900, 9000]}
    sources = [pan(tones(tone), degrees) for degrees, tone in frequencies.items()]
    images = Adress().separate(sum(sources), RATE, source_count=4)
    for source in sources:
        assert max(si_sdr(source, image, joint=True) for image in images) > 20
    assert sorted(angle_of(image) for image in images) == pytest.approx([-45, -10, 5, 40], abs=1)


def test_nulls_are_those_of_the_whole_plane():
    """Against the paper's plane, computed gain by gain."""
    rng = np.random.default_rng(0)
    spectrum = rng.normal(size=(2, 30, 40)) + 1j * rng.normal(size=(2, 30, 40))
    beta = 50
    found = nulls(spectrum, beta)
    left, right = spectrum
    gains = np.arange(beta + 1) / beta
    right_plane = np.abs(left[..., None] - gains * right[..., None])
    left_plane = np.abs(right[..., None] - gains * left[..., None])
    louder_left = np.abs(left) >= np.abs(right)
    plane = np.where(louder_left[..., None], left_plane, right_plane)
    index = plane.argmin(axis=-1)
    np.testing.assert_array_equal(found.position, np.where(louder_left, beta - index, index - beta))
    depth = plane.max(axis=-1) - plane.min(axis=-1)
    np.testing.assert_allclose(found.magnitude, depth / np.maximum(index / beta, 1 - index / beta), atol=1e-12)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize(
    "mixture",
    [
        np.zeros((2, 9000)),
        np.tile(np.random.default_rng(0).normal(size=9000), (2, 1)),
        np.random.default_rng(0).normal(size=(2, 9000)),
        np.outer([1, -1], np.random.default_rng(0).normal(size=9000)),
        np.ones((2, 1)),
        np.full((2, 9000), 1e-160),
    ],
    ids=["silence", "mono", "noise", "out of phase", "one sample", "all but silence"],
)
def test_there_are_always_as_many_finite_images_as_asked_for(mixture, count):
    images = Adress().separate(mixture, RATE, source_count=count)
    assert [image.shape for image in images] == [mixture.shape] * count
    assert all(np.isfinite(image).all() for image in images)


def test_a_narrow_subspace_leaves_out_what_is_far_from_every_source():
    mixture = pan(tones([400]), 40) + pan(tones([2000]), -20) / 4
    (wide,) = Adress().separate(mixture, RATE, source_count=1)
    (narrow,) = Adress(reach=0.1).separate(mixture, RATE, source_count=1)
    assert si_sdr(pan(tones([400]), 40), narrow, joint=True) > 20 > si_sdr(pan(tones([400]), 40), wide, joint=True)


def test_the_same_mixture_gives_the_same_images():
    mixture = np.random.default_rng(0).normal(size=(2, 20_000))
    for one, other in zip(*(Adress().separate(mixture, RATE, source_count=3) for _ in range(2)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_peaks_are_taken_by_height_and_apart():
    azimugram = np.zeros(201)
    azimugram[[20, 22, 90, 160]] = [5, 4, 1, 9]
    assert peak_positions(azimugram, 3).tolist() == pytest.approx([160, 21, 90], abs=1)


def test_no_peaks_are_found_in_nothing():
    assert not len(peak_positions(np.zeros(201), 4))


@pytest.mark.parametrize(
    "parameters", [{"resolution": 1}, {"resolution": 10.0}, {"reach": 0}, {"reach": 2.5}, {"hop": 0}]
)
def test_parameters_without_meaning_are_refused(parameters):
    with pytest.raises(SoundstageError, match="expected"):
        Adress(**parameters)
