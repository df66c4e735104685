"""CrossNet-Open-Unmix (X-UMX), the baseline of SpaIn-Net (its D0) and the body of its models.

Sawata, Uhlich, Takahashi & Mitsufuji (2021), All for one and one for all: improving music separation by bridging
networks, arXiv:2010.04228, with the settings of Petermann & Kim (2022), arXiv:2202.07523, sec. 2.1: the multi-domain
loss, no combinations of sources. A stereo model: it has a mask for each channel, so that images are its to keep.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from soundstage_training.losses import multi_domain
from soundstage_training.models.checks import check_range, check_sources
from soundstage_training.models.stft import Stft

LEAST_DEVIATION = 1e-4
"""Of the largest bin's: what is more even is not blown up."""


class Xumx(nn.Module):
    """A network for each source, bridged twice by the mean over all of them."""

    name: ClassVar[str] = "xumx"
    told_azimuths: ClassVar[bool] = False

    def __init__(
        self,
        sources: Sequence[str] = ("guitar", "strings", "bass", "piano"),
        rate: int = 44100,
        n_fft: int = 4096,
        hop: int = 1024,
        bandwidth: float = 16000.0,
        hidden: int = 512,
        layers: int = 3,
        dropout: float = 0.4,
        time_weight: float = 10.0,
    ) -> None:
        """bandwidth: Hz up to which the mixture is looked at; masks are for all bins. hidden: features of a frame; each
        direction of the LSTM has half. layers, dropout: of the LSTM. time_weight: of the loss in the time domain.
        """
        super().__init__()
        self.sources, self.rate = check_sources(sources), rate
        check_range("rate", rate, 1)
        check_range("bandwidth", bandwidth, 1)
        check_range("hidden", hidden, 2)
        check_range("layers", layers, 1)
        check_range("dropout", dropout, 0, 1)
        check_range("time_weight", time_weight, 0)
        self.config: dict[str, Any] = {
            "sources": list(self.sources),
            "rate": rate,
            "n_fft": n_fft,
            "hop": hop,
            "bandwidth": bandwidth,
            "hidden": hidden,
            "layers": layers,
            "dropout": dropout,
            "time_weight": time_weight,
        }
        self.time_weight = time_weight
        self.stft, self.granule = Stft(n_fft, hop), hop
        self.inside = min(self.stft.bins, int(bandwidth * n_fft / rate) + 1)
        extra = self._extra_inputs()
        self.streams = nn.ModuleList(
            Stream(self.inside, extra, self.stft.bins, hidden, layers, dropout) for _ in self.sources
        )

    def _extra_inputs(self) -> int:
        """Numbers that every stream is given beside the spectrum."""
        return 0

    def conditioned(self, frames: Tensor, azimuths: Tensor | None, source: int) -> Tensor:
        """What a source's first layer is given: of X-UMX the scaled spectrum itself, (batch, frames, 2 · inside)."""
        return frames

    def masks(self, magnitude: Tensor, azimuths: Tensor | None = None) -> Tensor:
        """Masks (batch, sources, 2, bins, frames), 0 or more, of magnitudes (batch, 2, bins, frames)."""
        heard = magnitude[:, :, : self.inside].permute(0, 3, 1, 2)  # (batch, frames, 2, inside)
        encoded = [
            stream.encoded(self.conditioned(stream.scaled(heard).flatten(2), azimuths, index))
            for index, stream in enumerate(self.streams)
        ]
        bridge = torch.stack(encoded).mean(0)  # the first: (batch, frames, hidden)
        # The second, after skip connections around the LSTMs: (batch, frames, 2 · hidden)
        second = torch.stack(
            [torch.cat([own, stream.recurrent(bridge)], -1) for own, stream in zip(encoded, self.streams, strict=True)]
        ).mean(0)
        return torch.stack([stream.mask(second) for stream in self.streams], 1).permute(0, 1, 3, 4, 2)

    def forward(self, mixture: Tensor, azimuths: Tensor | None = None) -> Tensor:
        """Images (batch, sources, 2, samples) of mixtures (batch, 2, samples)."""
        return self._images(mixture, azimuths)[0]

    def losses(self, mixture: Tensor, references: Tensor, azimuths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The multi-domain loss, spectral MSE + 10·(1 + weighted SDR), and the images (batch, sources, 2, samples)."""
        images, magnitudes = self._images(mixture, azimuths)
        wanted = self.stft(references).abs()
        return multi_domain(magnitudes, wanted, images, references, mixture, self.time_weight), images

    def measure(self, mixtures: Iterable[Tensor]) -> None:
        """Set every stream's input to mean 0 and deviation 1 a bin, over all frames of mixtures (2, samples) as mono.

        The deviation is taken for no less than a ten-thousandth of the largest bin's.
        """
        count, total, squares = 0, torch.zeros(self.inside, dtype=torch.float64), torch.zeros(self.inside).double()
        for mixture in mixtures:
            found = self.stft(mixture.to(self.stft.window.device)).abs().mean(0)[: self.inside].double().cpu()
            count += found.shape[-1]
            total += found.sum(-1)
            squares += found.square().sum(-1)
        mean = total / max(count, 1)
        deviation = (squares / max(count, 1) - mean.square()).clamp_min(0.0).sqrt()
        deviation = deviation.maximum(LEAST_DEVIATION * deviation.max())
        if not deviation.max():  # silence, or no mixture at all
            return
        with torch.no_grad():
            for stream in self.streams:
                stream.input_mean.copy_(-mean)
                stream.input_scale.copy_(1.0 / deviation)

    def _images(self, mixture: Tensor, azimuths: Tensor | None) -> tuple[Tensor, Tensor]:
        """The images, and their magnitudes (batch, sources, 2, bins, frames)."""
        spectrum = self.stft(mixture)
        magnitude = spectrum.abs()
        masks = self.masks(magnitude, azimuths)
        images = self.stft.inverse(masks * spectrum[:, None], mixture.shape[-1])
        return images, masks * magnitude[:, None]


class Stream(nn.Module):
    """One source's Open-Unmix: both channels' spectrum → `hidden` features → LSTM → a mask for each channel."""

    def __init__(self, inside: int, extra: int, bins: int, hidden: int, layers: int, dropout: float) -> None:
        """inside: bins of a channel that are looked at. extra: inputs beside both channels' bins. bins: of a mask."""
        super().__init__()
        directions = 2
        self.input_mean = nn.Parameter(torch.zeros(inside))
        self.input_scale = nn.Parameter(torch.ones(inside))
        self.encoder = nn.Sequential(nn.Linear(2 * inside + extra, hidden, bias=False), nn.BatchNorm1d(hidden))
        self.lstm = nn.LSTM(
            hidden,
            hidden // directions,
            num_layers=layers,
            bidirectional=True,
            batch_first=True,
            dropout=dropout if layers > 1 else 0.0,
        )
        self.decoder = nn.Sequential(
            nn.Linear(hidden + directions * (hidden // directions), hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, 2 * bins, bias=False),
            nn.BatchNorm1d(2 * bins),
        )
        self.output_scale = nn.Parameter(torch.ones(bins))
        self.output_mean = nn.Parameter(torch.ones(bins))

    def scaled(self, frames: Tensor) -> Tensor:
        """(batch, frames, 2, inside), shifted and scaled bin by bin."""
        return (frames + self.input_mean) * self.input_scale

    def encoded(self, frames: Tensor) -> Tensor:
        """(batch, frames, 2 · inside + extra) → (batch, frames, hidden), within ±1."""
        return torch.tanh(self.encoder(frames.flatten(0, 1))).unflatten(0, frames.shape[:2])

    def recurrent(self, bridge: Tensor) -> Tensor:
        """(batch, frames, hidden) → the same, both directions side by side."""
        found: Tensor = self.lstm(bridge)[0]
        return found

    def mask(self, bridge: Tensor) -> Tensor:
        """(batch, frames, 2 · hidden) → (batch, frames, 2, bins), 0 or more."""
        found = self.decoder(bridge.flatten(0, 1)).unflatten(0, bridge.shape[:2]).unflatten(-1, (2, -1))
        return torch.relu(found.float() * self.output_scale + self.output_mean)
