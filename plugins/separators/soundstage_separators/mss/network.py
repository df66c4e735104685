"""The network of a checkpoint, built from its YAML by the package `pymss-core` and filled strictly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from soundstage.errors import NotInstalled, SoundstageError
from soundstage_separators.mss.config import Config

Architecture = Literal[
    "bs_roformer",
    "bs_roformer_hyperace",
    "bs_conformer",
    "mel_band_roformer",
    "mel_band_conformer",
    "scnet",
    "mdx23c",
    "htdemucs",
    "bandit",
    "bandit_v2",
]
ARCHITECTURES: tuple[str, ...] = get_args(Architecture)

SIGNS = {
    "encoder.0.SDlayer.convs.0.weight": ("scnet",),
    "encoder_blocks.0.tfc_tdf.blocks.0.tfc1.0.weight": ("mdx23c",),
    "first_conv.weight": ("mdx23c",),
    "final_norm.gamma": ("bs_roformer", "bs_roformer_hyperace", "bs_conformer"),
    "band_split.to_features.0.0.gamma": (
        *("mel_band_roformer", "mel_band_conformer", "bs_roformer", "bs_roformer_hyperace", "bs_conformer"),
    ),
    "crosstransformer.norm_in.weight": ("htdemucs",),
}
"""Weights by which a checkpoint tells its architecture, the plainest first."""

CONTAINERS = ("state", "state_dict", "model_state_dict")
"""Under which of these names the weights lie where a checkpoint holds more."""

UNSEEN = {
    "bs_roformer": ("stft_win_length", "stft_normalized", "skip_connection"),
    "mel_band_roformer": ("stft_win_length", "stft_normalized", "skip_connection"),
    "scnet": ("nfft", "win_size", "normalized", "band_SR", "band_stride"),
    "mdx23c": ("n_fft", "act", "norm"),
}
"""What a YAML says besides the hop that no weight's shape shows."""

USUAL_HOPS = (256, 441, 512, 1024)
"""Of the community's models."""

SHOWN = 3
"""Of the weights that do not fit."""


def architecture_of(config: Config, state: Mapping[str, Any], asked: str) -> str:
    """The architecture: the one asked for, else what the YAML says or its keys tell, else what the weights' names tell.

    Raises SoundstageError where nothing tells, or where YAML and checkpoint tell two.
    """
    from pymss_core import ModelTypeDetectionError, detect_model_type

    told = next((kinds for name, kinds in SIGNS.items() if name in state), ())
    if asked != "auto":
        found = asked
    else:
        try:
            found = str(detect_model_type(config.table))
        except ModelTypeDetectionError as error:
            if len(told) > 2 or not told:
                raise SoundstageError(
                    f"{config.path}: tells no architecture ({error}); name it, architecture={'|'.join(ARCHITECTURES)}"
                ) from None
            found = told[0]
    if found not in ARCHITECTURES:
        raise SoundstageError(f"{config.path}: is of architecture {found}, which separates no sources")
    if told and found not in told:
        raise SoundstageError(
            f"{config.path}: is of architecture {found}, and the checkpoint of {' or '.join(told)}; they do not belong"
            " together"
        )
    return found


SUFFIXES = (".ckpt", ".chpt", ".th", ".pth", ".pt", ".bin")
"""Of checkpoints."""


def only_checkpoint(path: Path) -> Path:
    """The file; of a folder the one checkpoint below it. Raises SoundstageError where there is none, or another."""
    if not path.is_dir():
        return path
    found = sorted(one for one in path.rglob("*") if one.suffix in SUFFIXES and one.is_file())
    if len(found) != 1:
        names = ", ".join(str(one.relative_to(path)) for one in found) or "none"
        raise SoundstageError(f"checkpoint={path}: holds not one checkpoint but {names}; give the one that is meant")
    return found[0]


