"""The measurements of training compare what they say: models on one stream of examples, scores paired by mixture."""

from __future__ import annotations

import importlib
import json
import sys
from argparse import Namespace

import numpy as np
import pytest

from soundstage_datasets.sketches import Sketches

pytestmark = pytest.mark.heavy

pytest.importorskip("safetensors", reason="training comes with the extra train")

SOURCES = {"one": ("other",), "two": ("other",)}


@pytest.fixture(scope="module")
def benchmarks(root):
    """The folder's modules."""
    sys.path.insert(0, str(root / "benchmarks"))
    yield Namespace(**{name: importlib.import_module(name) for name in ("location", "together")})
    sys.path.remove(str(root / "benchmarks"))
    for name in ("location", "together"):
        sys.modules.pop(name)


def test_models_that_are_trained_together_see_the_same_examples_for_the_same_steps(benchmarks, tmp_path):
    from soundstage_training.verb.settings import Settings
    from soundstage_training.verb.songs import Library

    together = benchmarks.together
    size = {"hidden": 4, "layers": 1, "n_fft": 256, "hop": 128, "dropout": 0.0}
    entries = {
        "first": together.Entry("xumx", size, {}),
        "its twin": together.Entry("xumx", size, {}),
        "with a cue": together.Entry("xumx", size, {"ild": 1.0}),
    }
    settings = Settings("xumx", seconds=0.25, rate=8000, batch=2)
    options = Namespace(
        device="cpu", steps=4, minutes=float("inf"), seeds=1, workers=0, precision="fp32", weights=tmp_path / "weights"
    )
    library = Library({"sketches": Sketches()})
    asked = (entries, tuple(SOURCES), lambda own: benchmarks.location.mixer(library, own), settings, options)
    models, told = together.trained(*asked)
    losses = told[0]["losses"]
    assert told[0]["steps"] == 4
    assert losses["first"] == losses["its twin"]
    assert losses["first"][0][0] == losses["with a cue"][0][0]  # before the first step
    assert losses["first"][3][0] != losses["with a cue"][3][0]
    again, _ = together.trained(*asked)  # from the weights that were kept
    for name, tensor in models[0]["with a cue"].state_dict().items():
        assert (tensor == again[0]["with a cue"].state_dict()[name]).all(), name
    assert json.loads((tmp_path / "weights" / "seed-0" / "about.json").read_text())["steps"] == 4


def test_differences_are_paired_by_mixture_over_seeds_and_sources_without_holes(benchmarks):
    chance = np.random.default_rng(1)
    level = 10 * chance.standard_normal(12)  # mixtures differ much more than entries do
    rows = [
        {"entry": entry, "seed": seed, "mixture": mixture, "source": source, "measure": "SDR", "value": value}
        for mixture in range(12)
        for entry, better in (("base", 0.0), ("other", 1.5))
        for seed in (0, 1)
        for source in ("one", "two")
        for value in [level[mixture] + better + (0.1 if seed else -0.1)]
    ]
    rows[3]["value"] = None  # of one source of the first mixture
    rows.append({"entry": "mixture", "seed": None, "mixture": 0, "source": "one", "measure": "SDR", "value": 0.0})
    rows += [{**rows[-1], "mixture": k, "source": s} for k in range(12) for s in ("one", "two") if (k, s) != (0, "one")]
    found = {one["entry"]: one for one in benchmarks.together.compared(rows, ["SDR"], "base")}
    assert found["other"]["mixtures"] == 12
    assert found["other"]["difference"] == pytest.approx(1.5)
    assert found["other"]["difference_interval"] == pytest.approx([1.5, 1.5])
    assert found["other"]["difference_by_seed"] == [1.5, 1.5]
    assert found["other"]["p_value"] < 0.01
    low, high = found["other"]["interval"]
    assert high - low > 5
    text = benchmarks.together.table(list(found.values()), {"SDR": "SDR, dB"}, "base")
    assert "| other | " in text
    assert "+1.50 [+1.50, +1.50]" in text


def test_spain_net_is_told_exact_noisy_swapped_and_equal_angles(benchmarks):
    from soundstage_training.verb.settings import Settings
    from soundstage_training.verb.songs import Library

    scenes = benchmarks.location.held_out_scenes(
        Library({"sketches": Sketches()}), Settings("xumx", seconds=0.5, rate=8000), 3
    )
    for number, scene in enumerate(scenes):
        told = benchmarks.location.angles(scene, number)
        exact = told["exact"]
        assert abs(exact[0] - exact[1]) >= 15
        assert exact == pytest.approx([scene.placement.azimuths[source] for source in SOURCES])
        assert list(told["swapped"]) == list(exact[::-1])
        assert list(told["0° for both"]) == [0, 0]
        assert (np.abs(told["noisy"] - exact) > 0).all()
        assert (np.abs(told["noisy"] - exact) <= 8).all()
