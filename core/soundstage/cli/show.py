"""`soundstage show`: all that is known of one entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from soundstage.cli import completing
from soundstage.cli.options import added, more_registry, toml_of
from soundstage.cli.saying import say
from soundstage.contracts import KINDS
from soundstage.errors import SoundstageError, UnknownName, suggestion


@click.command("show")
@click.argument("name", shell_complete=completing.entries)
@more_registry
def command(name: str, registry: tuple[Path, ...]) -> None:
    """Show the entry, grid or publication NAME: what it is, its parameters, citation and licence.

    NAME may be a TOML file of your own, for all that it declares, or FILE.toml:NAME for one thing that it does.
    """
    from soundstage.catalogue.registry import Registry
    from soundstage.leaderboard.published.tables import publications

    known = Registry.load(registry)
    file, wanted = toml_of(name)
    if file is not None:
        declared = added(known, file)
        names = list(dict.fromkeys(one for inside in declared.values() for one in inside))
        if not names:
            raise SoundstageError(f"{file} declares nothing; add [grids.NAME] or an entry")
        if wanted and wanted not in names:
            raise SoundstageError(f"{file} declares no '{wanted}'{suggestion(wanted, names)}")
        for section, inside in declared.items():
            for one in inside:
                if not wanted or one == wanted:
                    _show(known, section, one)
        return
    shown = [section for section in (*KINDS, "grids", *known.sections) if _is_there(known, section, name)]
    for section in shown:
        _show(known, section, name)
    published = publications()
    if name in published:
        _show_publication(published[name])
    elif not shown:
        tables = (word for held in (known.grids, *known.sections.values()) for word in held)
        every = {*tables, *published, *(word for kind in KINDS for word in known.names(kind))}
        raise UnknownName("name", name, every, known.catalogue.problems)


def _is_there(known: Any, section: Any, name: str) -> bool:
    if section not in KINDS:
        return name in (known.grids if section == "grids" else known.sections[section])
    return name in known.names(section) or (section, name) in known.catalogue.clashes


def _show(known: Any, section: Any, name: str) -> None:
    if section in KINDS:
        _show_entry(known, section, name)
    elif section == "grids":
        _show_table(name, "grid", known.grids[name].table)
    else:
        _show_table(name, section, known.sections[section][name].table)


def _show_entry(known: Any, kind: Any, name: str) -> None:
    from soundstage.catalogue.parameters import constructor_parameters

    entry = known.entry(kind, name)
    plugin = known.plugin(entry)
    say(f"{name}  ({kind[:-1]})", bold=True)
    say(f"  {entry.summary}")
    facts = {
        "usable here": "; ".join(filter(None, (known.unusable(entry) or "yes", known.notice(entry)))),
        "plugin": f"{plugin.name} = {plugin.target}, of {plugin.distribution} {plugin.version}",
        "set here": ", ".join(f"{key} = {value!r}" for key, value in entry.params.items()),
        "citation": entry.citation,
        "licence": entry.licence,
        "url": entry.url,
        "download": entry.download,
        "weights": ", ".join(file.name for file in entry.weights.files) if entry.weights else "",
        "their licence": entry.weights.licence if entry.weights else "",
        "trained on": "" if entry.trained_on is None else ", ".join(entry.trained_on) or "nothing",
        "sums": "; ".join(f"{source} = {' + '.join(stems)}" for source, stems in entry.combined.sums.items()),
        "rest": entry.combined.rest,
        "songs": entry.songs,
        "stated": entry.stated,
        "unverified": entry.unverified,
    }
    for key, value in facts.items():
        if value:
            say(f"  {key + ':':<12} {value}")
    try:
        plugin_class = plugin.load()
    except (Exception, SystemExit) as error:
        why = str(error) if isinstance(error, (ImportError, SoundstageError)) else f"{type(error).__name__}: {error}"
        say(f"  parameters:  unknown, its module cannot be imported here ({why})")
        return
    parameters = constructor_parameters(plugin_class)
    say("  parameters:" + ("" if parameters else "  none"))
    for parameter in parameters.values():
        say(f"    {parameter.describe()}" + (" (required)" if parameter.required else ""))
    for measure, about in getattr(plugin_class, "measures", {}).items() if kind == "metrics" else ():
        better = "higher is better" if about.higher_is_better else "lower is better"
        say(f"  measures:    {measure} in {about.unit}, {better}")
    if plugin_class.__doc__:
        say()
        for line in plugin_class.__doc__.strip().splitlines():
            say(f"  {line.strip()}".rstrip())
    say()


def _show_table(name: str, what: str, table: Any) -> None:
    say(f"{name}  ({what})", bold=True)
    for key, value in table.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        say(f"  {key + ':':<13} {text}")
    say()


def _show_publication(one: Any) -> None:
    say(f"{one.name}  (published)", bold=True)
    say(f"  {one.title}")
    facts = {
        "citation": one.citation,
        "url": one.url,
        "data": one.data + (f", {one.tracks} tracks" if one.tracks else ""),
        "protocol": one.aggregation or "not stated",
        "note": one.note,
        "from": "; ".join(one.places),
        "measures": ", ".join(f"{measure.name} in {measure.unit}" for measure in one.measures.values()),
    }
    for key, value in facts.items():
        if value:
            say(f"  {key + ':':<12} {value}")
    for condition in one.conditions.values():
        say(f"  rendering:   {condition.name}: {condition.summary}")
    for name in dict.fromkeys(line.model for line in one.lines):
        here, stated = one.model(name).separators, one.model(name).trained_on
        told = "" if stated is None else f"; trained on {', '.join(stated) or 'nothing'}"
        say(f"  model:       {name}" + (f" = {', '.join(here)} here" if here else "") + told)
    say()
