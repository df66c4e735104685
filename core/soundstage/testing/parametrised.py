"""A test of pytest's for each check of a plugin."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from soundstage.contracts import Kind
from soundstage.testing.kit import Conformance, checks_of
from soundstage.testing.results import Failed

OPTION = "--soundstage-thorough"


def conformance(
    *,
    separator: Any = None,
    metric: Any = None,
    spatializer: Any = None,
    dataset: Any = None,
    placement: Any = None,
    leave_out: Collection[str] = (),
    device: str = "cpu",
    registry: Sequence[str | Path] = (),
) -> Callable[..., None]:
    """A parametrised test function: a test for each check of the one plugin that is given.

        test_my_model = conformance(separator="mymodel")

    separator, metric, spatializer, dataset, placement: the one plugin, as for `check_separator`; it is looked up when
    the first of the tests runs. leave_out: names of checks that are not to be tests. device, registry: as there.
    `pytest --soundstage-thorough` also does what takes minutes or gigabytes. Raises ValueError unless exactly one
    plugin is given, or for a check that there is none of.
    """
    import pytest

    given: dict[Kind, Any] = {
        "separators": separator,
        "metrics": metric,
        "spatializers": spatializer,
        "datasets": dataset,
        "placements": placement,
    }
    found = [(kind, plugin) for kind, plugin in given.items() if plugin is not None]
    if len(found) != 1:
        raise ValueError('give one plugin, as in conformance(separator="mymodel")')
    [(kind, plugin)] = found
    names = [check.name for check in checks_of(kind)]
    if unknown := sorted(set(leave_out) - set(names)):
        raise ValueError(f"there is no check {', '.join(unknown)}; the checks are {', '.join(names)}")
    shared: list[Conformance] = []

    @pytest.mark.parametrize("check", [name for name in names if name not in leave_out])
    def test(check: str, request: pytest.FixtureRequest) -> None:
        if not shared:
            thorough = bool(request.config.getoption(OPTION, default=False))
            shared.append(Conformance(kind, plugin, thorough=thorough, device=device, registry=registry))
        result = shared[0].result(check)
        if result.outcome == "skipped":
            pytest.skip(result.sentence)
        if result.outcome == "failed":
            raise Failed(f"{result.promise}\nIt does not: {result.sentence}")

    test.__doc__ = f"What every one of the {kind} promises, check by check."
    return test
