# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["numpy==1.26.4"]
# ///
"""How much louder or quieter each source came out: a metric of a dozen lines, with a numpy of its own."""

import numpy as np

measures = {"level": {"unit": "dB", "higher_is_better": False, "label": "|Δlevel|"}}


class Levels:
    def __init__(self, floor_db: float) -> None:
        self.floor = 10 ** (floor_db / 10)

    def prepare(self, scene):  # scene.references: source → (2, samples); .mixture, .rate, .gain, .placement
        powers = {source: np.mean(one**2) + self.floor for source, one in scene.references.items()}

        def score(estimates):  # source → (2, samples); a row is source, name, value and perhaps frame, note, ranked
            for source, estimate in estimates.items():
                yield source, "level", abs(10 * np.log10((np.mean(estimate**2) + self.floor) / powers[source]))

        return score


def load(floor_db: float = -120.0):
    return Levels(floor_db)
