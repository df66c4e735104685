"""Variants of an entry as a grid or a command line writes them: `name[param=value,…]`."""

from __future__ import annotations

from soundstage.errors import SoundstageError


def parse_variant(text: str) -> tuple[str, dict[str, str]]:
    """The name and the raw parameters of `name[param=value,…]`; values may be quoted, and then hold commas.

    Raises SoundstageError that shows the text and the form expected.
    """
    name, bracket, rest = text.strip().partition("[")
    name = name.strip()
    if not name or (bracket and not rest.endswith("]")) or "]" in name:
        raise SoundstageError(f"'{text}' is not a variant; write name or name[parameter=value,…]")
    parameters: dict[str, str] = {}
    for part in split_variants(rest[:-1]) if bracket else []:
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise SoundstageError(f"'{part}' in '{text}' is not a parameter; write {name}[parameter=value,…]")
        if key.strip() in parameters:
            raise SoundstageError(f"parameter '{key.strip()}' stands twice in '{text}'")
        parameters[key.strip()] = unquoted(value.strip())
    return name, parameters


def split_variants(text: str) -> list[str]:
    """The comma-separated parts of the text; commas inside quotes or inner brackets do not separate.

    A quote begins where a name or a value may, and ends before a comma, a bracket or the end of the text: an apostrophe
    is none.
    """
    parts, depth, position, start = [], 0, 0, 0
    while position < len(text):
        character = text[position]
        if character in "'\"" and _may_begin(text[start:position]):
            position = _closing(text, position)
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
        position += 1
    parts.append(text[start:].strip())
    return [part for part in parts if part]


def unquoted(value: str) -> str:
    """The text without the quotes around it."""
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"" else value


def _may_begin(before: str) -> bool:
    return not before.strip() or before.rstrip()[-1] in "=,"


def _closing(text: str, opening: int) -> int:
    """Where the quote that opens there closes; there itself where none does."""
    at = text.find(text[opening], opening + 1)
    while at >= 0:
        after = text[at + 1 :].lstrip()
        if not after or after[0] in ",]}":
            return at
        at = text.find(text[opening], at + 1)
    return opening
