"""Building blocks of the synthesised songs: exact phases, stable noise, envelopes, chorus and reverb.

All random numbers are raw PCG64 output, whose stream NumPy guarantees; phases are integers; stems end on the 16-bit
grid. So the songs do not change with the library or the machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from soundstage.audio import Samples

RATE: Final = 44100
CONTROL: Final = 64
"""Samples between two control values: slow curves are computed this often and interpolated linearly."""

_CYCLE: Final = 2**24


def hertz(midi: float) -> float:
    """The frequency of a MIDI note number, A4 = 69 = 440 Hz."""
    return float(440.0 * 2.0 ** ((midi - 69.0) / 12.0))


def control_times(samples: int) -> Samples:
    """The times in seconds of the control values of `samples` samples, a multiple of CONTROL; one more than blocks."""
    return np.arange(samples // CONTROL + 1, dtype=np.float64) * (CONTROL / RATE)


def at_audio_rate(control: Samples) -> Samples:
    """Control values (blocks + 1,) interpolated to (blocks · CONTROL,) samples."""
    ramp = np.arange(CONTROL) / CONTROL
    start, step = control[:-1, np.newaxis], np.diff(control)[:, np.newaxis]
    return np.asarray((start + step * ramp).reshape(-1), dtype=np.float64)


def phase(frequency_hz: Samples, start: float = 0.0) -> Samples:
    """The phase in radians, in [0, 2π), of an oscillator with this frequency at each sample; start is in cycles."""
    # Steps of 0.003 Hz: coarse enough that the last bit of a computed frequency does not matter, too fine to hear.
    steps = np.rint(frequency_hz * (_CYCLE / RATE)).astype(np.int64)
    cycles = (np.cumsum(steps) + int(start * _CYCLE)) & (_CYCLE - 1)
    return np.asarray(cycles * (2.0 * np.pi / _CYCLE), dtype=np.float64)


def harmonic_sum(angle: Samples, gains: Samples) -> Samples:
    """Σ_k gains[k−1] · sin(k · angle), by the recurrence sin(kφ) = 2 cos φ · sin((k−1)φ) − sin((k−2)φ).

    gains: (harmonics,), or control values (harmonics, blocks + 1) for blocks · CONTROL samples.
    """
    total = np.zeros_like(angle)
    # Pieces that fit the processor's cache take half the time.
    piece = 256 * CONTROL
    for first in range(0, len(angle), piece):
        part = angle[first : first + piece]
        twice_cosine = 2.0 * np.cos(part)
        before, sine, product = np.zeros_like(part), np.sin(part), np.empty_like(part)
        for gain in gains:
            now = gain if gains.ndim == 1 else at_audio_rate(gain[first // CONTROL : first // CONTROL + 257])
            total[first : first + piece] += np.multiply(now, sine, out=product)
            np.multiply(twice_cosine, sine, out=product)
            before, sine = sine, np.subtract(product, before, out=before)
    return total


def noise(seed: int, samples: int) -> Samples:
    """White noise, uniform in ±1."""
    raw = np.random.PCG64(seed).random_raw(samples)
    return np.asarray((raw >> np.uint64(11)) * 2.0**-52 - 1.0, dtype=np.float64)


def decay(seconds_to_60_db: float, samples: int) -> Samples:
    """An exponential that begins at 1 and falls by 60 dB in the given time."""
    fall = np.exp(np.arange(samples) * (-6.907755278982137 / (seconds_to_60_db * RATE)))
    return np.asarray(fall, dtype=np.float64)


def attack(seconds: float, samples: int) -> Samples:
    """A raised-cosine rise from 0 to 1, then 1."""
    rise = np.minimum(np.arange(samples) / (seconds * RATE), 1.0)
    return 0.5 - 0.5 * np.cos(np.pi * rise)


def low_passed(signal: Samples, cutoff_hz: float) -> Samples:
    """The signal through a one-pole low-pass."""
    from scipy.signal import lfilter

    pole = float(np.exp(-2.0 * np.pi * cutoff_hz / RATE))
    return np.asarray(lfilter([1.0 - pole], [1.0, -pole], signal), dtype=np.float64)


def high_passed(signal: Samples, cutoff_hz: float) -> Samples:
    """The signal without its one-pole low-pass."""
    return signal - low_passed(signal, cutoff_hz)


def delayed(signal: Samples, samples: int) -> Samples:
    """The signal (samples,) later, at its length."""
    return np.concatenate([np.zeros(samples), signal[: len(signal) - samples]]) if samples else signal


def chorus(signal: Samples, delay_ms: float, depth_ms: float, cycle_s: float, start: float) -> Samples:
    """The signal behind a delay that swings by ±depth: a second player on the same line. start is in cycles."""
    times = np.arange(len(signal)) / RATE
    swing = np.sin(2.0 * np.pi * (times / cycle_s + start))
    positions = np.arange(len(signal)) - (delay_ms + depth_ms * swing) * (RATE / 1000.0)
    return np.interp(positions, np.arange(len(signal)), signal, left=0.0)


def reverb(signal: Samples, seconds: float, seed: int, *, brightness_hz: float = 5000.0) -> Samples:
    """Two decorrelated diffuse tails of a (samples,) signal, (2, samples), of about its energy; no direct sound.

    Exponential noise, 12 ms after the sound, the treble fading twice as fast, and no bass, as on a mixing desk.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    taps = int(seconds * RATE)
    size = next_fast_len(len(signal) + taps, real=True)
    spectrum = rfft(high_passed(signal, 200.0), size)
    tails = []
    for ear in (0, 1):
        dark = low_passed(noise(seed + ear, taps), brightness_hz / 4.0) * decay(seconds, taps)
        bright = low_passed(noise(seed + 2 + ear, taps), brightness_hz) * decay(seconds / 2.0, taps)
        response = delayed(2.0 * dark + bright, round(0.012 * RATE))
        response /= np.sqrt(np.sum(response**2))
        tails.append(irfft(spectrum * rfft(response, size), size)[: len(signal)])
    return np.stack(tails)


def on_16_bits(stem: Samples, level_db: float) -> Samples:
    """The stem scaled to an RMS of `level_db` dBFS over all channels and rounded to multiples of 2⁻¹⁵."""
    gain = 10.0 ** (level_db / 20.0) / np.sqrt(np.mean(stem**2))
    rounded = np.clip(np.rint(stem * gain * 32768.0), -32768.0, 32767.0) / 32768.0
    return np.asarray(rounded + 0.0, dtype=np.float64)  # no negative zeros
