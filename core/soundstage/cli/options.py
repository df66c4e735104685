"""Results folders on the command line: paths, or URLs of object stores."""

from __future__ import annotations

from typing import Any

import click


def folder(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """A click callback: the text, or each of several, as a path, or the URL as it stands."""
    from soundstage.results.files import location

    if isinstance(value, tuple):
        return tuple(location(one) for one in value)
    return None if value is None else location(value)
