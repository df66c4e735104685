"""X-UMX and the DPRNN blocks say what those of the package asteroid say with the same weights.

asteroid (Pariente et al., 2020, Asteroid: the PyTorch-based audio source separation toolkit for researchers) is put
into a folder of its own, without what it requires: it is asked in a process of its own, which has our torch.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lazily import Lazily
from soundstage_training.models import build

pytestmark = pytest.mark.heavy

if importlib.util.find_spec("torch") is None or importlib.util.find_spec("safetensors") is None:
    pytest.skip("torch or safetensors is not installed: pip install 'soundstage[train]'", allow_module_level=True)

torch = Lazily("torch")
safetensors = Lazily("safetensors.torch")
dprnn = Lazily("soundstage_training.models.dprnn")

WANTED = ("asteroid==0.7.0", "asteroid-filterbanks==0.4.0")
ASKER = Path(__file__).parents[2] / "support" / "ask_asteroid.py"


@pytest.fixture(scope="module")
def asteroid(tmp_path_factory):
    """Asks asteroid: model, settings, weights under its names, signals → arrays by name."""
    from uv import find_uv_bin

    site = tmp_path_factory.mktemp("asteroid")
    command = [find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--target", str(site / "site"), *WANTED]
    done = subprocess.run([*command, "--python", sys.executable], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"asteroid could not be had: {done.stderr.strip()[-300:]}")

    def ask(which, settings, weights, signals):
        place = site / which
        place.mkdir()
        (place / "settings.json").write_text(json.dumps(settings))
        safetensors.save_file({name: one.contiguous() for name, one in weights.items()}, str(place / "weights"))
        np.savez(place / "signals.npz", signals=signals.numpy())
        files = [str(place / name) for name in ("settings.json", "weights", "signals.npz", "answer.npz")]
        path = os.pathsep.join([str(site / "site"), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, str(ASKER), which, *files],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return np.load(place / "answer.npz")

    return ask


def shaken(model, seed=0):
    """The model with weights, running means and deviations that are not those that it began with."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, one in model.state_dict().items():
            if one.dtype.is_floating_point:
                one.add_(0.1 * torch.rand_like(one) if name.endswith("running_var") else 0.1 * torch.randn_like(one))
    return model.eval()


XUMX_NAMES = {
    "input_mean": "mean_scale.input_mean_{}",
    "input_scale": "mean_scale.input_scale_{}",
    "output_mean": "mean_scale.output_mean_{}",
    "output_scale": "mean_scale.output_scale_{}",
    "encoder": "layer_enc.{}.enc",
    "lstm": "layer_lstm.{}",
    "decoder": "layer_dec.{}.dec",
}


def test_xumx_equals_asteroids(asteroid):
    """The paper's transform, bandwidth and layers; fewer features, to be quick."""
    sources = ["guitar", "strings", "bass", "piano"]
    model = shaken(build("xumx", {"sources": sources, "hidden": 32}))
    weights = {}
    for name, one in model.state_dict().items():
        _, index, part, *rest = name.split(".")
        weights[".".join([XUMX_NAMES[part].format(sources[int(index)]), *rest])] = one
    settings = {"sources": sources, "hidden_size": 32, "max_bin": 1487}
    torch.manual_seed(1)
    mixture = 0.3 * torch.randn(2, 2, 20 * 1024)
    answer = asteroid("xumx", settings, weights, mixture)
    with torch.no_grad():
        images, magnitudes = model._images(mixture, None)
    assert np.abs(images.numpy()).max() > 0.1
    np.testing.assert_allclose(images, answer["images"].swapaxes(0, 1), atol=1e-5)
    # (sources, frames, batch, channels, bins) there; magnitudes are as large as hundreds.
    theirs = answer["magnitudes"].transpose(2, 0, 3, 4, 1)
    np.testing.assert_allclose(magnitudes, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())


DPRNN_NAMES = {
    "intra.rnn": "intra_RNN.rnn",
    "intra.linear": "intra_linear",
    "intra.norm.gain": "intra_norm.gamma",
    "intra.norm.bias": "intra_norm.beta",
    "inter.rnn": "inter_RNN.rnn",
    "inter.linear": "inter_linear",
    "inter.norm.gain": "inter_norm.gamma",
    "inter.norm.bias": "inter_norm.beta",
}


def test_the_dual_path_blocks_equal_asteroids(asteroid):
    """One block, and three in a row, as asteroid's DPRNN has them between its own ends."""
    torch.manual_seed(2)
    blocks = shaken(torch.nn.Sequential(*(dprnn.DualPathBlock(12, 7) for _ in range(3))))
    weights = {}
    for name, one in blocks.state_dict().items():
        index, _, rest = name.partition(".")
        ours = next(part for part in DPRNN_NAMES if rest.startswith(part))
        weights[f"{index}.{DPRNN_NAMES[ours]}{rest.removeprefix(ours)}"] = one
    settings = {"in_chan": 20, "n_src": 2, "bn_chan": 12, "hid_size": 7, "n_repeats": 3}
    plane = torch.randn(2, 12, 33, 19)  # (batch, features, bins, frames)
    answer = asteroid("dprnn", settings, weights, plane)
    with torch.no_grad():
        np.testing.assert_allclose(blocks[0](plane), answer["first"], atol=1e-5)
        np.testing.assert_allclose(blocks(plane), answer["plane"], atol=1e-5)
