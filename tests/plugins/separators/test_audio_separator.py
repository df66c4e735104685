"""`audio_separator` gives what the package's network gives, at the level of the mixture, whatever the peaks.

In the package's own environment, on a random checkpoint in its format.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

import checkpoints
from soundstage.catalogue.registry import Registry
from soundstage.contracts import CellName
from soundstage.errors import NotInstalled, SoundstageError
from soundstage.pipeline.separate import separate
from soundstage.scene import Scene

pytestmark = pytest.mark.heavy

if importlib.util.find_spec("pymss_core") is None:
    pytest.skip("pymss-core is not installed: pip install 'soundstage[mss]'", allow_module_level=True)

SOURCES = ("drums", "bass", "other", "vocals")

DIRECTLY = """
import json, logging, sys
import numpy as np, soundfile, torch
from audio_separator.separator import Separator
folder, signal, out = sys.argv[1:]
torch.set_num_threads(1)

class Local(Separator):
    def check_ffmpeg_installed(self): pass
    def download_model_files(self, name):
        self.model_friendly_name, self.model_is_uvr_vip = name, False
        return name, "MDXC", name, folder + "/" + name, folder + "/model.yaml"

separator = Local(log_level=logging.ERROR, model_file_dir=folder, output_dir=out, use_soundfile=True)
separator.load_model("model.ckpt")
mixture = np.load(signal)
raw = separator.model_instance.demix(mix=mixture.copy())
np.savez(out + "/raw.npz", **raw)
soundfile.write(out + "/mixture.wav", mixture.T, 44100, subtype="FLOAT")
written = {}
separator.model_instance.write_audio = lambda path, source: written.update({path: float(np.abs(source).max())})
separator.separate(out + "/mixture.wav")
print(json.dumps(written))
"""
"""The network of the package, and what its own `separate` makes of the levels."""


@pytest.fixture(scope="session")
def python() -> Path:
    from soundstage.isolation import environment
    from soundstage.isolation.script import read_script

    script = Registry.load().catalogue.get("separators", "audio_separator").script
    assert script is not None
    try:
        return environment.make(read_script(script))
    except NotInstalled as error:
        pytest.skip(f"the environment of audio-separator cannot be made here: {error}")


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """A random MDX23C whose estimates are loud."""
    import torch

    place = tmp_path_factory.mktemp("audio-separator")
    checkpoint, _ = checkpoints.mss(place, "mdx23c", inference={"dim_t": 32}, audio={"chunk_size": 15872})
    state = torch.load(checkpoint, weights_only=True)
    last = list(state)[-1]
    state[last] *= 30
    torch.save(state, checkpoint)
    return place


def test_levels_are_those_of_the_network_to_1e_6(lasting_environments, python, folder, tmp_path):
    mixture = (np.random.default_rng(1).standard_normal((2, 11 * 44100)) * 0.5).astype(np.float32)
    assert np.abs(mixture).max() > 1.5  # the package would divide by it
    np.save(tmp_path / "signal.npy", mixture)
    done = subprocess.run(
        [str(python), "-I", "-c", DIRECTLY, str(folder), str(tmp_path / "signal.npy"), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    raw = np.load(tmp_path / "raw.npz")
    peaks = json.loads(done.stdout.splitlines()[-1])
    assert len(peaks) == 4
    assert all(peak <= 0.9001 for peak in peaks.values())  # what the package does unless it is kept from it
    assert max(float(np.abs(raw[source]).max()) for source in SOURCES) > 1

    variant = f"audio_separator[folder={folder},model=model.ckpt,config=model.yaml,device=cpu]"
    separator = Registry.load().choose("separators", variant).build()
    separator.load("cpu")
    wide = mixture.astype(float)
    scene = Scene(44100, wide, dict.fromkeys(SOURCES, wide / 4))
    found = separate(separator, "audio_separator", scene, CellName("a test", "a song", "", "original", 0))
    for source in SOURCES:
        largest = float(np.abs(raw[source]).max())
        assert np.abs(found.images[source] - raw[source]).max() <= 1e-6 * max(1.0, largest)
    assert "switched off" in found.details["levels"]
    assert found.details["environment"]["audio-separator"] == "0.47.1"
    assert [path.name for path in separator.files(None)] == ["model.ckpt", "model.yaml"]
    other = Registry.load().choose("separators", variant.replace("=model.ckpt", "=nothing.ckpt")).build()
    with pytest.raises(SoundstageError, match=r"nothing\.ckpt is not there; folder must hold the model's files"):
        other.load("cpu")
