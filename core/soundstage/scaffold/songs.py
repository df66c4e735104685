"""Two songs of two seconds, for a new dataset to read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from soundstage.audio import Samples, write_audio

RATE = 16000

SONGS = {
    "dawn": {"vocals": (440.0, 494.0, 523.0, 587.0), "bass": (110.0, 98.0)},
    "dusk": {"vocals": (392.0, 349.0, 330.0, 294.0, 262.0), "bass": (65.0, 73.0, 98.0, 65.0)},
}
"""Song → source → the frequencies in Hz of its notes, which share the two seconds evenly."""


def write_songs(folder: Path) -> None:
    """Write them as a dataset's template reads them: a folder a song, a mono WAV file a source."""
    for song, sources in SONGS.items():
        (folder / song).mkdir(parents=True)
        for source, notes in sources.items():
            write_audio(folder / song / f"{source}.wav", _plucked(notes), RATE, "PCM_16")


def _plucked(notes: tuple[float, ...]) -> Samples:
    """Decaying notes with three overtones, one after the other, of shape (1, samples)."""
    times = np.arange(2 * RATE // len(notes)) / RATE
    played = [
        np.exp(-4.0 * times) * sum(np.sin(2 * np.pi * order * note * times) / order for order in (1, 2, 3, 4))
        for note in notes
    ]
    return 0.2 * np.concatenate(played)[np.newaxis]
