"""A number that changes when a scene's samples do: quick enough to be taken again after every separator."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from soundstage.errors import SoundstageError
from soundstage.scene import Scene

BLOCK = 65_536


def fingerprint(scene: Scene) -> int:
    """A 64-bit number of the mixture's and the references' samples, each weighed by its place.

    Their signs go into the low bits too: two changes of the highest bit alone cancel in any such sum.

    It tells whether somebody has written into the arrays; it is no defence against who works at getting past it.
    """
    found, room = 0, np.empty(BLOCK, np.uint64)
    for array in (scene.mixture, *scene.references.values()):
        bits = np.ascontiguousarray(array).reshape(-1).view(np.uint64)
        for start in range(0, len(bits), BLOCK):
            block = bits[start : start + BLOCK]
            folded = np.right_shift(block, np.uint64(32), out=room[: len(block)])
            folded ^= block
            folded *= _weights()[: len(block)]
            found = (found * 1_000_003 + int(np.add.reduce(folded))) % 2**64
    return found


def check_unaltered(scene: Scene, taken: int, who: str) -> None:
    """Raise SoundstageError where somebody has written into the scene since its fingerprint was taken.

    who: has had a chance to; every array is handed out read-only or as a copy, so it took some doing.
    """
    if fingerprint(scene) != taken:
        raise SoundstageError(
            f"{who}: the scene's own samples were written into, which nobody is handed for writing; its estimates are"
            " not kept, and the scene is rendered anew for what follows. `run --isolate` gives it copies in a process"
            " of its own"
        )


@cache
def _weights() -> NDArray[np.uint64]:
    """Odd numbers, so that no change of one sample is lost."""
    return np.random.default_rng(0).integers(0, 2**63, BLOCK, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
