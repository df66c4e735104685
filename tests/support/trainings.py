"""A training so small that it takes a second, for tests of `soundstage train`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

TINY = """
[training.tiny]
summary = "A test's"
model = "xumx[n_fft=256,hop=128,hidden=8,layers=2]"
datasets = ["sketches"]
rate = 8000
seconds = 0.5
batch = 4
gain_db = [-3, 3]
schedule = "plateau"
decay_after = 1
validate_every = 4
validation_seconds = 2
metrics = ["sdr"]

[training.even]
model = "dprnn[n_fft=256,hop=128,features=4,hidden=4,blocks=1]"
datasets = ["sketches"]
rate = 8000
seconds = 0.5
batch = 4
validate_every = 4
validation_seconds = 2
metrics = ["sdr"]
"""


def train(folder, *words, code="", check=True, processes=1):
    """Run `soundstage train` in a process of its own, or several. code: run before it, in the same process."""
    registry = folder / "tiny.toml"
    if not registry.exists():
        registry.write_text(TINY)
    program = f"{code}\nimport sys\nfrom soundstage.cli import main\nsys.argv = ['soundstage', *sys.argv[1:]]\nmain()"
    command = [sys.executable, "-c", program, "train", "--registry", str(registry), "--device", "cpu", *words]
    if processes > 1:
        launcher = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes), "-m", "soundstage"]
        command = [sys.executable, *launcher, *command[3:]]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    assert not check or found.returncode == 0, found.stderr
    return found


def curve(out):
    """The lines of a training's curve."""
    return [json.loads(line) for line in (out / "curve.jsonl").read_text().splitlines()]
