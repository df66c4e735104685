"""Where a training stands, kept so that it goes on from there bit for bit: whole or not at all, and never unpickled.

A state is a folder, `state/step-00000120`: `tensors.safetensors` (weights, and what the optimizer keeps of each) and
`state.json`. It is written beside, then renamed; the one before goes when the new one is there.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soundstage.errors import SoundstageError, StorageError

FOLDER = "state"
TENSORS, FACTS = "tensors.safetensors", "state.json"
PLAN = "training.json"
FORMAT = 1


def save(out: Path, step: int, tensors: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Keep the state after a step, and let go of those before it. Raises StorageError where that fails."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    folder = out / FOLDER
    whole, part = folder / f"step-{step:08d}", folder / f"part-{step:08d}"
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, str(part / TENSORS))
        text = json.dumps({"format": FORMAT, "step": step, **facts}, indent=1)
        (part / FACTS).write_text(text, encoding="utf-8")
        for path in (part / TENSORS, part / FACTS, part):
            _synced(path)
        if not whole.exists():  # or it is of the same step, and so the same
            part.rename(whole)
        _synced(folder)
    except (OSError, SafetensorError) as error:
        raise unkept(folder, error) from None
    for other in folder.iterdir():
        if other != whole:
            shutil.rmtree(other, ignore_errors=True)


def load(out: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The tensors and the facts of the last whole state, on the CPU; None where there is none.

    Raises SoundstageError where it cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    whole = newest(out)
    if whole is None:
        return None
    try:
        facts = json.loads((whole / FACTS).read_text(encoding="utf-8"))
        tensors = load_file(str(whole / TENSORS))
    except (OSError, ValueError, SafetensorError) as error:
        raise SoundstageError(
            f"{whole}: the state of the training cannot be read ({error}); remove that folder to go on from the"
            " state before it, or begin anew with another --out"
        ) from None
    if facts["format"] > FORMAT:
        raise SoundstageError(f"{whole}: written by a newer Soundstage; update this one")
    return tensors, facts


def newest(out: Path) -> Path | None:
    """The folder of the last whole state; None where there is none."""
    folder = out / FOLDER
    whole = [path for path in folder.iterdir() if re.fullmatch(r"step-\d{8,}", path.name)] if folder.is_dir() else []
    return max(whole, key=lambda path: int(path.name.removeprefix("step-")), default=None)


def write_plan(out: Path, plan: Mapping[str, Any]) -> None:
    """Keep what the training is, once. Raises StorageError."""
    write_whole(out / PLAN, json.dumps(plan, indent=2, ensure_ascii=False) + "\n")


def read_plan(out: Path) -> dict[str, Any] | None:
    """What the training in this folder is; None where there is none. Raises SoundstageError where it cannot be read."""
    path = out / PLAN
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise SoundstageError(f"{path}: cannot be read ({error}); take another --out") from None
    if not isinstance(found, dict):
        raise SoundstageError(f"{path}: holds no training; take another --out")
    return found


def write_whole(path: Path, text: str) -> None:
    """Put a text there whole or not at all. Raises StorageError."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        _synced(part)
        part.replace(path)
    except OSError as error:
        raise unkept(path, error) from None


def unkept(path: Path, error: Exception) -> StorageError:
    """What is said where something cannot be kept."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    why = "the disk is full" if full or "No space left" in str(error) else getattr(error, "strerror", None) or error
    return StorageError(
        f"{path}: the training cannot be kept ({why}); what was kept before is whole: make room, and the same command"
        " goes on from there"
    )


def _synced(path: Path) -> None:
    """On the disk, not on its way."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def optimizer_parts(state: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The tensors and the groups of an optimizer's `state_dict`, which `optimizer_state` puts together again."""
    tensors = {
        f"optimizer.{index}.{name}": value for index, held in state["state"].items() for name, value in held.items()
    }
    return tensors, [dict(group) for group in state["param_groups"]]


def optimizer_state(tensors: Mapping[str, Any], groups: list[dict[str, Any]]) -> dict[str, Any]:
    """What an optimizer's `load_state_dict` takes."""
    held: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        kind, index, name = [*key.split(".", 2), "", ""][:3]
        if kind == "optimizer":
            held.setdefault(int(index), {})[name] = value
    return {"state": held, "param_groups": groups}
