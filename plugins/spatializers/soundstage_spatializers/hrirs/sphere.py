"""HRIRs of a rigid sphere with ears at ±90°: the head that needs no download."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soundstage.audio import Samples

RADIUS_M = 0.0875
SPEED_OF_SOUND_M_S = 343.0


def sphere_latency(rate: int) -> int:
    """The pre-delay of `sphere_hrir` in samples at `rate` Hz: the least whole number that lasts 1 ms."""
    return math.ceil(rate / 1000)


def sphere_taps(rate: int) -> int:
    """The taps of `sphere_hrir` at `rate` Hz: the least power of two that lasts 5 ms (256 at 44.1 and 48 kHz)."""
    return 1 << math.ceil(math.log2(0.005 * rate))


def sphere_hrir(azimuth: float, elevation: float, rate: int) -> Samples:
    """The HRIR pair of a rigid sphere for a plane wave from a direction in degrees, shape (2, taps), left ear first.

    Azimuth runs counter-clockwise: +90 leads in the left ear. Time 0 at the centre of the head lies at sample
    `sphere_latency(rate)`. Source: Duda and Martens, Range dependence of the response of a spherical head model, JASA
    104(5), 1998, for infinite range.
    """
    taps = sphere_taps(rate)
    frequencies = np.arange(taps // 2 + 1, dtype=np.float64) * (rate / taps)
    towards_left = math.cos(math.radians(elevation)) * math.sin(math.radians(azimuth))
    responses = sphere_response(np.array([towards_left, -towards_left]), frequencies)
    responses *= np.exp(-2j * np.pi * frequencies * (sphere_latency(rate) / rate))
    return np.fft.irfft(responses, n=taps)


def sphere_response(cosines: NDArray[np.float64], frequencies: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Pressure at the sphere over the pressure at its centre's place without it; shape (cosines, frequencies).

    cosines: of the angle of incidence θ, the angle between ear and source as seen from the centre. frequencies in Hz,
    ascending. Phases are numpy's (a delay is e^{−iωt}). H = μ⁻² Σ_m (−i)^{m−1} (2m+1) P_m(cos θ) / h′_m(μ), conjugated,
    with μ = 2πfa/c and h the spherical Hankel function of the first kind; each frequency takes 1.2μ + 30 terms.
    """
    response = np.ones((len(cosines), len(frequencies)), dtype=np.complex128)
    positive = frequencies > 0.0
    mu = 2.0 * np.pi * frequencies[positive] * RADIUS_M / SPEED_OF_SOUND_M_S
    if not len(mu):
        return response
    orders = np.ceil(1.2 * mu + 30.0).astype(int)
    # Upward recurrence is stable for h, which grows with m; stopping at each μ's own order keeps it from overflowing.
    before = np.exp(1j * mu) / mu  # h of order −1
    hankel = -1j * before
    legendre_before, legendre = np.zeros_like(cosines), np.ones_like(cosines)
    total = np.zeros((len(cosines), len(mu)), dtype=np.complex128)
    for m in range(int(orders.max()) + 1):
        wanted = orders >= m
        slope = before[wanted] - (m + 1) / mu[wanted] * hankel[wanted]
        total[:, wanted] += (-1j) ** ((m - 1) % 4) * (2 * m + 1) * legendre[:, np.newaxis] / slope
        following = (2 * m + 1) / mu[wanted] * hankel[wanted] - before[wanted]
        before[wanted], hankel[wanted] = hankel[wanted], following
        legendre_before, legendre = (
            legendre,
            ((2 * m + 1) * cosines * legendre - m * legendre_before) / (m + 1),
        )
    response[:, positive] = np.conj(total / mu**2)
    return response
