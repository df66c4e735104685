"""What a new plugin may be called, so that its package, its class and its distribution can be called after it."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution

from soundstage.catalogue.registry import Registry
from soundstage.contracts import KINDS, Kind
from soundstage.errors import SoundstageError
from soundstage.names import RESERVED

LONGEST = 30
"""Letters of a name: with it the lines that are written stay within 120 columns."""


def distribution_of(name: str) -> str:
    """What the distribution of a plugin is called."""
    return f"soundstage-plugin-{name.replace('_', '-')}"


def package_of(name: str) -> str:
    """What its package is called."""
    return f"soundstage_plugin_{name.replace('-', '_')}"


def class_of(name: str, kind: str) -> str:
    """What its class is called, as `MidSideSeparator`; kind: separator, metric, …, so that it hides no other name."""
    return "".join(word.capitalize() for word in re.split("[-_]", f"{name}-{kind}"))


def check_name(kind: Kind, name: str, known: Registry) -> None:
    """Raise SoundstageError where a plugin of that kind cannot be called so, or one of any kind is called so already.

    Two kinds may share a name, but whoever types it has to say then which is meant.
    """
    one = f"{kind[:-1]} '{name}'"
    if not re.fullmatch(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*", name) or len(name) > LONGEST or name.upper() in RESERVED:
        raise SoundstageError(
            f"{one} cannot be called so: a name begins with a letter and has small letters, digits and single - or _"
            f" between them, {LONGEST} at most, for modules and files are named after it{_instead(name)}"
        )
    for other in KINDS:
        holder = known.catalogue.plugins[other].get(name)
        clash = known.catalogue.clashes.get((other, name), [])
        if name in known.names(other) or clash:
            owner = holder.distribution if holder else " and ".join(one.distribution for one in clash) or "the registry"
            raise SoundstageError(f"there is a {other[:-1]} '{name}' already, of {owner}; take another name")


def check_distribution(name: str) -> None:
    """Raise SoundstageError where a distribution of that name is installed, as another kind of the same name has."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return
    raise SoundstageError(f"{name} {found.version} is installed already; take another name, or uninstall it")


def _instead(name: str) -> str:
    """A name that would do, as an end of the sentence; empty where none is near."""
    found = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST].strip("-").lstrip("0123456789-")
    return f"; '{found}' would do" if found and found.upper() not in RESERVED else "; take another"
