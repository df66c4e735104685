"""Three short songs that are computed, not downloaded: the embedded dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from soundstage.errors import UnknownName
from soundstage.scene import Track
from soundstage_datasets.instruments import Chord, Note, bass, drums, electric_piano, pad, plucks, voice
from soundstage_datasets.synthesis import CONTROL, RATE, on_16_bits

if TYPE_CHECKING:
    from soundstage.audio import Samples


PERIOD_S: Final = 3.0
PAUSES_S: Final = {"vocals": 0.5, "bass": 0.5, "drums": 1.5, "other": 1.5}
"""Where in each period a stem falls silent, for a second: two of them always sound, and all in its last second."""

FADE_S: Final = 0.01


class Sketches:
    """Three synthesised songs of 8 to 9 seconds, 44.1 kHz, with stereo stems vocals, drums, bass and other.

    The same samples on every machine, on the 16-bit grid; the mixture is their sum and stays below full scale.
    pauses: whether each stem is silent for one second of every three, as stems of songs are now and then, vocals and
    bass together and then drums and other.
    """

    revision = 1
    left_out_at_default = ("pauses",)

    def __init__(self, pauses: bool = False) -> None:
        self._pauses = pauses

    def track_ids(self) -> Sequence[str]:
        """The songs, sorted."""
        return sorted(_SONGS)

    def source_names(self, track_id: str) -> Sequence[str]:
        """The names of the track's sources, the same for all tracks."""
        return ("vocals", "drums", "bass", "other")

    def load(self, track_id: str) -> Track:
        """The track, synthesised now. Raises UnknownName for any other id."""
        if track_id not in _SONGS:
            raise UnknownName("track of dataset 'sketches':", track_id, _SONGS)
        stems = _SONGS[track_id]()
        if self._pauses:
            stems = {name: _paused(stem, PAUSES_S[name]) for name, stem in stems.items()}
        return Track(track_id, RATE, stems)


def _samples(beats: float, beat: float) -> int:
    """The length of a song of so many beats and its last tail, a multiple of CONTROL."""
    return round((beats * beat + 0.7) * RATE / CONTROL) * CONTROL


def _sequence(text: str, step: float, length: float, start: float = 0.0) -> list[Note]:
    """Notes of equal length from MIDI numbers, one a step, `.` a rest; all in beats."""
    return [Note(start + index * step, length, int(word)) for index, word in enumerate(text.split()) if word.isdigit()]


def _paused(stem: Samples, begins: float) -> Samples:
    """The stem without one second of every period, from so many seconds into it; fades lie outside of that second."""
    fade, period = round(FADE_S * RATE), round(PERIOD_S * RATE)
    gone = np.zeros(period)
    pause, first = round(1.0 * RATE), round(begins * RATE)
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)
    gone[first - fade : first] = ramp
    gone[first : first + pause] = 1.0
    gone[first + pause : first + pause + fade] = ramp[::-1]
    kept = 1.0 - np.resize(gone, stem.shape[1])
    return np.asarray(np.rint(stem * kept * 2**15) / 2**15)


def _song(stems: Mapping[str, Samples], levels_db: Mapping[str, float]) -> dict[str, Samples]:
    return {name: on_16_bits(stem, levels_db[name]) for name, stem in stems.items()}


def _amber_street() -> dict[str, Samples]:
    """D major, 96 beats a minute, 4/4: a singer, a backbeat, a walking bass, plucks over a pad."""
    beat, seed = 60.0 / 96.0, 1000
    samples = _samples(12, beat)
    melody = [
        Note(0.5, 0.5, 66, "o"),
        Note(1.0, 0.75, 69, "a"),
        Note(1.75, 0.25, 71, "e"),
        Note(2.0, 1.25, 74, "a"),
        Note(4.0, 0.5, 73, "e"),
        Note(4.5, 0.5, 71, "i"),
        Note(5.0, 1.0, 69, "a"),
        Note(6.0, 0.5, 66, "o"),
        Note(6.5, 0.9, 67, "u"),
        Note(8.0, 0.5, 69, "a"),
        Note(8.5, 0.5, 71, "e"),
        Note(9.0, 0.5, 69, "i"),
        Note(9.5, 0.5, 66, "a"),
        Note(10.0, 1.8, 67, "o"),
    ]
    roots = ((62, 66, 69), (59, 62, 66), (55, 59, 62), (57, 61, 64), (54, 57, 61), (55, 59, 62))
    chords = [Chord(2.0 * index, 2.0, midis) for index, midis in enumerate(roots)]
    arpeggio = [
        Note(chord.start + 0.5 * index, 0.5, 12 + chord.midis[(0, 2, 1, 2)[index]])
        for chord in chords
        for index in range(4)
    ]
    line = _sequence("38 . 38 45 35 . 35 42 31 . 31 38 33 . 33 40 30 . 30 37 31 . 43 38", 0.5, 0.46)
    kit = {
        "kick": "X..x....X.x.....",
        "snare": "....X.......X..x",
        "hat": "X.x.X.x.X.x.X.xx",
        "tom": "...............x................",
    }
    background = pad(chords, beat, samples, seed, brightness=0.5, pulse=0.0)
    stems = {
        "vocals": voice(melody, beat, samples, seed + 1, tract=1.0, wet=0.15),
        "drums": drums(kit, beat / 4, samples, seed + 2, room=0.22),
        "bass": bass(line, beat, samples, seed + 3, harmonics=10, growl=0.5),
        "other": plucks(arpeggio, beat, samples, seed + 4, ring=1.1, echo_beats=0.75) + 0.22 * background,
    }
    return _song(stems, {"vocals": -21.5, "drums": -23.5, "bass": -22.5, "other": -23.5})


