"""The Multi-Channel U-Net for vocals and accompaniment.

T. Sabag, Stereo Source Separation, student report, March 2025 ("the report"), after Kadandale, Montesinos, Haro & Gómez
(2020), Multi-channel U-Net for music source separation, arXiv:2003.10414. One U-Net over the log-magnitude of the mono
mixture gives both masks at once.

What the report leaves open is decided here: the blocks' channels double from `width` up to `widest`, as in the U-Net
of Jansson et al. (2017); the logarithm is log(1 + magnitude); L1 is a mean over bins. It names a window of 512 samples
and a hop of 512, from which no signal can be had back: the window here is as long as its transform of 1024.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from soundstage.errors import SoundstageError
from soundstage_training.losses import magnitude_l1
from soundstage_training.models.checks import check_range, check_sources
from soundstage_training.models.stft import Stft


class MultiChannelUNet(nn.Module):
    """Two masks of one U-Net; a mono model, whose masks act on both channels of the mixture unless told otherwise."""

    name: ClassVar[str] = "munet"
    told_azimuths: ClassVar[bool] = False

    def __init__(
        self,
        sources: Sequence[str] = ("vocals", "accompaniment"),
        rate: int = 44100,
        n_fft: int = 1024,
        hop: int = 512,
        window: int | None = None,
        depth: int = 8,
        kernel: int = 5,
        width: int = 16,
        widest: int = 512,
        sigmoid: bool = True,
        vocal_weight: float = 0.5,
        classification: float = 0.0,
        channels: Literal["both", "mono"] = "both",
    ) -> None:
        """sources: two; `vocal_weight` is the first one's. depth: blocks down, and as many up; the report tries 2, 4,
        6, 8, 10. kernel: odd; the report tries 3 to 11. width, widest: channels of the first block, and the most.
        sigmoid: whether a gate bounds the masks to (0, 1); without it they are any numbers. vocal_weight: of the first
        source in the loss, 1 less it is the other's; the report tries 0.1 to 0.9. classification: the weight in the
        loss of the branch that tells which source a spectrogram is of; 0 for no branch. channels: `both`, masks act on
        each channel of the mixture; `mono`, on its mean, and both channels of an estimate are alike, as in the report.
        """
        super().__init__()
        self.sources, self.rate = check_sources(sources), rate
        if len(self.sources) != 2:
            raise SoundstageError(f"sources={', '.join(self.sources)}: the multi-channel U-Net has two masks")
        if kernel % 2 == 0:
            raise SoundstageError(f"kernel={kernel}: must be odd, so that a block has a middle")
        check_range("rate", rate, 1)
        check_range("depth", depth, 1, 10)
        check_range("kernel", kernel, 1)
        check_range("width", width, 1)
        check_range("widest", widest, width)
        check_range("vocal_weight", vocal_weight, 0, 1)
        check_range("classification", classification, 0)
        if channels not in ("both", "mono"):
            raise SoundstageError(f"channels={channels!r}: must be both or mono")
        self.config: dict[str, Any] = {
            "sources": list(self.sources),
            "rate": rate,
            "n_fft": n_fft,
            "hop": hop,
            "window": window,
            "depth": depth,
            "kernel": kernel,
            "width": width,
            "widest": widest,
            "sigmoid": sigmoid,
            "vocal_weight": vocal_weight,
            "classification": classification,
            "channels": channels,
        }
        self.channels: Literal["both", "mono"] = channels
        self.sigmoid, self.vocal_weight, self.classification = sigmoid, vocal_weight, classification
        self.stft, self.granule = Stft(n_fft, hop, window), hop * 2**depth
        sizes = [min(width * 2**level, widest) for level in range(depth)]
        self.down = nn.ModuleList(_down(size, wide, kernel) for size, wide in zip([1, *sizes], sizes, strict=False))
        self.bottleneck = _block(nn.Conv2d(sizes[-1], sizes[-1], kernel, padding=kernel // 2), sizes[-1])
        # Each takes what comes from below beside the skip connection of its own level.
        outs = [*sizes[:-1][::-1], width]
        self.up = nn.ModuleList(_Up(2 * size, out, kernel) for size, out in zip(sizes[::-1], outs, strict=True))
        self.head = nn.Conv2d(width, 2, 1)
        self.classifier = nn.Linear(sizes[-1], 2) if classification else None

    def encoded(self, magnitude: Tensor) -> list[Tensor]:
        """What every block down makes of magnitudes (batch, bins, frames), and last what the bottleneck does."""
        found = [torch.log1p(magnitude)[:, None]]
        for block in self.down:
            found.append(block(found[-1]))
        return [*found, self.bottleneck(found[-1])]

    def masks(self, magnitude: Tensor) -> Tensor:
        """Masks (batch, 2, bins, frames) of the mono mixture's magnitudes (batch, bins, frames)."""
        *levels, below = self.encoded(magnitude)
        for block, skip, goal in zip(self.up, levels[:0:-1], levels[-2::-1], strict=True):
            below = block(torch.cat([below, skip], 1), goal.shape[-2:])
        found = self.head(below).float()
        return torch.sigmoid(found) if self.sigmoid else found

    def forward(self, mixture: Tensor, azimuths: Tensor | None = None) -> Tensor:
        """Images (batch, 2 sources, 2, samples) of mixtures (batch, 2, samples)."""
        return self._images(self._masks_of(mixture)[0], mixture)

    def losses(self, mixture: Tensor, references: Tensor, azimuths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """L1 of the masked mono magnitudes, weighted, and the branch's cross-entropy where there is a branch.

        mixture (batch, 2, samples), references (batch, 2 sources, 2, samples). Returns the loss and the images.
        """
        masks, magnitude = self._masks_of(mixture)
        wanted = self.stft(references.mean(-2)).abs()
        weights = (self.vocal_weight, 1.0 - self.vocal_weight)
        loss = magnitude_l1(masks * magnitude[:, None], wanted, weights)
        if self.classifier is not None:
            loss = loss + self.classification * self.classification_loss(wanted)
        return loss, self._images(masks, mixture)

    def classification_loss(self, magnitudes: Tensor) -> Tensor:
        """The cross-entropy of telling the sources' own magnitudes (batch, 2 sources, bins, frames) apart."""
        scores = self.scores(magnitudes.flatten(0, 1))
        labels = torch.arange(2, device=scores.device).repeat(len(magnitudes))
        return nn.functional.cross_entropy(scores, labels)

    def scores(self, magnitude: Tensor) -> Tensor:
        """The branch: two neurons on the bottleneck's mean over bins and frames; (batch, 2), before the softmax.

        magnitude: (batch, bins, frames) of single sources.
        """
        assert self.classifier is not None
        found: Tensor = self.classifier(self.encoded(magnitude)[-1].mean((-2, -1)))
        return found.float()

    def _masks_of(self, mixture: Tensor) -> tuple[Tensor, Tensor]:
        magnitude = self.stft(mixture.mean(1)).abs()
        return self.masks(magnitude), magnitude

    def _images(self, masks: Tensor, mixture: Tensor) -> Tensor:
        if self.channels == "mono":
            mixture = mixture.mean(1, keepdim=True).expand(-1, 2, -1)
        spectrum = self.stft(mixture)
        return self.stft.inverse(masks[:, :, None] * spectrum[:, None], mixture.shape[-1])


def _block(convolution: nn.Module, out: int) -> nn.Sequential:
    """A convolution, batch normalisation and ReLU."""
    return nn.Sequential(convolution, nn.BatchNorm2d(out), nn.ReLU())


def _down(size: int, out: int, kernel: int) -> nn.Sequential:
    """(batch, size, bins, frames) → (batch, out, ⌈bins / 2⌉, ⌈frames / 2⌉)."""
    return _block(nn.Conv2d(size, out, kernel, stride=2, padding=kernel // 2), out)


class _Up(nn.Module):
    """A block up: (batch, size, bins, frames) → (batch, out, …) of the shape that its level had on the way down."""

    def __init__(self, size: int, out: int, kernel: int) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(size, out, kernel, stride=2, padding=kernel // 2)
        self.rest = nn.Sequential(nn.BatchNorm2d(out), nn.ReLU())

    def forward(self, below: Tensor, shape: Sequence[int]) -> Tensor:
        found: Tensor = self.rest(self.convolution(below, output_size=list(shape)))
        return found
