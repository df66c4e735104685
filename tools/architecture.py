"""Writes docs/architecture.svg and parts of the page from the code; with --check, says what is no longer true in them.

The rooms and their order are those that pyproject.toml has import-linter hold; who imports whom is read from the
files; what a room promises, and what happens at each step of a cell's way, is the first sentence of its docstring.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import blocks
import drawing

CORE = blocks.ROOT / "core" / "soundstage"
PAGE = blocks.ROOT / "docs" / "architecture.md"
PICTURE = PAGE.with_suffix(".svg")

WAY = {
    "Planned": (
        "cli.run:command",
        "planning.request:plan_of",
        "planning.grid:read_grid",
        "planning.cells:make_plan",
    ),
    "Run": (
        "running.runner:run_plan",
        "planning.jobs:jobs_left",
        "running.executors:executor_of",
        "running.executors.inline:run_inline",
        "running.worker:Worker.run",
        "running.workbench:Workbench.scene",
        "pipeline.tracks:load_track",
        "pipeline.scenes:place",
        "pipeline.scenes:spatialize",
        "pipeline.separate:separate",
        "pipeline.scores:prepare",
        "pipeline.scores:score",
    ),
    "Kept": (
        "results.store:Store.commit",
        "results.cells:Cells.commit",
        "results.encoding:encode_cell",
    ),
    "Read": (
        "cli.leaderboard:command",
        "results.loading:load_results",
        "leaderboard.build:make_leaderboard",
        "leaderboard.protocols:find_protocol",
        "report.terminal:print_board",
    ),
}
"""The steps of a cell, each a module and a function in it that some earlier step's module names."""


class Untrue(Exception):
    """What the page would say and the code does not do."""


