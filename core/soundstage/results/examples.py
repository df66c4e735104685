"""Scenes picked to be listened to, and the scores of frames that say where in them to listen."""

from __future__ import annotations

import math
from dataclasses import dataclass

from soundstage.contracts import CellName


@dataclass(frozen=True, slots=True)
class Curve:
    """What a measure says of one estimate frame by frame. values: NaN where a frame has none that counts."""

    separator: str
    source: str
    label: str
    unit: str
    higher_is_better: bool
    values: tuple[float, ...]

    def step_s(self, seconds: float) -> float:
        """Seconds from one frame to the next in a scene that lasts so long.

        Frames of metrics last a second, as everywhere in the field, with or without one for what remains at the end;
        other counts of frames are taken to be spread evenly.
        """
        whole = {math.floor(seconds), math.ceil(seconds)}
        return 1.0 if len(self.values) in whole else seconds / len(self.values)

    def worst_first(self) -> list[int]:
        """The frames that have a value, the worst first; of equal ones the earlier."""
        sign = 1.0 if self.higher_is_better else -1.0
        known = [frame for frame, value in enumerate(self.values) if not math.isnan(value)]
        return sorted(known, key=lambda frame: sign * self.values[frame])


@dataclass(frozen=True, slots=True)
class Example:
    """A scene to listen to.

    why: a phrase for each reason. about: the separators that it is an example of; their worst second is listened to.
    curves: what frames say of its estimates, of any separator.
    """

    scene: CellName
    why: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    curves: tuple[Curve, ...] = ()
