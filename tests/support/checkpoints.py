"""Randomly initialised checkpoints of the real architectures, in the files that their authors' packages read."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
from fractions import Fraction
from pathlib import Path

SOURCES = ["drums", "bass", "other", "vocals"]


def htdemucs(
    folder: Path, name: str = "htdemucs", signature: str = "955717e8", small: bool = False, seed: int = 0
) -> Path:
    """A checkpoint of Hybrid Transformer Demucs as the package serialises one, in half precision as published.

    small: a narrow one for full-path tests, else the published size. Its checksum is in its name.
    """
    import torch
    from demucs.htdemucs import HTDemucs

    torch.manual_seed(seed)
    shape = {"channels": 16, "t_layers": 1, "t_heads": 2, "bottom_channels": 32, "depth": 3} if small else {}
    if not small:
        shape = {"bottom_channels": 512}
    model = HTDemucs(sources=SOURCES, segment=Fraction(39, 5), **shape)
    return _save(folder, signature, model)


def hdemucs(folder: Path, signature: str, seed: int = 0) -> Path:
    """A checkpoint of Hybrid Demucs v3, narrow."""
    import torch
    from demucs.hdemucs import HDemucs

    torch.manual_seed(seed)
    return _save(folder, signature, HDemucs(sources=SOURCES, channels=8, segment=10))


def _save(folder: Path, signature: str, model) -> Path:
    import numpy as np
    import torch

    args, kwargs = model._init_args_kwargs
    package = {
        "klass": model.__class__,
        "args": args,
        "kwargs": kwargs,
        "state": {key: value.half() for key, value in model.state_dict().items()},
        "training_args": {"epochs": 360, "lr": 3e-4, "best": np.float64(4.2)},
    }
    buffer = io.BytesIO()
    torch.save(package, buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()[:8]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{signature}-{digest}.th"
    path.write_bytes(buffer.getvalue())
    return path


def openunmix(folder: Path, own: bool = True, hidden: int = 512, targets=("vocals", "drums", "bass", "other")) -> Path:
    """A model of Open-Unmix: as its training leaves one (own), or as the published weights lie once fetched."""
    import torch

    from soundstage_separators.openunmix import _importable_torchaudio

    with _importable_torchaudio():
        import openunmix
        from openunmix.model import OpenUnmix
    del openunmix
    folder.mkdir(parents=True, exist_ok=True)
    for seed, target in enumerate(targets):
        torch.manual_seed(seed)
        network = OpenUnmix(nb_bins=2049, nb_channels=2, hidden_size=hidden, max_bin=1487)
        state = network.state_dict()
        state["input_mean"] = -torch.rand(1487)
        state["input_scale"] = 0.5 + torch.rand(1487)
        buffer = io.BytesIO()
        torch.save(state, buffer)
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()[:8]
        (folder / (f"{target}.pth" if own else f"{target}-{digest}.pth")).write_bytes(buffer.getvalue())
        if own:
            about = {"args": {"nfft": 4096, "nhop": 1024, "nb_channels": 2, "hidden_size": hidden, "bandwidth": 16000}}
            (folder / f"{target}.json").write_text(json.dumps(about))
    if own:
        separator = {"sample_rate": 44100.0, "nfft": 4096, "nhop": 1024, "nb_channels": 2}
        (folder / "separator.json").write_text(json.dumps(separator))
    return folder


def spleeter(folder: Path, python: Path, model: str = "4stems", seed: int = 0) -> Path:
    """A checkpoint of Spleeter as its TensorFlow graph saves one, and its probe file; made in its own environment."""
    place = folder / model
    place.mkdir(parents=True, exist_ok=True)
    code = (Path(__file__).parent / "make_spleeter_checkpoint.py").read_text()
    done = subprocess.run(
        [str(python), "-I", "-c", code, str(place), model, str(seed)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


MSS_AUDIO = {"sample_rate": 44100, "num_channels": 2}
MSS = {
    "bs_roformer": (
        {"chunk_size": 16384, "hop_length": 512, "n_fft": 2048},
        {
            "dim": 8,
            "depth": 1,
            "stereo": True,
            "num_stems": 4,
            "dim_head": 4,
            "heads": 2,
            "mask_estimator_depth": 1,
            "time_transformer_depth": 1,
            "freq_transformer_depth": 1,
            "mlp_expansion_factor": 1,
            "flash_attn": False,
            "stft_n_fft": 2048,
            "stft_hop_length": 512,
            "stft_win_length": 2048,
            "stft_normalized": False,
            "freqs_per_bands": (5, 11, 22, 43, 86, 172, 343, 343),
        },
    ),
    "mel_band_roformer": (
        {"chunk_size": 17640, "hop_length": 441, "n_fft": 2048},
        {
            "dim": 8,
            "depth": 1,
            "stereo": True,
            "num_stems": 4,
            "dim_head": 4,
            "heads": 2,
            "mask_estimator_depth": 1,
            "time_transformer_depth": 1,
            "freq_transformer_depth": 1,
            "mlp_expansion_factor": 1,
            "flash_attn": False,
            "stft_n_fft": 2048,
            "stft_hop_length": 441,
            "stft_win_length": 2048,
            "stft_normalized": False,
            "num_bands": 30,
            "sample_rate": 44100,
        },
    ),
    "scnet": (
        {"chunk_size": 16384},
        {
            "sources": SOURCES,
            "audio_channels": 2,
            "dims": [4, 4, 8],
            "nfft": 1024,
            "hop_size": 256,
            "win_size": 1024,
            "normalized": True,
            "band_SR": [0.175, 0.392, 0.433],
            "band_stride": [1, 4, 16],
            "compress": 4,
            "expand": 1,
            "band_kernel": [3, 4, 16],
            "conv_depths": [1, 1, 1],
            "conv_kernel": 3,
            "num_dplayer": 2,
        },
    ),
    "mdx23c": (
        {"chunk_size": 15872, "hop_length": 512, "n_fft": 1024, "dim_f": 512, "dim_t": 32},
        {
            "act": "gelu",
            "norm": "InstanceNorm",
            "bottleneck_factor": 4,
            "growth": 4,
            "num_channels": 4,
            "num_blocks_per_scale": 1,
            "num_scales": 2,
            "num_subbands": 4,
            "scale": [2, 2],
        },
    ),
}
"""Of each architecture the tables `audio` and `model` of a tiny model's YAML."""


