"""What the cues are read from, against what each of them is defined as, frame by frame."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from scipy import fft
from scipy.signal.windows import hann

from soundstage_metrics.cues import frames
from soundstage_metrics.cues.frames import band_starts, cue_frames, frame_length

SECONDS = 1.3


def ears(rate):
    rng = np.random.default_rng(0)
    t = np.arange(round(SECONDS * rate)) / rate
    left, right = 0.1 * rng.standard_normal((2, len(t)))
    pairs = {
        "noise": (left, right),
        "partly coherent": (left + right, np.roll(left, 7)),
        "tone": (np.sin(2 * np.pi * 440 * t), np.sin(2 * np.pi * 440 * t + 0.3)),
        "bass": (np.sin(2 * np.pi * 60 * t), 0.5 * np.sin(2 * np.pi * 60 * t - 0.1)),
        "constant": (np.ones_like(t), np.full_like(t, 0.5)),
        "equal": (left, left),
        "inverted": (left, -left),
        "silent left": (0 * t, right),
        "silence in the middle": (
            np.where(abs(t - 0.6) < 0.3, 0.0, left),
            np.where(abs(t - 0.6) < 0.3, 0.0, right),
        ),
    }
    return {name: np.stack(pair) for name, pair in pairs.items()}


NAMES = tuple(ears(8000))


def by_definition(signal, rate):
    """energies, cross and iacc of every frame, by a transform there and one back."""
    length, lag_count, starts = frame_length(rate), int(1e-3 * rate), band_starts(rate)
    window = hann(length, sym=False)
    for start in range(0, signal.shape[1] - length + 1, length // 2):
        spectra = fft.rfft(signal[:, start : start + length] * window)
        powers, cross = np.abs(spectra) ** 2, spectra[0] * spectra[1].conj()
        inside = np.zeros_like(cross)
        inside[starts[0] : starts[-1]] = cross[starts[0] : starts[-1]]
        correlation = np.abs(fft.irfft(inside, length))
        largest = max(correlation[: lag_count + 1].max(), correlation[-lag_count:].max())
        norm = np.sqrt(np.prod(2 * powers[:, starts[0] : starts[-1]].sum(axis=1) / length))
        bands = list(itertools.pairwise(starts))
        yield (
            np.array([powers[:, first:last].sum(axis=1) for first, last in bands]).T,
            np.array([cross[first:last].sum() for first, last in bands]),
            min(largest / norm, 1.0) if norm > 0 else 0.0,
        )


@pytest.mark.parametrize("rate", [8000, 44100])
@pytest.mark.parametrize("name", NAMES)
def test_every_frame_has_what_it_is_defined_as(name, rate):
    signal = ears(rate)[name]
    found = cue_frames(signal, rate)
    expected = list(by_definition(signal, rate))
    assert len(expected) == len(found.iacc) == 25
    for frame, (energies, cross, iacc) in enumerate(expected):
        scale = max(energies.max(), 1e-30)
        np.testing.assert_allclose(found.energies[:, frame], energies, rtol=1e-11, atol=1e-13 * scale)
        np.testing.assert_allclose(found.cross[frame], cross[: found.cross.shape[1]], rtol=0, atol=1e-13 * scale)
        assert found.iacc[frame] == pytest.approx(iacc, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_no_frame_depends_on_those_that_it_is_computed_with(name, monkeypatch):
    signal = ears(44100)[name]
    together = cue_frames(signal, 44100)
    for at_once in (1, 7, 64):
        monkeypatch.setattr(frames, "_FRAMES_AT_ONCE", at_once)
        found = cue_frames(signal, 44100)
        for field in dataclasses.fields(found):
            one, other = getattr(found, field.name), getattr(together, field.name)
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13 * np.abs(other).max())
