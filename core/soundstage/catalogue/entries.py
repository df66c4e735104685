"""What a registry's TOML declares: entries, and what stands in where a grid or `score` says nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from soundstage.catalogue.weights import Weights, read_weights
from soundstage.contracts import Kind
from soundstage.errors import SoundstageError
from soundstage.heard import fault_of_stated
from soundstage.names import expanded, fault
from soundstage.sources import AS_NAMED, Combined
from soundstage.toml import Table, below, shown

SCRIPTED: tuple[Kind, ...] = ("separators", "metrics")
"""What a script can be."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One named, parameterised, citable entry. base: where its relative paths start; None is the current folder.

    script: of a separator or a metric that is a script, its path. weights: what has to be fetched before it can be
    used. data: the parameter that `--data NAME=PATH` sets, where the entry is about files that users have; `root` for
    datasets.
    download: a sentence on what to get and which folder to name, where those files are to be had. pins: of a script
    whose `environment` says versions, these as requirements. combined: of a separator, what its stems make besides.
    trained_on: of a separator, the songs it learnt from, None where that is not stated; songs: of a dataset, which it
    holds where its name does not say it; both in the words of soundstage.heard. stated: what its publishers state of
    its quality, and on what. unverified: what could not be made sure of it when it was added, empty where nothing.
    sha256: parameter → the hash that the file it names must have.
    """

    kind: Kind
    name: str
    plugin: str
    params: Mapping[str, Any] = field(default_factory=dict)
    summary: str = ""
    citation: str = ""
    licence: str = ""
    url: str = ""
    base: Path | None = None
    script: Path | None = None
    weights: Weights | None = None
    data: str = ""
    download: str = ""
    pins: tuple[str, ...] = ()
    combined: Combined = AS_NAMED
    trained_on: tuple[str, ...] | None = None
    songs: str = ""
    stated: str = ""
    unverified: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)


class GridTable(NamedTuple):
    """What is written about a grid, or what else a verb reads: its table, where its relative paths start, its file."""

    table: Mapping[str, Any]
    base: Path | None
    source: str


@dataclass(frozen=True, slots=True)
class Defaults:
    """What stands in where nothing is said: a grid's placements, what `score` compares two folders with, and the
    dataset that `add` tries models on.

    dataset and separator take a folder as `root`; metrics are used as far as they are installed.
    """

    placements: tuple[str, ...] = ()
    dataset: str = ""
    separator: str = ""
    spatializer: str = ""
    metrics: tuple[str, ...] = ()
    trial: str = ""


def checked_name(name: str, what: str, source: str) -> str:
    """The name, which folders and files are called after. Raises SoundstageError where it can be none."""
    trouble = fault(name) or (
        "it holds a bracket, and brackets hold a variant's parameters" if set("[]") & set(name) else ""
    )
    if trouble:
        raise SoundstageError(f"{source}: {what} cannot be called {name!r}: {trouble}; give it another name")
    return name


def read_entry(kind: Kind, name: str, table: Table, base: Path | None) -> Entry:
    """The entry that a table declares. Raises SoundstageError naming the file, the key and the form."""
    checked_name(name, f"one of the {kind}", table.source)
    plugin, script, params = table.text("plugin"), table.text("script"), table.parameters("params")
    own: dict[Kind, list[str]] = {"datasets": ["songs"], "separators": ["stated", "unverified"]}
    keys = ("summary", "citation", "licence", "url", "data", "download", *own.get(kind, []))
    texts = {key: table.text(key) for key in keys}
    weights = read_weights(table.table("weights")) if "weights" in table.left else None
    pins, sha256 = _pins(table), _hashes(table)
    combined, trained_on = (_combined(table), _trained_on(table)) if kind == "separators" else (AS_NAMED, None)
    table.asked.append("weights")
    table.close("; parameters of the plugin go under params")
    if script and (plugin or kind not in SCRIPTED):
        table.refuse("script", "makes a separator or a metric of a file; it goes with no plugin and no other kind")
    if trouble := fault_of_stated([one for one in (texts.get("songs"),) if one]):
        table.refuse("songs", trouble)
    try:
        path = expanded(script, base) if script else None
    except ValueError as error:
        table.refuse("script", str(error))
    return Entry(
        kind,
        name,
        plugin or name,
        params,
        **texts,
        base=base,
        script=path,
        weights=weights,
        pins=pins,
        combined=combined,
        trained_on=trained_on,
        sha256=sha256,
    )


def _combined(table: Table) -> Combined:
    """What the stems of a separator's model make: `sums = { other = ["other", "piano"] }`, `rest = "accompaniment"`."""
    inside = table.table("sums")
    sums = {source: inside.names(source) for source in list(inside.left)}
    rest = table.text("rest")
    if rest in sums:
        table.refuse("rest", f"is '{rest}', which is a sum in `sums` too; it can be one of them")
    return Combined(sums, rest)


def _trained_on(table: Table) -> tuple[str, ...] | None:
    """What a separator learnt from: `trained_on = ["musdb18hq:train", "more"]`; None where nothing is said."""
    if "trained_on" not in table.left:
        table.asked.append("trained_on")
        return None
    words = table.texts("trained_on")
    if trouble := fault_of_stated(words):
        table.refuse("trained_on", trouble)
    return words


def _pins(table: Table) -> tuple[str, ...]:
    """Distribution → version, of a script's environment, as requirements; its Python is what the script asks for."""
    versions = table.parameters("environment")
    for name, version in versions.items():
        if (
            not isinstance(version, str)
            or not re.fullmatch(r"[\w.+!-]+", version)
            or not re.fullmatch(r"[\w.-]+", name)
        ):
            table.refuse("environment", f'holds {name} = {shown(version)}; write versions, as in {{ numpy = "2.1.0" }}')
    return tuple(f"{name}=={version}" for name, version in versions.items() if name != "python")


def _hashes(table: Table) -> dict[str, str]:
    """Parameter → SHA-256 of the file that it names."""
    found = table.parameters("sha256")
    for name, digest in found.items():
        if not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{64}", digest):
            table.refuse("sha256", f"holds {name} = {shown(digest)}; write the 64 characters of a SHA-256")
    return found


def read_defaults(table: Table, held: Defaults) -> Defaults:
    """The defaults that a table declares, in place of those held. Raises SoundstageError."""
    score, add = table.table("score"), table.table("add")
    found = replace(
        held,
        placements=_texts(table, "placements", held.placements),
        dataset=score.text("dataset") or held.dataset,
        separator=score.text("separator") or held.separator,
        spatializer=score.text("spatializer") or held.spatializer,
        metrics=_texts(score, "metrics", held.metrics),
        trial=add.text("dataset") or held.trial,
    )
    for closed in (score, add, table):
        closed.close()
    return found


def _texts(table: Table, key: str, held: Sequence[str]) -> tuple[str, ...]:
    return table.names(key, default=held) if held or key in table.left else ()


def named_tables(table: Table, section: str) -> list[tuple[str, Table]]:
    """The tables in a section, by name. Raises SoundstageError where one of them is none, with the form."""
    if not isinstance(table.left.get(section, {}), Mapping):
        table.refuse(section, f"is {shown(table.left[section])}, not a table; write [{section}.NAME]")
    inside = table.take(section, Mapping, f"[{section}.NAME]", {})
    found = []
    for name, facts in inside.items():
        if not isinstance(facts, Mapping):
            table.refuse(section, f"'{name}' is not a table; write [{section}.NAME]")
        found.append((str(name), Table(facts, table.source, below(section, str(name)))))
    return found
