"""How small a change of direction a listener notices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MILLS_DEG = ((0.0, 1.0), (30.0, 1.5), (60.0, 3.0), (75.0, 7.0))
"""Azimuth and minimum audible angle, of tones about 500 Hz, where listeners are most exact. Mills, On the minimum
audible angle, JASA 30(4), 1958, measured these four azimuths and prints curves; the values are read off them."""

LOUDSPEAKERS_DEG = 30.0
"""Where the loudspeakers stand that panned scenes are heard from (ITU-R BS.775)."""


def minimum_audible_angle_deg(azimuth: NDArray[np.float64]) -> NDArray[np.float64]:
    """The least audible change of azimuth in degrees, of the same shape as `azimuth`: (…), degrees within ±90.

    Source: Mills 1958. Between Mills' four azimuths it is interpolated, and beyond 75° held: farther to the side he
    found none that listeners told apart reliably.

    >>> minimum_audible_angle_deg(np.array([0.0, -45.0, 90.0])).tolist()
    [1.0, 2.25, 7.0]
    """
    return np.asarray(np.interp(np.abs(azimuth), *np.array(MILLS_DEG).T))


def between_loudspeakers_deg(panning_angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """The azimuth in degrees that a panning angle is heard at, from loudspeakers at ±30°.

    By the tangent law, tan φ / tan 30° = (g_L − g_R) / (g_L + g_R), which is tan α. Source: Bennett, Barker & Edeko, A
    new approach to the assessment of stereophonic sound system performance, JAES 33(5), 1985.

    >>> np.round(between_loudspeakers_deg(np.array([-45.0, 0.0, 22.5])), 2).tolist()
    [-30.0, 0.0, 13.45]
    """
    widest = np.tan(np.radians(LOUDSPEAKERS_DEG))
    return np.asarray(np.degrees(np.arctan(widest * np.tan(np.radians(panning_angle)))))
