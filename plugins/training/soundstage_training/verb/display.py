"""How a training looks to a person: a bar with the time left, the loss, and a line for each validation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from soundstage.cli.progress import Display, letters

SMOOTHED = 0.9
"""Of the loss that is shown, what is kept at each step."""


class Steps(Display):
    """A listener that shows a training. shown: the values of a validation that are printed."""

    unit = "steps"

    def __init__(self, shown: Sequence[str], live: bool = True) -> None:
        super().__init__(live)
        self._shown = tuple(shown)
        self._loss = math.nan
        self._best = ""

    def begun(self, step: int, total: int) -> None:
        """It goes on after this step."""
        self.begin(total - step)

    def stepped(self, step: int, loss: float) -> None:
        """A step is done."""
        self._loss = loss if math.isnan(self._loss) else SMOOTHED * self._loss + (1.0 - SMOOTHED) * loss
        self.count()

    def validated(self, step: int, values: Mapping[str, float], best: bool) -> None:
        """Print what the validation gave."""
        told = ", ".join(
            f"{name.partition('/')[2]} {value:.2f}" for name, value in values.items() if name in self._shown
        )
        if best:
            self._best = f"best {told} at step {step}"
        self.console.print(f"step {step}  {letters(told)}" + ("  [green]best[/]" if best else ""))

    def _tally(self, styled: bool) -> str:
        """The loss as it goes."""
        return "" if math.isnan(self._loss) else f"loss {self._loss:.4g}" + (f", {self._best}" if self._best else "")


class Silence:
    """A listener that shows nothing."""

    def begun(self, step: int, total: int) -> None:
        """Nothing."""

    def stepped(self, step: int, loss: float) -> None:
        """Nothing."""

    def validated(self, step: int, values: Mapping[str, float], best: bool) -> None:
        """Nothing."""
