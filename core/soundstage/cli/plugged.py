"""Verbs that plugins bring, looked for where one is asked for that is none of Soundstage's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from soundstage.catalogue.commands import Command
from soundstage.errors import SoundstageError

if TYPE_CHECKING:
    from soundstage.catalogue.plugins import Catalogue


def plugged() -> tuple[dict[str, Command], list[str]]:
    """Name → verb of every plugin's verb that can be asked for, and a sentence for all that is wrong."""
    from soundstage.catalogue.plugins import discover

    catalogue = discover()
    refused = refusals(catalogue)
    return usable(catalogue), [*catalogue.all_problems(), *refused]


def usable(catalogue: Catalogue) -> dict[str, Command]:
    """The verbs that one plugin alone claims and Soundstage does not have itself."""
    from soundstage.cli import VERBS

    found = {name: held[0] for name, held in catalogue.commands.items() if len(held) == 1}
    return {name: command for name, command in sorted(found.items()) if name not in VERBS}


def refusals(catalogue: Catalogue) -> list[str]:
    """A sentence for each plugin that takes the name of one of Soundstage's own verbs."""
    from soundstage.cli import VERBS

    return [
        f"{command.distribution} brings a verb '{name}' ({command.target}), which is one of Soundstage's own; it is"
        " left out: ask its author for another name"
        for name, held in sorted(catalogue.commands.items())
        if name in VERBS
        for command in held
    ]


def command_of(name: str) -> click.Command | None:
    """The plugin's verb of that name, its module imported now; None where no plugin brings it.

    Raises SoundstageError where it is there and cannot be used.
    """
    found = plugged()[0].get(name)
    if found is None:
        return None
    command = found.load()
    if not isinstance(command, click.Command):
        raise SoundstageError(
            f"soundstage {name} of {found.distribution} cannot be used: {found.target} is a"
            f" {type(command).__name__}, not a click command; correct, update or uninstall {found.distribution}"
        )
    return command
