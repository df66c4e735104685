"""Writes the cards of the built-in metrics into docs/audiometry.md, and the figure beside it.

    python tools/cards.py [RESULTS]

RESULTS: a folder that holds, or is to hold, the results of the grid `audiometry`; without it they are made anew.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import blocks
import soundstage
from soundstage.catalogue.registry import Registry
from soundstage.planning.identity import revision
from soundstage.report.cards import figures, plain
from soundstage.report.figures.style import save, styled

PAGE = blocks.ROOT / "docs" / "audiometry.md"
FIGURE = PAGE.with_suffix(".png")
NAME = "cards"
GRID = "audiometry"


def revisions() -> str:
    """What the cards depend on: the revisions of grid, probes and metrics."""
    registry = Registry.load([])
    grid = registry.grids[GRID].table
    metrics = [registry.choose("metrics", name) for name in grid["metrics"]]
    probe = registry.choose("separators", "probe[kind=none]")
    said = [f"{choice.label} {revision(choice.plugin.load())}" for choice in (probe, *metrics)]
    return f"Revisions: grid {grid['revision']}, {', '.join(said)}."


def main() -> int:
    """Write the block and the figure."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder)
        found = soundstage.metric_cards(out=results, workers=2)
    with styled():
        save(figures.audiogram(found), FIGURE, "png")
    cards = plain.format_markdown(found, level=3)
    blocks.put(PAGE, NAME, f"{revisions()} {cards}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
