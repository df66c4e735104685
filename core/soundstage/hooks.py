"""The hooks of a Soundstage plugin: an entry point in group `soundstage` that names a module with any of these.

    import soundstage

    @soundstage.hookimpl
    def register_separators(register):
        register("mymodel", "my_package.model:MyModel", summary="My model")

Registering is lazy: the import path is a string, and nothing heavy is imported until a grid uses the plugin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pluggy

hookspec = pluggy.HookspecMarker("soundstage")
hookimpl = pluggy.HookimplMarker("soundstage")


class Register(Protocol):
    """What the hooks are handed.

    name: what grids call the plugin. target: "package.module:Class"; for a separator or metric whose dependencies
    clash also "package:folder/script.py", a script inside the package. summary: one line for `soundstage list`.
    requires: modules that must be importable for the plugin to be usable, checked without importing them.
    extra: the pip install that brings them (`soundstage[demucs]`). wraps: the distributions whose version is part of
    every result's address. required: parameters without a default, so that listing knows them without importing.
    takes: of a separator that makes entries of files that people have, as `soundstage add` asks it to, the endings of
    their names; see `contracts.MakesEntries`.
    citation, licence: for `soundstage show`; a registry entry may say more.
    """

    def __call__(
        self,
        name: str,
        target: str,
        *,
        summary: str,
        requires: Sequence[str] = (),
        extra: str = "",
        wraps: Sequence[str] = (),
        required: Sequence[str] = (),
        takes: Sequence[str] = (),
        citation: str = "",
        licence: str = "",
    ) -> None:
        """Register one plugin."""


class RegisterCommand(Protocol):
    """What `register_commands` is handed.

    name: the verb, as in `soundstage NAME`; one of Soundstage's own is refused. target: "package.module:command", a
    click command, imported when the verb is used. summary: one line for `soundstage --help`. requires, extra: as of
    plugins, said when the verb is used. sections: the tables of a registry's TOML that are the verb's own, as
    `training` makes `[training.NAME]`; `soundstage list` and `show` show them, what they hold the verb alone reads.
    """

    def __call__(
        self,
        name: str,
        target: str,
        *,
        summary: str,
        requires: Sequence[str] = (),
        extra: str = "",
        sections: Sequence[str] = (),
    ) -> None:
        """Register one verb."""


@hookspec
def register_datasets(register: Register) -> None:
    """Register datasets: they list and load tracks. register: a `Register`, to be called once a plugin."""


@hookspec
def register_placements(register: Register) -> None:
    """Register placement rules: they say where each source sits. register: a `Register`, to be called once a plugin."""


@hookspec
def register_spatializers(register: Register) -> None:
    """Register spatializers: they turn a track and a placement into a scene.

    register: a `Register`, to be called once a plugin.
    """


@hookspec
def register_separators(register: Register) -> None:
    """Register separators: they turn a mixture into estimates. register: a `Register`, to be called once a plugin."""


@hookspec
def register_metrics(register: Register) -> None:
    """Register metrics: they score estimates against a scene. register: a `Register`, to be called once a plugin."""


@hookspec
def register_commands(register: RegisterCommand) -> None:
    """Register verbs of the command line. register: a `RegisterCommand`, to be called once a verb."""
