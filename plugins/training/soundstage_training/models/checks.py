"""What constructors of models refuse, in one way."""

from __future__ import annotations

from collections.abc import Sequence

from soundstage.errors import SoundstageError


def check_sources(sources: Sequence[str]) -> tuple[str, ...]:
    """The sources. Raises SoundstageError where there is none, or one twice."""
    found = tuple(sources)
    if isinstance(sources, str) or not found or len(set(found)) < len(found):
        raise SoundstageError(f"sources={sources!r}: name one or more, each once")
    return found


def check_range(name: str, value: float, least: float, most: float = float("inf")) -> None:
    """Raises SoundstageError where a value is outside of [least, most]."""
    if not least <= value <= most:
        bounds = f"{least:g} or more" if most == float("inf") else f"from {least:g} to {most:g}"
        raise SoundstageError(f"{name}={value:g}: must be {bounds}")
