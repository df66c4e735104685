"""A name, options and data become a job: everything is looked at before the first step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from soundstage.cache import FileHashes
from soundstage.catalogue.registry import Registry
from soundstage.errors import SoundstageError
from soundstage_training import checkpoint
from soundstage_training.contract import MeasuresInput
from soundstage_training.models import build
from soundstage_training.verb import state
from soundstage_training.verb.loop import Job
from soundstage_training.verb.mixing import Mixer, Staging, check_told
from soundstage_training.verb.settings import Settings, differences
from soundstage_training.verb.songs import Library, Song, sources_of, split
from soundstage_training.verb.validation import Validation

SCALED_BY = 32
"""Examples from which a model takes the scale of its input."""

LEAST_BETWEEN = 100
"""Steps between validations where nothing is said, however short an epoch is."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A job, and what a person is told of it before it begins. epoch: steps of one."""

    job: Job
    to_train: list[Song]
    to_validate: list[Song]
    sources: Mapping[str, tuple[str, ...]]
    epoch: int
    resumed: bool


def prepared(
    name: str,
    settings: Settings,
    registry: Registry,
    out: Path,
    *,
    steps: int = 0,
    minutes: float = float("inf"),
    workers: int = 0,
) -> Ready:
    """The job in a folder: a new one, or the one that was begun there.

    steps: after how many to stop; 0 for the settings' epochs. Raises SoundstageError where anything cannot be, or where
    another training was begun in the folder, and names what differs.
    """
    library = Library.of(registry, list(dict.fromkeys((*settings.datasets, *settings.validation))))
    known = [song for song in library.songs if song.dataset in settings.datasets]
    if settings.validation:
        to_train, to_validate = known, [song for song in library.songs if song.dataset in settings.validation]
    else:
        to_train, to_validate = split(known, settings.held_out, settings.seed)
    sources = sources_of(settings.sources, to_train)
    staging = Staging.of(registry, settings)
    library.keep(to_train)
    mixer = Mixer(library, to_train, sources, staging, settings)
    facts = _facts(name, settings, library, to_train, to_validate)
    resumed = _claim(out, facts)
    model = _model(settings, sources, mixer, fresh=state.newest(out) is None)
    check_told(model, staging, settings)
    validation = Validation(registry, library, to_validate, sources, staging, settings)
    epoch = max(1, round(sum(song.seconds for song in to_train) / (settings.batch * settings.seconds)))
    job = Job(
        model=model,
        settings=settings,
        mixer=mixer,
        validation=validation,
        out=out,
        steps=steps or settings.epochs * epoch,
        validate_every=settings.validate_every or max(epoch, LEAST_BETWEEN),
        facts=facts,
        minutes=minutes,
        workers=workers,
    )
    return Ready(job, to_train, to_validate, sources, epoch, resumed)


def _facts(
    name: str, settings: Settings, library: Library, to_train: list[Song], to_validate: list[Song]
) -> dict[str, Any]:
    """What checkpoints carry of the training: its settings, and what it is trained and validated on."""
    hashes = FileHashes()
    data = {
        "trained_on": library.fingerprint(to_train, hashes),
        "validated_on": library.fingerprint(to_validate, hashes),
    }
    hashes.save()
    return {"training": {"name": name, "settings": settings.as_json()}, "data": data, "trained_on": library.stated()}


def _claim(out: Path, facts: Mapping[str, Any]) -> bool:
    """Whether the training was begun in the folder before; if not, it is from now on.

    Raises SoundstageError where another one was.
    """
    if out.exists() and not out.is_dir():
        raise SoundstageError(f"{out} is a file; give --out a folder for the checkpoint")
    held = state.read_plan(out)
    if held is None:
        if (out / checkpoint.WEIGHTS).exists():
            raise SoundstageError(f"{out} holds a checkpoint already, whose training is not here; give another --out")
        state.write_plan(out, facts)
        return False
    try:
        found = differences(held["training"]["settings"], facts["training"]["settings"])
        for what, whose in (("trained_on", "songs to train on"), ("validated_on", "songs to validate on")):
            if not found and held["data"][what]["sha256"] != facts["data"][what]["sha256"]:
                found.append(f"the {whose} are others, or their files have changed")
    except (KeyError, TypeError):
        raise SoundstageError(f"{out / state.PLAN}: holds no training; take another --out") from None
    if found:
        raise SoundstageError(
            f"{out} holds a training that was begun otherwise: {'; '.join(found)}. Give what it was begun with to go"
            " on, or another --out"
        )
    return True


def _model(settings: Settings, sources: Mapping[str, Any], mixer: Mixer, fresh: bool) -> Any:
    """The model with its first weights, which are the seed's, scaled for what the mixer gives."""
    torch.manual_seed(settings.seed)
    model: Any = build(settings.model, {**settings.config, "sources": list(sources), "rate": settings.rate})
    if fresh and isinstance(model, MeasuresInput):
        model.measure(torch.from_numpy(mixer.example("of scale", k).mixture) for k in range(SCALED_BY))
    return model
