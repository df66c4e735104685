"""A separator: the middle for the vocals, the sides for the rest."""

import numpy as np


class MidSide:
    """Vocals are the mean of the channels, `other` is what is left. `amount` of 1 takes all of the middle."""

    revision = 1
    sources = ("vocals", "other")

    def __init__(self, amount: float = 1.0) -> None:
        self.amount = amount

    def separate(self, mixture, rate):
        middle = np.stack([self.amount * mixture.mean(axis=0)] * 2)
        return {"vocals": middle, "other": mixture - middle}
