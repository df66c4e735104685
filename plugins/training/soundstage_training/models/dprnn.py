"""The dual-path RNN over the time-frequency plane, for vocals and accompaniment.

A student poster (MUSDB18-HQ, beside UMXHQ) after Luo, Chen & Yoshioka (2020), Dual-path RNN: efficient long sequence
modeling for time-domain single-channel speech separation, arXiv:1910.06379, whose chunks become the plane itself: the
intra-chunk RNN runs over the bins of a frame, the inter-chunk RNN over the frames of a bin. The blocks are as there.

The poster prints neither sizes nor its phase-aware loss. Decided here: the input is the real and imaginary parts of
both channels; masks are real, one for each channel, and those of all sources sum to 1; the loss is the squared error of
complex spectra, what is due to phase weighted. A stereo model: each channel has its mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from soundstage_training.losses import phase_aware
from soundstage_training.models.checks import check_range, check_sources
from soundstage_training.models.stft import Stft

EPSILON = 1e-8


class Dprnn(nn.Module):
    """Masks by dual-path blocks between two convolutions of single bins."""

    name: ClassVar[str] = "dprnn"
    told_azimuths: ClassVar[bool] = False

    def __init__(
        self,
        sources: Sequence[str] = ("vocals", "accompaniment"),
        rate: int = 44100,
        n_fft: int = 2048,
        hop: int = 512,
        features: int = 64,
        hidden: int = 128,
        blocks: int = 6,
        phase_weight: float = 1.0,
    ) -> None:
        """features: of a bin between blocks. hidden: of each direction of an RNN. blocks: six in the DPRNN paper.
        phase_weight: in the loss, of what is due to phase; 0 for magnitudes alone.
        """
        super().__init__()
        self.sources, self.rate = check_sources(sources), rate
        check_range("rate", rate, 1)
        check_range("features", features, 1)
        check_range("hidden", hidden, 1)
        check_range("blocks", blocks, 1)
        check_range("phase_weight", phase_weight, 0)
        self.config: dict[str, Any] = {
            "sources": list(self.sources),
            "rate": rate,
            "n_fft": n_fft,
            "hop": hop,
            "features": features,
            "hidden": hidden,
            "blocks": blocks,
            "phase_weight": phase_weight,
        }
        self.phase_weight = phase_weight
        self.stft, self.granule = Stft(n_fft, hop), hop
        self.encoder = nn.Sequential(GlobalLayerNorm(4), nn.Conv2d(4, features, 1))
        self.blocks = nn.Sequential(*(DualPathBlock(features, hidden) for _ in range(blocks)))
        self.head = nn.Sequential(nn.PReLU(), nn.Conv2d(features, 2 * len(self.sources), 1))

    def masks(self, spectrum: Tensor) -> Tensor:
        """Masks (batch, sources, 2, bins, frames) that sum to 1 over the sources.

        spectrum: (batch, 2, bins, frames), complex.
        """
        parts = torch.view_as_real(spectrum).permute(0, 1, 4, 2, 3).flatten(1, 2)  # (batch, 4, bins, frames)
        found = self.head(self.blocks(self.encoder(parts)))
        return torch.softmax(found.float().unflatten(1, (len(self.sources), 2)), 1)

    def forward(self, mixture: Tensor, azimuths: Tensor | None = None) -> Tensor:
        """Images (batch, sources, 2, samples) of mixtures (batch, 2, samples); their sum is the mixture."""
        return self.stft.inverse(self._spectra(mixture), mixture.shape[-1])

    def losses(self, mixture: Tensor, references: Tensor, azimuths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The phase-aware loss, and the images (batch, sources, 2, samples)."""
        spectra = self._spectra(mixture)
        loss = phase_aware(spectra, self.stft(references), self.phase_weight)
        return loss, self.stft.inverse(spectra, mixture.shape[-1])

    def _spectra(self, mixture: Tensor) -> Tensor:
        spectrum = self.stft(mixture)
        return self.masks(spectrum) * spectrum[:, None]


class DualPathBlock(nn.Module):
    """(batch, features, bins, frames) → the same: an RNN over bins and one over frames, each with a skip connection."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.intra = Path(features, hidden)
        self.inter = Path(features, hidden)

    def forward(self, plane: Tensor) -> Tensor:
        """(batch, features, bins, frames) → the same."""
        over_bins = self.intra(plane.permute(0, 3, 2, 1)).permute(0, 3, 2, 1)
        plane = plane + over_bins
        over_frames = self.inter(plane.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return plane + over_frames


class Path(nn.Module):
    """A bidirectional LSTM along one axis of the plane, back to as many features, and normalised."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(features, hidden, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * hidden, features)
        self.norm = GlobalLayerNorm(features)

    def forward(self, lines: Tensor) -> Tensor:
        """(batch, lines, steps, features) → the same."""
        found = self.linear(self.rnn(lines.flatten(0, 1))[0]).unflatten(0, lines.shape[:2])
        normed: Tensor = self.norm(found.movedim(-1, 1)).movedim(1, -1)
        return normed


class GlobalLayerNorm(nn.Module):
    """Mean 0 and deviation 1 over all features, bins and frames of an example, then a gain and a bias a feature."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, plane: Tensor) -> Tensor:
        """(batch, features, …) → the same."""
        axes = tuple(range(1, plane.ndim))
        plane = plane.float()  # half precision has no squares so small
        centred = plane - plane.mean(axes, keepdim=True)
        normed = centred / (centred.square().mean(axes, keepdim=True) + EPSILON).sqrt()
        shape = (-1, *(1 for _ in axes[1:]))
        return normed * self.gain.view(shape) + self.bias.view(shape)
