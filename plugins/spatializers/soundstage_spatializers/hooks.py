"""What this package registers: four ways to render a scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

from soundstage.hooks import Register, hookimpl


@hookimpl
def register_spatializers(register: Register) -> None:
    """Register hrir, brir, panning and original."""
    register(
        "hrir",
        "soundstage_spatializers.hrir:Hrir",
        summary="Binaural: each stem as mono through the HRIR pair of its direction (rigid sphere, WAV folder or SOFA)",
        citation="R. Namballa, A. Roginska, M. Fuentes, Do Music Source Separation Models Preserve Spatial Information"
        " in Binaural Audio?, ISMIR 2025; default head: R. O. Duda, W. L. Martens, Range dependence of the response of"
        " a spherical head model, JASA 104(5), 1998",
        licence="Apache-2.0; measured HRIRs carry their own",
    )
    register(
        "brir",
        "soundstage_spatializers.brir:Brir",
        required=("brirs",),
        summary="Binaural in a room: each stem as mono through the BRIR pair of its direction (SOFA or WAV folder)",
        licence="Apache-2.0; measured BRIRs carry their own",
    )
    register(
        "panning",
        "soundstage_spatializers.panning:Panning",
        summary="Stereo: each stem as mono, panned at constant power",
        citation="D. Petermann, M. Kim, SpaIn-Net: Spatially-Informed Stereophonic Music Source Separation, ICASSP"
        " 2022, eq. 4",
        licence="Apache-2.0",
    )
    register(
        "original",
        "soundstage_spatializers.original:Original",
        summary="Stereo: the dataset's own stems as they were mixed",
        licence="Apache-2.0",
    )


if TYPE_CHECKING:  # each of them keeps its contract, or mypy says which does not
    from soundstage.contracts import NamesFiles, Spatializer
    from soundstage_spatializers.brir import Brir
    from soundstage_spatializers.hrir import Hrir
    from soundstage_spatializers.original import Original
    from soundstage_spatializers.panning import Panning

    _SPATIALIZERS: tuple[type[Spatializer], ...] = (Brir, Hrir, Original, Panning)
    _WITH_FILES: tuple[type[NamesFiles], ...] = (Brir, Hrir)
