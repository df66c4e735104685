"""Lossy coding: what an Ogg file, written and read again, leaves of an image."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal

import numpy as np

from soundstage.audio import fit_length, resample

if TYPE_CHECKING:
    from soundstage.audio import Samples

OPUS_RATE = 48_000
"""Opus codes nothing at 44.1 kHz: the image goes there and back."""


def coded(image: Samples, rate: int, coding: Literal["vorbis", "opus"], compression: float) -> Samples:
    """The image (2, samples) after an Ogg file. compression: libsndfile's, 0 (best) to 1 (smallest)."""
    import soundfile

    at = OPUS_RATE if coding == "opus" else rate
    file = io.BytesIO()
    samples = resample(image, rate, at).T
    soundfile.write(file, samples, at, format="OGG", subtype=coding.upper(), compression_level=compression)
    file.seek(0)
    read, _ = soundfile.read(file, dtype="float64", always_2d=True)
    found = fit_length(resample(np.ascontiguousarray(read.T), at, rate), image.shape[1])
    return found if np.any(image) else np.zeros_like(image)
