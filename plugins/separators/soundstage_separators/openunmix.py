"""Open-Unmix, through its authors' package.

Stöter, Uhlich, Liutkus & Mitsufuji (2019), Open-Unmix: A Reference Implementation for Music Source Separation, JOSS
4(41), doi:10.21105/joss.01667.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from soundstage.errors import NotInstalled, SoundstageError
from soundstage_separators.torch_models import chosen, facts, repeatable

if TYPE_CHECKING:
    from soundstage.audio import Samples
    from soundstage.contracts import CellName

TARGETS = ("vocals", "drums", "bass", "other")
"""In the order in which the published models give them."""

SHORTEST = 2049
"""Samples that the STFT needs to reflect at the ends; what is shorter is padded with silence and cut again."""


class OpenUnmix:
    """An Open-Unmix model: one network a target, and a multichannel Wiener filter over all of them.

    The bidirectional LSTM sees the whole track: cutting it up changes what it says, so the spectrograms of the whole
    track set the memory it needs, about 25 MB a second. The Wiener filter, which would need far more, works on `window`
    frames at a time, as the authors' does. Tracks longer than `chunk` are cut, and their records say so.
    """

    revision = 1
    out_of_address = ("device",)
    sources: Sequence[str] | None = None
    rate: int | None = None

    def __init__(
        self,
        folder: Path,
        model: Literal["umx", "umxhq", "umxl", "own"] = "umxhq",
        niter: int = 1,
        residual: bool = False,
        window: int = 300,
        chunk: float | None = 480.0,
        half: bool = False,
        device: str | None = None,
    ) -> None:
        """folder: with the published `TARGET-CHECKSUM.pth` of `model`, or with a model of one's own as the package's
        training leaves it (`separator.json`, `TARGET.json`, `TARGET.pth`), which goes before. niter: iterations of the
        Wiener filter's expectation maximisation; 0 for none. residual: adds a source `residual`, the mixture less
        the others. window: frames that the Wiener filter takes at a time. chunk: the most seconds separated at a time,
        all parts about as long and each with a second of context on both sides; none for the whole track at once,
        however long. half: mixed half precision. device: overrides the run's. Raises SoundstageError where a value
        makes no sense.
        """
        if niter < 0:
            raise SoundstageError(f"niter={niter}: must be 0 or more")
        if window < 1:
            raise SoundstageError(f"window={window}: must be 1 frame or more")
        if chunk is not None and chunk < 1:
            raise SoundstageError(f"chunk={chunk:g}: must be 1 second or more, or none")
        self._folder, self._name = Path(folder), model
        self._niter, self._residual, self._window, self._chunk = niter, residual, window, chunk
        self._half, self._own_device = half, device
        self._separator: Any = None
        self._device: Any = None
        self.details: dict[str, Any] = {}

    def files(self, cell: CellName | None = None) -> list[Path]:
        """The checkpoint of every target, and the descriptions of a model of one's own."""
        own = self._own_targets()
        described = (
            [self._folder / "separator.json", *(self._folder / f"{target}.json" for target in own)] if own else []
        )
        return [*described, *(self._checkpoint(target) for target in own or TARGETS)]

    def load(self, device: str) -> None:
        """Load the networks. Raises SoundstageError where a file cannot be used, and says which."""
        self._device = chosen(self._own_device or device)
        targets = self._own_targets()
        with _importable_torchaudio():
            separator = self._load_own(targets) if targets else self._load_published()
        separator.freeze()  # also evaluation mode, without which dropout would make every call another
        self._separator = separator.to(self._device)
        names = [*separator.target_models, *(["residual"] if self._residual else [])]
        self.sources, self.rate = tuple(names), int(separator.sample_rate)
        if len(names) < 2 and self._niter:
            raise SoundstageError(
                f"niter={self._niter}: the Wiener filter needs two sources; set niter=0 or residual=true"
            )
        self.details = facts(self._device, self._half)

    def separate(self, mixture: Samples, rate: int) -> dict[str, Samples]:
        """The estimate (2, samples) of every target, from a mixture of shape (2, samples) at the model's rate."""
        import numpy as np

        length, margin = mixture.shape[1], rate
        count = 1 if self._chunk is None else -(-length // int(self._chunk * rate))
        self.details["chunks"] = count
        if count == 1:
            return self._separated(mixture)
        step = -(-length // count)  # all alike, so that none is too short to make sense of
        images: dict[str, Samples] = {}
        for start in range(0, length, step):
            stop = min(start + step, length)
            left, right = max(0, start - margin), min(length, stop + margin)
            for source, image in self._separated(mixture[:, left:right]).items():
                whole = images.setdefault(source, np.empty((2, length)))
                whole[:, start:stop] = image[:, start - left : stop - left]
        return images

    def _separated(self, mixture: Samples) -> dict[str, Samples]:
        import numpy as np
        import torch

        length = mixture.shape[1]
        padded = np.pad(mixture, ((0, 0), (0, max(0, SHORTEST - length)))).astype(np.float32)
        with repeatable(self._device, self._half):
            found = self._separator(torch.from_numpy(padded)[None].to(self._device))
            named = self._separator.to_dict(found)
        return {
            source: image[0, :, :length].float().cpu().numpy().astype(np.float64) for source, image in named.items()
        }

    def _own_targets(self) -> tuple[str, ...]:
        """The targets of a model of one's own, in the authors' order and then by name; none for a published one."""
        if not self._folder.is_dir():
            raise NotInstalled(
                f"folder={self._folder}: no such folder of weights; give the folder that holds the .pth files"
            )
        if not (self._folder / "separator.json").is_file():
            if self._name == "own":
                raise SoundstageError(f"{self._folder} holds no separator.json, which a model of one's own needs")
            return ()
        found = {path.stem for path in self._folder.glob("*.json")} - {"separator"}
        if not found:
            raise SoundstageError(f"{self._folder} holds separator.json but no TARGET.json; add one for every target")
        return (*(target for target in TARGETS if target in found), *sorted(found - set(TARGETS)))

    def _checkpoint(self, target: str) -> Path:
        found = sorted(self._folder.glob(f"{target}*.pth"))  # the package takes any one of these
        if not found:
            raise NotInstalled(f"{self._name} needs {target}-….pth in {self._folder}; fetch it or put it there")
        if len(found) > 1:
            names = " and ".join(path.name for path in found)
            raise SoundstageError(f"{self._folder}: {names} are both of {target}; keep the one that is meant")
        return found[0]

    def _load_own(self, targets: Sequence[str]) -> Any:
        from openunmix.utils import load_separator

        for target in targets:
            self._state(target)  # which says more of a bad file than the package does
        try:
            separator = load_separator(
                str(self._folder),
                targets=list(targets),
                niter=self._niter,
                residual=self._residual,
                wiener_win_len=self._window,
                device="cpu",
                pretrained=False,
            )
        except (KeyError, RuntimeError, json.JSONDecodeError) as error:
            raise SoundstageError(
                f"{self._folder}: not a model of Open-Unmix ({type(error).__name__}: {error})"
            ) from None
        self._fill(separator.target_models)
        return separator

    def _load_published(self) -> Any:
        import openunmix
        from openunmix.model import Separator

        networks = getattr(openunmix, f"{self._name}_spec")(targets=list(TARGETS), device="cpu", pretrained=False)
        self._fill(networks)
        return Separator(
            target_models=networks,
            niter=self._niter,
            residual=self._residual,
            n_fft=4096,
            n_hop=1024,
            nb_channels=2,
            sample_rate=44100.0,
            wiener_win_len=self._window,
        )

    def _fill(self, networks: Any) -> None:
        """Load every target's weights into its network; all that it has must be there, and of its shape."""
        for target, network in networks.items():
            try:
                # Checkpoints hold a window and an STFT that the package no longer has: its own loader passes them over.
                found = network.load_state_dict(self._state(target), strict=False)
            except RuntimeError as error:
                why = str(error).splitlines()[-1].strip()
                raise SoundstageError(f"{self._checkpoint(target)}: not a checkpoint of {self._name}: {why}") from None
            lacking = [key for key in found.missing_keys if not key.endswith("num_batches_tracked")]
            if lacking:
                raise SoundstageError(
                    f"{self._checkpoint(target)}: not a whole checkpoint, it lacks {', '.join(lacking)}; fetch it again"
                )

    def _state(self, target: str) -> dict[str, Any]:
        """The weights of a target, checked to be weights of an Open-Unmix."""
        from pickle import UnpicklingError

        import torch

        path = self._checkpoint(target)
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except (UnpicklingError, EOFError, RuntimeError) as error:
            raise SoundstageError(
                f"{path}: not a file of weights ({str(error).splitlines()[0]}); fetch it again"
            ) from None
        if "input_mean" not in state:
            raise SoundstageError(f"{path}: not a checkpoint of Open-Unmix, it lacks input_mean")
        return dict(state)


@contextmanager
def _importable_torchaudio() -> Iterator[None]:
    """Lets the package import where torchaudio cannot be loaded: it uses it to resample alone, which we do.

    torchaudio's wheels want the CUDA libraries that they were built with, and fail beside a torch for CPUs.
    """
    try:
        import torchaudio  # type: ignore[import-not-found,unused-ignore]  # noqa: F401
    except (ImportError, OSError, RuntimeError):
        stand_in = types.ModuleType("torchaudio", "Stands for a torchaudio that cannot be loaded.")
        stand_in.__spec__ = ModuleSpec("torchaudio", None)
        sys.modules["torchaudio"] = stand_in
        try:
            import openunmix  # noqa: F401
        finally:
            del sys.modules["torchaudio"]
    yield
