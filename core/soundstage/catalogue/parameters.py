"""Variants and parameters: `name[param=value,…]`, checked and converted against a plugin's constructor."""

from __future__ import annotations

import inspect
import math
import types
import typing
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundstage.errors import SoundstageError, suggestion
from soundstage.names import expanded
from soundstage.toml import LARGEST, shown


@dataclass(frozen=True, slots=True)
class Parameter:
    """One constructor parameter of a plugin."""

    name: str
    annotation: Any
    default: Any
    required: bool

    @property
    def is_path(self) -> bool:
        """Whether its values are files or folders, whose contents and not names make a result."""
        return any(option is Path for option in _options(self.annotation))

    def describe(self) -> str:
        """`name: type = default`, as `soundstage show` prints it."""
        text = f"{self.name}: {_type_name(self.annotation)}"
        return text if self.required else f"{text} = {self.default!r}"


_KNOWN: weakref.WeakKeyDictionary[type, Mapping[str, Parameter]] = weakref.WeakKeyDictionary()
"""What was found out about a class: a plan asks for it at every cell."""


def constructor_parameters(plugin_class: type) -> Mapping[str, Parameter]:
    """The constructor's parameters by name. *args and **kwargs are passed over."""
    if plugin_class not in _KNOWN:
        _KNOWN[plugin_class] = _constructor_parameters(plugin_class)
    return _KNOWN[plugin_class]


def _constructor_parameters(plugin_class: type) -> dict[str, Parameter]:
    if plugin_class.__init__ is object.__init__:  # type: ignore[misc]
        return {}
    signature = inspect.signature(plugin_class)
    try:
        hints = typing.get_type_hints(plugin_class.__init__)  # type: ignore[misc]
    except NameError:
        hints = {}
    return {
        parameter.name: Parameter(
            parameter.name,
            hints.get(parameter.name, Any),
            None if parameter.default is parameter.empty else parameter.default,
            parameter.default is parameter.empty,
        )
        for parameter in signature.parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }


def checked(
    given: Mapping[str, Any], parameters: Mapping[str, Parameter], what: str, base: Path | None
) -> dict[str, Any]:
    """The given values converted to what the constructor's annotations say.

    what: whose parameters, for the error's sentence. base: the folder relative paths start from; None is the current
    one. Raises SoundstageError for an unknown name or a value of the wrong type.
    """
    for name in given:
        if name not in parameters:
            raise SoundstageError(f"{what} has no parameter '{name}'{suggestion(name, parameters)}")
    return {name: _converted(value, parameters[name], what, base) for name, value in given.items()}


def _converted(value: Any, parameter: Parameter, what: str, base: Path | None) -> Any:
    if parameter.annotation is Any and not (isinstance(value, float) and not math.isfinite(value)):
        return value
    for option in _options(parameter.annotation):
        try:
            return _as(value, option, base)
        except (TypeError, ValueError, OverflowError):
            continue
    raise SoundstageError(
        f"{what}: parameter '{parameter.name}' cannot be {shown(value)}; it takes {_type_name(parameter.annotation)}"
    )


def _as(value: Any, option: Any, base: Path | None) -> Any:
    if option is type(None):
        if value is None or (isinstance(value, str) and value.lower() == "none"):
            return None
        raise TypeError
    if option is bool:
        words = {"true": True, "false": False}
        return (
            value
            if isinstance(value, bool)
            else words[_text(value).lower()]
            if _text(value).lower() in words
            else _refuse()
        )
    if isinstance(value, bool):
        raise TypeError
    if option is int:
        if isinstance(value, float) and not value.is_integer():  # of inf and nan too
            raise ValueError
        return _in_64_bits(int(value))
    if option is float:
        return float(value) if math.isfinite(float(value)) else _refuse()
    if option is str:
        return _text(value)
    if option is Path:
        return expanded(value, base)
    if typing.get_origin(option) is typing.Literal:
        for choice in typing.get_args(option):
            if str(value) == str(choice):
                return choice
        raise ValueError
    if typing.get_origin(option) is tuple and isinstance(value, (list, tuple, str)):
        items = [item.strip() for item in value.split("+")] if isinstance(value, str) else value
        return tuple(_as(item, typing.get_args(option)[0], base) for item in items)
    if typing.get_origin(option) is Mapping and isinstance(value, Mapping):
        return {_text(key): _as(item, typing.get_args(option)[1], base) for key, item in value.items()}
    raise TypeError


def _in_64_bits(value: int) -> int:
    """The number, which addresses, lock files and tables must be able to hold."""
    return value if abs(value) <= LARGEST else _refuse()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _refuse()


def _refuse() -> typing.NoReturn:
    raise TypeError


def _options(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, None first so that the text `none` is not taken for a path."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(sorted(typing.get_args(annotation), key=lambda option: option is not type(None)))
    return (annotation,)


def _type_name(annotation: Any) -> str:
    if annotation is Any:
        return "any value"
    names = []
    for option in sorted(_options(annotation), key=lambda option: option is type(None)):
        if typing.get_origin(option) is typing.Literal:
            names += [repr(choice) for choice in typing.get_args(option)]
        elif option is type(None):
            names.append("none")
        elif option is Path:
            names.append("path")
        elif typing.get_origin(option) is Mapping:
            names.append("table (in a TOML entry's params)")
        else:
            names.append(option.__name__ if isinstance(option, type) and not typing.get_args(option) else str(option))
    return " or ".join(names)