def read_state(path: Path) -> dict[str, Any]:
    """The weights of a checkpoint, unpickled as weights alone. Raises NotInstalled or SoundstageError."""
    from pickle import UnpicklingError

    import torch

    if not path.is_file():
        raise NotInstalled(f"checkpoint={path}: no such file; give the model's checkpoint")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, EOFError, RuntimeError, ValueError, KeyError, AttributeError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SoundstageError(
            f"{path}: not a checkpoint, or it holds more than weights, which is not unpickled ({first}); get it again,"
            " or save its state_dict alone"
        ) from None
    for key in CONTAINERS:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
            break
    if not isinstance(found, Mapping) or not found or not all(isinstance(one, torch.Tensor) for one in found.values()):
        raise SoundstageError(
            f"{path}: holds no weights, or not only weights, under {', '.join(CONTAINERS)} or by itself"
        )
    state = {str(name): tensor for name, tensor in found.items()}
    if all(name.startswith("module.") for name in state):  # saved by several GPUs at once
        state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return state


def build(config: Config, state: Mapping[str, Any], architecture: str) -> Any:
    """The network with the checkpoint's weights, every one of them in its place. Raises SoundstageError.

    Where pymss-core's defaults are not the toolkit's, the toolkit's hold: BS-RoFormer sets the zeroth frequency to
    zero, and `mask_estimator_depth` of Mel-Band RoFormer counts hidden layers.
    """
    from pymss_core import get_model_from_config

    own = config.value("model")
    own = own if isinstance(own, Mapping) else {}
    given: dict[str, Any] = {}
    if architecture == "bs_roformer" and "zero_dc" not in own:
        given["zero_dc"] = True
    if architecture == "mel_band_roformer" and "mlp_hidden_layers" not in own:
        given["mlp_hidden_layers"] = own.get("mask_estimator_depth", 1)
    try:
        network, _ = get_model_from_config(architecture, str(config.path), given)
    except (AssertionError, AttributeError, LookupError, TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise SoundstageError(
            f"{config.path}: no {architecture} can be built of it ({why}); get the YAML that came with the checkpoint"
        ) from None
    _check_outputs(config, network)
    try:
        network.load_state_dict(dict(state), strict=True)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:] if line.strip()]
        more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
        raise SoundstageError(
            f"{config.path}: is another model's YAML, for the checkpoint's weights do not fit the {architecture} that"
            f" it declares: {' '.join(line[:160] for line in lines[:SHOWN])}{more}"
        ) from None
    return network.eval()


def hop_of(network: Any) -> int | None:
    """Samples between the frames of the network's STFT; None where it does not say so in a way that is known."""
    for settings in (getattr(network, "stft_kwargs", None), getattr(network, "stft_config", None)):
        if isinstance(settings, dict) and isinstance(settings.get("hop_length"), int):
            return int(settings["hop_length"])
    found = getattr(getattr(network, "stft", None), "hop_length", None)
    return found if isinstance(found, int) else None


def hops_beside(hop: int) -> list[int]:
    """Hops that a YAML may have in place of the right one: its half, its double, and the nearest of the usual ones."""
    usual = min((one for one in USUAL_HOPS if one != hop), key=lambda one: max(one / hop, hop / one))
    return sorted({hop // 2, 2 * hop, usual} - {0, hop})


def set_hop(network: Any, hop: int) -> None:
    """Give the network's STFT another hop; no weight depends on it. Raises SoundstageError where none can be set."""
    if hop_of(network) is None:
        raise SoundstageError(f"hop={hop}: this architecture's STFT has no hop that can be set")
    for settings in (getattr(network, "stft_kwargs", None), getattr(network, "stft_config", None)):
        if isinstance(settings, dict):
            settings["hop_length"] = hop
    for holder in (getattr(network, "stft", None), network):
        if isinstance(getattr(holder, "hop_length", None), int):
            holder.hop_length = hop  # type: ignore[union-attr]


def _check_outputs(config: Config, network: Any) -> None:
    """Raise SoundstageError where the network has another number of outputs than the YAML has names for."""
    sources = getattr(network, "sources", None)
    counts = [getattr(network, name, None) for name in ("num_stems", "num_target_instruments")]
    counts += [len(sources)] if isinstance(sources, (list, tuple)) else []
    count = next((count for count in counts if isinstance(count, int)), None)
    if count is not None and count != len(config.outputs):
        raise SoundstageError(
            f"{config.path}: declares a network of {count} outputs and {len(config.outputs)} names for them"
            f" ({', '.join(config.outputs)}); get the YAML that came with the checkpoint"
        )
