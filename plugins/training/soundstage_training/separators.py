"""Trained models as separators: a checkpoint's, applied to songs of any length in parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from soundstage.errors import SoundstageError, meant
from soundstage_separators.torch_models import chosen, facts, repeatable
from soundstage_training import checkpoint as checkpoints

if TYPE_CHECKING:
    from soundstage.audio import Samples
    from soundstage.contracts import CellName, Need
    from soundstage.scene import Placement

CONTEXT_S = 3.0
"""Seconds on both sides of a part that the model hears and whose estimates are thrown away."""


class Trained:
    """What the four share. Songs longer than `chunk` are separated in equal parts, each heard with some context."""

    revision = 1
    out_of_address = ("device",)
    model: ClassVar[str]
    sources: Sequence[str] | None = None
    rate: int | None = None

    def __init__(
        self, checkpoint: Path, chunk: float | None = 30.0, half: bool = False, device: str | None = None
    ) -> None:
        """checkpoint: the folder that training wrote. chunk: seconds separated at a time, about, with 3 s or more on
        either side that are thrown away; none for the whole song at once, however long. half: mixed half precision.
        device: overrides the run's. Raises SoundstageError where a value makes no sense.
        """
        if chunk is not None and chunk < 1:
            raise SoundstageError(f"chunk={chunk:g}: must be 1 second or more, or none")
        self._folder, self._chunk, self._half, self._own_device = Path(checkpoint), chunk, half, device
        self._model: Any = None
        self._device: Any = None
        self.details: dict[str, Any] = {}

    @property
    def trained_on(self) -> tuple[str, ...] | None:
        """What the model learnt from, in the words of `soundstage.heard`, as its checkpoint says; None: it does not."""
        try:
            stated = self._described().get("trained_on")
        except SoundstageError:  # said by `files` and `load`, which need it
            return None
        return tuple(stated) if isinstance(stated, list) else None

    def files(self, cell: CellName | None = None) -> list[Path]:
        """The weights and their description. Raises NotInstalled where they are not there."""
        self._described()
        return [self._folder / checkpoints.DESCRIPTION, self._folder / checkpoints.WEIGHTS]

    def load(self, device: str) -> None:
        """Load the checkpoint. Raises NotInstalled or SoundstageError where it cannot be used, and says which."""
        self._described()
        self._device = chosen(self._own_device or device)
        model, about = checkpoints.load(self._folder)
        self._model = model.to(self._device)
        self.sources, self.rate = model.sources, model.rate
        self.details = {**facts(self._device, self._half), "config": about["config"]}
        self.details |= {key: about[key] for key in ("training", "data") if key in about}

    def _described(self) -> dict[str, Any]:
        about = checkpoints.describe(self._folder)
        if about["model"] != self.model:
            raise SoundstageError(
                f"{self._folder} is a checkpoint of {about['model']}, not of {self.model}; write"
                f" {about['model']}[checkpoint={self._folder}]"
            )
        return about

    def _separated(self, mixture: Samples, rate: int, azimuths: Sequence[float] | None) -> dict[str, Samples]:
        """azimuths: of the model's sources, in degrees."""
        import numpy as np
        import torch

        length = mixture.shape[1]
        images = np.empty((len(self._model.sources), 2, length))
        told = None if azimuths is None else torch.tensor([list(azimuths)], device=self._device, dtype=torch.float32)
        parts = list(self._parts(length, rate))
        self.details["chunks"] = len(parts)
        with repeatable(self._device, self._half):
            for start, stop, left, right in parts:
                heard = torch.from_numpy(mixture[None, :, left:right].astype(np.float32)).to(self._device)
                found = self._model(heard, told)[0, :, :, start - left : stop - left]
                images[:, :, start:stop] = found.float().cpu().numpy()
        return dict(zip(self._model.sources, images, strict=True))

    def _parts(self, length: int, rate: int) -> Iterator[tuple[int, int, int, int]]:
        """Where each part starts and stops, and from where to where it is heard; all start at whole granules."""
        granule = self._model.granule
        count = 1 if self._chunk is None else max(1, -(-length // int(self._chunk * rate)))
        step = max(1, -(-length // (count * granule))) * granule
        context = -(-int(CONTEXT_S * rate) // granule) * granule
        for start in range(0, length, step):
            stop = min(start + step, length)
            yield start, stop, max(0, start - context), min(length, stop + context)


class Blind(Trained):
    """A model that is told nothing but the mixture."""

    def separate(self, mixture: Samples, rate: int) -> dict[str, Samples]:
        """The estimate (2, samples) of every source of the model, from a mixture of shape (2, samples) at its rate."""
        return self._separated(mixture, rate, None)


class Xumx(Blind):
    """X-UMX, one of its own checkpoints."""

    model = "xumx"


class SpainNet(Trained):
    """SpaIn-Net, which is told where the sources sit."""

    model = "spainnet"
    needs: tuple[Need, ...] = ("placement",)

    def __init__(
        self,
        checkpoint: Path,
        angles: Literal["told", "swapped", "same"] = "told",
        chunk: float | None = 30.0,
        half: bool = False,
        device: str | None = None,
    ) -> None:
        """angles: `told`, each source's as the placement has it told; `swapped`, each that of its neighbour in the
        model's order, pair by pair; `same`, 0 for all: does it listen to the angles at all? checkpoint, chunk, half,
        device: as for the others.
        """
        super().__init__(checkpoint, chunk, half, device)
        self._angles = angles

    def separate(self, mixture: Samples, rate: int, *, placement: Placement | None) -> dict[str, Samples]:
        """The estimate (2, samples) of every source of the model, from a mixture of shape (2, samples) at its rate.

        Raises SoundstageError where nothing is placed, or not every source that it has to be told of.
        """
        azimuths = [self._azimuth(source, placement) for source in self._model.sources]
        if self._angles == "swapped":
            azimuths = [azimuths[index] for index in swapped(len(azimuths))]
        if self._angles == "same":
            azimuths = [0.0] * len(azimuths)
        return self._separated(mixture, rate, azimuths)

    def _azimuth(self, source: str, placement: Placement | None) -> float:
        if placement is None:
            raise SoundstageError(
                "it has to be told where the sources sit, and this scene places none; use a spatializer that does"
            )
        known = meant(source, placement.azimuths)
        if known is None:
            raise SoundstageError(
                f"it has to be told where {', '.join(self._model.sources)} sit, and the scene has no '{source}' but"
                f" {', '.join(placement.azimuths)}; use a checkpoint that was trained on these sources"
            )
        return placement.panning_angle(known)


def swapped(count: int) -> list[int]:
    """Whose angle each of `count` sources is told: its neighbour's, pair by pair; of an odd number the last three's go
    round. Raises SoundstageError where there is no other.
    """
    if count < 2:
        raise SoundstageError("angles=swapped: the model has one source, and none to swap its angle with")
    order = [index ^ 1 for index in range(count - count % 2)]
    if count % 2:
        order = [*order[:-1], count - 1, order[-1]]
    return order


class Munet(Blind):
    """The Multi-Channel U-Net: a mono model."""

    model = "munet"

    def __init__(
        self,
        checkpoint: Path,
        channels: Literal["both", "mono"] = "both",
        chunk: float | None = 30.0,
        half: bool = False,
        device: str | None = None,
    ) -> None:
        """channels: `both`, its masks act on each channel of the mixture; `mono`, on their mean, as in the report.

        checkpoint, chunk, half, device: as for the others.
        """
        super().__init__(checkpoint, chunk, half, device)
        self._channels = channels

    def load(self, device: str) -> None:
        """Load the checkpoint. Raises NotInstalled or SoundstageError where it cannot be used, and says which."""
        super().load(device)
        self._model.channels = self._channels


class Dprnn(Blind):
    """The time-frequency DPRNN, one of its own checkpoints; in shorter parts, for it takes about 350 MB a second."""

    model = "dprnn"

    def __init__(
        self, checkpoint: Path, chunk: float | None = 6.0, half: bool = False, device: str | None = None
    ) -> None:
        """checkpoint, chunk, half, device: as for the others."""
        super().__init__(checkpoint, chunk, half, device)
