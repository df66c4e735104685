"""TOML that people write: read with whatever an editor leaves in it, and taken apart key by key.

Whoever reads a table asks a `Table` for each key by its type; what is left over when it is closed is unknown. Every
error is one sentence that names the file, the key, the value and the form.
"""

from __future__ import annotations

import difflib
import math
import re
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from soundstage.errors import SoundstageError, suggestion

DEEPEST = 32
"""Tables and lists within each other, more than anybody writes and fewer than what Python can take apart."""

LARGEST = 2**63 - 1
"""The largest whole number of TOML."""

SHOWN = 60
"""Characters of a value that an error shows."""

Plain = (bool, int, float, str)

WINDOWS = re.compile(r"[A-Za-z]:(\\.*)?[\b\t\n\f\r]", re.DOTALL)
"""A path such as C:\\temp in double quotes, which is valid TOML and holds a tabulator."""


def read(file: Path, parse_float: Callable[[str], float] = float) -> dict[str, Any]:
    """The parsed TOML file; a byte order mark is no part of it. Raises SoundstageError naming the file and the place.

    Only regular files are read: a pipe or a device would never end.
    """
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise SoundstageError(f"{file}: not a file; give the path of a TOML file")
        raw = file.read_bytes()
    except FileNotFoundError:
        raise SoundstageError(f"{file}: no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SoundstageError(f"{file}: cannot be read ({reason}); check the path") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = "it looks like UTF-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else f"byte {error.start} is none of it"
        raise SoundstageError(f"{file}: not UTF-8 ({what}); save it as UTF-8") from None
    return parse(text, str(file), parse_float)


def parse(text: str, file: str, parse_float: Callable[[str], float] = float) -> dict[str, Any]:
    """The parsed text. file: what errors call it. parse_float: makes numbers of texts with a point.

    Raises SoundstageError where it is not TOML, or holds what no key takes: numbers beyond 64 bits, NUL, tables in
    tables without end.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        found = tomllib.loads(text, parse_float=parse_float)
    except tomllib.TOMLDecodeError as error:
        raise SoundstageError(f"{file}: not valid TOML: {error}{_about_backslashes(text, error)}") from None
    except RecursionError:
        raise SoundstageError(f"{file}: holds lists or tables nested far too deeply; write them flat") from None
    except ValueError:  # of Python's own limit, which tomllib does not name
        raise SoundstageError(f"{file}: holds a number of thousands of digits; TOML's have 64 bits") from None
    _check(found, file)
    return found


def _about_backslashes(text: str, error: Exception) -> str:
    """What to do about the line of the error: most often a Windows path in double quotes."""
    number = re.search(r"\(at line (\d+),", str(error))
    lines = text.splitlines()
    line = lines[int(number[1]) - 1] if number and int(number[1]) <= len(lines) else ""
    if '"' in line and "\\" in line:
        return "; a backslash wants single quotes, as in root = 'C:\\songs'"
    return "; correct it there"


def _check(found: Mapping[str, Any], file: str) -> None:
    waiting: list[tuple[str, Any, int]] = [("", found, 0)]
    while waiting:
        place, value, depth = waiting.pop()
        where = f"{file}: {place}" if place else file
        if isinstance(value, (dict, list)) and depth > DEEPEST:
            raise SoundstageError(f"{file}: holds lists or tables nested more than {DEEPEST} deep; write them flat")
        if isinstance(value, dict):
            for key, inner in value.items():
                if "\0" in key:
                    raise SoundstageError(f"{where}: the key {shown(key)} holds the character NUL; take it out")
                waiting.append((below(place, key), inner, depth + 1))
        elif isinstance(value, list):
            waiting += [(f"{place}[{index}]", inner, depth + 1) for index, inner in enumerate(value)]
        elif isinstance(value, str):
            if "\0" in value:
                raise SoundstageError(f"{where}: {shown(value)} holds the character NUL; take it out")
            if WINDOWS.match(value):
                raise SoundstageError(
                    f"{where}: {shown(value)} is a Windows path whose backslashes were read as other characters; a"
                    " backslash wants single quotes, as in root = 'C:\\songs'"
                )
        elif isinstance(value, int) and not -LARGEST - 1 <= value <= LARGEST:
            raise SoundstageError(f"{where}: {shown(value)} is beyond the whole numbers of TOML, which have 64 bits")


def shown(value: Any) -> str:
    """The value as an error shows it: escaped, and never long."""
    if type(value) is int and value.bit_length() > 200:
        return f"a whole number of {value.bit_length()} bits"
    try:
        text = repr(value)
    except (RecursionError, ValueError):
        return f"a {type(value).__name__}"
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def below(place: str, key: str) -> str:
    """The dotted place of a key in the table at `place`."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", key):
        key = (
            '"' + key.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"' if "\0" in key else f'"{key}"'
        )
    return f"{place}.{key}" if place else key


