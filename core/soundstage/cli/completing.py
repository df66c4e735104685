"""What a shell is offered to complete a word with: names that the registry has, results folders, TOML files.

A shell asks at every press of a key, so nothing here imports pandas, pyarrow or a plugin, and whatever goes wrong
offers nothing and says nothing.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from click.shell_completion import CompletionItem, shell_complete

if TYPE_CHECKING:
    from soundstage.catalogue.registry import Registry
    from soundstage.contracts import Kind

VARIABLE = "_SOUNDSTAGE_COMPLETE"
"""Under which a shell's script says that it asks, and in which shell."""

BACKSLASH = "\\"

MOST = 500
"""Entries of a folder that are looked at."""

Offered = list[CompletionItem]
Completer = Callable[[click.Context, click.Parameter, str], Offered]


def complete(command: click.Command) -> int:
    """Answer a shell's question; the exit status."""
    with contextlib.suppress(Exception), contextlib.redirect_stderr(io.StringIO()):
        return shell_complete(command, {}, "soundstage", VARIABLE, os.environ[VARIABLE])
    return 1


def _items(words: Iterable[str], incomplete: str, before: str = "") -> Offered:
    """Those that begin alike, each once. before: what of the word stands already."""
    found = dict.fromkeys(word for word in words if word.startswith(incomplete) and word.isprintable())
    return [CompletionItem(_escaped(before + word)) for word in found]


def _escaped(text: str) -> str:
    """The text as bash takes it for one word that does nothing, in the script that reads a backslash as an escape; the
    other shells see to that themselves."""
    if not os.environ.get(VARIABLE, "").startswith("bash"):
        return text
    return re.sub(r"[^\w@%+=:,./~-]", lambda found: (BACKSLASH + found[0]).replace(BACKSLASH, 2 * BACKSLASH), text)


def _one_of(names: Callable[[Registry], Iterable[str]]) -> Completer:
    """A completer of the registry's names; of a TOML file too that stands in `--registry` before it."""

    def completer(context: click.Context, parameter: click.Parameter, incomplete: str) -> Offered:
        from soundstage.catalogue.registry import Registry

        more = context.params.get("registry") or ()
        return _items(names(Registry.load([Path(file) for file in more])), incomplete)

    return completer


def of_kind(kind: str) -> Completer:
    """A completer of the names of that kind: `separators`, `metrics`, …"""
    return _one_of(lambda known: known.names(cast("Kind", kind)))


def _plugged(known: Registry) -> Iterator[str]:
    from soundstage.contracts import KINDS

    for kind in KINDS:
        yield from known.names(kind)


def _every(known: Registry) -> Iterator[str]:
    yield from _plugged(known)
    yield from known.grids
    for section in known.sections.values():
        yield from section
    yield from _published()


def _fetchable(known: Registry) -> Iterator[str]:
    yield from known.names("separators")
    yield from known.names("metrics")


def _sections(known: Registry) -> Iterator[str]:
    from soundstage.contracts import KINDS

    yield from (*KINDS, "grids", "published", *known.sections)


entries = _one_of(_every)
plugged = _one_of(_plugged)
fetchable = _one_of(_fetchable)
sections = _one_of(_sections)
_grid_names = _one_of(lambda known: known.grids)


def grids(context: click.Context, parameter: click.Parameter, incomplete: str) -> Offered:
    """The registry's grids, and TOML files."""
    return [*_grid_names(context, parameter, incomplete), *_items(_toml_files(incomplete), incomplete)]


def _published() -> Iterator[str]:
    from soundstage.shipped import shipped

    for file in sorted(shipped("published_tables", "published").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            yield file.name.removesuffix(".toml")


def published(context: click.Context, parameter: click.Parameter, incomplete: str) -> Offered:
    """The publications that are shipped."""
    return _items(_published(), incomplete)


def protocols(context: click.Context, parameter: click.Parameter, incomplete: str) -> Offered:
    """The protocols of aggregation."""
    from soundstage.leaderboard.protocols import PROTOCOLS

    return _items(PROTOCOLS, incomplete)


def several(words: Callable[[], Iterable[str]]) -> Completer:
    """A completer of words with commas between them: of the last of them, those that are not there yet."""

    def completer(context: click.Context, parameter: click.Parameter, incomplete: str) -> Offered:
        *there, last = incomplete.split(",")
        before = ",".join([*there, ""]) if there else ""
        return _items((word for word in words() if word not in there), last, before)

    return completer


GROUPS = ("source", "spatializer", "dataset", "placement", "seed", "none")
"""What `--by` takes; as a test holds, what the leaderboard knows, which would be slow to import."""

TROUBLES = ("failed", "timeout", "oom", "crashed", "skipped", "not-installed")
"""What `--retry` takes, likewise."""

groups = several(lambda: GROUPS)
troubles = several(lambda: TROUBLES)
devices = several(lambda: ("auto", "cpu", "cuda", "mps"))


def folders(context: click.Context, parameter: click.Parameter, incomplete: str) -> Offered:
    """Results folders here and one folder further down; where there are none, whatever folders the shell sees."""
    return _items(_results_folders(incomplete), incomplete) or [CompletionItem(incomplete, type="dir")]


def _results_folders(incomplete: str) -> Iterator[str]:
    head = incomplete.rpartition("/")[0] + "/" if "/" in incomplete else ""
    for name in _inside(head):
        if _holds_results(head + name):
            yield head + name
        elif f"{head}{name}/".startswith(incomplete):
            below = (f"{head}{name}/{one}" for one in _inside(f"{head}{name}/"))
            yield from filter(_holds_results, below)


def _inside(head: str) -> list[str]:
    """The folders in that one that are not hidden."""
    try:
        with os.scandir(os.path.expanduser(head) or ".") as found:
            listed = [one for _, one in zip(range(MOST), found, strict=False)]
        return sorted(one.name for one in listed if not one.name.startswith(".") and one.is_dir())
    except OSError:
        return []


def _holds_results(path: str) -> bool:
    return os.path.isdir(os.path.join(os.path.expanduser(path), "grids"))


def _toml_files(incomplete: str) -> Iterator[str]:
    head = incomplete.rpartition("/")[0] + "/" if "/" in incomplete else ""
    try:
        listed = sorted(os.listdir(os.path.expanduser(head) or "."))[:MOST]
    except OSError:
        return
    yield from (head + name for name in listed if name.endswith(".toml") and not name.startswith("."))
