# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["numpy<2", "scipy", "spauq @ git+https://github.com/karnwatcharasupat/spauq.git@main"]
# ///
"""SSR and SRR by the original SPAUQ package itself, for who has it: GPL-3.0, on no registry, in its own environment.

Watcharasupat & Lerch (2024), Quantifying Spatial Audio Quality Impairment, arXiv:2306.08053. Whole-track values are
the medians over the package's frames.
"""

from __future__ import annotations

import numpy as np

revision = 1
compares_channels = True
measures = {
    "SSR": {"unit": "dB", "higher_is_better": True},
    "SRR": {"unit": "dB", "higher_is_better": True},
}


def load():
    return Original()


class Original:
    """Hands each source to the package, as its README does: (samples, channels)."""

    def prepare(self, scene):
        from spauq.core.metrics import spauq_eval

        def score(estimates):
            for source, estimate in estimates.items():
                found = spauq_eval(reference=scene.references[source].T, estimate=estimate.T, fs=scene.rate)
                for name in measures:
                    value = float(np.median(found[name]))
                    yield {"source": source, "name": name, "value": value}

        return score
