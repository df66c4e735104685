"""What a training is: every setting that has a say in the numbers, from a preset, a variant and options."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from soundstage.catalogue.parameters import checked, constructor_parameters
from soundstage.errors import SoundstageError, UnknownName, suggestion
from soundstage.toml import Table, shown
from soundstage.variants import parse_variant
from soundstage_training.models import MODELS

if TYPE_CHECKING:
    from soundstage.catalogue.registry import Registry

SECTION = "training"

Precision = Literal["fp32", "bf16", "fp16"]
Schedule = Literal["constant", "plateau"]
Cue = Literal["itd", "ild"]

BY_DEFAULT = "sketches"
"""What is trained on where nothing is said: the data set that needs no download."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a training's numbers depend on, but for the data's contents."""

    model: str
    """Which architecture, as `soundstage_training.models` names it."""

    config: Mapping[str, Any] = field(default_factory=dict)
    """Its parameters, but for sources and rate."""

    datasets: tuple[str, ...] = (BY_DEFAULT,)
    """Variants of registry entries whose songs are trained on."""

    validation: tuple[str, ...] = ()
    """Data sets of held-out songs; without any, `held_out` songs of those to train on."""

    held_out: int = 1
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Source → the stems of a song that it is the sum of; without any, every stem is a source."""

    placement: str = "panorama"
    spatializer: str = "panning"
    rate: int = 44100
    """Of the model, in Hz; songs of other rates are resampled."""

    seconds: float = 6.0
    """Of an example."""

    batch: int = 8
    """Examples in a step, over all devices and accumulated parts."""

    shuffle: bool = True
    """Whether each source of an example is of a song of its own."""

    gain_db: tuple[float, float] = (0.0, 0.0)
    """Between which every source's gain is drawn."""

    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    """Of Adam, as an L2 penalty."""

    schedule: Schedule = "constant"
    """`plateau`: the learning rate is multiplied by `decay` after `decay_after` validations without improvement."""

    decay: float = 0.3
    decay_after: int = 80
    clip: float = 0.0
    """The largest norm of the gradient; 0 for any."""

    loss: Mapping[str, float] = field(default_factory=dict)
    """Weights of the losses `itd` and `ild`, beside the model's own with weight 1."""

    epochs: int = 100
    """After how many to stop. An epoch is as many steps as draw as much audio as there is."""

    validate_every: int = 0
    """Steps between validations; 0 for an epoch."""

    validation_seconds: float = 30.0
    """Of each held-out song, from its loudest part."""

    metrics: tuple[str, ...] = ("sdr", "si_sdr")
    watch: str = "sdr"
    """The metric, or `METRIC/MEASURE`, by which the best checkpoint is kept and the schedule goes."""

    patience: int = 0
    """Validations without improvement after which training stops; 0 for never."""

    precision: Precision = "fp32"
    accumulate: int = 1
    """Parts in which a step's examples go through the model."""

    seed: int = 0

    def as_json(self) -> dict[str, Any]:
        """The settings as JSON values."""
        found = dataclasses.asdict(self)
        found |= {"config": dict(self.config), "loss": dict(self.loss)}
        found["sources"] = {source: list(stems) for source, stems in self.sources.items()}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


OPTIONS = {"epochs"}
"""Settings that may change when a training goes on: they say how far, not how."""


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """A phrase for each setting in which two trainings differ, as their JSON has it."""
    names = [name for name in new if name not in OPTIONS and old.get(name) != new[name]]
    return [f"{name.replace('_', '-')} was {_said(old.get(name))} and is {_said(new[name])} now" for name in names]


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def settings_of(registry: Registry, name: str, options: Mapping[str, Any], data: Sequence[str] = ()) -> Settings:
    """The settings of a preset or a model, `NAME` or `NAME[parameter=value,…]`, with what options say in their place.

    data: the names that `--data` gives paths to; where nothing names data sets, those of them that are some are meant.
    Raises SoundstageError naming what cannot be, and the nearest name.
    """
    plain, given = parse_variant(name)
    presets = registry.sections[SECTION]
    if plain in presets:
        table, base, source = presets[plain]
        found = read_preset(Table(table, source, f"{SECTION}.{plain}"), base)
    elif plain in MODELS:
        own = tuple(one for one in data if one.partition("[")[0] in registry.names("datasets"))
        found = Settings(plain, datasets=own or (BY_DEFAULT,))
    else:
        raise UnknownName("model or training preset", plain, (*MODELS, *presets))
    config = {**found.config, **_config(found.model, given, None)}
    found = replace(found, config=config, **{key: value for key, value in options.items() if value is not None})
    _check(found)
    return found


