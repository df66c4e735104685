"""A trained model as a folder: `model.safetensors`, its weights, and `model.json`, all that is known of it.

Nothing is ever unpickled: safetensors holds numbers alone, and the rest is JSON. The folder may hold other files too.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundstage.errors import NotInstalled, SoundstageError, suggestion
from soundstage_training.models import MODELS, build

if TYPE_CHECKING:
    from soundstage_training.contract import Model

WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"

FORMAT = 1
"""Of the description. What a newer Soundstage writes, which this one may misread, has a higher one."""

OWN_KEYS = ("format", "model", "config", "sources", "rate", "sha256", "soundstage")
"""What this module writes beside the facts that it is given."""


def save(folder: Path, model: Model, facts: Mapping[str, Any]) -> None:
    """Keep the model in the folder, in place of one that it may hold, whole or not at all.

    facts: what else to keep, JSON values: `training`, its configuration; `data`, the data's fingerprint. Raises
    SoundstageError where the folder cannot be written, or where a fact would take the place of what is kept of the
    model itself.
    """
    from safetensors.torch import save_file

    taken = sorted(set(facts) & set(OWN_KEYS))
    if taken:
        raise SoundstageError(f"a checkpoint's facts cannot be called {', '.join(taken)}; rename them")
    weights, description = folder / f"{WEIGHTS}.part", folder / f"{DESCRIPTION}.part"
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in _state(model).items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(state, str(weights))
        about = {
            "format": FORMAT,
            "model": model.name,
            "config": dict(model.config),
            "sources": list(model.sources),
            "rate": model.rate,
            "sha256": _sha256(weights),
            "soundstage": version("soundstage"),
            **facts,
        }
        description.write_text(json.dumps(about, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        for path in (weights, description):
            with path.open("rb+") as stream:
                os.fsync(stream.fileno())
        weights.replace(folder / WEIGHTS)  # from here on the new model is what `settle` makes of the folder
        description.replace(folder / DESCRIPTION)
    except OSError as error:
        raise SoundstageError(
            f"{folder}: the checkpoint cannot be written ({error.strerror or error}); check the path and the disk"
        ) from None


def settle(folder: Path) -> None:
    """End a `save` that was killed between its two last steps: new weights are there, their description not yet."""
    description = folder / f"{DESCRIPTION}.part"
    try:
        promised = json.loads(description.read_text(encoding="utf-8"))["sha256"]
        if promised == _sha256(folder / WEIGHTS):
            description.replace(folder / DESCRIPTION)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return


def describe(folder: Path) -> dict[str, Any]:
    """What is known of the model in the folder; the weights are not read. Raises as `load` does."""
    settle(folder)
    path = folder / DESCRIPTION
    for part in (path, folder / WEIGHTS):
        if not part.is_file():
            raise NotInstalled(
                f"{part} is not there; a checkpoint is the folder that `soundstage train … --out {folder}` writes"
            )
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SoundstageError(f"{path}: not readable as JSON ({error}); copy the checkpoint again") from None
    if not isinstance(about, dict) or not isinstance(about.get("format"), int):
        raise SoundstageError(
            f"{path}: not the description of a checkpoint, it has no format; copy the checkpoint again"
        )
    if about["format"] > FORMAT:
        raise SoundstageError(
            f"{path}: of format {about['format']}, and this Soundstage knows up to {FORMAT}; update Soundstage"
        )
    for key, kind in {"model": str, "config": dict, "sources": list, "rate": int, "sha256": str}.items():
        if not isinstance(about.get(key), kind):
            raise SoundstageError(f"{path}: its '{key}' is missing or of another kind; copy the checkpoint again")
    if about["model"] not in MODELS:
        raise SoundstageError(
            f"{path}: of a model '{about['model']}', which this Soundstage does not have"
            f"{suggestion(about['model'], MODELS)}; update Soundstage"
        )
    return about


def load(folder: Path) -> tuple[Model, dict[str, Any]]:
    """The model in the folder, on the CPU and ready to separate, and all that is known of it.

    Raises NotInstalled where there is none, SoundstageError where what is there cannot be used; they name the file and
    what to do.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as parsed

    about = describe(folder)
    path = folder / WEIGHTS
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SoundstageError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    if hashlib.sha256(content).hexdigest() != about["sha256"]:
        raise SoundstageError(
            f"{path}: not the weights that {DESCRIPTION} beside it describes, their SHA-256 differ; copy both again"
        )
    try:
        state = parsed(content)
    except SafetensorError as error:
        raise SoundstageError(f"{path}: not a file of safetensors ({error}); copy the checkpoint again") from None
    try:
        model = build(about["model"], about["config"])
    except SoundstageError as error:
        raise SoundstageError(f"{folder / DESCRIPTION}: {error}") from None
    if list(model.sources) != about["sources"] or model.rate != about["rate"]:
        raise SoundstageError(
            f"{folder / DESCRIPTION}: its sources and rate are not those of its config; copy the checkpoint again"
        )
    _fill(model, state, path)
    model.eval()
    return model, about


def _state(model: Model) -> dict[str, Any]:
    found: dict[str, Any] = model.state_dict()
    return found


def _fill(model: Model, state: Mapping[str, Any], path: Path) -> None:
    """Put the weights into the model. Raises SoundstageError naming the first that is missing, too many or of another
    shape.
    """
    wanted = _state(model)
    remedy = "the weights are of another configuration than model.json says; copy both again"
    for what, names in (("lacks", wanted.keys() - state.keys()), ("holds too much,", state.keys() - wanted.keys())):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise SoundstageError(f"{path}: it {what} {min(names)}{more}; {remedy}")
    for name, tensor in wanted.items():
        if state[name].shape != tensor.shape or state[name].dtype != tensor.dtype:
            raise SoundstageError(
                f"{path}: {name} is {_kind(state[name])} where the model has {_kind(tensor)}; {remedy}"
            )
    model.load_state_dict(state)


def _kind(tensor: Any) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
