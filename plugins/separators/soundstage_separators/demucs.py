"""Demucs, Hybrid Demucs and Hybrid Transformer Demucs, through their authors' package.

Défossez (2021), Hybrid Spectrogram and Waveform Source Separation, arXiv:2111.03600; Rouard, Massa & Défossez (2023),
Hybrid Transformers for Music Source Separation, arXiv:2211.08553.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from soundstage.errors import NotInstalled, SoundstageError
from soundstage_separators.torch_models import chosen, facts, repeatable

if TYPE_CHECKING:
    from soundstage.audio import Samples
    from soundstage.contracts import CellName


class Demucs:
    """A Demucs model, or a bag of them, applied as the package's own command line does, but deterministically."""

    revision = 1
    out_of_address = ("device",)
    sources: Sequence[str] | None = None
    rate: int | None = None

    def __init__(
        self,
        repo: Path,
        model: str = "htdemucs",
        shifts: int = 0,
        overlap: float = 0.25,
        segment: float | None = None,
        normalize: Literal["demucs", "none"] = "demucs",
        half: bool = False,
        seed: int = 0,
        device: str | None = None,
    ) -> None:
        """repo: the folder with the checkpoints, `SIGNATURE-CHECKSUM.th`, and for a bag that the package does not know
        its `MODEL.yaml`. model: a bag's name or a signature. shifts: random shifts to average over, drawn from `seed`;
        0 for none. overlap: of consecutive segments, below 1. segment: seconds at a time; none for the model's own.
        normalize: `demucs` takes the mixture's mean and standard deviation out and puts them back, as the package's
        command line does; `none` does not, as the scripts of Namballa et al. (2025). half: mixed half precision.
        device: overrides the run's. Raises SoundstageError where a value makes no sense.
        """
        if shifts < 0:
            raise SoundstageError(f"shifts={shifts}: must be 0 or more")
        if not 0.0 <= overlap < 1.0:
            raise SoundstageError(f"overlap={overlap:g}: must be at least 0 and below 1")
        if segment is not None and segment <= 0:
            raise SoundstageError(f"segment={segment:g}: must be more than 0 seconds, or none for the model's own")
        self._repo, self._model_name = Path(repo), model
        self._shifts, self._overlap, self._segment, self._seed = shifts, overlap, segment, seed
        self._normalizes, self._half, self._own_device = normalize == "demucs", half, device
        self._model: Any = None
        self._device: Any = None
        self.details: dict[str, Any] = {}

    def files(self, cell: CellName | None = None) -> list[Path]:
        """The checkpoints that the model is made of, and the bag's recipe where it lies among them."""
        recipe, signatures = self._recipe()
        own = [recipe] if recipe is not None and recipe.parent == self._repo else []
        return own + [self._checkpoint(signature) for signature in signatures]

    def load(self, device: str) -> None:
        """Load the checkpoints. Raises SoundstageError where one cannot be used, and says which."""
        from demucs.apply import BagOfModels
        from demucs.htdemucs import HTDemucs

        self._device = chosen(self._own_device or device)
        recipe, signatures = self._recipe()
        models = {signature: _load(self._checkpoint(signature)) for signature in dict.fromkeys(signatures)}
        self._model = models[self._model_name] if recipe is None else _bag(recipe, models)
        self._model.eval()
        parts = list(self._model.models) if isinstance(self._model, BagOfModels) else [self._model]
        longest = min((float(part.segment) for part in parts if isinstance(part, HTDemucs)), default=None)
        if self._segment is not None and longest is not None and self._segment > longest:
            raise SoundstageError(
                f"segment={self._segment:g}: {self._model_name} was trained on {longest:g} s and takes no longer ones"
            )
        self.sources, self.rate = tuple(self._model.sources), int(self._model.samplerate)
        if self._model.audio_channels != 2:
            raise SoundstageError(f"{self._model_name} takes {self._model.audio_channels} channels; scenes have 2")
        self._model.to(self._device)
        self.details = {**facts(self._device, self._half), "loaded_from": "files, no hub"}

    def separate(self, mixture: Samples, rate: int) -> dict[str, Samples]:
        """The estimate (2, samples) of every source of the model, from a mixture of shape (2, samples) at its rate."""
        import numpy as np
        import torch
        from demucs.apply import apply_model

        wave = torch.from_numpy(mixture.astype(np.float32))
        mean, scale = torch.zeros(()), torch.ones(())
        state = random.getstate()
        random.seed(self._seed)  # the package draws its shifts from here
        try:
            with repeatable(self._device, self._half):
                if self._normalizes:
                    mono = wave.mean(0)
                    mean, scale = mono.mean(), mono.std(correction=min(1, len(mono) - 1)) + 1e-8  # one sample has none
                    wave = (wave - mean) / scale
                found = apply_model(
                    self._model,
                    wave[None],
                    shifts=self._shifts,
                    overlap=self._overlap,
                    segment=self._segment,
                    device=self._device,
                )
                if self._normalizes:
                    found = found * scale + mean
        finally:
            random.setstate(state)
        images = found[0].float().cpu().numpy().astype(np.float64)
        return dict(zip(self._model.sources, images, strict=True))

    def _recipe(self) -> tuple[Path | None, list[str]]:
        """The bag's YAML, the repository's own before the package's, and its signatures; none for a single model."""
        import yaml

        if not self._repo.is_dir():
            raise NotInstalled(
                f"repo={self._repo}: no such folder of checkpoints; give the folder that holds the .th files"
            )
        if self._matching(self._model_name):
            return None, [self._model_name]
        for folder in (self._repo, _package_recipes()):
            recipe = folder / f"{self._model_name}.yaml"
            if recipe.is_file():
                table = yaml.safe_load(recipe.read_text(encoding="utf-8"))
                return recipe, [str(signature) for signature in table["models"]]
        known = sorted({path.stem for folder in (self._repo, _package_recipes()) for path in folder.glob("*.yaml")})
        raise SoundstageError(
            f"model={self._model_name}: neither a checkpoint in {self._repo} nor a bag; known bags: {', '.join(known)}"
        )

    def _matching(self, signature: str) -> list[Path]:
        """The files of a signature, with a checksum in their name or without."""
        return sorted(
            path for path in self._repo.glob("*.th") if signature in (path.stem, path.stem.rpartition("-")[0])
        )

    def _checkpoint(self, signature: str) -> Path:
        found = self._matching(signature)
        if not found:
            raise NotInstalled(
                f"{self._model_name} needs the checkpoint {signature}-….th in {self._repo}; fetch it or put it there"
            )
        if len(found) > 1:
            names = " and ".join(path.name for path in found)
            raise SoundstageError(f"{self._repo}: {names} are both {signature}; keep the one that is meant")
        return found[0]