def mss_config(architecture: str, **changed) -> dict:
    """A tiny model's YAML. changed: sections with what is otherwise in them."""
    audio, model = MSS[architecture]
    table: dict = {
        "audio": {**MSS_AUDIO, **audio},
        "model": dict(model),
        "training": {"instruments": list(SOURCES), "target_instrument": None},
        "inference": {"batch_size": 1, "num_overlap": 2},
    }
    for section, values in changed.items():
        table[section].update(values)
    return table


def write_mss_config(path: Path, table: dict) -> Path:
    """The YAML as the toolkit writes one, tuples included."""
    import yaml

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.dump(table))
    return path


def mss(folder: Path, architecture: str, seed: int = 0, name: str = "model", **changed) -> tuple[Path, Path]:
    """A random checkpoint of one of the toolkit's architectures, and its YAML."""
    import torch
    from pymss_core import get_model_from_config

    config = write_mss_config(folder / f"{name}.yaml", mss_config(architecture, **changed))
    torch.manual_seed(seed)
    network, _ = get_model_from_config(architecture, str(config), toolkits_own(architecture))
    torch.save(network.state_dict(), folder / f"{name}.ckpt")
    return folder / f"{name}.ckpt", config


def toolkits_own(architecture: str) -> dict:
    """What has to be said to pymss-core so that it builds what the toolkit builds."""
    own: dict[str, dict] = {"bs_roformer": {"zero_dc": True}, "mel_band_roformer": {"mlp_hidden_layers": 1}}
    return own.get(architecture, {})
