"""Inner products of signals with shifted signals: few shifts, so that blocks are short.

BSS Eval's correlations are of 512 shifts and in long blocks; of 45 shifts short ones take a third of the time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLOCK = 1024


class ShiftedProducts:
    """Inner products of signals with shifted signals, in memory that is filled again frame after frame.

    Memory that is new costs more than what is done to it here. Each signal is written in line and taken from there, as
    one of the left, one of the right, or both.

    >>> products = ShiftedProducts(1, 1, 2, 1)
    >>> products.line(2)[:] = 1.0, 2.0
    >>> products.take_left(0)
    >>> products.line(2)[:] = 3.0, 4.0
    >>> products.take_right(0)
    >>> products.found().round(9)
    array([[[ 6., 11.,  4.]]])
    """

    def __init__(self, left: int, right: int, samples: int, reach: int) -> None:
        """left, right: how many signals there are; samples: of the longest; reach: the largest shift."""
        size = max(BLOCK, 4 * reach)
        self._reach, self._hop = reach, size - 2 * reach
        blocks, bins = -(-samples // self._hop), size // 2 + 1
        self._line = np.zeros(blocks * self._hop + 2 * reach)
        self._apart = self._line[reach : reach + blocks * self._hop].reshape(blocks, self._hop)
        self._overlapping = np.lib.stride_tricks.sliding_window_view(self._line, size)[:: self._hop]
        self._rows = np.zeros((blocks, size))
        self._left = np.zeros((bins, left, blocks), complex)
        self._right = np.zeros((bins, right, blocks), complex)

    def line(self, samples: int) -> Floats:
        """Where the next signal is to be written; beyond so many samples it is zero."""
        self._line[self._reach + samples :] = 0.0
        return self._line[self._reach : self._reach + samples]

    def take_left(self, index: int) -> None:
        """Take what is in line as this one of the left."""
        # Blocks are reversed in time, so that a product of spectra is a correlation.
        self._rows[:, : self._hop] = self._apart[:, ::-1]
        np.fft.rfft(self._rows, axis=1, out=self._left[:, index].T)

    def take_right(self, index: int) -> None:
        """Take what is in line as this one of the right."""
        # Each block of the left meets all of the right that it reaches, so that nothing wraps around.
        np.fft.rfft(self._overlapping, axis=1, out=self._right[:, index].T)

    def found(self) -> Floats:
        """r[a, b, τ + reach] = Σₙ left[a][n] · right[b][n + τ] for |τ| ≤ reach: (left, right, 2·reach + 1).

        The signals are zero beyond their ends.
        """
        sums = self._left @ self._right.transpose(0, 2, 1)
        return np.fft.irfft(sums, self._rows.shape[1], axis=0)[self._hop - 1 :].transpose(1, 2, 0)
