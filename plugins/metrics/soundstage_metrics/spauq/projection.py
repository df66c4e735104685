"""Spatial and residual energies of an estimate projected on its reference: the two definitions that SPAUQ has had.

Everything follows from channel Grams of the kept samples. An energy that comes out far below the energies it is the
difference of has lost its digits; such frames are computed again from the residual signals themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundstage.audio import Samples
from soundstage_metrics.spauq.frames import FLAT, deviations
from soundstage_metrics.validate import SILENCE

Array = NDArray[np.float64]

RATIO_LIMIT = 1e8
"""SSR and SRR are bounded to ±80 dB."""

RCOND = 1e-12
"""Eigenvalues of a Gram below this part of the largest count as zero in the defined projection."""

TIKHONOV = 1e-6
"""What the published projection adds to GGᵀ where G is rank-deficient."""

ROUNDING = 8 * float(np.finfo(np.float64).eps)
"""Relative error of a Gram of some 10⁴ samples, with room to spare: an eighth of it is typical."""

TOLERANCE_DB = 1e-3
"""A published frame is near-singular where rounding alone can move its SSR or SRR by more than this."""

SETTLED_DB = 1e-10
"""Published frames that rounding can move by more than this are summed up in the one order that they always were."""

NOISE_TOLERANCE_DB = 0.5
"""A published score is set by noise where what the stems' own bit depth leaves open is wider than this."""

SILENT_TOLERANCE_DB = 3.0
"""And by the frames in which the reference is silent where it depends by more than this on what these count as."""

_CANCELLED = 1e-5
_ILL_CONDITIONED = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Projected:
    """Per frame: ssr, srr in dB, near_singular, and how far the stems' noise moves ssr and srr in dB, all (frames,);
    scale (frames, estimate, reference channels)."""

    ssr: Array
    srr: Array
    scale: Array
    near_singular: NDArray[np.bool_]
    ssr_moved: Array
    srr_moved: Array


