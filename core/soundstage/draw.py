"""Seeded chance that no library release can change: draws are SHA-256 hashes of what they are for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Draw:
    """Draws for one track. The same seed, dataset, track and placement give the same draws, on any machine."""

    seed: int
    dataset: str
    track: str
    placement: str

    def unit(self, what: str) -> float:
        """A number in [0, 1), uniform over the values of `what`."""
        text = "\0".join([str(self.seed), self.dataset, self.track, self.placement, what])
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2.0**64

    def uniform(self, what: str, low: float, high: float) -> float:
        """A number in [low, high), in the unit of these. what: as for `unit`; one name has one number."""
        return low + (high - low) * self.unit(what)

    def shuffled(self, items: Iterable[float]) -> list[float]:
        """The items, values of any one unit, in a random order, each order equally likely."""
        return sorted(items, key=lambda item: self.unit(f"order of {item!r}"))
