"""SpaIn-Net: X-UMX that is told where in the panorama each source sits.

D. Petermann, M. Kim (2022), SpaIn-Net: spatially-informed stereophonic music source separation, ICASSP,
arXiv:2202.07523; equation numbers are the paper's. Its variants are D1-CAT, the angle itself beside the spectrum; D16-,
D32- and D64-CAT, the angle's code of that many numbers beside it; DF-CAT, a long code; DF-ADD, a code as long as the
spectrum and added to it; DF-AdaIN, the spectrum brought to the mean and deviation of the code.

Two things are read from the authors' code: the angle joins the spectrum after that was scaled, right before the first
layer; DF's code has 2048 numbers. With ADD it must be as long as what it is added to, which is both channels' bins up
to `bandwidth`, so there it has 2 · 1487. Their code takes a negative angle's absolute value in eq. 2; the equation does
not, and neither does this. A code stands once beside both channels, as in sec. 2.3, not once beside each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor

from soundstage.errors import SoundstageError
from soundstage_training.models.xumx import Xumx

Variant = Literal["D1-CAT", "D16-CAT", "D32-CAT", "D64-CAT", "DF-CAT", "DF-ADD", "DF-AdaIN"]

WIDEST = 45.0
"""Degrees: the panning angle at the end of the panorama, and the base of eqs 1 and 2."""

LONG_CODE = 2048
"""DF: numbers of a code where it may have as many as it likes."""

EPSILON = 1e-8


def positional_code(angles: Tensor, size: int) -> Tensor:
    """The code (…, size) of panning angles (…) in degrees, eq. 1 for those of 0 and more, eq. 2 for those below.

    Eq. 1, P: entries 2i and 2i + 1 are the sine and the cosine of α / 45^(2i/D): the ripples lie at the beginning.
    Eq. 2, N: of α / 45^((D − 2i)/D): they lie at the end.
    """
    index = torch.arange(size, device=angles.device, dtype=torch.float64)
    pair = 2 * (index // 2)
    slower = WIDEST ** (pair / size)
    faster = WIDEST ** ((size - pair) / size)
    angle = angles.double()[..., None]
    phase = torch.where(angle >= 0, angle / slower, angle / faster)
    return torch.where(index % 2 == 0, phase.sin(), phase.cos()).to(torch.float32)


def adaptive_instance_norm(frames: Tensor, code: Tensor) -> Tensor:
    """Eq. 3: every frame brought to the code's mean and deviation; a frame that is all one number to its mean.

    frames: (batch, frames, features). code: (batch, size).
    """
    mean, deviation = frames.mean(-1, keepdim=True), frames.std(-1, keepdim=True, unbiased=False)
    wanted_mean = code.mean(-1)[:, None, None]
    wanted_deviation = code.std(-1, unbiased=False)[:, None, None]
    return wanted_deviation * (frames - mean) / (deviation + EPSILON) + wanted_mean


class SpainNet(Xumx):
    """X-UMX, each source's network told that source's panning angle."""

    name: ClassVar[str] = "spainnet"
    told_azimuths: ClassVar[bool] = True

    def __init__(
        self,
        sources: Sequence[str] = ("guitar", "strings", "bass", "piano"),
        variant: Variant = "D1-CAT",
        rate: int = 44100,
        n_fft: int = 4096,
        hop: int = 1024,
        bandwidth: float = 16000.0,
        hidden: int = 512,
        layers: int = 3,
        dropout: float = 0.4,
        time_weight: float = 10.0,
    ) -> None:
        """variant: how the angle is told, as the paper names it; the rest as X-UMX has it."""
        if variant not in get_args(Variant):
            raise SoundstageError(f"variant={variant!r}: known are {', '.join(get_args(Variant))}")
        size, _, self.joined = variant.partition("-")
        self._size = {"D1": 1, "DF": LONG_CODE}.get(size) or int(size[1:])
        super().__init__(sources, rate, n_fft, hop, bandwidth, hidden, layers, dropout, time_weight)
        self.config["variant"] = variant

    def _extra_inputs(self) -> int:
        return self._size if self.joined == "CAT" else 0

    def code(self, angles: Tensor) -> Tensor:
        """What stands for angles (batch,): themselves where D is 1, else their codes; (batch, D)."""
        if self._size == 1:
            return angles.to(torch.float32)[:, None]
        return positional_code(angles, 2 * self.inside if self.joined == "ADD" else self._size)

    def conditioned(self, frames: Tensor, azimuths: Tensor | None, source: int) -> Tensor:
        """The scaled spectrum (batch, frames, 2 · inside) joined with the code of the source's angle (sec. 2.3)."""
        if azimuths is None:
            raise SoundstageError(
                f"{self.name} has to be told where {', '.join(self.sources)} sit; give their azimuths"
            )
        code = self.code(azimuths[:, source])
        if self.joined == "AdaIN":
            return adaptive_instance_norm(frames, code)
        repeated = code[:, None].expand(-1, frames.shape[1], -1)
        return frames + repeated if self.joined == "ADD" else torch.cat([frames, repeated], -1)
