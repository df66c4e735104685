"""What the package registers, and that registering costs nothing."""

from __future__ import annotations

import subprocess
import sys

from soundstage_training.hooks import register_separators
from soundstage_training.models import MODELS


def registered():
    entries = {}
    register_separators(lambda name, target, **more: entries.update({name: (target, more)}))
    return entries


def test_every_model_is_a_separator_that_needs_a_checkpoint_and_says_what_it_does_about_the_image():
    assert list(registered()) == list(MODELS) == ["xumx", "spainnet", "munet", "dprnn"]
    for _, more in registered().values():
        assert more["required"] == ("checkpoint",)
        assert more["extra"] == "soundstage[train]"
        assert more["summary"].partition(": ")[0].endswith(("stereo", "mono"))


def test_registering_imports_no_numpy():
    code = (
        "import sys, soundstage_training.hooks as h; h.register_separators(lambda *a, **k: None); "
        "sys.exit('numpy' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
