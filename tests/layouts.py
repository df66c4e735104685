"""Tiny data sets in the layouts in which the real ones unpack."""

from __future__ import annotations

import numpy as np
import soundfile

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
