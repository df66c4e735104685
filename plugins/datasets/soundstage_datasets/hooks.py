"""What this package registers: datasets, and the rules that place their sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from soundstage.hooks import Register, hookimpl


@hookimpl
def register_datasets(register: Register) -> None:
    """Register sketches, musdb18hq, slakh2100 and folder."""
    register(
        "sketches",
        "soundstage_datasets.sketches:Sketches",
        summary="Three short synthesised songs (vocals, drums, bass, other) that need no download",
        citation="Soundstage",
        licence="CC0-1.0",
    )
    register(
        "musdb18hq",
        "soundstage_datasets.musdb18hq:Musdb18hq",
        required=("root",),
        summary="MUSDB18-HQ: 86 training, 14 validation and 50 test songs (vocals, drums, bass, other), 44.1 kHz",
        citation="Z. Rafii, A. Liutkus, F.-R. Stöter, S. I. Mimilakis, R. Bittner, MUSDB18-HQ: an uncompressed version"
        " of MUSDB18, 2019, doi:10.5281/zenodo.3338373",
        licence="educational purposes only; each song carries its own",
    )
    register(
        "slakh2100",
        "soundstage_datasets.slakh2100:Slakh2100",
        required=("root",),
        summary="Slakh2100: synthesised songs, their stems summed by instrument (guitar, strings, bass, piano)",
        citation="E. Manilow, G. Wichern, P. Seetharaman, J. Le Roux, Cutting Music Source Separation Some Slakh: A"
        " Dataset to Study the Impact of Training Data Quality and Quantity, WASPAA 2019;"
        " doi:10.5281/zenodo.4599666; tasks: D. Petermann, M. Kim, SpaIn-Net, ICASSP 2022",
        licence="CC BY 4.0",
    )
    register(
        "folder",
        "soundstage_datasets.folder:Folder",
        required=("root",),
        summary="Your own songs: a folder of stems each (WAV, FLAC, AIFF, Ogg, Opus, MP3)",
        licence="yours",
    )


@hookimpl
def register_placements(register: Register) -> None:
    """Register frontal, fixed, panorama, around and moving."""
    register(
        "frontal",
        "soundstage_datasets.placements:Frontal",
        summary="Each source at its own azimuth out of 19 in the frontal half-plane, every 10 degrees",
        citation="R. Namballa, A. Roginska, M. Fuentes, Do Music Source Separation Models Preserve Spatial Information"
        " in Binaural Audio?, ISMIR 2025",
        licence="Apache-2.0",
    )
    register(
        "fixed",
        "soundstage_datasets.placements:Fixed",
        required=("file",),
        summary="Positions read from a JSON or TOML file, such as the published Binaural-MUSDB metadata",
        licence="Apache-2.0",
    )
    register(
        "panorama",
        "soundstage_datasets.placements:Panorama",
        summary="Each source at a panning angle uniform over ±45 degrees",
        citation="D. Petermann, M. Kim, SpaIn-Net: Spatially-Informed Stereophonic Music Source Separation, ICASSP"
        " 2022",
        licence="Apache-2.0",
    )
    register(
        "around",
        "soundstage_datasets.placements:Around",
        summary="Each source in a direction drawn from a part of the sphere: behind, above, all round",
        licence="Apache-2.0",
    )
    register(
        "moving",
        "soundstage_datasets.placements:Moving",
        summary="Each source on its way from one azimuth to another, there and back, round the listener, or once",
        licence="Apache-2.0",
    )


if TYPE_CHECKING:  # each of them keeps its contract, or mypy says which does not
    from soundstage.contracts import ChecksItself, Dataset, NamesFiles, NamesFilesOfTracks, PlacementRule, ReadsParts
    from soundstage_datasets.folder import Folder
    from soundstage_datasets.musdb18hq import Musdb18hq
    from soundstage_datasets.placements import Around, Fixed, Frontal, Moving, Panorama
    from soundstage_datasets.sketches import Sketches
    from soundstage_datasets.slakh2100 import Slakh2100

    _DATASETS: tuple[type[Dataset], ...] = (Folder, Musdb18hq, Sketches, Slakh2100)
    _NAME_FILES: tuple[type[NamesFilesOfTracks], ...] = (Folder, Musdb18hq, Slakh2100)
    _READ_PARTS: tuple[type[ReadsParts], ...] = (Folder, Musdb18hq, Slakh2100)
    _CHECK_THEMSELVES: tuple[type[ChecksItself], ...] = (Folder, Musdb18hq, Slakh2100)
    _PLACEMENTS: tuple[type[PlacementRule], ...] = (Around, Fixed, Frontal, Moving, Panorama)
    _WITH_FILES: tuple[type[NamesFiles], ...] = (Fixed,)
