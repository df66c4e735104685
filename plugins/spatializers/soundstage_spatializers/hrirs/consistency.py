"""An HRIR set against its own data: the ear that is nearer to a source hears it earlier and louder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from soundstage.scene import signed_azimuth
from soundstage_spatializers.hrirs.set import unit_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soundstage_spatializers.hrirs.set import HrirSet

Azimuths = Literal["counter-clockwise", "clockwise"]
Ears = Literal["declared", "swapped"]

LATERAL_DEG: Final = (45.0, 135.0)
LATERAL_ELEVATION_DEG: Final = 20.0
ASIDE_DEG: Final = 15.0
"""What counts as lateral, from the median plane, in a set that has nothing within LATERAL_DEG."""

MEDIAN_DEG: Final = 10.0
MEDIAN_MS: Final = 0.25
"""Within MEDIAN_DEG of the median plane a head's ears are no more than 0.1 ms apart."""

CONTRARY_MS: Final = 0.15
CONTRARY_DB: Final = 1.0
"""By how much the far ear must be earlier and louder: no head makes it so, and errors of measurement are smaller."""

LONGEST_MS: Final = 1.5
"""The largest difference of arrival that is looked for; a head's is half of it."""

BAND_HZ: Final = (200.0, 2000.0)
"""Where the difference of arrival is looked for: below, little was measured; above, the far ear hears little."""

LEAST_MS: Final = 0.25
LEAST_DB: Final = 1.0
"""What the ears of any head are apart, for a source at the side; in front it is less as the source is less aside."""

LEAST_SPREAD: Final = 0.5
"""Of the sines of how far aside sources are: below it there is no more and less to compare."""

LEAST_AGREEMENT: Final = 0.7
"""The least correlation between how far aside a source is and how much earlier the ear on its side hears it."""

