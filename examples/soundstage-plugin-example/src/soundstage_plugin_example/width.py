"""A metric: the difference in stereo width, side over mid energy in dB."""

import numpy as np

from soundstage.contracts import Measure, Score


def width_db(signal):
    """Energy of the side over energy of the middle, in dB, of a signal (2, samples); NaN where either is silent."""
    middle, side = signal.sum(axis=0), signal[0] - signal[1]
    energies = float(middle @ middle), float(side @ side)
    return 10 * np.log10(energies[1] / energies[0]) if min(energies) > 0 else float("nan")


class Width:
    """How far the estimate's stereo width is off the reference's."""

    revision = 1
    measures = {"width_difference": Measure("dB", higher_is_better=False, label="Δwidth")}

    def prepare(self, scene):
        reference = {source: width_db(signal) for source, signal in scene.references.items()}

        def scores(estimates):
            for source, estimate in estimates.items():
                value = abs(width_db(estimate) - reference[source])
                yield Score(source, "width_difference", value, note="" if value == value else "no middle or no side")

        return scores
