"""Where every cell lies: which file holds its newest version, and which segments are worth writing anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soundstage.results.encoding import CELLS_PER_SEGMENT, LooseName, Segment


class Index:
    """The cells of a results folder. loose: address → its files, the newest last. segments: as they were found."""

    def __init__(self, loose: Sequence[LooseName], found: Sequence[Segment]) -> None:
        self.segments = list(found)
        self.loose: dict[str, list[LooseName]] = {}
        self._dropped: dict[str, int] = {}
        self._places: dict[str, tuple[int, int]] = {}
        for name in loose:
            self.add_loose(name)
        for number, segment in enumerate(self.segments):
            self._add_segment(number, segment)

    def _add_segment(self, number: int, segment: Segment) -> None:
        places = {address: (number, ordinal) for ordinal, address in enumerate(segment.addresses)}
        twice = self._places.keys() & places.keys()
        for address in twice:
            other, there = self._places[address]
            if self.segments[other].versions[there] > segment.versions[places[address][1]]:
                del places[address]
        self._places.update(places)

    def add_loose(self, name: LooseName) -> None:
        """A file is there."""
        files = self.loose.setdefault(name.address, [])
        files.append(name)
        files.sort(key=lambda one: (one.version, one.file))

    def drop_loose(self, name: LooseName) -> None:
        """A file is not there, or is not what it should be; its version is not given again."""
        left = [other for other in self.loose.get(name.address, []) if other.file != name.file]
        self._dropped[name.address] = max(self._dropped.get(name.address, 0), name.version)
        if left:
            self.loose[name.address] = left
        else:
            self.loose.pop(name.address, None)

    def addresses(self) -> list[str]:
        """Every cell, each once."""
        return list({**dict.fromkeys(self._places), **dict.fromkeys(self.loose)})

    def version(self, address: str) -> int:
        """The highest version of the cell that was ever seen; 0 where there was none."""
        versions = [name.version for name in self.loose.get(address, [])] + [self._dropped.get(address, 0)]
        place = self._places.get(address)
        return max([*versions, self.segments[place[0]].versions[place[1]]] if place else versions)

    def newest_loose(self, address: str) -> LooseName | None:
        """The file with the cell's newest version, where that is a loose one."""
        files = self.loose.get(address)
        if not files:
            return None
        place = self._places.get(address)
        if place and self.segments[place[0]].versions[place[1]] >= files[-1].version:
            return None
        return files[-1]

    def place(self, address: str) -> tuple[Segment, int] | None:
        """The segment with the cell's newest version, and the cell's ordinal in it."""
        place = self._places.get(address)
        return (self.segments[place[0]], place[1]) if place else None

    def live(self, number: int) -> NDArray[np.bool_]:
        """Which cells of a segment are nowhere newer."""
        segment = self.segments[number]
        found = (self._places[address] == (number, ordinal) for ordinal, address in enumerate(segment.addresses))
        mask = np.fromiter(found, bool, len(segment.addresses))
        for address in self.loose:
            place = self._places.get(address)
            if place and place[0] == number and self.newest_loose(address):
                mask[place[1]] = False
        return mask


def to_rewrite(index: Index) -> list[int]:
    """The segments to pack again with what is loose: the small ones, so that there are never many, and the stale ones.

    A segment is taken when it is not much larger than all that is packed with it, so that a cell is moved only as often
    as the logarithm of how many there are.
    """
    gathered = len(index.loose)
    chosen = []
    alive = {number: int(index.live(number).sum()) for number in range(len(index.segments))}
    for number in sorted(alive, key=lambda number: alive[number]):
        whole = len(index.segments[number].addresses)
        if alive[number] * 2 <= whole:
            chosen.append(number)
        elif alive[number] <= 2 * gathered and whole < CELLS_PER_SEGMENT // 2:
            chosen.append(number)
            gathered += alive[number]
    return chosen
