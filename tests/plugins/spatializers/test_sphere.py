"""The rigid sphere against Duda and Martens, Woodworth, and simple physics."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import spherical_jn, spherical_yn

from soundstage_spatializers.hrirs.sphere import (
    RADIUS_M,
    SPEED_OF_SOUND_M_S,
    sphere_hrir,
    sphere_latency,
    sphere_response,
    sphere_taps,
)

RATE = 44100


def itd_us(pair, rate=RATE, finer=32):
    """By cross-correlation, interpolated; positive where the left ear leads."""
    taps = pair.shape[1]
    left, right = np.fft.rfft(pair, 2 * taps)
    correlation = np.fft.irfft(right * np.conj(left), 2 * taps * finer)
    lag = int(correlation.argmax())
    return (lag if lag < taps * finer else lag - 2 * taps * finer) / finer / rate * 1e6


def ild_db(pair):
    left, right = np.sum(pair**2, axis=1)
    return 10 * np.log10(left / right)


@pytest.mark.parametrize(("azimuth", "itd", "ild"), [(0, 0, 0.0), (30, 268, 8.0), (60, 501, 13.0), (90, 667, 6.6)])
def test_itd_and_ild_are_as_published(azimuth, itd, ild):
    pair = sphere_hrir(azimuth, 0, RATE)
    assert itd_us(pair) == pytest.approx(itd, abs=1.5)
    assert ild_db(pair) == pytest.approx(ild, abs=0.05)
    theta = math.radians(azimuth)
    woodworth = RADIUS_M / SPEED_OF_SOUND_M_S * (theta + math.sin(theta)) * 1e6
    assert itd_us(pair) == pytest.approx(woodworth, abs=25)


def test_dc_gain_is_one_in_every_direction():
    for azimuth in range(0, 360, 30):
        for elevation in (-90, -30, 0, 45):
            np.testing.assert_allclose(sphere_hrir(azimuth, elevation, RATE).sum(axis=1), 1.0, atol=1e-12)


def test_the_ear_facing_the_source_gains_6_db_at_high_frequencies():
    response = sphere_response(np.array([1.0]), np.array([0.0, 100.0, 16000.0]))
    level = 20 * np.log10(np.abs(response[0]))
    assert level[0] == 0.0
    assert level[1] == pytest.approx(0.0, abs=0.05)
    assert level[2] == pytest.approx(6.0, abs=0.1)


def test_the_response_is_that_of_scipys_bessel_functions():
    frequencies, cosine = np.array([200.0, 3000.0, 12000.0]), 0.3
    mu = 2 * np.pi * frequencies * RADIUS_M / SPEED_OF_SOUND_M_S
    expected = np.zeros(3, dtype=complex)
    for m in range(60):
        slope = spherical_jn(m, mu, derivative=True) + 1j * spherical_yn(m, mu, derivative=True)
        legendre = np.polynomial.legendre.legval(cosine, [0] * m + [1])
        expected += (-1j) ** (m - 1) * (2 * m + 1) * legendre / slope / mu**2
    np.testing.assert_allclose(sphere_response(np.array([cosine]), frequencies)[0], np.conj(expected), rtol=1e-10)


def test_left_and_right_mirror_and_front_and_back_agree():
    np.testing.assert_allclose(sphere_hrir(40, 10, RATE), sphere_hrir(-40, 10, RATE)[::-1], atol=1e-12)
    np.testing.assert_allclose(sphere_hrir(320, 10, RATE), sphere_hrir(-40, 10, RATE), atol=1e-12)
    np.testing.assert_allclose(sphere_hrir(40, 0, RATE), sphere_hrir(140, 0, RATE), atol=1e-12)


def test_overhead_both_ears_hear_the_same():
    left, right = sphere_hrir(70, 90, RATE)
    np.testing.assert_allclose(left, right, atol=1e-12)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000, 96000, 192000])
def test_every_rate_has_its_pre_delay_and_fits_its_taps(rate):
    assert sphere_latency(rate) / rate >= 0.001
    pair = sphere_hrir(90, 0, rate)
    assert pair.shape == (2, sphere_taps(rate))
    assert np.all(np.isfinite(pair))
    assert itd_us(pair, rate) == pytest.approx(667, abs=12)
    # The near ear hears the wave a/c before the centre of the head would.
    arrival = sphere_latency(rate) - RADIUS_M / SPEED_OF_SOUND_M_S * rate
    assert abs(np.abs(pair[0]).argmax() - arrival) < 1
    # All that is left at the end is the ringing of the band limit at the Nyquist frequency.
    power = pair**2
    assert power[:, -pair.shape[1] // 4 :].sum() < 2e-3 * power.sum()
