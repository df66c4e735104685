"""Every public metric function has an example that runs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import soundstage_metrics

MODULES = [module.name for module in pkgutil.iter_modules(soundstage_metrics.__path__) if module.name != "hooks"]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name):
    module = importlib.import_module(f"soundstage_metrics.{name}")
    found = doctest.testmod(module, extraglobs={"np": np})
    assert found.failed == 0


@pytest.mark.parametrize("name", ["sdr", "spauq", "interaural", "bsseval"])
def test_every_public_function_of_a_metric_has_one(name):
    module = importlib.import_module(f"soundstage_metrics.{name}")
    for title, function in inspect.getmembers(module, inspect.isfunction):
        if not title.startswith("_") and function.__module__ == module.__name__:
            assert ">>>" in (function.__doc__ or ""), f"{name}.{title} has no example"
