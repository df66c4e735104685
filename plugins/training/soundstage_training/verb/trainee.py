"""What is trained: a model together with the losses that it is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from soundstage_training.spatial import ild_loss, itd_loss

CUES = {"itd": itd_loss, "ild": ild_loss}
"""The losses that keep the image, by name: of references, estimates and rate."""


class Trainee(nn.Module):
    """A model with its loss, as one module: what is spread over devices and run in mixed precision."""

    def __init__(self, model: Any, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.model, self._weights = model, dict(weights)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the losses that `forward` returns besides their weighted sum."""
        return ("own", *self._weights)

    def forward(self, mixture: Tensor, references: Tensor, azimuths: Tensor | None) -> tuple[Tensor, Tensor]:
        """The loss to be minimised, and each loss by itself, (losses,)."""
        own, estimates = self.model.losses(mixture, references, azimuths)
        values = [own.float()]
        with torch.autocast(mixture.device.type, enabled=False):
            for name in self._weights:
                values.append(CUES[name](references, estimates.float(), self.model.rate))
        total = values[0]
        for value, weight in zip(values[1:], self._weights.values(), strict=True):
            total = total + weight * value
        return total, torch.stack([value.detach() for value in values])
