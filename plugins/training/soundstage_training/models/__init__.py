"""The models by name, each a module to be read beside its work; nothing of torch is imported before one is built."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from soundstage.errors import SoundstageError, suggestion

if TYPE_CHECKING:
    from soundstage_training.contract import Model

MODELS = {
    "xumx": "xumx:Xumx",
    "spainnet": "spainnet:SpainNet",
    "munet": "munet:MultiChannelUNet",
    "dprnn": "dprnn:Dprnn",
}
"""Name → module in this folder and class."""


def build(name: str, config: Mapping[str, Any]) -> Model:
    """A new model with random weights. Raises SoundstageError for an unknown name and for a config it cannot have."""
    if name not in MODELS:
        raise SoundstageError(f"there is no model '{name}'{suggestion(name, MODELS)}")
    module, _, attribute = MODELS[name].partition(":")
    kind = getattr(import_module(f"{__name__}.{module}"), attribute)
    try:
        model: Model = kind(**config)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:  # torch's own words for sizes that cannot be
        raise SoundstageError(f"model '{name}' cannot be built with these parameters ({error}); correct them") from None
    return model
