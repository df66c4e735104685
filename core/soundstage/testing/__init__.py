"""What plugin authors test with: named checks, by the harness's own functions, of whether a plugin is right.

Public: what is imported from here keeps its name. May import: running, planning, catalogue, pipeline, audiometry,
results and the ground floor.

    from soundstage.testing import conformance

    test_my_model = conformance(separator="mymodel")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soundstage.testing.kit import Conformance as Conformance
    from soundstage.testing.kit import check_dataset as check_dataset
    from soundstage.testing.kit import check_metric as check_metric
    from soundstage.testing.kit import check_placement as check_placement
    from soundstage.testing.kit import check_separator as check_separator
    from soundstage.testing.kit import check_spatializer as check_spatializer
    from soundstage.testing.parametrised import conformance as conformance
    from soundstage.testing.results import Report as Report
    from soundstage.testing.results import Result as Result

_HOMES = {
    "check_dataset": "kit",
    "check_metric": "kit",
    "check_placement": "kit",
    "check_separator": "kit",
    "check_spatializer": "kit",
    "conformance": "parametrised",
    "Conformance": "kit",
    "Report": "results",
    "Result": "results",
}

__all__ = [
    *("Conformance", "Report", "Result", "conformance"),
    *("check_dataset", "check_metric", "check_placement", "check_separator", "check_spatializer"),
]


def __getattr__(name: str) -> Any:
    """Public names load when first used, so that the pytest plugin costs others nothing."""
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"soundstage.testing.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'soundstage.testing' has no attribute '{name}'")
