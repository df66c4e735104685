"""What was done to stems on the way into files shows, each kind by its phrase, and what was not done is not said."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from soundstage.audio import read_audio
from soundstage.pipeline.written import LEVEL, sentences, traces
from soundstage.scene import Scene


@pytest.fixture(scope="module")
def stems(root):
    """The benchmark of the same, as a module."""
    spec = importlib.util.spec_from_file_location("stems", root / "benchmarks" / "stems.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["stems"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def scene(stems):
    return stems.song(np.random.default_rng(11), 4.0)


@pytest.fixture
def raw(stems, scene):
    return stems.masked(scene, np.random.default_rng(12))


def test_nothing_is_said_of_stems_as_models_give_them(raw, scene):
    assert traces(raw, scene) == {}
    assert traces({"vocals": raw["vocals"]}, scene) == {}


def test_nothing_is_said_of_perfection_silence_or_a_single_sample(scene):
    assert traces(scene.references, scene) == {}
    silence = {source: np.zeros_like(image) for source, image in scene.references.items()}
    assert traces(silence, scene) == {}
    one = Scene(44100, np.full((2, 1), 0.5), {"vocals": np.full((2, 1), 0.5)})
    assert set(traces({"vocals": np.full((2, 1), 0.3)}, one).get("vocals", {})) <= {"gain"}


def planted(image, fault):
    if fault == "delay":
        return np.concatenate([np.zeros((2, 1105)), image[:, :-1105]], axis=1)
    if fault == "early":
        return np.concatenate([image[:, 529:], np.zeros((2, 529))], axis=1)
    if fault == "band":
        spectrum = np.fft.rfft(image)
        spectrum[:, np.fft.rfftfreq(image.shape[1], 1 / 22050) > 8000] *= 1e-5
        return np.fft.irfft(spectrum, image.shape[1])
    return {
        "polarity": -image,
        "right polarity": image * [[1.0], [-1.0]],
        "channels": image[::-1],
        "16": np.rint(image * 2**15) / 2**15,
        "8": np.rint(image * 2**7) / 2**7,
        "demucs": image / (1.01 * np.max(np.abs(image))),
        "peak 0.9": 0.9 * image / np.max(np.abs(image)),
    }[fault]


@pytest.mark.parametrize(
    ("fault", "kind", "phrase"),
    [
        ("delay", "delay", "1105 samples late"),
        ("early", "delay", "529 samples early"),
        ("band", "band", "nothing above 8 kHz, where the reference goes on"),
        ("polarity", "polarity", "the polarity inverted"),
        ("right polarity", "polarity", "the polarity of its right channel inverted"),
        ("channels", "channels", "left and right exchanged"),
        ("16", "bits", "16 bits"),
        ("8", "bits", "8 bits"),
        ("demucs", "peak", "peaks at exactly 0.9901 = 1/1.01, to which Demucs' command line"),
        ("peak 0.9", "peak", "peaks at exactly 0.9, to which audio-separator"),
    ],
)
def test_each_fault_is_said_of_its_stem_and_of_no_other(stems, scene, raw, fault, kind, phrase):
    found = traces({**raw, "drums": planted(raw["drums"], fault)}, scene)
    assert found["drums"][kind].startswith(phrase)
    assert all(kind not in phrases for source, phrases in found.items() if source != "drums")
    assert len(sentences(found)) == len({kind for phrases in found.values() for kind in phrases})


@pytest.mark.parametrize("gain", [0.5, 0.9, 0.96, 1.05, 2.0])
def test_a_gain_of_all_stems_is_measured_by_the_mixture(scene, raw, gain):
    found = traces({source: gain * image for source, image in raw.items()}, scene)
    assert {phrases["gain"] for phrases in found.values()} == {f"all together {gain:.3f} of the mixture"}
    assert len(found) == 4


def test_a_gain_below_what_matters_is_not_looked_for(scene, raw):
    assert traces({source: (1 + LEVEL / 2) * image for source, image in raw.items()}, scene) == {}


def test_a_stem_with_another_gain_than_the_rest_is_found(scene, raw):
    found = traces({**raw, "bass": 0.7 * raw["bass"]}, scene)
    assert found["bass"]["gain"].startswith("a gain of 0.700")
    assert "another gain than bass" in found["drums"]["gain"]


def test_one_stem_alone_is_held_against_its_reference(scene):
    vocals = scene.references["vocals"]
    assert traces({"vocals": 0.8 * vocals}, scene)["vocals"] == {"gain": "a gain of 0.800"}
    hidden = vocals + 0.5 * scene.references["other"]  # an error that is independent of the source is no gain
    assert traces({"vocals": hidden}, scene) == {}


def test_the_mixtures_own_gain_is_none_of_the_stems(scene):
    level = 0.5
    published = Scene(scene.rate, level * scene.mixture, scene.references, gain=level)
    found = traces(scene.references, published)
    assert {phrases["gain"] for phrases in found.values()} == {"all together 2.000 of the mixture"}
    assert traces({source: level * image for source, image in scene.references.items()}, published) == {}


def test_stems_that_are_the_same_are_said(scene, raw):
    found = traces({**raw, "other": 0.5 * raw["vocals"]}, scene)
    assert found["other"]["same"] == "the same as vocals"
    assert found["vocals"]["same"] == "the same as other"
    mixtures = traces({**raw, "other": scene.mixture}, scene)
    assert mixtures["other"]["same"] == "the same as the mixture"


@pytest.mark.slow
@pytest.mark.heavy
def test_samples_lost_midway_show_as_two_lags(stems):
    scene = stems.song(np.random.default_rng(5), 2 * 2**19 / 22050 + 1)
    vocals = scene.references["vocals"]
    middle = vocals.shape[1] // 2
    lost = np.concatenate([vocals[:, : middle - 441], vocals[:, middle:], np.zeros((2, 441))], axis=1)
    assert traces({"vocals": lost}, scene)["vocals"]["delay"] == (
        "0 samples late in its first half and -441 in its second: samples were lost or put in"
    )


@pytest.mark.slow
@pytest.mark.heavy
def test_the_two_common_tools_are_caught_and_raw_stems_are_not(stems):
    random = np.random.default_rng(0)
    for tool in stems.WRITERS:
        found = list(stems.written(tool, 8, 2.5, random))
        assert not [source for source, about in found if stems.is_missed(source, about)]
        assert all("bits" in about[source] for source, about in found)
    false = [about for source, about in stems.raw(24, 2.5, random) if source in about]
    assert len(false) <= 1


@pytest.mark.parametrize("model", ["d1", "df"])
def test_the_published_demo_of_a_real_model_was_scaled(shared, model):
    """SpaIn-Net's demo stems sum to 0.574 times the demo's mixture, and are 16 bits."""
    folder = shared / "real" / "spain-net-task1"
    sources = ("bass", "guitar", "piano", "strings")
    references = {source: read_audio(folder / "gt" / f"{source}.flac")[0] for source in sources}
    mixture, rate = read_audio(folder / "gt" / "mixture.flac")
    estimates = {source: read_audio(folder / model / f"{source}.flac")[0] for source in sources}
    found = traces(estimates, Scene(rate, mixture, references))
    assert {phrases["gain"] for phrases in found.values()} == {"all together 0.56 to 0.59 of the mixture"}
    assert {phrases["bits"] for phrases in found.values()} == {"16 bits"}
    assert all(set(phrases) == {"gain", "bits"} for phrases in found.values())
