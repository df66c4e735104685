"""The plugin: any checkpoint and YAML of the community's toolkit as a separator."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from soundstage.contracts import Offer
from soundstage.errors import SoundstageError
from soundstage_separators.mss.config import Config, read_config
from soundstage_separators.mss.network import (
    UNSEEN,
    Architecture,
    architecture_of,
    build,
    hop_of,
    hops_beside,
    only_checkpoint,
    read_state,
    set_hop,
)
from soundstage_separators.mss.overlap import overlap_add
from soundstage_separators.torch_models import chosen, facts, repeatable

if TYPE_CHECKING:
    from soundstage.audio import Samples
    from soundstage.contracts import CellName


YAMLS = (".yaml", ".yml")


class Mss:
    """A model of the community's training toolkit, applied as the toolkit does with a batch of one."""

    revision = 1
    out_of_address = ("device",)
    sources: Sequence[str] | None = None
    rate: int | None = None

    def __init__(
        self,
        checkpoint: Path,
        config: Path,
        architecture: Literal["auto"] | Architecture = "auto",
        overlap: int | None = None,
        chunk: int | None = None,
        hop: int | None = None,
        normalize: Literal["config", "none"] = "config",
        half: bool = False,
        device: str | None = None,
    ) -> None:
        """checkpoint: the weights, or a folder that holds one file of weights, as an unpacked archive may. config: the
        YAML that came with them, which is half of the model. architecture: for a YAML that does not tell it. overlap:
        chunks over each sample; none for the YAML's `num_overlap`. chunk: samples; none for the YAML's `chunk_size`.
        hop: samples between the STFT's frames, for a YAML whose own is wrong; none for the YAML's.
        normalize: `config` takes the mixture's mean and standard deviation out and puts them back where the YAML says
        `inference.normalize`; `none` never does. half: mixed half precision. device: overrides the run's. Raises
        SoundstageError where a value makes no sense.
        """
        for name, value in (("overlap", overlap), ("chunk", chunk), ("hop", hop)):
            if value is not None and value < 1:
                raise SoundstageError(f"{name}={value}: must be 1 or more, or none for the YAML's")
        self._checkpoint, self._config_path, self._asked = Path(checkpoint), Path(config), architecture
        self._overlap, self._chunk, self._hop, self._may_normalize = overlap, chunk, hop, normalize == "config"
        self._half, self._own_device = half, device
        self._network: Any = None
        self._device: Any = None
        self._config: Config | None = None
        self._normalizes = self._is_demucs = False
        self.details: dict[str, Any] = {}

    @classmethod
    def offer(cls, files: Sequence[Path], params: Mapping[str, Any]) -> Offer:
        """The parameters with which it uses a checkpoint and a YAML; rivals are other hops, which no weight shows.

        Raises SoundstageError where the files are not one checkpoint and one YAML, or not of one model.
        """
        yamls = [file for file in files if file.suffix.lower() in YAMLS]
        checkpoints = [file for file in files if file not in yamls]
        if len(yamls) != 1 or len(checkpoints) != 1:
            raise SoundstageError("a model is one checkpoint and the YAML that came with it; give both, and no more")
        given = {**params, "checkpoint": checkpoints[0], "config": yamls[0]}
        config, state = read_config(yamls[0]), read_state(checkpoints[0])
        architecture = architecture_of(config, state, str(params.get("architecture", "auto")))
        hop = hop_of(build(config, state, architecture))
        rivals = {}
        if hop is not None and "hop" not in params:
            chunk = config.whole("inference.chunk_size", "audio.chunk_size")
            for other in hops_beside(hop):
                rivals[f"a hop of {other}"] = {"hop": other, "chunk": chunk // hop * other}
        unseen = UNSEEN.get(architecture, ("settings that no weight's shape depends on",))
        doubts = [*config.oddities(), f"no weight shows its {', '.join(unseen)}"]
        return Offer(given, ("checkpoint", "config"), rivals, doubts)

    def files(self, cell: CellName | None = None) -> list[Path]:
        """The checkpoint and its YAML. Raises SoundstageError where the checkpoint is a folder of none or several."""
        return [only_checkpoint(self._checkpoint), self._config_path]

    def load(self, device: str) -> None:
        """Load the network. Raises SoundstageError where the YAML and the checkpoint are not one model's."""
        self._device = chosen(self._own_device or device)
        self._config = config = read_config(self._config_path)
        state = read_state(only_checkpoint(self._checkpoint))
        architecture = architecture_of(config, state, self._asked)
        self._is_demucs = architecture == "htdemucs"
        rate = (
            ("training.samplerate", "audio.sample_rate")
            if self._is_demucs
            else ("audio.sample_rate", "model.sample_rate")
        )
        self.sources, self.rate = config.sources, config.whole(*rate)
        if self._chunk is None:
            whole = ("inference.chunk_size", "audio.chunk_size")
            self._chunk = self.rate * config.whole("training.segment") if self._is_demucs else config.whole(*whole)
        if self._overlap is None:
            self._overlap = config.whole("inference.num_overlap")
        self._normalizes = self._may_normalize and config.value("inference", "normalize") is True
        network = build(config, state, architecture)
        if self._hop is not None:
            set_hop(network, self._hop)
        self._network = network.to(self._device)
        self.details = {
            **facts(self._device, self._half),
            "architecture": architecture,
            "outputs": list(config.outputs),
            "chunk": self._chunk,
            "overlap": self._overlap,
            "normalize": self._normalizes,
            "hop": hop_of(network),
        }

    def separate(self, mixture: Samples, rate: int) -> dict[str, Samples]:
        """The estimate (2, samples) of every output, from a mixture of shape (2, samples) at the model's rate."""
        import numpy as np

        assert self._config is not None
        assert self._chunk is not None
        assert self._overlap is not None
        wave, mean, scale = mixture, 0.0, 1.0
        if self._normalizes:
            mono = mixture.mean(axis=0)
            mean, scale = float(mono.mean()), float(mono.std()) or 1.0  # silence stays silence
            wave = (mixture - mean) / scale
        with repeatable(self._device, self._half):
            found, self.details["chunks"] = overlap_add(
                self._estimate, wave.astype(np.float32), self._chunk, self._overlap, fades=not self._is_demucs
            )
        if self._normalizes:
            found *= scale
            found += mean
        return dict(zip(self._config.sources, found, strict=True))

    def _estimate(self, part: Samples) -> Any:
        """The network's outputs (sources, 2, chunk) for one chunk (2, chunk); mono models hear each channel alone."""
        import torch

        assert self._config is not None
        wave = torch.from_numpy(part)[None].to(self._device)
        channels = self._config.first("audio.num_channels", "model.audio_channels")
        is_mono = channels == 1 or self._config.value("model", "stereo") is False
        if is_mono:
            wave = wave[0][:, None]
        try:
            with warnings.catch_warnings():  # SCNet's STFT has a rectangular window, as its author wants it
                warnings.filterwarnings("ignore", "A window was not provided")
                found = self._network(wave)
        except RuntimeError as error:
            if "out of memory" in str(error).lower():
                raise
            raise SoundstageError(
                f"{self._config.path}: its network cannot take a chunk of {part.shape[-1]} samples"
                f" ({' '.join(str(error).split())[:300]}); its chunk_size does not fit its STFT, perhaps"
            ) from None
        found = found[:, None] if found.ndim == 3 else found  # of one output
        found = found[:, :, 0].transpose(0, 1) if is_mono else found[0]
        expected = (len(self._config.outputs), *part.shape)
        if found.shape[:2] != expected[:2] or found.shape[2] < expected[2]:
            raise SoundstageError(
                f"{self._config.path}: its network gave {tuple(found.shape)} for a chunk where {expected} was expected;"
                " it is another model's YAML, or its chunk_size does not fit its hop"
            )
        return found[..., : expected[2]].float().cpu().numpy()
