"""What a training is comes from a preset, a variant and options, and is checked before anything is read."""

from __future__ import annotations

import pytest

import blocks
import presets
from soundstage.catalogue.registry import Registry
from soundstage.errors import SoundstageError
from soundstage.toml import Table
from soundstage_training.verb.settings import Settings, differences, read_preset, settings_of, weights

PAPERS = {
    "xumx_4s": ("xumx", 18, 300, 6.0),
    "spainnet_4s": ("spainnet", 18, 300, 6.0),
    "spainnet_4s2g": ("spainnet", 18, 300, 6.0),
    "munet_report": ("munet", 16, 300, 6.0),
    "dprnn_poster": ("dprnn", 4, 100, 4.0),
    "xumx_binaural": ("xumx", 16, 300, 6.0),
}


@pytest.fixture(scope="module")
def registry():
    return Registry.load()


@pytest.mark.heavy
def test_every_preset_that_is_shipped_names_a_model_data_and_metrics_that_there_are(registry):
    pytest.importorskip("torch", reason="models come with the extra train")
    from soundstage_training.models import build

    assert len(registry.sections["training"]) >= 16
    for name in registry.sections["training"]:
        found = settings_of(registry, name, {})
        for label in (*found.datasets, *found.validation):
            assert label.partition("[")[0] in registry.names("datasets")
        assert found.placement.partition("[")[0] in registry.names("placements")
        assert found.spatializer in registry.names("spatializers")
        assert set(found.metrics) <= set(registry.names("metrics"))
        if name in PAPERS:
            assert (found.model, found.batch, found.epochs, found.seconds) == PAPERS[name]
        if name.endswith("_small"):
            assert found.datasets == ("sketches",)
        if found.model != "xumx":  # of which the others have what is large
            build(found.model, {**found.config, "sources": ("one", "two"), "rate": found.rate})


@pytest.mark.heavy
def test_a_variant_sets_the_models_parameters_and_options_the_trainings(registry):
    pytest.importorskip("torch", reason="models come with the extra train")
    found = settings_of(registry, "spainnet_small[hidden=32,variant=DF-ADD]", {"batch": 6, "seconds": None})
    assert found.config["hidden"] == 32
    assert found.config["variant"] == "DF-ADD"
    assert found.config["n_fft"] == 1024  # the preset's
    assert (found.batch, found.seconds) == (6, 2.0)
    plain = settings_of(registry, "xumx[hidden=64]", {}, data=["musdb18hq", "ku100"])
    assert plain.datasets == ("musdb18hq",)
    assert settings_of(registry, "xumx", {}).datasets == ("sketches",)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "own.toml: training.mine.model: is missing"),
        ({"model": "xumix"}, "model: there is no model 'xumix'; did you mean 'xumx'?"),
        ({"model": "xumx", "bach": 3}, "bach: is no key here; did you mean 'batch'?"),
        ({"model": "xumx", "batch": 0}, "batch: is 0; write a whole number of at least 1"),
        ({"model": "xumx", "seconds": "6"}, "seconds: is '6'; write seconds = a number above 0"),
        ({"model": "xumx", "gain_db": [3, -3]}, "gain_db: is [3, -3]; write the least and the most in dB"),
        ({"model": "xumx", "loss": {"itd": "much"}}, "loss: itd is 'much'; give a number, as in itd=0.5"),
        ({"model": "xumx", "loss": {"itdd": 1}}, "loss: there is no loss 'itdd'; did you mean 'itd'?"),
        ({"model": "xumx", "sources": {"all": "drums"}}, "sources: all is 'drums'; write its stems in a list"),
        ({"model": "xumx", "schedule": "plato"}, "schedule: cannot be 'plato'; did you mean 'plateau'?"),
    ],
)
def test_what_is_wrong_in_a_preset_is_one_sentence_with_file_key_and_form(table, words):
    with pytest.raises(SoundstageError) as refused:
        read_preset(Table(table, "own.toml", "training.mine"), None)
    assert words in str(refused.value)


def test_weights_of_losses_are_numbers_and_none_is_left_out():
    assert weights({"itd": "0.5", "ild": "0"}) == {"itd": 0.5}
    with pytest.raises(SoundstageError, match="--loss: ild is -1; a weight is 0 or more"):
        weights({"ild": "-1"})


def test_a_training_may_go_on_further_and_not_otherwise():
    old = Settings("xumx", epochs=3).as_json()
    assert differences(old, Settings("xumx", epochs=9).as_json()) == []
    assert differences(old, Settings("xumx", batch=4, datasets=("a", "b")).as_json()) == [
        "datasets was sketches and is a, b now",
        "batch was 8 and is 4 now",
    ]


def test_a_batch_that_cannot_be_cut_is_refused(registry):
    with pytest.raises(SoundstageError, match="a batch of 8 cannot go through the model in 3 equal parts"):
        settings_of(registry, "xumx", {"accumulate": 3})


def test_the_page_shows_the_presets_that_there_are():
    shown = blocks.block(presets.PAGE, presets.NAME)
    assert shown == presets.text(), "python tools/presets.py writes it anew"
