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
from pathlib import Path
from typing import Literal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

rate = 44100
revision = 1
files = ("{folder}/{model}",)
THREADS = 1


def load(
    folder: Path,
    model: Literal["2stems", "4stems", "5stems"] = "4stems",
    mwf: bool = False,
    bandwidth: Literal["11kHz", "16kHz"] = "11kHz",
    device: str = "auto",
) -> Spleeter:
    """folder: holds a folder of the model's name with its TensorFlow checkpoint. mwf: the multichannel Wiener filter.

    bandwidth: how far up the network's masks reach; above that the estimates are silent.
    """
    return Spleeter(folder, model, mwf, bandwidth, device)


class Spleeter:
    """A Spleeter model whose graph is built and whose checkpoint is restored once, not once a track."""

    def __init__(self, folder: Path, model: str, mwf: bool, bandwidth: str, device: str) -> None:
        choose_gpu(device)
        import tensorflow as tf
        from spleeter.model import EstimatorSpecBuilder, InputProviderFactory
        from spleeter.utils.configuration import load_configuration

        checkpoint = tf.train.latest_checkpoint(str(folder / model))
        if checkpoint is None:
            place = folder / model
            raise FileNotFoundError(f"{place / 'checkpoint'} is not there; {place} must hold Spleeter's {model} model")
        found = tf.config.list_physical_devices("GPU")
        if device.startswith("cuda") and not found:
            raise RuntimeError(
                f"device '{device}' is not there: TensorFlow finds no GPU here; give this separator device=cpu, as in"
                f" spleeter_{model}[device=cpu], which leaves the others where they are"
            )
        self._params = dict(load_configuration(f"spleeter:{model}{'-16kHz' if bandwidth == '16kHz' else ''}"), MWF=mwf)
        self.sources = tuple(self._params["instrument_list"])
        self.rate = int(self._params["sample_rate"])
        settings = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=THREADS, inter_op_parallelism_threads=THREADS)
        settings.gpu_options.allow_growth = True  # leaves room for another worker
        with tf.Graph().as_default() as graph:
            self._inputs = InputProviderFactory.get(self._params)
            self._features = self._inputs.get_input_dict_placeholders()
            outputs = EstimatorSpecBuilder(self._features, self._params).outputs
            self._outputs = {source: outputs[source] for source in self.sources}
            self._session = tf.compat.v1.Session(graph=graph, config=settings)
            tf.compat.v1.train.Saver().restore(self._session, checkpoint)
        self.details = {"device": "cuda" if found else "cpu", "tensorflow": tf.__version__, "threads": THREADS}

    def separate(self, mixture, rate):
        """The estimate (2, samples) of every source, from a mixture of shape (2, samples) at 44.1 kHz."""
        import numpy as np

        waveform = mixture.T.astype(np.float32)
        found = self._session.run(self._outputs, self._inputs.get_feed_dict(self._features, waveform, ""))
        return {source: found[source].T for source in self.sources}


def choose_gpu(device: str) -> None:
    """Let TensorFlow see the GPU that is meant and no other; it asks when it is imported."""
    if device == "mps":
        raise RuntimeError("device 'mps' is not there: TensorFlow 2.12 knows no Apple GPU; use device=cpu")
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    elif ":" in device:
        number = int(device.partition(":")[2])
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        names = visible.split(",") if visible else [str(index) for index in range(number + 1)]
        if number >= len(names):
            raise RuntimeError(f"device '{device}' is not there: CUDA_VISIBLE_DEVICES is {visible}")
        os.environ["CUDA_VISIBLE_DEVICES"] = names[number]
