# /// script
# requires-python = ">=3.11,<3.12"
# dependencies = ["spleeter==2.4.2", "tensorflow==2.12.1", "numpy==1.24.3"]
# ///
"""Spleeter, through its authors' package, in an environment of its own: TensorFlow 2.12 and numpy 1.

Hennequin, Khlif, Voituret & Moussallam (2020), Spleeter: a fast and efficient music source separation tool with
pre-trained models, JOSS 5(50), doi:10.21105/joss.02154.
"""

from __future__ import annotations

import os
import queue
from pathlib import Path
from typing import Literal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

rate = 44100
revision = 1
THREADS = 1


def load(
    folder: Path,
    model: Literal["2stems", "4stems", "5stems"] = "4stems",
    mwf: bool = False,
    bandwidth: Literal["11kHz", "16kHz"] = "11kHz",
    device: str = "auto",
) -> Spleeter:
    """folder: holds a folder of the model's name with its TensorFlow checkpoint. mwf: the multichannel Wiener filter.

    bandwidth: above 11 kHz the mask repeats the average of the last bins; the 16kHz models mask up to 16 kHz.
    """
    return Spleeter(folder, model, mwf, bandwidth, device)


class Spleeter:
    """A Spleeter model whose graph is built and whose checkpoint is restored once, not once a track."""

    def __init__(self, folder: Path, model: str, mwf: bool, bandwidth: str, device: str) -> None:
        import tensorflow as tf
        from spleeter.separator import Separator, create_estimator

        checkpoint = folder / model / "checkpoint"
        if not checkpoint.is_file():
            raise FileNotFoundError(
                f"{checkpoint} is not there; {folder / model} must hold Spleeter's {model} checkpoint"
            )
        tf.config.threading.set_intra_op_parallelism_threads(THREADS)
        tf.config.threading.set_inter_op_parallelism_threads(THREADS)
        found = tf.config.list_physical_devices("GPU")
        if device == "mps" or (device.startswith("cuda") and not found):
            raise RuntimeError(f"device '{device}' is not there: TensorFlow finds no GPU here; use --device cpu")
        if device == "cpu":
            tf.config.set_visible_devices([], "GPU")
        elif ":" in device:
            tf.config.set_visible_devices([found[int(device.partition(":")[2])]], "GPU")
        used = tf.config.get_visible_devices("GPU")
        separator = Separator(
            f"spleeter:{model}{'-16kHz' if bandwidth == '16kHz' else ''}", MWF=mwf, multiprocess=False
        )
        self._params = dict(separator._params, model_dir=str(folder / model))
        self.sources = tuple(self._params["instrument_list"])
        self.rate = int(self._params["sample_rate"])
        self._waiting: queue.Queue = queue.Queue()
        self._predictions = create_estimator(self._params, mwf).predict(self._dataset, yield_single_examples=False)
        self.details = {"device": "cuda" if used else "cpu", "tensorflow": tf.__version__, "threads": THREADS}

    def _dataset(self):
        """One element a track, like the package's own dataset of one waveform, but without an end.

        Whoever reads ahead waits for the next track.
        """
        import tensorflow as tf

        def waveforms():
            while True:
                yield {"waveform": self._waiting.get(), "audio_id": ""}

        signature = {"waveform": tf.TensorSpec((None, 2), tf.float32), "audio_id": tf.TensorSpec((), tf.string)}
        return tf.data.Dataset.from_generator(waveforms, output_signature=signature)

    def separate(self, mixture, rate):
        """The estimate (2, samples) of every source, from a mixture of shape (2, samples) at 44.1 kHz."""
        import numpy as np

        self._waiting.put(mixture.T.astype(np.float32))
        found = next(self._predictions)
        return {source: found[source].T for source in self.sources}
