"""Writes docs/reference/ from docstrings, registry and `--help`; with --check, says which page is no longer true.

Plain Markdown, so that it reads the same in the repository, on the site and in llms.txt.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import typing
from collections.abc import Iterator, Mapping
from typing import Any
from unittest import mock

import blocks
from soundstage.catalogue.commands import Command
from soundstage.catalogue.parameters import constructor_parameters
from soundstage.catalogue.plugins import Plugin, discover
from soundstage.catalogue.registry import Registry
from soundstage.contracts import KINDS, Kind

FOLDER = blocks.ROOT / "docs" / "reference"
OURS = "soundstage"
WIDTH = 100
"""How wide `--help` is set."""

MODULES = {
    "python": ("soundstage",),
    "plugin-api": (
        "soundstage.hooks",
        "soundstage.contracts",
        "soundstage.scene",
        "soundstage.draw",
        "soundstage.testing",
    ),
    "metric-functions": ("soundstage_metrics",),
}
"""Page → the modules whose public names it has."""

TITLES = {
    "commands": ("Commands", "Every verb of the command line, as its `--help` has it."),
    "python": (
        "Python",
        "What `import soundstage` offers. `import soundstage` is quick: a name is loaded when it is used.",
    ),
    "plugin-api": (
        "For plugin authors",
        "Hooks, contracts, what flows through a cell, and the kit of checks. [Writing a plugin](../plugins.md) says how"
        " they go together.",
    ),
    "metric-functions": (
        "Metrics as functions",
        "Every built-in metric is a function of arrays that needs no grid. [What the scores say](../metrics.md) says"
        " what they mean and what they are blind to.",
    ),
    "datasets": ("Data sets", "Every data set that a grid can name."),
    "placements": ("Placements", "Every rule that says where sources sit."),
    "spatializers": ("Spatializers", "Everything that turns a track and a placement into a scene."),
    "separators": ("Separators, by name", "Every separator that a grid can name, floors and oracles too."),
    "metrics": ("Metrics, by name", "Every metric that a grid can name, with its measures and parameters."),
    "grids": ("Grids", "Every grid that ships: `soundstage run NAME`."),
    "training": ("Training presets", "Every preset of `soundstage train`."),
}
"""Page → its heading and its first sentence."""

NOTE = "<!-- Written by tools/reference.py: mend what it is written from, and run make reference. -->"


def public_names(module: Any) -> list[str]:
    """The public names of a module: those in `__all__`, else the classes and functions that it defines itself."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    ]


def metric_modules() -> list[str]:
    """The modules of the built-in metrics, in the order in which they are registered."""
    targets = [plugin.target for plugin in discover().plugins["metrics"].values() if is_ours(plugin)]
    return list(dict.fromkeys(target.partition(":")[0] for target in targets if not target.endswith(".py")))


def public_objects(page: str) -> Iterator[tuple[str, str, Any]]:
    """Module, name and object of all that a page of the Python reference has, each once."""
    seen = set()
    for name in MODULES[page]:
        for module_name in metric_modules() if name == "soundstage_metrics" else (name,):
            module = importlib.import_module(module_name)
            for public in public_names(module):
                found = getattr(module, public)
                if id(found) not in seen:
                    seen.add(id(found))
                    yield module_name, public, found


