"""The catalogue of named entries: `registry.toml`, extended by a user's own TOML, over the installed plugins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from soundstage.catalogue.parameters import Parameter, checked, constructor_parameters
from soundstage.catalogue.plugins import Catalogue, Plugin, discover
from soundstage.catalogue.references import Reference, of_citation, read_reference, references_of
from soundstage.catalogue.roots import SCRIPT, Roots, checked_parameter, key_of, meant_parameter
from soundstage.catalogue.weights import Weights
from soundstage.contracts import KINDS, Kind
from soundstage.errors import DataMissing, SoundstageError, UnknownName, suggestion
from soundstage.shipped import shipped
from soundstage.sources import AS_NAMED, Combined
from soundstage.toml import Table
from soundstage.variants import parse_variant


@dataclass(frozen=True, slots=True)
class Choice:
    """An entry with the parameters a grid gives it: what a cell is made with.

    label: as the grid writes it. params: converted, without defaults. weights: those that it takes from `folder`, where
    the entry has weights and the grid names no folder of its own. data: the parameter that `--data` sets. script: of an
    entry that is a script, its path; pins: what its environment is to hold, as requirements. moved: paths that stand in
    place of those in the label, as `--data` has them. combined, trained_on, songs: as its entry declares
    them, of what a separator learnt from nothing where the grid names files of its own. lacking: of a separator whose
    entry is about files that nobody has named, what it needs, as a phrase; a grid can do without it. sha256: parameter
    → the hash that its file must have, of those that the entry names.
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
    pins: tuple[str, ...] = ()
    moved: Mapping[str, Path] = field(default_factory=dict)
    combined: Combined = AS_NAMED
    trained_on: tuple[str, ...] | None = None
    songs: str = ""
    lacking: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)

    def build(self) -> Any:
        """A new instance of the plugin."""
        return self.plugin.load()(**self.params)

    def lost(self) -> list[str]:
        """A phrase for each path of it that is not there, with the `--data` that says where it is now."""
        values = {name: value for name, value in self.params.items() if isinstance(value, Path)}
        for parameter in self.weights.parameters if self.weights else ():
            values.pop(parameter, None)
        own = self.data or ("root" if self.kind == "datasets" else SCRIPT if self.script else "")
        if self.script is not None:
            values[SCRIPT] = self.script
        given = parse_variant(self.label)[1]
        found = []
        for name, path in values.items():
            if not _is_there(path):
                variant = self.label if name in given else self.entry
                parameter = "" if name == own or (not own and len(values) == 1) else name
                found.append(
                    f"{path} is not there; say where it is now with --data '{key_of(variant, parameter)}=PATH'"
                )
        return found


OWN_SECTIONS = ("grids", "references", "defaults")


