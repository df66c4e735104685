"""Clips as a page opened from disk can load them: scripts that each hand over one encoded file.

A page from disk may fetch nothing but scripts, so audio comes as `soundstage.clip("<id>", "<base64>")`. An id is the
beginning of a hash of the file: no name of a song or model is ever part of a path, and what is equal is written once.
"""

from __future__ import annotations

import base64
import hashlib
import io
from pathlib import Path
from typing import Literal

import numpy as np

from soundstage.audio import Samples, resample
from soundstage.errors import BadOption, StorageError

Form = Literal["flac", "opus"]
FORMS: tuple[Form, ...] = ("flac", "opus")

OPUS_RATE = 48_000
HEADROOM = {"flac": 1.0, "opus": 0.891}
"""What the loudest sample is brought to: lossy coding overshoots by up to a dB."""

_AT_ONCE = 2**16
ID_LENGTH = 20


class ClipFiles:
    """Writes clips into a folder, which is made. scale: id → what decoded samples are to be multiplied by."""

    def __init__(self, folder: Path, form: Form = "flac") -> None:
        if form not in FORMS:
            raise BadOption("form", f"{{}} is '{form}'; clips are {' or '.join(FORMS)}")
        self.folder, self.form = folder, form
        self.scale: dict[str, float] = {}

    def rate(self, rate: int) -> int:
        """The rate of clips of a scene at `rate` Hz."""
        return OPUS_RATE if self.form == "opus" else rate

    def write(self, samples: Samples, rate: int) -> str:
        """The id of a clip of these samples (2, samples). Raises StorageError."""
        samples = resample(samples, rate, self.rate(rate))
        peak = float(np.max(np.abs(samples), initial=0.0))
        scale = peak / HEADROOM[self.form] if peak > 0.0 else 1.0
        contents = _encoded(samples / scale, self.rate(rate), self.form)
        # The level is part of what it is: two clips may differ in that alone.
        name = hashlib.sha256(contents + np.float64(scale).tobytes()).hexdigest()[:ID_LENGTH]
        if name not in self.scale:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                text = f'soundstage.clip("{name}", "{base64.b64encode(contents).decode()}");\n'
                (self.folder / f"{name}.js").write_text(text, encoding="ascii")
            except OSError as error:
                raise StorageError(f"{self.folder}: clips cannot be written there ({error.strerror})") from None
            self.scale[name] = scale
        return name


def _encoded(samples: Samples, rate: int, form: Form) -> bytes:
    """Samples within ±1 as a file: 16-bit FLAC, or Opus in Ogg."""
    import soundfile

    stream = io.BytesIO()
    options = {"format": "FLAC", "subtype": "PCM_16"} if form == "flac" else {"format": "OGG", "subtype": "OPUS"}
    with soundfile.SoundFile(stream, "w", rate, samples.shape[0], **options) as file:
        for start in range(0, samples.shape[1], _AT_ONCE):
            file.write(np.ascontiguousarray(samples[:, start : start + _AT_ONCE].T))
    return stream.getvalue()
