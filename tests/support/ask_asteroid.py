"""Runs in an environment with asteroid: what its X-UMX and its DPRNN say of given weights and signals.

    python ask_asteroid.py xumx|dprnn SETTINGS.json WEIGHTS.safetensors SIGNALS.npz ANSWER.npz

Weights come under asteroid's own names. asteroid 0.7 keeps its X-UMX from being used because torch 2 no longer has the
real-valued spectra that it asks for; here torch gets them back, and the class is theirs, unaltered.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

stft, istft = torch.stft, torch.istft


def real_stft(*arguments, return_complex=False, **options):
    assert return_complex is False
    return torch.view_as_real(stft(*arguments, return_complex=True, **options))


def real_istft(spectrum, *arguments, **options):
    return istft(torch.view_as_complex(spectrum.contiguous()), *arguments, **options)


def main(which, settings, weights, signals, answer):
    settings = json.loads(Path(settings).read_text(encoding="utf-8"))
    given = torch.from_numpy(np.load(signals)["signals"])
    if which == "xumx":
        from asteroid.models.x_umx import BrokenXUMX

        torch.stft, torch.istft = real_stft, real_istft
        model = BrokenXUMX(return_time_signals=True, **settings)
        state, fixed = load_file(weights), {"encoder.0.window", "decoder.window"}
        lacking, unknown = model.load_state_dict(state, strict=False)
        assert (set(lacking), unknown) == (fixed, []), (lacking, unknown)
        model.eval()
        with torch.no_grad():
            magnitudes, images = model(given)
        found = {"magnitudes": magnitudes.numpy(), "images": images.numpy()}
    else:
        from asteroid.masknn.recurrent import DPRNN

        model = DPRNN(**settings).net
        model.load_state_dict(load_file(weights))
        model.eval()
        with torch.no_grad():
            found = {"plane": model(given).numpy(), "first": model[0](given).numpy()}
    np.savez(answer, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
