"""The Gram matrix of delayed signals and its Cholesky factor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

EPS = float(np.finfo(np.float64).eps)

MIN_RCOND = 1e-14
"""Below this reciprocal condition a Gram matrix counts as singular. What has 16-bit noise in it lies near 1e-12; panned
or HRIR-filtered mono without noise has no Cholesky factor at all."""

NOISE_STEPS = 2

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """The Cholesky factor of a Gram matrix scaled to unit diagonal; None where that is singular to working precision.

    scale: what each row and column was multiplied by. It keeps a nearly silent source from passing for a singularity.
    rcond: an estimate of its reciprocal condition.
    """

    lower: Floats | None
    scale: Floats
    rcond: float = 1.0

    def solve(self, right: Floats) -> Floats:
        """The solution for every column. Only where there is a factor."""
        assert self.lower is not None
        scaled = right * self.scale[:, None]
        solved: Floats = scipy.linalg.cho_solve((self.lower, True), scaled, overwrite_b=True, check_finite=False)
        solved *= self.scale[:, None]
        return solved

    def solve_with_noise(self, solved: Floats, noise: float) -> Floats:
        """What `solved` would be with `noise` added to the diagonal, by two steps of conjugate gradients.

        The factor itself is the preconditioner. Where noise decides, what it adds is nearly a multiple of what is there
        already, so the preconditioned matrix has few distinct eigenvalues and two steps are enough to see it.
        """
        found = solved.copy()
        residual = -noise * solved
        change = self.solve(residual)
        direction, image = change, residual  # image: the unregularised matrix times the direction
        squared = np.sum(residual * change, axis=0)
        for step in range(NOISE_STEPS):
            curved = image + noise * direction
            length = _quotient(squared, np.sum(direction * curved, axis=0))
            found += length * direction
            residual = residual - length * curved
            if step + 1 < NOISE_STEPS:
                change = self.solve(residual)
                before, squared = squared, np.sum(residual * change, axis=0)
                turn = _quotient(squared, before)
                direction, image = change + turn * direction, residual + turn * image
        return found


def _quotient(numerator: Floats, denominator: Floats) -> Floats:
    """0 where the denominator is."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def factored(lags: Floats, taps: int) -> Factor:
    """The factor of gram + eps·I, as museval regularises it.

    The Gram matrix has ⟨x_a delayed by p, x_b delayed by q⟩ = r[a, b, p − q] in the blocks of two signals.
    """
    count = len(lags)
    if not count:
        return Factor(np.empty((0, 0)), np.zeros(0))
    lags = lags.copy()
    own = np.arange(count)
    lags[own, own, taps - 1] += EPS
    scale = 1.0 / np.sqrt(lags[own, own, taps - 1])
    lags *= scale[:, None, None]
    lags *= scale[:, None]
    gram = np.empty((count, taps, count, taps))
    for a in range(count):
        for b in range(a, count):
            # Row p of a block is r[p − q] with q rising: a window of the reversed lags.
            gram[a, :, b, :] = np.lib.stride_tricks.sliding_window_view(lags[a, b, ::-1], taps)[::-1]
    # The blocks above the diagonal are those below it in the order of LAPACK, which reads no others.
    lower, info = scipy.linalg.lapack.dpotrf(
        gram.reshape(count * taps, count * taps).T, lower=1, clean=0, overwrite_a=1
    )
    if info:
        return Factor(None, np.repeat(scale, taps))
    rcond, _ = scipy.linalg.lapack.dpocon(lower, _norm(lags, taps), uplo="L")
    return Factor(lower if rcond >= MIN_RCOND else None, np.repeat(scale, taps), rcond)


def _norm(lags: Floats, taps: int) -> float:
    """The largest sum of magnitudes in a column of the matrix with these lags."""
    summed = np.cumsum(np.pad(np.abs(lags).sum(axis=0), ((0, 0), (1, 0))), axis=1)
    return float((summed[:, taps:] - summed[:, :taps]).max())
