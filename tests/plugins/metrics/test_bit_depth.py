"""How many bits a file had, and rounding to so many."""

from __future__ import annotations

import numpy as np
import pytest

from soundstage.contracts import Metric
from soundstage.scene import Scene
from soundstage_metrics.bit_depth import ASSUMED_BITS, bit_depth, faint_frames, faint_in_noise, noise_bits, quantised
from soundstage_metrics.bsseval import BssEval
from soundstage_metrics.cues import Cues
from soundstage_metrics.interaural import Interaural
from soundstage_metrics.sdr import Sdr, SiSdr

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


RATE = 4000
METRICS: dict[str, Metric] = {
    "sdr": Sdr(),
    "si_sdr": SiSdr(),
    "si_sdr joint": SiSdr(joint=True),
    "interaural": Interaural(),
    "cues": Cues(),
    "bsseval": BssEval(),
    "bsseval int16": BssEval(references="int16"),
}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seconds_of_bass", [0, 1])
def test_a_source_that_is_but_the_last_bit_of_its_file_is_in_no_rank(metric, seconds_of_bass):
    """Throughout; and in most seconds, where the median over seconds is of the noise and other scores are not."""
    rng = np.random.default_rng(0)
    drums, loud = quantised(0.1 * rng.standard_normal((2, 2, 3 * RATE)))
    bass = rng.integers(-1, 2, drums.shape) / 2**15
    bass[:, : seconds_of_bass * RATE] = loud[:, : seconds_of_bass * RATE]
    references = {"drums": drums, "bass": bass}
    scorer = METRICS[metric].prepare(Scene(RATE, drums + bass, references))
    leak = 1e-3 * rng.standard_normal(drums.shape)
    rows = [row for row in scorer({name: one + leak for name, one in references.items()}) if row.frame is None]
    by_the_second = metric.startswith("bsseval")
    if by_the_second:
        rows = [row for row in rows if row.name == "SDR"]
    assert all(row.ranked for row in rows if row.source == "drums")
    for row in rows:
        if row.source == "bass" and row.value == row.value:
            assert row.ranked == (bool(seconds_of_bass) and not by_the_second)
            assert row.ranked or "the reference is no louder than that" in row.note


def test_what_24_bits_hold_is_no_noise_of_16():
    quiet = np.random.default_rng(0).integers(-200, 200, (2, 1000))
    assert faint_in_noise(quiet / 2**23) == ""
    assert faint_in_noise(np.sign(quiet) / 2**23) == "set by 24-bit noise: the reference is no louder than that"
    assert faint_in_noise(quiet / 200 / 2**15).startswith("set by 16-bit noise")
    assert faint_in_noise(np.sign(quiet) / 2**7) == ""


def test_frames_at_the_last_bit_are_found_and_silent_ones_are_none():
    bounds = [(0, 1000), (1000, 2000), (2000, 3000)]
    for bits in (16, 24):
        step = 2.0 ** (1 - bits)
        signal = np.random.default_rng(2).integers(-3000, 3000, (2, 3000)) * step
        signal[:, 1000:2000] = step * np.random.default_rng(3).integers(-1, 2, (2, 1000))
        signal[:, 2000:] = 0.0
        frames, found = faint_frames(signal, bounds)
        assert (frames.tolist(), found) == ([False, True, False], bits)
        assert faint_frames(signal, bounds[:1])[1] == 0
