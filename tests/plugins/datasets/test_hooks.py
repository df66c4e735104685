"""What the two packages register."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from soundstage.catalogue.parameters import constructor_parameters

CALLS = [
    ("soundstage_datasets.hooks", "register_datasets", {"sketches", "musdb18hq", "folder"}),
    ("soundstage_datasets.hooks", "register_placements", {"frontal", "fixed", "panorama"}),
    ("soundstage_spatializers.hooks", "register_spatializers", {"hrir", "panning", "original"}),
]
REVISIONS = {"panorama": 2, "hrir": 2, "folder": 2, "original": 2}
"""Of the plugins whose numbers have changed since they first came."""


@pytest.mark.parametrize(("module", "hook", "names"), CALLS)
def test_every_name_leads_to_a_class_with_a_revision_and_the_parameters_it_requires(module, hook, names):
    registered, required = {}, {}

    def register(name, target, *, summary, **facts):
        assert summary
        registered[name] = target
        required[name] = facts.get("required", ())

    getattr(importlib.import_module(module), hook)(register)
    assert names <= set(registered)
    for name, target in registered.items():
        home, _, attribute = target.partition(":")
        plugin_class = getattr(importlib.import_module(home), attribute)
        assert plugin_class.revision == REVISIONS.get(name, 1)
        parameters = constructor_parameters(plugin_class).values()
        assert required[name] == tuple(parameter.name for parameter in parameters if parameter.required)


def test_registering_imports_neither_numpy_nor_scipy():
    program = (
        "import sys, soundstage_datasets.hooks, soundstage_spatializers.hooks\n"
        "assert not {'numpy', 'scipy', 'h5py', 'soundfile', 'soxr'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
