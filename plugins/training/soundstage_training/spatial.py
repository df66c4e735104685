"""Losses that keep the image: how far an estimate's interaural time and level differences are from the reference's.

After Hernandez-Olivan, Delcroix, Ochiai, Tawara, Nakatani & Araki (2024), Interaural time difference loss for binaural
target sound extraction, arXiv:2408.00344, whose idea it is to compare what GCC-PHAT says of each lag, and not the lag
where it is highest, from which no gradient comes. How the two are compared is decided here: the squared difference of
two narrow peaks is the same however far apart they lie, so each becomes a distribution over lags, and the loss is how
far one has to be moved to become the other.

Functions of (references, estimates, rate), usable with any model and weighted against its own loss. Frames count as
much as the reference is loud in them, and signals alike; a silent reference has no image, and costs nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

FRAME_S = 0.1
"""Seconds of a frame, about; frames overlap by half."""

LARGEST_ITD_S = 1e-3
"""Seconds: as far as lags are looked at on either side, as the paper does; a head's are within 0.8 ms."""

HIGHEST_HZ = 8000.0
"""Of the bins that time differences are found in: above, music has little, and whitening makes much of it."""

STEPS = 2
"""Lags a sample: so close that from one to the next a distribution moves by degrees."""

SHARPNESS = 30.0
"""How much likelier a lag is for every 1 that GCC-PHAT is higher there, as an exponent; a lone source's peak is 1."""

NOT_WHITENED = 0.05
"""Of a frame's mean cross-power: bins with less are not brought to the weight of the others. They hold rounding."""

LEAST_POWER = 1e-3
"""Of the mean power of the reference's bins: cross-powers that are less are hardly whitened, or silence had a phase."""

LEAST_LEVEL = 1e-4
"""Of the mean power of the reference's bins: to what is less, levels are taken to differ from it by 40 dB at most."""

TINY = 1e-12


def itd_loss(references: Tensor, estimates: Tensor, rate: int) -> Tensor:
    """How far the estimates' time differences are from the references', in milliseconds; a scalar, 0 at best.

    references, estimates: (…, 2, samples). An estimate delayed in one channel by d more than the reference costs d. In
    every frame GCC-PHAT up to ±1 ms becomes a distribution over lags; the loss is the distance of the two distributions
    (Wasserstein's first: the area between their cumulative sums), a mean over frames by the reference's energy.
    """
    heard, found = _spectra(references, rate), _spectra(estimates, rate)
    energy = _energy(heard)
    floor = LEAST_POWER * energy[..., None] / heard.shape[-1] + TINY
    apart = (_lags(heard, floor, rate).cumsum(-1) - _lags(found, floor, rate).cumsum(-1)).abs().sum(-1)
    return _mean(apart, energy) * 1000.0 / (STEPS * rate)


def ild_loss(references: Tensor, estimates: Tensor, rate: int) -> Tensor:
    """How far the estimates' level differences are from the references', in dB; a scalar, 0 at best.

    references, estimates: (…, 2, samples). An estimate one channel of which is amplified by g dB costs |g|: it is the
    absolute difference in every bin of every frame, a mean over bins by the reference's magnitude and over frames by
    its energy.
    """
    heard, found = _spectra(references, rate), _spectra(estimates, rate)
    energy = _energy(heard)
    floor = LEAST_LEVEL * energy[..., None] / heard.shape[-1] + TINY
    apart = (_level_difference(found, floor) - _level_difference(heard, floor)).abs()
    weight = heard.abs().square().sum(-3).sqrt()
    by_bin = (weight * apart).sum(-1) / (weight.sum(-1) + TINY)
    return _mean(by_bin, energy)


def _spectra(signals: Tensor, rate: int) -> Tensor:
    """(…, 2, samples) → the spectra of windowed frames, (…, 2, frames, bins)."""
    size = min(max(2, int(FRAME_S * rate)), signals.shape[-1])
    frames = signals.float().unfold(-1, size, max(1, size // 2))
    window = torch.hann_window(size + 2, periodic=False, device=signals.device)[1:-1]
    return torch.fft.rfft(frames * window, n=2 * (size // 2 + size % 2))


def _energy(spectra: Tensor) -> Tensor:
    """(…, 2, frames, bins) → (…, frames)."""
    return spectra.abs().square().sum((-3, -1))


def _lags(spectra: Tensor, floor: Tensor, rate: int) -> Tensor:
    """How likely each lag is, (…, frames, lags), of spectra (…, 2, frames, bins); floor: of power, (…, frames, 1)."""
    size = 2 * (spectra.shape[-1] - 1)
    highest = min(spectra.shape[-1], int(HIGHEST_HZ * size / rate) + 1)
    left, right = spectra[..., :highest].unbind(-3)
    cross = torch.view_as_real(left * right.conj())
    power = cross.square().sum(-1)
    kept = (NOT_WHITENED * power.sqrt().mean(-1, keepdim=True).detach() + floor).square()
    whitening = (power + kept).rsqrt()
    real, imaginary = (cross * whitening[..., None]).unbind(-1)
    reach = STEPS * min(int(LARGEST_ITD_S * rate), size // 2)
    lags = torch.arange(-reach, reach + 1, device=spectra.device) / STEPS
    angles = 2.0 * torch.pi / size * torch.outer(torch.arange(highest, device=spectra.device), lags)
    correlation = real @ angles.cos() - imaginary @ angles.sin()
    most = (whitening.square() * power + LEAST_POWER**2).sqrt().sum(-1, keepdim=True)  # what a lone source's peak has
    return torch.softmax(SHARPNESS * correlation / most, -1)


def _level_difference(spectra: Tensor, floor: Tensor) -> Tensor:
    """The level of the left channel over that of the right in dB, (…, frames, bins)."""
    left, right = torch.view_as_real(spectra).square().sum(-1).unbind(-3)
    return 10.0 * ((left + floor) / (right + floor)).log10()


def _mean(values: Tensor, energy: Tensor) -> Tensor:
    """The mean of values (…, frames) by energy, and over signals that have any; 0 where none has."""
    total = energy.sum(-1)
    each = (values * energy).sum(-1) / (total + TINY)
    return each.sum() / (total > TINY).sum().clamp_min(1)