def read_preset(table: Table, base: Path | None) -> Settings:
    """The settings that a preset's table declares. Raises SoundstageError naming file, key and form."""
    model, given = parse_variant(table.text("model", required=True))
    if model not in MODELS:
        table.refuse("model", f"there is no model '{model}'{suggestion(model, MODELS)}")
    for about in ("summary", "citation"):
        table.text(about)
    texts: dict[str, Any] = {key: table.text(key) for key in ("placement", "spatializer", "watch") if key in table.left}
    lists: dict[str, Any] = {
        key: table.names(key) for key in ("datasets", "validation", "metrics") if key in table.left
    }
    wholes = ("held_out", "decay_after", "validate_every", "patience", "seed")
    counts = ("rate", "batch", "epochs", "accumulate")
    numbers = {key: table.whole(key) for key in wholes if key in table.left}
    numbers |= {key: table.whole(key, least=1) for key in counts if key in table.left}
    reals = ("seconds", "learning_rate", "decay", "validation_seconds")
    measures = {key: table.number_above(key, 0.0) for key in reals if key in table.left}
    measures |= {key: table.number_above(key, -1e-300) for key in ("weight_decay", "clip") if key in table.left}
    choices: dict[str, Any] = {}
    if "shuffle" in table.left:
        choices["shuffle"] = table.flag("shuffle")
    for key, options in (("schedule", get_args(Schedule)), ("precision", get_args(Precision))):
        if key in table.left:
            choices[key] = table.choice(key, options, options[0])
    if "gain_db" in table.left:
        choices["gain_db"] = _range(table)
    tables = {key: table.parameters(key) for key in ("loss", "sources") if key in table.left}
    table.asked += [one.name for one in dataclasses.fields(Settings) if one.name != "config"]
    table.close()
    if "loss" in tables:
        choices["loss"] = weights(tables["loss"], table)
    if "sources" in tables:
        choices["sources"] = _sources(tables["sources"], table)
    for found in (texts, lists, numbers, measures):
        choices.update(found)
    return Settings(model, _config(model, given, base), **choices)


def weights(given: Mapping[str, Any], table: Table | None = None) -> dict[str, float]:
    """Weights of the losses that keep the image, as `--loss itd=0.5,ild=0.1` gives them. Raises SoundstageError."""

    def refuse(why: str) -> None:
        if table is not None:
            table.refuse("loss", why)
        raise SoundstageError(f"--loss: {why}")

    found = {}
    for name, value in given.items():
        if name not in get_args(Cue):
            refuse(f"there is no loss '{name}'{suggestion(name, get_args(Cue))}")
        try:
            found[name] = float(value)
        except (TypeError, ValueError):
            refuse(f"{name} is {shown(value)}; give a number, as in itd=0.5")
        if not 0.0 <= found[name] < float("inf"):
            refuse(f"{name} is {value}; a weight is 0 or more")
    return {name: weight for name, weight in found.items() if weight}


def _range(table: Table) -> tuple[float, float]:
    value = table.take("gain_db", (list, tuple), "[-6, 6]", [])
    numbers = [float(one) for one in value if isinstance(one, (int, float)) and not isinstance(one, bool)]
    if len(value) != 2 or len(numbers) != 2 or not -120.0 <= numbers[0] <= numbers[1] <= 120.0:
        table.refuse("gain_db", f"is {shown(value)}; write the least and the most in dB, as in gain_db = [-6, 6]")
    return numbers[0], numbers[1]


def _sources(given: Mapping[str, Any], table: Table) -> dict[str, tuple[str, ...]]:
    for source, stems in given.items():
        if not isinstance(stems, list) or not stems or not all(isinstance(stem, str) for stem in stems):
            table.refuse(
                "sources", f"{source} is {shown(stems)}; write its stems in a list, as in {source} = ['drums']"
            )
    return {source: tuple(stems) for source, stems in given.items()}


def model_class(name: str) -> type:
    """The class of a model. Imports torch."""
    module, _, attribute = MODELS[name].partition(":")
    found: type = getattr(import_module(f"soundstage_training.models.{module}"), attribute)
    return found


def _config(model: str, given: Mapping[str, Any], base: Path | None) -> dict[str, Any]:
    """The parameters, converted to what the model's constructor takes. Raises SoundstageError."""
    for name in ("sources", "rate"):
        if name in given:
            raise SoundstageError(f"model '{model}': {name} is a setting of the training; set it in a preset")
    if not given:
        return {}
    parameters = constructor_parameters(model_class(model))
    return checked(given, parameters, f"model '{model}'", base)


def _check(found: Settings) -> None:
    """Raise SoundstageError where settings make no sense together."""
    least = {"batch": 1, "accumulate": 1, "epochs": 1, "seconds": 0.1, "rate": 1000, "held_out": 0, "patience": 0}
    for name, bound in least.items():
        value = getattr(found, name)
        if value < bound:
            raise SoundstageError(f"{name.replace('_', '-')} is {value:g}; give {bound:g} or more")
    if found.batch % found.accumulate:
        raise SoundstageError(
            f"a batch of {found.batch} cannot go through the model in {found.accumulate} equal parts; give a batch"
            f" that is a multiple of accumulate"
        )
    if found.watch.partition("/")[0] not in [metric.partition("[")[0] for metric in found.metrics]:
        raise SoundstageError(
            f"watch is '{found.watch}', which is none of the metrics {', '.join(found.metrics)}; name one of these"
        )
    if not found.validation and not found.held_out:
        raise SoundstageError("no song is held out to validate on; give held-out songs or a validation data set")
