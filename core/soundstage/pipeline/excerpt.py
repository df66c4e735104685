"""A part of a track: which samples it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from soundstage.audio import Samples
from soundstage.draw import Draw
from soundstage.errors import SoundstageError

Where = Literal["start", "random", "loudest", "chunks"]


MOST_CHUNKS = 20_000
"""Chunks of a track; lengths come from headers, which may claim anything."""

BLOCK_S = 30.0
"""Seconds read at a time when the loudest excerpt is looked for."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The part of each track that a grid uses.

    A track shorter than `seconds` is used whole.
    """

    seconds: float
    """How long it is."""

    where: Where
    """`start`; `random`, from a place that is drawn; `loudest`, the window with the most energy in the sum of the stems
    among those that begin at a whole second, the earliest of equals; or `chunks`, the whole track cut into consecutive
    parts, each a track of its own, and what is left at the end too if it is at least half as long."""

    seed: int = 0
    """Of the chance that draws the place."""

    @property
    def parts(self) -> dict[str, Any]:
        """What an address holds of it."""
        return {"seconds": self.seconds, "where": self.where, **({"seed": self.seed} if self.where == "random" else {})}

    def chunks(self, rate: int, samples: int) -> list[tuple[int, int]]:
        """The first sample of each chunk and the one behind its last.

        Raises SoundstageError where they would be more than MOST_CHUNKS.
        """
        size = self._size(rate, samples)
        if samples > MOST_CHUNKS * size:
            raise SoundstageError(
                f"{samples} samples at {rate} Hz make more than {MOST_CHUNKS} chunks of {self.seconds:g} s; give more"
                " seconds, or look whether the song's length is right"
            )
        starts = range(0, max(samples, 1), size)
        found = [(start, min(start + size, samples)) for start in starts]
        if len(found) > 1 and 2 * (found[-1][1] - found[-1][0]) < size:
            found.pop()
        return found

    def window(
        self, dataset: str, track: str, rate: int, samples: int, read: Callable[[int, int], Mapping[str, Samples]]
    ) -> tuple[int, int]:
        """The first sample of the excerpt and the one behind its last; not for chunks.

        read: gives the stems' samples from one sample to before another; asked only where the loudest is wanted.
        """
        size = self._size(rate, samples)
        start = 0
        if self.where == "random":
            start = int(Draw(self.seed, dataset, track, "").uniform("where its excerpt begins", 0, samples - size + 1))
        elif self.where == "loudest" and size < samples:
            # A window is so many whole seconds and the beginning, perhaps empty, of one more.
            whole, rest = divmod(size, rate)
            heads, seconds = np.array(list(_energies(rate, samples, rest, read))).T
            count = (samples - size) // rate + 1
            sums = heads[whole : whole + count] if rest else np.zeros(count)
            if whole:
                sums = sums + np.lib.stride_tricks.sliding_window_view(seconds, whole)[:count].sum(axis=1)
            start = int(np.argmax(sums)) * rate
        return start, start + size

    def _size(self, rate: int, samples: int) -> int:
        """How many of a track's samples it is."""
        return max(1, round(min(self.seconds * rate, samples)))


def _energies(
    rate: int, samples: int, head: int, read: Callable[[int, int], Mapping[str, Samples]]
) -> Iterator[tuple[float, float]]:
    """The energy of the sum of the stems in the first `head` samples of each second, and in the second, perhaps short.

    The stems are read in blocks, so that memory does not grow with the track.
    """
    block = int(BLOCK_S) * rate
    for begin in range(0, samples, block):
        stems = read(begin, min(begin + block, samples))
        mix = sum(np.broadcast_to(stem, (2, stem.shape[1])) for stem in stems.values())
        power = np.einsum("cn,cn->n", mix, mix)
        for at in range(0, len(power), rate):
            yield float(power[at : at + head].sum()), float(power[at : at + rate].sum())
