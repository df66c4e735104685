"""How many bits a file had, and rounding to so many."""

from __future__ import annotations

import numpy as np
import pytest

from soundstage_metrics.bit_depth import ASSUMED_BITS, bit_depth, noise_bits, quantised

NOISE = 0.1 * np.random.default_rng(0).standard_normal((2, 1000))


@pytest.mark.parametrize("bits", [8, 12, 16, 20, 24])
def test_the_depth_of_what_was_rounded_is_found(bits):
    steps = 2.0 ** (bits - 1)
    assert bit_depth([np.round(NOISE * steps) / steps]) == bits


def test_the_deepest_signal_counts_and_silence_has_no_depth():
    coarse, fine = np.round(NOISE * 128) / 128, np.round(NOISE * 2**17) / 2**17
    assert bit_depth([coarse, fine]) == 18
    assert bit_depth([np.zeros((2, 5)), coarse]) == 8
    assert bit_depth([np.zeros((2, 5))]) == 8


@pytest.mark.parametrize("signal", [NOISE, 0.3 * np.round(NOISE * 128) / 128, NOISE * 1e300, NOISE * 1e-300])
def test_what_is_on_no_grid_counts_as_16_bits(signal):
    assert bit_depth([np.round(NOISE * 128) / 128, signal]) == ASSUMED_BITS


@pytest.mark.parametrize(
    ("bits", "noise"), [(8, 16), (12, 16), (16, 16), (17, 16), (18, 16), (19, 19), (20, 20), (24, 24)]
)
def test_the_noise_is_that_of_files_and_an_average_of_16_bits_is_one_of_16_bits(bits, noise):
    steps = 2.0 ** (bits - 1)
    assert noise_bits(np.round(NOISE * steps) / steps) == noise
    assert noise_bits(NOISE) == ASSUMED_BITS


def test_what_lies_on_no_grid_late_in_a_long_signal_is_found():
    long = np.zeros((2, 100_000))
    long[1, -1] = 1 / 3
    assert bit_depth([long + 2.0**-23]) == ASSUMED_BITS
    long[1, -1] = 2.0**-19
    assert bit_depth([long]) == 20


@pytest.mark.parametrize("bits", [8, 16, 24])
def test_rounding_is_to_the_nearest_step_and_ends_where_the_bits_do(bits):
    found = quantised(NOISE, bits)
    assert bit_depth([found]) <= bits
    assert np.abs(found - NOISE).max() <= 2.0**-bits
    np.testing.assert_array_equal(quantised(found, bits), found)
    assert quantised(np.array([-3.0, 3.0]), bits).tolist() == [-1.0, 1.0 - 2.0 ** (1 - bits)]
