"""Oracles: the best that time-frequency masks and a multichannel filter could do if they knew the references.

They follow the oracles of SiSEC 2018 (Stöter, Liutkus & Ito, The 2018 Signal Separation Evaluation Campaign,
https://doi.org/10.1007/978-3-319-93764-9_28): Hann windows of 2048 samples, hop 1024. As there, the masks are found and
applied in each channel by itself, so they may change level differences; the filter mixes the channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from soundstage.errors import SoundstageError
from soundstage_separators.stft import Stft

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soundstage.audio import Samples
    from soundstage.contracts import Need, Role
    from soundstage_separators.stft import Spectrum

SPREAD = 1e-8
"""The share of a source's power that the Wiener filter lets come from everywhere. It bounds the condition of what is
inverted at about 1e8, also where every source is mono and panned to one place (rank one)."""


def _check_positive(name: str, value: float) -> None:
    if not (np.isfinite(value) and value > 0):
        raise SoundstageError(f"{name}={value!r}: a positive number was expected")


class Irm:
    """The ideal ratio mask |S_j|^α / Σ_i |S_i|^α, in each channel by itself. The estimates sum to the mixture."""

    revision = 1
    role: Role = "oracle"
    needs: tuple[Need, ...] = ("references",)

    def __init__(self, *, alpha: float = 2.0, window: int = 2048, hop: int = 1024) -> None:
        """alpha: the exponent of the magnitudes. window, hop: of the STFT, in samples."""
        _check_positive("alpha", alpha)
        self._alpha = alpha
        self._stft = Stft(window, hop)

    def separate(self, mixture: Samples, rate: int, *, references: Mapping[str, Samples]) -> dict[str, Samples]:
        """Estimates (2, samples) of every source that a reference is given for."""
        stft, length = self._stft, mixture.shape[-1]
        canvases = {source: stft.canvas((2,), length) for source in references}
        for frames in stft.blocks(length):
            powers = {
                source: np.abs(stft.analyse(reference, frames)) ** self._alpha
                for source, reference in references.items()
            }
            total: NDArray[np.float64] = sum(powers.values(), np.zeros(()))
            # A bin in which every reference is silent belongs to none.
            share = stft.analyse(mixture, frames) / np.where(total > 0, total, 1.0)
            for source, power in powers.items():
                stft.paint(canvases[source], share * power, frames)
        return {source: stft.crop(canvas, length) for source, canvas in canvases.items()}


class Ibm:
    """The ideal binary mask: bins where |S_j|^α ≥ θ |X|^α, in each channel by itself.

    As in SiSEC each source is held against the mixture X, so a bin may go to two sources or to none, and the estimates
    need not sum to the mixture. The references are first brought to the mixture's level.
    """

    revision = 1
    role: Role = "oracle"
    needs: tuple[Need, ...] = ("references", "gain")

    def __init__(self, *, alpha: float = 1.0, theta: float = 0.5, window: int = 2048, hop: int = 1024) -> None:
        """alpha: the exponent of the magnitudes. theta: the threshold. window, hop: of the STFT, in samples."""
        _check_positive("alpha", alpha)
        _check_positive("theta", theta)
        self._alpha, self._theta = alpha, theta
        self._stft = Stft(window, hop)

    def separate(
        self, mixture: Samples, rate: int, *, references: Mapping[str, Samples], gain: float
    ) -> dict[str, Samples]:
        """Estimates (2, samples) of every source that a reference is given for."""
        stft, length = self._stft, mixture.shape[-1]
        canvases = {source: stft.canvas((2,), length) for source in references}
        # |S|^α ≥ θ|X|^α, with the α-th root taken of both sides once.
        threshold = self._theta ** (1 / self._alpha) / abs(gain) if gain else np.inf
        for frames in stft.blocks(length):
            mixed = stft.analyse(mixture, frames)
            floor = np.abs(mixed) * threshold
            for source, reference in references.items():
                magnitude = np.abs(stft.analyse(reference, frames))
                stft.paint(canvases[source], mixed * ((magnitude >= floor) & (magnitude > 0)), frames)
        return {source: stft.crop(canvas, length) for source, canvas in canvases.items()}


class Mwf:
    """The multichannel Wiener filter P_j R_j (Σ_i P_i R_i)⁻¹ of the local Gaussian model. Estimates sum to the mixture.

    P_j: a source's power in a bin, averaged over the channels. R_j: its spatial covariance at a frequency, the mean
    over time weighted by power. (Duong, Vincent & Gribonval 2010, https://doi.org/10.1109/TASL.2010.2050716.)
    """

    revision = 1
    role: Role = "oracle"
    needs: tuple[Need, ...] = ("references",)

    def __init__(self, *, window: int = 2048, hop: int = 1024) -> None:
        """window, hop: of the STFT, in samples."""
        self._stft = Stft(window, hop)

    def separate(self, mixture: Samples, rate: int, *, references: Mapping[str, Samples]) -> dict[str, Samples]:
        """Estimates (2, samples) of every source that a reference is given for."""
        stft, length = self._stft, mixture.shape[-1]
        covariances = {source: spatial_covariance(stft, reference) for source, reference in references.items()}
        canvases = {source: stft.canvas((2,), length) for source in references}
        for frames in stft.blocks(length):
            powers = {source: _power(stft.analyse(reference, frames)) for source, reference in references.items()}
            left: NDArray[np.float64] = np.zeros(())
            right: NDArray[np.float64] = np.zeros(())
            cross: Spectrum = np.zeros((), complex)
            for source, power in powers.items():
                r_left, r_right, r_cross = covariances[source]
                left, right, cross = left + power * r_left, right + power * r_right, cross + power * r_cross
            # The 2 × 2 inverse written out. Scaled by the trace, so that the quietest bins are as exact as the loudest.
            trace = np.where(left + right > 0, left + right, 1.0)
            left, right, cross = left / trace, right / trace, cross / trace
            determinant = left * right - np.abs(cross) ** 2
            over = 1 / (trace * np.where(determinant > 0, determinant, 1.0))
            x_left, x_right = stft.analyse(mixture, frames)
            y_left = (right * x_left - cross * x_right) * over
            y_right = (left * x_right - np.conj(cross) * x_left) * over
            for source, power in powers.items():
                r_left, r_right, r_cross = covariances[source]
                at_left = power * (r_left * y_left + r_cross * y_right)
                at_right = power * (np.conj(r_cross) * y_left + r_right * y_right)
                stft.paint(canvases[source], np.stack([at_left, at_right]), frames)
        return {source: stft.crop(canvas, length) for source, canvas in canvases.items()}


def _power(spectrum: Spectrum) -> NDArray[np.float64]:
    power: NDArray[np.float64] = np.mean(spectrum.real**2 + spectrum.imag**2, axis=0)
    return power


def spatial_covariance(stft: Stft, reference: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64], Spectrum]:
    """R at every frequency: its entries LL, RR and LR, each (bins,), with LL + RR = 2; the identity where silent."""
    left, right = np.zeros(stft.bins), np.zeros(stft.bins)
    cross: Spectrum = np.zeros(stft.bins, complex)
    for frames in stft.blocks(reference.shape[-1]):
        x_left, x_right = stft.analyse(reference, frames)
        left += np.sum(x_left.real**2 + x_left.imag**2, axis=0)
        right += np.sum(x_right.real**2 + x_right.imag**2, axis=0)
        cross += np.sum(x_left * np.conj(x_right), axis=0)
    heard = left + right > 0
    scale = (1 - SPREAD) * 2 / np.where(heard, left + right, 1.0)
    return np.where(heard, left * scale, 1.0) + SPREAD, np.where(heard, right * scale, 1.0) + SPREAD, cross * scale
