"""Nobody else's code runs because a results folder or a lock file names it: who checks it has to say so."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

from soundstage.catalogue.registry import Choice, Registry
from soundstage.errors import ConsentMissing
from soundstage.planning.plan import Plan


def own_scripts(registry: Registry) -> set[str]:
    """The SHA-256 of every script that the registry knows, before anything foreign extends it."""
    found = set()
    for entries in registry.entries.values():
        for entry in entries.values():
            if entry.script is not None and entry.script.is_file():
                found.add(hashlib.sha256(entry.script.read_bytes()).hexdigest())
    return found


def check_lock_file(plan: Plan, registry: Collection[str | Path]) -> None:
    """Raise ConsentMissing where a plan comes from a lock file that names a script which the user's registry does not.

    registry: the TOML files that extend the shipped one, without the lock file.
    """
    separators = {cell.separator.label: cell.separator for cell in plan.cells}
    choices = [*separators.values(), *(metric.choice for metric in plan.metrics.values())]
    scripts = [choice for choice in choices if choice.script is not None]
    if plan.grid.locked and scripts:
        check_consent(scripts, own_scripts(Registry.load([Path(file) for file in registry])), "", "the lock file")


def check_consent(choices: Iterable[Choice], known: Collection[str], folder: Path | str, where: str) -> None:
    """Raise ConsentMissing where running one of these would run code that nobody here has agreed to.

    That is a script whose SHA-256 is not among `known`, and files below `folder`, which a plugin might load:
    checkpoints may hold code. where: what names them, as in "the stored grid".
    """
    for choice in choices:
        what = f"{choice.kind[:-1]} '{choice.label}' of {where}"
        if choice.script is not None and _digest(choice.script) not in known:
            raise ConsentMissing(
                f"{what} is the script {choice.script}, which would be run here; look at it and say --trust, or name it"
                " in a registry of your own (--registry)"
            )
        for name, value in choice.params.items():
            if isinstance(value, Path) and isinstance(folder, Path) and _is_below(value, folder):
                raise ConsentMissing(
                    f"{what} would load {name} = {value}, which lies in the results folder itself and may hold code;"
                    " look at it and say --trust"
                )


def _digest(script: Path) -> str:
    try:
        return hashlib.sha256(script.read_bytes()).hexdigest()
    except OSError:
        return ""


def _is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
