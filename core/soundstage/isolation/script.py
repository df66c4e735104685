"""Scripts: one Python file with PEP 723 metadata that defines `load(**params)`, read without running it.

A separator script's load() returns a separator, a metric script's a metric.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from soundstage import toml
from soundstage.errors import SoundstageError
from soundstage.toml import shown

BLOCK = re.compile(r"(?m)^# /// script[ \t]*\r?\n(?P<content>(?:^#(?:| .*)\r?\n)+?)^# ///[ \t]*\r?$")
"""The inline metadata of PEP 723."""

CONSTANTS = (
    *("sources", "rate", "needs", "named", "role", "revision", "files", "trained_on"),
    *("measures", "compares_channels"),
)
"""What a script may say of itself at its top level, as literals. files: the paths below which its weights lie, with its
parameters in braces, as in "{folder}/{model}"; without it, all its path parameters."""

_TYPES: dict[str, Any] = {"int": int, "float": float, "str": str, "bool": bool, "Path": Path, "None": None}


@dataclass(frozen=True, slots=True)
class Script:
    """What a script says of itself."""

    path: Path
    sha256: str
    """Of the file's bytes."""

    metadata: str
    """The text between its `# ///` lines, without the `# `."""

    dependencies: tuple[str, ...]
    """The requirements that the metadata lists."""

    parameters: tuple[inspect.Parameter, ...]
    """Those of its `load`."""

    constants: Mapping[str, Any]
    """What it says in the names CONSTANTS."""

    summary: str
    """The first line of its docstring."""

    pins: tuple[str, ...] = ()
    """Requirements that its environment must meet besides, as a lock file has them; no part of its revision."""

    @property
    def revision(self) -> str:
        """What stands for its numbers in an address: its text; or the revision it declares, and its metadata."""
        declared = self.constants.get("revision")
        if declared is None:
            return f"script {self.sha256}"
        return f"{declared}, environment {hashlib.sha256(self.metadata.encode()).hexdigest()}"


def read_script(path: Path, pins: Sequence[str] = ()) -> Script:
    """The script's own account of itself; nothing of it is run. pins: see Script.

    Raises SoundstageError, naming the file, where it is not there, not Python, or lacks its metadata or its `load`.
    """
    if path.exists() and not path.is_file():
        raise SoundstageError(f"{path}: the script is not a file; check `script`")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SoundstageError(f"{path}: the script cannot be read ({error.strerror}); check `script`") from None
    text = raw.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    metadata, requirements = _metadata(path, text)
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise SoundstageError(f"{path}, line {error.lineno}: not valid Python: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise SoundstageError(f"{path}: not valid Python: {str(error) or 'it is nested too deeply'}") from None
    loads = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "load"]
    if not loads:
        raise SoundstageError(
            f"{path}: defines no load(); a script defines load(**params), which returns an object with"
            " separate(mixture, rate), or a metric with prepare(scene)"
        )
    summary = (ast.get_docstring(tree) or "").partition("\n")[0]
    return Script(
        path,
        hashlib.sha256(raw).hexdigest(),
        metadata,
        tuple(canonicalize_name(one.name) for one in requirements),
        _parameters(path, loads[-1]),
        _constants(path, tree),
        summary,
        tuple(pins),
    )


def _metadata(path: Path, text: str) -> tuple[str, tuple[Requirement, ...]]:
    """The text of the script's metadata, and what it requires."""
    blocks = list(BLOCK.finditer(text))
    if len(blocks) != 1:
        found = "no" if not blocks else f"{len(blocks)}"
        raise SoundstageError(
            f"{path}: {found} `# /// script` blocks where one was expected; a script begins with PEP 723"
            " metadata (requires-python and dependencies)"
        )
    lines = blocks[0]["content"].splitlines()
    metadata = "\n".join(line[2:] if line.startswith("# ") else line[1:] for line in lines) + "\n"
    table = toml.parse(metadata, f"{path}, its `# /// script` block")
    return metadata, _requirements(path, table)


def _requirements(path: Path, table: Mapping[str, Any]) -> tuple[Requirement, ...]:
    """What the metadata requires, numpy among it."""
    texts = table.get("dependencies", [])
    if not isinstance(texts, list):
        raise SoundstageError(f'{path}: its dependencies must be a list, as in dependencies = ["numpy"]')
    found = []
    for text in texts:
        try:
            found.append(Requirement(text))
        except (InvalidRequirement, TypeError) as error:
            why = str(error).partition("\n")[0]
            raise SoundstageError(
                f"{path}: {shown(text)} among its dependencies is no requirement ({why}); write it as in 'torch>=2.6'"
            ) from None
    if "numpy" not in {canonicalize_name(one.name) for one in found}:
        raise SoundstageError(
            f"{path}: numpy is not among its dependencies; add it, for audio goes in and out as arrays"
        )
    wanted = table.get("requires-python", "")
    try:
        SpecifierSet(wanted)
    except (InvalidSpecifier, TypeError, AttributeError):
        raise SoundstageError(
            f'{path}: requires-python = {shown(wanted)} is no range of versions; write it as in ">=3.11"'
        ) from None
    return tuple(found)


def _parameters(path: Path, load: ast.FunctionDef) -> tuple[inspect.Parameter, ...]:
    arguments = load.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults)) + [*arguments.defaults]
    found = []
    for argument, default in zip(
        [*positional, *arguments.kwonlyargs], [*defaults, *arguments.kw_defaults], strict=True
    ):
        try:
            value = inspect.Parameter.empty if default is None else ast.literal_eval(default)
        except ValueError:
            raise SoundstageError(
                f"{path}, line {argument.lineno}: the default of load()'s '{argument.arg}' must be a literal"
            ) from None
        found.append(
            inspect.Parameter(
                argument.arg, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=_annotation(argument.annotation)
            )
        )
    return tuple(found)


def _annotation(node: ast.expr | None) -> Any:
    """The types that parameters may have, out of their source text; Any for everything else."""
    match node:
        case ast.Constant(value=None):
            return None
        case ast.Name(id=name) if name in _TYPES:
            return _TYPES[name]
        case ast.Attribute(attr="Path"):
            return Path
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            options = _annotation(left), _annotation(right)
            return Any if Any in options else typing.Union[options]  # noqa: UP007  (built at run time)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            try:
                values = ast.literal_eval(choices)
            except ValueError:
                return Any
            return Literal[values]
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            option = _annotation(inner)
            return Any if option is Any else typing.Optional[option]  # noqa: UP045
        case ast.Subscript(value=ast.Name(id="tuple" | "Tuple"), slice=ast.Tuple(elts=[inner, ast.Constant()])):
            option = _annotation(inner)
            return tuple.__class_getitem__((option, ...))
    return Any


def _constants(path: Path, tree: ast.Module) -> dict[str, Any]:
    found = {}
    for node in tree.body:
        targets: Sequence[ast.expr] = ()
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Name) and target.id in CONSTANTS:
                try:
                    found[target.id] = ast.literal_eval(node.value)  # type: ignore[attr-defined]
                except ValueError:
                    raise SoundstageError(
                        f"{path}, line {node.lineno}: {target.id} must be a literal; what is known only after loading"
                        " belongs on the object that load() returns"
                    ) from None
    return found