BLOCK_SAMPLES: Final = 1 << 21


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a set's data say of its directions.

    lateral: how many lateral directions there were to look at. fault: what contradicts what; empty where nothing does.
    mirrored: whether most of the set would be right with left and right exchanged.
    """

    lateral: int
    fault: str = ""
    mirrored: bool = False


def taken_as(hrirs: HrirSet, azimuths: Azimuths, ears: Ears) -> HrirSet:
    """The set with its azimuths turned round, or its ears swapped; the same set where neither is asked for."""
    if azimuths == "clockwise":
        turned = np.stack([-hrirs.directions[:, 0] % 360.0, hrirs.directions[:, 1]], axis=1)
        hrirs = replace(hrirs, directions=turned)
    return replace(hrirs, responses=hrirs.responses[:, ::-1]) if ears == "swapped" else hrirs


def judged(hrirs: HrirSet) -> Verdict:
    """Whether the near ear is earlier and louder at lateral directions, and both ears alike in the median plane.

    A set whose arrivals or levels were made equal for both ears says nothing of sides and passes.
    """
    energies = np.sum(hrirs.responses**2, axis=2)
    silent = np.flatnonzero(np.all(energies == 0.0, axis=1))
    if len(silent):
        named = _named(hrirs, int(silent[0]))
        return Verdict(0, f"{len(silent)} of its {len(energies)} responses are silent, the first at {named}")
    left = unit_vectors(hrirs.directions)[:, 1]
    lateral = _lateral(hrirs.directions, left)
    found = _sides(hrirs, lateral, np.sign(left[lateral]), energies[lateral])
    if found.fault:
        return found
    median = np.flatnonzero(np.abs(left) <= np.sin(np.radians(MEDIAN_DEG)))
    apart = float(np.median(np.abs(left_leads_ms(hrirs, median)))) if len(median) else 0.0
    if apart > MEDIAN_MS:
        return Verdict(
            len(lateral),
            f"sources in the median plane (in front, above, behind) reach one ear {apart:.2f} ms before the other;"
            " azimuth 0 is not in front, or the angles are not degrees",
        )
    return found


def not_two_ears(hrirs: HrirSet) -> str:
    """Why the set is not what a head hears; empty where it may be, or has no lateral directions.

    Stricter than `judged`: microphones without a head between them, and headphones, hear both sides alike.
    """
    left = unit_vectors(hrirs.directions)[:, 1]
    lateral = _lateral(hrirs.directions, left)
    if not len(lateral):
        return ""
    aside = left[lateral]
    leads = left_leads_ms(hrirs, lateral)
    energies = np.sum(hrirs.responses[lateral] ** 2, axis=2)
    with np.errstate(divide="ignore"):
        louder = 10.0 * (np.log10(energies[:, 0]) - np.log10(energies[:, 1]))
    for what, found, least, unit in (("earlier", leads, LEAST_MS, "ms"), ("louder", louder, LEAST_DB, "dB")):
        typical = float(np.median(found / aside))
        if typical < least:
            return (
                f"at its {len(lateral)} lateral directions the near ear hears the source {typical:.2f} {unit} {what} in"
                f" the median, where a head's hears it {least:g} {unit} {what} or more; these are not the two ears of a"
                " head (headphones, say, or microphones in the open)"
            )
    if np.ptp(left) < LEAST_SPREAD:
        return ""
    every = left_leads_ms(hrirs, np.arange(len(left)))
    agreement = float(np.corrcoef(left, every)[0, 1])
    if agreement < LEAST_AGREEMENT:
        return (
            "over its directions the ear on a source's side does not hear it the earlier the further it is aside"
            f" (correlation {agreement:.2f}); the responses do not belong to the directions they are named after"
        )
    return ""


def _sides(
    hrirs: HrirSet, lateral: NDArray[np.intp], towards: NDArray[np.float64], energies: NDArray[np.float64]
) -> Verdict:
    """The verdict on lateral directions; towards: +1 where the left ear is near, −1 where the right one is."""
    count = len(lateral)
    if not count:
        return Verdict(0)
    earlier = left_leads_ms(hrirs, lateral) * towards
    with np.errstate(divide="ignore"):
        louder = 10.0 * (np.log10(energies[:, 0]) - np.log10(energies[:, 1])) * towards
    contrary = (earlier < -CONTRARY_MS) & (louder < -CONTRARY_DB)
    if np.any(contrary):
        worst = int(np.argmin(np.where(contrary, earlier, np.inf)))
        near, far = ("left", "right") if towards[worst] > 0 else ("right", "left")
        fault = (
            f"at {_named(hrirs, int(lateral[worst]))}, which is on the {near}, the {far} ear hears the source"
            f" {-earlier[worst]:.2f} ms earlier and {-louder[worst]:.1f} dB louder, and so it is at"
            f" {np.count_nonzero(contrary)} of {count} lateral directions"
        )
        return Verdict(count, fault, mirrored=bool(2 * np.count_nonzero(contrary) > count))
    for what, typical, limit, unit in (
        ("earlier", float(np.median(earlier)), CONTRARY_MS, "ms"),
        ("louder", float(np.median(louder)), CONTRARY_DB, "dB"),
    ):
        if typical < -limit:
            fault = (
                f"at its {count} lateral directions the ear on the far side hears the source {what}, by"
                f" {-typical:.2f} {unit} in the median"
            )
            return Verdict(count, fault, mirrored=True)
    return Verdict(count)


def left_leads_ms(hrirs: HrirSet, chosen: NDArray[np.intp]) -> NDArray[np.float64]:
    """By how many milliseconds the left ear hears each of the chosen directions before the right one."""
    taps = hrirs.responses.shape[2]
    length = 1 << max(2 * taps - 1, hrirs.rate // 40).bit_length()
    frequencies = np.fft.rfftfreq(length, 1.0 / hrirs.rate)
    band = (1.0 - np.exp(-((frequencies / BAND_HZ[0]) ** 2))) * np.exp(-((frequencies / BAND_HZ[1]) ** 2))
    longest = max(1, round(LONGEST_MS * hrirs.rate / 1000.0))
    lags = np.arange(-longest, longest + 1)
    found = np.empty(len(chosen))
    step = max(1, BLOCK_SAMPLES // length)
    for start in range(0, len(chosen), step):
        spectra = np.fft.rfft(hrirs.responses[chosen[start : start + step]], length)
        correlation = np.fft.irfft(spectra[:, 1] * np.conj(spectra[:, 0]) * band, length)
        found[start : start + step] = lags[np.argmax(correlation[:, lags], axis=1)]
    return found * (1000.0 / hrirs.rate)


def _lateral(directions: NDArray[np.float64], left: NDArray[np.float64]) -> NDArray[np.intp]:
    azimuths = np.array([abs(signed_azimuth(azimuth)) for azimuth in directions[:, 0].tolist()])
    inside = (azimuths >= LATERAL_DEG[0]) & (azimuths <= LATERAL_DEG[1])
    inside &= np.abs(directions[:, 1]) <= LATERAL_ELEVATION_DEG
    return np.flatnonzero(inside if np.any(inside) else np.abs(left) >= np.sin(np.radians(ASIDE_DEG)))


def _named(hrirs: HrirSet, index: int) -> str:
    azimuth, elevation = (float(angle) for angle in hrirs.directions[index])
    return f"azimuth {azimuth:g}°, elevation {elevation:g}°"
