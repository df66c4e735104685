"""What the package registers, and that registering costs nothing."""

from __future__ import annotations

import importlib
import subprocess
import sys

from soundstage.contracts import NEEDS
from soundstage_separators.hooks import register_separators


def registered():
    entries = {}
    register_separators(lambda name, target, **more: entries.update({name: (target, more)}))
    return entries


def test_the_separators_are_registered_by_name():
    known = "reference mixture irm ibm mwf probe estimates adress duet demucs openunmix mss spleeter audio_separator"
    assert list(registered()) == known.split()


def test_every_target_is_a_class_that_meets_the_contract():
    for target, more in registered().values():
        assert more["summary"]
        if target.endswith(".py"):
            continue
        module, _, name = target.partition(":")
        plugin = getattr(importlib.import_module(module), name)
        assert callable(plugin.separate)
        assert plugin.revision == 1
        assert set(getattr(plugin, "needs", ())) <= set(NEEDS)


def test_blind_methods_are_unnamed_and_see_only_how_many_sources_there_are():
    for name in ("adress", "duet"):
        module, _, class_name = registered()[name][0].partition(":")
        plugin = getattr(importlib.import_module(module), class_name)
        assert plugin.needs == ("source_count",)
        assert plugin.named is False


def test_registering_imports_no_numpy():
    code = (
        "import sys, soundstage_separators.hooks as h; h.register_separators(lambda *a, **k: None); "
        "sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
