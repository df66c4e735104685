# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["numpy==1.26.4"]
# ///
"""What sits in the middle for the vocals, the rest for the accompaniment: a dozen lines, with a numpy of their own."""

import numpy as np

sources = ("vocals", "accompaniment")

SIZE, HOP = 4096, 2048
WINDOW = np.sin(np.pi * (np.arange(SIZE) + 0.5) / SIZE)  # its square and the same a hop later sum to one


class Middle:
    def __init__(self, focus: float) -> None:
        self.focus = focus

    def separate(self, mixture, rate):  # (2, samples), as the scene has it
        padded = np.pad(mixture, ((0, 0), (SIZE, 2 * SIZE)))
        vocals = np.zeros_like(padded)
        for start in range(0, padded.shape[1] - SIZE, HOP):
            bins = np.fft.rfft(WINDOW * padded[:, start : start + SIZE])
            middle, side = np.abs(bins[0] + bins[1]) ** 2, np.abs(bins[0] - bins[1]) ** 2
            share = (middle / np.maximum(middle + side, 1e-30)) ** self.focus  # one for both: the image stays
            vocals[:, start : start + SIZE] += WINDOW * np.fft.irfft(share * bins)
        vocals = vocals[:, SIZE : SIZE + mixture.shape[1]]
        return {"vocals": vocals, "accompaniment": mixture - vocals}


def load(focus: float = 1.0):
    return Middle(focus)
