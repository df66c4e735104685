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
