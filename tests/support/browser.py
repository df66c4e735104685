"""Pages opened in headless Chromium as a reader opens them from disk, with all that they asked for and complained of.

Chromium is the system's own (Debian's package, or what $CHROMIUM names): nothing is downloaded.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Opened:
    """A page. requests: every address that it asked for; complaints: errors, warnings and uncaught exceptions."""

    page: Page
    folder: Path
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def check_quiet(self) -> None:
        """Nothing came from elsewhere than the page's own folder, and nothing was complained of."""
        own = (self.folder.as_uri() + "/", "data:", "blob:")
        assert [address for address in self.requests if not address.startswith(own)] == []
        assert self.complaints == []


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser; skips, saying so, where there is none."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium here: install Debian's package `chromium`, or name one in $CHROMIUM")
    driver = pytest.importorskip("playwright.sync_api", reason="pip install 'soundstage[browser]' drives Chromium")
    with driver.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Callable[..., Opened]]:
    """Opens a page from disk: `opened(path, width=360, dark=True)`. Each has a profile of its own."""
    contexts = []

    def open_page(
        path: Path,
        *,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        motion: Literal["reduce", "no-preference"] = "reduce",
        **options: Any,
    ) -> Opened:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion=motion,
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        found = Opened(page, path.resolve().parent)
        page.on("request", lambda request: found.requests.append(request.url))
        page.on(
            "console",
            lambda message: (
                found.complaints.append(message.text) if message.type in ("error", "warning", "assert") else None
            ),
        )
        page.on("pageerror", lambda error: found.complaints.append(str(error)))
        page.goto(path.resolve().as_uri())
        return found

    yield open_page
    for context in contexts:
        context.close()
