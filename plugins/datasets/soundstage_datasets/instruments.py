"""The players of the synthesised songs; each returns a stereo stem with width of its own, (2, samples)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from soundstage_datasets.synthesis import (
    CONTROL,
    RATE,
    at_audio_rate,
    attack,
    chorus,
    control_times,
    decay,
    delayed,
    harmonic_sum,
    hertz,
    high_passed,
    low_passed,
    noise,
    phase,
    reverb,
)

if TYPE_CHECKING:
    from soundstage.audio import Samples


class Note(NamedTuple):
    """A note in beats and MIDI numbers; vowel is for singers."""

    start: float
    beats: float
    midi: int
    vowel: str = "a"


class Chord(NamedTuple):
    """A chord in beats and MIDI numbers."""

    start: float
    beats: float
    midis: tuple[int, ...]


# Formant frequencies in Hz and levels in dB of a singing voice, after the tables of the Csound manual (alto).
VOWELS: Final[Mapping[str, tuple[tuple[float, float], ...]]] = {
    "a": ((800, 0), (1150, -4), (2800, -20), (3500, -36)),
    "e": ((400, 0), (1600, -24), (2700, -30), (3300, -35)),
    "i": ((350, 0), (1700, -20), (2700, -30), (3700, -36)),
    "o": ((450, 0), (800, -9), (2830, -16), (3500, -28)),
    "u": ((325, 0), (700, -12), (2530, -30), (3500, -40)),
}


def voice(notes: Sequence[Note], beat: float, samples: int, seed: int, *, tract: float, wet: float) -> Samples:
    """A singer: glides between notes, vibrato that sets in late, formants that move, breath; doubled and in a hall.

    beat in seconds. tract scales the formants (1 an alto, 0.85 a baritone). wet: the hall's level beside the voice's.
    """
    times = control_times(samples)
    midi = np.full(len(times), float(notes[0].midi))
    level, vibrato = np.zeros(len(times)), np.zeros(len(times))
    formants = np.repeat(_formants(notes[0].vowel)[:, :, np.newaxis], len(times), axis=2)
    previous: Note | None = None
    for note in notes:
        start, end = note.start * beat, (note.start + note.beats) * beat
        tied = previous is not None and note.start - (previous.start + previous.beats) < 0.1
        rise = _smooth((times - start) / (0.09 if tied else 0.03))
        midi += (note.midi - (1.0 if not tied else 0.0) * (1.0 - _smooth((times - start) / 0.12)) - midi) * rise
        formants += (_formants(note.vowel)[:, :, np.newaxis] - formants) * _smooth((times - start) / 0.08)
        vibrato = np.maximum(vibrato, _smooth((times - start - 0.22) / 0.25) * (1.0 - _smooth((times - end) / 0.09)))
        shape = _smooth((times - start) / 0.05) * (1.0 - _smooth((times - end) / 0.09))
        level = np.maximum(level, shape * (1.0 - 0.25 * np.clip((times - start) / 1.5, 0.0, 1.0)))
        previous = note
    pitch = midi + 0.28 * vibrato * np.sin(2.0 * np.pi * 5.4 * times)
    frequency = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
    loudness = at_audio_rate(level)
    gains = np.stack([_spectrum(k * frequency, formants, tract) * level for k in range(1, 37)])
    sung = harmonic_sum(phase(at_audio_rate(frequency)), gains)
    breath = high_passed(noise(seed, samples), 3000.0)
    sung += breath * (0.02 * loudness + 0.10 * _onsets([note.start * beat for note in notes[::2]], samples, 0.07))
    left, right = chorus(sung, 14.0, 1.6, 2.7, 0.0), chorus(sung, 19.0, 1.9, 3.4, 0.3)
    return np.stack([sung + 0.25 * left, sung + 0.25 * right]) + wet * reverb(sung, 1.1, seed + 10)


def drums(patterns: Mapping[str, str], step: float, samples: int, seed: int, *, room: float) -> Samples:
    """A kit under two overheads: every piece has its own level and delay in each, and the room is diffuse.

    patterns: piece → one character a step, `X` loud, `x` soft, anything else nothing; repeated. step in seconds.
    """
    stem = np.zeros((2, samples))
    for number, (piece, pattern) in enumerate(patterns.items()):
        # Levels in the two overheads, and by how many samples the right one hears it later.
        left, right, later = _OVERHEADS[piece]
        hit = _hit(piece, seed + 20 + number)
        for index in range(int(samples / RATE / step) - 2):
            strength = {"X": 1.0, "x": 0.55}.get(pattern[index % len(pattern)], 0.0)
            # Players are early and late by some milliseconds, and no two hits are equally loud.
            human = noise(seed + 100 * number + index, 2)
            start = max(0, round((index * step + 0.003 * human[0]) * RATE))
            _add(stem[0], hit, start + max(0, -later), left * strength * (1.0 + 0.12 * human[1]))
            _add(stem[1], hit, start + max(0, later), right * strength * (1.0 + 0.12 * human[1]))
    stem += room * reverb(stem.mean(axis=0), 0.45, seed + 30, brightness_hz=9000.0)
    return np.tanh(1.2 * stem)


def bass(notes: Sequence[Note], beat: float, samples: int, seed: int, *, harmonics: int, growl: float) -> Samples:
    """A bass line, nearly centred: the sides carry a little chorus of its upper harmonics and the room.

    growl: how bright a note begins, 0 to 1.
    """
    times = control_times(samples)
    midi, level, bright = np.full(len(times), float(notes[0].midi)), np.zeros(len(times)), np.zeros(len(times))
    for note in notes:
        start, end = note.start * beat, (note.start + note.beats) * beat
        since = np.maximum(times - start, 0.0)
        midi += (note.midi - midi) * _smooth((times - start) / 0.02)
        shape = _smooth((times - start) / 0.012) * (1.0 - _smooth((times - end) / 0.05))
        fresh = times >= start
        level = np.where(fresh, level * (1.0 - _smooth((times - start) / 0.012)) + shape * np.exp(-0.9 * since), level)
        bright = np.where(fresh, np.exp(-5.0 * since), bright)
    frequency = 440.0 * 2.0 ** ((midi - 69.0) / 12.0)
    slope = 2.2 - 1.1 * growl * bright
    gains = level * np.arange(1, harmonics + 1)[:, np.newaxis] ** -slope
    dry = harmonic_sum(phase(at_audio_rate(frequency)), gains)
    upper = high_passed(dry, 150.0)
    side = chorus(upper, 8.0, 1.2, 3.1, 0.1) - chorus(upper, 11.0, 1.2, 3.7, 0.6)
    return np.stack([dry + 0.22 * side, dry - 0.22 * side]) + 0.10 * reverb(upper, 0.35, seed + 40)


def pad(chords: Sequence[Chord], beat: float, samples: int, seed: int, *, brightness: float, pulse: float) -> Samples:
    """A wide pad: every tone is three detuned oscillators, one left, one right, one in the middle.

    brightness: 0 dull to 1 bright. pulse: depth of the swell on every beat, as under a ducking kick.
    """
    stem = np.zeros((2, samples))
    cents = noise(seed + 50, 256)
    number = 0
    for chord in chords:
        start = round(chord.start * beat * RATE)
        length = min(round((chord.beats * beat + 0.35) * RATE), samples - start)
        envelope = attack(0.12, length) * attack(0.30, length)[::-1]
        for midi in chord.midis:
            gains = np.arange(1.0, 5.0 + round(4 * brightness)) ** -(2.4 - brightness)
            for left, right in ((1.0, 0.2), (0.2, 1.0), (0.7, 0.7)):
                detune = (6.0 * (left - right) + 3.0 * cents[number % 256]) / 100.0
                frequency = np.full(length, hertz(midi + detune))
                tone = harmonic_sum(phase(frequency, 0.5 + 0.5 * cents[(number + 128) % 256]), gains) * envelope
                stem[0, start : start + length] += left * tone
                stem[1, start : start + length] += right * tone
                number += 1
    swell = np.arange(samples) / (beat * RATE) % 1.0
    return stem * (1.0 - pulse * np.exp(-4.0 * swell))


def plucks(notes: Sequence[Note], beat: float, samples: int, seed: int, *, ring: float, echo_beats: float) -> Samples:
    """Plucked notes that alternate between left and right, each echoed on the other side.

    ring: seconds to −60 dB of the fundamental.
    """
    stem = np.zeros((2, samples))
    known: dict[int, Samples] = {}
    for index, note in enumerate(notes):
        if note.midi not in known:
            known[note.midi] = _pluck(note.midi, ring)
        tone, start = known[note.midi], round(note.start * beat * RATE)
        echo = start + round(echo_beats * beat * RATE)
        near, far = stem[index % 2], stem[1 - index % 2]
        _add(near, tone, start, 1.0)
        _add(far, tone, start + 9, 0.5)
        _add(far, tone, echo, 0.38)
        _add(near, tone, echo + 9, 0.19)
    return stem + 0.18 * reverb(stem.mean(axis=0), 0.8, seed + 70)


def electric_piano(chords: Sequence[Chord], beat: float, samples: int, seed: int, *, tremolo_s: float) -> Samples:
    """FM electric piano, its tremolo swinging from side to side."""
    dry = np.zeros(samples)
    for chord in chords:
        length = round((chord.beats * beat + 0.25) * RATE)
        release = attack(0.2, length)[::-1] * attack(0.004, length)
        for place, midi in enumerate(chord.midis):
            angle = phase(np.full(length, hertz(midi)))
            bell = 0.25 * decay(0.7, length) * np.sin(14.0 * angle) if midi < 72 else 0.0
            tone = np.sin(angle + 1.3 * decay(1.6, length) * np.sin(angle) + bell) * decay(3.5, length) * release
            _add(dry, tone, round((chord.start * beat + 0.018 * place) * RATE), 1.0)
    swing = 0.25 * np.sin(2.0 * np.pi * np.arange(samples) / (tremolo_s * RATE))
    left, right = chorus(dry, 9.0, 1.5, 2.9, 0.0), chorus(dry, 12.0, 1.5, 2.3, 0.4)
    stem = np.stack([(0.6 + swing) * dry + 0.35 * left, (0.6 - swing) * dry + 0.35 * right])
    return stem + 0.15 * reverb(dry, 1.0, seed + 80)


def _smooth(progress: Samples) -> Samples:
    """0 before 0, 1 after 1, a smooth step between."""
    clipped = np.clip(progress, 0.0, 1.0)
    return clipped * clipped * (3.0 - 2.0 * clipped)


def _formants(vowel: str) -> Samples:
    """Frequencies and levels, (2, formants)."""
    return np.array(VOWELS[vowel], dtype=np.float64).T


def _spectrum(frequency: Samples, formants: Samples, tract: float) -> Samples:
    """The gain of vocal tract and glottis at a frequency, (times,); formants are (2, formants, times)."""
    centres, levels = tract * formants[0], 10.0 ** (formants[1] / 20.0)
    widths = 60.0 + 0.04 * centres
    resonances = levels / np.sqrt(1.0 + ((frequency - centres) / widths) ** 2)
    return np.asarray(resonances.sum(axis=0) * np.minimum(1.0, 6000.0 / frequency) ** 2, dtype=np.float64)


def _onsets(starts: Sequence[float], samples: int, seconds: float) -> Samples:
    """A bump just before each start, for consonants."""
    shape = np.zeros(samples)
    length = round(seconds * RATE)
    for start in starts:
        _add(shape, np.hanning(length), max(0, round(start * RATE) - length // 2), 1.0)
    return shape


def _add(line: Samples, sound: Samples, start: int, gain: float) -> None:
    """Add the sound to the line in place; what goes past its end is lost."""
    room = max(0, len(line) - start)
    if gain and room:
        line[start : start + len(sound)] += gain * sound[:room]


def _pluck(midi: int, ring: float) -> Samples:
    length = round(min(ring, 1.2) * RATE / CONTROL) * CONTROL
    order = np.arange(1, min(12, int(14000.0 / hertz(midi))) + 1)[:, np.newaxis]
    fall = np.exp(-6.9 / ring * (0.6 + 0.4 * order) * control_times(length))
    tone = harmonic_sum(phase(np.full(length, hertz(midi))), np.asarray(order**-1.1 * fall, dtype=np.float64))
    return tone * attack(0.002, length) * attack(0.03, length)[::-1]


_OVERHEADS: Final[Mapping[str, tuple[float, float, int]]] = {
    "kick": (0.62, 0.58, 1),
    "snare": (0.85, 0.62, 8),
    "rim": (0.70, 0.45, 14),
    "clap": (1.0, 1.2, -6),
    "hat": (0.30, 0.55, -22),
    "open hat": (0.27, 0.48, -22),
    "ride": (0.45, 0.25, 25),
    "tom": (0.35, 0.75, -18),
    "shaker": (0.50, 0.30, 17),
}


def _hit(piece: str, seed: int) -> Samples:
    """One hit of a piece of the kit, about full scale."""
    length = round({"kick": 0.35, "open hat": 0.4, "ride": 0.9, "tom": 0.5}.get(piece, 0.25) * RATE)
    white = noise(seed, length)
    times = np.arange(length) / RATE
    if piece in ("kick", "tom"):
        low, drop, ring = (48.0, 130.0, 0.35) if piece == "kick" else (95.0, 60.0, 0.5)
        body = np.sin(phase(low + drop * np.exp(-times / 0.03))) * decay(ring, length)
        sound = body + 0.6 * low_passed(white, 5000.0) * decay(0.03, length)
    elif piece in ("snare", "rim"):
        tone = np.sin(phase(np.full(length, 190.0 if piece == "snare" else 430.0))) * decay(0.16, length)
        buzz = high_passed(white, 800.0) * decay(0.28 if piece == "snare" else 0.06, length)
        sound = 0.45 * tone + 0.9 * buzz
    elif piece == "clap":
        bursts = sum((delayed(decay(0.03, length), round(0.011 * RATE) * burst) for burst in range(3)), 0.0)
        sound = low_passed(high_passed(white, 900.0), 6000.0) * (0.5 * bursts + decay(0.2, length))
    elif piece == "ride":
        partials = sum((np.sin(phase(np.full(length, f))) for f in (3170.0, 4130.0, 5410.0, 6890.0, 8530.0)), 0.0)
        sound = (0.12 * partials + 0.3 * high_passed(white, 7000.0)) * decay(0.9, length)
    else:
        ring = {"hat": 0.07, "open hat": 0.4, "shaker": 0.1}[piece]
        sound = high_passed(high_passed(white, 7000.0), 7000.0) * decay(ring, length)
        sound = sound * attack(0.03, length) if piece == "shaker" else sound
    return np.asarray(sound * attack(0.01, length)[::-1], dtype=np.float64)
