"""Cross-correlations of long signals at short lags, by blocks: cost linear in length, memory bounded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from soundstage_metrics.threads import in_threads

BLOCK = 8192
BLOCKS_AT_ONCE = 16
"""Blocks correlated together. More of them leave the processor's cache and are slower."""


def correlations(
    left: Sequence[NDArray[np.float64]], right: Sequence[NDArray[np.float64]], taps: int
) -> NDArray[np.float64]:
    """r[a, b, τ + taps − 1] = Σₙ left[a][n] · right[b][n + τ] for |τ| < taps.

    left, right: signals (samples,) of equal length, taken as zero outside. Shape (left signals, right signals,
    2·taps − 1). Each block correlates `BLOCK − 2(taps − 1)` samples of the left with all of the right that they reach,
    so nothing wraps around; blocks are summed as spectra, in order, and transformed back once. `scipy.fft.set_workers`
    says how many threads share the blocks; the numbers do not depend on it.

    >>> correlations([np.array([1.0, 2.0])], [np.array([3.0, 4.0])], 2).round(9)
    array([[[ 6., 11.,  4.]]])
    """
    samples, reach = len(left[0]) if left else 0, taps - 1
    hop = BLOCK - 2 * reach
    if hop < 1:
        raise ValueError(f"{taps} taps are too many for blocks of {BLOCK} samples")
    total = np.zeros((BLOCK // 2 + 1, len(left), len(right)), complex)
    blocks = -(-samples // hop)

    def correlated(first: int) -> NDArray[np.complex128]:
        count = min(BLOCKS_AT_ONCE, blocks - first)
        short = _block_spectra(left, first * hop, hop, hop, count)
        long = _block_spectra(right, first * hop - reach, hop, BLOCK, count)
        np.conjugate(short, out=short)
        return short @ long.transpose(0, 2, 1)

    for part in in_threads(correlated, range(0, blocks, BLOCKS_AT_ONCE)):
        total += part
    lags = scipy.fft.irfft(total, BLOCK, axis=0)[: 2 * taps - 1]
    return np.ascontiguousarray(lags.transpose(1, 2, 0))


def _block_spectra(
    signals: Sequence[NDArray[np.float64]], start: int, hop: int, length: int, count: int
) -> NDArray[np.complex128]:
    """Spectra of `count` blocks of `length` samples from `start` on, every `hop`; (bins, signals, blocks)."""
    piece = np.zeros((len(signals), (count - 1) * hop + length))
    for row, signal in zip(piece, signals, strict=True):
        begin, end = max(start, 0), min(start + piece.shape[1], len(signal))
        row[begin - start : end - start] = signal[begin:end]
    windows = np.lib.stride_tricks.sliding_window_view(piece, length, axis=1)[:, ::hop]
    return np.ascontiguousarray(scipy.fft.rfft(windows, BLOCK, axis=2).transpose(2, 0, 1))