class Registry:
    """Entries and grids by name, and the plugins behind them.

    sections: what belongs to verbs that plugins bring, section → name → table, as it is written.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.entries: dict[Kind, dict[str, Entry]] = {kind: {} for kind in KINDS}
        self.grids: dict[str, GridTable] = {}
        self.sections: dict[str, dict[str, GridTable]] = {section: {} for section in catalogue.sections}
        self.references: dict[str, Reference] = {}
        self.defaults = Defaults()
        self._roots = Roots()

    @classmethod
    def load(cls, files: Iterable[Path] = ()) -> Registry:
        """The shipped registry, extended by TOML files in their order, over what is installed."""
        registry = cls(discover())
        own = toml.parse(shipped_registry(), "registry.toml")
        known = {*KINDS, *OWN_SECTIONS, *registry.sections}  # a verb that is broken here takes its section along
        registry.extend({key: table for key, table in own.items() if key in known}, "registry.toml", None)
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

    def set_roots(self, data: Mapping[str, str | Path]) -> None:
        """Say where the files of entries lie, as `--data NAME=PATH` does; see `soundstage.catalogue.roots`.

        What is said later counts, and of what is said at once what names a variant. Raises UnknownName, or
        SoundstageError where a key or a path can be none.
        """
        for key, given in sorted(data.items(), key=lambda item: "[" in item[0]):
            variant, parameter, path = self._roots.add(key, given)
            name = parse_variant(variant)[0]
            kinds = [kind for kind in KINDS if name in self.names(kind)] or ["datasets"]
            about = [kind for kind in kinds if name in self.entries[kind] and self.entries[kind][name].data]
            kind: Kind = [*about, *kinds][0]
            entry = self.entry(kind, name)
            own = entry.data or ("root" if kind == "datasets" else "")
            if variant == name and own and parameter in ("", own):
                self.entries[kind][name] = replace(entry, params={**entry.params, own: path})

    def extend(self, table: Mapping[str, Any], source: str, base: Path | None) -> None:
        """Add the entries, grids, references and defaults of a parsed TOML; names that are there are overridden."""
        whole = Table(table, source)
        for kind in KINDS:
            for name, facts in named_tables(whole, kind):
                self.entries[kind][name] = read_entry(kind, name, facts, base)
        for name, facts in named_tables(whole, "grids"):
            self.grids[checked_name(name, "a grid", source)] = GridTable(dict(facts.left), base, source)
        for key, facts in named_tables(whole, "references"):
            self.references[key] = read_reference(key, facts)
        for section, held in self.sections.items():
            for name, facts in named_tables(whole, section):
                held[checked_name(name, f"one of {section}", source)] = GridTable(dict(facts.left), base, source)
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

    def cited(self, kind: Kind, variant: str) -> list[Reference]:
        """What to cite for a label of a grid: its references, or else its citation; nothing where it is not known."""
        name = variant.partition("[")[0].strip()
        if name not in self.names(kind):
            return []
        entry = self.entry(kind, name)
        found = references_of(self.references.values(), kind, (name, entry.plugin))
        return found or ([of_citation(f"{kind} {name}", entry.citation)] if entry.citation else [])

    def plugin(self, entry: Entry) -> Plugin:
        """The plugin behind an entry; a script is its own. Raises UnknownName."""
        if entry.script is None:
            return self.catalogue.get(entry.kind, entry.plugin)
        needs = (entry.summary, ("uv",), "uv")
        return Plugin(entry.kind, entry.name, str(entry.script), entry.script.name, "", *needs, pins=entry.pins)

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
            if parameter not in entry.params and not (entry.weights and parameter in entry.weights.parameters)
        ]
        if plugin.unusable() or not lacking:
            weights = entry.weights.missing_message(entry.name, weights_folder(entry.name)) if entry.weights else ""
            return "; ".join(filter(None, (plugin.unusable(), weights)))
        if (entry.data or ("root" if entry.kind == "datasets" else None)) in lacking:
            how = f": {entry.download}" if entry.kind == "separators" and entry.download else ""
            return f"needs --data {entry.name}=PATH{how}"
        return f"needs {entry.name}[{', '.join(f'{parameter}=…' for parameter in lacking)}]"

    def notice(self, entry: Entry) -> str:
        """What to know before an entry is used: what could not be made sure of it, and what will be done at its first
        use and can be done now; empty where there is nothing.
        """
        unverified = f"unverified: {entry.unverified}" if entry.unverified else ""
        return "; ".join(filter(None, (unverified, self._notice_of_environment(entry))))

    def _notice_of_environment(self, entry: Entry) -> str:
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
        roots = self._roots.of(variant.strip(), name)
        entry = self._with_script(entry, roots)
        plugin = self.plugin(entry)
        what = f"{kind[:-1]} '{name}'"
        try:
            parameters = constructor_parameters(plugin.load())
        except SoundstageError:
            raise
        except (Exception, SystemExit):
            params = {**entry.params, **given}
            return Choice(kind, variant.strip(), name, plugin, params, data=entry.data, script=entry.script)
        params = {**checked(entry.params, parameters, what, entry.base), **checked(given, parameters, what, base)}
        moved = self._moved(entry, variant.strip(), roots, parameters, params)
        params |= moved
        weights, folder = entry.weights, None
        for unknown in [one for one in weights.parameters if one not in parameters] if weights else ():
            raise SoundstageError(
                f"{what} takes its weights by a parameter '{unknown}', which it does not have"
                f"{suggestion(unknown, parameters)}"
            )
        weights = weights.beside(params) if weights else None
        if weights:
            folder = weights_folder(name)
            params |= {key: path for key, path in weights.values(folder).items() if key not in params}
        lacking = ""
        for parameter in parameters.values():
            if (parameter.required or parameter.name == entry.data) and parameter.name not in params:
                data = parameter.name == (entry.data or ("root" if kind == "datasets" else None))
                remedy = f"--data {name}=PATH" if data else f"{name}[{parameter.name}=…]"
                how = f": {entry.download}" if data and entry.download else ""
                needs = f"needs its parameter '{parameter.name}'; give it with {remedy}{how}"
                if not data or kind != "separators":
                    raise (DataMissing if data else SoundstageError)(f"{what} {needs}")
                lacking = needs
        label, again = variant.strip(), {key: path for key, path in moved.items() if key in given}
        own_files = bool(entry.weights and not weights) or any(isinstance(params[key], Path) for key in given)
        return Choice(
            kind,
            label,
            name,
            plugin,
            params,
            weights,
            folder,
            entry.data,
            entry.script,
            entry.pins,
            again,
            entry.combined,
            None if own_files else entry.trained_on,
            entry.songs,
            lacking,
            {key: digest for key, digest in entry.sha256.items() if key not in {*given, *moved}},
        )

    def _with_script(self, entry: Entry, roots: Sequence[tuple[str, str, Path]]) -> Entry:
        """The entry, its script where `--data` says that it is. Raises SoundstageError where it is not there."""
        if entry.script is None:
            return entry
        path = next((path for parameter, _, path in reversed(roots) if _is_the_script(entry, parameter)), entry.script)
        if not _is_there(path):
            key = key_of(entry.name, SCRIPT if entry.data else "")
            raise SoundstageError(
                f"{entry.kind[:-1]} '{entry.name}': its script {path} is not there; say where it is now with"
                f" --data {key}=PATH"
            )
        return replace(entry, script=path)

    def _moved(
        self,
        entry: Entry,
        label: str,
        roots: Sequence[tuple[str, str, Path]],
        parameters: Mapping[str, Parameter],
        params: Mapping[str, Any],
    ) -> dict[str, Path]:
        """Parameter → path, as `--data` has it. Raises SoundstageError where nobody knows which is meant."""
        what = f"{entry.kind[:-1]} '{label}'"
        known = [name for name, parameter in parameters.items() if parameter.is_path]
        there = {name: params.get(name) for name in known if name in params or parameters[name].required}
        own = entry.data or ("root" if entry.kind == "datasets" else "")
        moved: dict[str, tuple[str, str, Path]] = {}
        for parameter, key, path in roots:
            if _is_the_script(entry, parameter):
                continue
            if parameter:
                checked_parameter(key, parameter, known, what)
            meant = parameter or meant_parameter(key, own, there, known, what)
            moved[meant] = key, key_of(label, parameter), path
        for name, (key, exact, _) in moved.items():
            if isinstance(params.get(name), Path):
                self._roots.replace(key, exact, params[name])
        return {name: path for name, (_, _, path) in moved.items()}


def _is_the_script(entry: Entry, parameter: str) -> bool:
    """Whether a key of `--data` with that parameter, or with none, means the entry's script."""
    return entry.script is not None and parameter in (SCRIPT, *(() if entry.data else ("",)))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file system takes
        return False


def shipped_registry() -> str:
    """The text of registry.toml: the packaged copy, or the repository's own file in an editable install."""
    return shipped("registry.toml", "registry.toml").read_text(encoding="utf-8")
