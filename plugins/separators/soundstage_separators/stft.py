"""The short-time Fourier transform in blocks of frames: a long track never lies in memory as one spectrogram."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from soundstage.errors import SoundstageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from soundstage.audio import Samples

    Spectrum = NDArray[np.complex128]

BLOCK = 256
"""Frames in a block: 8 MB for two channels at 2048 samples a frame."""


class Stft:
    """A Hann-windowed transform and its least-squares inverse (Griffin & Lim 1984, eq. 6).

    Every frame that touches the signal is there, so analysis followed by synthesis returns the signal to rounding; with
    hop = window / 2 the frames are those of `scipy.signal.stft`.
    """

    def __init__(self, window: int, hop: int) -> None:
        """window: samples in a frame, at least 16. hop: samples between frames, at most half a window.

        Raises SoundstageError where they are not.
        """
        for name, value in (("window", window), ("hop", hop)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise SoundstageError(f"{name}={value!r}: a whole number of samples was expected")
        if window < 16:
            raise SoundstageError(f"window={window}: a frame of at least 16 samples was expected")
        if not 1 <= hop <= window // 2:
            raise SoundstageError(f"hop={hop}: expected 1 to {window // 2}, half of window={window}")
        self.window, self.hop = window, hop
        self.bins = window // 2 + 1
        self._lead = window - hop
        self._shape = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
        rows = -(-window // hop)
        squares = np.pad(self._shape**2, (0, rows * hop - window)).reshape(rows, hop).sum(axis=0)
        self._synthesis = self._shape / np.tile(squares, rows)[:window]

    def frames(self, length: int) -> int:
        """How many frames touch a signal of that many samples."""
        return -(-(length + self._lead) // self.hop)

    def blocks(self, length: int) -> Iterator[slice]:
        """The frames of a signal of that many samples, in order, at most BLOCK at a time."""
        count = self.frames(length)
        return (slice(first, min(first + BLOCK, count)) for first in range(0, count, BLOCK))

    def frequencies(self, rate: int) -> NDArray[np.float64]:
        """The frequency of each bin in Hz."""
        return np.arange(self.bins, dtype=np.float64) * np.float64(rate / self.window)

    def analyse(self, samples: Samples, frames: slice) -> Spectrum:
        """The spectra (…, frames, bins) of the given frames of samples (…, n)."""
        first = frames.start * self.hop - self._lead
        last = (frames.stop - 1) * self.hop - self._lead + self.window
        length = samples.shape[-1]
        around = [(0, 0)] * (samples.ndim - 1) + [(max(0, -first), max(0, last - length))]
        padded = np.pad(samples[..., max(0, first) : min(last, length)], around)
        framed = np.lib.stride_tricks.sliding_window_view(padded, self.window, axis=-1)[..., :: self.hop, :]
        spectrum: Spectrum = scipy.fft.rfft(framed * self._shape, axis=-1)
        return spectrum

    def canvas(self, shape: tuple[int, ...], length: int) -> Samples:
        """Zeros for `paint` to add frames to, for signals of that many samples; `crop` takes the signals out."""
        rows = -(-self.window // self.hop)
        return np.zeros((*shape, self.frames(length) + rows - 1, self.hop))

    def paint(self, canvas: Samples, spectrum: Spectrum, frames: slice) -> None:
        """Add the frames with these spectra (…, frames, bins) to the canvas."""
        pieces = scipy.fft.irfft(spectrum, self.window, axis=-1) * self._synthesis
        for row, start in enumerate(range(0, self.window, self.hop)):
            piece = pieces[..., start : start + self.hop]
            canvas[..., frames.start + row : frames.stop + row, : piece.shape[-1]] += piece

    def crop(self, canvas: Samples, length: int) -> Samples:
        """The signals (…, length) that the frames on the canvas add up to; a view, for they may be long."""
        return canvas.reshape(*canvas.shape[:-2], -1)[..., self._lead : self._lead + length]
