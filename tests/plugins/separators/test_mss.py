"""`mss` gives what the toolkit's own code gives, of any YAML and checkpoint that are one model's, and of no others.

The checkpoints are random, of the real architectures and in the real files.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

import checkpoints
import soundstage
from soundstage.catalogue.registry import Registry
from soundstage.contracts import CellName
from soundstage.errors import NotInstalled, SoundstageError
from soundstage.pipeline.separate import separate
from soundstage.scene import Scene

pytestmark = pytest.mark.heavy

if importlib.util.find_spec("torch") is None or importlib.util.find_spec("pymss_core") is None:
    pytest.skip("torch or pymss-core is not installed: pip install 'soundstage[mss]'", allow_module_level=True)

FOUR = ("drums", "bass", "other", "vocals")
ARCHITECTURES = ("bs_roformer", "mel_band_roformer", "scnet", "mdx23c")


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> dict[str, tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("mss")
    return {name: checkpoints.mss(folder / name, name) for name in ARCHITECTURES}


def built(checkpoint: Path, config: Path, **params):
    """The separator as a grid gets it, loaded."""
    given = ",".join(f"{key}={value}" for key, value in params.items())
    variant = f"mss[checkpoint={checkpoint},config={config}{',' if given else ''}{given}]"
    separator = Registry.load().choose("separators", variant).build()
    separator.load("cpu")
    return separator


def signal(samples: int, seed: int = 2026):
    """The signal of the golden values, see tests/golden/README.md of the shared folder."""
    r = np.random.default_rng(seed)
    x = r.standard_normal((2, samples)) * 0.1 * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * np.arange(samples) / 44100))
    x[1] = 0.7 * x[1] + 0.3 * x[0]
    return x.astype(np.float32)


# The toolkit's own numbers


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_toolkits_golden_outputs_are_reproduced(shared, name):
    folder = shared / "golden" / "mss"
    if not folder.is_dir():
        pytest.skip(f"no golden checkpoints at {folder}")
    facts = json.loads((folder / "facts.json").read_text())[name]
    golden = np.load(folder / f"{name}.npz")
    separator = built(folder / f"{name}.ckpt", folder / f"{name}.yaml", normalize="none")  # demix itself does not
    assert list(separator.sources) == facts["stems"]
    forward = estimate(separator, signal(facts["forward_samples"]))[..., ::7]
    assert relative(forward, golden["forward"]) <= 1e-5
    found = separator.separate(signal(facts["demix_samples"]).astype(float), 44100)
    demix = np.stack([found[source] for source in facts["stems"]])
    assert relative(demix[..., golden["pick"]], golden["demix"]) <= 1e-5
    np.testing.assert_allclose(np.sqrt((demix**2).mean(axis=(1, 2))), facts["demix_rms"], rtol=1e-5)


def relative(found, golden) -> float:
    return float(np.abs(found - golden).max() / np.abs(golden).max())


# The package, called directly


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_one_chunk_is_what_pymss_core_gives_when_called_directly(models, name):
    import torch
    from pymss_core import get_model_from_config, load_model_weights

    checkpoint, config = models[name]
    network, table = get_model_from_config("auto", str(config), checkpoints.toolkits_own(name))
    load_model_weights(network, torch.load(checkpoint, weights_only=True), strict=True)
    part = signal(table["audio"]["chunk_size"])
    torch.set_num_threads(1)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of SCNet's rectangular window
        direct = network.eval()(torch.from_numpy(part)[None])[0].numpy()
    np.testing.assert_array_equal(estimate(built(checkpoint, config), part), direct)
    assert len({round(float(np.abs(one).sum()), 4) for one in direct}) == 4  # a wrong order could not go unseen


def estimate(separator, part):
    """What the network makes of one chunk, as `separate` has it made."""
    import torch

    from soundstage_separators.torch_models import repeatable

    with repeatable(torch.device("cpu"), False):
        return separator._estimate(part)


@pytest.mark.parametrize("samples", [1, 2, 100, 8192, 16384, 50000])
def test_any_length_is_separated_through_the_harness(models, samples):
    checkpoint, config = models["scnet"]
    mixture = signal(samples).astype(float)
    scene = Scene(44100, mixture, dict.fromkeys(FOUR, mixture / 4))
    estimates = separate(built(checkpoint, config), "mss", scene, CellName("a test", "a song", "", "original", 0))
    assert set(estimates.images) == set(FOUR)
    assert all(image.shape == (2, samples) for image in estimates.images.values())
    assert estimates.details["architecture"] == "scnet"


def test_another_rate_is_resampled_and_said(models):
    mixture = signal(24000).astype(float)
    scene = Scene(48000, mixture, dict.fromkeys(FOUR, mixture / 4))
    cell = CellName("a test", "a song", "", "original", 0)
    estimates = separate(built(*models["bs_roformer"]), "mss", scene, cell)
    assert estimates.images["bass"].shape == (2, 24000)
    assert estimates.details["resampled"]["to"] == 44100


def test_what_is_not_asked_for_follows_the_yaml(models, tmp_path):
    checkpoint, config = models["scnet"]
    mixture = 3 * signal(40000).astype(float) + 0.01
    plain = built(checkpoint, config).separate(mixture, 44100)
    table = checkpoints.mss_config("scnet", inference={"normalize": True, "num_overlap": 4, "chunk_size": 8192})
    other = checkpoints.write_mss_config(tmp_path / "other.yaml", table)
    separator = built(checkpoint, other)
    found = separator.separate(mixture, 44100)
    assert separator.details["normalize"] is True
    assert (separator.details["chunk"], separator.details["overlap"]) == (8192, 4)
    assert not np.allclose(found["bass"], plain["bass"])
    asked = built(checkpoint, other, normalize="none", chunk=16384, overlap=2).separate(mixture, 44100)
    np.testing.assert_array_equal(asked["bass"], plain["bass"])
    mono = mixture.mean(axis=0)
    by_hand = built(checkpoint, other, normalize="none").separate((mixture - mono.mean()) / mono.std(), 44100)
    np.testing.assert_allclose(found["bass"], by_hand["bass"] * mono.std() + mono.mean(), atol=1e-12)
    assert np.isfinite(built(checkpoint, other).separate(np.zeros((2, 9000)), 44100)["bass"]).all()


def test_a_model_of_one_channel_hears_each_channel_alone(tmp_path):
    mono = {"model": {"stereo": False}, "audio": {"num_channels": 1}}
    separator = built(*checkpoints.mss(tmp_path, "bs_roformer", **mono))
    mixture = signal(20000).astype(float)
    both = separator.separate(mixture, 44100)
    left = separator.separate(np.stack([mixture[0], mixture[0]]), 44100)
    assert both["bass"].shape == (2, 20000)
    np.testing.assert_allclose(both["bass"][0], left["bass"][0], atol=1e-6)
    assert np.abs(both["bass"][0] - both["bass"][1]).max() > 1e-4


@pytest.mark.parametrize(
    ("training", "sources"),
    [
        ({"instruments": ["vocals", "other"], "target_instrument": "vocals"}, ("vocals",)),
        ({"instruments": ["Vocals", "Instrumental"], "target_instrument": "Instrumental"}, ("accompaniment",)),
        ({"instruments": list(FOUR), "target_instrument": "other"}, ("other",)),
        ({"instruments": ["vocals", "other"], "target_instrument": None}, ("vocals", "accompaniment")),
    ],
)
def test_what_a_model_of_two_has_beside_the_vocals_is_the_accompaniment(tmp_path, training, sources):
    count = len(sources)
    for name, changed in (("bs_roformer", {"model": {"num_stems": count}}), ("mdx23c", {})):
        pair = checkpoints.mss(tmp_path / name, name, training=training, **changed)
        separator = built(*pair)
        assert tuple(separator.sources) == sources
        assert list(separator.separate(signal(9000).astype(float), 44100)) == list(sources)


def test_torch_is_left_as_the_caller_had_it_and_its_threads_move_no_digit(models):
    import torch

    mixture = signal(40000).astype(float)
    torch.set_num_threads(2)
    with_two = built(*models["mdx23c"]).separate(mixture, 44100)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    with_one = built(*models["mdx23c"]).separate(mixture, 44100)
    for source in FOUR:
        np.testing.assert_array_equal(with_one[source], with_two[source])


def test_both_files_are_part_of_the_address_and_where_they_lie_is_not(models, tmp_path):
    from soundstage.planning.request import plan_of

    def address(folder: Path) -> str:
        grid = {
            "datasets": ["sketches"],
            "spatializers": ["original"],
            "separators": [f"mss[checkpoint={folder / 'model.ckpt'},config={folder / 'model.yaml'}]"],
            "metrics": ["sdr"],
        }
        return plan_of(grid).cells[0].address

    own = models["scnet"][0].parent
    for name, more in (("moved", b""), ("touched", b"# another hash\n")):
        shutil.copytree(own, tmp_path / name)
        (tmp_path / name / "model.yaml").write_bytes((own / "model.yaml").read_bytes() + more)
    assert address(tmp_path / "moved") == address(own)
    assert address(tmp_path / "touched") != address(own)


def test_the_whole_way_runs_and_is_the_same_twice(models, tmp_path):
    checkpoint, config = models["bs_roformer"]
    grid = {
        "datasets": ["sketches"],
        "spatializers": ["original"],
        "separators": [f"mss[checkpoint={checkpoint},config={config}]"],
        "metrics": ["sdr"],
    }
    frames = []
    for name in ("one", "two"):
        assert soundstage.run(grid, tmp_path / name, workers=1).ran == 3
        frame = soundstage.load(tmp_path / name)
        frames.append(frame.sort_values(["track", "source", "name"])["value"].to_numpy())
    np.testing.assert_array_equal(frames[0], frames[1])


# What is no model, or not one


def test_a_checkpoint_is_unpickled_as_weights_alone(models, tmp_path):
    import torch

    evil = tmp_path / "evil.ckpt"
    torch.save({"state_dict": {"a": torch.zeros(1)}, "more": Evil()}, evil)
    with pytest.raises(SoundstageError, match="holds more than weights, which is not unpickled"):
        built(evil, models["scnet"][1])
    assert not Path("/tmp/soundstage-mss-was-here").exists()


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("/tmp/soundstage-mss-was-here"),))


def test_a_yaml_makes_nothing_but_values(models, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("training: !!python/object/apply:os.system ['touch /tmp/soundstage-mss-was-here']\n")
    with pytest.raises(SoundstageError, match="not the YAML of a model"):
        built(models["scnet"][0], bad)
    assert not Path("/tmp/soundstage-mss-was-here").exists()


@pytest.mark.parametrize("key", ["state", "state_dict", "model_state_dict"])
def test_weights_in_a_container_and_of_several_gpus_are_found(models, tmp_path, key):
    import torch

    checkpoint, config = models["scnet"]
    state = torch.load(checkpoint, weights_only=True)
    torch.save({key: {f"module.{name}": value for name, value in state.items()}, "epoch": 3}, tmp_path / "c.ckpt")
    part = signal(16384)
    np.testing.assert_array_equal(
        estimate(built(tmp_path / "c.ckpt", config), part), estimate(built(checkpoint, config), part)
    )


def test_the_architecture_is_found_from_the_checkpoint_where_the_yaml_does_not_tell(models, tmp_path):
    checkpoint, _ = models["scnet"]
    table = checkpoints.mss_config("scnet")
    for key in ("band_SR", "dims"):
        del table["model"][key]
    silent = checkpoints.write_mss_config(tmp_path / "silent.yaml", table)
    with pytest.raises(SoundstageError, match="do not fit the scnet that it declares"):  # found, with other widths
        built(checkpoint, silent)


def test_what_is_not_there_is_said(models, tmp_path):
    checkpoint, config = models["scnet"]
    with pytest.raises(NotInstalled, match="no such file; give the YAML"):
        built(checkpoint, tmp_path / "nothing.yaml")
    with pytest.raises(NotInstalled, match="no such file; give the model's checkpoint"):
        built(tmp_path / "nothing.ckpt", config)
    with pytest.raises(SoundstageError, match="overlap=0: must be 1 or more"):
        built(checkpoint, config, overlap=0)


def planted() -> dict[str, tuple[str, dict, str]]:
    """YAMLs that are not the checkpoint's, by what is wrong: the architecture, its table, and what is said."""
    own = checkpoints.mss_config
    wrong = {
        "another band split": (
            "bs_roformer",
            own("bs_roformer", model={"freqs_per_bands": (5, 11, 22, 43, 86, 172, 686)}),
        ),
        "another split of as many bands": (
            "bs_roformer",
            own("bs_roformer", model={"freqs_per_bands": (11, 5, 22, 43, 86, 172, 343, 343)}),
        ),
        "another n_fft": ("bs_roformer", own("bs_roformer", model={"stft_n_fft": 1024, "stft_win_length": 1024})),
        "another number of mel bands": ("mel_band_roformer", own("mel_band_roformer", model={"num_bands": 32})),
        "deeper masks": ("mel_band_roformer", own("mel_band_roformer", model={"mask_estimator_depth": 2})),
        "another hop, that does not divide the chunk": (
            "mel_band_roformer",
            own("mel_band_roformer", model={"stft_hop_length": 512}),
        ),
        "fewer stems": ("bs_roformer", own("bs_roformer", training={"instruments": ["drums", "bass", "vocals"]})),
        "two orders of stems": ("scnet", own("scnet", training={"instruments": ["vocals", "drums", "bass", "other"]})),
        "another width": ("scnet", own("scnet", model={"dims": [4, 8, 16]})),
        "other subbands": ("mdx23c", own("mdx23c", model={"num_subbands": 2})),
        "other frequencies": ("mdx23c", own("mdx23c", audio={"dim_f": 256})),
        "another architecture": ("mdx23c", own("scnet")),
    }
    said = {
        "another n_fft": r"no bs_roformer can be built of it .*number of freqs",
        "another hop, that does not divide the chunk": "its chunk_size does not fit its hop",
        "fewer stems": "a network of 4 outputs and 3 names",
        "two orders of stems": "calls the outputs drums, bass, other, vocals in model.sources and vocals, drums",
        "another architecture": "is of architecture scnet, and the checkpoint of mdx23c",
    }
    return {name: (*what, said.get(name, "is another model's YAML")) for name, what in wrong.items()}


@pytest.mark.parametrize("name", planted())
def test_a_yaml_of_another_model_is_refused(models, tmp_path, name):
    architecture, table, said = planted()[name]
    config = checkpoints.write_mss_config(tmp_path / "planted.yaml", table)
    with pytest.raises(SoundstageError, match=said):
        built(models[architecture][0], config).separate(signal(20000).astype(float), 44100)


def test_a_folder_of_one_checkpoint_is_that_checkpoint(models, tmp_path):
    checkpoint, config = models["scnet"]
    (tmp_path / "deep").mkdir()
    shutil.copy(checkpoint, tmp_path / "deep" / "checkpoint.th")
    part = signal(16384)
    separator = built(tmp_path, config)
    assert separator.files() == [tmp_path / "deep" / "checkpoint.th", config]
    np.testing.assert_array_equal(estimate(separator, part), estimate(built(checkpoint, config), part))
    shutil.copy(checkpoint, tmp_path / "optimizer.bin")
    with pytest.raises(SoundstageError, match=r"holds not one checkpoint but deep/checkpoint.th, optimizer.bin; give"):
        separator.files()
