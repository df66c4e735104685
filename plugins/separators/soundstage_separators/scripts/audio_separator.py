# /// script
# requires-python = ">=3.11,<3.12"
# dependencies = [
#   "audio-separator==0.47.1",
#   "torch==2.13.0",
#   "onnxruntime==1.32.0",
#   "librosa==0.11.0",
#   "scipy==1.17.1",
#   "numpy==2.4.6",
# ]
# ///
"""Any model of the package audio-separator, in an environment of its own, at the level of the mixture.

The package divides a mixture by its peak where that is above a threshold (0.9), and every stem again, and writes stems
as 16-bit files. None of that is done here: its function that scales does nothing, and stems are taken before they are
written.
"""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

rate = 44100
revision = 1
files = ("{folder}/{model}", "{folder}/{config}")
THREADS = 1
RESTS = ("instrumental", "no vocals", "no_vocals", "other", "inst", "karaoke")
NO_FILE = "{path} is not there; nothing is downloaded while tracks are separated: put there what is at {url}"


def load(folder: Path, model: str, config: str = "", device: str = "auto") -> AudioSeparator:
    """folder: holds the model's files, as `audio-separator --download_model_only` leaves them.

    model: its file name. config: the name of its YAML there, for a checkpoint that the package's catalogue need not
    know; without it the catalogue says what belongs to the model, and everything in the folder counts as its weights.
    """
    return AudioSeparator(folder, model, config, device)


class AudioSeparator:
    """A model, loaded once; stems at the level at which its network gives them."""

    def __init__(self, folder: Path, model: str, config: str, device: str) -> None:
        if device == "cpu":
            os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        elif device == "mps" or ":" in device:
            raise RuntimeError(f"device '{device}': the package chooses its device itself; use auto, cuda or cpu")
        for name in (model, config):
            if name and not (folder / name).is_file():
                raise FileNotFoundError(f"{folder / name} is not there; folder must hold the model's files")
        import torch
        from audio_separator.separator import Separator
        from audio_separator.separator.uvr_lib_v5 import spec_utils

        if device == "cuda" and not torch.cuda.is_available():
            raise RuntimeError("device 'cuda' is not there; give this separator device=cpu")
        torch.set_num_threads(THREADS)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        spec_utils.normalize = as_it_is

        class Local(Separator):
            def check_ffmpeg_installed(self):
                """Nothing is written with it."""

            def download_file_if_not_exists(self, url, output_path):
                if not os.path.isfile(output_path):
                    raise FileNotFoundError(NO_FILE.format(path=output_path, url=url))

            def download_model_files(self, model_filename):
                if not config:
                    return super().download_model_files(model_filename)
                self.model_friendly_name, self.model_is_uvr_vip = model_filename, False
                return model_filename, "MDXC", model_filename, str(folder / model_filename), str(folder / config)

        self._work = tempfile.TemporaryDirectory(prefix="soundstage-audio-separator-")
        self._separator = Local(
            log_level=logging.ERROR, model_file_dir=str(folder), output_dir=self._work.name, normalization_threshold=1.0
        )
        self._separator.load_model(model)
        self._model = self._separator.model_instance
        self._stems: dict = {}
        self._model.final_process = self._take
        self.sources = tuple(self._separated(quiet_noise()))
        self.details = {
            "device": str(self._model.torch_device),
            "torch": torch.__version__,
            "threads": THREADS,
            "architecture": type(self._model).__name__,
            "stems": list(self._stems),
            "levels": "the package's scaling of mixture and stems to a peak, and its 16-bit files, are switched off",
        }

    def _take(self, stem_path, source, stem_name):
        """In place of writing a file."""
        import numpy as np

        self._stems[stem_name] = np.array(source.T, copy=True)
        return {stem_name: source}

    def separate(self, mixture, rate):
        """The estimate (2, samples) of every stem, from a mixture of shape (2, samples) at 44.1 kHz."""
        return self._separated(mixture)

    def _separated(self, mixture):
        import numpy as np
        import soundfile

        path = os.path.join(self._work.name, "mixture.wav")
        soundfile.write(path, mixture.T.astype(np.float32), rate, subtype="FLOAT")
        self._stems = {}
        self._separator.separate(path)
        length = mixture.shape[1]
        found = {}
        for stem, image in self._stems.items():
            image = image if image.ndim == 2 else np.stack([image, image])
            found[called(stem, self._stems)] = np.pad(image, ((0, 0), (0, max(0, length - image.shape[1]))))[:, :length]
        return found


def called(stem, stems):
    """What Soundstage calls a stem: what a model of two has besides the vocals is the accompaniment."""
    name = stem.lower()
    of_two = len(stems) == 2 and "vocals" in {one.lower() for one in stems}
    return "accompaniment" if of_two and name in RESTS else name


def as_it_is(wave, **_peaks):
    """In place of the package's function that divides by the peak: nothing, but for what is no audio."""
    import numpy as np

    if not wave.size or not np.isfinite(wave).all():
        raise ValueError("audio is empty or not finite")
    return wave


def quiet_noise():
    """A second of it, to ask the model what its stems are called."""
    import numpy as np

    return np.random.default_rng(0).standard_normal((2, 44100)) * 0.01
