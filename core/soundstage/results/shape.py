"""Whether a JSON value has the shape that a TypedDict declares, key by key."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any, Literal, NotRequired, Required, TypeVar, Union, cast, get_args, get_origin, get_type_hints
from typing import is_typeddict as _is_typed

Shape = TypeVar("Shape")

_HINTS: dict[type, dict[str, Any]] = {}


def shaped(value: Any, shape: type[Shape], what: str) -> Shape:
    """The value, which has the shape of that TypedDict. Keys that it does not declare are left in.

    Raises ValueError that begins with `what` and names the key where something is missing or of another type.
    """
    _check(value, shape, what)
    return cast("Shape", value)


def _check(value: Any, shape: Any, where: str) -> None:
    origin = get_origin(shape)
    if shape is Any:
        return
    if _is_typed(shape):
        _check_table(value, shape, where)
    elif origin in (NotRequired, Required):
        _check(value, get_args(shape)[0], where)
    elif origin in (Union, types.UnionType):
        _check_any(value, get_args(shape), where)
    elif origin is Literal:
        if value not in get_args(shape):
            raise ValueError(f"{where} is {value!r}, not one of {', '.join(map(str, get_args(shape)))}")
    elif origin is list:
        for index, one in enumerate(_of(value, list, where)):
            _check(one, get_args(shape)[0], f"{where}[{index}]")
    elif origin in (dict, Mapping):
        for key, one in _of(value, dict, where).items():
            _check(key, get_args(shape)[0], f"the key {key!r} of {where}")
            _check(one, get_args(shape)[1], f"{where}[{key!r}]")
    else:
        _check_plain(value, shape, where)


def _check_plain(value: Any, shape: Any, where: str) -> None:
    if shape is float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{where} is {value!r}, not a number")
    elif shape is type(None):
        if value is not None:
            raise ValueError(f"{where} is {value!r}, not null")
    elif not isinstance(value, shape) or (shape is int and isinstance(value, bool)):
        raise ValueError(f"{where} is {value!r}, not {shape.__name__}")


def _check_table(value: Any, shape: type, where: str) -> None:
    table = _of(value, dict, where)
    if shape not in _HINTS:
        _HINTS[shape] = get_type_hints(shape, include_extras=True)
    for key, kind in _HINTS[shape].items():
        if key in table:
            _check(table[key], kind, f"{where}.{key}")
        elif get_origin(kind) is not NotRequired and shape.__total__:  # type: ignore[attr-defined]
            raise ValueError(f"{where} lacks {key}")


def _check_any(value: Any, options: tuple[Any, ...], where: str) -> None:
    reasons = []
    for option in options:
        try:
            _check(value, option, where)
        except ValueError as error:
            reasons.append(str(error))
        else:
            return
    raise ValueError(reasons[0])


def _of(value: Any, kind: type, where: str) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{where} is {type(value).__name__}, not {kind.__name__}")
    return value
