"""Verbs that plugins bring, looked for where one is asked for that is none of Soundstage's own."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from soundstage.catalogue.commands import Command
from soundstage.errors import SoundstageError

if TYPE_CHECKING:
    from soundstage.catalogue.plugins import Catalogue


MARK = "soundstage_impl"
"""What `hookimpl` leaves on a function."""


def plugged() -> tuple[dict[str, Command], list[str]]:
    """Name → verb of every plugin's verb that can be asked for, and a sentence for all that is wrong."""
    from soundstage.catalogue.plugins import discover

    catalogue = discover()
    refused = refusals(catalogue)
    return usable(catalogue), [*catalogue.all_problems(), *refused]


def listed() -> tuple[dict[str, Command], list[str]]:
    """The same for a list of what there is, which takes a fifth of the time: nothing but the hooks for verbs is asked.

    Where anything is out of order, discovery says what.
    """
    from soundstage.cli import VERBS

    found: dict[str, Command] = {}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            for module in dict.fromkeys(_hook_modules()):
                hook = getattr(importlib.import_module(module), "register_commands", None)
                if hook is not None and not hasattr(hook, MARK):
                    return plugged()
                for command in _registered(hook) if hook is not None else ():
                    if command.name in VERBS or command.name in found:
                        return plugged()
                    found[command.name] = command
    except (Exception, SystemExit):
        return plugged()
    return dict(sorted(found.items())), []


def _registered(hook: Any) -> list[Command]:
    """What a hook for verbs registers, as far as a list needs it."""
    found: list[Command] = []

    def register(name: str, target: str, *, summary: str, **_facts: object) -> None:
        found.append(Command(name, target, "", "", summary))

    hook(register=register)
    return found


def _hook_modules() -> Iterator[str]:
    """The modules that entry points of the group name. importlib.metadata, which knows more, takes longer to import."""
    seen = set()
    for folder in sys.path:
        with contextlib.suppress(OSError), os.scandir(folder or ".") as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                name = entry.name.partition("-")[0].lower()
                if entry.name.endswith((".dist-info", ".egg-info")) and name not in seen:
                    seen.add(name)
                    yield from _named_in(os.path.join(entry.path, "entry_points.txt"))


def _named_in(file: str) -> Iterator[str]:
    with contextlib.suppress(OSError), open(file, encoding="utf-8") as stream:
        inside = False
        for line in stream:
            if line.startswith("["):
                inside = line.strip() == "[soundstage]"
            elif inside and "=" in line:
                yield line.partition("=")[2].partition("[")[0].strip()


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
