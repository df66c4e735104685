"""The catalogue of named entries: `registry.toml`, extended by a user's own TOML, over the installed plugins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from soundstage import toml
from soundstage.cache import weights_folder
from soundstage.catalogue.entries import (
    Defaults,
    Entry,
    GridTable,
    checked_name,
    named_tables,
    read_defaults,
    read_entry,
)
from soundstage.catalogue.parameters import checked, constructor_parameters
from soundstage.catalogue.plugins import Catalogue, Plugin, discover
from soundstage.catalogue.weights import Weights
from soundstage.contracts import KINDS, Kind
from soundstage.errors import DataMissing, SoundstageError, UnknownName, suggestion
from soundstage.names import expanded
from soundstage.shipped import shipped
from soundstage.toml import Table
from soundstage.variants import parse_variant


@dataclass(frozen=True, slots=True)
class Choice:
    """An entry with the parameters a grid gives it: what a cell is made with.

    label: as the grid writes it. params: converted, without defaults. weights: those that it takes from `folder`, where
    the entry has weights and the grid names no folder of its own. data: the parameter that `--data` sets. script: of an
    entry that is a script, its path.
    """

    kind: Kind
    label: str
    entry: str
    plugin: Plugin
    params: Mapping[str, Any]
    weights: Weights | None = None
    folder: Path | None = None
    data: str = ""
    script: Path | None = None

    def build(self) -> Any:
        """A new instance of the plugin."""
        return self.plugin.load()(**self.params)


class Registry:
    """Entries and grids by name, and the plugins behind them."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.entries: dict[Kind, dict[str, Entry]] = {kind: {} for kind in KINDS}
        self.grids: dict[str, GridTable] = {}
        self.defaults = Defaults()

    @classmethod
    def load(cls, files: Iterable[Path] = ()) -> Registry:
        """The shipped registry, extended by TOML files in their order, over what is installed."""
        registry = cls(discover())
        registry.extend(toml.parse(shipped_registry(), "registry.toml"), "registry.toml", None)
        for file in files:
            registry.extend(toml.read(file), str(file), file.absolute().parent)
        return registry

    @staticmethod
    @cache
    def shipped_defaults() -> Defaults:
        """What stands in where nothing is said, as Soundstage comes."""
        return read_defaults(
            Table(toml.parse(shipped_registry(), "registry.toml"), "registry.toml").table("defaults"), Defaults()
        )

    def set_roots(self, data: Mapping[str, Path]) -> None:
        """Say where the files of entries lie: name → path, as `--data NAME=PATH` does. Raises UnknownName."""
        for name, path in data.items():
            kinds = [kind for kind in KINDS if name in self.entries[kind] and self.entries[kind][name].data]
            kind: Kind = kinds[0] if kinds else "datasets"
            entry = self.entry(kind, name)
            try:
                params = {**entry.params, entry.data or "root": expanded(str(path), None)}
            except ValueError as error:
                raise SoundstageError(f"--data {name}={path}: {error}") from None
            self.entries[kind][name] = replace(entry, params=params)

    def extend(self, table: Mapping[str, Any], source: str, base: Path | None) -> None:
        """Add the entries, grids and defaults of a parsed TOML; a name that is there already is overridden."""
        whole = Table(table, source)
        for kind in KINDS:
            for name, facts in named_tables(whole, kind):
                self.entries[kind][name] = read_entry(kind, name, facts, base)
        for name, facts in named_tables(whole, "grids"):
            self.grids[checked_name(name, "a grid", source)] = GridTable(dict(facts.left), base, source)
        self.defaults = read_defaults(whole.table("defaults"), self.defaults)
        whole.close()

    def names(self, kind: Kind) -> list[str]:
        """Every name of that kind: the registry's entries and the plugins that have none."""
        return sorted({*self.entries[kind], *self.catalogue.plugins[kind]})

    def entry(self, kind: Kind, name: str) -> Entry:
        """The entry of that name; a plugin without one is its own entry. Raises UnknownName."""
        if name in self.entries[kind]:
            return self._completed(self.entries[kind][name])
        if name in self.catalogue.plugins[kind] or (kind, name) in self.catalogue.clashes:
            plugin = self.catalogue.get(kind, name)
            return Entry(kind, name, name, {}, plugin.summary, plugin.citation, plugin.licence)
        elsewhere = [other for other in KINDS if other != kind and name in self.names(other)]
        if elsewhere:
            raise SoundstageError(f"'{name}' is not one of the {kind} but one of the {elsewhere[0]}")
        raise UnknownName(kind[:-1], name, self.names(kind), self.catalogue.problems)

    def plugin(self, entry: Entry) -> Plugin:
        """The plugin behind an entry; a script is its own. Raises UnknownName."""
        if entry.script is None:
            return self.catalogue.get(entry.kind, entry.plugin)
        return Plugin(entry.kind, entry.name, str(entry.script), entry.script.name, "", entry.summary, ("uv",), "uv")

    def _completed(self, entry: Entry) -> Entry:
        """The entry, with its plugin's summary, citation and licence where it has none of its own."""
        plugin = self.catalogue.plugins[entry.kind].get(entry.plugin)
        if plugin is None or entry.script is not None:
            return entry
        texts = {key: getattr(entry, key) or getattr(plugin, key) for key in ("summary", "citation", "licence")}
        return replace(entry, **texts)

    def unusable(self, entry: Entry) -> str:
        """Why a grid cannot use the entry as it stands, with the remedy; empty where it can. Imports no plugin."""
        plugin = self.plugin(entry)
        needed = dict.fromkeys((*plugin.required, *([entry.data] if entry.data else [])))
        lacking = [
            parameter
            for parameter in needed
            if parameter not in entry.params and not (entry.weights and entry.weights.parameter == parameter)
        ]
        if plugin.unusable() or not lacking:
            weights = entry.weights.missing_message(entry.name, weights_folder(entry.name)) if entry.weights else ""
            return "; ".join(filter(None, (plugin.unusable(), weights)))
        if (entry.data or ("root" if entry.kind == "datasets" else None)) in lacking:
            return f"needs --data {entry.name}=PATH"
        return f"needs {entry.name}[{', '.join(f'{parameter}=…' for parameter in lacking)}]"

    def notice(self, entry: Entry) -> str:
        """What will be done at an entry's first use and can be done now; empty where there is nothing."""
        script = self.plugin(entry).script
        if script is None:
            return ""
        from soundstage.isolation import environment
        from soundstage.isolation.script import read_script

        if environment.interpreter(read_script(script)):
            return ""
        return f"its environment is made at first use, or now: soundstage fetch {entry.name}"

    def choose(self, kind: Kind, variant: str, base: Path | None = None) -> Choice:
        """What `name[param=value,…]` means. base: the folder its relative paths start from.

        Where the plugin's class cannot be imported the parameters stay unchecked: the cells will say what is wrong.
        """
        name, given = parse_variant(variant)
        entry = self.entry(kind, name)
        plugin = self.plugin(entry)
        what = f"{kind[:-1]} '{name}'"
        try:
            parameters = constructor_parameters(plugin.load())
        except SoundstageError:
            raise
        except (Exception, SystemExit):
            return Choice(
                kind, variant.strip(), name, plugin, {**entry.params, **given}, None, None, entry.data, entry.script
            )
        params = {**checked(entry.params, parameters, what, entry.base), **checked(given, parameters, what, base)}
        weights, folder = entry.weights, None
        if weights and weights.parameter not in parameters:
            raise SoundstageError(
                f"{what} takes its weights by a parameter '{weights.parameter}', which it does not have"
                f"{suggestion(weights.parameter, parameters)}"
            )
        if weights and weights.parameter not in params:
            folder = params[weights.parameter] = weights_folder(name)
        else:
            weights = None
        for parameter in parameters.values():
            if (parameter.required or parameter.name == entry.data) and parameter.name not in params:
                data = parameter.name == (entry.data or ("root" if kind == "datasets" else None))
                remedy = f"--data {name}=PATH" if data else f"{name}[{parameter.name}=…]"
                kind_of = DataMissing if data else SoundstageError
                how = f": {entry.download}" if data and entry.download else ""
                raise kind_of(f"{what} needs its parameter '{parameter.name}'; give it with {remedy}{how}")
        return Choice(kind, variant.strip(), name, plugin, params, weights, folder, entry.data, entry.script)


def shipped_registry() -> str:
    """The text of registry.toml: the packaged copy, or the repository's own file in an editable install."""
    return shipped("registry.toml", "registry.toml").read_text(encoding="utf-8")