def methods(one: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties that a class defines itself, by name."""
    for name, value in vars(one).items():
        if not name.startswith("_"):
            inner = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
            if inspect.isfunction(inner):
                yield name, inner


def plain(text: str) -> str:
    """A docstring as Markdown: what is no code in it is escaped where Markdown would take it for something else."""
    parts = re.split(r"(`[^`]+`)", text)
    escaped = (part if number % 2 else re.sub(r"([*<])", r"\\\1", part) for number, part in enumerate(parts))
    return "".join(escaped)


def docstring(found: Any, names: typing.Collection[str] = ()) -> str:
    """Its docstring as Markdown, the names of parameters in it set out. Raises SystemExit where there is none."""
    text = inspect.cleandoc(found.__doc__ or "")
    if not text or (inspect.isclass(found) and text.startswith(f"{found.__name__}(")):
        raise SystemExit(f"{found.__module__}.{found.__qualname__} has no docstring")
    out = []
    for paragraph in re.split(r"\n{2,}", text):
        if paragraph.startswith(("    ", ">>> ")):
            out.append("```text\n" + inspect.cleandoc(paragraph) + "\n```")
            continue
        said = plain(paragraph)
        if names:
            one = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
            said = re.sub(
                rf"(?<![\w.`])((?:{one})(?:, (?:{one}))*): ",
                lambda match: ", ".join(f"**`{name}`**" for name in match[1].split(", ")) + ": ",
                said,
            )
        out.append(said)
    return "\n\n".join(out)


def signature(name: str, found: Any) -> str:
    """How it is called, a parameter a line where one line is too long."""
    shape = inspect.signature(found)
    returns = "" if shape.return_annotation in (shape.empty, "None") else f" -> {_annotation(shape.return_annotation)}"
    if shape.return_annotation == "None":
        returns = " -> None"
    parts: list[str] = []
    star = False
    for parameter in shape.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            parts.append("*")
        star = star or parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        stars: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
        text = stars.get(parameter.kind, "") + parameter.name
        if parameter.annotation is not parameter.empty:
            text += f": {_annotation(parameter.annotation)}"
        if parameter.default is not parameter.empty:
            text += f" = {_default(parameter.default)}"
        parts.append(text)
    line = f"{name}({', '.join(parts)}){returns}"
    return line if len(line) <= WIDTH else f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){returns}"


def _annotation(one: Any) -> str:
    text = one if isinstance(one, str) else getattr(one, "__name__", str(one)) if isinstance(one, type) else str(one)
    return re.sub(r"\b(?:typing|collections\.abc|pathlib)\.", "", text)


def _default(one: Any) -> str:
    return "…" if inspect.isfunction(one) or "factory" in repr(one) else repr(one)


def parameter_names(found: Any) -> list[str]:
    """What a function, or a class's constructor, takes; of a class its annotated fields too."""
    own = [] if inspect.isclass(found) and found.__init__ is object.__init__ else _named(found)
    return [*own, *(inspect.get_annotations(found) if inspect.isclass(found) else ())]


def _named(found: Any) -> list[str]:
    try:
        return [name for name in inspect.signature(found).parameters if name not in ("self", "cls")]
    except ValueError:
        return []


def is_made_by_call(one: type) -> bool:
    """Whether people call the class: it has a constructor of its own, and is no protocol, dictionary or exception."""
    if getattr(one, "_is_protocol", False) or issubclass(one, (BaseException, dict)):
        return False
    return one.__init__ is not object.__init__


def constructor_lines(one: type) -> list[str]:
    """What the constructor's docstring says, where the class has one of its own."""
    own = vars(one).get("__init__")
    written = own is not None and own.__doc__ and not hasattr(one, "__dataclass_fields__")
    return [docstring(own, _named(own)), ""] if written else []


def object_text(module: str, name: str, found: Any) -> str:
    """One class or function, with its methods."""
    lines = [f"### {name}", ""]
    if inspect.isclass(found):
        if is_made_by_call(found):
            lines += ["```text", signature(f"{module}.{name}", found), "```", ""]
    elif callable(found) and inspect.isfunction(found):
        lines += ["```text", signature(f"{module}.{name}", found), "```", ""]
    lines += [docstring(found, parameter_names(found)), ""]
    if inspect.isclass(found):
        lines += constructor_lines(found)
        for method, inner in methods(found):
            is_property = isinstance(vars(found)[method], property)
            called = f"{name}.{method}" if is_property else signature(method, inner)
            lines += [f"#### {name}.{method}", "", "```text", called, "```", "", docstring(inner, _named(inner)), ""]
    return "\n".join(lines)


def python_page(page: str) -> str:
    """The public names of the page's modules, module by module."""
    lines: list[str] = []
    last = ""
    for module, name, found in public_objects(page):
        if module != last:
            lines += [f"## {module}", ""]
            if module != "soundstage":
                lines += [docstring(importlib.import_module(module)), ""]
            last = module
        lines.append(object_text(module, name, _instance_as_function(found)))
    return "\n".join(lines)


def _instance_as_function(found: Any) -> Any:
    return found if inspect.isclass(found) or inspect.isfunction(found) else type(found)


def commands_page() -> str:
    """`--help` of Soundstage and of every verb."""
    import click

    from soundstage.cli import VERBS, cli

    def helped(command: click.Command, name: str) -> list[str]:
        context = click.Context(
            command,
            info_name=name,
            terminal_width=WIDTH,
            max_content_width=WIDTH,
            help_option_names=cli.context_settings["help_option_names"],
        )
        return ["```text", command.get_help(context).rstrip(), "```", ""]

    brought = {
        name: held[0].summary for name, held in discover().commands.items() if len(held) == 1 and is_ours(held[0])
    }
    lines = []
    for name, summary in {**VERBS, **brought}.items():
        with mock.patch("soundstage.catalogue.commands.missing_of", return_value=()):  # help needs nothing of that
            command = cli.get_command(click.Context(cli), name)
        assert command is not None
        lines += [f"## soundstage {name}", "", summary, "", *helped(command, f"soundstage {name}")]
    return "\n".join(lines)


def is_ours(one: Plugin | Command) -> bool:
    """Whether it comes with Soundstage itself."""
    return one.distribution == OURS


def entries_page(kind: Kind) -> str:
    """Every entry of a kind: what it is, its parameters, where it comes from."""
    registry = Registry.load([])
    names = [name for name in registry.names(kind) if is_ours(registry.plugin(registry.entry(kind, name)))]
    lines = [f"{len(names)} of them; `soundstage show NAME` says more of one, and whether it can be used here.", ""]
    for name in sorted(names, key=str.lower):
        lines += [f"## {name}", "", *entry_lines(registry, kind, name), ""]
    return "\n".join(lines)


def entry_lines(registry: Registry, kind: Kind, name: str) -> Iterator[str]:
    """One entry's facts."""
    entry = registry.entry(kind, name)
    plugin = registry.plugin(entry)
    made = plugin.load()
    yield plain(entry.summary.rstrip(".") + ".")
    yield ""
    weights = f"{', '.join(f'`{file.name}`' for file in entry.weights.files)}" if entry.weights else ""
    facts = {
        "plugin": f"`{plugin.name}`, `{_target(plugin)}`",
        "revision": str(getattr(made, "revision", "")).partition(", environment ")[0],
        "needs": f"`pip install '{plugin.extra}'`" if plugin.extra else "",
        "set": ", ".join(f"`{key} = {value!r}`" for key, value in entry.params.items()),
        "files": f"`--data {name}=PATH`" if entry.data else "",
        "download": entry.download,
        "weights": weights,
        "their licence": entry.weights.licence if entry.weights else "",
        "trained on": ""
        if entry.trained_on is None
        else ", ".join(f"`{one}`" for one in entry.trained_on) or "nothing",
        "stated": entry.stated,
        "unverified": entry.unverified,
        "licence": entry.licence or plugin.licence,
        "citation": entry.citation or plugin.citation,
        "url": entry.url,
    }
    yield from (f"- {key}: {_cell(value)}" for key, value in facts.items() if value)
    measures: Mapping[str, Any] = getattr(made, "measures", {}) if kind == "metrics" else {}
    if measures:
        yield from ("", "| measure | unit | better |", "| --- | --- | --- |")
        for measure, about in measures.items():
            yield f"| `{measure}` | {about.unit or 'none'} | {'higher' if about.higher_is_better else 'lower'} |"
    parameters = constructor_parameters(made)
    if parameters:
        yield from ("", "| parameter | type | default |", "| --- | --- | --- |")
        for one in parameters.values():
            kind_of, _, default = one.describe().removeprefix(f"{one.name}: ").partition(" = ")
            shown = (
                "required"
                if one.required
                else f"`{entry.params[one.name]!r}`"
                if one.name in entry.params
                else f"`{default}`"
            )
            yield f"| `{one.name}` | `{_in_table(kind_of)}` | {_in_table(shown)} |"
    if plugin.name == name and made.__doc__ and plugin.script is None:
        yield from ("", docstring(made, [*parameters]), "")
        base = next(base for base in made.__mro__ if "__init__" in vars(base))
        yield from constructor_lines(base) if base is not object else ()


def _target(plugin: Plugin) -> str:
    return plugin.target if plugin.script is None else f"script {plugin.script.name}"


def _in_table(text: str) -> str:
    return text.replace("|", "\\|")


def _cell(text: str) -> str:
    return plain(" ".join(str(text).split()))


def tables_page(section: str) -> str:
    """Every grid, or every table of a verb's own section, as the registry has it."""
    registry = Registry.load([])
    tables = registry.grids if section == "grids" else registry.sections[section]
    lines = []
    for name in sorted(tables):
        table = dict(tables[name].table)
        lines += [f"## {name}", "", plain(str(table.pop("summary", "")).rstrip(".") + "."), ""]
        lines += [f"- {key}: {_value(value)}" for key, value in table.items()]
        lines.append("")
    return "\n".join(lines)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(f"`{one}`" for one in value) or "none"
    return f"`{value}`" if not isinstance(value, str) or " " not in value else plain(value)


def contents() -> str:
    """The front page of the reference."""
    lines = [f"- [{title}]({page}.md): {text}" for page, (title, text) in TITLES.items()]
    lines = [re.sub(r"\(\.\./", "(../", line) for line in lines]
    return "\n".join(lines) + "\n"


def made() -> dict[str, str]:
    """Every page of the reference by its file's name."""
    bodies = {page: python_page(page) for page in MODULES} | {kind: entries_page(kind) for kind in KINDS}
    bodies |= {section: tables_page(section) for section in ("grids", "training")} | {"commands": commands_page()}
    pages = {
        f"{page}.md": f"# {title}\n\n{NOTE}\n\n{text}\n\n{bodies[page].strip()}\n"
        for page, (title, text) in TITLES.items()
    }
    about = "Written from docstrings, the registry and `--help`, and compared with them at each change."
    return {"index.md": f"# Reference\n\n{NOTE}\n\n{about}\n\n{contents()}"} | pages


def stale() -> list[str]:
    """The pages that are not what they should be, those too that should not be there."""
    wanted = made()
    there = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.md")}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def main() -> int:
    """Write the pages, or check them."""
    if sys.argv[1:] not in ([], ["--check"]):
        print("usage: python tools/reference.py [--check]", file=sys.stderr)
        return 2
    if sys.argv[1:]:
        found = stale()
        if found:
            print(f"docs/reference/ shows what was ({', '.join(found)}); write it again with: make reference")
        return 1 if found else 0
    FOLDER.mkdir(exist_ok=True)
    wanted = made()
    for file in FOLDER.glob("*.md"):
        if file.name not in wanted:
            file.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
