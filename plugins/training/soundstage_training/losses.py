"""What each work trains on, as functions of tensors; the losses that keep the image are in `spatial`."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

EPSILON = 1e-10


def spectral_mse(estimates: Tensor, references: Tensor) -> Tensor:
    """X-UMX's loss in the frequency domain: the mean squared difference of magnitudes of any equal shape."""
    return (estimates - references).square().mean()


def weighted_sdr(estimates: Tensor, references: Tensor, mixture: Tensor) -> Tensor:
    """The weighted SDR loss, −1 at best: −α·cos(s, ŝ) − (1−α)·cos(x−s, x−ŝ), α the source's share of the energy.

    Choi et al. (2019), Phase-aware speech enhancement with deep complex U-Net, arXiv:1903.03107, eqs 7–8. The mean over
    all signals. estimates, references: (…, samples); mixture: of a shape that broadcasts to it.
    """
    rest, rest_found = mixture - references, mixture - estimates
    energy, rest_energy = references.square().sum(-1), rest.square().sum(-1)
    share = energy / (energy + rest_energy + EPSILON)
    found = share * _cosine(references, estimates) + (1.0 - share) * _cosine(rest, rest_found)
    return -found.mean()


def multi_domain(
    magnitudes: Tensor,
    reference_magnitudes: Tensor,
    estimates: Tensor,
    references: Tensor,
    mixture: Tensor,
    time_weight: float = 10.0,
) -> Tensor:
    """X-UMX's loss as SpaIn-Net uses it, without combinations of sources: spectral MSE + 10·(1 + weighted SDR).

    magnitudes: (batch, sources, 2, bins, frames). estimates, references: (batch, sources, 2, samples). mixture: (batch,
    2, samples). Its scale is that of the spectra: on signals of full scale the first summand outweighs the second.
    """
    in_time = 1.0 + weighted_sdr(estimates, references, mixture[:, None])
    return spectral_mse(magnitudes, reference_magnitudes) + time_weight * in_time


def magnitude_l1(magnitudes: Tensor, references: Tensor, weights: Sequence[float]) -> Tensor:
    """The U-Net report's loss: the mean absolute difference of magnitudes, each source's times its weight, summed.

    magnitudes, references: (batch, sources, bins, frames).
    """
    each = (magnitudes - references).abs().mean((0, 2, 3))
    return (each * each.new_tensor(list(weights))).sum()


def phase_aware(estimates: Tensor, references: Tensor, phase_weight: float = 1.0) -> Tensor:
    """The squared error of complex spectra of any equal shape, what is due to phase weighted.

    |Ŝ − S|² = (|Ŝ| − |S|)² + 2(|Ŝ||S| − Re(Ŝ S*)): the second summand is 2|Ŝ||S|(1 − cos of the difference in phase).
    phase_weight: of the second; 1 is the squared error itself, 0 that of the magnitudes.
    """
    difference = (estimates - references).abs().square()
    magnitudes = (estimates.abs() - references.abs()).square()
    return (phase_weight * difference + (1.0 - phase_weight) * magnitudes).mean()


def _cosine(first: Tensor, second: Tensor) -> Tensor:
    """The cosine of signals (…, samples); 0 where one of them is silent."""
    lengths = (EPSILON + first.square().sum(-1)).sqrt() * (EPSILON + second.square().sum(-1)).sqrt()
    return (first * second).sum(-1) / (lengths + EPSILON)
