"""The YAML beside a checkpoint: what the network's outputs are called, how tracks are cut, and where it is at odds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundstage.audio_files import fold
from soundstage.errors import NotInstalled, SoundstageError

VOCALS, ACCOMPANIMENT = "vocals", "accompaniment"
RESTS = ("other", "instrumental", "instrum", "inst", "no_vocals", "no vocals", "music", "karaoke")
"""What the second output of a model of two is called, which is all that is not the vocals."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a model's YAML says."""

    path: Path
    table: Mapping[str, Any]
    """The whole of it."""

    outputs: tuple[str, ...]
    """The network's outputs in their order, as the YAML calls them."""

    sources: tuple[str, ...]
    """The same as Soundstage calls them: what a model of two has besides the vocals is the accompaniment."""

    def value(self, *keys: str) -> Any:
        """The value at a path of keys; None where there is none."""
        found: Any = self.table
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def first(self, *paths: str) -> Any:
        """The value at the first of the dotted paths that has one."""
        return next((value for path in paths if (value := self.value(*path.split("."))) is not None), None)

    def whole(self, *paths: str) -> int:
        """The whole number of 1 or more at the first of the paths that has a value. Raises SoundstageError."""
        value = self.first(*paths)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 1 or value != int(value):
            raise SoundstageError(
                f"{self.path}: {' or '.join(paths)} is {value!r}; a whole number of 1 or more is needed"
            )
        return int(value)

    def oddities(self) -> list[str]:
        """A phrase for each thing of which the YAML says two values."""
        pairs = [("audio.hop_length", "model.stft_hop_length"), ("audio.n_fft", "model.stft_n_fft")]
        pairs += [("audio.hop_length", "model.hop_size"), ("audio.n_fft", "model.nfft")]
        pairs += [("audio.sample_rate", "model.sample_rate"), ("audio.num_channels", "model.audio_channels")]
        found = []
        for one, other in pairs:
            here, there = self.first(one), self.first(other)
            if here is not None and there is not None and here != there:
                found.append(f"its {one} is {here} and its {other} {there}")
        return found


def read_config(path: Path) -> Config:
    """The YAML, with plain values and Python tuples in it and nothing else.

    Raises NotInstalled where it is not there, SoundstageError where it is none, names no outputs, or two orders of
    them.
    """
    table = _table(path)
    training = table.get("training")
    training = training if isinstance(training, Mapping) else {}
    target = training.get("target_instrument")
    instruments = _names(training.get("instruments"))
    outputs = _names([target]) if target else instruments
    if not outputs or (not instruments and training.get("instruments") is not None):
        raise SoundstageError(
            f"{path}: names no outputs; a model's YAML has training.instruments, a list of names, and may have"
            " training.target_instrument, the one of them that comes out"
        )
    if len({fold(name) for name in outputs}) < len(outputs):
        raise SoundstageError(f"{path}: two outputs have one name: {', '.join(outputs)}")
    model = table.get("model")
    own = _names(model.get("sources")) if isinstance(model, Mapping) else ()
    if not target and own and [fold(name) for name in own] != [fold(name) for name in outputs]:
        raise SoundstageError(
            f"{path}: calls the outputs {', '.join(own)} in model.sources and {', '.join(outputs)} in"
            " training.instruments; which is right cannot be known, so get the YAML that came with the checkpoint"
        )
    return Config(path, table, outputs, _sources(outputs, instruments or outputs))


def _sources(outputs: Sequence[str], instruments: Sequence[str]) -> tuple[str, ...]:
    folded = [fold(name) for name in instruments]
    of_two = len(folded) == 2 and VOCALS in folded
    return tuple(ACCOMPANIMENT if of_two and fold(name) in RESTS else name for name in outputs)


def _names(value: object) -> tuple[str, ...]:
    """The names in a list of names; none where it is no such list."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) and one for one in value):
        return ()
    return tuple(value)


def _table(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotInstalled(f"config={path}: no such file; give the YAML that came with the checkpoint") from None
    except (OSError, ValueError) as error:
        raise SoundstageError(f"config={path}: cannot be read as text ({error}); give the checkpoint's YAML") from None
    try:
        table = yaml.load(text, Loader=_loader())
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        why = " ".join(str(error).split())
        raise SoundstageError(f"{path}: not the YAML of a model ({why}); give the one that came with it") from None
    if not isinstance(table, Mapping):
        raise SoundstageError(f"{path}: not the YAML of a model: it holds no table")
    return table


def _loader() -> Any:
    """PyYAML's safe loader, with tuples, which these files have, and numbers such as 1e-4, which it takes for texts."""
    import re

    import yaml

    class Loader(yaml.SafeLoader):
        pass

    def pairs(loader: Any, node: Any) -> tuple[Any, ...]:
        return tuple(loader.construct_sequence(node, deep=True))

    Loader.add_constructor("tag:yaml.org,2002:python/tuple", pairs)
    Loader.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
    )
    return Loader
