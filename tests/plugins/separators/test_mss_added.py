"""A YAML that is not the checkpoint's is refused by `soundstage add`, or the entry says what could not be told.

The checkpoints in tests/golden/mss are small and trained on the sketches: they separate, so that their outputs, and
hops that are not theirs, can be told.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
from pathlib import Path

import pytest
import yaml

import addable
import checkpoints
from soundstage.catalogue.registry import Registry
from soundstage.errors import SoundstageError
from soundstage.running import adding

pytestmark = pytest.mark.heavy

if importlib.util.find_spec("torch") is None or importlib.util.find_spec("pymss_core") is None:
    pytest.skip("torch or pymss-core is not installed: pip install 'soundstage[mss]'", allow_module_level=True)

SWAPPED = ["vocals", "bass", "other", "drums"]
UNSEEN = {
    "scnet": "no weight shows its nfft, win_size, normalized, band_SR, band_stride",
    "bs_roformer": "no weight shows its stft_win_length, stft_normalized, skip_connection",
}


@pytest.fixture
def add(monkeypatch, tmp_path, golden_folder):
    """Adds a trained checkpoint with a YAML in which these sections are changed."""
    scene = addable.trial()
    monkeypatch.setattr(adding, "_scene", lambda known: scene)

    def add(architecture: str, registry: Path | None = None, **changed):
        own = golden_folder / "mss"
        table = yaml.load((own / f"{architecture}.yaml").read_text(), Loader=yaml.FullLoader)
        for section, values in changed.items():
            table[section].update(values)
        config = own / f"{architecture}.yaml"
        if changed:
            config = checkpoints.write_mss_config(tmp_path / f"{architecture}.yaml", table)
        known = Registry.load([registry] if registry else [])
        return adding.add([own / f"{architecture}.ckpt", config], "mine", tmp_path / "registry.toml", known)

    return add


def test_a_trained_pair_is_added_with_what_the_trial_tells_of_it(add):
    scnet = add("scnet")
    assert scnet.unverified == UNSEEN["scnet"]
    assert any("it separates worse with a hop of 128 (" in sentence for sentence in scnet.seen)


def test_a_hop_that_separates_as_well_is_said(add):
    found = add("bs_roformer")
    assert found.unverified == f"{UNSEEN['bs_roformer']}; it separates as well with a hop of 128"


PLANTED = {
    "scnet, two outputs swapped": (
        "scnet",
        {"model": {"sources": SWAPPED}, "training": {"instruments": SWAPPED}},
        "in another order than the files say: 'vocals' holds the drums, 'drums' holds the vocals",
    ),
    "scnet, swapped in one of two places": (
        "scnet",
        {"training": {"instruments": SWAPPED}},
        "calls the outputs drums, bass, other, vocals in model.sources and vocals, bass, other, drums",
    ),
    "bs_roformer, all outputs turned round": (
        "bs_roformer",
        {"training": {"instruments": ["vocals", "other", "bass", "drums"]}},
        "in another order than the files say",
    ),
    "scnet, twice the hop": ("scnet", {"model": {"hop_size": 512}}, "with a hop of 256 it separates better"),
    "scnet, half the hop": ("scnet", {"model": {"hop_size": 128}}, "with a hop of 256 it separates better"),
    "bs_roformer, twice the hop": (
        "bs_roformer",
        {"model": {"stft_hop_length": 512}, "audio": {"hop_length": 512}},
        "with a hop of 256 it separates better",
    ),
    "bs_roformer, another band split": (
        "bs_roformer",
        {"model": {"freqs_per_bands": (4, 4, 8, 8, 16, 24, 64, 385)}},
        "is another model's YAML",
    ),
    "bs_roformer, two bands changed over": (
        "bs_roformer",
        {"model": {"freqs_per_bands": (4, 4, 8, 8, 16, 24, 64, 257, 128)}},
        "is another model's YAML",
    ),
    "scnet, other widths": ("scnet", {"model": {"dims": [4, 8, 32]}}, "is another model's YAML"),
    "scnet, one stem less": (
        "scnet",
        {"model": {"sources": SWAPPED[:3]}, "training": {"instruments": SWAPPED[:3]}},
        "is another model's YAML",
    ),
    "scnet, another architecture": ("scnet", {"model": {"type": "mdx23c"}}, "is of architecture mdx23c, and the check"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_yaml_of_another_model_is_refused(add, tmp_path, name):
    architecture, changed, said = PLANTED[name]
    with pytest.raises(SoundstageError, match=said):
        add(architecture, **changed)
    assert not (tmp_path / "registry.toml").exists()


@pytest.mark.parametrize(
    ("architecture", "changed", "said"),
    [
        ("scnet", {"model": {"band_SR": [0.23, 0.37, 0.4]}}, "no weight shows its nfft, win_size, normalized, band_SR"),
        (
            "bs_roformer",
            {"model": {"stft_hop_length": 280}},
            "its audio.hop_length is 256 and its model.stft_hop_length",
        ),
    ],
)
def test_what_nothing_tells_is_said_in_the_entry(add, architecture, changed, said):
    assert said in add(architecture, **changed).unverified


def test_random_weights_tell_nothing_and_that_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(adding, "_scene", lambda known: addable.trial())
    pair = checkpoints.mss(tmp_path, "mdx23c")
    found = adding.add(pair, "mine", tmp_path / "registry.toml", Registry.load())
    assert "it separates nothing of the trial, as random weights would" in found.unverified
    assert "it cannot be told whether a hop of" in found.unverified


def test_a_published_hash_settles_what_nothing_else_tells(add, tmp_path, golden_folder):
    def digest(name: str) -> str:
        return hashlib.sha256((golden_folder / "mss" / name).read_bytes()).hexdigest()

    registry = tmp_path / "published.toml"
    registry.write_text(
        f"""
[separators.published]
plugin = "mss"
[separators.published.weights]
files = [
  {{ url = "https://example.org/m.ckpt", sha256 = "{digest("bs_roformer.ckpt")}", parameter = "checkpoint" }},
  {{ url = "https://example.org/m.yaml", sha256 = "{digest("bs_roformer.yaml")}", parameter = "config" }},
]
"""
    )
    with pytest.raises(
        SoundstageError, match="this checkpoint is that of the entry 'published', and this config is not"
    ):
        add("bs_roformer", registry, model={"stft_win_length": 512})
    found = add("bs_roformer", registry)
    assert found.unverified == ""
    assert "both files are those of the entry 'published', by their SHA-256" in found.seen


def test_a_hop_of_ones_own_goes_before_the_yamls(golden_folder, tmp_path):
    for file in (golden_folder / "mss").glob("scnet.*"):
        shutil.copy(file, tmp_path)
    variant = f"mss[checkpoint={tmp_path / 'scnet.ckpt'},config={tmp_path / 'scnet.yaml'}"
    separator = Registry.load().choose("separators", f"{variant},hop=128]").build()
    separator.load("cpu")
    assert separator.details["hop"] == 128
    with pytest.raises(SoundstageError, match="hop=0: must be 1 or more"):
        Registry.load().choose("separators", f"{variant},hop=0]").build()
