"""Every public metric function has an example that runs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import soundstage_metrics

MODULES = [
    module.name.removeprefix("soundstage_metrics.")
    for module in pkgutil.walk_packages(soundstage_metrics.__path__, "soundstage_metrics.")
    if not module.name.endswith(".hooks")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name):
    module = importlib.import_module(f"soundstage_metrics.{name}")
    found = doctest.testmod(module, extraglobs={"np": np})
    assert found.failed == 0


@pytest.mark.parametrize("name", ["sdr", "community", "spauq.scores", "interaural", "bit_depth", "bsseval.scores"])
def test_every_public_function_of_a_metric_has_one(name):
    module = importlib.import_module(f"soundstage_metrics.{name}")
    for title, function in inspect.getmembers(module, inspect.isfunction):
        if not title.startswith("_") and function.__module__ == module.__name__:
            assert ">>>" in (function.__doc__ or ""), f"{name}.{title} has no example"


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("cues.itd", "itd_robust_us"),
        ("cues.itd", "itd_error_us"),
        ("cues.bands", "ild_error_db"),
        ("cues.bands", "ipd_error_deg"),
        ("cues.bands", "iacc_error"),
        ("cues.angle", "azimuth_deg"),
        ("cues.angle", "angular_error_deg"),
    ],
)
def test_every_cue_has_one(module, function):
    found = getattr(importlib.import_module(f"soundstage_metrics.{module}"), function)
    assert ">>>" in (found.__doc__ or "")