class Table:
    """A table whose keys are taken out by type, so that what is left over is unknown.

    source: the file, or what else the table is of, as errors name it. key: where the table stands there.
    """

    def __init__(self, table: object, source: str, key: str = "") -> None:
        self.source, self.key = source, key
        if not isinstance(table, Mapping):
            raise SoundstageError(f"{source}: {key or 'what it holds'} is {shown(table)}, not a table; write [{key}]")
        self.left: dict[str, Any] = {str(name): value for name, value in table.items()}
        self.asked: list[str] = []

    def refuse(self, key: str, why: str) -> NoReturn:
        """Raise SoundstageError about a key, or about the table itself where the key is empty."""
        place = below(self.key, key) if key and not re.match(r".*\[\d+\]$", key) else f"{self.key}.{key}".strip(".")
        raise SoundstageError(f"{self.source}: {place}: {why}" if place else f"{self.source}: {why}")

    def take(self, key: str, kind: type | tuple[type, ...], form: str, default: Any, required: bool = False) -> Any:
        """The key's value, which must be of that kind; form: how it is written."""
        self.asked.append(key)
        if key not in self.left:
            if required:
                self.missing(key, f"write {key} = {form}")
            return default
        value = self.left.pop(key)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.refuse(key, f"is {shown(value)}; write {key} = {form}")
        return value

    def missing(self, key: str, remedy: str) -> NoReturn:
        """Refuse a table without the key, and say which of those it has may be meant."""
        near = difflib.get_close_matches(key, self.left, n=1, cutoff=0.7)
        self.refuse(key, "is missing" + (f" (is '{near[0]}' meant to be it?)" if near else "") + f"; {remedy}")

    def text(self, key: str, required: bool = False) -> str:
        """A text; empty where there is none."""
        value: str = self.take(key, str, '"…"', "", required)
        if "\0" in value:
            self.refuse(key, f"{shown(value)} holds the character NUL; take it out")
        return value

    def choice(self, key: str, choices: Sequence[str], default: str) -> str:
        """One of a few texts."""
        value = self.text(key) if key in self.left else default
        self.asked.append(key)
        if value not in choices:
            self.refuse(key, f"cannot be '{value}'{suggestion(value, choices)}")
        return value

    def flag(self, key: str) -> bool:
        """True or false; false where nothing is said."""
        return bool(self.take(key, bool, "true or false", False))

    def whole(self, key: str, default: int = 0, least: int = 0) -> int:
        """A whole number of at least so much."""
        return self._whole(key, self.take(key, int, "a whole number", default), least)

    def _whole(self, key: str, value: int, least: int) -> int:
        if value < least:
            why = "that is not negative" if least == 0 else f"of at least {least}"
            self.refuse(key, f"is {shown(value)}; write a whole number {why}")
        if value > LARGEST:
            self.refuse(key, f"is {shown(value)}; write a whole number of at most 64 bits")
        return value

    def wholes(self, key: str, default: Sequence[int], least: int = 0) -> tuple[int, ...]:
        """Whole numbers, at least one, none of them twice."""
        values = self.take(key, (list, tuple), f"[{least}]", list(default))
        if not values:
            self.refuse(key, f"is empty; write {key} = [{least}]")
        for value in values:
            if type(value) is not int:
                self.refuse(key, f"holds {shown(value)}; every entry must be a whole number, as in {key} = [{least}]")
            self._whole(key, value, least)
        return self._once(key, values)

    def number_above(self, key: str, floor: float) -> float:
        """A finite number above so much."""
        value = self.take(key, (int, float), f"a number above {floor:g}", None, required=True)
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
        if not floor < value < math.inf:
            self.refuse(key, f"is {value}; write a finite number above {floor:g}")
        return value

    def texts(self, key: str, required: bool = False, default: Sequence[str] = ()) -> tuple[str, ...]:
        """Texts in a list."""
        values = self.take(key, (list, tuple), '["…", "…"]', list(default), required)
        for value in values:
            if not isinstance(value, str):
                self.refuse(key, f"holds {shown(value)}; every entry must be a text in quotes")
        return tuple(values)

    def names(self, key: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        """Texts in a list, at least one, none of them twice."""
        values = self.texts(key, required=not default, default=default)
        if not values:
            self.refuse(key, f'is empty; write {key} = ["…"]')
        return self._once(key, values)

    def _once(self, key: str, values: Sequence[Any]) -> tuple[Any, ...]:
        seen = set()
        for value in values:
            if value in seen:
                self.refuse(key, f"{shown(value)} stands twice; remove one")
            seen.add(value)
        return tuple(values)

    def parameters(self, key: str) -> dict[str, Any]:
        """A table of plain values: texts, numbers, true and false, and lists and tables of these."""
        found = dict(self.take(key, Mapping, "{ parameter = value }", {}))
        waiting: list[Any] = [found]
        while waiting:
            value = waiting.pop()
            if isinstance(value, Mapping):
                waiting += value.values()
            elif isinstance(value, (list, tuple)):
                waiting += value
            elif value is not None and not isinstance(value, (*Plain, Path)):
                self.refuse(
                    key, f"holds {shown(value)}; a parameter is a text, a number, true or false; put it in quotes"
                )
        return found

    def table(self, key: str, required: bool = False) -> Table:
        """A table of its own; an empty one where there is none."""
        place = below(self.key, key)
        found = self.take(key, Mapping, f"…, as a table of its own: [{place}]", {}, required)
        return Table(found, self.source, place)

    def tables(self, key: str) -> Iterator[tuple[str, Table]]:
        """The tables in a table, by name."""
        inside = self.table(key)
        for name in list(inside.left):
            yield name, inside.table(name)

    def list_of_tables(self, key: str) -> list[Table]:
        """One or more tables in a list."""
        found = self.take(
            key, (list, tuple), f"…, as tables of their own: [[{below(self.key, key)}]]", [], required=True
        )
        if not found or not all(isinstance(one, Mapping) for one in found):
            self.refuse(key, f"must be one or more tables, each under [[{below(self.key, key)}]]")
        return [Table(one, self.source, f"{below(self.key, key)}[{index}]") for index, one in enumerate(found)]

    def close(self, hint: str = "") -> None:
        """Raise SoundstageError where a key is left that nobody asked for."""
        for key in self.left:
            self.refuse(key, f"is no key here{suggestion(key, self.asked)}{hint}")
