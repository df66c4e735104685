"""Whether a song's stems hold one another: a stem that equals another, or the sum of others, is no source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundstage.audio import Samples

TOLERANCE_DB = -60.0
"""How far below a stem's energy what it has apart from the others may lie, beyond what rounding to 16 bits leaves."""

LOSSY_DB = -20.0
"""The same where a stem was coded lossily."""

_STEP = 2.0**-30
"""The energy of one step of 16 bits: what rounding and dither may add to a sample of a file."""

_AUDIBLE = 100.0
"""Times that energy which a stem must have a sample, so that it is more than noise."""

_BLOCK, _EVERY = 2**15, 2**19
"""Samples looked at, and how often, to see whether it is worthwhile to look at all."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """A stem that is the sum of others; of one other, where it equals that."""

    stem: str
    others: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What is wrong, and what to do, of stems that are called so."""
        if len(self.others) == 1:
            return f"'{self.stem}' and '{self.others[0]}' are the same; take one of them away"
        sum_of = ", ".join(f"'{other}'" for other in self.others)
        return (
            f"'{self.stem}' is the sum of {sum_of} and no source of its own; take it away, or rename it mixture where"
            " it is the song's mixture"
        )


class Likenesses:
    """Gathers a song's stems, block by block, and finds what is the sum of what.

    Stems may have one or two channels; a mono one counts as two equal channels.
    """

    def __init__(self, lossy: bool = False) -> None:
        self._ratio = 10.0 ** ((LOSSY_DB if lossy else TOLERANCE_DB) / 10.0)
        self._names: tuple[str, ...] = ()
        self._gram: NDArray[np.float64] = np.zeros((0, 0))
        self._samples = 0

    def add(self, stems: Mapping[str, Samples]) -> None:
        """The next block of every stem."""
        if not self._names:
            self._names, self._gram = tuple(stems), np.zeros((len(stems), len(stems)))
        length = next(iter(stems.values())).shape[1]
        flat = np.empty((len(stems), 2 * _BLOCK))
        for start in range(0, length, _BLOCK):
            size = min(_BLOCK, length - start)
            block = flat[:, : 2 * size]
            for row, stem in zip(block, stems.values(), strict=True):
                row.reshape(2, size)[:] = stem[:, start : start + size]
            self._gram += block @ block.T
        self._samples += 2 * length

    def energies(self) -> dict[str, float]:
        """The energy of each stem."""
        return dict(zip(self._names, np.diagonal(self._gram).tolist(), strict=True))

    def is_audible(self, energy: float) -> bool:
        """Whether a stem of that energy holds more than noise."""
        return energy > _AUDIBLE * self._samples * _STEP

    def found(self) -> list[Likeness]:
        """What is the sum of what. Each stem is looked at once, the quiet ones first: sums are mostly louder."""
        energy = np.diagonal(self._gram)
        apart: list[int] = []
        likenesses = []
        for index in sorted(range(len(energy)), key=lambda one: (energy[one], one)):
            if not self.is_audible(float(energy[index])):
                continue
            weights = self._weights(index, apart)
            if weights is None:
                apart.append(index)
            elif (likeness := self._relation(index, apart, weights)) is not None:
                likenesses.append(likeness)
        return likenesses

    def _weights(self, index: int, apart: Sequence[int]) -> NDArray[np.float64] | None:
        """By which the stems make this one, whole numbers; None where it is something of its own."""
        if not apart:
            return None
        inner = self._gram[np.ix_(apart, apart)]
        weights: NDArray[np.float64] = np.rint(np.linalg.lstsq(inner, self._gram[apart, index], rcond=None)[0])
        if not weights.any():
            return None
        full = np.zeros(len(self._names))
        full[list(apart)], full[index] = weights, -1.0
        left = float(full @ self._gram @ full)
        rounding = self._samples * (1 + np.count_nonzero(weights)) * _STEP
        return weights if left <= max(self._ratio * self._gram[index, index], rounding) else None

    def _relation(self, index: int, apart: Sequence[int], weights: NDArray[np.float64]) -> Likeness | None:
        """Which stem is the sum, of those that together are nothing; None where none is the plain sum of the others."""
        signs = {index: -1.0, **{other: float(weight) for other, weight in zip(apart, weights, strict=True) if weight}}
        for sign in (-1.0, 1.0):
            sums = [stem for stem, weight in signs.items() if weight == sign]
            others = [stem for stem, weight in signs.items() if weight == -sign]
            if len(sums) == 1 and len(others) == len(signs) - 1:
                return Likeness(self._names[sums[0]], tuple(self._names[other] for other in sorted(others)))
        return None


def likenesses(stems: Mapping[str, Samples], lossy: bool = False) -> list[Likeness]:
    """What is the sum of what among whole stems. Most often a few blocks show that nothing is."""
    if len(stems) < 2:
        return []
    some = _gathered(_some_blocks(stems), lossy)
    heard = all(some.is_audible(energy) or not np.any(stems[name]) for name, energy in some.energies().items())
    return [] if heard and not some.found() else of_blocks([stems], lossy)


def _some_blocks(stems: Mapping[str, Samples]) -> Iterator[dict[str, Samples]]:
    length = next(iter(stems.values())).shape[1]
    for start in range(0, length, _EVERY):
        yield {name: stem[:, start : start + _BLOCK] for name, stem in stems.items()}


def of_blocks(blocks: Iterable[Mapping[str, Samples]], lossy: bool = False) -> list[Likeness]:
    """What is the sum of what in stems that come in blocks."""
    return _gathered(blocks, lossy).found()


def _gathered(blocks: Iterable[Mapping[str, Samples]], lossy: bool) -> Likenesses:
    gathered = Likenesses(lossy)
    for block in blocks:
        gathered.add(block)
    return gathered
