"""What the torch models share: the device, one thread, and full float32 precision, so that numbers repeat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from soundstage.errors import SoundstageError

if TYPE_CHECKING:
    import torch

THREADS = 1
"""The same in every executor: a sum's last bits depend on how many threads share it. More workers use more cores."""


def chosen(device: str) -> torch.device:
    """The torch device that `device` (auto, cpu, cuda, cuda:N, mps) means here.

    auto is CUDA where there is one, else Apple's GPU, else the CPU. Raises SoundstageError where the device is not
    there.
    """
    import torch

    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if device == "auto":
        device = "cuda" if cuda else "mps" if mps else "cpu"
    kind, _, number = device.partition(":")
    if kind == "cuda" and not cuda:
        built = "this torch is built without CUDA" if torch.version.cuda is None else "torch finds no CUDA device"
        raise SoundstageError(f"device '{device}' is not there: {built}; use --device cpu, or install torch for CUDA")
    if kind == "cuda" and number and int(number) >= torch.cuda.device_count():
        raise SoundstageError(
            f"device '{device}' is not there: the CUDA devices are 0 to {torch.cuda.device_count() - 1}"
        )
    if kind == "mps" and not mps:
        raise SoundstageError("device 'mps' is not there: torch finds no Apple GPU; use --device cpu")
    return torch.device(device)


@contextmanager
def repeatable(device: torch.device, half: bool) -> Iterator[None]:
    """Torch without gradients and set up so that numbers repeat; afterwards it is as the caller had it.

    One thread, no TensorFloat-32 (its 10-bit mantissa moves estimates by more than float32 rounding does), and mixed
    half precision where it is asked for (float16; bfloat16 on a CPU).
    """
    import torch

    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = torch.get_num_threads(), cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark
    mixed = torch.autocast(device.type, dtype=torch.bfloat16 if device.type == "cpu" else torch.float16)
    try:
        torch.set_num_threads(THREADS)
        cudnn.allow_tf32 = matmul.allow_tf32 = cudnn.benchmark = False
        with torch.no_grad(), mixed if half else nullcontext():
            yield
    finally:
        torch.set_num_threads(before[0])
        cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark = before[1:]


def facts(device: torch.device, half: bool) -> dict[str, Any]:
    """What the provenance says of where a model ran."""
    import torch

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return {"device": name, "torch": torch.__version__, "threads": THREADS, "half": half}
