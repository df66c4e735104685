"""Writes the table of training presets in docs/training.md from the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import blocks
from soundstage.catalogue.registry import Registry

PAGE = blocks.ROOT / "docs" / "training.md"
NAME = "presets"


def text() -> str:
    """The table: each preset, what it is, its model and data, and how long an example and how large a batch is."""
    lines = ["| preset | what it is | model | trained on | example | batch |", "| --- | --- | --- | --- | --- | --- |"]
    for name, preset in Registry.load().sections["training"].items():
        lines.append(f"| `{name}` | {_said(preset.table)} |")
    return "\n".join(lines) + "\n"


def _said(table: Mapping[str, Any]) -> str:
    cells = [
        table["summary"],
        f"`{table['model']}`",
        f"`{', '.join(table['datasets'])}`",
        f"{table['seconds']} s",
        str(table["batch"]),
    ]
    return " | ".join(cells)


if __name__ == "__main__":
    blocks.put(PAGE, NAME, text())
