"""The short-time Fourier transform and its inverse."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from soundstage.errors import SoundstageError
from soundstage_separators import stft as module
from soundstage_separators.stft import Stft


def round_trip(stft, samples):
    length = samples.shape[-1]
    canvas = stft.canvas(samples.shape[:-1], length)
    for frames in stft.blocks(length):
        stft.paint(canvas, stft.analyse(samples, frames), frames)
    return stft.crop(canvas, length)


@pytest.mark.parametrize(("window", "hop"), [(64, 32), (64, 16), (64, 20), (65, 32), (64, 1), (16, 7)])
@pytest.mark.parametrize("length", [1, 31, 64, 1000])
def test_analysis_then_synthesis_returns_the_signal(window, hop, length):
    samples = np.random.default_rng(0).normal(size=(2, length))
    back = round_trip(Stft(window, hop), samples)
    assert back.shape == samples.shape
    np.testing.assert_allclose(back, samples, atol=1e-12)


def test_signals_longer_than_a_block_of_frames_return_too(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 5)
    samples = np.random.default_rng(0).normal(size=(2, 1234))
    np.testing.assert_allclose(round_trip(Stft(64, 16), samples), samples, atol=1e-12)


def test_frames_are_those_of_scipy_at_half_a_window():
    samples = np.random.default_rng(0).normal(size=(2, 4096))
    stft = Stft(256, 128)
    spectrum = stft.analyse(samples, slice(0, stft.frames(4096)))
    theirs = scipy.signal.stft(samples, nperseg=256)[2]
    window_sum = 128.0
    np.testing.assert_allclose(spectrum / window_sum, np.swapaxes(theirs, -1, -2), atol=1e-12)


def test_an_altered_spectrogram_comes_back_as_scipys_does():
    rng = np.random.default_rng(0)
    samples, stft = rng.normal(size=2048), Stft(256, 128)
    frames = slice(0, stft.frames(2048))
    mask = rng.uniform(size=(frames.stop, stft.bins))
    canvas = stft.canvas((), 2048)
    stft.paint(canvas, stft.analyse(samples, frames) * mask, frames)
    theirs = scipy.signal.istft(scipy.signal.stft(samples, nperseg=256)[2] * mask.T, nperseg=256)[1]
    np.testing.assert_allclose(stft.crop(canvas, 2048), theirs, atol=1e-12)


@pytest.mark.parametrize(("window", "hop"), [(8, 4), (64, 0), (64, 33), (64.0, 32), (64, True)])
def test_a_window_or_hop_that_cannot_reconstruct_is_refused(window, hop):
    with pytest.raises(SoundstageError, match=r"window=|hop="):
        Stft(window, hop)
