"""Writes the cards of the built-in metrics into docs/audiometry.md, the figure beside it, and docs/metrics/*.png.

    python tools/cards.py [RESULTS]

RESULTS: a folder that holds, or is to hold, the results of the grid `audiometry`; without it they are made anew.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

import blocks
import soundstage
from soundstage.catalogue.registry import Registry
from soundstage.planning.identity import revision
from soundstage.report.cards import figures, plain
from soundstage.report.figures.style import save, styled

PAGE = blocks.ROOT / "docs" / "audiometry.md"
FIGURE = PAGE.with_suffix(".png")
PICTURES = blocks.ROOT / "docs" / "metrics"
PICTURED = {
    "sdr": "SDR",
    "si_sdr": "SI-SDR",
    "bsseval": "SDR",
    "spauq": "SSR",
    "interaural": "ITD_difference",
    "cues": "angular_error",
    "localization": "localization_error",
    "energies": "image_error",
    "leakage": "leakage",
    "community": "bleedless",
}
"""Whose response curves stand on a metric's page."""

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


def shrink(file: Path) -> None:
    """Keep a picture in few colours: a quarter of its size."""
    with Image.open(file) as picture:
        small = picture.convert("RGB").quantize(64, dither=Image.Dither.NONE)
    small.save(file, optimize=True)


def main() -> int:
    """Write the block and the figures."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder)
        found = soundstage.metric_cards(out=results, workers=2)
    with styled():
        save(figures.audiogram(found), FIGURE, "png")
        for card in found.cards:
            figure = figures.response_figure(card) if PICTURED.get(card.metric) == card.name else None
            if figure is not None:
                save(figure, PICTURES / f"{card.metric}.png", "png")
                shrink(PICTURES / f"{card.metric}.png")
    cards = plain.format_markdown(found, level=3)
    blocks.put(PAGE, NAME, f"{revisions()} {cards}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
