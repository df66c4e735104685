"""A separator: what sits in the middle for the vocals, the rest for the others."""

import numpy as np
from soundstage.audio import Samples

SIZE, HOP = 4096, 2048
WINDOW = np.sin(np.pi * (np.arange(SIZE) + 0.5) / SIZE)
"""Its square and the same a hop later sum to one."""


class ExampleSeparator:
    """Vocals are in each time and frequency as much of the mixture as the middle has of its energy.

    The share is the same for both channels, so that what is taken out stays in its place between them. `focus` above 1
    takes less of what is off the middle.
    """

    revision = 1
    sources = ("vocals", "other")
    trained_on = ()  # nothing; of a model, what it learnt from, as in ("musdb18hq:train",)

    def __init__(self, focus: float = 1.0) -> None:
        self.focus = focus

    def separate(self, mixture: Samples, rate: int) -> dict[str, Samples]:
        """The estimates of a mixture of shape (2, samples), each of the same shape."""
        padded = np.pad(mixture, ((0, 0), (SIZE, 2 * SIZE)))
        vocals = np.zeros_like(padded)
        for start in range(0, padded.shape[1] - SIZE, HOP):
            bins = np.fft.rfft(WINDOW * padded[:, start : start + SIZE])
            middle, side = np.abs(bins[0] + bins[1]) ** 2, np.abs(bins[0] - bins[1]) ** 2
            share = (middle / np.maximum(middle + side, 1e-30)) ** self.focus
            vocals[:, start : start + SIZE] += WINDOW * np.fft.irfft(share * bins)
        vocals = vocals[:, SIZE : SIZE + mixture.shape[1]]
        return {"vocals": vocals, "other": mixture - vocals}
