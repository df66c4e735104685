"""Examples by the batch, mixed in this process or in several beside it, in an order that nobody's number changes."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from soundstage.errors import SoundstageError

if TYPE_CHECKING:
    from soundstage_training.verb.mixing import Mixer
    from soundstage_training.verb.settings import Settings

AHEAD = 4
"""Parts of batches that each process keeps ready."""


@dataclass(frozen=True, slots=True)
class Share:
    """Which examples of a step one of several devices takes: every so manieth, in as many parts as are accumulated."""

    settings: Settings
    device: int = 0
    devices: int = 1

    def __post_init__(self) -> None:
        parts = self.devices * self.settings.accumulate
        if self.settings.batch % parts:
            raise SoundstageError(
                f"a batch of {self.settings.batch} cannot be shared by {self.devices} devices in"
                f" {self.settings.accumulate} parts each; give --batch a multiple of {parts}"
            )

    def parts(self, step: int) -> Iterator[list[tuple[int, int]]]:
        """The numbers (step, example) of each part."""
        own = range(self.device, self.settings.batch, self.devices)
        size = len(own) // self.settings.accumulate
        for first in range(0, len(own), size):
            yield [(step, k) for k in own[first : first + size]]


class _Numbers(Sampler[list[tuple[int, int]]]):
    def __init__(self, share: Share, steps: range) -> None:
        self._share, self._steps = share, steps

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for step in self._steps:
            yield from self._share.parts(step)


class _Examples(Dataset[tuple[Tensor, Tensor, Tensor]]):
    def __init__(self, mixer: Mixer) -> None:
        self._mixer = mixer

    def __getitem__(self, number: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        found = self._mixer.example(*number)
        return tuple(map(torch.from_numpy, (found.mixture, found.references, found.azimuths)))


def parts(
    mixer: Mixer, share: Share, steps: range, workers: int, pinned: bool
) -> Generator[tuple[Tensor, ...], None, None]:
    """Mixtures, references and azimuths of one part after another, of these steps in turn.

    workers: processes that mix; 0 mixes here. pinned: whether the tensors lie in memory from which a GPU copies fast.
    """
    loader: DataLoader[tuple[Tensor, Tensor, Tensor]] = DataLoader(
        _Examples(mixer),
        batch_sampler=_Numbers(share, steps),
        num_workers=workers,
        pin_memory=pinned,
        prefetch_factor=AHEAD if workers else None,
        worker_init_fn=_leave_interrupts,
    )
    yield from loader


def _leave_interrupts(_worker: int) -> None:
    """Ctrl-C is for the process that trains, which lets this one end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
