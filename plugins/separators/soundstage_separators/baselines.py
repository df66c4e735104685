"""Doing nothing and doing everything right: the floor and the ceiling of every table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soundstage.audio import Samples
    from soundstage.contracts import Need, Role


class Reference:
    """The references at the level they have in the mixture: what a perfect separator returns."""

    revision = 1
    role: Role = "ceiling"
    needs: tuple[Need, ...] = ("references", "gain")

    def separate(
        self, mixture: Samples, rate: int, *, references: Mapping[str, Samples], gain: float
    ) -> dict[str, Samples]:
        """Each reference (2, samples) times the gain that the mixture was rendered with."""
        return {source: reference * gain for source, reference in references.items()}


class Mixture:
    """The mixture itself as every source's estimate: what separating has to beat."""

    revision = 1
    role: Role = "floor"
    needs: tuple[Need, ...] = ("sources",)

    def separate(self, mixture: Samples, rate: int, *, sources: Sequence[str]) -> dict[str, Samples]:
        """The mixture (2, samples) under each source's name."""
        return {source: mixture.copy() for source in sources}