def _low_tide() -> dict[str, Samples]:
    """A minor, 84 beats a minute, 3/4: a baritone, brushed drums, long bass notes, electric piano."""
    beat, seed = 60.0 / 84.0, 2000
    samples = _samples(11, beat)
    melody = [
        Note(0.25, 0.75, 57, "u"),
        Note(1.0, 0.5, 60, "o"),
        Note(1.5, 1.0, 64, "a"),
        Note(3.5, 0.5, 65, "a"),
        Note(4.0, 0.5, 64, "e"),
        Note(4.5, 1.0, 60, "o"),
        Note(6.25, 0.5, 55, "a"),
        Note(6.75, 0.75, 60, "e"),
        Note(7.5, 1.0, 62, "i"),
        Note(9.0, 0.5, 59, "o"),
        Note(9.5, 1.4, 57, "a"),
    ]
    bars = ((57, 60, 64, 67), (53, 57, 60, 64), (55, 60, 64, 67), (55, 59, 62, 69))
    held = [Chord(3.0 * index, min(3.0, 11.0 - 3.0 * index), midis) for index, midis in enumerate(bars)]
    broken = [
        Chord(chord.start + when, 3.0 - when, chord.midis[part])
        for chord in held
        for when, part in ((0.0, slice(0, 2)), (1.0, slice(2, 4)), (2.0, slice(1, 3)))
        if chord.start + when < 11.0
    ]
    line = [
        Note(0.0, 2.0, 33),
        Note(2.0, 0.9, 40),
        Note(3.0, 2.4, 29),
        Note(5.5, 0.5, 33),
        Note(6.0, 2.0, 36),
        Note(8.0, 0.9, 35),
        Note(9.0, 2.0, 31),
    ]
    kit = {
        "kick": "X.....x.....",
        "rim": "........X...",
        "shaker": "x.X.x.x.X.x.",
        "ride": "X...x...x.x.",
        "snare": "......................xx",
    }
    upper = [chord._replace(midis=chord.midis[1:]) for chord in held]
    piano = electric_piano(broken, beat, samples, seed, tremolo_s=0.9)
    stems = {
        "vocals": voice(melody, beat, samples, seed + 1, tract=0.86, wet=0.20),
        "drums": drums(kit, beat / 4, samples, seed + 2, room=0.30),
        "bass": bass(line, beat, samples, seed + 3, harmonics=6, growl=0.2),
        "other": piano + 0.18 * pad(upper, beat, samples, seed + 4, brightness=0.2, pulse=0.0),
    }
    return _song(stems, {"vocals": -19.5, "drums": -26.0, "bass": -22.0, "other": -21.0})


def _night_bus() -> dict[str, Samples]:
    """E minor, 124 beats a minute, 4/4: chopped vocals, four on the floor, a growling bass, an arpeggio over a pad."""
    beat, seed = 60.0 / 124.0, 3000
    samples = _samples(16, beat)
    phrase = [
        Note(0.0, 0.4, 71, "o"),
        Note(0.75, 0.4, 71, "a"),
        Note(1.5, 0.9, 74, "e"),
        Note(2.4, 0.8, 76, "a"),
        Note(4.0, 0.4, 76, "i"),
        Note(4.75, 0.4, 74, "a"),
        Note(5.5, 1.6, 71, "o"),
    ]
    melody = phrase + [
        note._replace(start=note.start + 8.0, midi=note.midi - (2 if note.start > 4.5 else 0)) for note in phrase
    ]
    bars = ((52, 59, 64, 67), (48, 55, 64, 67), (55, 59, 62, 67), (50, 57, 62, 66))
    chords = [Chord(4.0 * index, 4.0, midis) for index, midis in enumerate(bars)]
    steps = (0, 2, 3, 1, 2, 3, 2, 1)
    arpeggio = [
        Note(chord.start + 0.25 * index, 0.25, 12 + chord.midis[steps[index % 8]])
        for chord in chords
        for index in range(16)
        if index % 8 != 7
    ]
    line = [
        Note(chord.start + when, length, root)
        for chord, root in zip(chords, (28, 36, 31, 38), strict=True)
        for when, length in ((0.5, 0.4), (1.0, 0.2), (1.5, 0.4), (2.5, 0.4), (2.75, 0.2), (3.5, 0.45))
    ]
    kit = {
        "kick": "X...X...X...X...",
        "clap": "....X.......X...",
        "hat": "x.xxx.xxx.xxx.xx",
        "open hat": "..X...X...X...X.",
    }
    stems = {
        "vocals": voice(melody, beat, samples, seed + 1, tract=1.05, wet=0.16),
        "drums": drums(kit, beat / 4, samples, seed + 2, room=0.16),
        "bass": bass(line, beat, samples, seed + 3, harmonics=24, growl=1.0),
        "other": pad(chords, beat, samples, seed, brightness=0.9, pulse=0.7)
        + 0.8 * plucks(arpeggio, beat, samples, seed + 4, ring=0.5, echo_beats=0.75),
    }
    return _song(stems, {"vocals": -23.0, "drums": -23.0, "bass": -21.5, "other": -24.0})


_SONGS: Final[Mapping[str, Callable[[], dict[str, Samples]]]] = {
    "amber-street": _amber_street,
    "low-tide": _low_tide,
    "night-bus": _night_bus,
}
