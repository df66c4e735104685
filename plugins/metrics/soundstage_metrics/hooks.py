"""What this package registers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from soundstage.hooks import Register, hookimpl


@hookimpl
def register_metrics(register: Register) -> None:
    """The built-in metrics."""
    register(
        "sdr",
        "soundstage_metrics.sdr:Sdr",
        summary="uSDR of the music demixing challenges, and its improvement over the mixture",
        citation="Mitsufuji et al. 2022, Music Demixing Challenge 2021, https://doi.org/10.3389/frsip.2021.808395",
        licence="Apache-2.0",
    )
    register(
        "si_sdr",
        "soundstage_metrics.sdr:SiSdr",
        summary="Scale-invariant SDR per channel or joint, and its improvement over the mixture",
        citation="Le Roux et al. 2019, SDR – half-baked or well done?, https://doi.org/10.1109/ICASSP.2019.8683855",
        licence="Apache-2.0",
    )
    register(
        "spauq",
        "soundstage_metrics.spauq:Spauq",
        summary="SSR and SRR as SPAUQ defines them: the estimate projected on the shifted, scaled reference",
        citation="Watcharasupat & Lerch 2024, Quantifying Spatial Audio Quality Impairment,"
        " https://doi.org/10.48550/arXiv.2306.08053",
        licence="Apache-2.0",
    )
    register(
        "spauq_published",
        "soundstage_metrics.spauq:SpauqPublished",
        summary="SSR and SRR as the SPAUQ package has computed them since September 2023",
        citation="Watcharasupat & Lerch 2024, Quantifying Spatial Audio Quality Impairment,"
        " https://doi.org/10.48550/arXiv.2306.08053",
        licence="Apache-2.0",
    )
    register(
        "spauq_original",
        "soundstage_metrics:scripts/spauq_original.py",
        summary="SSR and SRR by the original SPAUQ package itself, which is GPL, in an environment of its own",
        requires=("uv",),
        extra="uv",
        citation="Watcharasupat & Lerch 2024, Quantifying Spatial Audio Quality Impairment,"
        " https://doi.org/10.48550/arXiv.2306.08053",
        licence="Apache-2.0; the package that it runs is GPL-3.0",
    )
    register(
        "bsseval",
        "soundstage_metrics.bsseval:BssEval",
        summary="SDR, ISR, SIR and SAR of BSS Eval v4 (or v3) for images, as museval computes them",
        citation="Vincent, Gribonval & Févotte 2006, Performance measurement in blind audio source separation,"
        " https://doi.org/10.1109/TSA.2005.858005; Stöter, Liutkus & Ito 2018, The 2018 Signal Separation Evaluation"
        " Campaign, https://doi.org/10.1007/978-3-319-93764-9_28",
        licence="Apache-2.0",
    )
    register(
        "interaural",
        "soundstage_metrics.interaural:Interaural",
        summary="How far interaural time and level differences move: ΔITD (GCC-PHAT) and ΔILD of the whole track",
        citation="Namballa, Roginska & Fuentes 2025, Do Music Source Separation Models Preserve Spatial Information in"
        " Binaural Audio?, https://doi.org/10.48550/arXiv.2507.00155",
        licence="Apache-2.0",
    )
    register(
        "cues",
        "soundstage_metrics.cues:Cues",
        summary="How far robust interaural cues move: ITD, ILD and IPD by band, IACC, and the angle they add up to",
        citation="Faller & Merimaa 2004, Source localization in complex listening situations: Selection of binaural"
        " cues based on interaural coherence, https://doi.org/10.1121/1.1791872",
        licence="Apache-2.0",
    )
    register(
        "community",
        "soundstage_metrics.community:Community",
        summary="Bleedless, fullness and l1_freq of the community's training toolkit, which hear no phase; its SDR",
        citation="Solovyev, Stempkovskiy & Habruseva 2023, Benchmarks and leaderboards for sound demixing tasks,"
        " https://doi.org/10.48550/arXiv.2305.07489; https://github.com/ZFTurbo/Music-Source-Separation-Training",
        licence="Apache-2.0",
    )
    register(
        "localization",
        "soundstage_metrics.localization:Localization",
        summary="From where each source is heard, in degrees: ITD and ILD matched against the scene's own HRIRs",
        citation="Mills 1958, On the minimum audible angle, https://doi.org/10.1121/1.1909553; Faller & Merimaa 2004,"
        " Source localization in complex listening situations, https://doi.org/10.1121/1.1791872",
        licence="Apache-2.0",
    )
    register(
        "energies",
        "soundstage_metrics.energies:Energies",
        summary="What an error is made of: its source's image, other sources, artefacts; also where BSS Eval has none",
        citation="Vincent, Gribonval & Févotte 2006, Performance measurement in blind audio source separation,"
        " https://doi.org/10.1109/TSA.2005.858005",
        licence="Apache-2.0",
    )
    register(
        "leakage",
        "soundstage_metrics.leakage:Leakage",
        summary="How loud an estimate is where its source is silent, whole silent stems included",
        licence="Apache-2.0",
    )


if TYPE_CHECKING:  # each of them keeps its contract, or mypy says which does not
    from soundstage.contracts import Metric
    from soundstage_metrics.bsseval import BssEval
    from soundstage_metrics.community import Community
    from soundstage_metrics.cues import Cues
    from soundstage_metrics.energies import Energies
    from soundstage_metrics.interaural import Interaural
    from soundstage_metrics.leakage import Leakage
    from soundstage_metrics.localization import Localization
    from soundstage_metrics.sdr import Sdr, SiSdr
    from soundstage_metrics.spauq import Spauq, SpauqPublished

    _METRICS: tuple[type[Metric], ...] = (
        BssEval,
        Community,
        Cues,
        Energies,
        Interaural,
        Leakage,
        Localization,
        Sdr,
        SiSdr,
        Spauq,
        SpauqPublished,
    )
