"""What this package registers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from soundstage.hooks import Register, hookimpl

_ORACLES = (
    "Stöter, Liutkus & Ito (2018), The 2018 Signal Separation Evaluation Campaign, doi:10.1007/978-3-319-93764-9_28"
)


@hookimpl
def register_separators(register: Register) -> None:
    """The floor, the ceiling, oracles, stems from a folder, and blind methods that find sources by position."""
    register(
        "reference",
        "soundstage_separators.baselines:Reference",
        summary="The references at the mixture's level: the ceiling",
        licence="Apache-2.0",
    )
    register(
        "mixture",
        "soundstage_separators.baselines:Mixture",
        summary="The mixture for every source: the floor",
        licence="Apache-2.0",
    )
    register(
        "irm",
        "soundstage_separators.oracles:Irm",
        summary="Oracle: the ideal ratio mask of each channel",
        citation=_ORACLES,
        licence="Apache-2.0",
    )
    register(
        "ibm",
        "soundstage_separators.oracles:Ibm",
        summary="Oracle: the ideal binary mask of each channel",
        citation=_ORACLES,
        licence="Apache-2.0",
    )
    register(
        "mwf",
        "soundstage_separators.oracles:Mwf",
        summary="Oracle: the multichannel Wiener filter",
        citation="Duong, Vincent & Gribonval (2010), Under-determined reverberant audio source separation using a "
        "full-rank spatial covariance model, IEEE TASLP 18(7), doi:10.1109/TASL.2010.2050716",
        licence="Apache-2.0",
    )
    register(
        "probe",
        "soundstage_separators.probes.probe:Probe",
        summary="Oracle: the references with one known thing done to them, to measure metrics with",
        wraps=("soundfile",),
        required=("kind",),
        licence="Apache-2.0",
    )
    register(
        "estimates",
        "soundstage_separators.estimates:Estimates",
        required=("root",),
        summary="Stems that were separated elsewhere, read from a folder",
        licence="Apache-2.0",
    )
    register(
        "adress",
        "soundstage_separators.adress:Adress",
        summary="Blind: sources panned by level, found by the azimuth at which they cancel",
        citation="Barry, Lawlor & Coyle (2004), Sound source separation: azimuth discrimination and resynthesis, "
        "Proc. DAFx, Naples",
        licence="Apache-2.0",
    )
    register(
        "duet",
        "soundstage_separators.duet:Duet",
        summary="Blind: sources found by level and delay between the channels",
        citation="Rickard (2007), The DUET blind source separation algorithm, doi:10.1007/978-1-4020-6479-1_8; "
        "Yilmaz & Rickard (2004), Blind separation of speech mixtures via time-frequency masking, IEEE TSP 52(7), "
        "doi:10.1109/TSP.2004.828896",
        licence="Apache-2.0",
    )
    register(
        "demucs",
        "soundstage_separators.demucs:Demucs",
        summary="Demucs, Hybrid Demucs and Hybrid Transformer Demucs, from a folder of checkpoints",
        requires=("demucs", "torch"),
        extra="soundstage[demucs]",
        wraps=("demucs", "torch"),
        required=("repo",),
        citation="Rouard, Massa & Défossez (2023), Hybrid transformers for music source separation, Proc. ICASSP, "
        "doi:10.1109/ICASSP49357.2023.10096956",
        licence="MIT",
    )
    register(
        "openunmix",
        "soundstage_separators.openunmix:OpenUnmix",
        summary="Open-Unmix, from a folder of published weights or of one's own",
        requires=("openunmix", "torch"),
        extra="soundstage[openunmix]",
        wraps=("openunmix", "torch"),
        required=("folder",),
        citation="Stöter, Uhlich, Liutkus & Mitsufuji (2019), Open-Unmix: a reference implementation for music source "
        "separation, JOSS 4(41), doi:10.21105/joss.01667",
        licence="MIT",
    )
    register(
        "mss",
        "soundstage_separators.mss.separator:Mss",
        summary="BS-RoFormer, Mel-Band RoFormer, SCNet, MDX23C and others: a checkpoint and its YAML",
        requires=("pymss_core", "torch"),
        extra="soundstage[mss]",
        wraps=("pymss-core", "torch"),
        required=("checkpoint", "config"),
        takes=(".ckpt", ".chpt", ".th", ".pth", ".pt", ".bin", ".yaml", ".yml"),
        citation="Solovyev, Stempkovskiy & Habruseva (2023), Benchmarks and leaderboards for sound demixing tasks, "
        "arXiv:2305.07489",
        licence="MIT; each checkpoint has its own",
    )
    register(
        "spleeter",
        "soundstage_separators:scripts/spleeter.py",
        summary="Spleeter, in an environment of its own, from a folder of checkpoints",
        requires=("uv",),
        extra="uv",
        required=("folder",),
        citation="Hennequin, Khlif, Voituret & Moussallam (2020), Spleeter: a fast and efficient music source "
        "separation tool with pre-trained models, JOSS 5(50), doi:10.21105/joss.02154",
        licence="MIT",
    )
    register(
        "audio_separator",
        "soundstage_separators:scripts/audio_separator.py",
        summary="Any model of audio-separator by file name, in an environment of its own, from a folder",
        requires=("uv",),
        extra="uv",
        required=("folder", "model"),
        licence="MIT; each model has its own",
    )


if TYPE_CHECKING:  # each of them keeps its contract, or mypy says which does not
    from soundstage.contracts import LoadsWeights, NamesFilesOfCells, Separator
    from soundstage_separators.adress import Adress
    from soundstage_separators.baselines import Mixture, Reference
    from soundstage_separators.demucs import Demucs
    from soundstage_separators.duet import Duet
    from soundstage_separators.estimates import Estimates
    from soundstage_separators.mss.separator import Mss
    from soundstage_separators.openunmix import OpenUnmix
    from soundstage_separators.oracles import Ibm, Irm, Mwf
    from soundstage_separators.probes.probe import Probe

    _BLIND: tuple[type[Separator], ...] = (Adress, Demucs, Duet, Mss, OpenUnmix)
    _OTHERS: tuple[type[Separator], ...] = (Estimates, Ibm, Irm, Mixture, Mwf, Probe, Reference)
    _LOAD_WEIGHTS: tuple[type[LoadsWeights], ...] = (Demucs, Mss, OpenUnmix)
    _NAME_FILES: tuple[type[NamesFilesOfCells], ...] = (Demucs, Estimates, Mss, OpenUnmix)
