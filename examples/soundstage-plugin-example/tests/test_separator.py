"""The separator keeps its contract, and gives what it promises."""

import numpy as np
from soundstage.testing import conformance

from soundstage_plugin_example.separator import ExampleSeparator

test_it_keeps_the_contract = conformance(separator="example")

SIGNAL = np.random.default_rng(1).standard_normal(10000)


def test_what_is_the_same_in_both_channels_goes_to_the_vocals() -> None:
    estimates = ExampleSeparator().separate(np.stack([SIGNAL, SIGNAL]), 44100)
    np.testing.assert_allclose(estimates["vocals"], [SIGNAL, SIGNAL], atol=1e-9)
    np.testing.assert_allclose(estimates["other"], 0.0, atol=1e-9)


def test_what_is_opposite_or_in_one_channel_alone_does_not() -> None:
    opposite = ExampleSeparator().separate(np.stack([SIGNAL, -SIGNAL]), 44100)
    np.testing.assert_allclose(opposite["other"], [SIGNAL, -SIGNAL], atol=1e-9)
    aside = ExampleSeparator(focus=2.0).separate(np.stack([SIGNAL, 0 * SIGNAL]), 44100)
    np.testing.assert_allclose(aside["vocals"], [SIGNAL / 4, 0 * SIGNAL], atol=1e-9)
