"""Is training on a GPU the same as on a CPU, and how much faster? The figures of docs/training.md.

    python benchmarks/devices.py [--steps 30] [--out devices.json]

Each model of the seed works, of the papers' sizes but for fewer seconds, is trained for a few steps from equal weights
on equal examples, once on each device, in float32 without TensorFloat-32 and without dropout, whose draws differ
between devices. It prints a step's median time on both and the largest difference of the losses, relative to the loss;
it exits with 1 where that is above the tolerance, and says so where there is no GPU. Each model tells its own as soon
as it is known.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from soundstage.draw import Draw
from soundstage.scene import Placement
from soundstage_datasets.sketches import Sketches
from soundstage_spatializers.panning import Panning
from soundstage_training.models import build

RATE = 44100
ANGLES = (-30.0, -10.0, 15.0, 40.0)
TWO = ("vocals", "accompaniment")
MODELS: dict[str, dict[str, Any]] = {
    "xumx": {"dropout": 0.0},
    "spainnet": {"dropout": 0.0, "variant": "D1-CAT"},
    "munet": {"sources": TWO},
    "dprnn": {"sources": TWO, "blocks": 2},
}
TOLERANCE = 2e-2
"""Of losses, relative: what Adam makes of sums in another order within some tens of steps."""


def examples(count: int, batch: int, seconds: float) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Mixtures (batch, 2, samples) and their references (batch, 4, 2, samples), from the sketches."""
    sketches, panning, samples = Sketches(), Panning(), int(seconds * RATE)
    scenes = []
    for name in sketches.track_ids():
        track = sketches.load(name)
        azimuths = dict(zip(track.stems, ANGLES, strict=True))
        scenes.append(panning.render(track, Placement(azimuths, panning="same")))
    found = []
    for step in range(count):
        parts = []
        for k in range(batch):
            scene, draw = scenes[(step + k) % len(scenes)], Draw(0, "devices", str(step), str(k))
            start = int(draw.uniform("start", 0, scene.mixture.shape[1] - samples))
            parts.append(np.stack([image[:, start : start + samples] for image in scene.references.values()]))
        references = torch.from_numpy(np.stack(parts).astype(np.float32))
        found.append((references.sum(1), references))
    return found


def trained(model: Any, data: list[tuple[torch.Tensor, torch.Tensor]], device: str) -> tuple[list[float], float]:
    """The losses of every step, and a step's median time in seconds."""
    model = copy.deepcopy(model).to(device).train()
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses, times = [], []
    for mixture, references in data:
        began = time.monotonic()
        mixture, references = mixture.to(device), references.to(device)
        if len(model.sources) == 2:
            references = torch.stack([references[:, 0], references[:, 1:].sum(1)], 1)
        angles = torch.tensor([ANGLES] * len(mixture), device=device) if model.told_azimuths else None
        loss, _ = model.losses(mixture, references, angles)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(float(loss.detach()))
        times.append(time.monotonic() - began)
    return losses, statistics.median(times[len(times) // 3 :])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("no GPU is to be seen here; nothing was compared")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    data = examples(options.steps, options.batch, options.seconds)
    found: dict[str, Any] = {"torch": torch.__version__, "threads": torch.get_num_threads(), "models": {}}
    if options.device == "cuda":
        found["device"] = torch.cuda.get_device_name()
    for name, config in MODELS.items():
        torch.manual_seed(0)
        model: Any = build(name, {"sources": ("vocals", "drums", "bass", "other"), **config})
        here, slow = trained(model, data, "cpu")
        there, fast = trained(model, data, options.device)
        apart = max(abs(one - other) / abs(one) for one, other in zip(here, there, strict=True))
        found["models"][name] = {
            "parameters": sum(one.numel() for one in model.parameters()),
            "cpu_s": slow,
            "device_s": fast,
            "losses": [here[0], here[-1]],
            "apart": apart,
        }
        print(
            f"{name:10} {slow:8.3f} s on the CPU, {fast:8.4f} s on the device, {slow / fast:6.1f} times; the loss"
            f" {here[0]:.5f} → {here[-1]:.5f}, at most {apart:.1e} apart",
            flush=True,
        )
    if options.out:
        options.out.write_text(json.dumps(found, indent=1))
    if any(one["apart"] > TOLERANCE for one in found["models"].values()):
        sys.exit(f"losses are more than {TOLERANCE} apart")


if __name__ == "__main__":
    main()
