"""Soundstage: does a music source separation model keep the spatial image of what it separates?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soundstage.api import compare as compare
    from soundstage.api import load as load
    from soundstage.api import metric_cards as metric_cards
    from soundstage.api import render as render
    from soundstage.api import run as run
    from soundstage.api import score as score
    from soundstage.api import write_report as write_report
    from soundstage.contracts import Degradation as Degradation
    from soundstage.contracts import Measure as Measure
    from soundstage.contracts import Score as Score
    from soundstage.errors import SoundstageError as SoundstageError
    from soundstage.hooks import hookimpl as hookimpl
    from soundstage.opened import PlannedGrid as PlannedGrid
    from soundstage.opened import ResultsFolder as ResultsFolder
    from soundstage.opened import Status as Status
    from soundstage.opened import open as open
    from soundstage.opened import plan as plan
    from soundstage.report.shown import Answer as Answer
    from soundstage.report.shown import Board as Board
    from soundstage.report.shown import Cards as Cards
    from soundstage.report.shown import Comparison as Comparison
    from soundstage.scene import Placement as Placement
    from soundstage.scene import Scene as Scene
    from soundstage.scene import Track as Track

_HOMES = {
    "run": "api",
    "compare": "api",
    "load": "api",
    "metric_cards": "api",
    "render": "api",
    "score": "api",
    "write_report": "api",
    "Degradation": "contracts",
    "Measure": "contracts",
    "Score": "contracts",
    "SoundstageError": "errors",
    "hookimpl": "hooks",
    "PlannedGrid": "opened",
    "ResultsFolder": "opened",
    "Status": "opened",
    "open": "opened",
    "plan": "opened",
    "Answer": "report.shown",
    "Board": "report.shown",
    "Cards": "report.shown",
    "Comparison": "report.shown",
    "Placement": "scene",
    "Scene": "scene",
    "Track": "scene",
}

__all__ = [
    *("Answer", "Board", "Cards", "Comparison", "Degradation", "Measure", "Placement", "PlannedGrid"),
    *("ResultsFolder", "Scene", "Score", "SoundstageError", "Status", "Track"),
    *("compare", "hookimpl", "load", "metric_cards", "open", "plan", "render", "run", "score", "write_report"),
]


def __getattr__(name: str) -> Any:
    """Public names load when first used, so that the command line starts fast."""
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"soundstage.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'soundstage' has no attribute '{name}'")