def _package_recipes() -> Path:
    """Where the package keeps the recipes of its bags; found without importing it."""
    from importlib.util import find_spec

    spec = find_spec("demucs")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "remote"


def _bag(recipe: Path, models: dict[str, Any]) -> Any:
    """The package's bag of these models, by its own reader of recipes."""
    from demucs.repo import BagOnlyRepo, ModelOnlyRepo

    class Loaded(ModelOnlyRepo):  # type: ignore[misc]
        def get_model(self, sig: str) -> Any:
            return models[sig]

    return BagOnlyRepo(recipe.parent, Loaded()).get_model(recipe.stem)


def _load(path: Path) -> Any:
    """The model of a checkpoint, unpickled with nothing allowed but what the published ones hold."""
    import hashlib
    from fractions import Fraction
    from pickle import UnpicklingError

    import numpy as np
    import torch
    from demucs.demucs import Demucs as OriginalDemucs
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs
    from demucs.states import load_model

    checksum = path.stem.rpartition("-")[2] if "-" in path.stem else ""
    if checksum and not hashlib.sha256(path.read_bytes()).hexdigest().startswith(checksum):
        raise SoundstageError(
            f"{path}: its SHA-256 does not begin with {checksum}; the file is damaged, fetch it again"
        )
    scalar = np.float64(0.0).__reduce__()[0]
    allowed = [OriginalDemucs, HDemucs, HTDemucs, Fraction, np.dtype, type(np.dtype(np.float64))]
    allowed += [scalar, (scalar, "numpy.core.multiarray.scalar")]
    try:
        with torch.serialization.safe_globals(allowed):
            package = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        first = str(error).strip().splitlines()[0]
        raise SoundstageError(
            f"{path}: not a checkpoint of Demucs, or it holds more than weights, which is not unpickled ({first});"
            " use a published checkpoint, or save yours with the package's own serialize_model"
        ) from None
    try:
        return load_model(package)
    except (KeyError, TypeError, RuntimeError) as error:
        raise SoundstageError(f"{path}: its model cannot be built ({type(error).__name__}: {error})") from None
