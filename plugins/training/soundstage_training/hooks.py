"""What this package registers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from soundstage.hooks import Register, RegisterCommand, hookimpl

_MODELS = {
    "xumx": (
        "Xumx",
        "X-UMX, SpaIn-Net's D0, trained by you; stereo: a mask for each channel",
        "Sawata, Uhlich, Takahashi & Mitsufuji (2021), All for one and one for all: improving music separation by"
        " bridging networks, Proc. ICASSP, arXiv:2010.04228",
    ),
    "spainnet": (
        "SpainNet",
        "SpaIn-Net, trained by you, told where the sources sit; stereo: a mask for each channel",
        "D. Petermann, M. Kim, SpaIn-Net: Spatially-Informed Stereophonic Music Source Separation, ICASSP 2022,"
        " arXiv:2202.07523",
    ),
    "munet": (
        "Munet",
        "Multi-Channel U-Net, trained by you; mono: one mask acts on both channels alike, which keeps the mixture's"
        " image, not the source's",
        "T. Sabag, Stereo Source Separation, student report, March 2025; Kadandale, Montesinos, Haro & Gómez (2020),"
        " Multi-channel U-Net for music source separation, arXiv:2003.10414",
    ),
    "dprnn": (
        "Dprnn",
        "Time-frequency DPRNN, trained by you; stereo: a mask for each channel",
        "Student poster on vocals and accompaniment by a time-frequency DPRNN; Luo, Chen & Yoshioka (2020), Dual-path"
        " RNN: efficient long sequence modeling for time-domain single-channel speech separation, Proc. ICASSP,"
        " arXiv:1910.06379",
    ),
}
"""Name → class, summary, citation."""


@hookimpl
def register_separators(register: Register) -> None:
    """The models of the works behind Soundstage, from checkpoints that were trained here."""
    for name, (attribute, summary, citation) in _MODELS.items():
        register(
            name,
            f"soundstage_training.separators:{attribute}",
            summary=summary,
            requires=("safetensors", "torch"),
            extra="soundstage[train]",
            wraps=("torch",),
            required=("checkpoint",),
            citation=citation,
            licence="Apache-2.0",
        )


@hookimpl
def register_commands(register: RegisterCommand) -> None:
    """`soundstage train`, whose presets are the registry's section `training`."""
    register(
        "train",
        "soundstage_training.verb.command:command",
        summary="Train a model on stems; its checkpoint is a separator.",
        requires=("accelerate", "safetensors", "torch"),
        extra="soundstage[train]",
        sections=("training",),
    )


if TYPE_CHECKING:  # each of them keeps its contract, or mypy says which does not
    from soundstage.contracts import LoadsWeights, NamesFilesOfCells, Separator
    from soundstage_training.separators import Dprnn, Munet, SpainNet, Xumx

    _SEPARATORS: tuple[type[Separator], ...] = (Dprnn, Munet, SpainNet, Xumx)
    _LOAD_WEIGHTS: tuple[type[LoadsWeights], ...] = (Dprnn, Munet, SpainNet, Xumx)
    _NAME_FILES: tuple[type[NamesFilesOfCells], ...] = (Dprnn, Munet, SpainNet, Xumx)
