"""Overlapping chunks, as the community's toolkit takes a track apart and puts the estimates together again.

The scheme of `demix` in Music-Source-Separation-Training with a batch of one; in larger batches the toolkit gives every
chunk the window of the batch's first or last one, so that its numbers depend on the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from soundstage.audio import Samples

FADES = 10
"""A fade is this part of a chunk."""


def overlap_add(
    estimate: Callable[[Samples], Any], mixture: Samples, chunk: int, count: int, fades: bool = True
) -> tuple[Samples, int]:
    """The estimates of a track, (sources, channels, samples), out of those of its chunks; and how many chunks it has.

    estimate: (channels, chunk) → (sources, channels, chunk). mixture: (channels, samples), one sample or more. chunk:
    samples. count: chunks that lie over each sample (`num_overlap`). fades: chunks are weighted by a window of ones
    with linear fades of a tenth at both ends, and tracks that are long enough are extended at both ends by reflection;
    False is the toolkit's way with Demucs, plain means of chunks padded with zeros. Besides what is returned this holds
    one extended mixture and one chunk. Where all weights of a sample are zero the estimate is, as in the toolkit.
    """
    length = mixture.shape[-1]
    step = max(1, chunk // count)
    border = chunk - step if fades and length > 2 * (chunk - step) else 0
    extended = np.pad(mixture, ((0, 0), (border, border)), mode="reflect") if border else mixture
    starts = range(0, extended.shape[-1], step)
    found: Samples | None = None
    weights = np.zeros(length)
    for start in starts:
        part = extended[:, start : start + chunk]
        kept = part.shape[-1]
        mode = "reflect" if fades and kept > chunk // 2 else "constant"
        part = np.pad(part, ((0, 0), (0, chunk - kept)), mode=mode) if kept < chunk else part  # type: ignore[call-overload]
        first, last = max(start, border), min(start + kept, border + length)
        if first >= last:
            continue  # lies in what is cut off again
        image = np.asarray(estimate(part))
        window = _window(chunk, start == 0, start == starts[-1]) if fades else np.ones(chunk)
        here, there = slice(first - start, last - start), slice(first - border, last - border)
        if found is None:
            found = np.zeros((*image.shape[:-1], length))
        found[..., there] += image[..., here] * window[here]
        weights[there] += window[here]
    assert found is not None
    np.divide(found, weights, out=found, where=weights > 0)
    return found, len(starts)


def _window(chunk: int, is_first: bool, is_last: bool) -> Samples:
    """Ones with linear fades; the first chunk does not fade in, and the last, unless it is the first, not out."""
    fade = chunk // FADES
    window = np.ones(chunk)
    if fade:
        if not is_first:
            window[:fade] = np.linspace(0.0, 1.0, fade)
        if is_first or not is_last:
            window[-fade:] = np.linspace(1.0, 0.0, fade)
    return window
