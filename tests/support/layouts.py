"""Tiny data sets in the layouts in which the real ones unpack."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile

from heads import sided

CLASSES = {
    "G": "Guitar",
    "S": "Strings (continued)",
    "V": "Strings",
    "B": "Bass",
    "P": "Piano",
    "D": "Drums",
}


def noise(seed, shape):
    """Noise on the 16-bit grid, so that files hold it exactly."""
    return np.random.default_rng(seed).integers(-3000, 3000, shape) / 32768


def write_musdb_song(folder, *, seconds=1.0, rate=44100, seed=0):
    """One song of MUSDB18-HQ; its mixture is the exact sum of its stems. Returns stem name → (2, samples)."""
    folder.mkdir(parents=True)
    stems = {
        name: noise([seed, number], (2, round(seconds * rate)))
        for number, name in enumerate(("vocals", "drums", "bass", "other"))
    }
    for name, samples in {**stems, "mixture": sum(stems.values())}.items():
        soundfile.write(folder / f"{name}.wav", samples.T, rate, subtype="PCM_16")
    return stems


def write_slakh_track(folder, stems, *, seconds=1.0, rate=44100, seed=0, unrendered=()):
    """One track of Slakh2100-FLAC-redux. stems: one letter of CLASSES each. Returns stem name → (1, samples)."""
    (folder / "stems").mkdir(parents=True)
    (folder / "MIDI").mkdir()
    (folder / "all_src.mid").touch()
    lines = ["UUID: 1a81ae092884234f3264e2f45927f00a", "audio_dir: stems", "normalized: true", "stems:"]
    written = {}
    for number, letter in enumerate(stems):
        name = f"S{number:02d}"
        rendered = name not in unrendered
        lines += [
            f"  {name}:",
            f"    audio_rendered: {str(rendered).lower()}",
            f"    inst_class: {CLASSES[letter]}",
            "    integrated_loudness: -12.82074180245363",
            f"    is_drum: {str(letter == 'D').lower()}",
            "    midi_program_name: Distortion Guitar",
            "    midi_saved: true",
            "    plugin_name: elektrik_guitar.nkm",
            "    program_num: 30",
        ]
        if rendered:
            written[name] = noise([seed, number], (1, round(seconds * rate)))
            soundfile.write(folder / "stems" / f"{name}.flac", written[name].T, rate, subtype="PCM_16")
    lines.append("target_peak: -1.0")
    (folder / "metadata.yaml").write_text("\n".join(lines) + "\n")
    if written:
        soundfile.write(folder / "mix.flac", sum(written.values()).T, rate, subtype="PCM_16")
    return written


def write_papers_data(folder: Path) -> dict[str, Path]:
    """Songs and multitracks of noise, places and a head for them: every root that the papers' grids ask for."""
    azimuths = {
        ("test", "Noise - One"): (300, 30, 0, 90),
        ("test", "Noise - Two"): (10, 50, 270, 330),
        ("train", "Noise - Three"): (0, 10, 20, 30),
        ("train", "Leaf - Summerghost"): (340, 90, 60, 0),  # one of the validation songs
    }
    places: dict[str, dict[str, dict[str, int]]] = {"test": {}, "train": {}}
    for number, ((split, song), angles) in enumerate(azimuths.items()):
        write_musdb_song(folder / "musdb" / split / song, seconds=1.5, seed=number)
        places[split][song] = dict(zip(("vocals", "drums", "bass", "other"), angles, strict=True))
    for number, stems in enumerate(("GSBPGD", "GGSBP")):
        write_slakh_track(folder / "slakh" / "test" / f"Track0187{number}", stems, seconds=1.5, seed=number)
    (folder / "metadata.json").write_text(json.dumps(places))
    (folder / "44K_16bit").mkdir()
    for azimuth in range(0, 360, 10):
        pair = sided(noise([7, azimuth], (64, 2)) * np.exp(-np.arange(64) / 8)[:, None], azimuth)
        soundfile.write(folder / "44K_16bit" / f"azi_{azimuth},0_ele_0,0.wav", pair, 44100, subtype="PCM_16")
    return {
        "musdb18hq": folder / "musdb",
        "metadata": folder / "metadata.json",
        "ku100": folder / "44K_16bit",
        "slakh2100_4s": folder / "slakh",
        "slakh2100_4s2g": folder / "slakh",
    }


def asked(table, roots):
    """Those of the roots that a grid's entries need."""
    labels = (label for kind in ("datasets", "placements", "spatializers") for label in table.get(kind, ()))
    names = {label.partition("[")[0] for label in labels}
    return {name: path for name, path in roots.items() if name in names}
