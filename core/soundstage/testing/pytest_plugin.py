"""What pytest loads of Soundstage in everybody's runs: an option, and how a failed check reads. Imports no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --soundstage-thorough."""
    group = parser.getgroup("soundstage")
    group.addoption(
        "--soundstage-thorough",
        action="store_true",
        help="Plugins' checks by soundstage.testing also do what takes minutes or gigabytes.",
    )


def pytest_exception_interact(call: pytest.CallInfo[Any], report: Any) -> None:
    """Show a failed check as its sentence, without the way to it through the kit."""
    raised = call.excinfo
    if raised is not None and raised.type.__module__ == "soundstage.testing.results":
        report.longrepr = str(raised.value)