def snr_db(numerator: Array, denominator: Array) -> Array:
    """10·log10 of the ratio of two energies, bounded to ±80 dB; silence over silence counts as 1.

    >>> snr_db(np.array([0.0, 1.0, 1.0]), np.array([0.0, 0.0, 10.0]))
    array([  0.,  80., -10.])
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(np.maximum(numerator, denominator) <= SILENCE, 1.0, numerator / denominator)
    return np.asarray(10 * np.log10(np.clip(ratio, 1 / RATIO_LIMIT, RATIO_LIMIT)))


def published(
    signals: Samples, channels: int, bounds: list[tuple[int, int]], lags: NDArray[np.int64], noise: float = 0.0
) -> Projected:
    """The projection that the published package computes: all unshifted reference channels, then their row sum.

    signals: (2·channels, samples), the reference's channels over the estimate's. lags: as `lags.lags` gives them; they
    choose the kept samples and nothing else. A frame of which nothing is kept is NaN. noise: the RMS of the noise that
    the reference's samples have from their bit depth, for `ssr_moved` and `srr_moved`.
    """
    kept = [_kept_as_published(*bound, lag) for bound, lag in zip(bounds, lags, strict=True)]
    gram = np.full((len(bounds), 2 * channels, 2 * channels), np.nan)
    for frame, (start, stop) in enumerate(kept):
        if start < stop:
            gram[frame] = _gram(signals[:, start:stop])
    flat = deviations(signals, kept) <= FLAT
    found, unsettled_db = _published(signals, kept, gram, flat, noise)
    if (shaky := unsettled_db > SETTLED_DB).any():
        for frame in np.flatnonzero(shaky).tolist():
            x = signals[:, slice(*kept[frame])]
            gram[frame] = x @ x.T
        found, _ = _published(signals, kept, gram, flat, noise)
    return found


def _published(
    signals: Samples, kept: list[tuple[int, int]], gram: Array, flat: NDArray[np.bool_], noise: float
) -> tuple[Projected, Array]:
    """The published projection from the Grams of the kept samples, and how far their rounding moves a frame, in dB."""
    channels = gram.shape[1] // 2
    usable = np.isfinite(gram[:, 0, 0])
    gram = np.where(usable[:, None, None], gram, 0.0)
    reference, crossed = gram[:, :channels, :channels], gram[:, :channels, channels:]
    scale = np.swapaxes(_solve_as_published(reference, crossed), 1, 2)
    is_dropped = flat[:, :channels] | flat[:, channels:]
    scale[is_dropped] = 0.0
    gain = scale.sum(axis=2)
    s2, e2 = _diagonals(reference), _diagonals(gram[:, channels:, channels:])
    projected = np.sum(gain**2 * s2, axis=1)
    distortion = np.sum((gain - 1) ** 2 * s2, axis=1)
    residual = np.sum(gain**2 * s2 - 2 * gain * _diagonals(crossed) + e2, axis=1)
    cancelled_db = 10 * ROUNDING * (projected + e2.sum(axis=1)) / np.maximum(residual, SILENCE)
    for frame in np.flatnonzero(usable & (residual < _CANCELLED * (projected + e2.sum(axis=1)))).tolist():
        start, stop = kept[frame]
        s, e = signals[:channels, start:stop], signals[channels:, start:stop]
        residual[frame] = np.sum((gain[frame, :, None] * s - e) ** 2)
    norms = [np.sqrt(np.maximum(part, 0)) for part in (s2.sum(axis=1), distortion, projected, residual)]

    def moved(row_sum_noise: Array) -> tuple[Array, Array]:
        far = np.sqrt(np.sum(np.where(is_dropped, 0.0, row_sum_noise) ** 2 * s2, axis=1)) * usable
        return _moved_db(norms[0], norms[1], far), _moved_db(norms[2], norms[3], far, both=True)

    rounding = np.maximum(*moved(_row_sum_noise(reference, crossed)))
    lengths = np.array([stop - start for start, stop in kept])
    ssr_moved, srr_moved = moved(_row_sum_quantised(reference, crossed, e2, lengths, noise))
    ssr, srr = snr_db(s2.sum(axis=1), distortion), snr_db(projected, residual)
    ssr[~usable], srr[~usable], scale[~usable] = np.nan, np.nan, np.nan
    return Projected(ssr, srr, scale, rounding > TOLERANCE_DB, ssr_moved, srr_moved), np.maximum(rounding, cancelled_db)


def defined(signals: Samples, channels: int, bounds: list[tuple[int, int]], lags: NDArray[np.int64]) -> Projected:
    """The projection that SPAUQ defines: row c on every reference channel, shifted by its own lag to estimate c.

    Arguments as for `published`; nothing is ever near-singular, for directions below RCOND are left out. Where
    the estimate is silent over the kept samples SSR is 0, as it is by the formula, and SRR at the floor.
    """
    count = len(bounds)
    kept = [_kept_as_defined(*bound, lag) for bound, lag in zip(bounds, lags, strict=True)]
    gram = np.zeros((count, channels, channels + 2, channels + 2))
    rows = np.empty((channels + 2, max(stop - start for start, stop in bounds)))
    usable = np.array([start < stop for start, stop in kept])
    for frame in np.flatnonzero(usable).tolist():
        is_shifted = lags[frame].any(axis=0)
        for c in np.flatnonzero(is_shifted).tolist():
            gram[frame, c] = _gram(_shifted(rows, signals, channels, kept[frame], lags[frame, :, c], c))
        if not is_shifted.all():
            whole = _gram(signals[:, slice(*kept[frame])])
            for c in np.flatnonzero(~is_shifted).tolist():
                chosen = [*range(channels), c, channels + c]
                gram[frame, c] = whole[np.ix_(chosen, chosen)]
    reference = gram[..., :channels, :channels]
    inverse, is_ill = _pseudo_inverse(reference)
    to_s, to_e = gram[..., :channels, channels], gram[..., :channels, channels + 1]
    s2, e2 = gram[..., channels, channels], gram[..., channels + 1, channels + 1]
    scale = np.einsum("fcij,fcj->fci", inverse, to_e)
    p2 = np.einsum("fci,fcij,fcj->fc", scale, reference, scale)
    d2 = p2 - 2 * np.einsum("fci,fci->fc", scale, to_s) + s2
    r2 = p2 - 2 * np.einsum("fci,fci->fc", scale, to_e) + e2
    cancelled = (d2 < _CANCELLED * (p2 + s2)) | (r2 < _CANCELLED * (p2 + e2)) | is_ill
    for frame, c in np.argwhere(cancelled & usable[:, None]).tolist():
        x = _shifted(rows, signals, channels, kept[frame], lags[frame, :, c], c)
        basis, s, e = x[:channels], x[channels], x[channels + 1]
        # One step of refinement gives back the digits that normal equations lose.
        scale[frame, c] += inverse[frame, c] @ (basis @ (e - scale[frame, c] @ basis))
        p = scale[frame, c] @ basis
        p2[frame, c], d2[frame, c], r2[frame, c] = p @ p, np.sum((p - s) ** 2), np.sum((p - e) ** 2)
    ssr = snr_db(s2.sum(axis=1), np.maximum(d2, 0).sum(axis=1))
    srr = snr_db(np.maximum(p2, 0).sum(axis=1), np.maximum(r2, 0).sum(axis=1))
    srr[e2.sum(axis=1) <= SILENCE] = -10 * np.log10(RATIO_LIMIT)
    ssr[~usable], srr[~usable], scale[~usable] = np.nan, np.nan, np.nan
    return Projected(ssr, srr, scale, np.zeros(count, dtype=np.bool_), np.zeros(count), np.zeros(count))


def _gram(x: Array) -> Array:
    """x @ x.T of few long rows, in two products: NumPy has a routine of its own for that one, which takes four times as
    long on them."""
    half = (len(x) + 1) // 2
    return np.concatenate([x[:half] @ x.T, x[half:] @ x.T])


def _kept_as_published(start: int, stop: int, lag: NDArray[np.int64]) -> tuple[int, int]:
    """The samples that the published package keeps. With no negative lag and a zero one, late samples stay in."""
    least, most = int(lag.min()), int(lag.max())
    if least == 0:
        return start, stop
    return start + max(0, -least), stop - max(0, most)


def _kept_as_defined(start: int, stop: int, lag: NDArray[np.int64]) -> tuple[int, int]:
    """The samples at which every shifted reference is inside the frame."""
    return start + max(0, -int(lag.min())), stop - max(0, int(lag.max()))


def _shifted(
    rows: Array, signals: Samples, channels: int, kept: tuple[int, int], lag: NDArray[np.int64], c: int
) -> Array:
    """Over the kept samples: reference channels by their lags to estimate c, then reference c and estimate c as is."""
    start, stop = kept
    out = rows[:, : stop - start]
    for d in range(channels):
        out[d] = signals[d, start + lag[d] : stop + lag[d]]
    out[channels] = signals[c, start:stop]
    out[channels + 1] = signals[channels + c, start:stop]
    return out


def _diagonals(matrices: Array) -> Array:
    return np.diagonal(matrices, axis1=-2, axis2=-1)


def _solve_as_published(gram: Array, crossed: Array) -> Array:
    """G⁻¹X; where G is rank-deficient (GGᵀ + 1e-6·I)⁻¹GX, through eigenvectors because LU may meet an exact zero."""
    channels = gram.shape[-1]
    deficient = np.linalg.matrix_rank(gram) < channels
    result = np.zeros_like(crossed)
    result[~deficient] = np.linalg.solve(gram[~deficient], crossed[~deficient])
    values, vectors = np.linalg.eigh(gram[deficient])
    filtered = values / (values**2 + TIKHONOV)
    result[deficient] = vectors @ (filtered[..., None] * (np.swapaxes(vectors, 1, 2) @ crossed[deficient]))
    return result


def _pseudo_inverse(gram: Array) -> tuple[Array, NDArray[np.bool_]]:
    """The pseudo-inverse of every Gram, and whether its condition has cost digits worth computing again for."""
    values, vectors = np.linalg.eigh(gram)
    largest = values[..., -1:]
    is_kept = (values > RCOND * largest) & (largest > SILENCE)
    inverted = np.where(is_kept, 1 / np.where(is_kept, values, 1.0), 0.0)
    is_ill = np.any(is_kept & (values < _ILL_CONDITIONED * largest), axis=-1)
    return np.einsum("...ik,...k,...jk->...ij", vectors, inverted, vectors), is_ill


def _row_sum_noise(gram: Array, crossed: Array) -> Array:
    """How far rounding may move each row sum of the published scales, (frames, channels).

    A row is a = G⁻¹x, so its sum moves by δ(1ᵀa) = −1ᵀG⁻¹·δG·a, at most ε·‖G‖·‖G⁻¹1‖·‖a‖. For two channels that is
    ε·κ(G)·|sum of the weakest eigenvector|·‖a‖: equal channels, whose weakest eigenvector sums to zero, cost nothing.
    Silent channels decouple without rounding and are left out. Eigenvalues count as no less than ε·‖G‖, which
    is what rounding makes of a zero; a is the row that G would give if it passed for regular.
    """
    is_zero = _diagonals(gram) <= SILENCE
    largest = np.linalg.eigvalsh(gram)[:, -1]
    largest = np.where(largest > SILENCE, largest, 0.0)
    decoupled = gram + np.eye(gram.shape[-1]) * (is_zero * largest[:, None])[:, None, :]
    values, vectors = np.linalg.eigh(decoupled)
    values = np.where(largest[:, None] > 0, np.maximum(values, np.finfo(np.float64).eps * largest[:, None]), 1.0)
    sums = np.einsum("fdk,fd->fk", vectors, np.where(is_zero, 0.0, 1.0))
    amplified = largest * np.linalg.norm(sums / values, axis=1)
    rows = np.linalg.norm(np.einsum("fdk,fdc->fkc", vectors, crossed) / values[..., None], axis=1)
    return np.asarray(ROUNDING * amplified[:, None] * rows)


def _row_sum_quantised(gram: Array, crossed: Array, e2: Array, lengths: NDArray[np.int64], noise: float) -> Array:
    """How far noise of that RMS in the reference moves each row sum of the published scales, (frames, channels).

    With a = G⁻¹Se and the residual r = e − Sᵀa, noise Δ in S moves the sum by 1ᵀG⁻¹Δr, which is σ·‖G⁻¹1‖·‖r‖ on
    average. G is what it is with the noise in it, G + Nσ²·I, so that what has none yet is judged as its file would be.
    """
    channels = gram.shape[-1]
    noisy = gram + (np.maximum(lengths, 1) * max(noise**2, SILENCE))[:, None, None] * np.eye(channels)
    amplified = np.linalg.norm(np.linalg.solve(noisy, np.ones((len(gram), channels, 1)))[..., 0], axis=1)
    rows = np.linalg.solve(noisy, crossed)
    residual = e2 - 2 * np.einsum("fdc,fdc->fc", rows, crossed) + np.einsum("fdc,fdk,fkc->fc", rows, gram, rows)
    return np.asarray(noise * amplified[:, None] * np.sqrt(np.maximum(residual, 0)))


def _moved_db(numerator: Array, denominator: Array, noise: Array, both: bool = False) -> Array:
    """How far noise in the denominator (and numerator, if both) moves the bounded ratio of two norms, in dB."""
    floor = np.sqrt(1 / RATIO_LIMIT)
    least = np.maximum(denominator, floor * numerator)
    factor = np.where(least > 0, np.maximum(denominator + noise, least) / np.where(least > 0, least, 1.0), 1.0)
    if both:
        top = np.maximum(numerator, floor * denominator)
        factor = factor * np.where(top > 0, (top + noise) / np.where(top > 0, top, 1.0), 1.0)
    return np.asarray(20 * np.log10(factor))