@cache
def tree(file: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(file.read_text(encoding="utf-8"))


def sentence(node: ast.Module | ast.ClassDef | ast.FunctionDef, of: str) -> str:
    """The first sentence of the docstring. Raises Untrue where there is none."""
    text = " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())
    if not text:
        raise Untrue(f"{of} has no docstring")
    found = re.match(r".+?\.(?=\s|$)", text)
    return found[0] if found else text


def layers() -> list[list[str]]:
    """The rooms of each layer, the uppermost first, the ground floor's modules last."""
    contracts = tomllib.loads((blocks.ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (found,) = (one["layers"] for one in contracts if one["id"] == "layers")
    return [re.split(r"\s*[|:]\s*", layer) for layer in found]


def imported(file: Path) -> Iterator[str]:
    """The parts of soundstage that a file imports."""
    for node in ast.walk(tree(file)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "soundstage":
            names = [f"soundstage.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [str(node.module)]
        yield from (name.split(".")[1] for name in names if name.startswith("soundstage."))


def files_of(room: str) -> list[Path]:
    """A room's modules."""
    return sorted((CORE / room).rglob("*.py")) if (CORE / room).is_dir() else [CORE / f"{room}.py"]


def imports() -> dict[str, list[str]]:
    """Room → the parts of soundstage outside it that it imports, upper rooms first. Raises Untrue for an arrow up."""
    order = [room for layer in layers() for room in layer]
    found: dict[str, list[str]] = {}
    for room in order:
        names = {name for file in files_of(room) for name in imported(file)} - {room}
        found[room] = sorted(names & set(order), key=order.index)
        up = [name for name in found[room] if depth(name) < depth(room)]
        if up:
            raise Untrue(f"{room} imports {', '.join(up)}, which lies above it")
    return found


def depth(room: str) -> int:
    """The number of the room's layer."""
    return next(number for number, layer in enumerate(layers()) if room in layer)


def picture() -> str:
    """The rooms as an SVG. An arrow that a longer way through other rooms implies is not drawn."""
    ground = set(layers()[-1])
    uses = {room: set(names) - ground for room, names in imports().items() if room not in ground}

    def below(room: str) -> set[str]:
        return uses[room] | {far for near in uses[room] for far in below(near)}

    arrows = {
        room: names - {far for near in names for far in below(near)} or {"the ground floor"}
        for room, names in uses.items()
    }
    return drawing.drawn(arrows | {"plugins": {"the ground floor"}}, "The rooms, and which imports which")


def rooms() -> str:
    """A table of what each room promises and imports."""
    ground = layers()[-1]
    lines = ["| room | what it promises | imports of other rooms |", "|---|---|---|"]
    for room, names in imports().items():
        if room not in ground:
            inside = (CORE / room).is_dir()
            place = f"core/soundstage/{room}" + ("/" if inside else ".py")
            promise = sentence(tree(CORE / room / "__init__.py" if inside else CORE / f"{room}.py"), place)
            others = ", ".join(name for name in names if name not in ground) or "none"
            lines.append(f"| [`{room}`](../{place}) | {promise} | {others} |")
    lines += ["", "| the ground floor | |", "|---|---|"]
    for name in sorted(ground):
        place = f"core/soundstage/{name}.py"
        lines.append(f"| [`{name}`](../{place}) | {sentence(tree(CORE / f'{name}.py'), place)} |")
    return "\n".join(lines) + "\n"


def step(name: str, earlier: list[str]) -> str:
    """One line of a cell's way. Raises Untrue where there is no such function, or no earlier step's file names it."""
    module, _, path = name.partition(":")
    file = CORE / Path(*module.split("."))
    file = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
    if not file.exists():
        raise Untrue(f"there is no module {module}")
    node: ast.AST = tree(file)
    for part in path.split("."):
        inside = [one for one in getattr(node, "body", ()) if getattr(one, "name", "") == part]
        if not inside:
            raise Untrue(f"{module} has no {path}")
        node = inside[0]
    words = path.split(".")
    if earlier and path != "command" and not any(words[0] in mentioned(other) for other in earlier):
        raise Untrue(f"no earlier step's file names {name}; the way of a cell is another one")
    assert isinstance(node, (ast.FunctionDef, ast.ClassDef))
    place = file.relative_to(blocks.ROOT)
    return f"[`{place.relative_to('core/soundstage')}`](../{place}) `{path}`: {sentence(node, name)}"


def mentioned(name: str) -> set[str]:
    """Every name in a step's file, but for those that it defines."""
    file = CORE / Path(*name.partition(":")[0].split("."))
    found = tree(file / "__init__.py" if file.is_dir() else file.with_suffix(".py"))
    names = {node.id for node in ast.walk(found) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(found) if isinstance(node, ast.Attribute)}
    return names | {alias.name for node in ast.walk(found) if isinstance(node, ast.ImportFrom) for alias in node.names}


def way() -> str:
    """The way of a cell, file by file."""
    lines: list[str] = []
    passed: list[str] = []
    for title, names in WAY.items():
        lines += [f"**{title}**", ""]
        for name in names:
            lines.append(f"{len(passed) + 1}. {step(name, passed)}")
            passed.append(name)
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


BLOCKS = {"rooms": rooms, "way": way}


def main() -> int:
    """Write the page, or check it."""
    checking = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not checking:
        print("usage: python tools/architecture.py [--check]", file=sys.stderr)
        return 2
    try:
        stale = [name for name, made in BLOCKS.items() if made() != blocks.block(PAGE, name)]
        shown = PICTURE.read_text(encoding="utf-8") if PICTURE.exists() else ""
        if not checking:
            for name in stale:
                blocks.put(PAGE, name, BLOCKS[name]())
            PICTURE.write_text(picture(), encoding="utf-8")
        elif picture() != shown:
            stale.append("picture")
    except Untrue as error:
        print(f"docs/architecture.md cannot be true: {error}; mend the code, or WAY in tools/architecture.py")
        return 1
    if checking and stale:
        print(f"docs/architecture.md shows what was ({', '.join(stale)}); write it again with: make architecture")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
