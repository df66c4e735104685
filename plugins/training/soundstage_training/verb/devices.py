"""Where a training runs, and in which arithmetic."""

from __future__ import annotations

import torch
from accelerate import Accelerator

from soundstage.errors import SoundstageError


def accelerator_of(device: str, precision: str) -> Accelerator:
    """The framework's view of the device. Raises SoundstageError where it is not here, or cannot do the precision."""
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda", "mps"):
        raise SoundstageError(f"--device {device}: give auto, cpu, cuda, cuda:N or mps")
    if kind == "cuda" and (not torch.cuda.is_available() or int(number or 0) >= torch.cuda.device_count()):
        raise SoundstageError(
            f"--device {device}: torch {torch.__version__} sees {torch.cuda.device_count()} CUDA devices here; take"
            " --device cpu, or install a torch that is built for your GPU"
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise SoundstageError(f"--device mps: torch {torch.__version__} has no Metal here; take --device cpu")
    if kind == "cuda" and number:
        torch.cuda.set_device(int(number))
    cpu = kind == "cpu" or (kind == "auto" and not torch.cuda.is_available() and not torch.backends.mps.is_available())
    if precision == "fp16" and (cpu or not torch.cuda.is_available()):
        raise SoundstageError("--precision fp16 needs a CUDA GPU; take bf16 or fp32")
    return Accelerator(cpu=cpu, mixed_precision="no" if precision == "fp32" else precision)
